#!/usr/bin/env bash
# Is every C file as clang-format leaves it?   tests/lint/format.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
format=$(command -v clang-format-14 || command -v clang-format) || { echo "clang-format-14 is missing" && exit 1; }
mapfile -t files < <(find src include tests -name node_modules -prune -o -name '*.[ch]' -print | sort)
[ "${#files[@]}" -gt 0 ] || { echo "no sources in $PWD" && exit 1; }
bad=0
printf '%s\0' "${files[@]}" | xargs -0 "$format" --dry-run -Werror 2>&1 |
    sed -nE 's/^([^:]+):([0-9]+):.*/\1/p' | sort | uniq -c | {
    while read -r count file; do
        echo "$file: $count places; run $(basename "$format") -i"
        bad=1
    done
    exit $bad
}
