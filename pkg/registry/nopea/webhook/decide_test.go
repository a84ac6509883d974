package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"nopea.io/nopea/pkg/apis/nopea"
	"nopea.io/nopea/pkg/webhook"
)

const commit = "5f2c1e9aa0b1c2d3e4f5061728394a5b6c7d8e9f"

func targetOf(namespace, name, secret string) *target {
	t := &target{name: types.NamespacedName{Namespace: namespace, Name: name}, uid: types.UID(name), spec: nopea.GitRepositorySpec{URL: "https://git.example.com/team/shop"}}
	if secret != "" {
		t.spec.Webhook = &nopea.WebhookSpec{SecretRef: &nopea.LocalObjectReference{Name: secret}}
	}
	return t
}

func TestConsider(t *testing.T) {
	main := webhook.Change{Ref: "refs/heads/main", Commit: commit}
	own := []string{"https://git.example.com/team/shop.git"}
	for name, test := range map[string]struct {
		spec    func(*nopea.GitRepositorySpec)
		event   webhook.Event
		hint    bool
		ignored string
	}{
		"hint":                {nil, webhook.Event{URLs: own, DefaultBranch: "main", Changes: []webhook.Change{main}}, true, ""},
		"names no URL":        {nil, webhook.Event{DefaultBranch: "main", Changes: []webhook.Change{main}}, true, ""},
		"another URL":         {nil, webhook.Event{URLs: []string{"https://x/y"}, DefaultBranch: "main", Changes: []webhook.Change{main}}, false, ""},
		"another, by match":   {func(s *nopea.GitRepositorySpec) { s.Webhook = &nopea.WebhookSpec{Match: []string{"https://x/y"}} }, webhook.Event{URLs: []string{"https://x/y"}, DefaultBranch: "main", Changes: []webhook.Change{main}}, true, ""},
		"something moved":     {nil, webhook.Event{URLs: own}, false, ""},
		"unknown default":     {nil, webhook.Event{URLs: own, Changes: []webhook.Change{main}}, false, ""},
		"deleted":             {nil, webhook.Event{URLs: own, DefaultBranch: "main", Changes: []webhook.Change{{Ref: "refs/heads/main", Deleted: true}}}, false, "was deleted"},
		"another ref":         {func(s *nopea.GitRepositorySpec) { s.Ref = &nopea.GitRef{Branch: "next"} }, webhook.Event{URLs: own, Changes: []webhook.Change{main, main}}, false, "refs/heads/main and 1 more"},
		"pinned":              {func(s *nopea.GitRepositorySpec) { s.Ref = &nopea.GitRef{Commit: commit} }, webhook.Event{URLs: own, Changes: []webhook.Change{main}}, false, "spec.ref.commit"},
		"suspended":           {func(s *nopea.GitRepositorySpec) { s.Suspend = true }, webhook.Event{URLs: own, DefaultBranch: "main", Changes: []webhook.Change{main}}, false, "suspended"},
		"no commit is no use": {nil, webhook.Event{URLs: own, DefaultBranch: "main", Changes: []webhook.Change{{Ref: "refs/heads/main"}}}, false, ""},
	} {
		target := targetOf("team-a", "shop", "")
		if test.spec != nil {
			test.spec(&target.spec)
		}
		hint, ignored := consider(target, &test.event)
		if (hint != nil) != test.hint || (ignored == "") != (test.ignored == "") || !strings.Contains(ignored, test.ignored) {
			t.Errorf("%s: got %+v, %q", name, hint, ignored)
		}
	}
}

func TestBySecret(t *testing.T) {
	var targets []*target
	for i := range 40 { // all in one namespace, and older
		targets = append(targets, targetOf("crowd", fmt.Sprint(i), fmt.Sprint("secret-", i)))
	}
	targets = append(targets, targetOf("team-a", "shop", ""), targetOf("team-a", "blog", ""), targetOf("team-b", "shop", ""))
	groups := bySecret(targets)
	if len(groups) != maxSigners || len(groups[1]) != 2 || groups[1][0].name.Namespace != "team-a" || groups[2][0].name.Namespace != "team-b" {
		t.Errorf("got %d groups: %v", len(groups), groups)
	}
}

func TestConclude(t *testing.T) {
	ok := outcome{name: types.NamespacedName{Namespace: "team-a", Name: "shop"}, result: resultAccepted, sync: "shop-1"}
	for want, outcomes := range map[int][]outcome{
		http.StatusAccepted:           {{result: resultIgnored}, ok, {result: resultRepeated}},
		http.StatusOK:                 {{result: resultIgnored}, {result: resultRepeated}},
		http.StatusTooManyRequests:    {ok, {result: resultLimited}},
		http.StatusServiceUnavailable: {ok, {result: resultLimited}, {result: resultFailed}},
	} {
		a := conclude(outcomes)
		if a.code != want || (a.retryAfter > 0) != (want >= 400) {
			t.Errorf("got %+v, want %d", a, want)
		}
		if outcomes[0] == ok || outcomes[1] == ok {
			if len(a.body.Syncs) != 1 || a.body.Syncs[0].Name != "shop-1" {
				t.Errorf("%d names %v", want, a.body.Syncs)
			}
		}
	}
	if a := conclude([]outcome{{result: resultIgnored, message: "why"}}); a.body.Message != "why" {
		t.Errorf("got %+v", a)
	}
}

func TestRepositoryLimits(t *testing.T) {
	clock := clocktesting.NewFakeClock(noon)
	limits := newRepositoryLimits(20, clock)
	shop, blog := types.NamespacedName{Name: "shop"}, types.NamespacedName{Name: "blog"}
	allowed := 0
	for range 1000 {
		if limits.allow(shop) {
			allowed++
		}
	}
	if allowed != 200 || !limits.allow(blog) {
		t.Errorf("%d were allowed at once", allowed)
	}
	clock.Step(time.Second)
	if !limits.allow(shop) {
		t.Error("none is allowed a second later")
	}
}

func TestMemory(t *testing.T) {
	m := &memory{limit: 10}
	read := func(text string) (*reader, error) {
		r := &reader{source: strings.NewReader(text), memory: m}
		_, err := r.Read(make([]byte, 100))
		return r, err
	}
	first, err := read("123456")
	if err != nil {
		t.Fatal(err)
	}
	second, err := read("123456")
	if err == nil {
		t.Error("there is room for ever more")
	}
	second.release()
	first.release()
	first.release()
	if m.used.Load() != 0 {
		t.Errorf("%d bytes are never given back", m.used.Load())
	}
}
