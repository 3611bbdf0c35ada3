/* draw_text.c - the whole meaning of a card in one paragraph, for phones and screen readers. */
#include "private.h"

#include <string.h>

static bool ends_a_sentence(const struct slack_writer *w) {
    return w->buf.len > 0 && strchr(".!?:;", w->buf.ptr[w->buf.len - 1]) != NULL;
}

/* Each part becomes a sentence of its own, unless it already is one. */
static void begin_sentence(struct slack_writer *w) {
    if (w->buf.len == 0 || w->buf.ptr[w->buf.len - 1] == ' ')
        return;
    slack_write_whole(w, ends_a_sentence(w) ? " " : ". ");
}

static void write_sentence(struct slack_writer *w, const struct fx_json *text) {
    if (text == NULL)
        return;
    begin_sentence(w);
    slack_write_rich(w, text);
}

static void write_sentences(struct slack_writer *w, const struct fx_json *texts) {
    if (fx_json_type(texts) != FX_JSON_ARRAY) {
        write_sentence(w, texts);
        return;
    }
    for (size_t i = 0; i < fx_json_count(texts) && !w->cut; i++)
        write_sentence(w, fx_json_item(texts, i));
}

/* An empty value is said, or the sentence would end in its name. */
static void write_value(struct slack_writer *w, const struct fx_json *value) {
    size_t len = w->buf.len;

    slack_write_rich(w, value);
    if (w->buf.len == len)
        slack_write_whole(w, "none");
}

static void write_pair(struct slack_writer *w, const struct fx_json *name,
                       const struct fx_json *value) {
    size_t len = w->buf.len;

    if (name != NULL)
        slack_write_rich(w, name);
    if (w->buf.len > len)
        slack_write_whole(w, ": ");
    write_value(w, value);
}

static void write_fields(struct slack_writer *w, const struct fx_json *fields) {
    for (size_t i = 0; i < fx_json_count(fields) && !w->cut; i++) {
        const struct fx_json *field = fx_json_item(fields, i);
        begin_sentence(w);
        write_pair(w, fx_json_at(field, "name"), fx_json_at(field, "value"));
    }
}

static void write_row(struct slack_writer *w, const struct fx_json *columns,
                      const struct fx_json *row) {
    for (size_t i = 0; i < fx_json_count(row) && !w->cut; i++) {
        if (i == 0)
            begin_sentence(w);
        else
            slack_write_whole(w, ", ");
        write_pair(w, fx_json_item(columns, i), fx_json_item(row, i));
    }
}

static void write_table(struct slack_writer *w, const struct fx_json *table) {
    const struct fx_json *rows = fx_json_at(table, "rows");
    size_t count = fx_json_count(rows);
    size_t shown = count < SLACK_DRAW_TEXT_ROWS ? count : SLACK_DRAW_TEXT_ROWS;

    for (size_t i = 0; i < shown && !w->cut; i++)
        write_row(w, fx_json_at(table, "columns"), fx_json_item(rows, i));
    if (count > shown) {
        begin_sentence(w);
        slack_write_whole(w, fx_printf(w->buf.sc, "%zu more rows", count - shown));
    }
}

static void write_code(struct slack_writer *w, const struct fx_json *code) {
    if (code == NULL)
        return;
    begin_sentence(w);
    slack_write_whole(w, slack_rich(w->buf.sc, code, SLACK_SPOKEN, SLACK_DRAW_TEXT_CODE));
}

static void write_buttons(struct slack_writer *w, const struct fx_json *buttons) {
    for (size_t i = 0; i < fx_json_count(buttons) && !w->cut; i++) {
        if (i == 0) {
            begin_sentence(w);
            slack_write_whole(w, "Buttons: ");
        } else {
            slack_write_whole(w, ", ");
        }
        slack_write_rich(w, fx_json_at(fx_json_item(buttons, i), "text"));
    }
}

static void write_card(struct slack_writer *w, const struct fx_json *card) {
    int percent = 0;
    const char *progress = slack_progress(w->buf.sc, card, &percent);

    write_sentence(w, fx_json_at(card, "title"));
    write_sentence(w, fx_json_at(card, "verdict"));
    write_sentences(w, fx_json_at(card, "lines"));
    if (progress[0] != '\0') {
        begin_sentence(w);
        slack_write_whole(w, progress);
    }
    write_fields(w, fx_json_at(card, "fields"));
    write_sentences(w, fx_json_at(card, "list"));
    write_table(w, fx_json_at(card, "table"));
    write_code(w, fx_json_at(card, "code"));
    write_buttons(w, fx_json_at(card, "buttons"));
    if (w->buf.len > 0 && !ends_a_sentence(w))
        slack_write_whole(w, ".");
}

static const char *compose(struct fx_scope *sc, const struct fx_json *card) {
    struct slack_writer w;

    slack_writer_init(&w, sc, SLACK_SPOKEN, SLACK_FIT(SLACK_MAX_TEXT));
    write_card(&w, card);
    if (!w.cut)
        return slack_writer_text(&w);
    slack_writer_init(&w, sc, SLACK_SPOKEN, SLACK_FIT(SLACK_MAX_TEXT) - slack_points(SLACK_CUT));
    write_card(&w, card);
    return fx_printf(sc, "%s%s", slack_writer_text(&w), SLACK_CUT);
}

const char *slack_draw_text(struct fx_scope *sc, const struct fx_json *card) {
    const char *text =
        slack_rich(sc, fx_json_at(card, "text"), SLACK_SPOKEN, SLACK_FIT(SLACK_MAX_TEXT));

    if (text[0] == '\0')
        text = compose(sc, card);
    return text[0] != '\0' ? text : "There is nothing to show.";
}
