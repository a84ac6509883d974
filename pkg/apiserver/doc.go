// Package apiserver configures the generic API server that serves nopea.io: its options, its scheme, what it stores where. What a
// resource does on a write belongs to pkg/registry; the store that the server brings along is in the folder etcd.
package apiserver
