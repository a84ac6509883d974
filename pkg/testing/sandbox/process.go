package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// stopTimeout is how long a server may take to end after SIGTERM.
	stopTimeout = 30 * time.Second
	// readyPause is the time between two looks whether a server is ready.
	readyPause = 20 * time.Millisecond
	// tailBytes of a log are shown in an error.
	tailBytes = 4 << 10
)

// Process is a server that runs, or can be started. Its methods may be called from several goroutines.
type Process struct {
	name, path, log string
	args            []string
	// ready returns an error for as long as the server is not ready.
	ready func(context.Context) error

	mu      sync.Mutex
	current *execution
	started bool
}

// execution is a process from its start to its end.
type execution struct {
	process *os.Process
	ended   chan struct{}
	// err is why it ended; to be read once ended is closed.
	err error
	// known is whether its end was asked for here, or was told already.
	known bool
}

// Start runs the process and returns when it is ready. A process that runs already is an error.
func (p *Process) Start(ctx context.Context) error {
	current, err := p.launch()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ticker := time.NewTicker(readyPause)
	defer ticker.Stop()
	for {
		last := p.ready(ctx)
		if last == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-current.ended:
			p.mu.Lock()
			current.known = true
			p.mu.Unlock()
			return fmt.Errorf("%s ended before it was ready: %w; the end of %s:\n%s", p.name, current.why(), p.log, p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w: %w; the end of %s:\n%s", p.name, context.Cause(ctx), last, p.log, p.Tail())
		}
	}
}

func (p *Process) launch() (*execution, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil && p.current.running() {
		return nil, errors.New("it runs already")
	}
	mode := os.O_TRUNC
	if p.started {
		mode = os.O_APPEND
	}
	log, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE|mode, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open its log: %w", err)
	}
	defer log.Close() // the process has its own descriptor
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	// Where the executable is built with -race, a race ends it, and so fails the test.
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1")
	current, err := keep(cmd)
	if err != nil {
		return nil, err
	}
	p.current, p.started = current, true
	return current, nil
}

// keep starts a command from a thread that stays for as long as the command runs, because the kernel ties the two together.
func keep(cmd *exec.Cmd) (*execution, error) {
	e := &execution{ended: make(chan struct{})}
	started := make(chan error)
	go func() { // ends with the process
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		e.process = cmd.Process
		started <- err
		if err == nil {
			e.err = cmd.Wait()
			close(e.ended)
		}
	}()
	return e, <-started
}

func (e *execution) running() bool {
	select {
	case <-e.ended:
		return false
	default:
		return true
	}
}

func (e *execution) why() error {
	if e.err == nil {
		return errors.New("exit status 0")
	}
	return e.err
}

// Kill ends the process with SIGKILL and returns when it is gone.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL) }

// Stop ends the process with SIGTERM, as Kubernetes does, and returns when it is gone. One that takes longer than 30 seconds or does not
// end with exit status 0 is an error.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM) }

// Restart stops the process, starts it again and returns when it is ready.
func (p *Process) Restart(ctx context.Context) error {
	if err := p.Stop(); err != nil {
		return err
	}
	return p.Start(ctx)
}

// Ended is closed when the process that was started last has ended, whether it was told to or not.
func (p *Process) Ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return p.current.ended
}

// Log is the path of the log.
func (p *Process) Log() string { return p.log }

// Tail is the end of the log, or why there is none.
func (p *Process) Tail() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(data[max(0, len(data)-tailBytes):]))
}

func (p *Process) end(sig syscall.Signal) error {
	p.mu.Lock()
	current := p.current
	if current == nil || !current.running() {
		p.mu.Unlock()
		return fmt.Errorf("stop %s: it does not run; see %s", p.name, p.log)
	}
	current.known = true
	p.mu.Unlock()
	if err := current.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-current.ended:
	case <-timer.C:
		killErr := current.process.Kill()
		return errors.Join(fmt.Errorf("stop %s: it did not end within %s of %s; the end of %s:\n%s", p.name, stopTimeout, sig, p.log, p.Tail()), killErr)
	}
	if sig == syscall.SIGTERM && current.err != nil {
		return fmt.Errorf("stop %s: it ended with %w; the end of %s:\n%s", p.name, current.err, p.log, p.Tail())
	}
	return nil
}

// finish stops the process if it runs, and tells if it had ended by itself.
func (p *Process) finish() error {
	p.mu.Lock()
	current := p.current
	p.mu.Unlock()
	switch {
	case current == nil:
		return nil
	case current.running():
		return p.Stop()
	case current.known:
		return nil
	}
	return fmt.Errorf("%s ended by itself: %w; the end of %s:\n%s", p.name, current.why(), p.log, p.Tail())
}

// Name of the server.
func (p *Process) Name() string { return p.name }
