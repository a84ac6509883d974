package cluster

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"text/template"

	"nopea.io/nopea/hack/localcluster/internal/atomicfile"
)

//go:embed audit-policy.yaml
var auditPolicy []byte

// kubeconfigTemplate carries the certificates in it, so that the file can be moved.
var kubeconfigTemplate = template.Must(template.New("kubeconfig").Parse(`apiVersion: v1
kind: Config
clusters:
- name: localcluster
  cluster:
    server: {{.Server}}
    certificate-authority-data: {{.CA}}
users:
- name: {{.User}}
  user:
    client-certificate-data: {{.Cert}}
    client-key-data: {{.Key}}
contexts:
- name: localcluster
  context:
    cluster: localcluster
    user: {{.User}}
current-context: localcluster
`))

// WriteConfig writes the files that the components and the administrator read: the
// kubeconfigs, the audit policy and kwok's stages. The certificates must exist.
func WriteConfig(l Layout, ports Ports) error {
	for _, config := range []struct{ path, cert string }{
		{l.Kubeconfig(), AdminCert},
		{l.controllerManagerKubeconfig(), controllerManagerUserCert},
		{l.schedulerKubeconfig(), schedulerUserCert},
	} {
		data, err := kubeconfig(l, ports, config.cert)
		if err != nil {
			return fmt.Errorf("writing kubeconfig %s: %w", config.path, err)
		}
		if err := atomicfile.Write(config.path, data, 0o600); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(l.stages(), []byte(stages()), 0o600); err != nil {
		return err
	}
	return atomicfile.Write(l.auditPolicy(), auditPolicy, 0o600)
}

func kubeconfig(l Layout, ports Ports, cert string) ([]byte, error) {
	values := map[string]string{"Server": URL(ports.APIServer), "User": cert}
	for field, path := range map[string]string{"CA": l.Cert(ClusterCA), "Cert": l.Cert(cert), "Key": l.Key(cert)} {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		values[field] = base64.StdEncoding.EncodeToString(data)
	}
	var out bytes.Buffer
	err := kubeconfigTemplate.Execute(&out, values)
	return out.Bytes(), err
}
