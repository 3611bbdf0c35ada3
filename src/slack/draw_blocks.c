/* draw_blocks.c - the blocks of a message but its buttons and its table. */
#include "private.h"

#include <string.h>

static const struct {
    const char *tone, *emoji;
} tones[] = {
    {"alarm", ":red_circle:"},
    {"good", ":large_green_circle:"},
    {"bad", ":x:"},
    {"wait", ":hourglass_flowing_sand:"},
};

const char *slack_tone_emoji(const struct fx_json *card) {
    const char *tone = fx_json_get_text(card, "tone");

    for (size_t i = 0; tone != NULL && i < FX_COUNT_OF(tones); i++)
        if (strcmp(tone, tones[i].tone) == 0)
            return tones[i].emoji;
    return "";
}

/* The title must read emoji codes for our own; a code that came with the text is spoiled by a colon
 * that only looks like one. A word before the colon (arn:aws:sqs) makes it no code. */
static const char *spoil_emoji(struct fx_scope *sc, const char *text) {
    static const char names[] = "abcdefghijklmnopqrstuvwxyz0123456789_+'-";
    struct fx_buf buf;
    char before = ' ';

    fx_buf_init(&buf, sc, strlen(text) * 3 + 1);
    for (const char *c = text; *c != '\0'; c++) {
        size_t name_len = *c == ':' ? strspn(c + 1, names) : 0;
        bool word_before = before != ':' && before != '_' && strchr(names, before) != NULL;

        if (name_len > 0 && c[1 + name_len] == ':' && !word_before)
            fx_buf_add_text(&buf, "꞉");
        else
            fx_buf_add_char(&buf, *c);
        before = *c;
    }
    return fx_buf_text(&buf);
}

static void draw_title(struct slack_drawing *d) {
    const char *emoji = slack_tone_emoji(d->card);
    size_t room = slack_room(d, SLACK_MAX_HEADER) - strlen(emoji) - 1;
    const char *title = slack_rich(d->sc, fx_json_at(d->card, "title"), SLACK_PLAIN, room);

    if (title[0] == '\0')
        return;
    if (emoji[0] != '\0')
        title = fx_printf(d->sc, "%s %s", spoil_emoji(d->sc, title), emoji);
    slack_add_block(d, "h", 0,
                    fx_json_object_of(d->sc, "type", fx_json_string(d->sc, "header"), "text",
                                      slack_plain_text(d->sc, title, emoji[0] != '\0'), NULL));
}

/* One text may stand where a list of texts may. */
static const struct fx_json *as_list(struct fx_scope *sc, const struct fx_json *texts) {
    if (texts == NULL || fx_json_type(texts) == FX_JSON_ARRAY)
        return texts;
    return fx_json_array_of(sc, fx_json_copy(sc, texts), NULL);
}

static struct fx_json *section(struct fx_scope *sc, const char *text) {
    return fx_json_object_of(sc, "type", fx_json_string(sc, "section"), "text",
                             slack_mrkdwn(sc, text), NULL);
}

/* Several texts, each on a line of its own, in as few sections as they need. */
static void draw_lines(struct slack_drawing *d, const char *part, const struct fx_json *lines,
                       const char *bullet, const char *singular, const char *plural) {
    enum { LEAST = 40 }; /* less is not worth a line */
    size_t count = fx_json_count(lines), number = 0;

    for (size_t i = 0; i < count;) {
        struct slack_writer w;

        if (slack_room(d, SLACK_MAX_SECTION) < LEAST) {
            slack_lose(d, count - i, singular, plural);
            return;
        }
        slack_writer_init(&w, d->sc, SLACK_MRKDWN, slack_room(d, SLACK_MAX_SECTION));
        for (; i < count; i++) {
            size_t mark_points = slack_points(bullet) + 1;
            size_t room = w.buf.len == 0 ? w.left - mark_points : SLACK_FIT(SLACK_MAX_SECTION);
            const char *line = slack_rich(d->sc, fx_json_item(lines, i), SLACK_MRKDWN, room);

            if (line[0] == '\0')
                continue;
            if (slack_points(line) + mark_points > w.left)
                break;
            if (w.buf.len > 0)
                slack_write_whole(&w, "\n");
            slack_write_whole(&w, bullet);
            slack_write_whole(&w, line);
        }
        if (w.buf.len > 0)
            slack_add_block(d, part, number++, section(d->sc, slack_writer_text(&w)));
    }
}

const char *slack_progress(struct fx_scope *sc, const struct fx_json *card, int *ret_percent) {
    const struct fx_json *progress = fx_json_at(card, "progress");
    int64_t done = fx_json_get_int(progress, "done", -1);
    int64_t total = fx_json_get_int(progress, "total", 0);

    *ret_percent = 0;
    if (done < 0)
        return "";
    if (total <= 0)
        return fx_printf(sc, "%lld done", (long long)done);
    *ret_percent = done >= total ? 100 : (int)((double)done * 100.0 / (double)total);
    if (done<total && * ret_percent> 99)
        *ret_percent = 99;
    return fx_printf(sc, "%lld of %lld (%d percent)", (long long)done, (long long)total,
                     *ret_percent);
}

static void draw_progress(struct slack_drawing *d) {
    int percent = 0;
    const char *numbers = slack_progress(d->sc, d->card, &percent);
    struct fx_buf bar;

    if (numbers[0] == '\0')
        return;
    fx_buf_init(&bar, d->sc, SLACK_DRAW_BAR * sizeof("█"));
    for (int i = 0; i < SLACK_DRAW_BAR; i++)
        fx_buf_add_text(&bar, i * 100 < percent * SLACK_DRAW_BAR ? "█" : "░");
    slack_add_block(d, "p", 0,
                    section(d->sc, fx_printf(d->sc, "%s `%s`", numbers, fx_buf_text(&bar))));
}

void slack_draw_head(struct slack_drawing *d) {
    struct fx_json *verdict = fx_json_at(d->card, "verdict");

    draw_title(d);
    if (verdict != NULL)
        draw_lines(d, "s", fx_json_array_of(d->sc, verdict, NULL), "", "sentence", "sentences");
    draw_lines(d, "l", as_list(d->sc, fx_json_at(d->card, "lines")), "", "line", "lines");
    draw_progress(d);
}

static struct fx_json *draw_field(struct slack_drawing *d, const struct fx_json *field) {
    enum { NAME_POINTS = 100 };
    const char *name = slack_rich(d->sc, fx_json_at(field, "name"), SLACK_BOLD, NAME_POINTS);
    size_t room = slack_room(d, SLACK_MAX_FIELD) - slack_points(name) - strlen("**\n");
    const char *value = slack_rich(d->sc, fx_json_at(field, "value"), SLACK_MRKDWN, room);

    if (value[0] == '\0')
        value = "–";
    return slack_mrkdwn(d->sc, name[0] != '\0' ? fx_printf(d->sc, "*%s*\n%s", name, value) : value);
}

void slack_draw_fields(struct slack_drawing *d) {
    enum { LEAST = 160 }; /* a name and some of a value */
    const struct fx_json *fields = fx_json_at(d->card, "fields");
    size_t count = fx_json_count(fields), shown = 0;

    for (size_t number = 0; shown < count && shown < SLACK_DRAW_FIELDS; number++) {
        struct fx_json *drawn = fx_json_array(d->sc);
        size_t before = d->left;

        for (; shown < count && fx_json_count(drawn) < SLACK_MAX_FIELDS && d->left >= LEAST;
             shown++) {
            struct fx_json *field = draw_field(d, fx_json_item(fields, shown));
            d->left -= slack_count_points(field);
            fx_json_add(drawn, field);
        }
        d->left = before;
        if (fx_json_count(drawn) == 0)
            break;
        slack_add_block(d, "f", number,
                        fx_json_object_of(d->sc, "type", fx_json_string(d->sc, "section"), "fields",
                                          drawn, NULL));
    }
    slack_lose(d, count - shown, "field", "fields");
}

void slack_draw_list(struct slack_drawing *d) {
    draw_lines(d, "i", as_list(d->sc, fx_json_at(d->card, "list")), "• ", "entry", "entries");
}

/* Three back-ticks and not a rich_text block: Slack refuses to edit a message with rich_text into
 * one without (block_mismatch), and our messages are edited. */
void slack_draw_code(struct slack_drawing *d) {
    enum { LEAST = 40 };
    size_t marks = strlen("``````");
    size_t room = slack_room(d, SLACK_MAX_SECTION);
    const struct fx_json *code = fx_json_at(d->card, "code");

    if (code == NULL)
        return;
    if (room < LEAST) {
        slack_lose(d, 1, "text", "texts");
        return;
    }
    const char *text = slack_rich(d->sc, code, SLACK_FENCE, room - marks);
    if (text[strspn(text, " \n")] != '\0')
        slack_add_block(d, "k", 0, section(d->sc, fx_printf(d->sc, "```%s```", text)));
}

static const char *describe_lost(struct slack_drawing *d) {
    struct fx_buf buf;

    fx_buf_init(&buf, d->sc, 1000);
    for (size_t i = 0; i < fx_json_count(d->lost); i++) {
        fx_buf_add_text(&buf, i == 0 ? "Cut, not shown here: " : ", ");
        fx_buf_add_text(&buf, fx_json_text(fx_json_item(d->lost, i)));
    }
    return fx_buf_text(&buf);
}

void slack_draw_context(struct slack_drawing *d) {
    enum { CONTEXT_POINTS = 600 };
    struct fx_json *elements = fx_json_array(d->sc);
    const char *lost = describe_lost(d);
    const char *context =
        slack_rich(d->sc, fx_json_at(d->card, "context"), SLACK_MRKDWN, CONTEXT_POINTS);

    if (lost[0] != '\0')
        fx_json_add(elements, slack_mrkdwn(d->sc, lost));
    if (context[0] != '\0')
        fx_json_add(elements, slack_mrkdwn(d->sc, context));
    if (fx_json_count(elements) > 0)
        slack_add_block(d, "c", 0,
                        fx_json_object_of(d->sc, "type", fx_json_string(d->sc, "context"),
                                          "elements", elements, NULL));
}
