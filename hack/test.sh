#!/usr/bin/env bash
# Runs the tests: those that need no cluster side by side, then those that start one, a package after the other.
#
#   hack/test.sh [PACKAGE...]     default: all
#
# TESTFLAGS goes to go test: TESTFLAGS='-run TestDrift -v' hack/test.sh ./pkg/controller/...
# The executables under test must be built: `make test` sees to that.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "${root}"
packages=("$@")
if [[ ${#packages[@]} -eq 0 ]]; then packages=(./...); fi
read -r -a flags <<<"${TESTFLAGS:-}"

# The race detector needs a C compiler. Where there is none the tests run all the same.
race=(-race)
compiler=$(go env CC)
if [[ $(go env CGO_ENABLED) != 1 ]] || ! command -v "${compiler%% *}" >/dev/null; then
    race=()
    echo "There is no C compiler, so the tests run WITHOUT THE RACE DETECTOR."
fi

# A package starts a cluster if its tests import what starts one.
listed=$(go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' "${packages[@]}")
needs_cluster='nopea.io/nopea/pkg/testing/(sandbox|localcluster)$'
unit=() integration=()
while read -r package imports; do
    if tr ' ' '\n' <<<"${imports}" | grep -Eq "${needs_cluster}"; then
        integration+=("${package}")
    else
        unit+=("${package}")
    fi
done <<<"${listed}"

echo "== Compiling (the first time this takes 5 to 8 minutes on two cores)"
hack/go-build.sh "all packages for the tests" 1500 ${race[@]+"${race[@]}"} -o /dev/null "${packages[@]}"

failed=0
if [[ ${#packages[@]} -eq 1 && ${packages[0]} == ./... ]]; then
    echo "== Tests of the local cluster's own code"
    (cd hack/localcluster && go test ${race[@]+"${race[@]}"} -timeout 5m ./internal/...) || failed=1
fi
if [[ ${#unit[@]} -gt 0 ]]; then
    echo "== ${#unit[@]} packages without a cluster"
    go test ${race[@]+"${race[@]}"} -timeout 10m ${flags[@]+"${flags[@]}"} "${unit[@]}" || failed=1
fi
if [[ ${#integration[@]} -gt 0 ]]; then
    echo "== ${#integration[@]} packages with a cluster"
    # The controller is built with -race, the API server is not: that would make it slow for little, as most of it is not ours.
    if [[ ${#race[@]} -gt 0 ]]; then
        hack/go-build.sh "the controller with the race detector" 1200 -race -o _output/race/ ./cmd/nopea-controller
        export NOPEA_BIN_DIR="${root}/_output/race:${NOPEA_BIN_DIR:-${root}/_output/bin}"
    fi
    go test ${race[@]+"${race[@]}"} -p 1 -timeout 20m ${flags[@]+"${flags[@]}"} "${integration[@]}" || failed=1
fi
if [[ ${failed} -ne 0 ]]; then
    echo "== Some tests failed: see FAIL above" >&2
    exit 1
fi
echo "== All tests passed"
