#!/usr/bin/env bash
# Does the patch of each broken twin still apply? One that does not proves nothing, and is noticed only when its proof
# runs.   tests/lint/twins.sh [ROOT]
set -euo pipefail
root=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0 count=0

while read -r twin; do
    count=$((count + 1))
    rm -rf "${work:?}/tree" && mkdir "$work/tree" && cp -r "$root/src" "$root/include" "$work/tree/"
    # as tests/proof/twin.mjs does it
    if ! patch -d "$work/tree" -p1 --fuzz=3 --no-backup-if-mismatch -f -i "$twin" >"$work/out" 2>&1; then
        echo "${twin#"$root"/} does not apply: write it anew" && grep -m 1 FAILED "$work/out"
        bad=1
    fi
done < <(find "$root/tests" -path '*/node_modules' -prune -o -path '*twins/*.patch' -print | sort)
[ "$count" -gt 0 ] || { echo "no patches below $root/tests" && exit 1; }
exit $bad
