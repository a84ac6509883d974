#!/usr/bin/env bash
# Runs golangci-lint over the main module and the parts of the local cluster that are this project's own.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
"${root}/hack/build-tools.sh"
lint="${root}/_output/bin/golangci-lint"
failed=0
cd "${root}"
"${lint}" run ./... || failed=1
cd "${root}/hack/localcluster"
"${lint}" run --config "${root}/.golangci.yml" ./internal/... || failed=1
exit "${failed}"
