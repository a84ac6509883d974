package supervise

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const supervisorDir = "SUPERVISE_TEST_DIR"

// TestMain makes this executable a supervisor where the variable asks for it.
func TestMain(m *testing.M) {
	if dir := os.Getenv(supervisorDir); dir != "" {
		Keep(context.Background(), shell(dir, "child", ":"))
		select {}
	}
	os.Exit(m.Run())
}

func TestProcessDiesWithItsSupervisor(t *testing.T) {
	dir := t.TempDir()
	supervisor := exec.Command(os.Args[0])
	supervisor.Dir = dir
	supervisor.Env = append(os.Environ(), supervisorDir+"="+dir)
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the child", func() bool { return exists(filepath.Join(dir, "child.ready")) })
	child := pidIn(filepath.Join(dir, "child.pid"))
	t.Cleanup(func() { // in case the test fails
		if alive(child) {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
	})
	if !alive(child) {
		t.Fatalf("the child, pid %d, is not alive", child)
	}
	if err := supervisor.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Wait(); err == nil {
		t.Error("the supervisor ended by itself")
	}
	await(t, "the child's end", func() bool { return !alive(child) })
}

// alive reports whether a process is there and not merely waiting to be reaped.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}
