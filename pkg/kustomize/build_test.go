package kustomize

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestBuild(t *testing.T) {
	objects := build(t, shop, "/apps/shop/prod/")
	if len(objects) != 4 {
		t.Fatal(describe(objects))
	}
	web := find(t, objects, "Deployment", "prod-web")
	if web.Origin.String() != "apps/shop/base/deploy.yaml" || web.GetNamespace() != "prod" || web.GetAnnotations() != nil {
		t.Errorf("%s in %s, annotations %v", web.Origin, web.GetNamespace(), web.GetAnnotations())
	}
	if replicas, _, _ := unstructured.NestedInt64(web.Object, "spec", "replicas"); replicas != 3 {
		t.Errorf("replicas %d", replicas)
	}
	pod, _, _ := unstructured.NestedMap(web.Object, "spec", "template", "spec")
	container := pod["containers"].([]any)[0].(map[string]any)
	if container["image"] != "example.com/web:3" || len(container["env"].([]any)) != 2 || len(pod["volumes"].([]any)) != 1 {
		t.Errorf("pod %v", pod)
	}
	service := find(t, objects, "Service", "prod-web")
	if service.Origin.File != "apps/shop/base/service.yml" || service.GetAnnotations()["image"] != "example.com/web:1" && service.GetAnnotations()["image"] != "example.com/web:3" {
		t.Errorf("%s, %v", service.Origin, service.GetAnnotations())
	}
	secret := find(t, objects, "Secret", "prod-tls")
	if secret.Origin.File != "components/tls/Kustomization" || secret.Object["data"].(map[string]any)["cert.pem"] != "Q0VSVA==" {
		t.Errorf("%s: %v", secret.Origin, secret.Object)
	}
	settings := container["envFrom"].([]any)[0].(map[string]any)["configMapRef"].(map[string]any)["name"].(string)
	config := find(t, objects, "ConfigMap", settings)
	data := config.Object["data"].(map[string]any)
	if !strings.HasPrefix(settings, "prod-settings-") || config.Origin.File != "apps/shop/base/kustomization.yaml" ||
		data["config.ini"] != "x = y\n" || data["key"] != shop["apps/shop/base/other.txt"] || data["a"] != "b" || data["C"] != "d" || data["EMPTY"] != "" {
		t.Errorf("%s %s: %v", settings, config.Origin, data)
	}
	for _, environment := range []string{"dev", "test"} {
		if got := build(t, shop, "apps/shop/"+environment); len(got) != 3 {
			t.Errorf("%s: %s", environment, describe(got))
		}
	}
}
