package webhook

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"strings"
	"time"
)

// generic is whoever can compute an HMAC: a CI job with curl and openssl, or a Git server without a format of its own. The header is
// X-Signature: sha256=<hex>, or sha512=<hex>, over the raw body. Everything in the body is optional, and so is the body.
type generic struct{}

func (generic) Name() string { return "generic" }

func (generic) Recognises(d *Delivery) bool {
	return d.Header.Get("X-Signature") != ""
}

func (generic) Verify(d *Delivery, secrets []Secret, _ time.Time) error {
	header := d.Header.Get("X-Signature")
	if strings.HasPrefix(header, "sha512=") {
		return verifyHex(header, "sha512=", sha512.New, d.Body, secrets)
	}
	return verifyHex(header, "sha256=", sha256.New, d.Body, secrets)
}

func (generic) URLs(d *Delivery) ([]string, error) {
	if empty(d.Body) {
		return nil, nil
	}
	var r genericRepository
	if err := fields(d.Body, map[string]any{"repository": &r}); err != nil {
		return nil, err
	}
	return r.urls(), nil
}

func (g generic) Parse(d *Delivery) (*Event, error) {
	e, err := newEvent(g, d, "push", "")
	if err != nil {
		return nil, err
	}
	var b genericBody
	if !empty(d.Body) {
		if err := decode(d.Body, &b); err != nil {
			return nil, err
		}
	}
	return b.event(e)
}

func empty(body []byte) bool {
	return len(bytes.TrimSpace(body)) == 0
}

// genericRepository is a URL, or an object that holds some.
type genericRepository struct {
	URL           string `json:"url"`
	CloneURL      string `json:"clone_url"`
	SSHURL        string `json:"ssh_url"`
	HTMLURL       string `json:"html_url"`
	DefaultBranch string `json:"default_branch"`
}

func (r *genericRepository) UnmarshalJSON(body []byte) error {
	if body[0] == '"' {
		return json.Unmarshal(body, &r.URL)
	}
	type object genericRepository
	return json.Unmarshal(body, (*object)(r))
}

func (r *genericRepository) urls() []string {
	return distinct(r.CloneURL, r.URL, r.SSHURL, r.HTMLURL)
}

type genericBody struct {
	Repository genericRepository `json:"repository"`
	Ref        string            `json:"ref"`
	Commit     string            `json:"commit"`
	After      string            `json:"after"`
	Deleted    bool              `json:"deleted"`
}

func (b *genericBody) event(e *Event) (*Event, error) {
	if b.Ref == "" {
		return e.push(b.Repository.DefaultBranch, 0, nil)
	}
	return e.push1(b.Repository.DefaultBranch, b.Ref, cmp.Or(b.Commit, b.After), b.Deleted)
}
