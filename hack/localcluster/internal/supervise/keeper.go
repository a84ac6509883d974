// Package supervise keeps processes running: it starts them, starts those again that end,
// and stops them in order. It knows nothing of what the processes are.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"nopea.io/nopea/hack/localcluster/internal/atomicfile"
)

// Spec says how to run a process.
type Spec struct {
	Name string
	Path string
	Args []string
	// LogFile receives what the process writes. PIDFile holds its id while it runs.
	LogFile, PIDFile string
}

// Keeper keeps one process running until it is stopped.
type Keeper struct {
	spec Spec
	// stopping is closed when Stop is called, done when the process has ended for good.
	stopping, done chan struct{}
	stopOnce       sync.Once

	mu    sync.Mutex
	cmd   *exec.Cmd // nil while no process runs
	exits int
}

// Keep starts a process and keeps it running. What happens to it is logged with ctx's
// logger; only Stop ends it.
func Keep(ctx context.Context, spec Spec) *Keeper {
	k := &Keeper{spec: spec, stopping: make(chan struct{}), done: make(chan struct{})}
	go k.keep(klog.LoggerWithValues(klog.FromContext(ctx), "component", spec.Name))
	return k
}

// Exits is how often the process has ended, or could not be started, without being asked to.
func (k *Keeper) Exits() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.exits
}

// Stop asks the process to end, kills it if it has not after the grace period, and
// returns when it is gone.
func (k *Keeper) Stop(grace time.Duration) {
	k.stopOnce.Do(func() { close(k.stopping) })
	k.signal(syscall.SIGTERM)
	select {
	case <-k.done:
		return
	case <-time.After(grace):
	}
	k.signal(syscall.SIGKILL)
	<-k.done
}

func (k *Keeper) signal(signal os.Signal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cmd != nil {
		// The one error possible is that the process has ended, which is what is wanted.
		_ = k.cmd.Process.Signal(signal)
	}
}

func (k *Keeper) keep(logger klog.Logger) {
	defer close(k.done)
	// The kernel ties the process's life to this thread's (Pdeathsig), so the thread must
	// live as long as the process does. It ends with this goroutine.
	runtime.LockOSThread()
	var pause backoff
	for {
		started := time.Now()
		err := k.runOnce()
		ran := time.Since(started).Round(time.Millisecond)
		if k.stopped() {
			logger.Info("Stopped component", "result", outcome(err))
			return
		}
		delay := pause.delay(ran)
		logger.Info("Component ended unexpectedly, starting it again", "result", outcome(err), "ran", ran, "delay", delay)
		select {
		case <-time.After(delay):
		case <-k.stopping:
			return
		}
	}
}

func (k *Keeper) stopped() bool {
	select {
	case <-k.stopping:
		return true
	default:
		return false
	}
}

func outcome(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// runOnce runs the process until it ends.
func (k *Keeper) runOnce() error {
	cmd, err := k.start()
	if err == nil && cmd != nil {
		err = cmd.Wait()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cmd = nil
	if !k.stopped() {
		k.exits++
	}
	if removeErr := os.Remove(k.spec.PIDFile); err == nil && removeErr != nil && !errors.Is(removeErr, os.ErrNotExist) {
		err = fmt.Errorf("removing the pid file: %w", removeErr)
	}
	return err
}

// start starts the process unless Stop has been called, in which case it returns nil. It
// holds the lock, so that Stop either prevents the start or finds a process to signal.
func (k *Keeper) start() (*exec.Cmd, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped() {
		return nil, nil
	}
	log, err := os.OpenFile(k.spec.LogFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close() // the process has its own descriptor
	cmd := exec.Command(k.spec.Path, k.spec.Args...)
	// Kubernetes' components take the name by which they call themselves, as in the user
	// agent of their requests, from here.
	cmd.Args[0] = k.spec.Name
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", k.spec.Path, err)
	}
	k.cmd = cmd
	if err := atomicfile.Write(k.spec.PIDFile, []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		// Without its pid file nobody finds the process; better to fail visibly and try again.
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return cmd, nil
}
