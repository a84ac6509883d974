package cluster

import (
	"strings"

	nodeinitialize "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	nodeheartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
)

// kwokArgs is kwok's command line. It says of every node that it is ready, and of the Pods
// there that they run, or have run where a Job made them.
func kwokArgs(l Layout, ports Ports) []string {
	return []string{
		"--kubeconfig=" + l.Kubeconfig(),
		"--config=" + l.stages(),
		"--manage-all-nodes",
		"--node-ip=127.0.0.1",
		"--node-lease-duration-seconds=40",
		"--server-address=" + localAddress(ports.Kwok),
		"--cidr=10.244.0.0/16",
	}
}

// stages are kwok's own, for nodes and Pods that do well at once.
func stages() string {
	return strings.Join([]string{
		nodeinitialize.DefaultNodeInit, nodeheartbeat.DefaultNodeHeartbeatWithLease,
		podfast.DefaultPodReady, podfast.DefaultPodComplete, podfast.DefaultPodDelete,
	}, "\n---\n")
}
