#!/usr/bin/env bash
# Does src/aws/table_data.c say what tools/aws-operations.txt says? Compares operations and effects; where the models are
# (the unpacked npm package aws-sdk, in AWS_MODELS or beside the judges) it writes the table anew and compares every byte.
#   tests/lint/awstable.sh [ROOT]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
list=tools/aws-operations.txt table=src/aws/table_data.c
models=${AWS_MODELS:-tests/judges/node_modules/aws-sdk}

wanted=$(awk '{ sub(/#.*/, "") }
    $1 == "service" { service = $2; next }
    NF >= 2 { print service ":" $1, $2 }' "$list" | sort)
there=$(awk 'BEGIN {
        split("READ R PEEK R* KEYED K ABSOLUTE A UNKEYED U REFUSED X", words, " ")
        for (i = 1; i in words; i += 2) letter["FX_EFFECT_" words[i]] = words[i + 1]
    }
    /^const struct / { part = $4 }
    part ~ /^aws_services/ && /^    \{"/ { split($0, quoted, "\""); service[count++] = quoted[2] }
    part ~ /^aws_operations/ && /^    \{&/ {
        match($0, /\[[0-9]+\]/); number = substr($0, RSTART + 1, RLENGTH - 2)
        split($0, quoted, "\""); match($0, /FX_EFFECT_[A-Z]+/)
        print service[number] ":" quoted[2], letter[substr($0, RSTART, RLENGTH)]
    }' "$table" | sort)
if ! diff <(echo "$wanted") <(echo "$there"); then
    echo "$table is older than $list (<: wanted, >: in the table); its first lines say how to write it again"
    exit 1
fi
if [ -e "$models/apis" ] && ! node tools/aws-table.mjs "$models" | cmp - "$table"; then
    echo "$table is not what tools/aws-table.mjs writes from $models"
    exit 1
fi
