package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shell is a process that runs a script, and is ready when the script has made the file "ready" in its folder.
func shell(t *testing.T, script string) *Process {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	return &Process{
		name: "script", path: "/bin/sh", log: filepath.Join(dir, "log"),
		args: []string{"-c", "cd " + dir + "; " + script},
		ready: func(context.Context) error {
			_, err := os.Stat(ready)
			return err
		},
	}
}

func TestProcess(t *testing.T) {
	const serve = "echo process $$; : > ready; exec sleep 60"
	for name, test := range map[string]struct {
		script string
		use    func(*Process) error
		// start and finish are parts of the errors wanted.
		start, finish string
	}{
		"is stopped at the end":                 {script: "trap 'kill $!; exit 0' TERM; : > ready; sleep 60 & wait"},
		"that fails at SIGTERM is told":         {script: "trap 'kill $!; echo lost; exit 3' TERM; : > ready; sleep 60 & wait", finish: "lost"},
		"that ends before it is ready is told":  {script: "echo no port; exit 4", start: "no port"},
		"that ends by itself later is told":     {script: "mkfifo gate; : > ready; read line < gate; echo DATA RACE; exit 66", use: openGate, finish: "DATA RACE"},
		"that was killed is not told":           {script: serve, use: (*Process).Kill},
		"is started again, and its log goes on": {script: serve, use: again},
	} {
		t.Run(name, func(t *testing.T) {
			p := shell(t, test.script)
			err := p.Start(t.Context())
			requireError(t, "start", err, test.start)
			if err == nil && test.use != nil {
				if err := test.use(p); err != nil {
					t.Fatal(err)
				}
			}
			requireError(t, "finish", p.finish(), test.finish)
		})
	}
}

func openGate(p *Process) error {
	if err := os.WriteFile(filepath.Join(filepath.Dir(p.log), "gate"), []byte("go\n"), 0o600); err != nil {
		return err
	}
	<-p.Ended()
	return nil
}

func again(p *Process) error {
	if err := p.Start(context.Background()); err == nil {
		return errors.New("a running process was started once more")
	}
	first := p.Tail()
	if err := p.Kill(); err != nil {
		return err
	}
	if err := p.Start(context.Background()); err != nil {
		return err
	}
	if !strings.HasPrefix(p.Tail(), first) {
		return fmt.Errorf("the log of the first run, %q, is gone: %q", first, p.Tail())
	}
	return p.Kill()
}

func requireError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if want == "" && err == nil {
		return
	}
	if want == "" || err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("%s: error %v, want one with %q", what, err, want)
	}
}
