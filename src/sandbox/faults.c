/* faults.c - what goes wrong on purpose: POST /sandbox/fault and the question "does this call
 * fail?". */
#include "private.h"

#include <string.h>

enum {
    FAULT_RULES_MAX = 64,
    FAULT_TARGET_MAX = 96,
    FAULT_ENDLESS = -1,
    SLOW_MS = 3000,
    HELD_LOOK_MS = 500,
};

struct fault_rule {
    char target[FAULT_TARGET_MAX];
    char about[FAULT_TARGET_MAX]; /* empty: every call of the target */
    enum sandbox_fault fault;
    double rate;   /* 1: every call */
    int64_t after; /* calls left that still go well */
    int64_t count; /* calls left to spoil, or FAULT_ENDLESS */
};

struct sandbox_faults {
    struct fault_rule rules[FAULT_RULES_MAX];
    size_t count;
};

static const struct {
    const char *name;
    enum sandbox_fault fault;
} kinds[] = {
    {"429", SANDBOX_FAULT_THROTTLE},
    {"5xx", SANDBOX_FAULT_ERROR},
    {"internal_error", SANDBOX_FAULT_ERROR_AFTER},
    {"timeout_before", SANDBOX_FAULT_TIMEOUT_BEFORE},
    {"timeout_after", SANDBOX_FAULT_TIMEOUT_AFTER},
    {"slow", SANDBOX_FAULT_SLOW},
    {"held", SANDBOX_FAULT_HELD},
    {"denied", SANDBOX_FAULT_DENIED},
    {"down", SANDBOX_FAULT_TIMEOUT_BEFORE},
};

static bool matches(const struct fault_rule *rule, const char *service, const char *operation) {
    size_t len = strlen(service);

    if (strncmp(rule->target, service, len) != 0)
        return false;
    if (rule->target[len] == '\0')
        return true;
    return rule->target[len] == ':' && operation != NULL &&
           strcmp(rule->target + len + 1, operation) == 0;
}

static void drop_rule(struct sandbox_faults *faults, size_t i) {
    memmove(&faults->rules[i], &faults->rules[i + 1],
            (faults->count - i - 1) * sizeof faults->rules[0]);
    faults->count--;
}

static bool is_about(const struct fault_rule *rule, struct fx_slice request) {
    return rule->about[0] == '\0' ||
           memmem(request.ptr, request.len, rule->about, strlen(rule->about)) != NULL;
}

enum sandbox_fault sandbox_fault_take(struct sandbox *sb, const char *service,
                                      const char *operation, struct fx_slice request) {
    struct sandbox_faults *faults = sb->faults;

    if (faults == NULL)
        return SANDBOX_FAULT_NONE;
    for (size_t i = 0; i < faults->count; i++) {
        struct fault_rule *rule = &faults->rules[i];

        if (!matches(rule, service, operation) || !is_about(rule, request))
            continue;
        if (rule->after > 0) {
            rule->after--;
            continue;
        }
        if (rule->rate < 1 && !sandbox_random_chance(sb->random, rule->rate))
            continue;

        enum sandbox_fault fault = rule->fault;
        if (rule->count != FAULT_ENDLESS && --rule->count <= 0)
            drop_rule(faults, i);
        return fault;
    }
    return SANDBOX_FAULT_NONE;
}

static bool is_held(const struct sandbox *sb, const char *service, const char *operation) {
    for (size_t i = 0; i < sb->faults->count; i++)
        if (sb->faults->rules[i].fault == SANDBOX_FAULT_HELD &&
            matches(&sb->faults->rules[i], service, operation))
            return true;
    return false;
}

void sandbox_fault_wait(struct sandbox *sb, enum sandbox_fault fault, const char *service,
                        const char *operation) {
    if (fault == SANDBOX_FAULT_SLOW)
        sandbox_sleep(sb, SLOW_MS);
    while (fault == SANDBOX_FAULT_HELD && is_held(sb, service, operation) && !sb->stopping)
        sandbox_wait(sb, HELD_LOOK_MS);
}

static void clear_rules(struct sandbox *sb, const char *target) {
    if (sb->faults == NULL)
        return;
    for (size_t i = sb->faults->count; i-- > 0;)
        if (target == NULL || strcmp(sb->faults->rules[i].target, target) == 0)
            drop_rule(sb->faults, i);
    sandbox_notify(sb);
}

static enum sandbox_fault find_kind(const char *name) {
    for (size_t i = 0; name != NULL && i < FX_COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].fault;
    return SANDBOX_FAULT_NONE;
}

/* Without count and rate the next call is spoiled, or the one that follows `after` good ones;
 * "down", "held" and a rate last until they are cleared. */
static int64_t count_of(const struct fx_json *body, const char *kind) {
    bool endless = strcmp(kind, "down") == 0 || fx_json_at(body, "rate") != NULL;

    if (strcmp(kind, "held") == 0)
        return FAULT_ENDLESS;
    return fx_json_get_int(body, "count", endless ? FAULT_ENDLESS : 1);
}

void sandbox_door_fault(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct sandbox *sb = req->sb;
    struct fx_json *body = sandbox_body(req, reply);

    if (body == NULL)
        return;

    const char *target = fx_json_get_text(body, "target");
    if (fx_json_get_bool(body, "clear", false)) {
        clear_rules(sb, target);
        sandbox_reply_json(req, reply, 200,
                           fx_json_object_of(req->sc, "ok", fx_json_bool(req->sc, true), NULL));
        return;
    }

    const char *kind = fx_json_get_text(body, "kind"), *about = fx_json_get_text(body, "about");
    enum sandbox_fault fault = find_kind(kind);
    double rate = fx_json_get_real(body, "rate", 1);
    if (target == NULL || target[0] == '\0' || strlen(target) >= FAULT_TARGET_MAX ||
        fault == SANDBOX_FAULT_NONE || !(rate >= 0 && rate <= 1) ||
        (about != NULL && strlen(about) >= FAULT_TARGET_MAX)) {
        sandbox_reply_error(
            req, reply, 400,
            "a fault needs a target such as \"sqs:SendMessage\", a kind (429, 5xx, "
            "internal_error, timeout_before, timeout_after, slow, held, denied, down) and a rate "
            "from 0 to 1 or a count");
        return;
    }
    if (sb->faults == NULL)
        sb->faults = FX_NEW(sb->scope, struct sandbox_faults);
    if (sb->faults->count == FAULT_RULES_MAX) {
        sandbox_reply_error(req, reply, 409, "%d faults are set; clear some first",
                            FAULT_RULES_MAX);
        return;
    }

    struct fault_rule *rule = &sb->faults->rules[sb->faults->count++];
    *rule = (struct fault_rule){.fault = fault,
                                .rate = rate,
                                .after = fx_json_get_int(body, "after", 0),
                                .count = count_of(body, kind)};
    memcpy(rule->target, target, strlen(target) + 1);
    if (about != NULL)
        memcpy(rule->about, about, strlen(about) + 1);
    sandbox_reply_json(req, reply, 200,
                       fx_json_object_of(req->sc, "ok", fx_json_bool(req->sc, true), NULL));
}
