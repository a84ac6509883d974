//go:build !linux

package supervise

import "syscall"

// attributes puts a component into a process group of its own, so that a Ctrl-C in the
// terminal reaches the supervisor alone and it can keep the order of stopping. Only Linux
// can tie the component's life to its supervisor's.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
