/* proposals.c - several alarms at once that mean more than each of them: what system.yaml proposes
 * then stands on the card of the one that came last. */
#include "incidents.h"

#include <string.h>

enum { PROPOSAL_MAX_LOOKED_AT = 50 }; /* open incidents; more than these are a storm anyway */

static bool is_among(const struct fx_proposal *proposal, const char *route) {
    for (size_t i = 0; route != NULL && i < proposal->alarms_count; i++)
        if (strcmp(proposal->alarms[i], route) == 0)
            return true;
    return false;
}

static enum fx_code count_open(struct incident_telling *t, const struct fx_proposal *proposal,
                               int64_t *ret_count, struct fx_error *err) {
    struct fx_store *store = t->work->engine->options.store;
    struct fx_scope *sc = t->work->sc;
    struct fx_incident **open = NULL;
    size_t count = 0;

    *ret_count = 0;
    FX_TRY(store->incidents(store, sc, t->incident->system, true, PROPOSAL_MAX_LOOKED_AT, &open,
                            &count, err));
    for (size_t i = 0; i < count; i++) {
        struct fx_json *body = NULL;

        if (strcmp(open[i]->environment, t->incident->environment) != 0)
            continue;
        FX_TRY(fx_json_parse(sc, fx_slice_of(open[i]->body_json), &body, err));
        *ret_count += is_among(proposal, fx_json_get_text(body, "route"));
    }
    return FX_OK;
}

/* Behind the buttons that stand there: a card that is not drawn anew yet names them by number. */
static void put_on_card(struct incident_telling *t, const struct fx_proposal *proposal) {
    struct fx_scope *sc = t->work->sc;
    struct fx_json *buttons = fx_json_at(t->body, "_buttons");
    const struct fx_runbook *runbook = NULL;
    struct fx_slice rest;

    fx_system_match(t->system->system, fx_slice_of(proposal->command), &runbook, &rest);
    if (runbook == NULL) /* check has made sure of it */
        return;
    struct fx_json *button =
        engine_remember_button(sc, t->system, runbook, fx_slice_dup(sc, rest), NULL);

    fx_json_put(button, "style", fx_json_string(sc, "primary"));
    if (buttons == NULL)
        fx_json_put(t->body, "_buttons", buttons = fx_json_array(sc));
    fx_json_add(buttons, button);
    fx_json_put(t->body, "proposal", fx_json_string(sc, proposal->text));
}

/* Its button is the last one. */
void incident_forget_proposal(struct incident_telling *t) {
    const struct fx_json *buttons = fx_json_at(t->body, "_buttons");
    struct fx_json *kept = fx_json_array(t->work->sc);

    if (fx_json_at(t->body, "proposal") == NULL)
        return;
    for (size_t i = 0; i + 1 < fx_json_count(buttons); i++)
        fx_json_add(kept, fx_json_item(buttons, i));
    fx_json_put(t->body, "_buttons", kept);
    fx_json_remove(t->body, "proposal");
}

enum fx_code incident_propose(struct incident_telling *t, bool *ret_proposed,
                              struct fx_error *err) {
    const struct fx_system *system = t->system->system;
    const char *route = fx_json_get_text(t->body, "route");

    *ret_proposed = false;
    if (fx_json_at(t->body, "proposal") != NULL || incident_storm(t->body) != NULL)
        return FX_OK;
    for (size_t i = 0; i < system->proposals_count && !*ret_proposed; i++) {
        int64_t count = 0;

        if (!is_among(&system->proposals[i], route))
            continue;
        FX_TRY(count_open(t, &system->proposals[i], &count, err));
        *ret_proposed = count >= system->proposals[i].at_least;
        if (*ret_proposed)
            put_on_card(t, &system->proposals[i]);
    }
    return FX_OK;
}

bool incident_may_propose(const struct incident_telling *t) {
    const struct fx_system *system = t->system->system;

    for (size_t i = 0; i < system->proposals_count; i++)
        if (is_among(&system->proposals[i], fx_json_get_text(t->body, "route")))
            return true;
    return false;
}
