package ownership

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
)

const (
	apply  = metav1.ManagedFieldsOperationApply
	update = metav1.ManagedFieldsOperationUpdate
)

var (
	deployment = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	service    = schema.GroupKind{Kind: "Service"}
	secret     = schema.GroupKind{Kind: "Secret"}
)

type entries []metav1.ManagedFieldsEntry

func entry(manager string, operation metav1.ManagedFieldsOperationType, subresource, fields string, seconds int64) metav1.ManagedFieldsEntry {
	at := metav1.NewTime(time.Unix(seconds, 0))
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: operation, APIVersion: "v1", Subresource: subresource,
		Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}
}

// own is NOPEA's entry, applied at second 100.
func own(fields string) metav1.ManagedFieldsEntry {
	return entry("nopea", apply, "", fields, 100)
}

// inTemplate is the field set of a Deployment's first container and whatever else.
func inContainer(fields string) string {
	return `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{` + fields + `}}}}}}`
}

func objectWith(managed ...metav1.ManagedFieldsEntry) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "web", UID: "u", ResourceVersion: "7", Generation: 3,
		Labels:        map[string]string{v1alpha1.LabelNamespace: "team", v1alpha1.LabelRepository: "shop", "app": "web"},
		ManagedFields: managed,
	}}
}

// big is an object of which NOPEA applied some 2,000 fields, and of which a controller writes the status.
func big() *metav1.PartialObjectMetadata {
	var fields strings.Builder
	fields.WriteString(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{`)
	for i := range 100 {
		if i > 0 {
			fields.WriteByte(',')
		}
		fmt.Fprintf(&fields, `"k:{\"name\":\"container-%03d\"}":{".":{},"f:image":{},"f:name":{},"f:env":{`, i)
		for j := range 8 {
			if j > 0 {
				fields.WriteByte(',')
			}
			fmt.Fprintf(&fields, `"k:{\"name\":\"VARIABLE_%d\"}":{".":{},"f:name":{}}`, j)
		}
		fields.WriteString(`}}`)
	}
	fields.WriteString(`}}}}}`)
	return objectWith(own(fields.String()), entry("kube-controller-manager", update, "status", `{"f:status":{"f:replicas":{}}}`, 200))
}
