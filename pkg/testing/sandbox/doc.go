// Package sandbox installs NOPEA on a local cluster from the manifests that are shipped and runs its two servers as processes of this
// machine, each with the ServiceAccount, and so with exactly the rights, that it has as a Pod. Tests use it and `make run`. What the
// cluster is made of is not its business; see package localcluster.
package sandbox
