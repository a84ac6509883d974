package webhook

import (
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestRecognise(t *testing.T) {
	for _, s := range senders {
		for _, secret := range []string{"secret", ""} {
			if s.provider == "standard" && secret == "" || s.provider == "generic" && secret == "" {
				continue // Nothing tells these apart but the signature.
			}
			p, ok := Recognise(s.send(s.body, secret))
			if !ok || p.Name() != s.provider {
				t.Errorf("a delivery of %s is taken for %v's", s.provider, p)
			}
		}
	}
	for name, d := range map[string]*Delivery{"nothing": {}, "a body": {Body: []byte(genericBodyOf)},
		"no Azure": {Body: []byte(`{"publisherId":1,"eventType":""}`)}} {
		if p, ok := Recognise(d); ok {
			t.Errorf("%s is taken for %s", name, p.Name())
		}
	}
}

func TestProviders(t *testing.T) {
	var names []string
	for _, p := range Providers() {
		names = append(names, p.Name())
		if same, ok := ByName(p.Name()); !ok || same != p {
			t.Errorf("%s is not found by its name", p.Name())
		}
	}
	want := []string{"forgejo", "gitea", "github", "gitlab", "bitbucket", "bitbucket-server", "azure-devops", "standard", "generic"}
	if !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
	if _, ok := ByName("gitlub"); ok {
		t.Error("there is no gitlub")
	}
}

var (
	hubNames = []string{"https://git.example.com/team/shop.git", "git@git.example.com:team/shop.git",
		"git://git.example.com/team/shop.git", "https://git.example.com/team/shop"}
	gitlabNames = []string{"https://git.example.com/team/shop.git", "git@git.example.com:team/shop.git",
		"https://git.example.com/team/shop"}
	cloudNames  = []string{"https://bitbucket.org/team/shop.git", "https://bitbucket.org/team/shop"}
	serverNames = []string{"ssh://git@git.example.com:7999/team/shop.git", "https://git.example.com/scm/team/shop.git",
		"https://git.example.com/projects/TEAM/repos/shop/browse"}
	azureNames   = []string{"https://dev.azure.com/org/team/_git/shop"}
	genericNames = []string{"https://git.example.com/team/shop.git"}
)

func TestParse(t *testing.T) {
	main := Change{Ref: "refs/heads/main", Commit: commit}
	gone := Change{Ref: "refs/heads/main", Deleted: true}
	tag := Change{Ref: "refs/tags/v1", Commit: commit}
	goneTag := Change{Ref: "refs/tags/v1", Deleted: true}
	sha256 := Change{Ref: "refs/heads/main", Commit: long}
	pushed := func(name string, urls []string, branch string, changes ...Change) *Event {
		return &Event{Kind: Push, Name: name, ID: deliveryID, URLs: urls, DefaultBranch: branch, Changes: changes}
	}
	for _, test := range []struct {
		name string
		sender
		body string
		want *Event
	}{
		{"push", fromGitHub, hubBodyOf("refs/heads/main", commit, ""), pushed("push", hubNames, "main", main)},
		{"SHA-256", fromGitHub, hubBodyOf("refs/heads/main", long, ""), pushed("push", hubNames, "main", sha256)},
		{"tag", fromGitHub, hubBodyOf("refs/tags/v1", commit, ""), pushed("push", hubNames, "main", tag)},
		{"delete", fromGitHub, hubBodyOf("refs/heads/main", zero, `"deleted":true,`), pushed("push", hubNames, "main", gone)},
		{"zero hash", fromGitHub, hubBodyOf("refs/heads/main", strings.Repeat("0", 64), ""), pushed("push", hubNames, "main", gone)},
		{"ping", fromGitHub.of("ping"), `{"zen":"Design for failure.","hook_id":1,"hook":{"active":true}}`, &Event{Kind: Ping,
			Name: "ping", ID: deliveryID}},
		{"other", fromGitHub.of("issues"), hubBodyOf("", "", ""), &Event{Kind: Other, Name: "issues", ID: deliveryID, URLs: hubNames}},
		{"no repository", fromGitHub, `{"ref":"refs/heads/main","after":"` + commit + `","repository":null}`, pushed("push", nil, "",
			main)},
		{"duplicate keys", fromGitHub,
			`{"ref":"x","ref":"refs/heads/main","after":"` + commit + `","repository":{"clone_url":"a"},"repository":{"clone_url":"b"}}`,
			pushed("push", []string{"a"}, "", main)},

		{"push", fromGitea, hubBodyOf("refs/heads/main", commit, ""), pushed("push", hubNames, "main", main)},
		{"delete", fromGitea.of("delete"), hubBodyOf("main", "", `"ref_type":"branch",`), pushed("delete", hubNames, "main", gone)},
		{"delete tag", fromForgejo.of("delete"), hubBodyOf("v1", "", `"ref_type":"tag",`), pushed("delete", hubNames, "main", goneTag)},
		{"create", fromForgejo.of("create"), hubBodyOf("v1", "", `"ref_type":"tag",`), &Event{Kind: Other, Name: "create", ID: deliveryID,
			URLs: hubNames}},
		{"tag", fromForgejo, hubBodyOf("refs/tags/v1", commit, ""), pushed("push", hubNames, "main", tag)},

		{"push", fromGitLab, gitlabBodyOf("push", "refs/heads/main", commit, `"`+commit+`"`), pushed("push", gitlabNames, "main", main)},
		{"annotated tag", fromGitLab, gitlabBodyOf("tag_push", "refs/tags/v1", other, `"`+commit+`"`), pushed("tag_push", gitlabNames,
			"main", tag)},
		{"delete", fromGitLab, gitlabBodyOf("push", "refs/heads/main", zero, `null`), pushed("push", gitlabNames, "main", gone)},
		{"nothing checked out", fromGitLab, gitlabBodyOf("tag_push", "refs/tags/v1", commit, `null`), pushed("tag_push", gitlabNames,
			"main", goneTag)},
		{"system hook", fromGitLab.of("System Hook"), strings.Replace(gitlabBodyOf("push", "refs/heads/main", commit, `"`+commit+`"`),
			`"object_kind":"push",`, "", 1),
			pushed("push", gitlabNames, "main", main)},
		{"many refs", fromGitLab.of("System Hook"), `{"event_name":"repository_update","project":{"git_http_url":"a","default_branch":"main"},"changes":[
			{"before":"` + zero + `","after":"` + commit + `","ref":"refs/tags/v1"},{"before":"` + commit + `","after":"` + zero + `","ref":"refs/heads/main"}]}`,
			pushed("repository_update", []string{"a"}, "main", tag, gone)},
		{"other", fromGitLab, `{"object_kind":"merge_request","changes":{"title":{}},"ref":5,"project":{"git_http_url":"a"}}`,
			&Event{Kind: Other, Name: "merge_request", ID: deliveryID, URLs: []string{"a"}}},

		{"many refs", fromBitbucket, bitbucketBodyOf(cloudChange("branch", "main", commit), cloudChange("tag", "v1", commit),
			`{"old":`+cloudRef("branch", "main", commit)+`,"new":null,"closed":true}`, `{"old":`+cloudRef("tag", "v1", commit)+`}`),
			pushed("repo:push", cloudNames, "", main, tag, gone, goneTag)},
		{"nothing", fromBitbucket, `{"push":{"changes":[]},"repository":{}}`, pushed("repo:push", nil, "")},
		{"nothing at all", fromBitbucket, `{"push":null}`, pushed("repo:push", nil, "")},
		{"other", fromBitbucket.of("pullrequest:created"), bitbucketBodyOf(), &Event{Kind: Other, Name: "pullrequest:created",
			ID: deliveryID, URLs: cloudNames}},

		{"many refs", fromDataCenter, dataCenterBodyOf(serverChange("refs/heads/main", commit, "UPDATE"), serverChange("refs/tags/v1",
			commit, "ADD"),
			serverChange("refs/heads/main", zero, "DELETE"), serverChange("refs/tags/v1", commit, "DELETE")),
			pushed("repo:refs_changed", serverNames, "", main, tag, gone, goneTag)},
		{"refId alone", fromDataCenter, `{"changes":[{"refId":"refs/heads/main","toHash":"` + commit + `"}]}`, pushed("repo:refs_changed",
			nil, "", main)},
		{"ping", fromDataCenter.of("diagnostics:ping"), `{"test":true}`, &Event{Kind: Ping, Name: "diagnostics:ping", ID: deliveryID}},
		{"other", fromDataCenter.of("pr:opened"), `{"eventKey":"pr:opened"}`, &Event{Kind: Other, Name: "pr:opened", ID: deliveryID}},

		{"many refs", fromAzure, azureBodyOf(azureUpdate("refs/heads/main", commit), azureUpdate("refs/tags/v1", commit),
			azureUpdate("refs/heads/main", zero)),
			pushed("git.push", azureNames, "main", main, tag, gone)},
		{"no updates", fromAzure, azureBodyOf(), pushed("git.push", azureNames, "main")},
		{"no resource", fromAzure, `{"eventType":"git.push","id":"x","resource":null}`, &Event{Kind: Push, Name: "git.push", ID: "x"}},
		{"other", fromAzure, `{"eventType":"build.complete","id":"x","resource":{"refUpdates":5}}`, &Event{Kind: Other,
			Name: "build.complete", ID: "x"}},

		{"push", fromGeneric, genericBodyOf, &Event{Kind: Push, Name: "push", URLs: genericNames, Changes: []Change{main}}},
		{"empty", fromGeneric, "\n", &Event{Kind: Push, Name: "push"}},
		{"nothing", fromGeneric, "{}", &Event{Kind: Push, Name: "push"}},
		{"a ref alone", fromGeneric, `{"ref":"refs/heads/main"}`, &Event{Kind: Push, Name: "push",
			Changes: []Change{{Ref: "refs/heads/main"}}}},
		{"delete", fromGeneric, `{"ref":"refs/heads/main","deleted":true}`, &Event{Kind: Push, Name: "push", Changes: []Change{gone}}},
		{"like GitHub", fromGeneric, hubBodyOf("refs/heads/main", commit, ""), &Event{Kind: Push, Name: "push", DefaultBranch: "main",
			Changes: []Change{main},
			URLs:    []string{hubNames[0], hubNames[3], hubNames[1]}}},

		{"data", fromStandard, `{"type":"repo.pushed","timestamp":"2026-11-24T12:00:00Z","data":` + genericBodyOf + `}`,
			&Event{Kind: Push, Name: "repo.pushed", ID: "msg_1", URLs: genericNames, Changes: []Change{main}}},
		{"at the top", fromStandard, genericBodyOf, &Event{Kind: Push, Name: "push", ID: "msg_1", URLs: genericNames,
			Changes: []Change{main}}},
		{"ping", fromStandard, `{"type":"ping"}`, &Event{Kind: Ping, Name: "ping", ID: "msg_1"}},
		{"empty", fromStandard, "", &Event{Kind: Push, Name: "push", ID: "msg_1"}},
	} {
		t.Run(test.provider+"/"+test.name, func(t *testing.T) {
			got, err := Read(provider(t, test.provider), test.send(test.body, "secret"))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v,\nwant %+v", got, test.want)
			}
		})
	}
}

func TestParseForm(t *testing.T) {
	for _, s := range []sender{fromGitHub, fromGitea, fromForgejo} {
		p := provider(t, s.provider)
		d := s.send(url.Values{"payload": {hubBodyOf("refs/heads/main", commit, "")}}.Encode(), "")
		d.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		s.sign(d.Header, d.Body, "secret")
		if err := p.Verify(d, secretsOf("secret"), noon); err != nil {
			t.Error(err)
		}
		if e, err := Read(p, d); err != nil || len(e.Changes) != 1 || !slices.Equal(e.URLs, hubNames) {
			t.Errorf("%s: %+v, %v", s.provider, e, err)
		}
		for _, body := range []string{"", "other=1", "payload=%", "payload=", "payload={}%zz"} {
			d.Body = []byte(body)
			if err := p.Verify(d, secretsOf("secret"), noon); !errors.Is(err, ErrSignature) {
				t.Errorf("%s, %q is verified: %v", s.provider, body, err)
			}
			if _, err := Read(p, d); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s, %q: %v", s.provider, body, err)
			}
		}
	}
}

func TestParseMalformed(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for _, s := range senders {
		p := provider(t, s.provider)
		for name, body := range map[string]string{
			"text": "no JSON", "a list": "[]", "a number": "5", "null": "null", "cut off": s.body[:len(s.body)-1], "more": s.body + "x",
			"deep": `{"x":` + deep, "deep list": deep,
			"a string for the ref's owner": strings.NewReplacer(`"repository":{`, `"repository":[{`, `"resource":{`, `"resource":[{`,
				`"repository":"`, `"repository":5,"x":"`).Replace(s.body),
			"short commit": strings.ReplaceAll(s.body, commit, "0123456"),
			"upper case":   strings.ReplaceAll(s.body, commit, strings.Repeat("ABCDEF0123", 4)),
			"short ref": strings.NewReplacer("refs/heads/main\"", "main\"", `"name":"main"`,
				`"name":"\u0000"`).Replace(s.body),
			"control character": strings.NewReplacer("refs/heads/main\"", `refs/heads/ma\nin"`, `"name":"main"`,
				`"name":"ma\u007fin"`).Replace(s.body),
			"long ref": strings.NewReplacer("heads/main\"", "heads/"+strings.Repeat("x", 240)+`"`, `"name":"main"`,
				`"name":"`+strings.Repeat("x", 240)+`"`).Replace(s.body),
			"a number for a commit": strings.ReplaceAll(s.body, `"`+commit+`"`, "1e999"),
		} {
			e, err := Read(p, s.send(body, "secret"))
			if !errors.Is(err, ErrMalformed) || errors.Is(err, ErrPanic) {
				t.Errorf("%s, %s: %+v, %v", s.provider, name, e, err)
			}
		}
		huge := strings.Replace(s.body, "{", `{"huge":-1e999999,"long":`+strings.Repeat("9", 10_000)+",", 1)
		if _, err := Read(p, s.send(huge, "secret")); err != nil {
			t.Errorf("%s does not read over huge numbers: %v", s.provider, err)
		}
	}
}

func TestParseMalformedChanges(t *testing.T) {
	for _, d := range []*Delivery{
		fromBitbucket.send(bitbucketBodyOf("null"), ""), fromBitbucket.send(bitbucketBodyOf(`{"old":null,"new":null}`), ""),
		fromBitbucket.send(bitbucketBodyOf(cloudChange("branch", "main", commit), "5"), ""), fromBitbucket.send(`{"push":{"changes":{}}}`, ""),
		fromDataCenter.send(dataCenterBodyOf("{}"), ""), fromAzure.send(azureBodyOf("null"), ""),
		fromGitea.of("delete").send(`{"ref":5,"ref_type":"tag"}`, ""),
		fromGitLab.send(`{"object_kind":"push","ref":"refs/heads/main","checkout_sha":5,"after":"x"}`, ""),
	} {
		p, _ := Recognise(d)
		if e, err := Read(p, d); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s, %s: %+v, %v", p.Name(), d.Body, e, err)
		}
	}
	if e, err := Read(gitea, fromGitea.of("delete").send(`{"ref":"x","ref_type":"note"}`, "")); err != nil || e.Kind != Other {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestParseTooManyChanges(t *testing.T) {
	changes := slices.Repeat([]string{serverChange("refs/heads/main", commit, "UPDATE")}, MaxChanges)
	e, err := Read(bitbucketServer{}, fromDataCenter.send(dataCenterBodyOf(changes...), "s"))
	if err != nil || len(e.Changes) != MaxChanges {
		t.Fatalf("%d changes, %v", len(e.Changes), err)
	}
	e, err = Read(bitbucketServer{}, fromDataCenter.send(dataCenterBodyOf(append(changes, changes...)...), "s"))
	if err != nil || e.Kind != Push || len(e.Changes) != 0 {
		t.Fatalf("%d changes, %v", len(e.Changes), err)
	}
}

func TestURLs(t *testing.T) {
	for _, s := range senders {
		p := provider(t, s.provider)
		d := s.send(s.body, "")
		urls, err := NamedURLs(p, d)
		e, _ := Read(p, d)
		if err != nil || len(urls) == 0 || !slices.Equal(urls, e.URLs) {
			t.Errorf("%s: %v, %v, %v", s.provider, urls, e.URLs, err)
		}
		if urls, err := NamedURLs(p, s.send("{", "")); err == nil || urls != nil {
			t.Errorf("%s: %v of half a body", s.provider, urls)
		}
	}
	many := slices.Repeat([]string{`{"href":"https://a/1"}`}, 50)
	for i := range many {
		many[i] = strings.Replace(many[i], "1", strings.Repeat("1", i+1), 1)
	}
	d := fromDataCenter.send(`{"repository":{"links":{"clone":[`+strings.Join(many, ",")+`,{"href":"`+strings.Repeat("x", 3000)+`"}]}}}`,
		"")
	if urls, err := NamedURLs(bitbucketServer{}, d); err != nil || len(urls) != MaxURLs {
		t.Errorf("%d URLs, %v", len(urls), err)
	}
}

func TestLabels(t *testing.T) {
	d := fromGitHub.send(`{}`, "")
	d.Header.Set("X-GitHub-Event", "ping\x1b")
	d.Header.Set("X-GitHub-Delivery", strings.Repeat("x", MaxIDLength+1))
	if e, err := Read(github{}, d); err != nil || e.Kind != Other || e.Name != "" || e.ID != "" {
		t.Errorf("%+v, %v", e, err)
	}
}

type panicking struct{ github }

func (panicking) URLs(*Delivery) ([]string, error) { panic("hidden") }
func (panicking) Parse(*Delivery) (*Event, error)  { panic("hidden") }

func TestPanic(t *testing.T) {
	_, err := Read(panicking{}, &Delivery{})
	_, err2 := NamedURLs(panicking{}, &Delivery{})
	for _, err := range []error{err, err2} {
		if !errors.Is(err, ErrPanic) || !errors.Is(err, ErrMalformed) || strings.Contains(err.Error(), "hidden") {
			t.Error(err)
		}
	}
}
