#!/usr/bin/env bash
# Tells whether the generated code is what hack/update-codegen.sh makes. It works on a copy: the checkout stays as it is.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
mkdir -p "${root}/_output/codegen"
copy=$(mktemp -d)
trap 'rm -rf "${copy}"' EXIT

cp -R "${root}/go.mod" "${root}/go.sum" "${root}/pkg" "${root}/hack" "${copy}/"
# The generators, once built, serve both.
mkdir "${copy}/_output"
ln -s "${root}/_output/codegen" "${copy}/_output/codegen"
if ! output=$("${copy}/hack/update-codegen.sh" 2>&1); then
    echo "${output}" >&2
    exit 1
fi
if ! diff --recursive --brief --exclude=_output "${root}/pkg" "${copy}/pkg" || ! diff "${root}/hack/api-rule-violations.list" "${copy}/hack/api-rule-violations.list"; then
    echo "The generated code is not current: run 'make generate' and commit what it changed." >&2
    exit 1
fi
