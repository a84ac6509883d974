package webhook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"time"
)

// gitlab is GitLab: webhooks of projects and groups, and system hooks.
//
// https://docs.gitlab.com/user/project/integrations/webhook_events/ and https://docs.gitlab.com/administration/system_hooks/
type gitlab struct{}

func (gitlab) Name() string { return "gitlab" }

func (gitlab) Recognises(d *Delivery) bool {
	return d.Header.Get("X-Gitlab-Event") != ""
}

// Verify takes a signing token, by which GitLab signs as Standard Webhooks say, or the older secret token, which it sends as it is.
func (gitlab) Verify(d *Delivery, secrets []Secret, now time.Time) error {
	token := d.Header.Get("X-Gitlab-Token")
	if d.Header.Get("Webhook-Signature") != "" {
		if err := verifyStandard(d, secrets, now); err == nil || token == "" {
			return err
		}
	}
	return verifyToken(token, secrets)
}

type gitlabProject struct {
	HTTPURL       string `json:"git_http_url"`
	SSHURL        string `json:"git_ssh_url"`
	WebURL        string `json:"web_url"`
	URL           string `json:"url"`
	Homepage      string `json:"homepage"`
	DefaultBranch string `json:"default_branch"`
}

// URLs also look at "repository", which says the same in an older way.
func (gitlab) URLs(d *Delivery) ([]string, error) {
	var p, r gitlabProject
	if err := fields(d.Body, map[string]any{"project": &p, "repository": &r}); err != nil {
		return nil, err
	}
	return distinct(p.HTTPURL, p.SSHURL, p.WebURL, p.URL, p.Homepage, r.HTTPURL, r.SSHURL, r.URL, r.Homepage), nil
}

type gitlabBody struct {
	ObjectKind string `json:"object_kind"`
	EventName  string `json:"event_name"`
	gitlabChange
	Checkout json.RawMessage    `json:"checkout_sha"`
	Project  gitlabProject      `json:"project"`
	Changes  list[gitlabChange] `json:"changes"`
}

type gitlabChange struct {
	Ref   string `json:"ref"`
	After string `json:"after"`
}

// Parse goes by the body, which also tells the events of a system hook from each other; of one that is no push it reads no more than that,
// because other events have other things under the same names. The Idempotency-Key is the same when GitLab tries again.
func (g gitlab) Parse(d *Delivery) (*Event, error) {
	var kind struct {
		ObjectKind string `json:"object_kind"`
		EventName  string `json:"event_name"`
	}
	if err := decode(d.Body, &kind); err != nil {
		return nil, err
	}
	name := cmp.Or(kind.ObjectKind, kind.EventName)
	e, err := newEvent(g, d, name, cmp.Or(d.Header.Get("Idempotency-Key"), d.Header.Get("X-Gitlab-Event-UUID")))
	if err != nil {
		return nil, err
	}
	switch name {
	case "push", "tag_push", "repository_update":
		return gitlabPush(e, name, d.Body)
	}
	return e, nil
}

func gitlabPush(e *Event, name string, body []byte) (*Event, error) {
	var b gitlabBody
	if err := decode(body, &b); err != nil {
		return nil, err
	}
	if name == "repository_update" {
		// The one event of a system hook that tells of any number of refs.
		return e.push(b.Project.DefaultBranch, len(b.Changes), func(i int) (Change, error) {
			return newChange(b.Changes[i].Ref, b.Changes[i].After, false)
		})
	}
	return e.push1(b.Project.DefaultBranch, b.Ref, b.commit(), bytes.Equal(b.Checkout, []byte("null")))
}

// commit is the one that was checked out where there is one: of an annotated tag, "after" is the tag object.
func (b *gitlabBody) commit() string {
	var checkout string
	if json.Unmarshal(b.Checkout, &checkout) == nil && isCommit(checkout) {
		return checkout
	}
	return b.After
}
