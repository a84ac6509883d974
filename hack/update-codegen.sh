#!/usr/bin/env bash
# Generates deep copies, defaults, conversions, OpenAPI, clients, listers, informers and apply configurations from pkg/apis.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "${root}"
# On a fresh machine nothing has fetched the module yet.
go mod download k8s.io/code-generator
codegen=$(go list -m -f '{{.Dir}}' k8s.io/code-generator)
# The generators' binaries belong to this checkout, not to the user's GOBIN.
export GOBIN="${root}/_output/codegen/bin"
mkdir -p "${GOBIN}"
# shellcheck disable=SC1091
source "${codegen}/kube_codegen.sh"

boilerplate="${root}/hack/boilerplate.go.txt"
this="nopea.io/nopea"

kube::codegen::gen_helpers --boilerplate "${boilerplate}" "${root}/pkg/apis"

kube::codegen::gen_openapi \
    --output-dir "${root}/pkg/generated/openapi" \
    --output-pkg "${this}/pkg/generated/openapi" \
    --output-model-name-file zz_generated.model_name.go \
    --report-filename "${root}/hack/api-rule-violations.list" \
    --boilerplate "${boilerplate}" \
    "${root}/pkg/apis"

kube::codegen::gen_client \
    --with-watch \
    --with-applyconfig \
    --applyconfig-openapi-schema <(go run "${root}/hack/models-schema") \
    --output-dir "${root}/pkg/generated" \
    --output-pkg "${this}/pkg/generated" \
    --boilerplate "${boilerplate}" \
    "${root}/pkg/apis"
