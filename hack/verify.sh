#!/usr/bin/env bash
# Checks everything about the source that needs no test, cheap checks first, and ends at the first that fails.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "${root}"

scripts() {
    local script
    for script in .ci/run hack/*.sh; do
        bash -n "${script}"
    done
}

formatted() {
    local files
    files=$(gofmt -l cmd pkg hack)
    if [[ -n "${files}" ]]; then
        printf 'Not formatted; run gofmt -w on:\n%s\n' "${files}" >&2
        return 1
    fi
}

# The error of the command itself names the file and the fix.
tidy() {
    local module
    for module in . hack/localcluster hack/tools; do
        if ! (cd "${module}" && go mod tidy -diff); then
            echo "Run 'go mod tidy' in ${module}" >&2
            return 1
        fi
    done
}

vetted() {
    hack/go-build.sh "all packages" 1500 -o /dev/null ./...
    go vet ./...
}

check() {
    local what=$1
    shift
    SECONDS=0
    echo "== ${what}"
    # Not "if !": within a condition errexit does not apply to what the functions do.
    set +o errexit
    (set -o errexit && "$@")
    local result=$?
    set -o errexit
    if [[ ${result} -ne 0 ]]; then
        echo "== ${what}: failed after ${SECONDS} s" >&2
        exit 1
    fi
    echo "== ${what}: fine (${SECONDS} s)"
}

check "shell scripts" scripts
check "gofmt" formatted
check "go.mod and go.sum" tidy
check "go vet" vetted
check "generated code" hack/verify-generated.sh
check "golangci-lint" hack/lint.sh
