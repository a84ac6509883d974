// +k8s:openapi-gen=true
// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=nopea.io/nopea/pkg/apis/nopea
// +k8s:defaulter-gen=TypeMeta
// +groupName=nopea.io
// +k8s:openapi-model-package=io.nopea.v1alpha1

// Package v1alpha1 is the first served version of the nopea.io API: what users write and read. The comments on its fields are
// what `kubectl explain` prints. Rules about values live in ../validation, behaviour lives with the controller.
package v1alpha1
