/* aws_world.h - an fx_aws on a scripted wire, with a clock, chance and environment of the test's
 * own. */
#pragma once

#include "support/scripted_http.h"

#include "fluxabot/aws.h"

enum { AWS_WORLD_MAX_ENV = 16 };

struct aws_world {
    struct fx_scope *sc;
    struct scripted_http script;
    struct held_clock clock;
    struct held_random random;
    struct fx_aws *aws;
    struct fx_json *answer;
    struct fx_error err;
};

/* NAME, value, NAME, value, ...; ends at NULL. Without it: two keys and AWS_REGION=us-east-1. */
void aws_world_begin(struct aws_world *w, const char *const *environment);
void aws_world_end(struct aws_world *w);
/* params is JSON in which ' stands for ". */
enum fx_code aws_world_call(struct aws_world *w, const char *service, const char *operation,
                            const char *params);
struct fx_json *aws_world_json(struct fx_scope *sc, const char *text);
/* Fail, and show what was sent, what was read (expected is written as params are), or why the last
 * call failed. */
void aws_world_assert_body(const struct aws_world *w, size_t request, const char *expected);
void aws_world_assert_answer(const struct aws_world *w, const char *expected);
void aws_world_assert_says(const struct aws_world *w, const char *part);
#define aws_world_script(w, ...)                                                                   \
    do {                                                                                           \
        static const struct scripted_reply replies_[] = {__VA_ARGS__};                             \
        scripted_http_set(&(w)->script, replies_, FX_COUNT_OF(replies_));                          \
    } while (0)
