package sandbox

import "syscall"

// attributes puts a server into a process group of its own, so that Ctrl-C in a terminal reaches the sandbox alone, which keeps the order
// of stopping. The kernel kills the server when the thread that started it ends: see keep.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
