package sandbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"nopea.io/nopea/pkg/testing/localcluster"
)

type object = *unstructured.Unstructured

// manifests are what is shipped for an installation, without the Deployments, in the order of applying them.
type manifests struct {
	namespaces, others []object
	// api leads kube-apiserver to nopea-apiserver.
	api []object
}

// readManifests reads artifacts/install of the checkout.
func readManifests() (*manifests, error) {
	root, err := localcluster.Root()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, "artifacts", "install")
	names, err := listed(filepath.Join(dir, "kustomization.yaml"))
	if err != nil {
		return nil, err
	}
	var all manifests
	for _, name := range names {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read a manifest: %w", err)
		}
		if err := all.add(data); err != nil {
			return nil, fmt.Errorf("read manifest %s: %w", path, err)
		}
	}
	return &all, nil
}

// listed are the files that make up the installation.
func listed(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("list the manifests: %w", err)
	}
	var kustomization struct {
		Resources []string `json:"resources"`
	}
	if err := yaml.Unmarshal(data, &kustomization); err != nil {
		return nil, fmt.Errorf("list the manifests: %s: %w", path, err)
	}
	if len(kustomization.Resources) == 0 {
		return nil, fmt.Errorf("list the manifests: %s names no resources", path)
	}
	return kustomization.Resources, nil
}

func (m *manifests) add(data []byte) error {
	objects, err := decode(data)
	if err != nil {
		return err
	}
	for _, item := range objects {
		switch kind := item.GetKind(); {
		case kind == "Deployment" || kind == "PersistentVolumeClaim":
			// The cluster has no nodes: the sandbox runs the servers itself, with a folder for the data.
		case kind == "Namespace":
			m.namespaces = append(m.namespaces, item)
		case kind == "APIService" || kind == "Service" && item.GetName() == apiServer:
			m.api = append(m.api, item)
		default:
			m.others = append(m.others, item)
		}
	}
	return nil
}

// decode reads the objects of a YAML stream.
func decode(data []byte) ([]object, error) {
	var objects []object
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4<<10); ; {
		item := &unstructured.Unstructured{}
		err := decoder.Decode(item)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if item.Object != nil { // a document of comments alone has none
			objects = append(objects, item)
		}
	}
}

// leadTo makes the Service and the APIService lead to a port of this machine, which identifies itself by the authority given in PEM.
func (m *manifests) leadTo(port int, authority []byte) error {
	for _, item := range m.api {
		if item.GetKind() == "Service" {
			item.Object["spec"] = map[string]any{
				"type":         "ExternalName",
				"externalName": "localhost",
				"ports":        []any{map[string]any{"name": "sandbox", "port": int64(port), "protocol": "TCP"}},
			}
			continue
		}
		if err := unstructured.SetNestedField(item.Object, int64(port), "spec", "service", "port"); err != nil {
			return fmt.Errorf("set the port of APIService %s: %w", item.GetName(), err)
		}
		if err := unstructured.SetNestedField(item.Object, base64.StdEncoding.EncodeToString(authority), "spec", "caBundle"); err != nil {
			return fmt.Errorf("set the authority of APIService %s: %w", item.GetName(), err)
		}
		unstructured.RemoveNestedField(item.Object, "spec", "insecureSkipTLSVerify")
	}
	return nil
}
