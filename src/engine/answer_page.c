/* answer_page.c - `page` of an answer: what a run found is so bad that somebody must be woken.
 *
 * One page per environment and key (the command, unless the page names a key that commands share):
 * told again it is the same page, and the first answer without the finding resolves it.
 */
#include "private.h"

#include "fluxabot/expr.h"
#include "fluxabot/pagerduty.h"

#include <string.h>

static const char state_open[] = "open", state_none[] = "none";

static const char *page_key(const struct engine_run *run) {
    const char *key = fx_json_text(fx_json_at_path(run->runbook->answer, "page.key"));

    return fx_printf(run->work->sc, "%s/%s/%s", run->row->system, run->row->environment,
                     key == NULL ? run->row->command : key);
}

static const char *setting_name(const struct engine_run *run) {
    return fx_printf(run->work->sc, "paged:%s", page_key(run));
}

/* An expression alone may come to a number. */
static const char *summary_of(struct fx_scope *sc, const struct fx_json *page) {
    const struct fx_json *summary = fx_json_at(page, "summary");

    return fx_json_text(summary) != NULL ? fx_json_text(summary) : fx_json_dump(sc, summary);
}

static void send(struct engine_run *run, enum fx_page_action action, const struct fx_json *page) {
    struct engine_work *work = run->work;
    struct fx_scope *sc = work->sc;
    const char *severity = fx_json_get_text(page, "severity");
    struct fx_json *event = fx_pagerduty_event(
        sc, &(struct fx_page){
                .action = action,
                .key = page_key(run),
                .summary = fx_printf(sc, "%s (%s)", summary_of(sc, page), run->row->environment),
                .source = run->row->system,
                .severity = severity == NULL ? "high" : severity,
                .component = run->row->command,
                .group = run->row->system,
                .class_ = "runbook",
                .at_ms = fx_wall_ms(work->engine->options.clock),
                .details = fx_json_object_of(sc, "run", fx_json_string(sc, run->row->id), NULL)});

    fx_writes_message(sc, &work->writes,
                      &(struct fx_message){.kind = FX_MESSAGE_PAGE,
                                           .key = fx_printf(sc, "page:%s", page_key(run)),
                                           .parent = "",
                                           .channel = run->system->channel,
                                           .user = "",
                                           .response_url = "",
                                           .payload_json = fx_json_dump(sc, event),
                                           .due_ms = work->now_ms,
                                           .created_ms = work->now_ms});
    fx_writes_setting(sc, &work->writes, setting_name(run),
                      action == FX_PAGE_TRIGGER ? state_open : state_none);
    fx_writes_audit(sc, &work->writes, "fluxabot",
                    action == FX_PAGE_TRIGGER ? "page.triggered" : "page.resolved", run->row->id,
                    fx_json_object_of(sc, "key", fx_json_string(sc, page_key(run)), NULL));
}

static void say(struct engine_run *run, struct fx_json *card, const char *sentence) {
    struct fx_scope *sc = run->work->sc;
    struct fx_json *lines = fx_json_at(card, "lines");

    if (lines == NULL)
        fx_json_put(card, "lines", lines = fx_json_array(sc));
    fx_json_add(lines, fx_json_string(sc, sentence));
}

static enum fx_code trigger(struct engine_run *run, const struct fx_json *page,
                            struct fx_json *card) {
    struct fx_scope *sc = run->work->sc;
    const char *url = engine_page_url(run->work, page_key(run));
    struct fx_json *buttons = fx_json_at(card, "buttons");

    if (run->work->engine->options.pagerduty == NULL) {
        say(run, card, "Nobody was paged, because PagerDuty is not configured.");
        return FX_OK;
    }
    send(run, FX_PAGE_TRIGGER, page);
    say(run, card, "PagerDuty was told.");
    if (url == NULL)
        return FX_OK;
    if (buttons == NULL)
        fx_json_put(card, "buttons", buttons = fx_json_array(sc));
    fx_json_add(buttons, engine_link_button(sc, "Open in PagerDuty", "link:page", url));
    return FX_OK;
}

enum fx_code engine_answer_page(struct engine_run *run, struct fx_json *card,
                                struct fx_error *err) {
    struct fx_scope *sc = run->work->sc;
    struct fx_store *store = run->work->engine->options.store;
    const struct fx_json *template = fx_json_at(run->runbook->answer, "page");
    struct fx_json *page = NULL;
    const char *was = NULL;

    if (template == NULL)
        return FX_OK;
    if (fx_expr_fill_all(sc, template, run->names, &page, err) != FX_OK)
        return fx_fail_in(err, "answer page");
    /* what is neither would be a silent no, and nobody would be woken */
    if (fx_json_type(fx_json_at(page, "when")) != FX_JSON_BOOL)
        return fx_fail(err, FX_ERR_INPUT, "answer page: `when` must be true or false");
    if (fx_json_get_bool(page, "when", false))
        return trigger(run, page, card);
    FX_TRY(store->setting(store, sc, setting_name(run), &was, err));
    if (strcmp(was, state_open) == 0 && run->work->engine->options.pagerduty != NULL)
        send(run, FX_PAGE_RESOLVE, page);
    return FX_OK;
}
