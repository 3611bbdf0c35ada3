/* messages.c - cards into rows of the outbox, and the parts that cards are made of. */
#include "private.h"

#include "fluxabot/base/redact.h"

#include <ctype.h>
#include <string.h>

enum fx_code engine_put_card(struct engine_work *work, const char *key, const char *parent,
                             const char *channel, const struct fx_json *card,
                             struct fx_error *err) {
    struct fx_json *shown = fx_redact_json(work->sc, card);
    struct fx_json *drawn = NULL;

    fx_json_put(shown, "key", fx_json_string(work->sc, key));
    fx_json_put(shown, "revision", fx_json_int(work->sc, fx_wall_ms(work->engine->options.clock)));
    FX_TRY(fx_slack_draw(work->sc, shown, &drawn, err));
    fx_writes_message(work->sc, &work->writes,
                      &(struct fx_message){.kind = FX_MESSAGE_PUT,
                                           .urgency = work->urgency,
                                           .key = key,
                                           .parent = parent,
                                           .channel = channel,
                                           .user = "",
                                           .response_url = "",
                                           .payload_json = fx_json_dump(work->sc, drawn),
                                           .due_ms = work->now_ms,
                                           .created_ms = work->now_ms});
    return FX_OK;
}

enum fx_code engine_whisper(struct engine_work *work, const char *channel, const char *user,
                            const char *response_url, const struct fx_json *card,
                            struct fx_error *err) {
    struct fx_json *shown = fx_redact_json(work->sc, card);
    struct fx_json *drawn = NULL;
    char *key = engine_id(work, "whisper:");

    fx_json_put(shown, "key", fx_json_string(work->sc, key));
    FX_TRY(fx_slack_draw(work->sc, shown, &drawn, err));
    fx_writes_message(work->sc, &work->writes,
                      &(struct fx_message){.kind = FX_MESSAGE_EPHEMERAL,
                                           .key = key,
                                           .parent = "",
                                           .channel = channel,
                                           .user = user,
                                           .response_url = response_url,
                                           .payload_json = fx_json_dump(work->sc, drawn),
                                           .due_ms = work->now_ms,
                                           .created_ms = work->now_ms});
    return FX_OK;
}

enum fx_code engine_whisper_text(struct engine_work *work, const char *channel, const char *user,
                                 const char *response_url, struct fx_error *err, const char *fmt,
                                 ...) {
    va_list args;

    va_start(args, fmt);
    char *text = fx_vprintf(work->sc, fmt, args);
    va_end(args);
    return engine_whisper(
        work, channel, user, response_url,
        fx_json_object_of(work->sc, "verdict", fx_json_string(work->sc, text), NULL), err);
}

char *engine_sentence(struct fx_scope *sc, const char *text) {
    size_t len = strlen(text);
    char *sentence =
        fx_printf(sc, "%s%s", text, len == 0 || strchr(".!?:", text[len - 1]) != NULL ? "" : ".");

    if (text[strcspn(text, " :")] != ':') /* an argument's name is written as it is typed */
        sentence[0] = (char)toupper((unsigned char)sentence[0]);
    return sentence;
}

struct fx_json *engine_user(struct fx_scope *sc, const char *user_id) {
    if (user_id == NULL || user_id[0] == '\0')
        return fx_json_string(sc, "nobody");
    return fx_json_object_of(sc, "user", fx_json_string(sc, user_id), NULL);
}

struct fx_json *engine_time(struct fx_scope *sc, int64_t wall_ms) {
    return fx_json_object_of(sc, "time", fx_json_int(sc, wall_ms), NULL);
}

struct fx_json *engine_field(struct fx_scope *sc, const char *name, struct fx_json *value) {
    return fx_json_object_of(sc, "name", fx_json_string(sc, name), "value", value, NULL);
}

struct fx_json *engine_button(struct fx_scope *sc, const char *text, const char *action,
                              const char *value, const char *style) {
    return fx_json_object_of(sc, "text", fx_json_string(sc, text), "action",
                             fx_json_string(sc, action), "value", fx_json_string(sc, value),
                             "style", style == NULL ? NULL : fx_json_string(sc, style), NULL);
}
