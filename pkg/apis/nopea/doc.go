// +k8s:deepcopy-gen=package
// +groupName=nopea.io

// Package nopea holds the internal (hub) types of the nopea.io API: what the API server works with, whatever version a client
// speaks. Field documentation stands with the versioned types. Only pkg/registry and pkg/apiserver use this package; clients and
// the controller use v1alpha1.
package nopea
