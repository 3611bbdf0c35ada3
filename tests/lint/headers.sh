#!/usr/bin/env bash
# Does each header compile alone, with each compiler?   tests/lint/headers.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
flags=(-std=gnu2x -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
    -Wconversion -Wenum-conversion -Werror -D_GNU_SOURCE -Iinclude -fsyntax-only)
bad=0
for compiler in gcc clang-14; do
    command -v $compiler >/dev/null || { echo "$compiler is missing" && exit 1; }
    while read -r header; do
        echo "#include \"${header#include/}\"" | $compiler "${flags[@]}" -x c - 2>/tmp/"headers.$$" || {
            echo "$header does not compile alone with $compiler:"
            head -n 5 /tmp/"headers.$$"
            bad=1
        }
    done < <(find include -name '*.h' | sort)
done
rm -f /tmp/"headers.$$"
exit $bad
