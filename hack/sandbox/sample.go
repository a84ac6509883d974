package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"text/template"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/generated/clientset/versioned"
	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/sandbox"
)

const (
	// sampleName is that of the repository, of its namespace and of the GitRepository.
	sampleName    = "sample"
	sampleTimeout = 30 * time.Second
	samplePause   = 100 * time.Millisecond
)

//go:embed sample
var sampleFiles embed.FS

//go:embed sample.yaml
var sampleObjects string

func findGit() error {
	if _, err := exec.LookPath("git"); err != nil {
		return fmt.Errorf("git was not found, and the sample is a Git repository: install git, or use `make up`, which does without: %w", err)
	}
	return nil
}

// serveSample serves the sample repository, made at the first time, and makes a working copy that pushes to it.
func serveSample(f folder) (server *githttp.Server, err error) {
	server, err = startGitServer(f)
	if err != nil {
		return nil, fmt.Errorf("serve the sample repository (git http-backend is needed, which some systems have in a package of its own): %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, server.Close())
			server = nil
		}
	}()
	repo := server.Repo(sampleName)
	if _, statErr := os.Stat(repo.Dir); errors.Is(statErr, fs.ErrNotExist) {
		if repo, err = server.CreateRepo(sampleName); err != nil {
			return server, fmt.Errorf("make the sample repository: %w", err)
		}
	}
	if _, err := repo.Git("config", "http.receivepack", "true"); err != nil {
		return server, fmt.Errorf("allow pushes to the sample repository: %w", err)
	}
	if _, resolveErr := repo.Resolve("refs/heads/" + githttp.DefaultBranch); resolveErr != nil {
		files, err := readSample()
		if err != nil {
			return server, err
		}
		if _, err := repo.CommitTo(githttp.DefaultBranch, "A small web site", files); err != nil {
			return server, fmt.Errorf("fill the sample repository: %w", err)
		}
	}
	return server, prepareWorkingCopy(f.workingCopy(), repo.URL)
}

// startGitServer listens where it did the last time, if it can, so that the working copy's origin stays true.
func startGitServer(f folder) (*githttp.Server, error) {
	addressFile := f.path("git-address")
	if address, err := os.ReadFile(addressFile); err == nil {
		if server, err := githttp.Start(githttp.Options{Dir: f.git(), Address: string(address)}); err == nil {
			return server, nil
		}
	}
	server, err := githttp.Start(githttp.Options{Dir: f.git()})
	if err != nil {
		return nil, err
	}
	if err := f.replace(addressFile, []byte(server.Address())); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server, nil
}

// readSample returns the content of the first commit by path.
func readSample() (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(sampleFiles, sampleName, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := sampleFiles.ReadFile(path)
		files[strings.TrimPrefix(path, sampleName+"/")] = string(data)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the sample: %w", err)
	}
	return files, nil
}

// prepareWorkingCopy clones the repository, or leads an earlier clone to it. Neither a proxy nor a signing key of the user's is for it.
func prepareWorkingCopy(dir, url string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := git("clone", "--quiet", "-c", "http.proxy=", url, dir); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"remote", "set-url", "origin", url},
		{"config", "http.proxy", ""},
		{"config", "user.name", "Sandbox"},
		{"config", "user.email", "sandbox@example.com"},
		{"config", "commit.gpgsign", "false"},
	} {
		if err := git(append([]string{"-C", dir}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

func git(args ...string) error {
	if output, err := exec.Command("git", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(output))
	}
	return nil
}

// syncSample makes the GitRepository and tells what becomes of it.
func syncSample(ctx context.Context, nopea *sandbox.Sandbox, url string, out io.Writer) error {
	var objects bytes.Buffer
	parsed, err := template.New(sampleName).Parse(sampleObjects)
	if err != nil {
		return fmt.Errorf("read the sample's objects: %w", err)
	}
	if err := parsed.Execute(&objects, map[string]string{"URL": url}); err != nil {
		return fmt.Errorf("read the sample's objects: %w", err)
	}
	if err := nopea.Apply(ctx, objects.Bytes()); err != nil {
		return fmt.Errorf("make GitRepository %s/%s: %w", sampleName, sampleName, err)
	}
	client, err := versioned.NewForConfig(nopea.Config())
	if err != nil {
		return fmt.Errorf("make a client of the nopea.io API: %w", err)
	}
	return awaitSample(ctx, client, out)
}

func awaitSample(ctx context.Context, client versioned.Interface, out io.Writer) error {
	deadline := time.After(sampleTimeout)
	ticker := time.NewTicker(samplePause)
	defer ticker.Stop()
	for last := ""; ; {
		repository, err := client.NopeaV1alpha1().GitRepositories(sampleName).Get(ctx, sampleName, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("get GitRepository %s/%s: %w", sampleName, sampleName, err)
		}
		said, ready := describe(repository)
		if said != last {
			fmt.Fprintf(out, "GitRepository %s/%s: %s\n", sampleName, sampleName, said)
			last = said
		}
		if ready {
			return nil
		}
		select {
		case <-ticker.C:
		case <-deadline:
			fmt.Fprintf(out, "It is not ready after %s; `kubectl describe gr` says more.\n", sampleTimeout)
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func describe(repository *v1alpha1.GitRepository) (said string, ready bool) {
	condition := meta.FindStatusCondition(repository.Status.Conditions, v1alpha1.ConditionReady)
	if condition == nil || repository.Status.ObservedGeneration != repository.Generation {
		return "waiting for the controller", false
	}
	if condition.Status == metav1.ConditionTrue {
		return "ready: " + condition.Message, true
	}
	return condition.Message, false
}
