#!/usr/bin/env bash
# Can each lint fail? Plants one violation at a time in a copy and expects the complaint, by exit code
# and by text.   tests/lint/selftest.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0 count=0
lint=tests/lint

copy() {
    rm -rf "${work:?}/copy"
    mkdir -p "$work/copy/tests/judges"
    (cd "$root" && cp -r CMakeLists.txt .clang-format src include commands deploy "$work/copy/")
    cp -r "$root/tools" "$work/copy/"
    cp -r "$root/$lint" "$work/copy/tests/"
    cp "$root/tests/judges/package-lock.json" "$work/copy/tests/judges/"
    cd "$work/copy"
}

accepts() {
    count=$((count + 1))
    "$@" >"$work/out" 2>&1 && return
    echo "$* complains about nothing:" && head -n 5 "$work/out"
    bad=1
}

refuses() {
    local text=$1
    shift
    count=$((count + 1))
    if "$@" >"$work/out" 2>&1; then
        echo "$* does not see: $text"
        bad=1
    elif ! grep -qF -- "$text" "$work/out"; then
        echo "$* fails, but does not say: $text" && head -n 5 "$work/out"
        bad=1
    fi
}

# An object file as the build would make it, from a source with this text.
plant_object() {
    local file=$1 text=$2
    shift 2
    rm -rf planted
    mkdir -p "planted/CMakeFiles/fx_${file%%/*}.dir/src/$(dirname "$file")"
    echo "$text" >"src/$file"
    gcc -std=gnu2x -fPIE -w "$@" -c "src/$file" -o "planted/CMakeFiles/fx_${file%%/*}.dir/src/$file.o"
}
symbols_refuse() {
    plant_object "$2" "$3" "${@:4}"
    refuses "src/$2 may not use $1" $lint/symbols.sh planted
}
statics_refuse() {
    plant_object web/planted.c "$2" "${@:3}"
    refuses "src/web/planted.c: $1 has static storage" $lint/statics.sh planted
}
include_refused() {
    local text=$1 file=$2 line=$3
    cp "$file" "$work/kept"
    sed -i "1a $line" "$file"
    refuses "$text" $lint/modules.sh
    cp "$work/kept" "$file"
}
edit_refused() { # lint, text, file, sed expression
    cp "$3" "$work/kept"
    sed -i "$4" "$3"
    refuses "$2" "$1"
    cp "$work/kept" "$3"
}

copy
accepts $lint/modules.sh
include_refused 'web may not include fluxabot/engine.h' src/web/server.c '#include "fluxabot/engine.h"'
include_refused 'store may not include fluxabot/web.h' include/fluxabot/store.h '# include "fluxabot/web.h"'
include_refused 'store/private.h is private to another module' src/web/server.c '#include "store/private.h"'
include_refused '../store/private.h is private' src/web/server.c '#include "../store/private.h"'
include_refused 'store_private.h does not lie beside it' src/web/server.c '#include "store_private.h"'
include_refused 'base may not include fluxabot/http.h' src/base/json.c '#include "fluxabot/http.h"'
include_refused 'is of no known module' src/base/json.c '#include "fluxabot/unheard.h"'
include_refused 'write "fluxabot/..."' src/base/json.c '#include <fluxabot/http.h>'
edit_refused $lint/modules.sh 'store names web, which is not above it' $lint/modules.txt 's/^store: /store: web /'
edit_refused $lint/modules.sh 'fx_module(web) uses aws, modules.txt does not' CMakeLists.txt 's/^fx_module(web USES/& aws/'
edit_refused $lint/modules.sh 'fx_module(aws) does not use http' CMakeLists.txt 's/^fx_module(aws USES base http/fx_module(aws USES base/'
edit_refused $lint/modules.sh 'web must never reach http' $lint/modules.txt 's/^web: /&slackapi /'
edit_refused $lint/modules.sh 'no fx_module(yaml)' CMakeLists.txt '/^fx_module(yaml/d'
mkdir src/stray && echo '#include "fluxabot/yaml.h"' >src/stray/stray.c
refuses 'stray is not in modules.txt' $lint/modules.sh

accepts $lint/awstable.sh
edit_refused $lint/awstable.sh '< sqs:GetQueueUrl U' tools/aws-operations.txt 's/^  GetQueueUrl  *R/  GetQueueUrl U/'
edit_refused $lint/awstable.sh '> sqs:GetQueueUrl R' tools/aws-operations.txt '/^  GetQueueUrl /d'

copy
plant_object web/planted.c '#include <string.h>
unsigned long planted(const char *s) { return strlen(s); }'
accepts $lint/symbols.sh planted
refuses 'no object files' $lint/symbols.sh src
refuses 'no object files' $lint/statics.sh src
symbols_refuse strcpy web/planted.c '#include <string.h>
void planted(char *a, const char *b) { strcpy(a, b); }'
symbols_refuse sprintf web/planted.c '#include <stdio.h>
void planted(char *a, int b) { sprintf(a, "%d", b); }' -O2 -D_FORTIFY_SOURCE=2
symbols_refuse atoi web/planted.c '#include <stdlib.h>
#define READ(s) ato##i(s)
int planted(const char *s) { return READ(s); }'
symbols_refuse system app/planted.c '#include <stdlib.h>
int planted(const char *s) { return system(s); }'
symbols_refuse execvp app/planted.c '#include <unistd.h>
int planted(char **s) { return execvp(s[0], s); }'
symbols_refuse usleep web/planted.c '#include <unistd.h>
void planted(void) { usleep(1); }'
symbols_refuse sqlite3_close web/planted.c 'int sqlite3_close(void *);
int planted(void *p) { return sqlite3_close(p); }'
symbols_refuse json_null steps/planted.c 'void *json_null(void);
void *planted(void) { return json_null(); }'
symbols_refuse PQfinish store/planted.c 'void PQfinish(void *);
void planted(void *p) { PQfinish(p); }'
symbols_refuse redisReaderFeed state/planted.c 'int redisReaderFeed(void *, void *, int);
int planted(void *r) { return redisReaderFeed(r, r, 1); }'
symbols_refuse SSL_new redis/planted.c 'void *SSL_new(void *);
void *planted(void *c) { return SSL_new(c); }'
symbols_refuse time engine/planted.c '#include <time.h>
long planted(void) { return time(0); }'
symbols_refuse clock_gettime engine/planted.c '#include <time.h>
int planted(struct timespec *t) { return clock_gettime(CLOCK_REALTIME, t); }'
symbols_refuse getenv steps/planted.c '#include <stdlib.h>
char *planted(void) { return getenv("X"); }'
symbols_refuse malloc steps/planted.c '#include <stdlib.h>
void *planted(void) { return malloc(7); }'
symbols_refuse exit steps/planted.c '#include <stdlib.h>
void planted(void) { exit(7); }'
symbols_refuse poll web/planted.c '#include <poll.h>
int planted(void) { return poll(0, 0, 1); }'
sed -i "s|^poll .*|poll|" $lint/symbols.txt
refuses "poll has no users" $lint/symbols.sh planted

copy
plant_object web/planted.c 'static const char *const names[] = {"a", "b"};
static const int numbers[] = {1, 2};
const char *planted(int i) { static const char text[] = "x"; return numbers[i] ? names[i] : text; }'
accepts $lint/statics.sh planted
statics_refuse counter 'static int counter; int planted(void) { return ++counter; }'
statics_refuse started 'int started = 5;'
statics_refuse calls.0 'int planted(void) { static int calls = 3; return ++calls; }'
statics_refuse mine 'static _Thread_local int mine; int planted(void) { return ++mine; }'
statics_refuse common 'int common;' -fcommon
statics_refuse table 'static const char *table[] = {"a"}; void planted(char *s) { table[0] = s; }'

copy
accepts $lint/headers.sh
edit_refused $lint/headers.sh 'include/fluxabot/base/buf.h does not compile alone with gcc' \
    include/fluxabot/base/buf.h '/#include/d'
edit_refused $lint/headers.sh 'include/fluxabot/yaml.h does not compile alone with clang-14' \
    include/fluxabot/yaml.h '$a static int unused(void);'

copy
accepts $lint/paths.sh
edit_refused $lint/paths.sh 'a path of one machine' src/main.c '$a /* see /wor''k/notes */'
edit_refused $lint/paths.sh 'a path of one machine' deploy/install '$a cd /tmp/b''-mine'
edit_refused $lint/paths.sh 'something left to do' src/main.c '$a /* TOD''O later */'
edit_refused $lint/paths.sh 'something left to do' include/fluxabot/app.h '$a /* FIXM''E */'
edit_refused $lint/paths.sh 'a lock file names a registry' tests/judges/package-lock.json \
    '1a "resolved": "https://registr''y.example.org/x.tgz",'

copy
find src include/fluxabot -mindepth 1 -maxdepth 1 ! -name base -exec rm -r {} +
accepts $lint/format.sh
edit_refused $lint/format.sh 'src/base/id.c: ' src/base/id.c '$a int  planted( void );'
accepts $lint/sizes.sh
{
    echo 'int planted(int a) {'
    seq 80 | sed 's/.*/    a++;/'
    echo '}'
} >>src/base/id.c
refuses 'too long: src/base/id.c:' $lint/sizes.sh
cp "$root/src/base/id.c" src/base/id.c
seq 600 | sed 's/.*/\/* line *\//' >>src/base/id.c
refuses 'too long: src/base/id.c: 645 lines' $lint/sizes.sh


copy
mkdir tests/bench && cp -r "$root/tests/bench/twins" tests/bench/
accepts $lint/twins.sh
edit_refused $lint/twins.sh 'tests/bench/twins/commit-each.patch does not apply' \
    src/store/accept.c 's/lead(db, sc, &request)/lead(sc, db, \&request)/'

[ $bad -eq 0 ] && echo "$count plantings, each answered as it should be"
exit $bad
