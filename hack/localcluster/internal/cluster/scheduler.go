package cluster

// schedulerArgs is kube-scheduler's command line.
func schedulerArgs(l Layout, ports Ports) []string {
	return componentArgs(l, l.schedulerKubeconfig(), ports.Scheduler, schedulerCert)
}
