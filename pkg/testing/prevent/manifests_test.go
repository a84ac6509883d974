package prevent

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"nopea.io/nopea/pkg/testing/githttp"
)

func configMap(name string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata: {name: %s, labels: {tier: back}, annotations: {note: mine}}
data: {greeting: Hello}`, name)
}

func secret(name string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: %s, labels: {tier: back}, annotations: {note: mine}}
data: {password: c2VjcmV0}`, name)
}

func service(name string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: %[1]s, labels: {tier: back}, annotations: {note: mine}}
spec: {selector: {app: %[1]s}, ports: [{port: 80}]}`, name)
}

func pod(name string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: web}}
spec: {containers: [{name: main, image: example.org/web:1}]}`, name)
}

func deployment(name string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  labels: {tier: back}
  annotations: {note: mine}
spec:
  replicas: 2
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - {name: main, image: example.org/web:1, env: [{name: COLOR, value: blue}]}`, name)
}

func autoscaler(name string) string {
	return fmt.Sprintf(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]`, name)
}

// widget is an object of the kind that newWidgets defines for a group.
func widget(group, name string) string {
	return fmt.Sprintf(`
apiVersion: %[1]s/v1
kind: Widget
metadata: {name: %[2]s, labels: {tier: back}, annotations: {note: mine}}
spec: {size: 3, parts: [{name: axle, teeth: 12}, {name: rim, teeth: 40}]}`, group, name)
}

// widgetDefinition defines Widgets, whose parts are keyed by name ("map"), or are one value ("atomic").
func widgetDefinition(group, parts string) string {
	keys := ""
	if parts == "map" {
		keys = "x-kubernetes-list-map-keys: [name]"
	}
	return fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer}
              parts:
                type: array
                x-kubernetes-list-type: %[2]s
                %[3]s
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, teeth: {type: integer}}
          status:
            type: object
            properties: {spins: {type: boolean}}`, group, parts, keys)
}

// newWidgets defines the kind Widget, with keyed parts, in a group and waits until it is served.
func newWidgets(t *testing.T, group string) schema.GroupVersionResource {
	t.Helper()
	defineWidgets(t, group, "map")
	widgets := schema.GroupVersionResource{Group: group, Version: "v1", Resource: "widgets"}
	client := githttp.Must(dynamic.NewForConfig(world.admin))(t)
	eventually(t, "Widgets are served", func(ctx context.Context) error {
		_, err := client.Resource(widgets).List(ctx, metav1.ListOptions{})
		return err
	})
	return widgets
}

func defineWidgets(t *testing.T, group, parts string) {
	t.Helper()
	definition := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(widgetDefinition(group, parts)), &definition.Object); err != nil {
		t.Fatal(err)
	}
	client := githttp.Must(dynamic.NewForConfig(world.admin))(t)
	definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	githttp.Must(client.Resource(definitions).Apply(background(), definition.GetName(), definition, metav1.ApplyOptions{FieldManager: "test"}))(t)
}
