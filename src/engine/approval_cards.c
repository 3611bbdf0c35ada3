/* approval_cards.c - what people see of a request: who asks for what, who has approved it so far,
 * how it ended. */
#include "private.h"

enum { DIGEST_SHOWN = 8 };

static struct fx_json *plan_fields(struct fx_scope *sc, const struct fx_json *bound) {
    const struct fx_json *facts = fx_json_at_path(bound, "plan.facts");
    const struct fx_json *where = fx_json_at(bound, "where");
    struct fx_json *fields = fx_json_array(sc), *place = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(where, &cursor, &name, &place))
        fx_json_add(fields, engine_field(sc, name, fx_json_copy(sc, place)));
    for (size_t i = 0; i < fx_json_count(facts); i++)
        fx_json_add(fields, fx_json_item(facts, i));
    return fields;
}

static struct fx_json *plan_calls(struct fx_scope *sc, const struct fx_json *plan) {
    const struct fx_json *calls = fx_json_at(plan, "calls");
    struct fx_json *lines = fx_json_array(sc);

    for (size_t i = 0; i < fx_json_count(calls); i++) {
        const struct fx_json *call = fx_json_item(calls, i);
        int64_t times = fx_json_get_int(call, "count", 1);

        fx_json_add(lines,
                    fx_json_array_of(
                        sc, fx_json_object_of(sc, "code", fx_json_at(call, "operation"), NULL),
                        fx_json_string(sc, times == 1 ? " once on "
                                                      : fx_printf(sc, " up to %lld times on ",
                                                                  (long long)times)),
                        fx_json_object_of(sc, "code", fx_json_at(call, "resource"), NULL), NULL));
    }
    return lines;
}

static struct fx_json *approve_button(struct fx_scope *sc, const struct fx_approval *approval,
                                      const char *title, const char *summary) {
    struct fx_json *button = engine_button(sc, "Approve", "approve", approval->id, "primary");

    fx_json_put(button, "label", fx_json_stringf(sc, "Approve: %s", title));
    fx_json_put(button, "confirm",
                fx_json_object_of(sc, "title", fx_json_string(sc, "Approve this change?"), "text",
                                  fx_json_string(sc, summary), "ok", fx_json_string(sc, "Approve"),
                                  "back", fx_json_string(sc, "Go back"), NULL));
    return button;
}

static struct fx_json *deny_button(struct fx_scope *sc, const struct fx_approval *approval,
                                   const char *title) {
    struct fx_json *button = engine_button(sc, "Deny", "deny", approval->id, "danger");

    fx_json_put(button, "label", fx_json_stringf(sc, "Deny: %s; asks for a reason", title));
    return button;
}

static struct fx_json *who_asks(struct engine_run *run, const struct fx_approval *approval) {
    struct fx_scope *sc = run->work->sc;

    return fx_json_array_of(
        sc, engine_asker(run->work, run->row), fx_json_string(sc, " asks with "),
        fx_json_object_of(sc, "code",
                          fx_json_stringf(sc, "%s %s", run->system->command, run->row->command),
                          NULL),
        approval->needed > 1
            ? fx_json_stringf(sc, ". %d others who may approve have to; one denial ends it.",
                              approval->needed)
            : fx_json_string(sc, ". Somebody else who may approve decides."),
        NULL);
}

struct fx_json *engine_votes(struct fx_scope *sc, const struct fx_approval *approval,
                             struct fx_vote *const *votes, size_t count) {
    struct fx_json *parts =
        fx_json_array_of(sc, fx_json_stringf(sc, "%zu of %d: ", count, approval->needed), NULL);

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fx_json_add(parts, fx_json_string(sc, i + 1 < count ? ", " : " and "));
        fx_json_add(parts, engine_user(sc, votes[i]->voter));
    }
    fx_json_add(parts, fx_json_string(sc, count == 0 ? "nobody has approved yet" : " approved"));
    return parts;
}

void engine_add_approvers(struct fx_scope *sc, struct fx_json *parts, const struct fx_json *gate,
                          const char *by) {
    const struct fx_json *all = fx_json_at(gate, "all");

    for (size_t i = 0; i < fx_json_count(all); i++) {
        fx_json_add(parts, fx_json_string(sc, i == 0 ? ", approved by " : " and "));
        fx_json_add(parts, engine_user(sc, fx_json_text(fx_json_item(all, i))));
    }
    if (fx_json_count(all) == 0 && by != NULL) {
        fx_json_add(parts, fx_json_string(sc, ", approved by "));
        fx_json_add(parts, engine_user(sc, by));
    }
}

struct fx_json *engine_pending_card(struct engine_run *run, const struct engine_request *request) {
    struct fx_scope *sc = run->work->sc;
    const struct fx_approval *approval = request->approval;
    const struct fx_json *plan = fx_json_at(request->bound, "plan");
    const struct fx_json *reason = fx_json_at(request->bound, "reason");
    const char *summary = fx_json_get_text(plan, "summary");
    const char *title = engine_run_title(run);
    struct fx_json *fields = plan_fields(sc, request->bound);
    struct fx_json *lines = fx_json_array_of(sc, who_asks(run, approval), NULL);

    if (approval->needed > 1)
        fx_json_add(lines, fx_json_array_of(
                               sc, engine_votes(sc, approval, request->votes, request->votes_count),
                               fx_json_string(sc, "."), NULL));
    if (request->freeze.is_on)
        fx_json_add(lines,
                    fx_json_array_of(
                        sc, engine_freeze_text(sc, "Changes are frozen since ", &request->freeze),
                        fx_json_string(sc, " Nobody can approve meanwhile."), NULL));
    if (fx_json_text_slice(reason).len > 0)
        fx_json_add(fields, engine_field(sc, "Reason", fx_json_copy(sc, reason)));
    fx_json_add(fields, engine_field(sc, "Decide before", engine_time(sc, approval->expires_ms)));
    return fx_json_object_of(
        sc, "title", fx_json_stringf(sc, "Approval needed: %s (%s)", title, run->row->environment),
        "tone", fx_json_string(sc, "wait"), "verdict", fx_json_string(sc, summary), "lines", lines,
        "fields", fields, "list", plan_calls(sc, plan), "buttons",
        fx_json_array_of(sc, approve_button(sc, approval, title, summary),
                         deny_button(sc, approval, title), NULL),
        "context",
        fx_json_stringf(sc, "Request %s, run %s, plan digest %.*s", approval->id, run->row->id,
                        DIGEST_SHOWN, approval->digest),
        NULL);
}

struct fx_json *engine_decided_card(struct engine_run *run, const struct fx_approval *approval,
                                    const char *title, const char *tone, struct fx_json *verdict,
                                    const char *line) {
    struct fx_scope *sc = run->work->sc;

    return fx_json_object_of(
        sc, "title",
        fx_json_stringf(sc, "%s: %s (%s)", title, engine_run_title(run), run->row->environment),
        "tone", fx_json_string(sc, tone), "verdict", verdict, "lines",
        line[0] == '\0' ? NULL : fx_json_array_of(sc, fx_json_string(sc, line), NULL), "context",
        fx_json_array_of(sc, fx_json_string(sc, "Asked by "), engine_asker(run->work, run->row),
                         fx_json_stringf(sc, ", request %s, run %s, plan digest %.*s", approval->id,
                                         run->row->id, DIGEST_SHOWN, approval->digest),
                         NULL),
        NULL);
}
