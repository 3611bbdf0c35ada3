#!/usr/bin/env bash
# Who calls what? Reads the object files of a build, which sees through every macro, and compares with
# symbols.txt.   tests/lint/symbols.sh BUILD
set -euo pipefail
build=${1:?usage: symbols.sh BUILD}
root=$(cd "$(dirname "$0")/../.." && pwd)
objects=()
while read -r object; do # a build directory keeps the objects of files that are gone
    name=${object##*.dir/src/}
    [ -e "$root/src/${name%.o}" ] && objects+=("$object")
done < <(find "$build"/CMakeFiles -path '*.dir/src/*.c.o' | sort)
rules=$root/tests/lint/symbols.txt
[ "${#objects[@]}" -gt 0 ] || { echo "no object files in $build" && exit 1; }

# Fortified calls carry their name in __NAME_chk; glibc has variants such as __isoc99_sscanf.
for object in "${objects[@]}"; do
    nm -u "$object" | sed -E -e "s|^ +[Uw] ||; s/^__(.*)_chk$/\\1/; s/^__isoc[0-9]+_//" \
        -e "s|^|${object##*.dir/src/} |" -e 's/\.c\.o /.c /'
done | awk -v rules="$rules" '
    BEGIN {
        while ((getline line < rules) > 0) {
            sub(/#.*/, "", line)
            count = split(line, word, " ")
            if (count == 0)
                continue
            if (count == 1) {
                print "symbols.txt: " word[1] " has no users; write -"
                bad = 1
            }
            names = split(word[1], name, ",")
            for (i = 1; i <= names; i++) {
                pattern[++total] = "^" name[i] "$"
                gsub(/\*/, ".*", pattern[total])
                for (j = 2; j <= count; j++)
                    users[total] = users[total] " " word[j]
            }
        }
        if (total == 0) {
            print "symbols.txt: no rules"
            bad = 1
        }
    }
    function may(file, list, user, n, k) {
        n = split(list, user, " ")
        for (k = 1; k <= n; k++)
            if (file == user[k] || (user[k] ~ /\/$/ && index(file, user[k]) == 1))
                return 1
        return 0
    }
    {
        for (i = 1; i <= total; i++)
            if ($2 ~ pattern[i] && !may($1, users[i])) {
                print "src/" $1 " may not use " $2 "; symbols.txt:" users[i]
                bad = 1
            }
    }
    END { exit bad }'
