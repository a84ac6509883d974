#!/usr/bin/env bash
# Builds the tools that hack/tools pins into _output/bin, unless they are there and the pins did not change.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
bin="${root}/_output/bin"
stamp="${bin}/tools.stamp"
cd "${root}/hack/tools"

sources=$({ go version && cat go.mod go.sum; } | git hash-object --stdin)
if [[ -x "${bin}/golangci-lint" && -f "${stamp}" && $(<"${stamp}") == "${sources}" ]]; then
    exit
fi
echo "Building golangci-lint. The first time this takes 2 to 5 minutes on two cores."
mkdir -p "${bin}"
"${root}/hack/go-build.sh" golangci-lint 1200 -o "${bin}/" tool
echo "${sources}" >"${stamp}"
