package localcluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	supervisorBinary = "localcluster"
	kubectlBinary    = "kubectl"

	defaultReadyTimeout = time.Minute
	// stopTimeout outlasts the supervisor's patience with its components, after which it kills them.
	stopTimeout = 40 * time.Second
)

// Component is a process of the control plane.
type Component string

// The components that Kill takes and Log knows.
const (
	Etcd              Component = "etcd"
	APIServer         Component = "kube-apiserver"
	ControllerManager Component = "kube-controller-manager"
	supervisor        Component = "supervisor"
)

// Options say how a cluster is run.
type Options struct {
	// Dir is the cluster's folder. It may not exist yet; a cluster that ran there before goes on with its data.
	Dir string
	// Durable makes etcd wait for the disk at each write. Without it, a crash of the machine loses data.
	Durable bool
	// ReadyTimeout is how long the start may take. Default: a minute.
	ReadyTimeout time.Duration
	// Nodes is how many nodes are simulated: Pods are put there and said to run. Without any they stay pending.
	Nodes int
}

// Cluster is a control plane that runs. It ends with Stop, and with the process that started it, however that ends.
type Cluster struct {
	dir     string
	kubectl string
	stdin   io.Closer
	ended   chan struct{}
	// err is why the supervisor ended; to be read once ended is closed.
	err  error
	stop sync.Once
}

// Start runs a cluster and returns when it is ready. The context bounds the start only.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.ReadyTimeout == 0 {
		o.ReadyTimeout = defaultReadyTimeout
	}
	binary, err := Binary(supervisorBinary)
	if err != nil {
		return nil, err
	}
	kubectl, err := Binary(kubectlBinary)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the folder of the cluster: %w", err)
	}
	cmd := exec.Command(binary, "run", "--until-stdin-closes", "--dir="+dir,
		"--ready-timeout="+o.ReadyTimeout.String(), "--unsafe-no-fsync="+strconv.FormatBool(!o.Durable),
		"--nodes="+strconv.Itoa(o.Nodes))
	// Ctrl-C in a terminal is for the process that started the cluster: it stops what uses the cluster first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := supervisorLog(dir)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the supervisor has its own descriptor
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the cluster: %w", err)
	}
	ready := make(chan struct{})
	cmd.Stdout = &firstLine{seen: ready}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the cluster: %w", err)
	}
	c := &Cluster{dir: dir, kubectl: kubectl, stdin: stdin, ended: make(chan struct{})}
	go func() { // ends with the supervisor
		c.err = cmd.Wait()
		close(c.ended)
	}()
	select {
	case <-ready:
		return c, nil
	case <-c.ended:
		return nil, fmt.Errorf("the cluster did not start: %w; the end of %s:\n%s", c.why(), log.Name(), tail(log.Name()))
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("start the cluster: %w", context.Cause(ctx)), c.Stop())
	}
}

// supervisorLog is beside the cluster's folder: the supervisor refuses a new folder that is not empty.
func supervisorLog(dir string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for the cluster: %w", err)
	}
	log, err := os.OpenFile(dir+".log", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of the cluster's supervisor: %w", err)
	}
	return log, nil
}

// firstLine is written to by the supervisor, which says one line when the cluster is ready.
type firstLine struct {
	seen chan<- struct{}
	once sync.Once
}

func (f *firstLine) Write(p []byte) (int, error) {
	f.once.Do(func() { close(f.seen) })
	return len(p), nil
}

// Stop ends the cluster and keeps its data. It may be called again.
func (c *Cluster) Stop() error {
	var err error
	c.stop.Do(func() {
		// A pipe whose reader has ended may say so; why it ended is told below.
		if closeErr := c.stdin.Close(); closeErr != nil && !errors.Is(closeErr, os.ErrClosed) {
			err = fmt.Errorf("tell the cluster to stop: %w", closeErr)
			return
		}
		select {
		case <-c.ended:
			if c.err != nil {
				err = fmt.Errorf("the cluster stopped badly: %w; see %s", c.err, c.Log(supervisor))
			}
		case <-time.After(stopTimeout):
			err = fmt.Errorf("the cluster has not stopped within %s; see %s", stopTimeout, c.Log(supervisor))
		}
	})
	return err
}

// Ended is closed when the cluster has ended, by Stop or by itself.
func (c *Cluster) Ended() <-chan struct{} { return c.ended }

func (c *Cluster) why() error {
	if c.err == nil {
		return errors.New("it ended without an error")
	}
	return c.err
}

// Kubeconfig is the path of the administrator's kubeconfig, which may be copied to elsewhere.
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

// Config is the administrator's configuration, a new one at each call. Its requests are not slowed down.
func (c *Cluster) Config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read the administrator's kubeconfig: %w", err)
	}
	config.QPS = -1
	return config, nil
}

// Kubectl runs the cluster's own kubectl as the administrator and returns what it wrote to standard output. Input may be nil.
func (c *Cluster) Kubectl(ctx context.Context, input io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.kubectl, args...)
	// What kubectl remembers of another cluster, which had the same port, is not about this one.
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "KUBECACHEDIR="+filepath.Join(c.dir, "kubectl-cache"))
	cmd.Stdin = input
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errOut.String()))
	}
	return out.String(), nil
}

// Kill ends a component with SIGKILL. The supervisor starts it again at once, with the same ports and data.
func (c *Cluster) Kill(component Component) error {
	path := filepath.Join(c.dir, "pids", string(component)+".pid")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("find the process of %s: %w", component, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return fmt.Errorf("no process id in %s", path)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s (pid %d): %w", component, pid, err)
	}
	return nil
}

// Log is the path of a component's log.
func (c *Cluster) Log(component Component) string {
	if component == supervisor {
		return c.dir + ".log"
	}
	return filepath.Join(c.dir, "logs", string(component)+".log")
}

const tailLines = 20

// tail is the end of a short log, for a message; a log that can not be read is as good as an empty one there.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close() // read only: nothing is lost
	var lines []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
