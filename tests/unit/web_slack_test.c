/* web_slack_test.c - only what Slack signed for our team, just now and never before, is stored. */
#include "support/web_rig.h"

#include "support/fault_store.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/base/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS "/slack/commands"
#define INTERACTIONS "/slack/interactions"
#define CLICK(team)                                                                                \
    "payload=%7B%22type%22%3A%22block_actions%22%2C%22user%22%3A%7B%22id%22%3A%22U0BO%22%2C%22"    \
    "team_id%22%3A%22T0FLUXA01%22%7D%2C%22team%22%3A" team                                         \
    "%2C%22trigger_id%22%3A%221.2.c%22%2C%22container%22%3A%7B%22message_ts%22%3A%221.2%22%2C%22"  \
    "channel_id%22%3A%22C0%22%7D%2C%22actions%22%3A%5B%7B%22action_id%22%3A%22a%22%2C%22"          \
    "block_id%22%3A%22b%22%2C%22value%22%3A%22v%22%2C%22action_ts%22%3A%221.2%22%7D%5D%7D"
#define CLICK_OURS CLICK("%7B%22id%22%3A%22T0FLUXA01%22%7D")
#define CLICK_FOREIGN CLICK("%7B%22id%22%3A%22T0EVIL001%22%7D")
#define CLICK_OF_ORG CLICK("null")

static struct web_rig rig;
static struct web_reply reply;
static struct fx_scope *sc;

static int post(const char *path, const char *headers, const char *body) {
    const char *text = web_post(sc, path, headers, body);

    web_exchange(&rig, false, text, strlen(text), &reply);
    return reply.status;
}

static int post_signed(const char *path, const char *body) {
    return post(path, web_slack_headers(&rig, sc, body), body);
}

static const char *headers_of(const char *timestamp, const char *signature) {
    return fx_printf(sc, "X-Slack-Request-Timestamp: %s\r\nX-Slack-Signature: %s\r\n", timestamp,
                     signature);
}

static const char *signed_by(const char *secret, int64_t at_s, const char *body) {
    return headers_of(fx_printf(sc, "%lld", (long long)at_s),
                      web_slack_signature(sc, secret, at_s, body, strlen(body)));
}

static const char *command(const char *trigger) {
    return web_slack_command_body(sc, WEB_TEAM, trigger, "status");
}

/* ---- what is accepted ---- */

static void stores_a_command_with_one_job_and_answers_what_was_received(void **state) {
    const char *body = command("1.1.a");
    struct fx_json *answer = NULL;
    struct fx_error err;

    assert_int_equal(post_signed(COMMANDS, body), 200);
    struct fx_event *event = web_rig_event(&rig);
    assert_string_equal(event->kind, "slack.command");
    assert_string_equal(event->body, body);
    assert_true(event->verified);
    assert_int_equal(event->received_ms, WEB_NOW_S * INT64_C(1000));

    assert_non_null(strstr(reply.text, "\r\nContent-Type: application/json\r\n"));
    assert_ok(fx_json_parse(sc, fx_slice_of(web_body_of(&reply)), &answer, &err));
    assert_string_equal(fx_json_get_text(answer, "response_type"), "ephemeral");
    assert_string_equal(fx_json_get_text(answer, "text"), "Received: /fluxa status");
    assert_int_equal(fx_metrics_get(rig.metrics, FX_METRIC_REQUESTS_ACCEPTED), 1);
}

static void answers_foreign_text_escaped_and_short(void **state) {
    struct fx_json *answer = NULL;
    struct fx_error err;
    char *text = fx_alloc(sc, 1001);

    memset(text, 'x', 1000);
    assert_int_equal(post_signed(COMMANDS, web_slack_command_body(sc, WEB_TEAM, "1.1.b",
                                                                  "%3C%21channel%3E+%26")),
                     200);
    assert_ok(fx_json_parse(sc, fx_slice_of(web_body_of(&reply)), &answer, &err));
    assert_string_equal(fx_json_get_text(answer, "text"),
                        "Received: /fluxa &lt;!channel&gt; &amp;");
    assert_int_equal(post_signed(COMMANDS, web_slack_command_body(sc, WEB_TEAM, "1.1.c", text)),
                     200);
    assert_true(strlen(web_body_of(&reply)) < 250);
}

static void stores_a_click_and_answers_nothing(void **state) {
    assert_int_equal(post_signed(INTERACTIONS, CLICK_OURS), 200);
    assert_string_equal(web_body_of(&reply), "");
    assert_string_equal(web_rig_event(&rig)->kind, "slack.interaction");
}

static const char *submission(const char *team, const char *reason) {
    const char *payload = fx_printf(
        sc,
        "{\"type\":\"view_submission\",\"trigger_id\":\"1.2.v\",\"team\":{\"id\":\"%s\"},\"user\":{"
        "\"id\":\"U0BO\",\"team_id\":\"%s\"},\"view\":{\"id\":\"V0\",\"callback_id\":\"deny_"
        "reason\","
        "\"state\":{\"values\":{\"reason\":{\"reason\":{\"value\":%s}}}}}}",
        team, team, fx_json_dump(sc, fx_json_string(sc, reason)));

    return fx_printf(sc, "payload=%s", fx_url_encode(sc, fx_slice_of(payload), false));
}

static void a_dialog_without_a_reason_stays_open_and_is_not_stored(void **state) {
    static const char *const unseen[] = {"", "   ", "\n \t", "\u00a0\u200b\u3000\u3164"};
    struct fx_json *answer = NULL;
    struct fx_error err;

    for (size_t i = 0; i < FX_COUNT_OF(unseen); i++) {
        assert_int_equal(post_signed(INTERACTIONS, submission(WEB_TEAM, unseen[i])), 200);
        assert_non_null(strstr(reply.text, "\r\nContent-Type: application/json\r\n"));
        assert_ok(fx_json_parse(sc, fx_slice_of(web_body_of(&reply)), &answer, &err));
        assert_string_equal(fx_json_get_text(answer, "response_action"), "errors");
        assert_int_equal(fx_json_count(fx_json_at(answer, "errors")), 1);
        assert_non_null(
            strstr(fx_json_text(fx_json_at_path(answer, "errors.reason")), "write a reason"));
        assert_int_equal(web_rig_stored(&rig), 0);
    }
    assert_int_equal(post_signed(INTERACTIONS, submission("T0EVIL001", " ")), 403);
    assert_int_equal(post_signed(INTERACTIONS, submission(WEB_TEAM, " not now")), 200);
    assert_string_equal(web_body_of(&reply), "");
    assert_int_equal(web_rig_stored(&rig), 1);
}

static void takes_the_users_team_when_an_organisation_installed_the_app(void **state) {
    assert_int_equal(post_signed(INTERACTIONS, CLICK_OF_ORG), 200);
    assert_int_equal(web_rig_stored(&rig), 1);
}

static void accepts_each_of_several_secrets_and_no_other(void **state) {
    const char *a = command("1.2.a"), *b = command("1.2.b"), *c = command("1.2.c");

    assert_int_equal(post(COMMANDS, signed_by(WEB_SECRET, WEB_NOW_S, a), a), 200);
    assert_int_equal(post(COMMANDS, signed_by(WEB_OLD_SECRET, WEB_NOW_S, b), b), 200);
    assert_int_equal(post(COMMANDS, signed_by("another", WEB_NOW_S, c), c), 401);
    assert_int_equal(post(COMMANDS, signed_by("", WEB_NOW_S, c), c), 401);
    assert_int_equal(web_rig_stored(&rig), 2);
}

static void answers_a_look_at_the_certificate_and_stores_nothing(void **state) {
    assert_int_equal(post_signed(COMMANDS, "token=old&ssl_check=1"), 200);
    assert_int_equal(post(COMMANDS, "", "token=old&ssl_check=1"), 401);
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void header_names_come_in_any_case(void **state) {
    const char *body = command("1.3.a");
    const char *headers =
        fx_printf(sc, "x-slack-request-timestamp: %d\r\nX-SLACK-SIGNATURE: %s\r\n", WEB_NOW_S,
                  web_slack_signature(sc, WEB_SECRET, WEB_NOW_S, body, strlen(body)));

    assert_int_equal(post(COMMANDS, headers, body), 200);
}

/* ---- what is refused ---- */

static void refuses_what_is_not_signed_as_slack_signs(void **state) {
    const char *body = command("2.1.a");
    const char *good = web_slack_signature(sc, WEB_SECRET, WEB_NOW_S, body, strlen(body));
    const char *now = fx_printf(sc, "%d", WEB_NOW_S);
    char *upper = fx_strdup(sc, good);

    for (char *c = upper + 3; *c != '\0'; c++)
        *c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
    const char *const signatures[] = {
        "",
        "v0=",
        "v0",
        good + 3,
        upper,
        fx_printf(sc, "V0=%s", good + 3),
        fx_printf(sc, "v1=%s", good + 3),
        fx_printf(sc, "v0==%s", good + 3),
        fx_printf(sc, "v0= %s", good + 3),
        fx_printf(sc, "%s0", good),
        fx_printf(sc, "%s ", good),
        fx_printf(sc, "%.66s", good),
        fx_printf(sc, "%.3s", good),
        fx_printf(sc, "%s,%s", good, good),
        fx_printf(sc, "%s%s", good, good),
        fx_printf(sc, "\"%s\"", good),
        "v0=0000000000000000000000000000000000000000000000000000000000000000",
    };

    for (size_t i = 0; i < FX_COUNT_OF(signatures); i++)
        if (post(COMMANDS, headers_of(now, signatures[i]), body) / 100 != 4)
            fail_msg("accepted %s: %s", signatures[i], reply.text);
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_missing_and_repeated_signature_headers(void **state) {
    const char *body = command("2.2.a");
    const char *signature =
        fx_printf(sc, "X-Slack-Signature: %s\r\n",
                  web_slack_signature(sc, WEB_SECRET, WEB_NOW_S, body, strlen(body)));
    const char *timestamp = fx_printf(sc, "X-Slack-Request-Timestamp: %d\r\n", WEB_NOW_S);
    const char *const headers[] = {
        "",
        signature,
        timestamp,
        fx_printf(sc, "%s%s%s", timestamp, signature, signature),
        fx_printf(sc, "%s%s%s", timestamp, timestamp, signature),
        fx_printf(sc, "%s%sX-Slack-Signature: v0=0\r\n", timestamp, signature),
        fx_printf(sc, "%sX-Slack-Signature: v0=0\r\n%s", timestamp, signature),
        fx_printf(sc, "%sx-slack-signature: \r\n%s", timestamp, signature),
        fx_printf(sc, "X-Slack-Request-Timestamp: 0\r\n%s%s", timestamp, signature),
    };

    for (size_t i = 0; i < FX_COUNT_OF(headers); i++)
        assert_int_equal(post(COMMANDS, headers[i], body), 401);
    assert_int_equal(web_rig_stored(&rig), 0);
    assert_int_equal(fx_metrics_get(rig.metrics, FX_METRIC_REFUSED_SIGNATURE),
                     FX_COUNT_OF(headers));
}

static void refuses_timestamps_that_are_no_plain_number(void **state) {
    static const char *const timestamps[] = {"",
                                             "0",
                                             "-1",
                                             "+1795252520",
                                             "1795252520 ",
                                             "01795252520",
                                             "1795252520.0",
                                             "1.79525252e9",
                                             "0x6B014FA8",
                                             "1795252520,1795252520",
                                             "99999999999999999999",
                                             "18446744073709551616",
                                             "-1795252520",
                                             "NaN",
                                             "now",
                                             "1e9",
                                             "17952525200",
                                             "179525252",
                                             "1795252520\t",
                                             "\xd9\xa1",
                                             "1795252520;",
                                             "1_795_252_520"};
    const char *body = command("2.3.a");

    for (size_t i = 0; i < FX_COUNT_OF(timestamps); i++) {
        /* signed over exactly this text, so that only its form can refuse it */
        const char *base = fx_printf(sc, "v0:%s:%s", timestamps[i], body);
        const char *signature =
            fx_printf(sc, "v0=%s", web_slack_code(sc, WEB_SECRET, base, strlen(base)));

        if (post(COMMANDS, headers_of(timestamps[i], signature), body) / 100 != 4)
            fail_msg("accepted the timestamp '%s'", timestamps[i]);
    }
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_what_is_older_or_newer_than_five_minutes(void **state) {
    static const struct {
        int off_s, status;
    } cases[] = {{-300, 200},  {300, 200},  {-301, 401},   {301, 401},
                 {-3600, 401}, {3600, 401}, {-86400, 401}, {86400 * 365, 401}};

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        const char *body = command(fx_printf(sc, "2.4.%zu", i));

        assert_int_equal(
            post(COMMANDS, signed_by(WEB_SECRET, WEB_NOW_S + cases[i].off_s, body), body),
            cases[i].status);
    }
    assert_int_equal(web_rig_stored(&rig), 2);
}

static void refuses_a_changed_body(void **state) {
    const char *body = command("2.5.a");
    const char *headers = web_slack_headers(&rig, sc, body);

    for (size_t i = 0; body[i] != '\0'; i += 7) {
        char *changed = fx_strdup(sc, body);

        changed[i] = (char)(changed[i] ^ 1);
        assert_int_equal(post(COMMANDS, headers, changed), 401);
    }
    assert_int_equal(post(COMMANDS, headers, fx_printf(sc, "%s&", body)), 401);
    assert_int_equal(post(COMMANDS, headers, body + 1), 401);
    assert_int_equal(post(COMMANDS, headers, ""), 401);
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_other_teams(void **state) {
    assert_int_equal(post_signed(COMMANDS, web_slack_command_body(sc, "T0EVIL001", "2.6.a", "x")),
                     403);
    assert_int_equal(post_signed(COMMANDS, web_slack_command_body(sc, "T0FLUXA0", "2.6.b", "x")),
                     403);
    assert_int_equal(post_signed(COMMANDS, web_slack_command_body(sc, "T0FLUXA011", "2.6.c", "x")),
                     403);
    assert_int_equal(
        post_signed(COMMANDS, web_slack_command_body(sc, "t0fluxa01", "2.6.d", "x")) / 100, 4);
    assert_int_equal(post_signed(INTERACTIONS, CLICK_FOREIGN), 403);
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_signed_nonsense(void **state) {
    static const struct {
        const char *path, *body;
    } cases[] = {{COMMANDS, ""},
                 {COMMANDS, "x"},
                 {COMMANDS, "team_id=T0FLUXA01"},
                 {COMMANDS, "team_id=T0FLUXA01&team_id=T0FLUXA01"},
                 {COMMANDS, "{\"team_id\":\"T0FLUXA01\"}"},
                 {COMMANDS, CLICK_OURS},
                 {INTERACTIONS, ""},
                 {INTERACTIONS, "payload="},
                 {INTERACTIONS, "payload=%7B"},
                 {INTERACTIONS, "payload=%5B%5D"},
                 {INTERACTIONS, "payload=%00"},
                 {INTERACTIONS, CLICK_OURS "&payload=%7B%7D"}};

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++)
        if (post_signed(cases[i].path, cases[i].body) != 400)
            fail_msg("%s %s: %s", cases[i].path, cases[i].body, reply.text);
    assert_int_equal(web_rig_stored(&rig), 0);
}

static void refuses_bodies_above_the_limit_before_they_come(void **state) {
    static const struct {
        const char *path;
        size_t size;
        int status;
    } cases[] = {{COMMANDS, FX_WEB_MAX_COMMAND_BYTES, 400}, /* signed, read, and no form */
                 {COMMANDS, FX_WEB_MAX_COMMAND_BYTES + 1, 413},
                 {INTERACTIONS, FX_WEB_MAX_INTERACTION_BYTES, 400},
                 {INTERACTIONS, FX_WEB_MAX_INTERACTION_BYTES + 1, 413}};

    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        char *body = fx_alloc(sc, cases[i].size + 1);
        bool fits = cases[i].status != 413;

        memset(body, 'x', cases[i].size);
        const char *text = web_post(sc, cases[i].path, web_slack_headers(&rig, sc, body), body);
        web_exchange(&rig, false, text, fits ? strlen(text) : strlen(text) - cases[i].size, &reply);
        assert_int_equal(reply.status, cases[i].status);
        assert_true(reply.closed);
    }
}

static void stores_nothing_of_a_request_that_breaks_off(void **state) {
    const char *body = command("2.7.a");
    const char *text = web_post(sc, COMMANDS, web_slack_headers(&rig, sc, body), body);
    size_t size = strlen(text);

    for (size_t cut = 1; cut < size; cut += 23) {
        int socket = web_connect(&rig, false);

        web_send(socket, text, size - cut);
        web_end_sending(socket);
        web_receive(socket, 5000, &reply);
        assert_true(reply.status == 0 || reply.status / 100 == 4);
    }
    assert_int_equal(web_rig_stored(&rig), 0);
    assert_int_equal(post(COMMANDS, web_slack_headers(&rig, sc, body), body), 200);
}

/* Or a proxy could be made to take the second answer for somebody else's. */
static void closes_the_connection_of_whatever_it_refuses(void **state) {
    static const char *const headers[] = {
        "X-Slack-Request-Timestamp: 1\r\nX-Slack-Signature: v0=00\r\n", ""};

    for (size_t i = 0; i < FX_COUNT_OF(headers); i++) {
        const char *refused = fx_printf(sc,
                                        "POST /slack/commands HTTP/1.1\r\nHost: a\r\n%sContent-"
                                        "Length: 5\r\n\r\nhello",
                                        headers[i]);
        const char *twice = fx_printf(sc, "%s%s", refused, refused);

        web_exchange(&rig, false, twice, strlen(twice), &reply);
        assert_int_equal(reply.status, 401);
        assert_int_equal(reply.answers, 1);
        assert_true(reply.closed);
    }
}

/* ---- repetition ---- */

static void stores_a_repeated_request_once_also_after_a_restart(void **state) {
    const char *body = command("3.1.a"), *headers = web_slack_headers(&rig, sc, body);

    assert_int_equal(post(COMMANDS, headers, body), 200);
    assert_int_equal(post(COMMANDS, headers, body), 409);
    web_rig_reopen(&rig);
    assert_int_equal(post(COMMANDS, headers, body), 409);
    assert_int_equal(web_rig_stored(&rig), 1);
    assert_int_equal(fx_metrics_get(rig.metrics, FX_METRIC_REFUSED_REPLAY), 2);
}

static void knows_a_trigger_again_under_a_new_signature(void **state) {
    const char *body = command("3.2.a");

    assert_int_equal(post(COMMANDS, signed_by(WEB_SECRET, WEB_NOW_S, body), body), 200);
    assert_int_equal(post(COMMANDS, signed_by(WEB_SECRET, WEB_NOW_S + 1, body), body), 409);
    assert_int_equal(post(COMMANDS, signed_by(WEB_OLD_SECRET, WEB_NOW_S, body), body), 409);
    assert_int_equal(web_rig_stored(&rig), 1);
}

static void knows_a_signature_again_where_no_trigger_stands(void **state) {
    static const char payload[] = "{\"type\":\"view_closed\",\"user\":{\"id\":\"U0BO\"},"
                                  "\"team\":{\"id\":\"" WEB_TEAM "\"}}";
    const char *body = fx_printf(sc, "payload=%s", fx_url_encode(sc, fx_slice_of(payload), false));

    assert_int_equal(post_signed(INTERACTIONS, body), 200);
    assert_int_equal(post_signed(INTERACTIONS, body), 409);
    assert_int_equal(post(INTERACTIONS, signed_by(WEB_SECRET, WEB_NOW_S + 1, body), body), 200);
    assert_int_equal(web_rig_stored(&rig), 2);
}

static void an_old_request_is_not_accepted_because_the_clock_went_back(void **state) {
    const char *body = command("3.3.a"), *headers = web_slack_headers(&rig, sc, body);

    assert_int_equal(post(COMMANDS, headers, body), 200);
    atomic_fetch_add(&rig.clock.wall_ms, 3600 * 1000);
    assert_int_equal(post(COMMANDS, headers, body), 401);
    atomic_fetch_sub(&rig.clock.wall_ms, 3600 * 1000);
    assert_int_equal(post(COMMANDS, headers, body), 409);
    assert_int_equal(web_rig_stored(&rig), 1);
}

struct racer {
    const char *text;
    int status;
};

static void *race(void *argument) {
    struct racer *racer = argument;
    struct web_reply *own = calloc(1, sizeof *own);

    web_exchange(&rig, false, racer->text, strlen(racer->text), own);
    racer->status = own->status;
    free(own);
    return NULL;
}

static void stores_once_what_arrives_many_times_at_once(void **state) {
    enum { RACERS = 24 };
    pthread_t threads[RACERS];
    struct racer racers[RACERS];
    const char *body = command("3.4.a");
    int accepted = 0, repeated = 0;

    for (size_t i = 0; i < RACERS; i++) {
        racers[i].text = web_post(sc, COMMANDS, web_slack_headers(&rig, sc, body), body);
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (size_t i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        accepted += racers[i].status == 200;
        repeated += racers[i].status == 409;
    }
    assert_int_equal(accepted, 1);
    assert_int_equal(repeated, RACERS - 1);
    assert_int_equal(web_rig_stored(&rig), 1);
}

/* ---- our own trouble ---- */

static void answers_503_when_nothing_could_be_stored(void **state) {
    struct fx_store *faulty = fault_store_new(rig.store);
    const char *body = command("4.1.a");

    web_rig_stop(&rig);
    rig.options.store = faulty;
    web_rig_start(&rig);
    fault_store_arm(faulty, 1, FAULT_BEFORE);
    assert_int_equal(post_signed(COMMANDS, body), 503);
    assert_non_null(strstr(reply.text, "\r\nRetry-After: "));
    assert_int_equal(web_rig_stored(&rig), 0);
    assert_int_equal(post_signed(COMMANDS, body), 200);
    assert_int_equal(web_rig_stored(&rig), 1);
    web_rig_stop(&rig);
    faulty->close(faulty);
}

static void stores_once_what_was_stored_while_the_answer_was_lost(void **state) {
    struct fx_store *faulty = fault_store_new(rig.store);
    const char *body = command("4.2.a");

    web_rig_stop(&rig);
    rig.options.store = faulty;
    web_rig_start(&rig);
    fault_store_arm(faulty, 1, FAULT_AFTER);
    assert_int_equal(post_signed(COMMANDS, body), 503);
    assert_int_equal(post_signed(COMMANDS, body), 409);
    assert_int_equal(web_rig_stored(&rig), 1);
    web_rig_stop(&rig);
    faulty->close(faulty);
}

/* ---- chance ---- */

/* One random change of a good request: none of it may be accepted unless it is the request itself,
 * which is then known. */
static void no_random_change_is_accepted(void **state) {
    enum { MUTANTS = 1500 };
    const char *given = getenv("FLUXABOT_SEED");
    unsigned seed = given == NULL ? 20261121u : (unsigned)strtoul(given, NULL, 10);
    const char *body = command("5.1.a");
    const char *good = web_post(sc, COMMANDS, web_slack_headers(&rig, sc, body), body);
    size_t size = strlen(good);

    print_message("seed %u\n", seed);
    web_exchange(&rig, false, good, size, &reply);
    assert_int_equal(reply.status, 200);
    for (int i = 0; i < MUTANTS; i++) {
        char *mutant = fx_strdup(sc, good);
        size_t at = (size_t)rand_r(&seed) % size, changed = size;

        switch (rand_r(&seed) % 4) {
        case 0:
            mutant[at] = (char)(mutant[at] ^ (1 << rand_r(&seed) % 8));
            break;
        case 1:
            mutant[at] = (char)rand_r(&seed);
            break;
        case 2: /* one byte fewer */
            memmove(mutant + at, mutant + at + 1, size - at);
            changed--;
            break;
        default: /* cut off */
            changed = at;
        }
        int socket = web_connect(&rig, false);

        web_send(socket, mutant, changed);
        web_end_sending(socket);
        web_receive(socket, 5000, &reply);
        if (reply.answers > 0 && reply.worst / 100 == 2)
            fail_msg("mutant %d accepted: %s", i, mutant);
    }
    assert_int_equal(web_rig_stored(&rig), 1);
}

static void says_in_the_log_why_and_never_the_secret(void **state) {
    const char *body = command("6.1.a");

    assert_int_equal(post(COMMANDS, signed_by("wrong", WEB_NOW_S, body), body), 401);
    fflush(rig.log_stream);
    assert_non_null(strstr(rig.log_text, "request.refused"));
    assert_non_null(strstr(rig.log_text, "127.0.0.1"));
    assert_null(strstr(rig.log_text, WEB_SECRET));
    assert_string_equal(web_body_of(&reply), "refused\n");
}

/* ---- fixture ---- */

static int set_up(void **state) {
    sc = fx_scope_new(NULL);
    web_rig_begin(&rig);
    rig.options.request_ms = 2000;
    web_rig_start(&rig);
    return 0;
}

static int tear_down(void **state) {
    web_rig_end(&rig);
    fx_scope_free(sc);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(stores_a_command_with_one_job_and_answers_what_was_received),
        TEST(answers_foreign_text_escaped_and_short),
        TEST(stores_a_click_and_answers_nothing),
        TEST(a_dialog_without_a_reason_stays_open_and_is_not_stored),
        TEST(takes_the_users_team_when_an_organisation_installed_the_app),
        TEST(accepts_each_of_several_secrets_and_no_other),
        TEST(answers_a_look_at_the_certificate_and_stores_nothing),
        TEST(header_names_come_in_any_case),
        TEST(refuses_what_is_not_signed_as_slack_signs),
        TEST(refuses_missing_and_repeated_signature_headers),
        TEST(refuses_timestamps_that_are_no_plain_number),
        TEST(refuses_what_is_older_or_newer_than_five_minutes),
        TEST(refuses_a_changed_body),
        TEST(refuses_other_teams),
        TEST(refuses_signed_nonsense),
        TEST(refuses_bodies_above_the_limit_before_they_come),
        TEST(stores_nothing_of_a_request_that_breaks_off),
        TEST(closes_the_connection_of_whatever_it_refuses),
        TEST(stores_a_repeated_request_once_also_after_a_restart),
        TEST(knows_a_trigger_again_under_a_new_signature),
        TEST(knows_a_signature_again_where_no_trigger_stands),
        TEST(an_old_request_is_not_accepted_because_the_clock_went_back),
        TEST(stores_once_what_arrives_many_times_at_once),
        TEST(answers_503_when_nothing_could_be_stored),
        TEST(stores_once_what_was_stored_while_the_answer_was_lost),
        TEST(no_random_change_is_accepted),
        TEST(says_in_the_log_why_and_never_the_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
