// Package gitssh is a real Git server over SSH for tests: OpenSSH's sshd, as the user who runs the tests, on the loopback interface, with
// host keys and authorized keys of its own. It serves the bare repositories that are on this machine, by their paths.
package gitssh
