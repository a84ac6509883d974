// Package githttp is a real Git server over HTTP for tests and demonstrations: git http-backend behind net/http, on the loopback
// interface, with requests recorded and with faults on demand. Repositories are made and changed through the git command.
package githttp
