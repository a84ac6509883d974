package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	noon   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	commit = strings.Repeat("0123456789", 4)
	other  = strings.Repeat("89abcdef", 5)
	long   = strings.Repeat("01234567", 8)
	zero   = strings.Repeat("0", 40)
)

// sender is a provider as it behaves: the headers it sends, and how it signs.
type sender struct {
	provider string
	header   map[string]string
	sign     func(h http.Header, body []byte, secret string)
}

func (s sender) send(body string, secret string) *Delivery {
	d := &Delivery{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	for name, value := range s.header {
		d.Header.Set(name, value)
	}
	if secret != "" {
		s.sign(d.Header, d.Body, secret)
	}
	return d
}

func (s sender) of(event string) sender {
	header := map[string]string{}
	for name, value := range s.header {
		if strings.HasSuffix(name, "-Event") || name == "X-Event-Key" {
			value = event
		}
		header[name] = value
	}
	s.header = header
	return s
}

func hexMAC(body []byte, secret string) string {
	return hex.EncodeToString(mac(sha256.New, []byte(secret), body))
}

func signHub(h http.Header, body []byte, secret string) {
	h.Set("X-Hub-Signature-256", "sha256="+hexMAC(body, secret))
}

func signGitea(h http.Header, body []byte, secret string) {
	if strings.Contains(h.Get("Content-Type"), "form") {
		form, _ := url.ParseQuery(string(body))
		body = []byte(form.Get("payload"))
	}
	for _, name := range []string{"X-Gitea-Signature", "X-Gogs-Signature"} {
		h.Set(name, hexMAC(body, secret))
	}
	if h.Get("X-Forgejo-Event") != "" {
		h.Set("X-Forgejo-Signature", hexMAC(body, secret))
	}
	signHub(h, body, secret)
}

func signBitbucket(h http.Header, body []byte, secret string) {
	h.Set("X-Hub-Signature", "sha256="+hexMAC(body, secret))
}

func signStandard(h http.Header, body []byte, secret string) {
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", strconv.FormatInt(noon.Unix(), 10))
	signed := append([]byte("msg_1."+h.Get("webhook-timestamp")+"."), body...)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac(sha256.New, standardKey(Secret(secret)), signed)))
}

const deliveryID = "f6266f16-1bf3-46a5-9ea4-602e06ead473"

var (
	fromGitHub = sender{"github", map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": deliveryID}, signHub}
	fromGitea  = sender{"gitea", map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": deliveryID, "X-Gogs-Event": "push",
		"X-Gitea-Event": "push", "X-Gitea-Delivery": deliveryID, "X-Gitea-Signature": "", "X-Hub-Signature-256": "sha256="}, signGitea}
	fromForgejo = sender{"forgejo", map[string]string{"X-GitHub-Event": "push", "X-Gogs-Event": "push", "X-Gitea-Event": "push",
		"X-Forgejo-Event": "push", "X-Forgejo-Delivery": deliveryID, "X-Forgejo-Signature": ""}, signGitea}
	fromGitLab = sender{"gitlab", map[string]string{"X-Gitlab-Event": "Push Hook", "Idempotency-Key": deliveryID,
		"X-Gitlab-Event-UUID": "x"},
		func(h http.Header, _ []byte, secret string) { h.Set("X-Gitlab-Token", secret) }}
	fromGitLabSigned = sender{"gitlab", fromGitLab.header, signStandard}
	fromBitbucket    = sender{"bitbucket", map[string]string{"X-Event-Key": "repo:push", "X-Hook-UUID": "h",
		"X-Request-UUID": deliveryID}, signBitbucket}
	fromDataCenter = sender{"bitbucket-server", map[string]string{"X-Event-Key": "repo:refs_changed", "X-Request-Id": deliveryID},
		signBitbucket}
	fromAzure = sender{"azure-devops", nil, func(h http.Header, _ []byte, secret string) {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("any:"+secret)))
	}}
	fromAzureToken = sender{"azure-devops", nil, func(h http.Header, _ []byte, secret string) { h.Set("X-Nopea-Token", secret) }}
	fromStandard   = sender{"standard", nil, signStandard}
	fromGeneric    = sender{"generic", nil, func(h http.Header, body []byte, secret string) {
		h.Set("X-Signature", "sha256="+hexMAC(body,
			secret))
	}}
)

// senders, each with a push of its own form.
var senders = []struct {
	sender
	body string
}{
	{fromGitHub, hubBodyOf("refs/heads/main", commit, "")}, {fromGitea, hubBodyOf("refs/heads/main", commit, "")},
	{fromForgejo, hubBodyOf("refs/heads/main", commit, "")}, {fromGitLab, gitlabBodyOf("push", "refs/heads/main", commit, `"`+commit+`"`)},
	{fromGitLabSigned, gitlabBodyOf("push", "refs/heads/main", commit, `"`+commit+`"`)},
	{fromBitbucket, bitbucketBodyOf(cloudChange("branch", "main", commit))}, {fromDataCenter,
		dataCenterBodyOf(serverChange("refs/heads/main", commit, "UPDATE"))},
	{fromAzure, azureBodyOf(azureUpdate("refs/heads/main", commit))}, {fromAzureToken, azureBodyOf(azureUpdate("refs/heads/main", commit))},
	{fromStandard, `{"type":"push","data":` + genericBodyOf + `}`}, {fromGeneric, genericBodyOf},
}

var genericBodyOf = `{"repository":"https://git.example.com/team/shop.git","ref":"refs/heads/main","commit":"` + commit + `"}`

func hubBodyOf(ref, after, more string) string {
	return `{"ref":"` + ref + `","before":"` + other + `","after":"` + after + `",` + more + `
		"repository":{"id":1,"full_name":"team/shop","owner":{"login":"team","id":2},"private":true,"default_branch":"main",
			"html_url":"https://git.example.com/team/shop","url":"https://git.example.com/team/shop","git_url":"git://git.example.com/team/shop.git",
			"ssh_url":"git@git.example.com:team/shop.git","clone_url":"https://git.example.com/team/shop.git","stargazers":0},
		"pusher":{"name":"kim"},"created":false,"forced":false,"base_ref":null,"commits":[{"id":"` + after + `","added":["a.yaml"]}]}`
}

func gitlabBodyOf(kind, ref, after, checkout string) string {
	return `{"object_kind":"` + kind + `","event_name":"` + kind + `","before":"` + other + `","after":"` + after + `","ref":"` + ref + `",
		"checkout_sha":` + checkout + `,"user_id":4,"project_id":15,
		"project":{"id":15,"name":"shop","web_url":"https://git.example.com/team/shop","avatar_url":null,"git_ssh_url":"git@git.example.com:team/shop.git",
			"git_http_url":"https://git.example.com/team/shop.git","path_with_namespace":"team/shop","default_branch":"main"},
		"commits":[],"total_commits_count":0,"push_options":{},
		"repository":{"name":"shop","url":"git@git.example.com:team/shop.git","git_http_url":"https://git.example.com/team/shop.git"}}`
}

func bitbucketBodyOf(changes ...string) string {
	return `{"push":{"changes":[` + strings.Join(changes, ",") + `]},"actor":{"type":"user"},"repository":{"type":"repository","scm":"git",
		"full_name":"team/shop","links":{"html":{"href":"https://bitbucket.org/team/shop"},"self":{"href":"https://api.bitbucket.org/2.0/repositories/team/shop"}}}}`
}

func cloudRef(kind, name, hash string) string {
	return `{"type":"` + kind + `","name":"` + name + `","target":{"type":"commit","hash":"` + hash + `","parents":[]}}`
}

func cloudChange(kind, name, hash string) string {
	return `{"old":null,"new":` + cloudRef(kind, name, hash) + `,"created":true,"closed":false,"forced":false,"commits":[]}`
}

func dataCenterBodyOf(changes ...string) string {
	return `{"eventKey":"repo:refs_changed","date":"2026-11-24T12:00:00+0000","actor":{"name":"kim"},"repository":{"slug":"shop","id":84,"project":{"key":"TEAM"},
		"links":{"clone":[{"href":"ssh://git@git.example.com:7999/team/shop.git","name":"ssh"},{"href":"https://git.example.com/scm/team/shop.git","name":"http"}],
			"self":[{"href":"https://git.example.com/projects/TEAM/repos/shop/browse"}]}},"changes":[` + strings.Join(changes, ",") + `]}`
}

func serverChange(ref, to, kind string) string {
	return `{"ref":{"id":"` + ref + `","displayId":"x","type":"BRANCH"},"refId":"` + ref + `","fromHash":"` + other + `","toHash":"` + to + `","type":"` + kind + `"}`
}

func azureBodyOf(updates ...string) string {
	return `{"subscriptionId":"s","notificationId":3,"id":"` + deliveryID + `","eventType":"git.push","publisherId":"tfs","message":{"text":"pushed"},
		"resource":{"commits":[],"refUpdates":[` + strings.Join(updates, ",") + `],"repository":{"id":"r","name":"shop","project":{"name":"team"},
			"defaultBranch":"refs/heads/main","remoteUrl":"https://dev.azure.com/org/team/_git/shop"},"pushId":14},"resourceVersion":"1.0"}`
}

func azureUpdate(ref, to string) string {
	return `{"name":"` + ref + `","oldObjectId":"` + other + `","newObjectId":"` + to + `"}`
}

func provider(t testing.TB, name string) Provider {
	t.Helper()
	p, ok := ByName(name)
	if !ok {
		t.Fatalf("there is no provider %s", name)
	}
	return p
}

func secretsOf(values ...string) []Secret {
	var secrets []Secret
	for _, v := range values {
		secrets = append(secrets, Secret(v))
	}
	return secrets
}
