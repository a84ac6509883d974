#!/usr/bin/env bash
# Builds the local cluster and kubectl (hack/localcluster) into _output/bin, unless they are there and nothing they are made of changed.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
bin="${root}/_output/bin"
stamp="${bin}/localcluster.stamp"
cd "${root}/hack/localcluster"

kubernetes=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' go.mod)
minor=${kubernetes#v1.}
minor=${minor%%.*}
ldflags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    ldflags+=" -X ${package}.gitVersion=${kubernetes} -X ${package}.gitMajor=1 -X ${package}.gitMinor=${minor}"
    ldflags+=" -X ${package}.gitTreeState=archive -X ${package}.gitCommit="
done

# Content and not time decides: a checkout touches files.
sources=$({
    go version
    echo "${ldflags}"
    find . -type f ! -name '*_test.go' ! -name '*.md' | LC_ALL=C sort | while read -r file; do
        echo "${file} $(git hash-object --no-filters "${file}")"
    done
} | git hash-object --stdin)
if [[ -x "${bin}/localcluster" && -x "${bin}/kubectl" && -f "${stamp}" && $(<"${stamp}") == "${sources}" ]]; then
    exit
fi

echo "Building Kubernetes ${kubernetes} for the local cluster. The first time this takes 6 to 10 minutes on two cores, and 3 GB in the build cache."
mkdir -p "${bin}"
"${root}/hack/go-build.sh" localcluster 2520 -ldflags "${ldflags}" -o "${bin}/" ./cmd/...
echo "${sources}" >"${stamp}"
