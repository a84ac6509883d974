// Package integration tests NOPEA as its users meet it: a real control plane, both servers as processes with the rights that ship,
// a real Git server, real kubectl. It holds tests only; what starts those parts is in the packages beside it.
package integration
