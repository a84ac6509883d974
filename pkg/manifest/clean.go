package manifest

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// item is an object of a document; its number counts from 1 within a List and is 0 outside of one.
type item struct {
	number int
	value  map[string]any
}

// expand makes of a document its objects: the items, if it is a List of any kind, else itself.
func expand(doc map[string]any) ([]item, *Error) {
	if err := checkDecrypted(doc); err != nil {
		return nil, err
	}
	kind, _ := doc["kind"].(string)
	itemKind, isList := strings.CutSuffix(kind, "List")
	if !isList {
		return []item{{value: doc}}, nil
	}
	values, ok := doc["items"].([]any)
	if !ok && (itemKind != "" || doc["apiVersion"] != "v1") {
		// A kind of that name, such as IPAllowList.
		return []item{{value: doc}}, nil
	}
	if !ok && doc["items"] != nil {
		return nil, fault(Invalid, "items of a List must be a list, not %s", typeName(doc["items"]))
	}
	items := make([]item, 0, len(values))
	for i, v := range values {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, fault(Invalid, "item %d of the list must be a mapping with apiVersion, kind and metadata, not %s", i+1, typeName(v))
		}
		if k, _ := m["kind"].(string); strings.HasSuffix(k, "List") {
			if _, nested := m["items"].([]any); nested {
				return nil, fault(Invalid, "item %d of the list is a list itself; write its items into the outer one", i+1)
			}
		}
		if itemKind != "" {
			inherit(m, "kind", itemKind)
			inherit(m, "apiVersion", doc["apiVersion"])
		}
		items = append(items, item{number: i + 1, value: m})
	}
	return items, nil
}

func inherit(m map[string]any, key string, value any) {
	if m[key] == nil && value != nil {
		m[key] = value
	}
}

// serverFields are set by the API server alone (ObjectMeta in k8s.io/apimachinery/pkg/apis/meta/v1).
var serverFields = []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
	"deletionGracePeriodSeconds", "managedFields", "selfLink"}

// clean checks one object and takes out of it what desired state cannot hold; see the package comment.
func clean(obj map[string]any) *Error {
	if err := checkDecrypted(obj); err != nil {
		return err
	}
	if err := checkType(obj); err != nil {
		return err
	}
	metadata, ok := obj["metadata"].(map[string]any)
	if !ok && obj["metadata"] != nil {
		return fault(Invalid, "metadata must be a mapping, not %s", typeName(obj["metadata"]))
	}
	if err := checkMetadata(metadata); err != nil {
		return err
	}
	for _, field := range serverFields {
		delete(metadata, field)
	}
	delete(obj, "status")
	return nil
}

// checkDecrypted refuses what SOPS has encrypted and nobody has decrypted: no ciphertext passes for a value.
func checkDecrypted(obj map[string]any) *Error {
	if _, written := obj["sops"]; written {
		return fault(Encrypted, "it has a top-level sops key, which is SOPS' for encrypted files, and is not as SOPS writes them; encrypt the file again with sops, or remove the key")
	}
	return nil
}

func checkType(obj map[string]any) *Error {
	const moveAway = "if this is no Kubernetes manifest, move it out of spec.path or rename it so that it does not end in .yaml, .yml or .json"
	switch {
	case obj["kind"] == nil && obj["apiVersion"] == nil:
		return fault(MissingKind, "kind and apiVersion are missing; set them, or %s", moveAway)
	case obj["kind"] == nil || obj["kind"] == "":
		return fault(MissingKind, "kind is missing; set it, or %s", moveAway)
	case obj["apiVersion"] == nil || obj["apiVersion"] == "":
		return fault(MissingAPIVersion, "apiVersion is missing; set it, or %s", moveAway)
	}
	kind, ok := obj["kind"].(string)
	if !ok || !isSegment(kind) {
		return fault(Invalid, "kind is not the name of a kind; %s", moveAway)
	}
	apiVersion, ok := obj["apiVersion"].(string)
	if !ok {
		return fault(Invalid, "apiVersion must be text such as apps/v1, not %s; put it in quotes", typeName(obj["apiVersion"]))
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil || gv.Version == "" || !isSegment(gv.Version) || gv.Group != "" && !isSegment(gv.Group) ||
		strings.HasPrefix(apiVersion, "/") {
		return fault(Invalid, "apiVersion %s is not of the form version or group/version, such as v1 or apps/v1", quote(apiVersion))
	}
	if gv.Group == "kustomize.config.k8s.io" {
		return fault(Invalid, "a Kustomize file is no object; to have it built, let spec.path name the folder that holds it under the name kustomization.yaml")
	}
	return nil
}

// isSegment holds for what can stand between two slashes of a URL.
func isSegment(s string) bool {
	return s != "" && len(content.IsPathSegmentName(s)) == 0
}

func checkMetadata(metadata map[string]any) *Error {
	if generated, _ := metadata["generateName"].(string); generated != "" && metadata["name"] == nil {
		return fault(MissingName, "metadata.generateName would make a new object at each sync; give a fixed metadata.name instead")
	}
	delete(metadata, "generateName")
	switch name := metadata["name"].(type) {
	case nil:
		return fault(MissingName, "metadata.name is missing; set it")
	case string:
		if name == "" {
			return fault(MissingName, "metadata.name is empty; set it")
		}
		if problems := content.IsPathSegmentName(name); len(problems) > 0 {
			return fault(InvalidName, "metadata.name %s %s", quote(name), strings.Join(problems, " and "))
		}
	default:
		return fault(InvalidName, "metadata.name must be text, not %s; put it in quotes", typeName(name))
	}
	switch namespace := metadata["namespace"].(type) {
	case nil:
		delete(metadata, "namespace")
	case string:
		if namespace == "" {
			delete(metadata, "namespace")
		} else if problems := content.IsPathSegmentName(namespace); len(problems) > 0 {
			return fault(InvalidName, "metadata.namespace %s %s", quote(namespace), strings.Join(problems, " and "))
		}
	default:
		return fault(InvalidName, "metadata.namespace must be text, not %s; put it in quotes", typeName(namespace))
	}
	for _, field := range []string{"labels", "annotations"} {
		if metadata[field] == nil {
			delete(metadata, field)
			continue
		}
		if err := checkTexts("metadata."+field, metadata[field]); err != nil {
			return err
		}
	}
	return nil
}

// checkTexts checks that a field is a mapping of texts.
func checkTexts(field string, value any) *Error {
	m, ok := value.(map[string]any)
	if !ok {
		return fault(Invalid, "%s must be a mapping, not %s", field, typeName(value))
	}
	for _, key := range sortedKeys(m) {
		if _, ok := m[key].(string); !ok {
			return fault(Invalid, "%s: the value of %s must be text, not %s; put it in quotes", field, quote(key), typeName(m[key]))
		}
	}
	return nil
}
