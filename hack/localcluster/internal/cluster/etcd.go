package cluster

// etcdArgs is etcd's command line. Clients and peers must both show a certificate of
// etcd's own authority, since etcd holds the cluster's Secrets.
func etcdArgs(l Layout, ports Ports, unsafeNoFsync bool) []string {
	const name = "localcluster"
	client, peer := URL(ports.EtcdClient), URL(ports.EtcdPeer)
	args := []string{
		"--name=" + name,
		"--data-dir=" + l.etcdData(),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=" + name + "=" + peer,
		"--client-cert-auth",
		"--trusted-ca-file=" + l.Cert(EtcdCA),
		"--cert-file=" + l.Cert(etcdCert),
		"--key-file=" + l.Key(etcdCert),
		"--peer-client-cert-auth",
		"--peer-trusted-ca-file=" + l.Cert(EtcdCA),
		"--peer-cert-file=" + l.Cert(etcdCert),
		"--peer-key-file=" + l.Key(etcdCert),
	}
	// A single member need not hear from others, so it may elect itself at once; with the
	// defaults that takes a second.
	args = append(args, "--heartbeat-interval=10", "--election-timeout=100")
	if unsafeNoFsync {
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}
