// Package localcluster runs the local control plane of hack/localcluster for as long as a test, or the sandbox, needs it. It knows
// processes, files and the audit log. What is installed on the cluster is not its business; see package sandbox for NOPEA.
package localcluster
