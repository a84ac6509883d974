package githttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// environment keeps the git command away from the configuration of user and system.
type environment []string

const gitConfig = `[user]
	name = Ada
	email = ada@example.com
[safe]
	directory = *
[gc]
	auto = 0
[init]
	defaultBranch = main
[uploadpack]
	allowFilter = true
`

func newEnvironment(home string) (environment, error) {
	config := filepath.Join(home, "gitconfig")
	if err := os.WriteFile(config, []byte(gitConfig), 0o600); err != nil {
		return nil, err
	}
	return environment{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + config,
		"GIT_TERMINAL_PROMPT=0",
		"LC_ALL=C",
	}, nil
}

// git runs the command and returns its output without the last line feed.
func (e environment) git(ctx context.Context, dir string, stdin io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, e, stdin
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errOut.Bytes()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// findBackend locates git http-backend.
func (e environment) findBackend(ctx context.Context) (string, error) {
	dir, err := e.git(ctx, "", nil, "--exec-path")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "git-http-backend")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("git http-backend is not installed: %w", err)
	}
	return path, nil
}
