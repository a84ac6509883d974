package webhook

import (
	"crypto/sha256"
	"time"
)

// github is GitHub, and GitHub Enterprise Server.
//
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
type github struct{}

func (github) Name() string { return "github" }

func (github) Recognises(d *Delivery) bool {
	return d.Header.Get("X-GitHub-Event") != ""
}

// Verify wants the HMAC of SHA-256 over the raw body; that of SHA-1, in X-Hub-Signature, is never enough.
func (github) Verify(d *Delivery, secrets []Secret, _ time.Time) error {
	return verifyHex(d.Header.Get("X-Hub-Signature-256"), "sha256=", sha256.New, d.Body, secrets)
}

func (github) URLs(d *Delivery) ([]string, error) {
	return hubURLs(d)
}

func (g github) Parse(d *Delivery) (*Event, error) {
	name := d.Header.Get("X-GitHub-Event")
	e, err := newEvent(g, d, name, d.Header.Get("X-GitHub-Delivery"))
	if err != nil {
		return nil, err
	}
	switch name {
	case "ping":
		e.Kind = Ping
	case "push":
		return hubPush(e, d)
	}
	return e, nil
}

// hubRepository is how GitHub, Gitea and Forgejo describe a repository.
type hubRepository struct {
	CloneURL      string `json:"clone_url"`
	SSHURL        string `json:"ssh_url"`
	GitURL        string `json:"git_url"`
	HTMLURL       string `json:"html_url"`
	DefaultBranch string `json:"default_branch"`
}

func hubURLs(d *Delivery) ([]string, error) {
	body, err := payload(d)
	if err != nil {
		return nil, err
	}
	var r hubRepository
	if err := fields(body, map[string]any{"repository": &r}); err != nil {
		return nil, err
	}
	return distinct(r.CloneURL, r.SSHURL, r.GitURL, r.HTMLURL), nil
}

type hubBody struct {
	Ref        string        `json:"ref"`
	RefType    string        `json:"ref_type"`
	After      string        `json:"after"`
	Deleted    bool          `json:"deleted"`
	Repository hubRepository `json:"repository"`
}

func hubPush(e *Event, d *Delivery) (*Event, error) {
	b, err := readHub(d)
	if err != nil {
		return nil, err
	}
	return e.push1(b.Repository.DefaultBranch, b.Ref, b.After, b.Deleted)
}

func readHub(d *Delivery) (hubBody, error) {
	var b hubBody
	body, err := payload(d)
	if err == nil {
		err = decode(body, &b)
	}
	return b, err
}
