/* files.c - pictures and tables into rows of the outbox, behind the card they belong to. */
#include "files.h"

#include "fluxabot/base/redact.h"

struct fx_json *engine_chart_file(struct fx_scope *sc, const char *name,
                                  const struct fx_chart *chart) {
    return fx_json_object_of(sc, "name", fx_json_stringf(sc, "%s.png", name), "title",
                             fx_json_string(sc, chart->title), "alt",
                             fx_json_string(sc, fx_chart_alt(sc, chart)), "chart",
                             fx_chart_dump(sc, chart), NULL);
}

struct fx_json *engine_table_file(struct fx_scope *sc, const char *name, const char *title,
                                  const char *csv) {
    return fx_json_object_of(sc, "name", fx_json_stringf(sc, "%s.csv", name), "title",
                             fx_json_string(sc, title), "csv", fx_json_string(sc, csv), NULL);
}

void engine_put_files(struct engine_work *work, const struct fx_json *files, const char *parent,
                      const char *channel) {
    struct fx_scope *sc = work->sc;

    for (size_t i = 0; i < fx_json_count(files); i++) {
        struct fx_json *file = fx_redact_json(sc, fx_json_item(files, i));

        fx_writes_message(
            sc, &work->writes,
            &(struct fx_message){.kind = FX_MESSAGE_FILE,
                                 .urgency = work->urgency,
                                 .key = fx_printf(sc, "file:%s", fx_json_get_text(file, "name")),
                                 .parent = parent,
                                 .channel = channel,
                                 .user = "",
                                 .response_url = "",
                                 .payload_json = fx_json_dump(sc, file),
                                 .due_ms = work->now_ms,
                                 .created_ms = work->now_ms});
    }
}
