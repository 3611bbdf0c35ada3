/* steps_evidence_test.c - why a message is dead: what the body proves, and which cause outranks
 * which. */
#include "support/test.h"

#include "private.h"

#include "fluxabot/base/digest.h"

#include <string.h>

static const char system_text[] =
    "{\"schema\":{\"required\":[\"event_id\",\"payload\"]},\"dlq_classes\":["
    "{\"class\":\"Database\",\"priority\":50,\"retry\":\"yes\",\"codes\":[\"DBConnectionError\"],"
    "\"match\":[\"connection (refused|reset)\"]},"
    "{\"class\":\"Slow\",\"priority\":60,\"retry\":\"yes\",\"match\":[\"timed out\",\"deadline\"]},"
    "{\"class\":\"HashMismatch\",\"priority\":10,\"retry\":\"never\",\"codes\":[\"HashMismatch\"]},"
    "{\"class\":\"Schema\",\"priority\":20,\"retry\":\"never\",\"codes\":[\"InvalidJson\","
    "\"MissingField\"]},"
    "{\"class\":\"Broken\",\"priority\":5,\"retry\":\"yes\",\"match\":[\"(\"]},"
    "{\"class\":\"Shouted\",\"retry\":\"YES\",\"codes\":[\"Shouted\"]},"
    "{\"class\":\"Careless\",\"retry\":true,\"codes\":[\"Careless\"]}]}";

struct rig {
    struct fx_scope *sc;
    struct fx_step_context ctx;
    struct rules *rules;
};

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct rig *rig = FX_NEW(sc, struct rig);
    struct fx_json *system = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(sc, fx_slice_of(system_text), &system, &err));
    *rig = (struct rig){.sc = sc,
                        .ctx = {.sc = sc, .clock = fx_clock_system(), .system = system},
                        .rules = rules_new(sc, system)};
    *state = rig;
    return 0;
}

static int tear_down(void **state) {
    fx_scope_free(((struct rig *)*state)->sc);
    return 0;
}

static struct dead_letter letter_of(struct rig *rig, const char *body, const char *code) {
    struct fx_scope *sc = rig->sc;
    struct dead_letter letter = {
        .body = fx_slice_of(body), .event_id = "", .correlation_id = "", .why = ""};
    struct fx_json *json = NULL;
    struct fx_error err;

    if (fx_json_parse(sc, letter.body, &json, &err) == FX_OK &&
        fx_json_type(json) == FX_JSON_OBJECT) {
        letter.json = json;
        if (fx_json_get_text(json, "event_id") != NULL)
            letter.event_id = fx_json_get_text(json, "event_id");
    }
    letter.raw = fx_json_object_of(
        sc, "MessageAttributes",
        fx_json_object_of(
            sc, "error_code",
            code == NULL ? NULL
                         : fx_json_object_of(sc, "StringValue", fx_json_string(sc, code), NULL),
            NULL),
        NULL);
    return letter;
}

static const char *cause_of(struct rig *rig, const char *body, const char *code) {
    struct dead_letter letter = letter_of(rig, body, code);

    return class_name(classify_body(&rig->ctx, rig->rules, &letter));
}

static const char *with_hash(struct rig *rig, const char *payload, const char *hashed) {
    return fx_printf(rig->sc, "{\"event_id\":\"e1\", \"payload\" : %s,\"payload_hash\":\"%s\"}",
                     payload, fx_sha256_hex(rig->sc, fx_slice_of(hashed)));
}

/* ---- compact_member ---- */

static void expect_compact(struct rig *rig, const char *object, const char *expected) {
    struct fx_slice got = compact_member(rig->sc, fx_slice_of(object), "payload");

    assert_string_equal(fx_slice_dup(rig->sc, got), expected);
}

static void a_member_keeps_digits_escapes_and_order_but_no_blanks_between_tokens(void **state) {
    struct rig *rig = *state;

    expect_compact(rig, "{\"payload\": {\"b\" : 1.50, \"a\":\t[1e3,\n2] } }",
                   "{\"b\":1.50,\"a\":[1e3,2]}");
    expect_compact(rig, "{\"payload\":\" a \\\" { b \\\\\"}", "\" a \\\" { b \\\\\"");
    expect_compact(rig, "{\"payload\":\"caf\\u00e9\"}", "\"caf\\u00e9\"");
    expect_compact(rig, "{\"payload\":12345678901234567890}", "12345678901234567890");
}

static void a_member_of_that_name_deeper_down_is_another_one(void **state) {
    struct rig *rig = *state;

    expect_compact(rig, "{\"x\":{\"payload\":1},\"y\":[{\"payload\":2}],\"payload\":3}", "3");
    expect_compact(rig, "{\"x\":\"{\\\"payload\\\":1\",\"payload\":4}", "4");
    expect_compact(rig, "{\"x\":{\"payload\":1}}", "");
    expect_compact(rig, "{}", "");
}

static void a_name_that_is_written_with_escapes_is_not_found_and_so_never_safe(void **state) {
    struct rig *rig = *state;
    const char *body = fx_printf(
        rig->sc, "{\"event_id\":\"e1\",\"pay\\u006coad\":{\"a\":1},\"payload_hash\":\"%s\"}",
        fx_sha256_hex(rig->sc, FX_SLICE("{\"a\":1}")));

    assert_string_equal(cause_of(rig, body, "DBConnectionError"), "HashMismatch");
}

/* ---- what the body proves ---- */

static void a_payload_with_its_own_hash_proves_nothing_against_it(void **state) {
    struct rig *rig = *state;

    assert_string_equal(
        cause_of(rig, with_hash(rig, "{ \"a\" : 1 }", "{\"a\":1}"), "DBConnectionError"),
        "Database");
}

static void a_changed_payload_is_never_safe_whatever_else_failed(void **state) {
    struct rig *rig = *state;

    assert_string_equal(
        cause_of(rig, with_hash(rig, "{\"a\":2}", "{\"a\":1}"), "DBConnectionError"),
        "HashMismatch");
}

static void a_hash_that_is_no_text_is_a_wrong_one(void **state) {
    static const char *const hashes[] = {"5", "null", "{}", "[]", "true", "\"\"", "\"00\""};
    struct rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(hashes); i++)
        assert_string_equal(
            cause_of(rig,
                     fx_printf(rig->sc, "{\"event_id\":\"e1\",\"payload\":{},\"payload_hash\":%s}",
                               hashes[i]),
                     "DBConnectionError"),
            "HashMismatch");
}

static void what_is_no_object_or_lacks_a_field_is_the_producers_fault(void **state) {
    static const char *const bodies[] = {
        "",
        "not json",
        "[]",
        "1",
        "\"x\"",
        "{\"event_id\":\"e1\"}",
        "null",
        "{\"a\":1",
        "{\"event_id\":null,\"payload\":{}}",
        "{}",
        "{\"a\":1,\"a\":2,\"event_id\":\"e1\",\"payload\":{}}",
        "{\"event_id\":5,\"payload\":{}}",
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(bodies); i++)
        assert_string_equal(cause_of(rig, bodies[i], "DBConnectionError"), "Schema");
}

/* ---- which rule ---- */

static void codes_are_compared_without_case_and_punctuation(void **state) {
    static const char *const codes[] = {"db_connection_error", "DB-Connection-Error",
                                        "dbconnectionerror", "DB Connection Error"};
    struct rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(codes); i++)
        assert_string_equal(cause_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", codes[i]),
                            "Database");
}

static void without_evidence_the_cause_is_unknown_and_unknown_is_not_safe(void **state) {
    struct rig *rig = *state;
    struct dead_letter letter = letter_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", NULL);

    assert_null(classify_body(&rig->ctx, rig->rules, &letter));
    assert_false(class_is_safe(NULL));
    assert_string_equal(class_name(NULL), "Unknown");
    assert_string_equal(cause_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", "NeverHeardOf"),
                        "Unknown");
}

static void only_the_word_yes_makes_a_class_safe(void **state) {
    struct rig *rig = *state;
    const char *body = "{\"event_id\":\"e1\",\"payload\":{}}";
    struct dead_letter shouted = letter_of(rig, body, "Shouted");
    struct dead_letter careless = letter_of(rig, body, "Careless");
    struct dead_letter good = letter_of(rig, body, "DBConnectionError");

    assert_false(class_is_safe(classify_body(&rig->ctx, rig->rules, &shouted)));
    assert_false(class_is_safe(classify_body(&rig->ctx, rig->rules, &careless)));
    assert_true(class_is_safe(classify_body(&rig->ctx, rig->rules, &good)));
}

static void texts_match_by_pattern_and_a_broken_pattern_matches_nothing(void **state) {
    struct rig *rig = *state;
    struct dead_letter letter = letter_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", NULL);

    evidence_of_body(&rig->ctx, &letter);
    fx_json_add((struct fx_json *)letter.texts,
                fx_json_string(rig->sc, "dial tcp: Connection Refused"));
    assert_string_equal(class_name(rule_for(rig->rules, &letter)), "Database");
}

/* One after the other by the same rules, as in a look. */
static void each_message_is_judged_by_its_own_texts(void **state) {
    static const struct {
        const char *text, *class;
    } seen[] = {
        {"connection reset by peer", "Database"}, {"context deadline exceeded", "Slow"},
        {"nothing that is known", "Unknown"},     {"the call timed out", "Slow"},
        {"Connection refused", "Database"},       {"", "Unknown"},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < FX_COUNT_OF(seen); i++) {
        struct dead_letter letter = letter_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", NULL);

        evidence_of_body(&rig->ctx, &letter);
        if (seen[i].text[0] != '\0')
            fx_json_add((struct fx_json *)letter.texts, fx_json_string(rig->sc, seen[i].text));
        assert_string_equal(class_name(rule_for(rig->rules, &letter)), seen[i].class);
    }
}

static void of_two_causes_the_permanent_one_counts_in_any_order(void **state) {
    struct rig *rig = *state;
    struct dead_letter letter = letter_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", NULL);

    evidence_of_body(&rig->ctx, &letter);
    fx_json_add((struct fx_json *)letter.codes, fx_json_string(rig->sc, "DBConnectionError"));
    fx_json_add((struct fx_json *)letter.codes, fx_json_string(rig->sc, "HashMismatch"));
    assert_string_equal(class_name(rule_for(rig->rules, &letter)), "HashMismatch");
}

/* ---- the database did not answer ---- */

static const char *no_url(const struct fx_step_context *ctx, const char *name) {
    (void)ctx;
    (void)name;
    return NULL;
}

/* A host that remembers; of another step it knows nothing. */
struct memory {
    struct fx_step_host host;
    struct fx_json *kept;
};

static enum fx_code recall(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                           struct fx_json **ret_value, struct fx_error *err) {
    (void)sc;
    (void)err;
    *ret_value = fx_json_at(FX_CONTAINER_OF(host, struct memory, host)->kept, name);
    return FX_OK;
}

static enum fx_code remember(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                             const struct fx_json *value, struct fx_error *err) {
    (void)err;
    fx_json_put(FX_CONTAINER_OF(host, struct memory, host)->kept, name, fx_json_copy(sc, value));
    return FX_OK;
}

static enum fx_code forgotten(struct fx_step_host *host, struct fx_scope *sc, const char *name,
                              struct fx_json **ret_value, struct fx_error *err) {
    (void)host;
    (void)sc;
    (void)name;
    *ret_value = NULL;
    return fx_fail(err, FX_ERR_UNAVAILABLE, "the store is away");
}

static struct memory memory_of(struct rig *rig) {
    return (struct memory){.host = {.recall = recall, .remember = remember},
                           .kept = fx_json_object(rig->sc)};
}

static const struct queue queue = {.name = "Fluxa-DLQ"}, other = {.name = "Other-DLQ"};

static void a_class_that_came_back_is_not_safe_until_its_time_is_over(void **state) {
    struct rig *rig = *state;
    struct memory memory = memory_of(rig);
    int64_t now = fx_wall_ms(rig->ctx.clock), until = 0, again = 0;
    struct dead_letter item =
        letter_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", "DBConnectionError");
    struct letters letters = {&item, 1, 1};
    struct fx_json *gaps = NULL;
    struct fx_error err = {0};

    rig->ctx.host = &memory.host;
    assert_ok(classify(&rig->ctx, &queue, &letters, &gaps, &err));
    assert_true(class_is_safe(item.class));
    assert_ok(lock_class(&rig->ctx, &queue, "Database", now, 3600000, &until, &err));
    assert_ok(classify(&rig->ctx, &queue, &letters, &gaps, &err));
    assert_false(class_is_safe(item.class));
    assert_string_equal(class_name(item.class), "Database");
    assert_string_equal(class_retry(item.class), "locked");
    assert_in_range(until, now + 3600000, now + 3700000);
    assert_ok(lock_class(&rig->ctx, &queue, "Database", now, 7200000, &again, &err));
    assert_int_equal(again, until); /* another look at the same redrive */
    assert_ok(classify(&rig->ctx, &other, &letters, &gaps, &err));
    assert_true(class_is_safe(item.class));
    assert_ok(lock_class(&rig->ctx, &queue, "Database", now + 1, -1, &until, &err));
    assert_ok(classify(&rig->ctx, &queue, &letters, &gaps, &err));
    assert_true(class_is_safe(item.class));
}

static void a_lock_refuses_a_redrive_of_its_class_alone(void **state) {
    struct rig *rig = *state;
    struct memory memory = memory_of(rig);
    struct fx_json *one = fx_json_int(rig->sc, 1);
    int64_t until = 0;
    struct fx_error err = {0};

    rig->ctx.host = &memory.host;
    assert_ok(lock_class(&rig->ctx, &queue, "Database", 1, INT64_MAX / 4, &until, &err));
    assert_ok(
        lock_refuse(&rig->ctx, &queue, fx_json_object_of(rig->sc, "Throttled", one, NULL), &err));
    assert_int_equal(
        lock_refuse(&rig->ctx, &queue,
                    fx_json_object_of(rig->sc, "Throttled", one, "Database", one, NULL), &err),
        FX_ERR_CONFLICT);
    assert_non_null(strstr(err.message, "Database came back"));
}

static void a_lock_that_cannot_be_read_calls_nothing_safe(void **state) {
    struct rig *rig = *state;
    struct memory memory = memory_of(rig);
    struct dead_letter item =
        letter_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", "DBConnectionError");
    struct letters letters = {&item, 1, 1};
    struct fx_json *gaps = NULL;
    struct fx_error err = {0};

    memory.host.recall = forgotten;
    rig->ctx.host = &memory.host;
    assert_int_equal(classify(&rig->ctx, &queue, &letters, &gaps, &err), FX_ERR_UNAVAILABLE);
    assert_int_equal(
        lock_refuse(&rig->ctx, &queue,
                    fx_json_object_of(rig->sc, "Database", fx_json_int(rig->sc, 1), NULL), &err),
        FX_ERR_UNAVAILABLE);
}

static void while_the_database_is_silent_nothing_is_safe(void **state) {
    struct rig *rig = *state;
    struct fx_json *system = fx_json_copy(rig->sc, rig->ctx.system), *gaps = NULL;
    struct dead_letter items[] = {
        letter_of(rig, "{\"event_id\":\"e1\",\"payload\":{}}", "DBConnectionError"),
        letter_of(rig, "not json", NULL)};
    struct letters letters = {items, FX_COUNT_OF(items), FX_COUNT_OF(items)};
    struct fx_error err = {0};

    fx_json_put(system, "dlq_evidence",
                fx_json_object_of(rig->sc, "database", fx_json_string(rig->sc, "events"), "query",
                                  fx_json_string(rig->sc, "SELECT 1"), NULL));
    rig->ctx.system = system;
    rig->ctx.database_url = no_url;
    assert_ok(classify(&rig->ctx, &queue, &letters, &gaps, &err));
    assert_int_equal(fx_json_count(gaps), 1);
    assert_string_equal(class_name(items[0].class), "Unknown");
    assert_false(class_is_safe(items[0].class));
    assert_string_equal(class_name(items[1].class), "Schema");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_member_keeps_digits_escapes_and_order_but_no_blanks_between_tokens),
        TEST(a_member_of_that_name_deeper_down_is_another_one),
        TEST(a_name_that_is_written_with_escapes_is_not_found_and_so_never_safe),
        TEST(a_payload_with_its_own_hash_proves_nothing_against_it),
        TEST(a_changed_payload_is_never_safe_whatever_else_failed),
        TEST(a_hash_that_is_no_text_is_a_wrong_one),
        TEST(what_is_no_object_or_lacks_a_field_is_the_producers_fault),
        TEST(codes_are_compared_without_case_and_punctuation),
        TEST(without_evidence_the_cause_is_unknown_and_unknown_is_not_safe),
        TEST(only_the_word_yes_makes_a_class_safe),
        TEST(texts_match_by_pattern_and_a_broken_pattern_matches_nothing),
        TEST(each_message_is_judged_by_its_own_texts),
        TEST(of_two_causes_the_permanent_one_counts_in_any_order),
        TEST(while_the_database_is_silent_nothing_is_safe),
        TEST(a_class_that_came_back_is_not_safe_until_its_time_is_over),
        TEST(a_lock_refuses_a_redrive_of_its_class_alone),
        TEST(a_lock_that_cannot_be_read_calls_nothing_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
