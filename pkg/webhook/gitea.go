package webhook

import (
	"crypto/sha256"
	"time"
)

// hub is Gitea or Forgejo. Both send the headers of GitHub and of Gogs as well, and Forgejo those of Gitea, too; where no secret is set,
// the headers for signatures are there and empty.
//
// https://docs.gitea.com/usage/webhooks and https://forgejo.org/docs/latest/user/webhooks
type hub struct {
	name, prefix string
}

var (
	gitea   = hub{name: "gitea", prefix: "X-Gitea-"}
	forgejo = hub{name: "forgejo", prefix: "X-Forgejo-"}
)

func (h hub) Name() string { return h.name }

func (h hub) Recognises(d *Delivery) bool {
	return h.header(d, "Event") != ""
}

func (h hub) header(d *Delivery, name string) string {
	return d.Header.Get(h.prefix + name)
}

// Verify wants the HMAC over the JSON: of a form both sign the field, and not the body as GitHub does. What is no form fits no signature.
func (h hub) Verify(d *Delivery, secrets []Secret, _ time.Time) error {
	body, err := payload(d)
	if err != nil {
		body = d.Body
	}
	return verifyHex(h.header(d, "Signature"), "", sha256.New, body, secrets)
}

func (h hub) URLs(d *Delivery) ([]string, error) {
	return hubURLs(d)
}

// Parse knows no ping: a test of either is a push of what the default branch has already. Deletions of branches come as "delete", with the
// short name.
func (h hub) Parse(d *Delivery) (*Event, error) {
	name := h.header(d, "Event")
	e, err := newEvent(h, d, name, h.header(d, "Delivery"))
	if err != nil {
		return nil, err
	}
	switch name {
	case "push":
		return hubPush(e, d)
	case "delete":
		return hubDelete(e, d)
	}
	return e, nil
}

func hubDelete(e *Event, d *Delivery) (*Event, error) {
	b, err := readHub(d)
	if err != nil {
		return nil, err
	}
	switch b.RefType {
	case "branch":
		return e.push1(b.Repository.DefaultBranch, branches+b.Ref, "", true)
	case "tag":
		return e.push1(b.Repository.DefaultBranch, tags+b.Ref, "", true)
	}
	return e, nil
}
