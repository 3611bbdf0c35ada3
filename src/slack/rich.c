/* rich.c - card texts: foreign strings, and the parts that may mention, format and link. */
#include "private.h"

#include "fluxabot/base/clock.h"

#include <string.h>

/* A part's text; numbers come as they are written. */
static struct fx_slice member_text(struct slack_writer *w, const struct fx_json *part,
                                   const char *key) {
    const struct fx_json *member = fx_json_at(part, key);
    enum fx_json_type type = fx_json_type(member);

    if (type == FX_JSON_STRING)
        return fx_json_text_slice(member);
    if (type == FX_JSON_ABSENT || type == FX_JSON_NULL)
        return fx_slice_of(NULL);
    return fx_slice_of(fx_json_dump(w->buf.sc, member));
}

static bool is_mention_id(const char *id, const char *first_letters) {
    return id != NULL && id[0] != '\0' && strchr(first_letters, id[0]) != NULL && id[1] != '\0' &&
           slack_has_shape(id, SLACK_SHAPE_ID);
}

static void write_mention(struct slack_writer *w, const char *id, const char *first_letters,
                          const char *open) {
    bool can_mention = w->target == SLACK_MRKDWN || w->target == SLACK_SPOKEN;

    if (can_mention && is_mention_id(id, first_letters))
        slack_write_whole(w, fx_printf(w->buf.sc, "%s%s>", open, id));
    else
        slack_write_foreign(w, fx_slice_of(id));
}

static void write_user(struct slack_writer *w, const struct fx_json *part) {
    write_mention(w, fx_json_get_text(part, "user"), "UW", "<@");
}

static void write_group(struct slack_writer *w, const struct fx_json *part) {
    write_mention(w, fx_json_get_text(part, "group"), "S", "<!subteam^");
}

/* Slack shows the reader's own zone; who reads the fallback gets UTC. */
static void write_time(struct slack_writer *w, const struct fx_json *part) {
    static const int64_t year_10000_ms = 253402300800000;
    int64_t wall_ms = fx_json_get_int(part, "time", -1);

    if (wall_ms < 0 || wall_ms >= year_10000_ms) {
        slack_write_whole(w, "unknown time");
        return;
    }
    const char *iso = fx_time_iso(w->buf.sc, wall_ms);
    const char *utc = fx_printf(w->buf.sc, "%.10s %.8s UTC", iso, iso + 11);
    if (w->target == SLACK_MRKDWN)
        utc = fx_printf(w->buf.sc, "<!date^%lld^{date_short_pretty} at {time_secs}|%s>",
                        (long long)(wall_ms / 1000), utc);
    slack_write_whole(w, utc);
}

/* Marks only where they are drawn: a screen reader would read them aloud. */
static void write_marked(struct slack_writer *w, struct fx_slice text, enum slack_target target,
                         const char *mark) {
    if (w->target == SLACK_MRKDWN)
        slack_write_between(w, mark, text, target, mark);
    else
        slack_write_foreign(w, text);
}

static void write_code(struct slack_writer *w, const struct fx_json *part) {
    write_marked(w, member_text(w, part, "code"), SLACK_CODE, "`");
}

static void write_bold(struct slack_writer *w, const struct fx_json *part) {
    write_marked(w, member_text(w, part, "bold"), SLACK_BOLD, "*");
}

static void write_link(struct slack_writer *w, const struct fx_json *part) {
    struct fx_scope *sc = w->buf.sc;
    const char *url = slack_link_url(sc, fx_json_get_text(part, "link"));
    struct fx_slice text = member_text(w, part, "text");

    if (text.len == 0)
        text = member_text(w, part, "link");
    if (url == NULL || (w->target != SLACK_MRKDWN && w->target != SLACK_SPOKEN))
        slack_write_foreign(w, text);
    else
        slack_write_between(w, fx_printf(sc, "<%s|", fx_slack_escape(sc, url)), text, w->target,
                            ">");
}

static const struct {
    const char *key;
    void (*write)(struct slack_writer *w, const struct fx_json *part);
} parts[] = {
    {"user", write_user}, {"group", write_group}, {"time", write_time},
    {"code", write_code}, {"bold", write_bold},   {"link", write_link},
};

static void write_object(struct slack_writer *w, const struct fx_json *object) {
    for (size_t i = 0; i < FX_COUNT_OF(parts); i++)
        if (fx_json_at(object, parts[i].key) != NULL) {
            parts[i].write(w, object);
            return;
        }
    slack_write_foreign(w, fx_slice_of(fx_json_dump(w->buf.sc, object)));
}

void slack_write_rich(struct slack_writer *w, const struct fx_json *text) {
    switch (fx_json_type(text)) {
    case FX_JSON_ABSENT:
    case FX_JSON_NULL:
        break;
    case FX_JSON_STRING:
        slack_write_foreign(w, fx_json_text_slice(text));
        break;
    case FX_JSON_BOOL:
    case FX_JSON_INT:
    case FX_JSON_REAL:
        slack_write_foreign(w, fx_slice_of(fx_json_dump(w->buf.sc, text)));
        break;
    case FX_JSON_ARRAY:
        for (size_t i = 0; i < fx_json_count(text); i++)
            slack_write_rich(w, fx_json_item(text, i));
        break;
    case FX_JSON_OBJECT:
        write_object(w, text);
        break;
    }
}

const char *slack_rich(struct fx_scope *sc, const struct fx_json *text, enum slack_target target,
                       size_t max_points) {
    struct slack_writer w;

    slack_writer_init(&w, sc, target, max_points);
    slack_write_rich(&w, text);
    if (!w.cut)
        return slack_writer_text(&w);

    const char *mark = max_points < SLACK_DRAW_SHORT ? "…" : SLACK_CUT;
    if (max_points <= slack_points(mark))
        return "";
    slack_writer_init(&w, sc, target, max_points - slack_points(mark));
    slack_write_rich(&w, text);
    return fx_printf(sc, "%s%s", slack_writer_text(&w), mark);
}
