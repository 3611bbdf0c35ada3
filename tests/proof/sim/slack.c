/* slack.c - Slack's Web API as far as the bot calls it: it keeps each message as it stands. */
#include "world.h"

#include "fluxabot/base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world *w(void) {
    return sim->world;
}

static struct wire_reply answer(struct fx_scope *sc, struct fx_json *json) {
    if (json == NULL)
        json = fx_json_object(sc);
    fx_json_put(json, "ok", fx_json_bool(sc, true));
    return (struct wire_reply){200, fx_json_dump(sc, json)};
}

static struct wire_reply refuse(struct fx_scope *sc, const char *word) {
    return (struct wire_reply){200, fx_printf(sc, "{\"ok\":false,\"error\":\"%s\"}", word)};
}

/* People see what they can press. */
static void look_at_buttons(const struct fx_json *message) {
    const struct fx_json *blocks = fx_json_at(message, "blocks");

    for (size_t i = 0; i < fx_json_count(blocks); i++) {
        const struct fx_json *elements = fx_json_at(fx_json_item(blocks, i), "elements");

        for (size_t k = 0; k < fx_json_count(elements); k++) {
            const struct fx_json *element = fx_json_item(elements, k);
            const char *action = fx_json_get_text(element, "action_id");
            const char *value = fx_json_get_text(element, "value");

            if (action != NULL && value != NULL)
                people_see(action, value);
        }
    }
}

static void keep_text(struct slack_message *kept, const struct fx_json *message) {
    const char *text = fx_json_get_text(message, "text");

    snprintf(kept->text, sizeof kept->text, "%s", text == NULL ? "" : text);
    look_at_buttons(message);
}

static struct wire_reply post(struct fx_scope *sc, const struct fx_json *in) {
    if (w()->messages_count == WORLD_MESSAGES)
        abort();
    struct slack_message *kept = &w()->messages[w()->messages_count++];

    w()->last_ts++;
    snprintf(kept->ts, sizeof kept->ts, "%lld.%06lld", (long long)(sim_wall_ms() / 1000),
             (long long)w()->last_ts);
    keep_text(kept, in);
    return answer(sc, fx_json_object_of(sc, "ts", fx_json_string(sc, kept->ts), NULL));
}

static struct wire_reply update(struct fx_scope *sc, const struct fx_json *in) {
    const char *ts = fx_json_get_text(in, "ts");

    for (int i = 0; i < w()->messages_count; i++)
        if (strcmp(w()->messages[i].ts, ts) == 0) {
            w()->messages[i].late |= sim->current == NULL;
            keep_text(&w()->messages[i], in);
            return answer(sc, fx_json_object_of(sc, "ts", fx_json_string(sc, ts), NULL));
        }
    return refuse(sc, "message_not_found");
}

static struct wire_reply user(struct fx_scope *sc, struct fx_slice form) {
    struct fx_slice id = fx_slice_cut(form, sizeof "user=" - 1, form.len);

    return answer(sc,
                  fx_json_object_of(sc, "user",
                                    fx_json_object_of(sc, "id", fx_json_slice(sc, id), "team_id",
                                                      fx_json_string(sc, "T1"), "name",
                                                      fx_json_string(sc, "somebody"), NULL),
                                    NULL));
}

static struct wire_reply channel(struct fx_scope *sc) {
    return answer(
        sc, fx_json_object_of(sc, "channel",
                              fx_json_object_of(sc, "id", fx_json_string(sc, SIM_CHANNEL),
                                                "is_ext_shared", fx_json_bool(sc, false),
                                                "is_org_shared", fx_json_bool(sc, false), NULL),
                              NULL));
}

struct wire_reply slack_handle(struct fx_scope *sc, const char *method, struct fx_slice body) {
    struct fx_json *in = NULL;
    struct fx_error ignored;

    if (strcmp(method, "users.info") == 0)
        return user(sc, body);
    if (strcmp(method, "conversations.info") == 0)
        return channel(sc);
    if (fx_json_parse(sc, body, &in, &ignored) != FX_OK)
        return refuse(sc, "invalid_json");
    if (strcmp(method, "chat.postMessage") == 0)
        return post(sc, in);
    if (strcmp(method, "chat.update") == 0)
        return update(sc, in);
    if (strcmp(method, "views.open") == 0)
        people_see_dialog(fx_json_at(in, "view"));
    return answer(sc, NULL);
}
