#!/usr/bin/env bash
# Which files and functions have outgrown their subject? Reports files over 400 lines and functions over
# 60; fails over 600 and 80. Generated tables may be as long as they are.   tests/lint/sizes.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
mapfile -t files < <(find src include -name '*.[ch]' ! -name '*_data.c' | sort)
[ "${#files[@]}" -gt 0 ] || { echo "no sources in $PWD" && exit 1; }

# A function begins at the last line without indent before "{" and ends at "}" in the first column.
awk '
    function report(what, size, soft, hard) {
        if (size > soft)
            print (size > hard ? "too long: " : "long: ") what ": " size " lines"
        if (size > hard)
            bad = 1
    }
    FNR == 1 {
        if (last != "")
            report(last, lines, 400, 600)
        last = FILENAME
        begun = 0
    }
    { lines = FNR }
    FILENAME ~ /\.c$/ && /^[A-Za-z_].*\(/ && !begun { name = $0; at = FNR }
    FILENAME ~ /\.c$/ && /\) \{$/ && at { begun = at }
    /^[};]/ {
        if (begun) {
            sub(/\(.*/, "", name)
            sub(/.*[ *]/, "", name)
            report(FILENAME ":" begun " " name, FNR - begun + 1, 60, 80)
        }
        begun = at = 0
    }
    /;$/ && !begun { at = 0 }
    END {
        report(last, lines, 400, 600)
        exit bad
    }' "${files[@]}"
