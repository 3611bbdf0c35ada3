/* aws_world.c - see aws_world.h */
#include "support/aws_world.h"

#include <string.h>

/* fx_aws_options.getenv has no argument of its own, so the test's environment stands here. */
static const char *const *environment_of_test;

static const char *get(const char *name) {
    for (const char *const *p = environment_of_test; *p != NULL; p += 2)
        if (strcmp(p[0], name) == 0)
            return p[1];
    return NULL;
}

void aws_world_begin(struct aws_world *w, const char *const *environment) {
    static const char *const usual[] = {"AWS_ACCESS_KEY_ID",
                                        "AKIDEXAMPLE",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                        "AWS_REGION",
                                        "us-east-1",
                                        NULL};
    struct fx_error err;

    *w = (struct aws_world){.sc = fx_scope_new(NULL)};
    environment_of_test = environment != NULL ? environment : usual;
    scripted_http_init(&w->script, w->sc);
    held_clock_init(&w->clock, 1440938160000); /* 2015-08-30T12:36:00Z */
    held_random_init(&w->random, 0);
    struct fx_aws_options options = {.http = &w->script.http,
                                     .clock = &w->clock.clock,
                                     .random = &w->random.random,
                                     .getenv = get};
    assert_ok(fx_aws_open(&options, &w->aws, &err));
}

void aws_world_end(struct aws_world *w) {
    fx_aws_close(w->aws);
    fx_scope_free(w->sc);
}

struct fx_json *aws_world_json(struct fx_scope *sc, const char *text) {
    char *copy = fx_strdup(sc, text);
    struct fx_json *json = NULL;
    struct fx_error err;

    for (char *p = copy; *p != '\0'; p++)
        if (*p == '\'')
            *p = '"';
    assert_ok(fx_json_parse(sc, fx_slice_of(copy), &json, &err));
    return json;
}

enum fx_code aws_world_call(struct aws_world *w, const char *service, const char *operation,
                            const char *params) {
    struct fx_aws_call call = {
        .service = service,
        .operation = operation,
        .params = params != NULL ? aws_world_json(w->sc, params) : NULL,
    };

    w->err = (struct fx_error){0};
    w->answer = NULL;
    return fx_aws_call(w->aws, w->sc, &call, &w->answer, &w->err);
}

void aws_world_assert_body(const struct aws_world *w, size_t request, const char *expected) {
    const struct fx_slice body = w->script.requests[request].body;

    if (!fx_slice_equal_text(body, expected))
        fail_msg("sent %.*s\nwanted %s", (int)body.len, body.ptr, expected);
}

void aws_world_assert_answer(const struct aws_world *w, const char *expected) {
    struct fx_json *wanted = aws_world_json(w->sc, expected);

    if (!fx_json_equal(w->answer, wanted))
        fail_msg("read %s\nwanted %s", fx_json_dump(w->sc, w->answer), expected);
}

void aws_world_assert_says(const struct aws_world *w, const char *part) {
    if (strstr(w->err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", w->err.message, part);
}
