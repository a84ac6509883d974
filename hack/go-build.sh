#!/usr/bin/env bash
# Runs `go build` and shows how far it has come, since a first build takes minutes.
#
#   hack/go-build.sh NAME EXPECTED ARGUMENT...
#
# NAME is what is built, EXPECTED how many packages a first build compiles, about; the ARGUMENTs are go build's. The whole output
# is kept in _output/logs; where the build fails, what the compiler said is shown.
set -o errexit -o nounset -o pipefail

name=$1 expected=$2
shift 2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
log="${root}/_output/logs/build-${name// /-}.log"
mkdir -p "${root}/_output/logs"

terminal=0
if [[ -t 1 ]]; then terminal=1; fi

# Lines are names of packages, or modules being downloaded; anything else is about an error.
progress() {
    awk -v name="${name}" -v expected="${expected}" -v terminal="${terminal}" '
        function show() {
            line = sprintf("  %s: %d packages compiled (a first build has about %d)", name, compiled, expected)
            if (downloaded > 0) line = line sprintf(", %d modules downloaded", downloaded)
            if (terminal) printf "\r%s", line; else print line
            fflush()
        }
        /^go: downloading / { downloaded++; if (terminal || downloaded % 100 == 0) show(); next }
        /^[A-Za-z0-9_.~\/-]+$/ { compiled++; if (terminal || compiled % 250 == 0) show() }
        END { if (terminal && compiled + downloaded > 0) print "" }'
}

SECONDS=0
if go build -v "$@" 2>&1 | tee "${log}" | progress; then
    echo "Built ${name} in ${SECONDS} s"
    exit
fi
echo "Building ${name} failed:" >&2
grep -Ev '^(go: downloading .*|[A-Za-z0-9_.~/-]+)$' "${log}" | head -n 60 >&2 || echo "go build said nothing" >&2
echo "The whole log is ${log}" >&2
exit 1
