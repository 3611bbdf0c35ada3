/* escape.c - foreign text made harmless, and cut between characters. */
#include "private.h"

#include <string.h>

/* Slack reads <!channel>, <@U1>, <#C1> and <https://...> and needs the < for each; it asks for
 * exactly these three entities. */
static const char *entity_of(uint32_t point) {
    switch (point) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    default:
        return NULL;
    }
}

/* Control characters, and those that are not seen but turn, hide or join what is: bidirectional
 * marks, zero width characters, invisible operators, tags. */
static bool is_removed(uint32_t point) {
    static const struct {
        uint32_t first, last;
    } removed[] = {
        {0x00, 0x08},     {0x0e, 0x1f},     {0x7f, 0x84},     {0x86, 0x9f},       {0xad, 0xad},
        {0x61c, 0x61c},   {0x180e, 0x180e}, {0x200b, 0x200f}, {0x202a, 0x202e},   {0x2060, 0x206f},
        {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f},
    };

    for (size_t i = 0; i < FX_COUNT_OF(removed); i++)
        if (point >= removed[i].first && point <= removed[i].last)
            return true;
    return false;
}

/* Letters and signs that are shown as they are. */
static size_t plain_run(struct fx_slice s, size_t from) {
    size_t end = from;

    while (end < s.len && s.ptr[end] >= ' ' && s.ptr[end] <= '~' && s.ptr[end] != '&' &&
           s.ptr[end] != '<' && s.ptr[end] != '>')
        end++;
    return end - from;
}

static bool is_line_end(uint32_t point) {
    return (point >= '\n' && point <= '\r') || point == 0x85 || point == 0x2028 || point == 0x2029;
}

static bool is_blank(uint32_t point) {
    return point == ' ' || point == '\t' || point == 0xa0 || point == 0x1680 ||
           (point >= 0x2000 && point <= 0x200a) || point == 0x202f || point == 0x205f ||
           point == 0x3000;
}

/* Fillers, and marks that change what stands before them: shown as they are, but alone they are no
 * text. */
static bool is_filler(uint32_t point) {
    static const struct {
        uint32_t first, last;
    } fillers[] = {
        {0x34f, 0x34f},   {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x2800, 0x2800},
        {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xffa0, 0xffa0}, {0xe0100, 0xe01ef},
    };

    for (size_t i = 0; i < FX_COUNT_OF(fillers); i++)
        if (point >= fillers[i].first && point <= fillers[i].last)
            return true;
    return false;
}

static size_t sequence_len(unsigned char lead) {
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

uint32_t slack_next_point(struct fx_slice s, size_t *at) {
    static const uint32_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *bytes = (const unsigned char *)s.ptr + *at;
    size_t len = sequence_len(bytes[0]);

    if (len == 0 || !fx_slice_is_utf8(fx_slice_cut(s, *at, len))) {
        *at += 1;
        return 0xfffd;
    }
    uint32_t point = bytes[0] & lead_bits[len];
    for (size_t i = 1; i < len; i++)
        point = point << 6 | (bytes[i] & 0x3fu);
    *at += len;
    return point;
}

struct fx_slice fx_slack_seen(struct fx_slice text) {
    size_t first = text.len, end = text.len;

    for (size_t at = 0; at < text.len;) {
        bool begun = first < text.len;
        size_t start = at;
        uint32_t point = slack_next_point(text, &at);

        if (is_blank(point) || is_line_end(point) || is_removed(point) ||
            (is_filler(point) && !begun))
            continue;
        first = begun ? first : start;
        end = at;
    }
    return fx_slice_cut(text, first, end - first);
}

char *fx_slack_escape(struct fx_scope *sc, const char *text) {
    struct fx_slice s = fx_slice_of(text);
    struct fx_buf buf;

    fx_buf_init(&buf, sc, s.len * 5 + 1); /* "&amp;" for every byte */
    for (size_t at = 0; at < s.len;) {
        size_t start = at, run = plain_run(s, at);

        if (run > 0) {
            fx_buf_add(&buf, fx_slice_cut(s, at, run));
            at += run;
            continue;
        }
        uint32_t point = slack_next_point(s, &at);
        const char *entity = entity_of(point);

        if (is_removed(point))
            continue;
        if (entity != NULL)
            fx_buf_add_text(&buf, entity);
        else if (is_line_end(point))
            fx_buf_add_char(&buf, '\n');
        else if (is_blank(point))
            fx_buf_add_char(&buf, ' ');
        else if (point == 0xfffd)
            fx_buf_add_text(&buf, "\ufffd");
        else
            fx_buf_add(&buf, fx_slice_cut(s, start, at - start));
    }
    return fx_strdup(sc, fx_buf_text(&buf));
}

/* ---- the writer ---- */

enum { POINT_MAX_BYTES = 4 };

void slack_writer_init(struct slack_writer *w, struct fx_scope *sc, enum slack_target target,
                       size_t max_points) {
    *w = (struct slack_writer){.target = target, .left = max_points, .blank = true};
    fx_buf_init(&w->buf, sc, max_points * POINT_MAX_BYTES + 1);
}

size_t slack_points(const char *text) {
    return fx_slice_utf8_count(fx_slice_of(text));
}

static void put(struct slack_writer *w, const char *text, size_t len, size_t points) {
    if (points > w->left)
        w->cut = true;
    if (w->cut)
        return;
    fx_buf_add(&w->buf, (struct fx_slice){text, len});
    w->left -= points;
}

/* plain_text and raw_text know no entities, so < and > become signs that look alike in case a
 * client reads them after all. Between marks the mark itself would end the pair early. */
static const char *substitute_of(enum slack_target target, uint32_t point) {
    switch (target) {
    case SLACK_PLAIN:
        return point == '<' ? "‹" : point == '>' ? "›" : NULL;
    case SLACK_SPOKEN:
    case SLACK_CODE:
    case SLACK_FENCE:
        return point == '`' ? "'" : entity_of(point);
    case SLACK_BOLD:
        return point == '*' ? "∗" : entity_of(point);
    case SLACK_MRKDWN:
        break;
    }
    return entity_of(point);
}

static void put_point(struct slack_writer *w, uint32_t point, struct fx_slice bytes) {
    const char *substitute = substitute_of(w->target, point);

    if (substitute != NULL)
        put(w, substitute, strlen(substitute), slack_points(substitute));
    else if (point == 0xfffd)
        put(w, "\ufffd", strlen("\ufffd"), 1);
    else
        put(w, bytes.ptr, bytes.len, 1);
}

/* Letters and signs that are themselves wherever they are written to. */
static size_t word_run(struct fx_slice s, size_t from) {
    size_t end = from;

    while (end < s.len && s.ptr[end] > ' ' && s.ptr[end] <= '~' && s.ptr[end] != '&' &&
           s.ptr[end] != '<' && s.ptr[end] != '>' && s.ptr[end] != '`' && s.ptr[end] != '*')
        end++;
    return end - from;
}

static void put_word(struct slack_writer *w, struct fx_slice word) {
    size_t fits = word.len < w->left ? word.len : w->left;

    put(w, word.ptr, fits, fits);
    w->cut = fits < word.len;
    w->blank = false;
}

void slack_write_foreign(struct slack_writer *w, struct fx_slice text) {
    bool keeps_layout = w->target == SLACK_FENCE;

    for (size_t at = 0; at < text.len && !w->cut;) {
        size_t start = at, word = word_run(text, at);

        if (word > 0) {
            put_word(w, fx_slice_cut(text, at, word));
            at += word;
            continue;
        }
        uint32_t point = slack_next_point(text, &at);
        bool blank = is_blank(point) || is_line_end(point);

        if (is_removed(point))
            continue;
        if (!blank)
            put_point(w, point, fx_slice_cut(text, start, at - start));
        else if (keeps_layout && point != '\r')
            put(w, is_line_end(point) ? "\n" : " ", 1, 1);
        else if (!keeps_layout && !w->blank)
            put(w, " ", 1, 1);
        w->blank = blank;
    }
}

void slack_write_whole(struct slack_writer *w, const char *marks) {
    size_t len = strlen(marks);

    put(w, marks, len, slack_points(marks));
    if (len > 0)
        w->blank = marks[len - 1] == ' ' || marks[len - 1] == '\n';
}

void slack_write_between(struct slack_writer *w, const char *open, struct fx_slice text,
                         enum slack_target target, const char *close) {
    struct slack_writer before = *w;
    size_t close_points = slack_points(close);

    if (w->left < slack_points(open) + close_points)
        w->cut = true;
    if (w->cut)
        return;
    slack_write_whole(w, open);
    size_t text_starts_at = w->buf.len;
    w->left -= close_points;
    w->target = target;
    w->blank = true; /* "* bold*" is not bold */
    slack_write_foreign(w, fx_slice_trim(text));
    w->target = before.target;
    w->left += close_points;

    bool cut = w->cut;
    w->cut = false;
    if (w->buf.len > text_starts_at) {
        slack_write_whole(w, close);
    } else { /* an empty pair would be shown as two marks */
        w->buf.len = before.buf.len;
        w->left = before.left;
        w->blank = before.blank;
    }
    w->cut = cut;
}

const char *slack_writer_text(struct slack_writer *w) {
    struct fx_slice text = fx_buf_slice(&w->buf);

    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\n'))
        text.len--;
    return fx_slice_dup(w->buf.sc, text);
}
