/* log.c - one JSON line per event. */
#include "fluxabot/base/log.h"

#include "fluxabot/base/redact.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fx_log {
    FILE *stream;
    enum fx_log_level least;
    struct fx_clock *clock;
    pthread_mutex_t lock;
};

struct fx_log *fx_log_new(FILE *stream, enum fx_log_level least, struct fx_clock *clock) {
    struct fx_log *log = calloc(1, sizeof *log);

    if (log == NULL)
        abort();
    *log = (struct fx_log){.stream = stream, .least = least, .clock = clock};
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void fx_log_free(struct fx_log *log) {
    if (log == NULL)
        return;
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static struct fx_json *clean_text(struct fx_scope *sc, const char *text) {
    enum { FIELD_MAX = 2000 };
    struct fx_slice s = fx_slice_of(text == NULL ? "" : fx_redact(sc, text));

    return fx_json_slice(sc, fx_slice_cut(s, 0, fx_slice_utf8_prefix(s, FIELD_MAX)));
}

static struct fx_json *error_value(struct fx_scope *sc, const struct fx_error *error) {
    return fx_json_object_of(sc, "code", fx_json_string(sc, fx_code_name(error->code)), "message",
                             clean_text(sc, error->message), "upstream",
                             error->upstream[0] == '\0' ? NULL : clean_text(sc, error->upstream),
                             NULL);
}

static struct fx_json *field_value(struct fx_scope *sc, const struct fx_log_field *field) {
    switch (field->kind) {
    case 's':
        return clean_text(sc, field->text);
    case 'i':
        return fx_json_int(sc, field->number);
    case 'b':
        return fx_json_bool(sc, field->number != 0);
    case 'e':
        return field->error == NULL ? fx_json_null(sc) : error_value(sc, field->error);
    default:
        return fx_json_null(sc);
    }
}

static const char *level_name(enum fx_log_level level) {
    static const char *const names[] = {"debug", "info", "warn", "error"};

    return (size_t)level < FX_COUNT_OF(names) ? names[level] : "error";
}

void fx_log_write(struct fx_scope *sc, enum fx_log_level level, const char *event,
                  const struct fx_log_field *fields) {
    struct fx_log *log = sc == NULL ? NULL : fx_scope_log(sc);

    if (log == NULL || level < log->least)
        return;
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *line_sc = fx_scope_new(NULL);
    struct fx_json *line = fx_json_object_of(
        line_sc, "time", fx_json_string(line_sc, fx_time_iso_ms(line_sc, fx_wall_ms(log->clock))),
        "level", fx_json_string(line_sc, level_name(level)), "event",
        fx_json_string(line_sc, event), "id",
        fx_scope_log_id(sc)[0] == '\0' ? NULL : fx_json_string(line_sc, fx_scope_log_id(sc)), NULL);

    for (const struct fx_log_field *field = fields; field->kind != 0; field++)
        fx_json_put(line, field->name, field_value(line_sc, field));
    const char *text = fx_json_dump(line_sc, line);

    /* a line too long keeps its frame: time, level, event and id, and says that it was cut */
    if (strlen(text) > FX_LOG_LINE_MAX_BYTES) {
        for (const struct fx_log_field *field = fields; field->kind != 0; field++)
            fx_json_remove(line, field->name);
        fx_json_put(line, "cut", fx_json_bool(line_sc, true));
        text = fx_json_dump(line_sc, line);
    }
    pthread_mutex_lock(&log->lock);
    fprintf(log->stream, "%s\n", text);
    fflush(log->stream);
    pthread_mutex_unlock(&log->lock);
}
