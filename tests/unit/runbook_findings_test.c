/* runbook_findings_test.c - every planted mistake is told, with its file and line, and nothing
 * else. */
#include "support/test.h"

#include "support/runbook_kinds.h"

#include <string.h>

struct planted {
    const char *folder, *file;
    int line;
    const char *word; /* of the message */
};

/* Each folder below tests/golden/runbooks/bad holds the mistakes listed here and no other. */
static const struct planted planted[] = {
    /* clang-format off */
    {"system-missing", "system.yaml", 1, "missing"},
    {"command-freeze", "freeze-all.yaml", 1, "freeze is answered by fluxabot itself"},
    {"file-yml", "hello.yml", 1, "rename"},
    {"yaml-key-twice", "hello.yaml", 4, "stands already in line 2"},
    {"yaml-tab", "hello.yaml", 4, "a tab"},
    {"yaml-anchor", "hello.yaml", 3, "anchors"},
    {"yaml-alias", "hello.yaml", 3, "alias"},
    {"yaml-open-quote", "hello.yaml", 3, "not closed"},
    {"yaml-system-broken", "system.yaml", 2, "not closed"},
    {"yaml-two-documents", "hello.yaml", 4, "second document"},
    {"system-name", "system.yaml", 1, "calls the system s"},
    {"system-title-missing", "system.yaml", 1, "needs the key title"},
    {"system-title-number", "system.yaml", 2, "title must be a text"},
    {"system-key", "system.yaml", 7, "did you mean queues"},
    {"system-is-a-list", "system.yaml", 1, "must be a map"},
    {"variable-type", "system.yaml", 9, "no type of a variable"},
    {"variable-type-missing", "system.yaml", 9, "needs the key type"},
    {"variable-default", "system.yaml", 11, "whole number"},
    {"variable-url-default", "system.yaml", 11, "https://"},
    {"variable-choices", "system.yaml", 9, "list choices"},
    {"variable-unused", "system.yaml", 8, "left_over is not used"},
    {"variable-template", "system.yaml", 9, "not filled in here"},
    {"variable-name", "system.yaml", 9, "name is made of"},
    {"variable-unknown", "system.yaml", 11, "did you mean variables.dlq_url"},
    {"system-unknown-name", "system.yaml", 8, "stage"},
    {"queue-url-missing", "system.yaml", 4, "needs the key url"},
    {"queue-source", "system.yaml", 8, "no queue mian"},
    {"queue-own-source", "system.yaml", 7, "its own"},
    {"queue-rate", "system.yaml", 4, "1 to 500"},
    {"queue-idempotent", "system.yaml", 4, "true or false"},
    {"queue-key", "system.yaml", 4, "did you mean arn"},
    {"database-url", "system.yaml", 4, "has no key url"},
    {"database-kind", "system.yaml", 4, "postgresql or redis"},
    {"database-redis-changes", "system.yaml", 4, "a Redis is only asked here"},
    {"encrypted-nothing", "system.yaml", 4, "name one of queue, bucket and function"},
    {"encrypted-twice", "system.yaml", 6, "name one of queue, bucket and function"},
    {"encrypted-queue", "system.yaml", 6, "no queue dql"},
    {"closed-argument", "show.yaml", 6, "items of seek may not hold arguments"},
    {"closed-by-let", "show.yaml", 13, "items of seek may not hold again"},
    {"log-group", "system.yaml", 8, "a log group is a text"},
    {"class-retry", "system.yaml", 10, "never, yes, after, hold or no need"},
    {"class-retry-boolean", "system.yaml", 10, "retry must be a text"},
    {"class-pattern", "system.yaml", 13, "cannot be used"},
    {"class-back-reference", "system.yaml", 11, "back references"},
    {"class-counted-groups", "system.yaml", 11, "counted group"},
    {"class-twice", "system.yaml", 11, "line 8 already"},
    {"class-code-twice", "system.yaml", 16, "belongs to the class A already"},
    {"class-priority", "system.yaml", 8, "needs the key priority"},
    {"class-check", "system.yaml", 11, "payload_sha256"},
    {"class-key", "system.yaml", 11, "did you mean retry"},
    {"class-never-with-rate", "system.yaml", 11, "has no rate"},
    {"schema-required", "system.yaml", 8, "a list of texts"},
    {"show-fields", "system.yaml", 7, "a list of texts"},
    {"alarm-triage-unknown", "system.yaml", 13, "did you mean status"},
    {"alarm-triage-changes", "system.yaml", 11, "changes something"},
    {"alarm-triage-argument", "system.yaml", 11, "from 1 to 9"},
    {"alarm-triage-missing-argument", "system.yaml", 11, "id is missing"},
    {"alarm-triage-too-much", "system.yaml", 11, "no command fix now"},
    {"alarm-button-unknown", "system.yaml", 11, "no command repair"},
    {"alarm-severity", "system.yaml", 10, "critical, high, medium or low"},
    {"alarm-severity-missing", "system.yaml", 8, "needs the key severity"},
    {"alarm-without-pattern", "system.yaml", 8, "by patterns or by a metric"},
    {"alarm-fits-all", "system.yaml", 10, "fits every alarm"},
    {"alarm-template", "system.yaml", 10, "not filled in here"},
    {"alarm-metric", "system.yaml", 11, "needs the key namespace"},
    {"alarm-dimension", "system.yaml", 14, "is a text"},
    {"alarm-link", "system.yaml", 11, "https://"},
    {"alarm-page", "system.yaml", 11, "true or false"},
    {"alarm-key", "system.yaml", 11, "did you mean first_action"},
    {"alarm-twice", "system.yaml", 11, "described already"},
    {"command-twice", "hullo.yaml", 2, "hello.yaml already"},
    {"command-file-name", "hello.yaml", 1, "must be called say-hello.yaml"},
    {"command-upper-case", "hello.yaml", 1, "words of a-z"},
    {"command-missing", "hello.yaml", 1, "needs the key command"},
    {"command-summary-missing", "hello.yaml", 1, "needs the key summary"},
    {"command-empty", "hello.yaml", 1, "must be a map"},
    {"command-key", "hello.yaml", 3, "did you mean steps"},
    {"command-role", "hello.yaml", 3, "role"},
    {"command-steps", "hello.yaml", 3, "steps must be a list"},
    {"command-summary-template", "hello.yaml", 4, "not filled in here"},
    {"command-button-template", "hello.yaml", 3, "not filled in here"},
    {"argument-type", "hello.yaml", 4, "no type of an argument"},
    {"argument-type-missing", "hello.yaml", 4, "needs the key type"},
    {"argument-default-range", "hello.yaml", 7, "50 or less"},
    {"argument-default-choice", "hello.yaml", 4, "one of a or b"},
    {"argument-default-type", "hello.yaml", 4, "a duration"},
    {"argument-default-null", "hello.yaml", 4, "optional: true"},
    {"argument-range", "hello.yaml", 6, "min is more than max"},
    {"argument-range-of-text", "hello.yaml", 4, "belong to the types"},
    {"argument-pattern", "hello.yaml", 4, "cannot be used"},
    {"argument-choices", "hello.yaml", 4, "list choices"},
    {"argument-choices-blank", "hello.yaml", 4, "one word"},
    {"argument-queue", "hello.yaml", 4, "leave them out"},
    {"argument-queue", "hello.yaml", 5, "one of dlq"},
    {"argument-queue-none", "hello.yaml", 4, "names no queues"},
    {"argument-unused", "hello.yaml", 5, "y is not used"},
    {"argument-key", "hello.yaml", 4, "did you mean default"},
    {"argument-order", "hello.yaml", 5, "before y"},
    {"argument-rest", "hello.yaml", 4, "must be the last"},
    {"argument-rest-of-integer", "hello.yaml", 4, "text and ids"},
    {"argument-lua-word", "hello.yaml", 4, "name is made of"},
    {"argument-unknown", "hello.yaml", 7, "did you mean arguments.count"},
    {"step-kind", "hello.yaml", 5, "did you mean look"},
    {"step-two-kinds", "hello.yaml", 6, "not both"},
    {"step-without-kind", "hello.yaml", 4, "nothing to do"},
    {"step-without-id", "hello.yaml", 4, "needs the key id"},
    {"step-id-twice", "hello.yaml", 6, "line 4 already"},
    {"step-id-taken", "hello.yaml", 4, "has a meaning"},
    {"step-id-form", "hello.yaml", 4, "an id is made of"},
    {"step-is-text", "hello.yaml", 4, "must be a map"},
    {"step-parameter", "hello.yaml", 7, "did you mean count"},
    {"step-parameter-missing", "hello.yaml", 5, "look needs queue"},
    {"step-parameter-type", "hello.yaml", 7, "whole number"},
    {"step-parameter-duration", "hello.yaml", 7, "not a duration"},
    {"step-parameter-list", "hello.yaml", 7, "a list"},
    {"step-parameters", "hello.yaml", 5, "takes a map"},
    {"step-queue", "hello.yaml", 5, "did you mean dlq"},
    {"step-database", "hello.yaml", 7, "did you mean events"},
    {"step-with", "hello.yaml", 6, "no use for with"},
    {"step-parameter-twice", "hello.yaml", 6, "given twice"},
    {"step-check", "hello.yaml", 5, "no operation"},
    {"step-refused", "hello.yaml", 5, "not done by fluxabot"},
    {"step-reads-later", "hello.yaml", 7, "b"},
    {"step-reads-itself", "hello.yaml", 5, "a"},
    {"step-template-deep", "hello.yaml", 10, "nothing"},
    {"step-template-key", "hello.yaml", 7, "inside a key"},
    {"step-when-name", "hello.yaml", 6, "depth"},
    {"step-when-two", "hello.yaml", 6, "one expression"},
    {"step-when-boolean", "hello.yaml", 6, "when must be a text"},
    {"step-timeout", "hello.yaml", 6, "at most 1h"},
    {"step-on-error", "hello.yaml", 6, "only continue"},
    {"step-many", "hello.yaml", 3, "61 steps are more than the 60"},
    {"queue-unknown", "hello.yaml", 6, "no queue.main"},
    {"queue-part-unknown", "hello.yaml", 6, "did you mean queue.dlq.url"},
    {"change-without-approval", "hello.yaml", 4, "changes something"},
    {"change-of-call-without-approval", "hello.yaml", 4, "changes something"},
    {"change-with-approval-of-another", "hello.yaml", 8, "changes something"},
    {"approval-of-nothing", "hello.yaml", 4, "no later step has this id"},
    {"approval-too-late", "hello.yaml", 4, "changes something"},
    {"approval-too-late", "hello.yaml", 6, "stands before it"},
    {"approval-of-reading", "hello.yaml", 4, "changes nothing"},
    {"approval-condition", "hello.yaml", 7, "has a condition"},
    {"approval-on-error", "hello.yaml", 6, "cannot pass over it"},
    {"answer-missing", "hello.yaml", 1, "needs the key answer"},
    {"answer-verdict", "hello.yaml", 3, "needs the key verdict"},
    {"answer-verdict-empty", "hello.yaml", 4, "verdict must be a text"},
    {"answer-key", "hello.yaml", 8, "has no key collumns"},
    {"answer-tone", "hello.yaml", 8, "alarm, good, bad, wait or plain"},
    {"answer-visibility", "hello.yaml", 8, "not private or channel"},
    {"answer-shared", "hello.yaml", 8, "only an answer with visibility: private"},
    {"answer-table-rows", "hello.yaml", 8, "needs the key rows"},
    {"answer-table-rows-text", "hello.yaml", 9, "one expression"},
    {"answer-table-column", "hello.yaml", 12, "item"},
    {"answer-list-text", "hello.yaml", 10, "row"},
    {"answer-sparkline-points", "hello.yaml", 9, "sene"},
    {"answer-sparkline-list", "hello.yaml", 9, "one expression"},
    {"answer-sparkline-key", "hello.yaml", 9, "no key units"},
    {"answer-chart-key", "hello.yaml", 8, "no key colour"},
    {"answer-chart-points", "hello.yaml", 8, "one expression"},
    {"answer-chart-title", "hello.yaml", 8, "sene"},
    {"answer-chart-private", "hello.yaml", 9, "to the whole channel"},
    {"answer-file-name", "hello.yaml", 8, "a-z, 0-9 and -"},
    {"answer-file-columns", "hello.yaml", 8, "needs a column"},
    {"answer-file-row", "hello.yaml", 8, "rwo"},
    {"answer-file-private", "hello.yaml", 9, "to the whole channel"},
    {"answer-row-in-verdict", "hello.yaml", 7, "row"},
    {"answer-unknown-name", "hello.yaml", 7, "sene"},
    {"answer-fields", "hello.yaml", 9, "A must be a text"},
    {"answer-incident", "hello.yaml", 7, "incident"},
    {"button-unknown", "hello.yaml", 10, "did you mean fix"},
    {"button-argument", "hello.yaml", 10, "from 1 to 9"},
    {"button-argument-unknown", "hello.yaml", 10, "no argument m"},
    {"button-style", "hello.yaml", 9, "primary or danger"},
    {"button-template", "hello.yaml", 8, "written out"},
    {"button-when", "hello.yaml", 10, "sene"},
    {"button-arguments-map", "hello.yaml", 10, "arguments must be a text"},
    {"button-arguments-twice", "hello.yaml", 9, "give them once"},
    {"button-arguments-name", "hello.yaml", 10, "sene"},
    {"button-argument-missing", "hello.yaml", 8, "id is missing"},
    {"answer-lines", "hello.yaml", 8, "a list of texts"},
    {"answer-table-rows-list", "hello.yaml", 9, "one expression"},
    {"command-help", "help.yaml", 1, "fluxabot itself"},
    {"class-gate", "system.yaml", 11, "gate must be a map"},
    {"class-gate-database", "system.yaml", 11, "evnts is not among"},
    {"class-retry-template", "system.yaml", 10, "write out"},
    {"evidence-database", "system.yaml", 9, "not among the databases"},
    {"evidence-query", "system.yaml", 7, "belong together"},
    {"queue-visibility-text", "system.yaml", 4, "1 to 43200"},
    {"queue-visibility", "system.yaml", 4, "1 to 43200"},
    {"button-key", "hello.yaml", 10, "has no key label"},
    {"follow-up-command", "hello.yaml", 10, "did you mean status"},
    {"follow-up-command", "hello.yaml", 11, "fix changes something"},
    {"follow-up-command", "hello.yaml", 12, "written out"},
    {"follow-up-command", "hello.yaml", 13, "give them once"},
    {"follow-up-command", "hello.yaml", 15, "needs the key command"},
    {"follow-up-private", "hello.yaml", 10, "aside answers one person in private"},
    {"follow-up-private", "hello.yaml", 11, "secret answers one person in private"},
    {"follow-up-times", "hello.yaml", 10, "999ms is not within 1s to 7d"},
    {"follow-up-times", "hello.yaml", 10, "169h is not within 1s to 7d"},
    {"follow-up-times", "hello.yaml", 11, "soon is not a duration"},
    {"follow-up-times", "hello.yaml", 12, "1 to 10 times"},
    {"follow-up-times", "hello.yaml", 13, "1 to 10 times"},
    {"follow-up-times", "hello.yaml", 14, "not a duration"},
    {"follow-up-after", "hello.yaml", 10, "needs either after"},
    {"follow-up-after", "hello.yaml", 11, "a list of texts"},
    {"follow-up-after", "hello.yaml", 12, "a list of texts"},
    {"follow-up-after", "hello.yaml", 13, "soon is not a duration"},
    {"follow-up-at", "hello.yaml", 12, "either after, such as 2m, or at"},
    {"follow-up-at", "hello.yaml", 13, "the same whenever it is asked for"},
    {"follow-up-at", "hello.yaml", 14, "did you mean arguments.day"},
    {"follow-up-at", "hello.yaml", 15, "at must be a text"},
    {"wait-again", "hello.yaml", 9, "again names sean, but no step before it"},
    {"wait-again", "hello.yaml", 11, "again names itself, but no step before it"},
    {"wait-again", "hello.yaml", 11, "watches once"},
    {"wait-again", "hello.yaml", 13, "written out"},
    {"wait-again", "hello.yaml", 13, "watches once"},
    {"wait-again", "hello.yaml", 15, "watches once"},
    {"wait-again", "hello.yaml", 15, "not for each item"},
    {"wait-again", "hello.yaml", 15, "unknown waits itself"},
    {"wait-again", "hello.yaml", 15, "itself waits itself"},
    {"wait-again", "hello.yaml", 15, "computed waits itself"},
    {"wait-looks", "hello.yaml", 13, "pause waits itself"},
    {"wait-looks", "hello.yaml", 13, "hides does more than read"},
    {"wait-looks", "hello.yaml", 13, "ticked does more than read"},
    {"wait-changes", "hello.yaml", 3, "let a follow-up of the change watch"},
    {"wait-private", "hello.yaml", 10, "nobody would see what the watch sees"},
    {"wait-where", "system.yaml", 11, "a diagnosis is wanted at once"},
    {"wait-where", "system.yaml", 12, "fix changes something"},
    {"wait-where", "system.yaml", 14, "a schedule looks again by itself"},
    {"wait-where", "hello.yaml", 5, "offer it as a button"},
    {"follow-up-list", "hello.yaml", 9, "follow_ups must be a list"},
    {"follow-up-key", "hello.yaml", 10, "did you mean arguments"},
    {"follow-up-key", "hello.yaml", 11, "must be a map"},
    {"follow-up-key", "hello.yaml", 12, "arguments must be a text"},
    {"follow-up-arguments", "hello.yaml", 10, "not closed"},
    {"follow-up-arguments", "hello.yaml", 11, "mooved"},
    {"follow-up-arguments", "hello.yaml", 12, "from 1 to 9"},
    {"follow-up-arguments", "hello.yaml", 13, "id is missing"},
    {"follow-up-of-nothing", "hello.yaml", 7, "this command makes none"},
    {"follow-up-many", "hello.yaml", 9, "at most 5 follow-ups"},
    {"answer-page", "hello.yaml", 6, "page must be a map"},
    {"answer-page-missing", "hello.yaml", 8, "needs the key when"},
    {"answer-page-missing", "hello.yaml", 8, "needs the key summary"},
    {"answer-page-key", "hello.yaml", 11, "critical, high, medium or low"},
    {"answer-page-key", "hello.yaml", 12, "not filled in here"},
    {"answer-page-key", "hello.yaml", 13, "did you mean severity"},
    {"answer-page-when", "hello.yaml", 9, "one expression"},
    {"answer-page-syntax", "hello.yaml", 9, "more"},
    {"answer-page-syntax", "hello.yaml", 10, "not closed"},
    {"answer-page-name", "hello.yaml", 9, "sene"},
    {"answer-page-name", "hello.yaml", 10, "row"},
    {"argument-named", "hello.yaml", 4, "named must be true or false"},
    {"argument-named", "hello.yaml", 5, "choose one"},
    {"argument-named-after-rest", "hello.yaml", 4, "must be the last"},
    {"template-syntax", "hello.yaml", 7, "+"},
    {"template-open", "hello.yaml", 7, "not closed"},
    {"schedule-key", "system.yaml", 9, "did you mean environments"},
    {"schedule-keys-missing", "system.yaml", 6, "needs the key name"},
    {"schedule-keys-missing", "system.yaml", 6, "needs the key command"},
    {"schedule-keys-missing", "system.yaml", 6, "needs the key every"},
    {"schedule-is-text", "system.yaml", 6, "a schedule must be a map"},
    {"schedule-name", "system.yaml", 6, "without /"},
    {"schedule-name-template", "system.yaml", 6, "not filled in here"},
    {"schedule-twice", "system.yaml", 9, "described already"},
    {"schedule-command-unknown", "system.yaml", 7, "did you mean status"},
    {"schedule-command-argument", "system.yaml", 7, "from 1 to 9"},
    {"schedule-command-template", "system.yaml", 7, "not filled in here"},
    {"schedule-command-changes", "system.yaml", 7, "may only read"},
    {"schedule-command-private", "system.yaml", 7, "answers in private"},
    {"schedule-every", "system.yaml", 8, "week, month or quarter"},
    {"schedule-every-number", "system.yaml", 8, "every must be a text"},
    {"schedule-every-short", "system.yaml", 8, "from 10s to 31d"},
    {"schedule-every-long", "system.yaml", 8, "from 10s to 31d"},
    {"schedule-at-short-interval", "system.yaml", 9, "interval of whole days"},
    {"schedule-at", "system.yaml", 9, "no time of day"},
    {"schedule-at-seconds", "system.yaml", 9, "no time of day"},
    {"schedule-on-week", "system.yaml", 9, "monday, tuesday"},
    {"schedule-on-month", "system.yaml", 9, "from 1 to 28"},
    {"schedule-on-quarter", "system.yaml", 9, "from 1 to 28"},
    {"schedule-on-duration", "system.yaml", 9, "on belongs to"},
    {"schedule-changes-constant", "system.yaml", 9, "never changes"},
    {"schedule-changes-name", "system.yaml", 9, "sene"},
    {"schedule-changes-argument", "system.yaml", 9, "did you mean arguments.n"},
    {"schedule-changes-incident", "system.yaml", 9, "incident"},
    {"schedule-changes-syntax", "system.yaml", 9, "+"},
    {"schedule-title", "system.yaml", 6, "always the same"},
    {"schedule-posts", "system.yaml", 9, "changes or always"},
    {"schedule-always-changes", "system.yaml", 10, "nothing is compared"},
    {"schedule-always-often", "system.yaml", 9, "floods the channel"},
    {"schedule-environments", "system.yaml", 9, "for all of them"},
    {"each-max", "hello.yaml", 6, "1 to 50 items"},
    {"each-max-missing", "hello.yaml", 6, "needs the key max"},
    {"each-key", "hello.yaml", 6, "has no key of"},
    {"each-text", "hello.yaml", 6, "must be a map"},
    {"each-name", "hello.yaml", 6, "things"},
    {"each-of-a-list", "hello.yaml", 6, "each is for a step that only reads"},
    {"each-item-outside", "hello.yaml", 5, "item"},
    {"step-never", "hello.yaml", 6, "always the same"},
    {"button-always", "hello.yaml", 9, "always the same"},
    {"alarm-pattern-twice", "system.yaml", 12, "belongs to the alarm a already"},
    {"run-itself", "hello.yaml", 5, "would never end"},
    {"run-circle", "hello.yaml", 5, "would never end"},
    {"run-circle", "other.yaml", 5, "would never end"},
    {"run-unknown", "hello.yaml", 5, "did you mean hello"},
    {"run-argument", "hello.yaml", 5, "other: "},
    {"run-changes", "hello.yaml", 5, "offer it as a button"},
    {"run-private", "hello.yaml", 5, "show it to the channel"},
    {"run-role", "hello.yaml", 5, "for the role dba"},
    {"run-checklist", "hello.yaml", 5, "needs its own card"},
    {"run-template", "hello.yaml", 5, "is written out"},
    {"run-deep", "hello.yaml", 3, "more than 3 commands"},
    {"checklist-twice", "hello.yaml", 6, "one checklist"},
    {"checklist-private", "hello.yaml", 4, "cannot be changed later"},
    {"yaml-quote-late", "hello.yaml", 2, "closed only in line 3"},
    {"alarm-triage-notice", "system.yaml", 11, "a person's word"},
    {"schedule-command-notice", "system.yaml", 8, "a schedule is nobody"},
    {"follow-up-notice", "hello.yaml", 10, "nobody asks for a follow-up"},
    {"run-notice", "hello.yaml", 5, "offer it as a button"},
    {"each-of-a-notice", "hello.yaml", 6, "each is for a step that only reads"},
    {"proposal-alarm", "system.yaml", 11, "not among the alarms"},
    {"proposal-at-least", "system.yaml", 11, "two alarms or more"},
    {"proposal-command", "system.yaml", 11, "did you mean status"},
    {"proposal-key", "system.yaml", 11, "severity"},
    /* clang-format on */
};

static int setup(void **state) {
    *state = fx_scope_new(NULL);
    return 0;
}

static int teardown(void **state) {
    fx_scope_free(*state);
    return 0;
}

static bool is_told(struct fx_scope *sc, const struct planted *row,
                    const struct fx_finding *findings, size_t count) {
    char *file = fx_printf(sc, "%s/golden/runbooks/bad/%s/%s", FX_TEST_DIR, row->folder, row->file);

    for (size_t i = 0; i < count; i++)
        if (strcmp(findings[i].file, file) == 0 && findings[i].line == row->line &&
            strstr(findings[i].message, row->word) != NULL)
            return true;
    return false;
}

static size_t planted_in(const char *folder) {
    size_t count = 0;

    for (size_t i = 0; i < FX_COUNT_OF(planted); i++)
        count += strcmp(planted[i].folder, folder) == 0;
    return count;
}

static void check_folder(struct fx_scope *sc, size_t first, size_t *missed, size_t *surplus) {
    const char *folder = planted[first].folder;
    struct fx_runbooks *runbooks = NULL;
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0, expected = planted_in(folder), told = 0;
    char *path = fx_printf(sc, "bad/%s", folder);

    assert_int_equal(runbook_open(sc, path, "s", NULL, &runbooks, &findings, &count, &err),
                     FX_ERR_INPUT);
    assert_null(runbooks);
    for (size_t i = first; i < first + expected; i++) {
        bool found = is_told(sc, &planted[i], findings, count);

        told += found;
        if (!found)
            print_error("%s/%s:%d: not told: %s\n", folder, planted[i].file, planted[i].line,
                        planted[i].word);
    }
    *missed += expected - told;
    *surplus += count > expected ? count - expected : 0;
    if (told < expected || count != expected)
        for (size_t i = 0; i < count; i++)
            print_error("  told: %s:%d: %s\n", strstr(findings[i].file, "bad/"), findings[i].line,
                        findings[i].message);
}

static void tells_every_planted_mistake_with_its_line_and_no_other(void **state) {
    size_t missed = 0, surplus = 0, folders = 0;

    for (size_t i = 0; i < FX_COUNT_OF(planted); i += planted_in(planted[i].folder)) {
        struct fx_scope *sc = fx_scope_new(*state);

        check_folder(sc, i, &missed, &surplus);
        fx_scope_free(sc);
        folders++;
    }
    assert_int_equal(missed, 0);
    assert_int_equal(surplus, 0);
    assert_true(folders >= 45);
}

static void tells_all_systems_at_once_sorted_by_file_and_line(void **state) {
    static const char *const folders[] = {"step-with", "command-twice", "approval-too-late",
                                          "alarm-link"};
    struct fx_runbook_source sources[FX_COUNT_OF(folders)] = {0};
    struct fx_runbooks *runbooks = NULL;
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    for (size_t i = 0; i < FX_COUNT_OF(folders); i++)
        sources[i] = (struct fx_runbook_source){
            .name = "s",
            .path = fx_printf(*state, "%s/golden/runbooks/bad/%s", FX_TEST_DIR, folders[i])};
    assert_int_equal(fx_runbooks_open(*state, sources, FX_COUNT_OF(sources), runbook_kinds,
                                      runbook_kinds_count, &runbooks, &findings, &count, &err),
                     FX_ERR_INPUT);
    assert_int_equal(count, 5);
    for (size_t i = 1; i < count; i++) {
        int order = strcmp(findings[i - 1].file, findings[i].file);

        assert_true(order < 0 || (order == 0 && findings[i - 1].line < findings[i].line));
    }
    assert_non_null(strstr(findings[0].file, "alarm-link"));
    assert_non_null(strstr(err.message, "alarm-link/system.yaml:11: "));
}

static void a_missing_folder_is_told(void **state) {
    struct fx_runbooks *runbooks = NULL;
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    assert_int_equal(
        runbook_open(*state, "bad/not-there", "s", NULL, &runbooks, &findings, &count, &err),
        FX_ERR_INPUT);
    assert_null(runbooks);
    assert_true(count >= 1);
    assert_non_null(strstr(findings[0].message, "the folder cannot be read"));
}

static void tells_at_most_two_hundred(void **state) {
    enum { COPIES = 70, ALL = 200 };
    struct fx_runbook_source sources[COPIES];
    struct fx_runbooks *runbooks = NULL;
    struct fx_finding *findings = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    for (size_t i = 0; i < COPIES; i++)
        sources[i] = (struct fx_runbook_source){
            .name = "another name",
            .path = fx_printf(*state, "%s/golden/runbooks/bad/approval-too-late", FX_TEST_DIR)};
    assert_int_equal(fx_runbooks_open(*state, sources, COPIES, runbook_kinds, runbook_kinds_count,
                                      &runbooks, &findings, &count, &err),
                     FX_ERR_INPUT);
    assert_int_equal(count, ALL);
    assert_int_equal(fx_runbooks_open(*state, sources, 1, runbook_kinds, runbook_kinds_count,
                                      &runbooks, &findings, &count, &err),
                     FX_ERR_INPUT);
    assert_int_equal(count, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_every_planted_mistake_with_its_line_and_no_other,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(tells_all_systems_at_once_sorted_by_file_and_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_at_most_two_hundred, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
