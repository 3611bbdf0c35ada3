/* sns_recut_test.c - a genuine signature over the same bytes with other borders between the fields.
 */
#include "support/sns_world.h"

#include <string.h>

/* The publisher of a foreign topic writes a message that holds the rest of a string to sign. Same
 * bytes, other borders. */
static void refuses_a_message_of_another_topic_cut_anew(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);
    struct sns_message sent = sns_notification, forged = sns_notification;

    sent.topic = FOREIGN_TOPIC;
    sent.subject = forged.subject = NULL;
    sent.text = "all is well\nMessageId\n" OTHER_ID "\nTimestamp\n" OTHER_TIME "\nTopicArn\n" TOPIC
                "\nType\nNotification";
    forged.text = "all is well";
    forged.id = OTHER_ID;
    forged.time = OTHER_TIME;
    forged.type = "Notification\nMessageId\n" ID "\nTimestamp\n" TIME "\nTopicArn\n" FOREIGN_TOPIC
                  "\nType\nNotification";
    assert_string_equal(sns_string_of(w, &sent),
                        sns_string_of(w, &forged)); /* or the attack is none */
    assert_int_equal(sns_receive(w, sns_body_of(w, &forged, sns_sign(w, &sent)), pem),
                     FX_ERR_INPUT);
    assert_int_equal(sns_receive(w, sns_body_of(w, &sent, sns_sign(w, &sent)), pem), FX_ERR_DENIED);
}

/* A captured alarm told again under a new MessageId, which would pass for a new one. */
static void refuses_a_subject_moved_into_the_message_id(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);
    struct sns_message forged = sns_notification;

    forged.id = fx_printf(w->sc, ID "\nSubject\n%s", sns_notification.subject);
    forged.subject = NULL;
    assert_string_equal(sns_string_of(w, &sns_notification), sns_string_of(w, &forged));
    assert_int_equal(sns_receive(w, sns_body_of(w, &forged, sns_sign(w, &sns_notification)), pem),
                     FX_ERR_INPUT);
}

static const char *find(const char *from, const char *mark) {
    return from ? strstr(from, mark) : NULL;
}

struct cutting {
    const char *const *marks;
    size_t count;
    const char *values[8]; /* one more than marks: the last is what follows the last mark */
    size_t cuts, taken;
};

static void try_cut(struct sns_world *w, struct cutting *cut, const char *pem,
                    const char *signature, const char *version) {
    const char **v = cut->values;
    struct sns_message m = {
        .version = version, .url = sns_notification.url, .text = v[0], .id = v[1]};

    if (cut->count == 4)
        m.time = v[2], m.topic = v[3], m.type = v[4];
    else if (cut->count == 5)
        m.subject = v[2], m.time = v[3], m.topic = v[4], m.type = v[5];
    else
        m.subscribe_url = v[2], m.time = v[3], m.token = v[4], m.topic = v[5], m.type = v[6];
    cut->cuts++;
    if (sns_receive(w, sns_body_of(w, &m, signature), pem) == FX_OK)
        cut->taken++;
}

/* Tries every place at which each field name stands as the border of that field. */
static void cut_from(struct sns_world *w, struct cutting *cut, size_t depth, const char *rest,
                     const char *pem, const char *signature, const char *version) {
    if (depth == cut->count) {
        cut->values[depth] = fx_slice_dup(w->sc, (struct fx_slice){rest, strlen(rest) - 1});
        try_cut(w, cut, pem, signature, version);
        return;
    }
    for (const char *at = find(rest, cut->marks[depth]); at; at = find(at + 1, cut->marks[depth])) {
        cut->values[depth] = fx_slice_dup(w->sc, (struct fx_slice){rest, (size_t)(at - rest)});
        cut_from(w, cut, depth + 1, at + strlen(cut->marks[depth]), pem, signature, version);
    }
}

static void takes_one_cut_of_any_signed_string(void **state) {
    static const char *const plain[] = {"\nMessageId\n", "\nTimestamp\n", "\nTopicArn\n",
                                        "\nType\n"};
    static const char *const titled[] = {"\nMessageId\n", "\nSubject\n", "\nTimestamp\n",
                                         "\nTopicArn\n", "\nType\n"};
    static const char *const asked[] = {"\nMessageId\n", "\nSubscribeURL\n", "\nTimestamp\n",
                                        "\nToken\n",     "\nTopicArn\n",     "\nType\n"};
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);
    struct sns_message sent[] = {sns_notification, sns_notification,
                                 sns_confirmation("SubscriptionConfirmation")};
    size_t cuts = 0;

    sent[1].subject = NULL;
    for (size_t i = 0; i < FX_COUNT_OF(sent); i++) {
        sent[i].text = "x\nMessageId\n" OTHER_ID "\nSubject\nS\nTimestamp\n" OTHER_TIME
                       "\nTopicArn\n" TOPIC "\nType\nNotification\nMessageId\n" OTHER_ID
                       "\nSubscribeURL\nhttps://e\nTimestamp\n" OTHER_TIME
                       "\nToken\nt\nTopicArn\n" OTHER_TOPIC "\nType\nSubscriptionConfirmation";
        const char *rest = sns_string_of(w, &sent[i]) + strlen("Message\n");
        const char *signature = sns_sign(w, &sent[i]);
        struct cutting ways[] = {
            {plain, 4, {0}, 0, 0}, {titled, 5, {0}, 0, 0}, {asked, 6, {0}, 0, 0}};
        size_t taken = 0;

        for (size_t j = 0; j < FX_COUNT_OF(ways); j++) {
            cut_from(w, &ways[j], 0, rest, pem, signature, sent[i].version);
            taken += ways[j].taken;
            cuts += ways[j].cuts;
        }
        assert_int_equal(taken, 1);
    }
    assert_true(cuts > 100);
}

/* Should a form ever be read less strictly, verifying still knows one cut. */
static void verifying_refuses_a_field_of_two_lines_by_itself(void **state) {
    struct sns_world *w = *state;
    const char *pem = sns_certificate(w, w->sns, &sns_genuine);
    const char *signature = sns_sign(w, &sns_notification);
    struct fx_sns_envelope *good = NULL;
    struct fx_error err = {0};

    assert_ok(fx_sns_parse(w->sc, fx_slice_of(sns_body_of(w, &sns_notification, signature)),
                           &sns_rules, &good, &err));
    struct fx_sns_envelope cut = *good;

    cut.message_id = fx_printf(w->sc, "%s\nSubject\n%s", good->message_id, good->subject);
    cut.subject = NULL;
    assert_string_equal(fx_sns_string_to_sign(w->sc, good), fx_sns_string_to_sign(w->sc, &cut));
    assert_ok(fx_sns_verify(w->sc, good, &sns_rules, fx_slice_of(pem), NOW_S * 1000, &err));
    assert_int_equal(fx_sns_verify(w->sc, &cut, &sns_rules, fx_slice_of(pem), NOW_S * 1000, &err),
                     FX_ERR_DENIED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_message_of_another_topic_cut_anew),
        cmocka_unit_test(refuses_a_subject_moved_into_the_message_id),
        cmocka_unit_test(takes_one_cut_of_any_signed_string),
        cmocka_unit_test(verifying_refuses_a_field_of_two_lines_by_itself),
    };

    return cmocka_run_group_tests(tests, sns_world_begin, sns_world_end);
}
