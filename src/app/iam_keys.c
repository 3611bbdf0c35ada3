/* iam_keys.c - the keys of what is encrypted. */
#include "iam.h"

#include <string.h>

/* What a call needs of the key of what it is made on (AWS KMS Developer Guide and the services'
 * own pages): reading asks for the data key to be decrypted, writing for a new one as well. */
static const struct {
    const char *member, *action;
    bool writes;
} keyed[] = {
    {"queue", "sqs:ReceiveMessage", false},
    {"queue", "sqs:SendMessage", true},
    {"queue", "sqs:StartMessageMoveTask", false},
    {"bucket", "s3:GetObject", false},
    {"function", "lambda:GetFunctionConfiguration", false},
};

static const char *arn_of_encrypted(const struct iam_asked *a, const struct fx_json *row,
                                    const char *member) {
    const char *name = fx_json_get_text(row, member);

    if (name == NULL)
        return NULL;
    if (strcmp(member, "queue") == 0)
        return iam_queue(a, name);
    return strcmp(member, "bucket") == 0 ? iam_objects(a, name) : iam_function(a, name);
}

static bool is_allowed(const struct iam_asked *a, const char *action, const char *resource) {
    const struct fx_json *resources = fx_json_at(a->actions, action);

    return fx_json_at(resources, resource) != NULL || fx_json_at(resources, IAM_EVERYTHING) != NULL;
}

/* What a move task takes from one queue it puts into another one. */
static bool is_filled_by_a_task(const struct iam_asked *a, const struct fx_json *row) {
    const char *name = fx_json_get_text(row, "queue"), *key = NULL, *source;
    struct fx_json *queue = NULL;
    void *cursor = NULL;

    while (name != NULL && fx_json_next(fx_json_at(a->filled, "queues"), &cursor, &key, &queue))
        if ((source = fx_json_get_text(queue, "source")) != NULL && strcmp(source, name) == 0 &&
            is_allowed(a, "sqs:StartMessageMoveTask", iam_queue(a, key)))
            return true;
    return false;
}

void iam_allow_keys(struct iam_asked *a) {
    const struct fx_json *rows = fx_json_at(a->filled, "encrypted");

    for (size_t i = 0; i < fx_json_count(rows); i++) {
        const struct fx_json *row = fx_json_item(rows, i);
        const char *key = fx_json_get_text(row, "key");
        bool reads = false, writes = is_filled_by_a_task(a, row);

        for (size_t k = 0; k < FX_COUNT_OF(keyed); k++) {
            const char *resource = arn_of_encrypted(a, row, keyed[k].member);

            if (resource == NULL || !is_allowed(a, keyed[k].action, resource))
                continue;
            reads = true;
            writes |= keyed[k].writes;
        }
        if (key == NULL || key[0] == '\0')
            continue;
        if (reads || writes)
            iam_allow(a->sc, a->actions, "kms:Decrypt", key);
        if (writes)
            iam_allow(a->sc, a->actions, "kms:GenerateDataKey", key);
    }
}
