/* slack_views.c - views.*: modals and Home tabs, their stack, hashes and triggers. */
#include "slack_private.h"

#include <stdio.h>
#include <string.h>

struct slack_view *slack_view_at(struct sandbox *sb, const char *id) {
    for (struct slack_view *view = sb->slack->views; id && view; view = view->next)
        if (strcmp(view->id, id) == 0)
            return view;
    return NULL;
}

static struct slack_view *view_by_external_id(struct sandbox *sb, const char *external_id) {
    for (struct slack_view *view = sb->slack->views; external_id && view; view = view->next) {
        const char *id = fx_json_get_text(view->view, "external_id");
        if (id && *id && strcmp(id, external_id) == 0)
            return view;
    }
    return NULL;
}

void slack_view_close(struct sandbox *sb, struct slack_view *view) {
    struct slack_view **at = &sb->slack->views;

    while (*at != view)
        at = &(*at)->next;
    *at = view->next;
    fx_scope_free(view->content_sc);
    fx_scope_free(view->sc);
    sandbox_slack_touched(sb);
}

void slack_views_close_all(struct sandbox *sb, const char *user) {
    struct slack_view *view = sb->slack->views;

    while (view) {
        struct slack_view *next = view->next;
        if (!view->home && strcmp(view->user, user) == 0)
            slack_view_close(sb, view);
        view = next;
    }
}

const char *slack_view_refused(struct fx_scope *sc, const struct fx_json *view,
                               struct fx_json **ret_complaints) {
    *ret_complaints = slack_check_view(sc, view);
    if (fx_json_count(*ret_complaints) > 0)
        return "invalid_arguments";
    if (strlen(fx_json_dump(sc, view)) > SLACK_VIEW_BYTES)
        return "view_too_large";
    return NULL;
}

static size_t views_of(struct sandbox *sb, const char *user) {
    size_t count = 0;

    for (const struct slack_view *view = sb->slack->views; view; view = view->next)
        count += !view->home && strcmp(view->user, user) == 0;
    return count;
}

void slack_view_replace(struct sandbox *sb, struct slack_view *view,
                        const struct fx_json *content) {
    struct fx_scope *old = view->content_sc;
    char random[9];

    view->content_sc = fx_scope_new(NULL);
    view->view = fx_json_copy(view->content_sc, content);
    slack_fill_ids(sb, view->content_sc, fx_json_at(view->view, "blocks"));
    slack_new_id(sb, "", random, sizeof random);
    snprintf(view->hash, sizeof view->hash, "%lld.%s", (long long)(fx_wall_ms(sb->clock) / 1000),
             random);
    fx_scope_free(old);
    sandbox_slack_touched(sb);
}

struct slack_view *slack_view_show(struct sandbox *sb, const char *user, const char *previous,
                                   const struct fx_json *content) {
    const struct slack_view *under = slack_view_at(sb, previous);
    struct fx_scope *sc = fx_scope_new(NULL);
    struct slack_view *view = FX_NEW(sc, struct slack_view);
    const char *type = fx_json_get_text(content, "type");
    char prefix[8];

    view->sc = sc;
    snprintf(prefix, sizeof prefix, "V0%04zX", sb->slack->next_view++ & 0xffff);
    slack_new_id(sb, prefix, view->id, 12);
    snprintf(view->user, sizeof view->user, "%s", user);
    snprintf(view->previous, sizeof view->previous, "%s", under ? under->id : "");
    snprintf(view->root, sizeof view->root, "%s", under ? under->root : view->id);
    view->home = type && strcmp(type, "home") == 0;
    view->next = sb->slack->views;
    sb->slack->views = view;
    slack_view_replace(sb, view, content);
    return view;
}

static struct fx_json *text_or_empty(struct fx_scope *sc, const struct fx_json *json,
                                     const char *name) {
    const char *text = fx_json_get_text(json, name);

    return fx_json_string(sc, text ? text : "");
}

static struct fx_json *copy_or_null(struct fx_scope *sc, const struct fx_json *json,
                                    const char *name) {
    struct fx_json *value = fx_json_at(json, name);

    return value ? fx_json_copy(sc, value) : fx_json_null(sc);
}

struct fx_json *slack_view_json(struct fx_scope *sc, const struct slack_view *view,
                                const struct fx_json *values) {
    const struct fx_json *v = view->view;
    struct fx_json *state = fx_json_object_of(
        sc, "values", values ? fx_json_copy(sc, values) : fx_json_object(sc), NULL);

    return fx_json_object_of(
        sc, "id", fx_json_string(sc, view->id), "team_id", fx_json_string(sc, SLACK_TEAM), "type",
        text_or_empty(sc, v, "type"), "blocks", copy_or_null(sc, v, "blocks"), "private_metadata",
        text_or_empty(sc, v, "private_metadata"), "callback_id",
        text_or_empty(sc, v, "callback_id"), "state", state, "hash", fx_json_string(sc, view->hash),
        "title", copy_or_null(sc, v, "title"), "clear_on_close",
        fx_json_bool(sc, fx_json_get_bool(v, "clear_on_close", false)), "notify_on_close",
        fx_json_bool(sc, fx_json_get_bool(v, "notify_on_close", false)), "close",
        copy_or_null(sc, v, "close"), "submit", copy_or_null(sc, v, "submit"), "previous_view_id",
        view->previous[0] ? fx_json_string(sc, view->previous) : fx_json_null(sc), "root_view_id",
        fx_json_string(sc, view->root), "app_id", fx_json_string(sc, SLACK_APP), "external_id",
        text_or_empty(sc, v, "external_id"), "app_installed_team_id",
        fx_json_string(sc, SLACK_TEAM), "bot_id", fx_json_string(sc, SLACK_BOT), NULL);
}

static const char *read_view(struct slack_call *call, struct fx_json **ret_view) {
    bool broken;

    *ret_view = slack_json_argument(call->sc, call->args, "view", &broken);
    if (broken || !*ret_view) {
        call->complaints = fx_json_array_of(
            call->sc, fx_json_string(call->sc, "missing required field: view [json-pointer:/view]"),
            NULL);
        return "invalid_arguments";
    }
    return slack_view_refused(call->sc, *ret_view, &call->complaints);
}

/* A trigger opens one view, within three seconds of the click that made it. */
static const char *take_trigger(struct slack_call *call, struct slack_trigger **ret_trigger) {
    struct sandbox_slack *slack = call->sb->slack;
    const char *id = slack_arg(call, "trigger_id");

    for (size_t i = 0; id && i < SLACK_TRIGGERS_MAX; i++) {
        struct slack_trigger *trigger = &slack->triggers[i];
        if (!trigger->id[0] || strcmp(trigger->id, id) != 0)
            continue;
        if (trigger->used)
            return "exchanged_trigger_id";
        if (fx_mono_ms(call->sb->clock) > trigger->expires_ms)
            return "expired_trigger_id";
        trigger->used = true;
        *ret_trigger = trigger;
        return NULL;
    }
    return "invalid_trigger_id";
}

static const char *open_view(struct slack_call *call, bool push) {
    struct slack_trigger *trigger = NULL;
    struct fx_json *content = NULL;
    const char *error = read_view(call, &content);

    if (!error && view_by_external_id(call->sb, fx_json_get_text(content, "external_id")))
        error = "duplicate_external_id";
    if (!error)
        error = take_trigger(call, &trigger);
    if (error)
        return error;
    if (!push)
        slack_views_close_all(call->sb, trigger->user);
    else if (!slack_view_at(call->sb, trigger->view))
        return "invalid_trigger_id";
    else if (views_of(call->sb, trigger->user) >= SLACK_VIEW_STACK)
        return "push_limit_reached";
    const struct slack_view *view =
        slack_view_show(call->sb, trigger->user, push ? trigger->view : NULL, content);
    fx_json_put(call->answer, "view", slack_view_json(call->sc, view, NULL));
    return NULL;
}

const char *slack_views_open(struct slack_call *call) {
    return open_view(call, false);
}

const char *slack_views_push(struct slack_call *call) {
    return open_view(call, true);
}

const char *slack_views_update(struct slack_call *call) {
    struct fx_json *content = NULL;
    const char *hash = slack_arg(call, "hash");
    const char *error = read_view(call, &content);

    if (error)
        return error;
    struct slack_view *view = slack_view_at(call->sb, slack_arg(call, "view_id"));
    if (!view)
        view = view_by_external_id(call->sb, slack_arg(call, "external_id"));
    if (!view)
        return "not_found";
    if (hash && strcmp(hash, view->hash) != 0)
        return "hash_conflict";
    slack_view_replace(call->sb, view, content);
    fx_json_put(call->answer, "view", slack_view_json(call->sc, view, NULL));
    return NULL;
}

const char *slack_views_publish(struct slack_call *call) {
    const struct slack_person *person = slack_person_at(call->sb, slack_arg(call, "user_id"));
    struct fx_json *content = NULL;
    const char *error = read_view(call, &content);

    if (error)
        return error;
    if (!person)
        return "user_not_found";
    if (strcmp(fx_json_get_text(content, "type"), "home") != 0)
        return "invalid_arguments";
    struct slack_view *view = call->sb->slack->views;
    while (view && !(view->home && strcmp(view->user, person->id) == 0))
        view = view->next;
    if (view)
        slack_view_replace(call->sb, view, content);
    else
        view = slack_view_show(call->sb, person->id, NULL, content);
    fx_json_put(call->answer, "view", slack_view_json(call->sc, view, NULL));
    return NULL;
}
