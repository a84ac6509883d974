package supervise

import "syscall"

// attributes puts a component into a process group of its own, so that a Ctrl-C in the
// terminal reaches the supervisor alone and it can keep the order of stopping. The
// kernel kills the component when the thread that started it ends: see Keeper.keep.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
