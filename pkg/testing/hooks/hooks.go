// Package hooks makes deliveries as Git providers send them: real headers, the shape of real bodies, real signatures. It shares no code with
// what reads them.
package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Push is what somebody pushed.
type Push struct {
	// URL of the repository, to clone from.
	URL string
	// Ref is the full name, and Commit where it points to since; deleted where that is empty.
	Ref, Commit string
	// ID of the delivery.
	ID string
}

// Delivery is a request of a provider.
type Delivery struct {
	Header http.Header
	Body   []byte
}

// Sender is a provider.
type Sender struct {
	Name string
	// Bare senders give their deliveries no ids.
	Bare bool
	form func(p Push) (map[string]string, map[string]any)
	sign func(d Delivery, secret string)
}

// Senders are all providers.
func Senders() []Sender {
	return []Sender{
		{Name: "github", form: github, sign: hub("X-Hub-Signature-256", "sha256=")},
		{Name: "gitea", form: gitea("X-Gitea-"), sign: hub("X-Gitea-Signature", "")},
		{Name: "forgejo", form: gitea("X-Forgejo-"), sign: hub("X-Forgejo-Signature", "")},
		{Name: "gitlab", form: gitlab, sign: token("X-Gitlab-Token")},
		{Name: "bitbucket", form: bitbucket, sign: hub("X-Hub-Signature", "sha256=")},
		{Name: "bitbucket-server", form: dataCenter, sign: hub("X-Hub-Signature", "sha256=")},
		{Name: "azure-devops", form: azure, sign: token("X-Nopea-Token")},
		{Name: "standard", form: generic, sign: signStandard},
		{Name: "generic", Bare: true, form: generic, sign: hub("X-Signature", "sha256=")},
	}
}

// GitHub is the one that most tests use.
func GitHub() Sender { return Senders()[0] }

// Push makes the delivery that tells of a push.
func (s Sender) Push(p Push, secret string) Delivery {
	header, body := s.form(p)
	return s.signed(header, encode(body), secret)
}

// Raw makes a delivery of any body, signed all the same.
func (s Sender) Raw(p Push, body []byte, secret string) Delivery {
	header, _ := s.form(p)
	return s.signed(header, body, secret)
}

func (s Sender) signed(header map[string]string, body []byte, secret string) Delivery {
	d := Delivery{Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
	for name, value := range header {
		d.Header.Set(name, value)
	}
	if secret != "" {
		s.sign(d, secret)
	}
	return d
}

// GitHubForm makes a delivery of GitHub's in the form of a form, whose signature is over the form.
func GitHubForm(p Push, secret string) Delivery {
	header, body := github(p)
	d := GitHub().signed(header, []byte(url.Values{"payload": {string(encode(body))}}.Encode()), secret)
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d
}

// GitHubPing makes GitHub's test.
func GitHubPing(p Push, secret string) Delivery {
	header, body := github(p)
	header["X-GitHub-Event"] = "ping"
	return GitHub().signed(header, encode(map[string]any{"zen": "Keep it logically awesome.", "hook_id": 7, "repository": body["repository"]}), secret)
}

// Request of the delivery to an address.
func (d Delivery) Request(ctx context.Context, address string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(d.Body))
	if err != nil {
		return nil, fmt.Errorf("make a delivery: %w", err)
	}
	request.Header = d.Header.Clone()
	return request, nil
}

func encode(body map[string]any) []byte {
	content, err := json.Marshal(body)
	if err != nil {
		panic(err) // it is made of strings
	}
	return content
}

func sum(secret string, content []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(content)
	return mac.Sum(nil)
}

func hub(header, prefix string) func(Delivery, string) {
	return func(d Delivery, secret string) { d.Header.Set(header, prefix+hex.EncodeToString(sum(secret, d.Body))) }
}

func token(header string) func(Delivery, string) {
	return func(d Delivery, secret string) { d.Header.Set(header, secret) }
}

func signStandard(d Delivery, secret string) {
	sent := strconv.FormatInt(time.Now().Unix(), 10)
	d.Header.Set("webhook-timestamp", sent)
	signed := append([]byte(d.Header.Get("webhook-id")+"."+sent+"."), d.Body...)
	d.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sum(secret, signed)))
}

const (
	zeros  = "0000000000000000000000000000000000000000"
	before = "1111111111111111111111111111111111111111"
)

func after(p Push) string {
	if p.Commit == "" {
		return zeros
	}
	return p.Commit
}

// parts of a URL: its host, and its path without .git.
func parts(address string) (host, path string) {
	u, err := url.Parse(address)
	if err != nil {
		return "", ""
	}
	return u.Hostname(), strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
}

func hubRepository(p Push) map[string]any {
	host, path := parts(p.URL)
	return map[string]any{
		"id": 186853002, "full_name": path, "private": true, "default_branch": "main", "html_url": strings.TrimSuffix(p.URL, ".git"),
		"clone_url": p.URL, "ssh_url": "git@" + host + ":" + path + ".git", "git_url": "git://" + host + "/" + path + ".git",
	}
}

func github(p Push) (map[string]string, map[string]any) {
	return map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": p.ID, "X-GitHub-Hook-ID": "292430182", "User-Agent": "GitHub-Hookshot/044aadd"},
		map[string]any{
			"ref": p.Ref, "before": before, "after": after(p), "created": false, "deleted": p.Commit == "", "forced": false, "base_ref": nil,
			"repository": hubRepository(p), "pusher": map[string]any{"name": "kim", "email": "kim@example.com"},
			"commits": []any{map[string]any{"id": p.Commit, "message": "Größe \u2028 <b>&</b>", "added": []string{"app.yaml"}}},
		}
}

func gitea(prefix string) func(p Push) (map[string]string, map[string]any) {
	return func(p Push) (map[string]string, map[string]any) {
		header := map[string]string{
			"X-GitHub-Event": "push", "X-GitHub-Delivery": p.ID, "X-Gogs-Event": "push", "X-Gogs-Delivery": p.ID, "X-Gogs-Signature": "",
			"X-Gitea-Event": "push", "X-Gitea-Delivery": p.ID, "X-Hub-Signature-256": "sha256=",
		}
		header[prefix+"Event"], header[prefix+"Delivery"] = "push", p.ID
		return header, map[string]any{
			"ref": p.Ref, "before": before, "after": after(p), "compare_url": "", "commits": []any{}, "total_commits": 1,
			"repository": hubRepository(p), "pusher": map[string]any{"id": 1, "login": "kim"},
		}
	}
}

func gitlab(p Push) (map[string]string, map[string]any) {
	host, path := parts(p.URL)
	var checkout any
	if p.Commit != "" {
		checkout = p.Commit
	}
	return map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": "13792a34-cac6-4fda-95a8-c58e00a3954e", "Idempotency-Key": p.ID},
		map[string]any{
			"object_kind": "push", "event_name": "push", "before": before, "after": after(p), "ref": p.Ref, "checkout_sha": checkout, "user_id": 4,
			"project": map[string]any{"id": 15, "git_http_url": p.URL, "git_ssh_url": "git@" + host + ":" + path + ".git",
				"web_url": strings.TrimSuffix(p.URL, ".git"), "path_with_namespace": path, "default_branch": "main"},
			"commits": []any{}, "total_commits_count": 1,
		}
}

func shortRef(ref string) (kind, name string) {
	if name, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		return "tag", name
	}
	return "branch", strings.TrimPrefix(ref, "refs/heads/")
}

func bitbucket(p Push) (map[string]string, map[string]any) {
	_, path := parts(p.URL)
	kind, name := shortRef(p.Ref)
	change := map[string]any{"old": map[string]any{"type": kind, "name": name}, "new": nil, "closed": p.Commit == ""}
	if p.Commit != "" {
		change["new"] = map[string]any{"type": kind, "name": name, "target": map[string]any{"type": "commit", "hash": p.Commit}}
	}
	return map[string]string{"X-Event-Key": "repo:push", "X-Hook-UUID": "{4f3d}", "X-Request-UUID": p.ID}, map[string]any{
		"push": map[string]any{"changes": []any{change}},
		"repository": map[string]any{"type": "repository", "full_name": path, "scm": "git",
			"links": map[string]any{"html": map[string]any{"href": strings.TrimSuffix(p.URL, ".git")}}},
	}
}

func dataCenter(p Push) (map[string]string, map[string]any) {
	host, path := parts(p.URL)
	kind := "UPDATE"
	if p.Commit == "" {
		kind = "DELETE"
	}
	return map[string]string{"X-Event-Key": "repo:refs_changed", "X-Request-Id": p.ID}, map[string]any{
		"eventKey": "repo:refs_changed", "date": "2026-11-24T12:00:00+0000",
		"repository": map[string]any{"slug": "shop", "links": map[string]any{"clone": []any{
			map[string]any{"name": "http", "href": p.URL}, map[string]any{"name": "ssh", "href": "ssh://git@" + host + ":7999/" + path + ".git"}}}},
		"changes": []any{map[string]any{"ref": map[string]any{"id": p.Ref}, "refId": p.Ref, "fromHash": before, "toHash": after(p), "type": kind}},
	}
}

func azure(p Push) (map[string]string, map[string]any) {
	return nil, map[string]any{
		"subscriptionId": "s", "notificationId": 3, "id": p.ID, "eventType": "git.push", "publisherId": "tfs",
		"resource": map[string]any{
			"refUpdates": []any{map[string]any{"name": p.Ref, "oldObjectId": before, "newObjectId": after(p)}},
			"repository": map[string]any{"id": "r", "name": "shop", "defaultBranch": "refs/heads/main", "remoteUrl": p.URL}, "pushId": 14,
		},
	}
}

func generic(p Push) (map[string]string, map[string]any) {
	return map[string]string{"webhook-id": p.ID}, map[string]any{"repository": p.URL, "ref": p.Ref, "commit": after(p)}
}
