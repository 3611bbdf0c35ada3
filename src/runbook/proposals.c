/* proposals.c - what several alarms at once mean: the proposals of system.yaml. */
#include "private.h"

#include <string.h>

static bool is_route(const struct runbook_check *c, const char *name) {
    for (size_t i = 0; i < c->routes_count; i++)
        if (c->routes[i].name != NULL && strcmp(c->routes[i].name, name) == 0)
            return true;
    return false;
}

static void check_names(struct runbook_check *c, const char *path, const struct fx_json *names) {
    for (size_t i = 0; i < fx_json_count(names); i++) {
        const char *name = fx_json_text(fx_json_item(names, i));

        if (name != NULL && !is_route(c, name))
            runbook_say(c, runbook_path_item(c, path, i), "%s is not among the alarms above",
                        runbook_shown(c->scratch, fx_slice_of(name)));
    }
}

static struct fx_proposal check_proposal(struct runbook_check *c, const char *path,
                                         const struct fx_json *json) {
    static const struct runbook_field fields[] = {
        {"command", RUNBOOK_TEXT, true},
        {"alarms", RUNBOOK_TEXTS, true},
        {"at_least", RUNBOOK_INT, true},
        {"text", RUNBOOK_TEXT, true},
    };
    struct fx_proposal proposal = {0};

    if (!runbook_check_fields(c, path, json, "a proposal", fields, FX_COUNT_OF(fields)))
        return proposal;
    proposal.command = fx_json_get_text(json, "command");
    proposal.text = fx_json_get_text(json, "text");
    proposal.at_least = fx_json_get_int(json, "at_least", 0);
    proposal.alarms = runbook_texts(c->scratch, fx_json_at(json, "alarms"), &proposal.alarms_count);
    if (proposal.command != NULL)
        runbook_check_invocation(c, runbook_path(c, path, "command"), proposal.command);
    check_names(c, runbook_path(c, path, "alarms"), fx_json_at(json, "alarms"));
    if (proposal.at_least < 2)
        runbook_say(c, runbook_path(c, path, "at_least"),
                    "a proposal is about two alarms or more; what one alarm offers stands in its "
                    "buttons");
    runbook_check_texts(c, path, json, NULL);
    return proposal;
}

void runbook_check_proposals(struct runbook_check *c, const struct fx_json *proposals) {
    size_t count = fx_json_type(proposals) == FX_JSON_ARRAY ? fx_json_count(proposals) : 0;
    struct fx_proposal *list = fx_alloc(c->scratch, (count + 1) * sizeof *list);

    c->yaml = c->system_yaml;
    c->arguments = NULL;
    for (size_t i = 0; i < count; i++)
        list[i] =
            check_proposal(c, runbook_path_item(c, "proposals", i), fx_json_item(proposals, i));
    c->proposals = list;
    c->proposals_count = count;
}
