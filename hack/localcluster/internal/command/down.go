package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nopea.io/nopea/hack/localcluster/internal/cluster"
)

// downTimeout leaves each component its grace period.
const downTimeout = 3*stopGrace + 5*time.Second

func newDown() *cobra.Command {
	var set settings
	return newFor("down", "Stop the cluster and keep its data", &set,
		func(cmd *cobra.Command, layout cluster.Layout) error {
			return down(layout, cmd.OutOrStdout())
		})
}

func newWipe() *cobra.Command {
	var set settings
	return newFor("wipe", "Stop the cluster and delete its folder", &set,
		func(cmd *cobra.Command, layout cluster.Layout) error {
			if err := down(layout, cmd.OutOrStdout()); err != nil {
				return err
			}
			if err := layout.Delete(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Deleted %s\n", layout.Dir)
			return nil
		})
}

// down asks the supervisor to end and waits until it has let go of the lock.
func down(layout cluster.Layout, out io.Writer) error {
	deadline := time.Now().Add(downTimeout)
	asked := false
	for {
		running, err := layout.Running()
		if err != nil {
			return err
		}
		if !running {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the supervisor has not ended within %s: see %s", downTimeout, layout.Log(cluster.Supervisor))
		}
		if !asked {
			if asked, err = askToEnd(layout); err != nil {
				return err
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	if asked {
		fmt.Fprintln(out, "The cluster has stopped")
	} else {
		fmt.Fprintln(out, "The cluster was not running")
	}
	return nil
}

// askToEnd signals the supervisor. It returns false while a supervisor that has only
// just started has not written its pid file yet.
func askToEnd(layout cluster.Layout) (bool, error) {
	pid, err := readPID(layout, cluster.Supervisor)
	if err != nil || pid == 0 {
		return false, err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return false, fmt.Errorf("asking the supervisor (pid %d) to end: %w", pid, err)
	}
	return true, nil
}

// readPID returns the process id in a component's pid file, 0 where there is no file.
func readPID(layout cluster.Layout, component string) (int, error) {
	data, err := os.ReadFile(layout.PIDFile(component))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the pid of %s: %w", component, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("no process id in %s", layout.PIDFile(component))
	}
	return pid, nil
}
