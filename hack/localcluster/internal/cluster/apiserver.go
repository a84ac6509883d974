package cluster

import "strconv"

const (
	serviceRange = "10.96.0.0/16"
	issuer       = "https://kubernetes.default.svc.cluster.local"
)

// apiServerArgs is kube-apiserver's command line.
func apiServerArgs(l Layout, ports Ports) []string {
	return []string{
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(ports.APIServer),
		// No Endpoints can hold a loopback address, so the Service "kubernetes" has none.
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=" + serviceRange,
		"--allow-privileged",

		"--tls-cert-file=" + l.Cert(apiServerCert),
		"--tls-private-key-file=" + l.Key(apiServerCert),

		"--etcd-servers=" + URL(ports.EtcdClient),
		"--etcd-cafile=" + l.Cert(EtcdCA),
		"--etcd-certfile=" + l.Cert(EtcdClientCert),
		"--etcd-keyfile=" + l.Key(EtcdClientCert),

		"--client-ca-file=" + l.Cert(ClusterCA),
		"--authorization-mode=RBAC",
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + l.Key(serviceAccountKey),
		"--service-account-signing-key-file=" + l.Key(serviceAccountKey),

		"--requestheader-client-ca-file=" + l.Cert(frontProxyCA),
		"--requestheader-allowed-names=" + frontProxyCert,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-uid-headers=X-Remote-Uid",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + l.Cert(frontProxyCert),
		"--proxy-client-key-file=" + l.Key(frontProxyCert),

		// Up to three files of 512 MB: a test can read back everything, yet a cluster
		// that lives for long does not fill the disk. Writing is "blocking", the default:
		// a request's line is in the file when its answer ends.
		"--audit-policy-file=" + l.auditPolicy(),
		"--audit-log-path=" + l.AuditLog(),
		"--audit-log-maxsize=512",
		"--audit-log-maxbackup=2",
	}
}
