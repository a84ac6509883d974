package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestSampleIsPushedToAndKept(t *testing.T) {
	f := folder(t.TempDir())
	first, err := serveSample(f)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(f.workingCopy(), "deploy", "configmap.yaml")
	if err := os.WriteFile(file, []byte("# changed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"commit", "--quiet", "-am", "Change it"}, {"push", "--quiet"}} {
		if err := git(append([]string{"-C", f.workingCopy()}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	pushed := head(t, f.workingCopy())
	address := first.Address()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second, err := serveSample(f)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got, err := second.Repo(sampleName).Resolve("refs/heads/main"); got != pushed || err != nil {
		t.Errorf("after a restart the repository is at %q, %v; want what was pushed, %s", got, err, pushed)
	}
	if second.Address() != address {
		t.Errorf("it listens at %s; before it was %s", second.Address(), address)
	}
}

func head(t *testing.T, dir string) string {
	t.Helper()
	output, err := exec.Command("git", "-C", dir, "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(output[:len(output)-1])
}
