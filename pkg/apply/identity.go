package apply

import (
	"cmp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

// ID names an object whatever version it is written in. Namespace is empty for cluster-scoped objects.
type ID struct {
	Group, Kind, Namespace, Name string
}

// GroupKind of the object.
func (id ID) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: id.Group, Kind: id.Kind}
}

// String is what a user reads: "Deployment.apps shop/web", "Namespace shop".
func (id ID) String() string {
	name := id.Name
	if id.Namespace != "" {
		name = id.Namespace + "/" + id.Name
	}
	return id.GroupKind().String() + " " + name
}

// Compare orders IDs by kind, namespace and name.
func (id ID) Compare(other ID) int {
	return cmp.Or(
		strings.Compare(id.Group, other.Group),
		strings.Compare(id.Kind, other.Kind),
		strings.Compare(id.Namespace, other.Namespace),
		strings.Compare(id.Name, other.Name),
	)
}

// EntryID is the ID of an inventory entry.
func EntryID(entry *v1alpha1.InventoryEntry) ID {
	return ID{Group: entry.Group, Kind: entry.Kind, Namespace: entry.Namespace, Name: entry.Name}
}

// Owner is the GitRepository for which objects are applied. Ownership goes by name, not by uid: a GitRepository that was deleted
// and created again finds its objects.
type Owner struct {
	Namespace, Name string
}

// Labels that select the owner's objects.
func (o Owner) Labels() map[string]string {
	return map[string]string{v1alpha1.LabelRepository: o.Name, v1alpha1.LabelNamespace: o.Namespace}
}

// Labelled tells whether an object carries the owner's labels. That alone proves nothing: controllers copy labels.
func (o Owner) Labelled(object metav1.Object) bool {
	labels := object.GetLabels()
	return labels[v1alpha1.LabelRepository] == o.Name && labels[v1alpha1.LabelNamespace] == o.Namespace
}

func (o Owner) String() string {
	return o.Namespace + "/" + o.Name
}
