package cluster

// controllerManagerArgs is kube-controller-manager's command line. Every controller that
// is on by default runs; those of nodes and volumes find nothing to do.
func controllerManagerArgs(l Layout, ports Ports) []string {
	return append(componentArgs(l, l.controllerManagerKubeconfig(), ports.ControllerManager, controllerManagerCert),
		"--controllers=*",
		"--use-service-account-credentials",
		"--service-cluster-ip-range="+serviceRange,
		"--service-account-private-key-file="+l.Key(serviceAccountKey),
		"--root-ca-file="+l.Cert(ClusterCA),
		"--cluster-signing-cert-file="+l.Cert(ClusterCA),
		"--cluster-signing-key-file="+l.Key(ClusterCA),
		// The default lies below /usr, which is not ours to write.
		"--flex-volume-plugin-dir="+l.flexVolumes(),

		// The defaults, 20 and 30, slow a test down that creates many objects.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
}
