package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// folder holds everything that a sandbox stores. At most one process runs it at a time.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

func (f folder) kubeconfig() string  { return f.path("kubeconfig") }
func (f folder) cluster() string     { return f.path("cluster") }
func (f folder) nopea() string       { return f.path("nopea") }
func (f folder) git() string         { return f.path("git") }
func (f folder) workingCopy() string { return f.path("sample") }
func (f folder) log() string         { return f.path("sandbox.log") }
func (f folder) lockFile() string    { return f.path("lock") }
func (f folder) stateFile() string   { return f.path("state.json") }

// state is what the process that runs the folder tells others.
type state struct {
	PID        int  `json:"pid"`
	Background bool `json:"background"`
	Ready      bool `json:"ready"`
}

// stop is how the sandbox is stopped.
func (s state) stop() string {
	if s.Background {
		return "stop it with `make down`"
	}
	return "stop it with Ctrl-C in its terminal, or with `make down`"
}

var errRuns = errors.New("it runs already")

// lock makes this process the one that runs the folder, until it ends or unlocks. It returns errRuns where there is one already.
func (f folder) lock() (unlock func() error, err error) {
	file, err := os.OpenFile(f.lockFile(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the sandbox: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		closeErr := file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(errRuns, closeErr)
		}
		return nil, errors.Join(fmt.Errorf("lock the sandbox: %w", err), closeErr)
	}
	// What a process that was killed has left is not about this one.
	if err := os.Remove(f.stateFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("remove the state of an earlier sandbox: %w", err), file.Close())
	}
	return file.Close, nil
}

// running tells whether a process runs the folder, and what that says. The state is empty while it only just started.
func (f folder) running() (state, bool, error) {
	unlock, err := f.lock()
	if err == nil {
		return state{}, false, unlock()
	}
	if !errors.Is(err, errRuns) {
		return state{}, false, err
	}
	var s state
	data, err := os.ReadFile(f.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return s, true, nil
	}
	if err != nil {
		return s, true, fmt.Errorf("read the sandbox's state: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, true, fmt.Errorf("read the sandbox's state from %s: %w", f.stateFile(), err)
	}
	return s, true, nil
}

func (f folder) saveState(s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the sandbox's state: %w", err)
	}
	return f.replace(f.stateFile(), data)
}

// replace writes a file so that nobody sees half of it.
func (f folder) replace(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
