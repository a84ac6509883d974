package apiserver

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

func TestPreferJSON(t *testing.T) {
	const meta = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	for accept, want := range map[string]string{
		"application/vnd.kubernetes.protobuf":                                                  "application/json",
		"application/vnd.kubernetes.protobuf,application/json":                                 "application/json,application/json",
		"application/json, application/vnd.kubernetes.protobuf":                                "application/json,application/json",
		"application/vnd.kubernetes.protobuf;stream=watch":                                     "application/json;stream=watch",
		"application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1":                      "application/json;as=Table;g=meta.k8s.io;v=v1",
		"application/vnd.kubernetes.protobuf;" + meta:                                          "application/vnd.kubernetes.protobuf;" + meta,
		"application/vnd.kubernetes.protobuf;" + meta + ",application/vnd.kubernetes.protobuf": "application/vnd.kubernetes.protobuf;" + meta + ",application/json",
		"application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1":  "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
		"text/plain;q=0.1,*/*": "text/plain;q=0.1,*/*",
	} {
		if got := preferJSON(accept); got != want {
			t.Errorf("%s: got %s, want %s", accept, got, want)
		}
	}
}

// TestAccept speaks as the clients in kube-controller-manager do: protobuf first.
func TestAccept(t *testing.T) {
	const (
		protobuf     = "application/vnd.kubernetes.protobuf"
		partial      = ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
		partialList  = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
		table        = ";as=Table;g=meta.k8s.io;v=v1"
		repositories = "/apis/nopea.io/v1alpha1/namespaces/" + namespace + "/gitrepositories"
	)
	s := startServer(t, t.TempDir(), nil)
	s.createRepository(t, "shop")
	for _, test := range []struct{ accept, path, contentType, says string }{
		{protobuf + ",application/json", repositories + "/shop", "application/json", `"kind":"GitRepository"`},
		{"application/json," + protobuf, repositories + "/shop", "application/json", `"kind":"GitRepository"`},
		{protobuf, repositories, "application/json", `"kind":"GitRepositoryList"`},
		{"", repositories, "application/json", `"kind":"GitRepositoryList"`},
		{"application/yaml", repositories + "/shop", "application/yaml", "kind: GitRepository"},
		{protobuf + partial, repositories + "/shop", protobuf, "PartialObjectMetadata"},
		{protobuf + partialList, repositories, protobuf, "PartialObjectMetadataList"},
		{"application/json" + partialList, repositories, "application/json", "PartialObjectMetadataList"},
		{protobuf + table + "," + protobuf, repositories, "application/json", `"kind":"Table"`},
		{protobuf + ",application/json", repositories + "/nobody", "application/json", `"reason":"NotFound"`},
		{protobuf + ";stream=watch", repositories + "?watch=1&timeoutSeconds=1", "application/json", `"type":"ADDED"`},
		{protobuf + partial, repositories + "?watch=1&timeoutSeconds=1", protobuf + ";stream=watch", "PartialObjectMetadata"},
		{protobuf + ",application/json", "/apis/nopea.io/v1alpha1", protobuf, "APIResourceList"},
	} {
		answer := rawRequest(t, s.as("root"), "GET", test.path, "", "", "Accept", test.accept)
		if answer.StatusCode == 406 || !strings.HasPrefix(answer.Header.Get("Content-Type"), test.contentType) || !strings.Contains(strings.ReplaceAll(answer.body, `": "`, `":"`), test.says) {
			t.Errorf("GET %s, Accept %q: %d %s %.200q", test.path, test.accept, answer.StatusCode, answer.Header.Get("Content-Type"), answer.body)
		}
	}
	// A body in protobuf cannot be understood; it must be refused and not stored.
	if answer := rawRequest(t, s.as("root"), "POST", repositories, protobuf, "k8s\x00garbage", "Accept", protobuf); answer.StatusCode < 400 || answer.StatusCode >= 500 {
		t.Errorf("POST of protobuf: %d %s", answer.StatusCode, answer.body)
	}

	client, err := metadata.NewForConfig(metadata.ConfigFor(s.as("root")))
	if err != nil {
		t.Fatal(err)
	}
	resource := client.Resource(v1alpha1.SchemeGroupVersion.WithResource("gitrepositories")).Namespace(namespace)
	if list, err := resource.List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 1 {
		t.Errorf("list of metadata: %v, %v", list, err)
	}
	if err := resource.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Errorf("deletion of the collection: %v", err)
	}
	if list, err := resource.List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) != 0 {
		t.Errorf("after the deletion of the collection: %v, %v", list, err)
	}
}
