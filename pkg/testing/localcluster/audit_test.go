package localcluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	getLine = `{"stage":"ResponseComplete","requestURI":"/api/v1/namespaces/a/secrets/s","verb":"get","user":{"username":"ada"},` +
		`"objectRef":{"resource":"secrets","namespace":"a","name":"s","apiVersion":"v1"},"responseStatus":{"code":200}}` + "\n"
	patchLine = `{"stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/a/deployments/d","verb":"patch",` +
		`"user":{"username":"controller"},"impersonatedUser":{"username":"tenant"},` +
		`"objectRef":{"resource":"deployments","namespace":"a","name":"d","apiGroup":"apps"},"responseStatus":{"code":409}}` + "\n"
	watchLine = `{"stage":"ResponseStarted","verb":"watch","user":{"username":"controller"},"objectRef":{"resource":"pods"}}` + "\n"
)

func TestSince(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log := &AuditLog{path: path}
	write(t, path, getLine+patchLine[:20])
	mark, err := log.Mark()
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, patchLine[20:]+watchLine+getLine[:30])

	for name, test := range map[string]struct {
		mark  Mark
		match Match
		want  []string
	}{
		"from the beginning":         {match: Match{}, want: []string{"get", "patch"}},
		"half a line before counts":  {mark: mark, want: []string{"patch"}},
		"by impersonated user":       {match: Match{ImpersonatedUser: "tenant"}, want: []string{"patch"}},
		"by verb":                    {match: Match{Verbs: Writes()}, want: []string{"patch"}},
		"by group, resource, name":   {match: Match{Group: "apps", Resource: "deployments", Namespace: "a", Name: "d"}, want: []string{"patch"}},
		"by another name":            {match: Match{Name: "e"}},
		"by user":                    {match: Match{User: "ada"}, want: []string{"get"}},
		"the beginning of a watch":   {match: Match{Stages: []string{"ResponseStarted"}}, want: []string{"watch"}},
		"writes of the wrong person": {match: Match{User: "ada", Verbs: Writes()}},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := log.Since(test.mark, test.match)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, event := range events {
				got = append(got, event.Verb)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("events %q, want %q", got, test.want)
			}
		})
	}

	t.Run("the half line is read once it is whole", func(t *testing.T) {
		write(t, path, getLine[30:])
		events, err := log.Since(mark, Match{User: "ada"})
		if err != nil || len(events) != 1 {
			t.Errorf("events %v, error %v; want one", events, err)
		}
	})
	t.Run("a rotated log is an error", func(t *testing.T) {
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		write(t, path, getLine)
		if _, err := log.Since(mark, Match{}); err == nil || !strings.Contains(err.Error(), "rotated") {
			t.Errorf("error %v, want one about the rotation", err)
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
