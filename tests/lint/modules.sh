#!/usr/bin/env bash
# May each module include what it includes, and does CMakeLists.txt say the same?
#   tests/lint/modules.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
mapfile -t files < <(find include src -name '*.[ch]' | sort)
[ "${#files[@]}" -gt 0 ] || { echo "no sources in $PWD" && exit 1; }
awk -f tests/lint/modules.awk tests/lint/modules.txt CMakeLists.txt "${files[@]}"
