// Command models-schema prints the OpenAPI definitions of the API as one document: applyconfiguration-gen reads from it how lists
// and maps merge.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"nopea.io/nopea/pkg/generated/openapi"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintf(os.Stderr, "models-schema: %v\n", err)
		os.Exit(1)
	}
}

func write() error {
	definitions := make(map[string]spec.Schema)
	for name, definition := range openapi.GetOpenAPIDefinitions(func(name string) spec.Ref {
		return spec.MustCreateRef("#/definitions/" + name)
	}) {
		definitions[name] = asVersion2(definition)
	}
	document := &spec.Swagger{SwaggerProps: spec.SwaggerProps{
		Definitions: definitions,
		Info:        &spec.Info{InfoProps: spec.InfoProps{Title: "NOPEA", Version: "unversioned"}},
		Swagger:     "2.0",
	}}
	if err := json.NewEncoder(os.Stdout).Encode(document); err != nil {
		return fmt.Errorf("write definitions: %w", err)
	}
	return nil
}

// asVersion2 prefers the OpenAPI v2 form where a type carries both.
func asVersion2(definition common.OpenAPIDefinition) spec.Schema {
	if v2, ok := definition.Schema.Extensions[common.ExtensionV2Schema].(spec.Schema); ok {
		return v2
	}
	return definition.Schema
}
