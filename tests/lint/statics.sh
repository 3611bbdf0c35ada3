#!/usr/bin/env bash
# Does any variable that can change have static storage? Tables are constant; what changes belongs to
# somebody who opens and closes it.   tests/lint/statics.sh BUILD
set -euo pipefail
build=${1:?usage: statics.sh BUILD}
root=$(cd "$(dirname "$0")/../.." && pwd)
objects=()
while read -r object; do # a build directory keeps the objects of files that are gone
    name=${object##*.dir/src/}
    [ -e "$root/src/${name%.o}" ] && objects+=("$object")
done < <(find "$build"/CMakeFiles -path '*.dir/src/*.c.o' | sort)
[ "${#objects[@]}" -gt 0 ] || { echo "no object files in $build" && exit 1; }

# A table of pointers lands in .data.rel.ro, which is read-only once the program runs. Names with dots
# and underscores in front are the compiler's and the sanitizers'.
bad=0
for object in "${objects[@]}"; do
    objdump -t "$object" | awk -v file="src/${object##*.dir/src/}" '
        NF >= 5 && ((/ O / && ($(NF - 2) ~ /^\.(data|bss)/ || $(NF - 2) == "*COM*")) || $(NF - 2) ~ /^\.t(data|bss)/) {
            if ($(NF - 2) ~ /^\.data\.rel\.ro/ || $NF ~ /^(\.|__)/)
                next
            sub(/\.o$/, "", file)
            print file ": " $NF " has static storage and can change (" $(NF - 2) ")"
            bad = 1
        }
        END { exit bad }' || bad=1
done
exit $bad
