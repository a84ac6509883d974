//go:build !linux

package sandbox

import "syscall"

// attributes puts a server into a process group of its own, so that Ctrl-C in a terminal reaches the sandbox alone, which keeps the order
// of stopping. Only Linux can tie the server's life to the sandbox's.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
