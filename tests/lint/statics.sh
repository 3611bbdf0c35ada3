#!/usr/bin/env bash
# Does any variable that can change have static storage? Tables are constant; what changes belongs to
# somebody who opens and closes it.   tests/lint/statics.sh BUILD
set -euo pipefail
build=${1:?usage: statics.sh BUILD}
mapfile -t objects < <(find "$build"/CMakeFiles -path '*.dir/src/*.c.o' | sort)
[ "${#objects[@]}" -gt 0 ] || { echo "no object files in $build" && exit 1; }

# A table of pointers lands in .data.rel.ro, which is read-only once the program runs. Names with dots
# and underscores in front are the compiler's and the sanitizers'.
bad=0
for object in "${objects[@]}"; do
    objdump -t "$object" | awk -v file="src/${object##*.dir/src/}" '
        / O / || $3 ~ /^\.t?bss/ || /\*COM\*/ {
            section = ""
            for (i = 1; i <= NF; i++)
                if ($i ~ /^\.(data|bss|tdata|tbss)/ || $i == "*COM*")
                    section = $i
            if (section == "" || section ~ /^\.data\.rel\.ro/ || $NF ~ /^(\.|__|_ZN?|\*)/ || $NF ~ /^\.L/)
                next
            if ($NF == section)
                next
            sub(/\.o$/, "", file)
            print file ": " $NF " has static storage and can change (" section ")"
            bad = 1
        }
        END { exit bad }' || bad=1
done
exit $bad
