package githttp

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// clone uses the git command as a client.
func clone(t *testing.T, s *Server, url string, args ...string) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	args = append(append([]string{"clone", "--quiet"}, args...), url, dir)
	if _, err := s.env.git(t.Context(), t.TempDir(), nil, args...); err != nil {
		return "", err
	}
	return s.env.git(t.Context(), dir, nil, "rev-parse", "HEAD")
}

func TestCloneWithGit(t *testing.T) {
	s := New(t)
	repo := Must(s.CreateRepo("team/app"))(t)
	first := Must(repo.Commit(map[string]string{"a": "1", `dir/odd "name"`: "2\n"}))(t)
	second := Must(repo.Delete("dir"))(t)
	if first == second || Must(repo.Git("ls-tree", "-r", "--name-only", "main"))(t) != "a" {
		t.Fatal("the deletion did not delete")
	}
	if got, err := clone(t, s, repo.URL); err != nil || got != second {
		t.Errorf("got %s, %v", got, err)
	}
	var commands []string
	for _, r := range s.TakeRequests() {
		commands = append(commands, r.Command)
		if r.Repo != "team/app.git" {
			t.Errorf("request of repository %q", r.Repo)
		}
	}
	if got := strings.Join(commands, " "); got != "advertisement ls-refs fetch" {
		t.Errorf("requests: %s", got)
	}
	s.SpeakV0(true)
	if got, err := clone(t, s, repo.URL, "--depth=1"); err != nil || got != second {
		t.Errorf("got %s, %v", got, err)
	}
	r := s.TakeRequests()
	if last := r[len(r)-1]; last.Command != "fetch" || !last.Shallow {
		t.Errorf("requests: %+v", r)
	}
	s.DisableShallow(true)
	if got, err := clone(t, s, repo.URL); err != nil || got != second {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := clone(t, s, repo.URL, "--depth=1"); err == nil {
		t.Error("a shallow clone worked")
	}
}

func TestProtect(t *testing.T) {
	s := New(t)
	repo := Must(s.CreateRepo("private"))(t)
	Must(repo.Commit(map[string]string{"a": "1"}))(t)
	s.Protect("private", Credentials{Username: "ada", Password: "pw"}, Credentials{BearerToken: "token"})
	for auth, want := range map[string]int{"": 401, "Bearer token": 200, "Bearer other": 401, "Basic YWRhOnB3": 200, "Basic YWRhOg==": 401} {
		req := Must(http.NewRequestWithContext(t.Context(), http.MethodGet, repo.URL+"/info/refs?service=git-upload-pack", nil))(t)
		if auth != "" {
			req.Header.Set("Authorization", auth)
		}
		resp := Must(http.DefaultClient.Do(req))(t)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: got %d, want %d", auth, resp.StatusCode, want)
		}
	}
}

func TestRepositoriesStayInTheFolder(t *testing.T) {
	s := New(t)
	for _, name := range []string{"../x", "/x", ""} {
		if _, err := s.CreateRepo(name); err == nil {
			t.Errorf("%q was made", name)
		}
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := Must(Start(Options{Dir: dir}))(t)
	repo := Must(s.CreateRepo("app"))(t)
	hash := Must(repo.Commit(map[string]string{"a": "1"}))(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = Must(Start(Options{Dir: dir, Address: s.Address()}))(t)
	if got, err := clone(t, s, s.URL("app")); err != nil || got != hash {
		t.Errorf("got %s, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
