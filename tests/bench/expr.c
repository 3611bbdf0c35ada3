/* expr.c - how long one `${ }` takes: those of a shipped command's file, one after the other, over
 * values as a run has them.
 *
 *   bench_expr TIMES < EXPRESSIONS     one to a line; prints nanoseconds and how many there are
 */
#include "fluxabot/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_LINES = 64 };

static const char values[] =
    "{\"arguments\":{\"id\":\"evt-1\",\"window\":3600000},\"variables\":{\"alias\":\"live\","
    "\"error_rate_high\":5},\"depth\":{\"Attributes\":{\"ApproximateNumberOfMessages\":\"17\"}},"
    "\"rows\":{\"count\":3,\"rows\":[{\"pid\":1,\"runtime_s\":40},{\"pid\":2,\"runtime_s\":7},"
    "{\"pid\":3,\"runtime_s\":90}]},\"now\":1795358007103}";

static void stop(const char *what, const struct fx_error *err) {
    fprintf(stderr, "%s: %s\n", what, err->message);
    _Exit(1);
}

int main(int argc, char **argv) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *names = NULL;
    const char *lines[MAX_LINES];
    size_t count = 0, size = 0;
    struct fx_error err = {0};
    long times = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;

    if (fx_json_parse(sc, fx_slice_of(values), &names, &err) != FX_OK)
        stop("values", &err);
    for (char *line = NULL; count < MAX_LINES && getline(&line, &size, stdin) > 0;)
        lines[count++] = fx_slice_dup(sc, fx_slice_trim(fx_slice_of(line)));
    clock_t began = clock(); /* of the processor */

    for (long i = 0; i < times; i++)
        for (size_t k = 0; k < count; k++) {
            FX_CLEANUP(fx_scope_free_p) struct fx_scope *one = fx_scope_new(NULL);
            struct fx_json *value = NULL;

            if (fx_expr_fill(one, lines[k], names, &value, &err) != FX_OK)
                stop(lines[k], &err);
        }
    double ns = (double)(clock() - began) * 1e9 / CLOCKS_PER_SEC;

    printf("%.0f %zu\n", ns / (double)times / (double)(count == 0 ? 1 : count), count);
    fx_scope_free(sc);
    return 0;
}
