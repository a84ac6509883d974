package webhook

import (
	"strconv"
	"strings"
	"testing"
)

// largePush is a push of GitHub of some 100 KB, nearly all of it in what nobody needs, before or after the repository.
func largePush(before bool) *Delivery {
	one := `{"id":"` + commit + `","tree_id":"` + other + `","distinct":true,"message":"Change the number of replicas\n\nand \"more\"","timestamp":"2026-11-24T12:00:00Z",
		"author":{"name":"Kim","email":"kim@example.com","username":"kim"},"added":[],"removed":[],"modified":["deploy/web.yaml","deploy/db.yaml"],"size":1.5}`
	commits := `"commits":[` + strings.TrimSuffix(strings.Repeat(one+",", 100_000/len(one)), ",") + `],`
	body := hubBodyOf("refs/heads/main", commit, commits)
	if !before {
		body = strings.TrimSuffix(hubBodyOf("refs/heads/main", commit, ""), "}") + "," + strings.TrimSuffix(commits, ",") + "}"
	}
	return fromGitHub.send(body, "secret")
}

func BenchmarkVerifyAndRead(b *testing.B) {
	d := largePush(true)
	b.SetBytes(int64(len(d.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := (github{}).Verify(d, secretsOf("secret"), noon); err != nil {
			b.Fatal(err)
		}
		if e, err := Read(github{}, d); err != nil || len(e.Changes) != 1 {
			b.Fatal(err)
		}
	}
}

func BenchmarkURLs(b *testing.B) {
	for name, d := range map[string]*Delivery{"repository last": largePush(true), "repository first": largePush(false)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(d.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if urls, err := NamedURLs(github{}, d); err != nil || len(urls) != len(hubNames) {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Key("ssh://git@git.example.com:7999/Team/Shop.git"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndexFind(b *testing.B) {
	var x Index[string]
	for i := range 10_000 {
		n := strconv.Itoa(i)
		x.Set(n, []string{"https://git.example.com/team/" + n + ".git"})
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := x.Find([]string{"https://git.example.com/team/77", "git@git.example.com:team/77.git"}); len(got) != 1 {
			b.Fatal(got)
		}
	}
}
