package webhook

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzParse reads any body as each provider's.
func FuzzParse(f *testing.F) {
	for _, s := range senders {
		f.Add([]byte(s.body), "push", false)
	}
	f.Add([]byte(hubBodyOf("main", "", `"ref_type":"branch",`)), "delete", false)
	f.Add([]byte(bitbucketBodyOf(`{"old":`+cloudRef("tag", "v1", commit)+`,"new":null}`)), "repo:push", false)
	f.Add([]byte(dataCenterBodyOf(serverChange("refs/heads/main", zero, "DELETE"))), "repo:refs_changed", false)
	f.Add([]byte(`{"object_kind":"tag_push","checkout_sha":null,"ref":"refs/tags/v1","changes":[null]}`), "Tag Push Hook", false)
	f.Add([]byte("payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D"), "push", true)
	f.Add([]byte(`{"event_name":"repository_update","changes":[{"ref":"refs/heads/main","after":"`+long+`"}]}`), "System Hook", false)
	f.Fuzz(func(t *testing.T, body []byte, event string, form bool) {
		d := &Delivery{Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
		if form {
			d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for _, name := range []string{"X-GitHub-Event", "X-Gitea-Event", "X-Forgejo-Event", "X-Gitlab-Event", "X-Event-Key", "Webhook-Id",
			"X-Gitea-Signature",
			"X-Hub-Signature", "X-Hub-Signature-256", "Webhook-Signature", "Webhook-Timestamp", "X-Signature", "Authorization",
			"X-Request-Id"} {
			d.Header.Set(name, event)
		}
		for _, p := range providers {
			if p.Verify(d, secretsOf("some secret", "whsec_AAAA"), noon) == nil {
				t.Errorf("%s verified it", p.Name())
			}
			p.Recognises(d)
			e, err := p.Parse(d)
			if err != nil && (!errors.Is(err, ErrMalformed) || e != nil) {
				t.Errorf("%s: %+v, %v", p.Name(), e, err)
			}
			if err == nil {
				checkEvent(t, p, d, e)
			}
		}
	})
}

// checkEvent holds for whatever is read.
func checkEvent(t *testing.T, p Provider, d *Delivery, e *Event) {
	urls, err := p.URLs(d)
	if err != nil || !slices.Equal(urls, e.URLs) || len(urls) > MaxURLs {
		t.Errorf("%s: %q, and %q (%v) without verification", p.Name(), e.URLs, urls, err)
	}
	if len(e.Changes) > MaxChanges || len(e.ID) > MaxIDLength || len(e.Name) > maxNameLength || e.Kind != Push && len(e.Changes) > 0 {
		t.Errorf("%s: %+v", p.Name(), e)
	}
	for _, s := range []string{e.ID, e.Name, e.DefaultBranch} {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			t.Errorf("%s: %q came out", p.Name(), s)
		}
	}
	for _, c := range e.Changes {
		if !strings.HasPrefix(c.Ref,
			"refs/") || !validName(c.Ref) || c.Commit != "" && (c.Deleted || !isCommit(c.Commit) || strings.Trim(c.Commit, "0") == "") {
			t.Errorf("%s: %+v came out", p.Name(), c)
		}
	}
	for _, ref := range []RefSpec{{}, {Branch: "main"}, {Tag: "v1"}, {Name: "HEAD"}} {
		if c, ok := Matches(ref, e); ok && c != nil && c.Deleted {
			t.Errorf("%+v matches the deletion %+v", ref, c)
		}
	}
}

// FuzzURLs reads any body that nobody verified.
func FuzzURLs(f *testing.F) {
	for _, s := range senders {
		f.Add([]byte(s.body))
	}
	f.Add([]byte(`{"a":[[[[{}]]]],"repository":"https://h/x","data":{"repository":{"url":"y"}}}`))
	f.Add([]byte(`{"resource":{"repository":null},"repository":{"links":{"clone":[{"href":"a"},null]}}}`))
	f.Add([]byte(strings.Repeat("[", 20_000)))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, p := range providers {
			urls, err := p.URLs(&Delivery{Body: body})
			if err != nil && (!errors.Is(err, ErrMalformed) || urls != nil) || len(urls) > MaxURLs {
				t.Errorf("%s: %q, %v", p.Name(), urls, err)
			}
			for i, u := range urls {
				if u == "" || len(u) > MaxURLLength || slices.Contains(urls[:i], u) {
					t.Errorf("%s: %q", p.Name(), urls)
				}
			}
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, seed := range []string{"https://github.com/team/shop.git", "git@ssh.dev.azure.com:v3/o/p/r",
		"ssh://git@[fe80::1%25eth0]:7999/~kim/x", "codecommit::eu-west-1://profile@x",
		"arn:aws:codecommit:r:1:n", "https://o.visualstudio.com/DefaultCollection/_git/r", "https://h/scm/p/r.git/",
		"https://h/users/u/repos/r.git/browse", "h/%25%3f%20",
		"https://h/a/.git/..git", "u@h:a@b:c", "http://h//../x?y#z", "https://İ.example/ẞ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		key, err := Key(raw)
		if err != nil {
			if key != "" || !errors.Is(err, ErrURL) {
				t.Errorf("%q, %v", key, err)
			}
			return
		}
		host, rest, ok := strings.Cut(key, "/")
		if !ok || host == "" || rest == "" || !readable(key) || strings.Contains(key, "//") || strings.HasSuffix(key,
			"/") || strings.ContainsAny(key, "?# ") {
			t.Errorf("Key(%q) = %q", raw, key)
		}
		if again, err := Key(key); again != key && len(key) <= MaxURLLength {
			t.Errorf("Key(%q) = %q, and the key of that is %q, %v", raw, key, again, err)
		}
		if same, err := Key("https://" + key); same != key && len(key) <= MaxURLLength-len("https://") {
			t.Errorf("Key(%q) = %q, and of https %q, %v", raw, key, same, err)
		}
	})
}
