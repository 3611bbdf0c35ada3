/* sns_parse_test.c - which envelopes are read, and which are not. */
#include "support/test.h"

#include "fluxabot/sns.h"

#include <stdio.h>
#include <string.h>

#define TOPIC "arn:aws:sns:us-east-1:123456789012:fluxa-alarms"
#define HEX "0123456789abcdef0123456789abcdef"
#define PATH "/SimpleNotificationService-" HEX ".pem"
#define URL "https://sns.us-east-1.amazonaws.com" PATH
#define ID "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9e1"
#define TIME "2026-11-21T09:15:04.123Z"

static const char *const topics[] = {TOPIC};
static const struct fx_sns_rules rules = {.topics = topics, .topics_count = 1};

struct world {
    struct fx_scope *sc;
    struct fx_json *json; /* a good notification, or confirmation, to be spoiled */
    struct fx_sns_envelope *envelope;
    struct fx_error err;
};

static int begin(void **state) {
    struct world *w = test_calloc(1, sizeof *w);

    w->sc = fx_scope_new(NULL);
    w->json = fx_json_object_of(
        w->sc, "Type", fx_json_string(w->sc, "Notification"), "MessageId",
        fx_json_string(w->sc, ID), "TopicArn", fx_json_string(w->sc, TOPIC), "Subject",
        fx_json_string(w->sc, "ALARM: \"a\""), "Message", fx_json_string(w->sc, "two\nlines"),
        "Timestamp", fx_json_string(w->sc, TIME), "SignatureVersion", fx_json_string(w->sc, "2"),
        "Signature", fx_json_string(w->sc, "AAAA"), "SigningCertURL", fx_json_string(w->sc, URL),
        NULL);
    *state = w;
    return 0;
}

static int end(void **state) {
    struct world *w = *state;

    fx_scope_free(w->sc);
    test_free(w);
    return 0;
}

static enum fx_code parse_text(struct world *w, const char *text, const struct fx_sns_rules *with) {
    w->err = (struct fx_error){0};
    return fx_sns_parse(w->sc, fx_slice_of(text), with, &w->envelope, &w->err);
}

static enum fx_code parse(struct world *w) {
    return parse_text(w, fx_json_dump(w->sc, w->json), &rules);
}

static void put(struct world *w, const char *key, const char *text) {
    fx_json_put(w->json, key, fx_json_string(w->sc, text));
}

/* The code of parsing with one member changed; the member is put back. */
static enum fx_code parse_with(struct world *w, const char *key, struct fx_json *value) {
    struct fx_json *kept = fx_json_copy(w->sc, w->json);

    if (value)
        fx_json_put(w->json, key, value);
    else
        fx_json_remove(w->json, key);
    enum fx_code code = parse(w);
    w->json = kept;
    return code;
}

static enum fx_code parse_with_text(struct world *w, const char *key, const char *text) {
    return parse_with(w, key, fx_json_string(w->sc, text));
}

static void make_confirmation(struct world *w) {
    put(w, "Type", "SubscriptionConfirmation");
    put(w, "Token", "2336412f37fb687f");
    put(w, "SubscribeURL", "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription");
}

static void reads_every_field_of_a_notification(void **state) {
    struct world *w = *state;
    struct fx_error err = {0};

    put(w, "UnsubscribeURL", "https://example.org/");
    fx_json_put(w->json, "MessageAttributes", fx_json_object(w->sc));
    fx_json_put(w->json, "FutureMember", fx_json_int(w->sc, 7));
    assert_ok(parse(w));
    assert_int_equal(w->envelope->type, FX_SNS_NOTIFICATION);
    assert_string_equal(w->envelope->message_id, ID);
    assert_string_equal(w->envelope->topic_arn, TOPIC);
    assert_string_equal(w->envelope->subject, "ALARM: \"a\"");
    assert_string_equal(w->envelope->message, "two\nlines");
    assert_string_equal(w->envelope->timestamp, TIME);
    assert_string_equal(w->envelope->region, "us-east-1");
    assert_string_equal(w->envelope->certificate_url, URL);
    assert_int_equal(w->envelope->version, 2);
    assert_int_equal(w->envelope->sent_ms, 1795252504123);
    assert_null(w->envelope->token);
    assert_false(w->envelope->from_test_host);
}

static void reads_no_member_that_is_not_signed(void **state) {
    struct world *w = *state;
    struct fx_error err = {0};

    put(w, "Token", "t");
    put(w, "SubscribeURL", "https://evil.example/");
    assert_ok(parse(w));
    assert_null(w->envelope->token);
    assert_null(w->envelope->subscribe_url);
    make_confirmation(w);
    assert_ok(parse(w));
    assert_int_equal(w->envelope->type, FX_SNS_SUBSCRIPTION);
    assert_null(w->envelope->subject);
    put(w, "Type", "UnsubscribeConfirmation");
    assert_ok(parse(w));
    assert_int_equal(w->envelope->type, FX_SNS_UNSUBSCRIPTION);
    assert_string_equal(w->envelope->token, "2336412f37fb687f");
}

static void treats_a_null_subject_as_absent(void **state) {
    struct world *w = *state;

    assert_int_equal(parse_with(w, "Subject", fx_json_null(w->sc)), FX_OK);
    assert_null(w->envelope->subject);
    assert_int_equal(parse_with(w, "Subject", NULL), FX_OK);
    assert_null(w->envelope->subject);
}

static void refuses_an_envelope_without_one_of_its_fields(void **state) {
    static const char *const fields[] = {
        "Type",      "MessageId",      "TopicArn", "Message",     "Timestamp", "SignatureVersion",
        "Signature", "SigningCertURL", "Token",    "SubscribeURL"};
    struct world *w = *state;

    make_confirmation(w);
    for (size_t i = 0; i < FX_COUNT_OF(fields); i++) {
        struct fx_json *odd[] = {NULL,
                                 fx_json_null(w->sc),
                                 fx_json_int(w->sc, 2),
                                 fx_json_bool(w->sc, true),
                                 fx_json_array(w->sc),
                                 fx_json_object_of(w->sc, "x", fx_json_string(w->sc, TOPIC), NULL),
                                 fx_json_array_of(w->sc, fx_json_string(w->sc, TOPIC), NULL)};

        for (size_t j = 0; j < FX_COUNT_OF(odd); j++)
            if (parse_with(w, fields[i], odd[j]) != FX_ERR_INPUT)
                fail_msg("%s, variant %zu was taken", fields[i], j);
    }
    assert_int_equal(parse(w), FX_OK);
}

static void refuses_a_subject_that_is_no_string(void **state) {
    struct world *w = *state;

    assert_int_equal(parse_with(w, "Subject", fx_json_int(w->sc, 1)), FX_ERR_INPUT);
    assert_int_equal(parse_with(w, "Subject", fx_json_array(w->sc)), FX_ERR_INPUT);
}

static void refuses_every_field_without_its_exact_form(void **state) {
    static const struct {
        const char *field, *text;
    } wrong[] = {
        {"Type", ""},
        {"Type", "notification"},
        {"Type", "Notification "},
        {"Type", "Notification\n"},
        {"Type", "Notification\nMessageId\n" ID "\nType\nNotification"},
        {"MessageId", ""},
        {"MessageId", ID "\n"},
        {"MessageId", " " ID},
        {"MessageId", "6f0d7a522b1e5c0c9d5521b0a4c0d9e1"},
        {"MessageId", "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9eg"},
        {"MessageId", "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9e"},
        {"MessageId", "6f0d7a52-2b1e-5c0c-9d55-21b0a4c0d9e11"},
        {"MessageId", ID "\nSubject\nALARM"},
        {"Timestamp", ""},
        {"Timestamp", "2026-11-21T09:15:04Z"},
        {"Timestamp", "2026-11-21 09:15:04.123Z"},
        {"Timestamp", "2026-11-21T09:15:04.123"},
        {"Timestamp", "2026-11-21T09:15:04.123+00:00"},
        {"Timestamp", "2026-11-21T09:15:04.123Z\n"},
        {"Timestamp", "2026-13-21T09:15:04.123Z"},
        {"Timestamp", "2026-11-32T09:15:04.123Z"},
        {"Timestamp", "2026-11-21T25:15:04.123Z"},
        {"Timestamp", "1795252504123"},
        {"Timestamp", "２026-11-21T09:15:04.123Z"},
        {"Subject", "a\nb"},
        {"Subject", "a\rb"},
        {"Subject", "a\tb"},
        {"Subject", "a\x1b[31m"},
        {"Subject", "a\x7f"},
        {"SignatureVersion", ""},
        {"SignatureVersion", "0"},
        {"SignatureVersion", "3"},
        {"SignatureVersion", "02"},
        {"SignatureVersion", "2 "},
        {"Signature", ""},
        {"Signature", "A"},
        {"Signature", "AAA"},
        {"Signature", "AA A"},
        {"Signature", "AAAA\n"},
        {"Signature", "AA-_"},
        {"Signature", "===="},
        {"Signature", "AAAA="},
        {"Signature", "AB=="}, /* spare bits: decodes like AA== */
        {"Signature", "AAB="},
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++)
        if (parse_with_text(w, wrong[i].field, wrong[i].text) != FX_ERR_INPUT)
            fail_msg("%s was taken as \"%s\"", wrong[i].field, wrong[i].text);
}

static void refuses_tokens_and_addresses_of_another_form(void **state) {
    static const char *const wrong[] = {"", "a b", "a\nb", "a\rb", "\x01", "ä", "a\x7f"};
    struct world *w = *state;

    make_confirmation(w);
    for (size_t i = 0; i < FX_COUNT_OF(wrong); i++) {
        assert_int_equal(parse_with_text(w, "Token", wrong[i]), FX_ERR_INPUT);
        assert_int_equal(parse_with_text(w, "SubscribeURL", wrong[i]), FX_ERR_INPUT);
    }
}

static void refuses_oversized_fields(void **state) {
    struct world *w = *state;
    char *large = fx_alloc(w->sc, 8193);

    memset(large, 'A', 8192);
    assert_int_equal(parse_with_text(w, "Subject", large), FX_ERR_INPUT);
    assert_int_equal(parse_with_text(w, "Signature", large), FX_ERR_INPUT);
    make_confirmation(w);
    assert_int_equal(parse_with_text(w, "Token", large), FX_ERR_INPUT);
    assert_int_equal(parse_with_text(w, "SubscribeURL", large), FX_ERR_INPUT);
}

static void refuses_a_body_over_its_limit(void **state) {
    struct world *w = *state;
    char *body = fx_alloc(w->sc, (size_t)FX_SNS_MAX_BODY_BYTES + 2);

    memset(body, ' ', (size_t)FX_SNS_MAX_BODY_BYTES + 1);
    assert_int_equal(parse_text(w, body, &rules), FX_ERR_LIMIT);
}

static void refuses_what_is_not_one_object_with_distinct_keys(void **state) {
    static const char *const bodies[] = {
        "",
        "null",
        "7",
        "\"" TOPIC "\"",
        "[]",
        "{}",
        "{\"Type\":\"Notification\"",
        "plain words",
        "{\"Type\":\"Notification\",\"Type\":\"Notification\"}",
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(bodies); i++)
        assert_int_equal(parse_text(w, bodies[i], &rules), FX_ERR_INPUT);

    const char *good = fx_json_dump(w->sc, w->json);
    assert_int_equal(parse_text(w, good, &rules), FX_OK);
    const char *twice = fx_printf(w->sc, "{\"TopicArn\":\"" TOPIC "\",%s", good + 1);
    assert_int_equal(parse_text(w, twice, &rules), FX_ERR_INPUT);
    const char *dressed = fx_printf(w->sc, "{\"\\u0054ype\":\"Notification\",%s", good + 1);
    assert_int_equal(parse_text(w, dressed, &rules), FX_ERR_INPUT);
    assert_int_equal(parse_text(w, fx_printf(w->sc, "%s x", good), &rules), FX_ERR_INPUT);
}

static void refuses_topics_that_are_not_on_the_list(void **state) {
    static const char *const foreign[] = {
        "",
        "arn:aws:sns:us-east-1:999999999999:fluxa-alarms",
        "arn:aws:sns:us-east-1:123456789012:fluxa-alarms2",
        "arn:aws:sns:us-east-1:123456789012:fluxa-alarm",
        "arn:aws:sns:us-east-2:123456789012:fluxa-alarms",
        "ARN:aws:sns:us-east-1:123456789012:fluxa-alarms",
        TOPIC " ",
        TOPIC "\n",
        "\n" TOPIC,
        TOPIC ":0b1c2d3e",
        "*",
        "arn:aws:sns:us-east-1:123456789012:*",
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(foreign); i++)
        assert_int_equal(parse_with_text(w, "TopicArn", foreign[i]), FX_ERR_DENIED);
    assert_int_equal(parse_text(w, fx_json_dump(w->sc, w->json), &(struct fx_sns_rules){0}),
                     FX_ERR_DENIED);
}

static void is_fresh_from_five_minutes_ahead_to_the_last_retry(void **state) {
    struct world *w = *state;
    struct fx_error err = {0};

    assert_ok(parse(w));
    int64_t sent_ms = w->envelope->sent_ms;
    assert_ok(fx_sns_check_fresh(w->envelope, sent_ms, &err));
    assert_ok(fx_sns_check_fresh(w->envelope, sent_ms + FX_SNS_MAX_AGE_MS, &err));
    assert_ok(fx_sns_check_fresh(w->envelope, sent_ms - FX_SNS_MAX_AHEAD_MS, &err));
    assert_int_equal(fx_sns_check_fresh(w->envelope, sent_ms + FX_SNS_MAX_AGE_MS + 1, &err),
                     FX_ERR_DENIED);
    assert_int_equal(fx_sns_check_fresh(w->envelope, sent_ms - FX_SNS_MAX_AHEAD_MS - 1, &err),
                     FX_ERR_DENIED);
}

/* ---- the reader of flat objects, beside that of all JSON ---- */

static void must_be_equal(const char *body, const char *what, const char *a, const char *b) {
    if ((a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0))
        fail_msg("%s is '%s' or '%s' of %s", what, a, b, body);
}

/* A member that is no string keeps the first reader from an envelope: body goes to both. */
static enum fx_code read_both_ways(struct world *w, const char *body) {
    struct fx_sns_envelope *any = NULL;
    struct fx_error err = {0};
    const char *end = strrchr(body, '}');
    enum fx_code code = parse_text(w, body, &rules);
    enum fx_code any_code =
        end == NULL ? code
                    : fx_sns_parse(w->sc,
                                   fx_slice_of(fx_printf(w->sc, "%.*s,\"FutureMember\":null%s",
                                                         (int)(end - body), body, end)),
                                   &rules, &any, &err);

    if (code != any_code)
        fail_msg("%d or %d for %s", code, any_code, body);
    if (code != FX_OK || end == NULL)
        return code;
    must_be_equal(body, "Message", w->envelope->message, any->message);
    must_be_equal(body, "Subject", w->envelope->subject, any->subject);
    must_be_equal(body, "MessageId", w->envelope->message_id, any->message_id);
    must_be_equal(body, "TopicArn", w->envelope->topic_arn, any->topic_arn);
    must_be_equal(body, "Timestamp", w->envelope->timestamp, any->timestamp);
    must_be_equal(body, "Signature", w->envelope->signature, any->signature);
    must_be_equal(body, "SigningCertURL", w->envelope->certificate_url, any->certificate_url);
    assert_int_equal(w->envelope->version, any->version);
    return code;
}

static const char *with_raw_message(struct world *w, const char *raw) {
    return fx_printf(w->sc,
                     " {\t\"Type\" : \"Notification\",\r\n\"MessageId\":\"" ID
                     "\",\"TopicArn\":\"" TOPIC "\",\"Message\":\"%s\",\"Timestamp\":\"" TIME
                     "\",\"SignatureVersion\":\"2\",\"Signature\":\"AAAA\",\"SigningCertURL\":"
                     "\"" URL "\"}\n",
                     raw);
}

static void reads_escapes_as_any_reader_of_json(void **state) {
    static const struct {
        const char *raw, *text; /* NULL: is refused */
    } texts[] = {
        {"", ""},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e4\\u20AC\\u0001", "Aä€\x01"},
        {"\\uD83D\\uDE00", "😀"},
        {"ä€😀\x7f", "ä€😀\x7f"},
        {"\\u0000", NULL},
        {"\\u00", NULL},
        {"\\u00g0", NULL},
        {"\\u+041", NULL},
        {"\\ud83d", NULL},
        {"\\ude00", NULL},
        {"\\ud83d\\u0041", NULL},
        {"\\x", NULL},
        {"\\", NULL},
        {"\n", NULL},
        {"\t", NULL},
        {"\x01", NULL},
        {"\xff", NULL},
        {"\xc0\xaf", NULL},
        {"\xed\xa0\x80", NULL},
        {"\"", NULL},
    };
    struct world *w = *state;

    for (size_t i = 0; i < FX_COUNT_OF(texts); i++) {
        enum fx_code code = read_both_ways(w, with_raw_message(w, texts[i].raw));

        if (code != (texts[i].text == NULL ? FX_ERR_INPUT : FX_OK))
            fail_msg("%d for %s", code, texts[i].raw);
        if (code == FX_OK)
            assert_string_equal(w->envelope->message, texts[i].text);
    }
}

/* Each byte of an envelope once changed into each of these, and once left out. */
static void reads_nothing_that_the_reader_of_all_json_refuses(void **state) {
    static const char changed[] = "\"\\{}[],:u0 \n\x01\x7f\x80\xc3\xf0TA";
    struct world *w = *state;
    const char *good = with_raw_message(w, "a\\\"b\\u00e4ä");
    size_t len = strlen(good), taken = 0, tried = 0;

    for (size_t i = 0; i < len; i++) {
        char *body = fx_strdup(w->sc, good);

        for (size_t j = 0; j < sizeof changed - 1; j++, tried++) {
            body[i] = changed[j];
            taken += read_both_ways(w, body) == FX_OK;
        }
        (void)read_both_ways(
            w, fx_printf(w->sc, "%.*s%s", (int)i, good, good + i + 1)); /* one byte less */
    }
    assert_true(tried > 5000 && taken > 50 && taken < tried / 10);
}

static void takes_the_members_of_the_future_but_no_flood_of_them(void **state) {
    struct world *w = *state;
    char *body = fx_strdup(w->sc, with_raw_message(w, "words"));

    for (int i = 0; i < 40; i++) {
        *strrchr(body, '}') = '\0';
        body = fx_printf(w->sc, "%s,\"Future%d\":\"x\"}", body, i);
        assert_int_equal(read_both_ways(w, body), FX_OK);
    }
    char *flood = fx_alloc(w->sc, 20002);

    memset(flood, ',', 20000);
    flood[0] = '[';
    assert_int_equal(parse_text(w, flood, &rules), FX_ERR_LIMIT);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(reads_every_field_of_a_notification),
        world_test(reads_no_member_that_is_not_signed),
        world_test(treats_a_null_subject_as_absent),
        world_test(refuses_an_envelope_without_one_of_its_fields),
        world_test(refuses_a_subject_that_is_no_string),
        world_test(refuses_every_field_without_its_exact_form),
        world_test(refuses_tokens_and_addresses_of_another_form),
        world_test(refuses_oversized_fields),
        world_test(refuses_a_body_over_its_limit),
        world_test(refuses_what_is_not_one_object_with_distinct_keys),
        world_test(refuses_topics_that_are_not_on_the_list),
        world_test(reads_escapes_as_any_reader_of_json),
        world_test(reads_nothing_that_the_reader_of_all_json_refuses),
        world_test(takes_the_members_of_the_future_but_no_flood_of_them),
        world_test(is_fresh_from_five_minutes_ahead_to_the_last_retry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
