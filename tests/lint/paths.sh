#!/usr/bin/env bash
# Does the repository speak of itself alone: no path of one machine, no registry in a lock file, nothing
# left to do?   tests/lint/paths.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
bad=0

# Patterns are written so that this file does not match itself.
forbid() {
    local why=$1 pattern=$2
    shift 2
    local found
    found=$(printf '%s\0' "${files[@]}" | xargs -0 grep -nIE "$pattern" -- /dev/null "$@" 2>/dev/null | head -n 20) || true
    if [ -n "$found" ]; then
        echo "$why:"
        echo "$found"
        bad=1
    fi
}
select_files() {
    mapfile -t files < <(find . \( -name .git -o -name build -o -name node_modules -o -name .sandbox \
        -o -name .cache -o -name artefacts \) -prune -o -type f -path "$1" -print | sort)
    [ "${#files[@]}" -gt 0 ] || { echo "no files like $1" && exit 1; }
}

select_files './*'
forbid "a path of one machine" '(^|[^A-Za-z0-9_.-])/(wor[k]|home/[a-z]+|root|Users)/|/tmp/b[-]'
select_files './*package-lock.json'
forbid "a lock file names a registry" '"resolved"|https?://[^"]*(registr[y]|npmj[s]|artifactor[y]|nexu[s])'
mapfile -t files < <(find src include commands deploy -type f | sort)
[ "${#files[@]}" -gt 0 ] || { echo "no sources in $PWD" && exit 1; }
forbid "something left to do" '(^|[^A-Za-z0-9_])(TOD[O]|FIXM[E]|XX[X])([^A-Za-z0-9_]|$)'
exit $bad
