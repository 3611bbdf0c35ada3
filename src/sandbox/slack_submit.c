/* slack_submit.c - somebody submits or leaves a dialog: POST /sandbox/slack/submit. */
#include "slack_private.h"

#include <string.h>

/* The bot's word on what becomes of the dialog: {"response_action": "errors", "update", "push",
 * "clear"}. */
static const char *obey(struct sandbox *sb, struct fx_scope *sc, const char *view_id,
                        const struct fx_http_reply *reply) {
    struct slack_view *view = slack_view_at(sb, view_id);
    struct fx_json *answer = NULL, *complaints = NULL;
    struct fx_error err;

    if (!view || reply->status != 200)
        return NULL;
    if (fx_slice_trim(reply->body).len == 0) {
        slack_view_close(sb, view);
        return NULL;
    }
    if (fx_json_parse(sc, reply->body, &answer, &err) != FX_OK)
        return "invalid_response";
    const char *action = fx_json_get_text(answer, "response_action");
    if (!action && fx_json_count(answer) == 0) {
        slack_view_close(sb, view);
        return NULL;
    }
    const struct fx_json *next = fx_json_at(answer, "view");
    if (action && strcmp(action, "errors") == 0)
        return fx_json_count(fx_json_at(answer, "errors")) > 0 ? NULL : "invalid_response";
    if (action && strcmp(action, "clear") == 0) {
        slack_views_close_all(sb, fx_strdup(sc, view->user));
        return NULL;
    }
    bool update = action && strcmp(action, "update") == 0;
    if (!update && (!action || strcmp(action, "push") != 0))
        return "invalid_response";
    if (slack_view_refused(sc, next, &complaints))
        return fx_printf(sc, "invalid_view: %s",
                         fx_json_count(complaints) ? fx_json_text(fx_json_item(complaints, 0))
                                                   : "too large");
    if (update)
        slack_view_replace(sb, view, next);
    else
        slack_view_show(sb, view->user, view->id, next);
    return NULL;
}

static void leave(struct sandbox_request *req, struct sandbox_reply *reply,
                  const struct slack_person *person, struct slack_view *view) {
    struct fx_json *payload = slack_payload(req->sc, "view_closed", person);
    struct fx_http_reply *bot = NULL;
    bool told = fx_json_get_bool(view->view, "notify_on_close", false);

    fx_json_put(payload, "view", slack_view_json(req->sc, view, NULL));
    fx_json_put(payload, "is_cleared", fx_json_bool(req->sc, false));
    slack_view_close(req->sb, view);
    const char *failure = told ? slack_send_payload(req->sb, req->sc, payload, &bot) : NULL;
    struct fx_json *outcome =
        told ? slack_outcome(req->sc, bot, failure)
             : fx_json_object_of(req->sc, "ok", fx_json_bool(req->sc, true), NULL);
    sandbox_reply_json(req, reply, 200, outcome);
}

static struct slack_view *read_submit(struct sandbox_request *req, struct sandbox_reply *reply,
                                      const struct fx_json *body,
                                      const struct slack_person **ret_person) {
    struct slack_view *view = slack_view_at(req->sb, fx_json_get_text(body, "view_id"));

    *ret_person = slack_person_at(req->sb, fx_json_get_text(body, "user"));
    if (!*ret_person)
        sandbox_reply_error(req, reply, 404, "there is no such user");
    else if (!view || view->home || strcmp(view->user, (*ret_person)->id) != 0)
        sandbox_reply_error(req, reply, 404, "%s has no such dialog open",
                            (*ret_person)->real_name);
    else
        return view;
    return NULL;
}

void sandbox_door_submit(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_json *body = sandbox_body(req, reply);
    const struct slack_person *person = NULL;
    struct fx_http_reply *bot = NULL;
    const char *wrong = NULL;

    struct slack_view *view = body ? read_submit(req, reply, body, &person) : NULL;
    if (!view)
        return;
    if (fx_json_get_bool(body, "cancel", false)) {
        leave(req, reply, person, view);
        return;
    }
    const struct fx_json *values =
        slack_values(req->sc, fx_json_at(view->view, "blocks"), fx_json_at(body, "values"), &wrong);
    if (wrong) {
        sandbox_reply_error(req, reply, 400, "%s", wrong);
        return;
    }
    struct fx_json *payload = slack_payload(req->sc, "view_submission", person);
    const char *view_id = fx_strdup(req->sc, view->id);
    fx_json_put(payload, "trigger_id",
                fx_json_string(req->sc, slack_new_trigger(req->sb, req->sc, person->id, view->id)));
    fx_json_put(payload, "view", slack_view_json(req->sc, view, values));
    fx_json_put(payload, "response_urls", fx_json_array(req->sc));
    const char *failure = slack_send_payload(req->sb, req->sc, payload, &bot);
    struct fx_json *outcome = slack_outcome(req->sc, bot, failure);
    const char *broken = failure ? NULL : obey(req->sb, req->sc, view_id, bot);
    if (broken)
        fx_json_put(outcome, "error", fx_json_string(req->sc, broken));
    sandbox_reply_json(req, reply, 200, outcome);
}
