/* sqs.c - SQS as far as redrives need it: visibility and receipts, batches, move tasks, and a
 * consumer of the main queue.
 */
#include "world.h"

#include "fluxabot/base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 400, /* before a task moves its first message */
    RATE_DEFAULT = 100,
    LISTED_TASKS = 10,
    RETURNS_ONE_IN = 25, /* so many messages fail once more */
};

static struct world *w(void) {
    return sim->world;
}

/* ---- queues ---- */

const char *sqs_arn(struct fx_scope *sc, int queue) {
    return fx_printf(sc, "arn:aws:sqs:us-east-1:123456789012:%s-%d",
                     queue % 2 == 0 ? "Main" : "Dead", queue / 2 + 1);
}

/* The last part of an ARN or URL; -1 for no queue of ours. */
static int queue_of(const char *text) {
    const char *name = text == NULL ? NULL : strrchr(text, text[0] == 'a' ? ':' : '/');

    if (name == NULL || strlen(name) != sizeof ":Main-1" - 1)
        return -1;
    int pair = name[6] - '1';

    return pair < 0 || pair >= WORLD_PAIRS ? -1 : 2 * pair + (name[1] == 'D');
}

struct letter *sqs_add(int queue, int origin) {
    if (w()->letters_count == WORLD_LETTERS)
        abort();
    int number = w()->letters_count++;
    struct letter *letter = &w()->letters[number];

    *letter = (struct letter){.queue = queue, .origin = origin, .sent_ms = sim->now_ms};
    snprintf(letter->id, sizeof letter->id, "00000000-0000-4000-8000-%012d", number + 1);
    if (queue % 2 == 0)
        letter->processed_ms = sim->now_ms + chance_between(&sim->people, 300, 4000);
    return letter;
}

static bool is_visible(const struct letter *letter, int queue) {
    return !letter->gone && letter->queue == queue && letter->visible_ms <= sim->now_ms;
}

/* ---- as time passes ---- */

static void consume(struct letter *letter) {
    if (chance_one_in(&sim->people, RETURNS_ONE_IN)) { /* dead again, under the id it has */
        letter->queue++;
        letter->visible_ms = sim->now_ms;
        return;
    }
    letter->gone = true;
}

static void move_one(struct task *task, struct letter *letter) {
    letter->queue = 2 * task->pair;
    letter->processed_ms = sim->now_ms + chance_between(&sim->people, 300, 4000);
    task->moved++;
}

static void advance_task(struct task *task) {
    int64_t step_ms = 1000 / (task->rate > 0 ? task->rate : RATE_DEFAULT) + 1;

    if (strcmp(task->status, "RUNNING") != 0)
        return;
    while (task->moved_ms + step_ms <= sim->now_ms) {
        struct letter *next = NULL;

        task->moved_ms += step_ms;
        for (int i = 0; i < w()->letters_count && next == NULL; i++)
            if (is_visible(&w()->letters[i], 2 * task->pair + 1) &&
                w()->letters[i].sent_ms <= task->started_ms)
                next = &w()->letters[i];
        if (next == NULL) {
            task->status = "COMPLETED";
            return;
        }
        move_one(task, next);
    }
}

void sqs_advance(void) {
    for (int i = 0; i < w()->tasks_count; i++)
        advance_task(&w()->tasks[i]);
    for (int i = 0; i < w()->letters_count; i++) {
        struct letter *letter = &w()->letters[i];

        if (!letter->gone && letter->queue % 2 == 0 && letter->processed_ms <= sim->now_ms)
            consume(letter);
    }
}

/* ---- answers ---- */

static struct wire_reply answer(struct fx_scope *sc, const struct fx_json *json) {
    return (struct wire_reply){200, fx_json_dump(sc, json)};
}

static struct wire_reply refuse(struct fx_scope *sc, int status, const char *code,
                                const char *message) {
    return (struct wire_reply){
        status,
        fx_json_dump(sc, fx_json_object_of(sc, "__type",
                                           fx_json_stringf(sc, "com.amazonaws.sqs#%s", code),
                                           "message", fx_json_string(sc, message), NULL))};
}

static const char *body_of(struct fx_scope *sc, const struct letter *letter) {
    return fx_printf(sc, "{\"event_id\":\"e-%d\",\"correlation_id\":\"c-%d\"}", letter->origin,
                     letter->origin);
}

static int origin_in(const char *body) {
    const char *id = body == NULL ? NULL : strstr(body, "\"e-");

    return id == NULL ? -1 : atoi(id + 3);
}

/* "17#3": the third receipt of letter 17. */
static struct letter *letter_of(const char *handle, bool *ret_newest) {
    char *end = NULL;
    long number = handle == NULL ? -1 : strtol(handle, &end, 10);

    if (number < 0 || number >= w()->letters_count || *end != '#')
        return NULL;
    *ret_newest = atoll(end + 1) == w()->letters[number].handle;
    return &w()->letters[number];
}

static struct fx_json *message_json(struct fx_scope *sc, struct letter *letter) {
    const char *body = body_of(sc, letter);
    struct fx_json *cause = fx_json_object_of(sc, "StringValue", fx_json_string(sc, "DbDown"),
                                              "DataType", fx_json_string(sc, "String"), NULL);

    return fx_json_object_of(
        sc, "MessageId", fx_json_string(sc, letter->id), "ReceiptHandle",
        fx_json_stringf(sc, "%d#%lld", (int)(letter - w()->letters), (long long)letter->handle),
        "Body", fx_json_string(sc, body), "MD5OfBody",
        fx_json_string(sc, fx_md5_hex(sc, fx_slice_of(body))), "MessageAttributes",
        fx_json_object_of(sc, "error_code", cause, NULL), "MD5OfMessageAttributes",
        fx_json_string(sc, "11111111111111111111111111111111"), "Attributes",
        fx_json_object_of(sc, "SentTimestamp",
                          fx_json_stringf(sc, "%lld", (long long)(SIM_WALL_MS + letter->sent_ms)),
                          "ApproximateReceiveCount", fx_json_stringf(sc, "%d", letter->receives),
                          NULL),
        NULL);
}

static struct wire_reply receive(struct fx_scope *sc, const struct fx_json *in) {
    int queue = queue_of(fx_json_get_text(in, "QueueUrl"));
    int64_t most = fx_json_get_int(in, "MaxNumberOfMessages", 1);
    int64_t hidden_ms = fx_json_get_int(in, "VisibilityTimeout", 30) * 1000;
    struct fx_json *list = fx_json_array(sc);

    for (int i = 0; i < w()->letters_count && (int64_t)fx_json_count(list) < most; i++) {
        struct letter *letter = &w()->letters[i];

        /* a short poll asks only some of SQS's machines */
        if (!is_visible(letter, queue) || chance_one_in(&sim->people, 12))
            continue;
        letter->visible_ms = sim->now_ms + hidden_ms;
        letter->handle++;
        letter->receives++;
        fx_json_add(list, message_json(sc, letter));
    }
    return answer(sc, fx_json_count(list) == 0 ? fx_json_object(sc)
                                               : fx_json_object_of(sc, "Messages", list, NULL));
}

/* ---- batches ---- */

static struct fx_json *entry_done(struct fx_scope *sc, const struct fx_json *entry) {
    return fx_json_object_of(sc, "Id", fx_json_at(entry, "Id"), NULL);
}

static struct wire_reply batch_answer(struct fx_scope *sc, struct fx_json *good) {
    return answer(sc, fx_json_object_of(sc, "Successful", good, "Failed", fx_json_array(sc), NULL));
}

static struct wire_reply send_batch(struct fx_scope *sc, const struct fx_json *in,
                                    const struct caller *caller) {
    int queue = queue_of(fx_json_get_text(in, "QueueUrl"));
    const struct fx_json *entries = fx_json_at(in, "Entries");
    struct fx_json *good = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(entries); i++) {
        const struct fx_json *entry = fx_json_item(entries, i);
        const char *body = fx_json_get_text(entry, "MessageBody");
        struct letter *letter = sqs_add(queue, origin_in(body));
        struct fx_json *done = entry_done(sc, entry);

        fx_json_put(done, "MessageId", fx_json_string(sc, letter->id));
        fx_json_put(done, "MD5OfMessageBody",
                    fx_json_string(sc, fx_md5_hex(sc, fx_slice_of(body))));
        fx_json_put(done, "MD5OfMessageAttributes",
                    fx_json_string(sc, "11111111111111111111111111111111"));
        fx_json_add(good, done);
        truth_effect("send", caller, letter->origin, -1);
    }
    return batch_answer(sc, good);
}

/* With an old receipt SQS says yes and may keep the message. */
static struct wire_reply delete_batch(struct fx_scope *sc, const struct fx_json *in,
                                      const struct caller *caller) {
    const struct fx_json *entries = fx_json_at(in, "Entries");
    struct fx_json *good = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(entries); i++) {
        const struct fx_json *entry = fx_json_item(entries, i);
        bool newest = false;
        struct letter *letter = letter_of(fx_json_get_text(entry, "ReceiptHandle"), &newest);

        if (letter != NULL && newest && letter->queue % 2 == 1)
            letter->gone = true;
        fx_json_add(good, entry_done(sc, entry));
    }
    truth_effect("delete", caller, -1, -1);
    return batch_answer(sc, good);
}

static struct wire_reply show_batch(struct fx_scope *sc, const struct fx_json *in) {
    const struct fx_json *entries = fx_json_at(in, "Entries");
    struct fx_json *good = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(entries); i++) {
        const struct fx_json *entry = fx_json_item(entries, i);
        bool newest = false;
        struct letter *letter = letter_of(fx_json_get_text(entry, "ReceiptHandle"), &newest);

        if (letter != NULL && newest && !letter->gone)
            letter->visible_ms =
                sim->now_ms + 1000 * fx_json_get_int(entry, "VisibilityTimeout", 0);
        fx_json_add(good, entry_done(sc, entry));
    }
    return batch_answer(sc, good);
}

static struct wire_reply attributes(struct fx_scope *sc, const struct fx_json *in) {
    int queue = queue_of(fx_json_get_text(in, "QueueUrl")), visible = 0, hidden = 0;

    for (int i = 0; i < w()->letters_count; i++) {
        const struct letter *letter = &w()->letters[i];

        visible += is_visible(letter, queue);
        hidden += !letter->gone && letter->queue == queue && letter->visible_ms > sim->now_ms;
    }
    struct fx_json *all = fx_json_object_of(
        sc, "ApproximateNumberOfMessages", fx_json_stringf(sc, "%d", visible),
        "ApproximateNumberOfMessagesNotVisible", fx_json_stringf(sc, "%d", hidden),
        "ApproximateNumberOfMessagesDelayed", fx_json_string(sc, "0"), NULL);

    if (queue % 2 == 0)
        fx_json_put(all, "RedrivePolicy",
                    fx_json_stringf(sc,
                                    "{\"deadLetterTargetArn\":\"%s\",\"maxReceiveCount\":\"3\"}",
                                    sqs_arn(sc, queue + 1)));
    return answer(sc, fx_json_object_of(sc, "Attributes", all, NULL));
}

/* ---- move tasks ---- */

int sqs_start_task(int pair, int64_t rate, const char *run) {
    if (w()->tasks_count == WORLD_TASKS)
        abort();
    int number = w()->tasks_count++;
    struct task *task = &w()->tasks[number];

    *task = (struct task){.pair = pair,
                          .rate = rate,
                          .started_ms = sim->now_ms,
                          .moved_ms = sim->now_ms + START_MS,
                          .status = "RUNNING"};
    snprintf(task->handle, sizeof task->handle, "task-%d", number + 1);
    snprintf(task->run, sizeof task->run, "%s", run);
    for (int i = 0; i < w()->letters_count; i++)
        task->to_move += is_visible(&w()->letters[i], 2 * pair + 1);
    return number;
}

static struct wire_reply start_task(struct fx_scope *sc, const struct fx_json *in,
                                    const struct caller *caller) {
    int queue = queue_of(fx_json_get_text(in, "SourceArn"));

    for (int i = 0; i < w()->tasks_count; i++)
        if (2 * w()->tasks[i].pair + 1 == queue && strcmp(w()->tasks[i].status, "RUNNING") == 0)
            return refuse(sc, 400, "InvalidParameterValueException",
                          "There is already a task running.");
    int number = sqs_start_task(queue / 2, fx_json_get_int(in, "MaxNumberOfMessagesPerSecond", 0),
                                caller->hand.run);

    truth_effect("start", caller, -1, number);
    return answer(sc, fx_json_object_of(sc, "TaskHandle",
                                        fx_json_string(sc, w()->tasks[number].handle), NULL));
}

static struct wire_reply cancel_task(struct fx_scope *sc, const struct fx_json *in,
                                     const struct caller *caller) {
    const char *handle = fx_json_get_text(in, "TaskHandle");

    for (int i = 0; i < w()->tasks_count; i++) {
        struct task *task = &w()->tasks[i];

        if (strcmp(task->handle, handle) != 0 || strcmp(task->status, "RUNNING") != 0)
            continue;
        task->status = "CANCELLED";
        truth_effect("cancel", caller, -1, i);
        return answer(sc, fx_json_object_of(sc, "ApproximateNumberOfMessagesMoved",
                                            fx_json_int(sc, task->moved), NULL));
    }
    return refuse(sc, 404, "ResourceNotFoundException", "The task is not running.");
}

static struct wire_reply list_tasks(struct fx_scope *sc, const struct fx_json *in) {
    int queue = queue_of(fx_json_get_text(in, "SourceArn"));
    int64_t most = fx_json_get_int(in, "MaxResults", 1);
    struct fx_json *list = fx_json_array(sc);

    for (int i = w()->tasks_count - 1;
         i >= 0 && (int64_t)fx_json_count(list) < most && fx_json_count(list) < LISTED_TASKS; i--) {
        const struct task *task = &w()->tasks[i];

        if (2 * task->pair + 1 != queue)
            continue;
        bool running = strcmp(task->status, "RUNNING") == 0;

        fx_json_add(list,
                    fx_json_object_of(
                        sc, "TaskHandle", running ? fx_json_string(sc, task->handle) : NULL,
                        "Status", fx_json_string(sc, task->status), "SourceArn",
                        fx_json_string(sc, sqs_arn(sc, queue)), "DestinationArn",
                        fx_json_string(sc, sqs_arn(sc, queue - 1)), "MaxNumberOfMessagesPerSecond",
                        fx_json_int(sc, task->rate), "ApproximateNumberOfMessagesMoved",
                        fx_json_int(sc, task->moved), "ApproximateNumberOfMessagesToMove",
                        fx_json_int(sc, task->to_move), "StartedTimestamp",
                        fx_json_int(sc, SIM_WALL_MS + task->started_ms), NULL));
    }
    return answer(sc, fx_json_object_of(sc, "Results", list, NULL));
}

struct wire_reply sqs_handle(struct fx_scope *sc, const char *operation, const struct fx_json *in,
                             const struct caller *caller) {
    sqs_advance();
    if (strcmp(operation, "ReceiveMessage") == 0)
        return receive(sc, in);
    if (strcmp(operation, "SendMessageBatch") == 0)
        return send_batch(sc, in, caller);
    if (strcmp(operation, "DeleteMessageBatch") == 0)
        return delete_batch(sc, in, caller);
    if (strcmp(operation, "ChangeMessageVisibilityBatch") == 0)
        return show_batch(sc, in);
    if (strcmp(operation, "GetQueueAttributes") == 0)
        return attributes(sc, in);
    if (strcmp(operation, "StartMessageMoveTask") == 0)
        return start_task(sc, in, caller);
    if (strcmp(operation, "CancelMessageMoveTask") == 0)
        return cancel_task(sc, in, caller);
    if (strcmp(operation, "ListMessageMoveTasks") == 0)
        return list_tasks(sc, in);
    return refuse(sc, 400, "UnsupportedOperation", operation);
}
