package cluster

import "strconv"

// schedulerArgs is kube-scheduler's command line.
func schedulerArgs(l Layout, ports Ports) []string {
	kubeconfig := l.schedulerKubeconfig()
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(ports.Scheduler),
		"--tls-cert-file=" + l.Cert(schedulerCert),
		"--tls-private-key-file=" + l.Key(schedulerCert),
		"--leader-elect=false",
	}
}
