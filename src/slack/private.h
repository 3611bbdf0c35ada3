/* private.h - what the files of slack share: forms, ids, and the writer of texts. */
#pragma once

#include "fluxabot/base/buf.h"
#include "fluxabot/slack.h"
#include "limits.h"

/* ---- form.c ---- */

enum {
    SLACK_FORM_MAX_FIELDS = 64,
    SLACK_FORM_MAX_NAME_BYTES = 64,
    SLACK_COMMAND_MAX_BYTES = 64 << 10,
    SLACK_INTERACTION_MAX_BYTES = 1 << 20,
    SLACK_MAX_ID = 64,
    SLACK_MAX_WORD = 512, /* trigger ids, timestamps, our own ids */
};

struct slack_form {
    size_t count;
    uint64_t marks; /* of the names, which are nearly always different already by them */
    struct {
        struct fx_slice name; /* lies in the body */
        const char *value;
    } fields[SLACK_FORM_MAX_FIELDS];
};

/* FX_ERR_INPUT when body is no form or repeats a field, FX_ERR_LIMIT beyond max_bytes. */
enum fx_code slack_form_parse(struct fx_scope *sc, struct fx_slice body, size_t max_bytes,
                              struct slack_form **ret_form, struct fx_error *err);
/* NULL when absent. */
const char *slack_form_get(const struct slack_form *form, const char *name);

/* What a text from Slack must look like before we pass it on. */
enum slack_shape {
    SLACK_SHAPE_ANY,     /* anything, also several lines */
    SLACK_SHAPE_WORD,    /* printable ASCII without blanks, at most SLACK_MAX_WORD */
    SLACK_SHAPE_ID,      /* upper-case letters and digits, at most SLACK_MAX_ID */
    SLACK_SHAPE_STAMP,   /* digits, one point, digits */
    SLACK_SHAPE_URL,     /* begins with https:// or http://, printable ASCII without blanks */
    SLACK_SHAPE_COMMAND, /* a slash and a word */
};
/* "" has every shape: whether something may be absent is another question. */
bool slack_has_shape(const char *text, enum slack_shape shape);

/* ---- escape.c ---- */

/* The code point at *at, which moves behind it; U+FFFD for bytes that are not UTF-8. */
uint32_t slack_next_point(struct fx_slice s, size_t *at);

size_t slack_points(const char *text);

/* Where a text goes decides what may stand in it. */
enum slack_target {
    SLACK_MRKDWN, /* a verbatim mrkdwn object: entities, mentions from parts, times in local zone */
    SLACK_SPOKEN, /* the message's text: like mrkdwn, without marks that a screen reader stumbles on
                   */
    SLACK_PLAIN,  /* plain_text and raw_text: no entities, no mentions */
    SLACK_BOLD,   /* between stars */
    SLACK_CODE,   /* between back-ticks */
    SLACK_FENCE,  /* between three back-ticks: lines and blanks stay */
};

/* Writes at most max code points, and remembers when something did not fit: then nothing more is
 * written, so that a cut text ends where it was cut. Runs of blanks become one. */
struct slack_writer {
    struct fx_buf buf;
    enum slack_target target;
    size_t left;
    bool cut;
    bool blank; /* the last character was a blank, or there is none yet */
};

void slack_writer_init(struct slack_writer *w, struct fx_scope *sc, enum slack_target target,
                       size_t max_points);
/* Foreign text: escaped for the target, cut between characters. */
void slack_write_foreign(struct slack_writer *w, struct fx_slice text);
/* Our own marks, all or nothing. */
void slack_write_whole(struct slack_writer *w, const char *marks);
/* open, foreign text, close: the text may be cut, the marks stay a pair. Nothing for an empty text.
 */
void slack_write_between(struct slack_writer *w, const char *open, struct fx_slice text,
                         enum slack_target target, const char *close);
/* Without the blanks at its end. */
const char *slack_writer_text(struct slack_writer *w);

/* ---- rich.c ---- */

#define SLACK_CUT "… (cut)"

/* A card text for the target in at most max_points code points, "" when there is nothing to show. A
 * text that did not fit ends with SLACK_CUT, a short one with its first character. */
const char *slack_rich(struct fx_scope *sc, const struct fx_json *text, enum slack_target target,
                       size_t max_points);
/* Adds it to what is being written, without any word about a cut. */
void slack_write_rich(struct slack_writer *w, const struct fx_json *text);

/* ---- link.c ---- */

/* url with everything encoded that could end a link early; NULL unless it is https, or http to this
 * machine (a sandbox has no certificate). */
const char *slack_link_url(struct fx_scope *sc, const char *url);

/* ---- check.c ---- */

/* Characters that count towards SLACK_MAX_MESSAGE: every string but types, ids and styles. */
size_t slack_count_points(const struct fx_json *json);

/* ---- draw.c and draw_*.c ---- */

struct slack_drawing {
    struct fx_scope *sc;
    const struct fx_json *card;
    const char *key;
    int64_t revision;
    struct fx_json *blocks;
    size_t left;          /* of SLACK_DRAW_MESSAGE */
    struct fx_json *lost; /* what did not fit, in words: "12 more rows" */
};

/* The room for one more text that may have at most limit characters. */
size_t slack_room(const struct slack_drawing *d, size_t limit);
/* Adds block under the id "key:part:revision"; number 0 is left out of the id. */
void slack_add_block(struct slack_drawing *d, const char *part, size_t number,
                     struct fx_json *block);
/* Remembers that count things of this kind are not shown; 0 is ignored. */
void slack_lose(struct slack_drawing *d, size_t count, const char *singular, const char *plural);
struct fx_json *slack_mrkdwn(struct fx_scope *sc, const char *text);
struct fx_json *slack_plain_text(struct fx_scope *sc, const char *text, bool emoji);
/* "" when there is nothing to show; else ":red_circle:" and the like. */
const char *slack_tone_emoji(const struct fx_json *card);
/* "6 of 9 (67 percent)", "" without progress. *ret_percent is at most 99 until all is done. */
const char *slack_progress(struct fx_scope *sc, const struct fx_json *card, int *ret_percent);

void slack_draw_head(struct slack_drawing *d);
void slack_draw_fields(struct slack_drawing *d);
void slack_draw_list(struct slack_drawing *d);
void slack_draw_table(struct slack_drawing *d);
void slack_draw_code(struct slack_drawing *d);
void slack_draw_context(struct slack_drawing *d);
enum fx_code slack_draw_buttons(struct slack_drawing *d, struct fx_error *err);
/* The whole meaning in one paragraph. */
const char *slack_draw_text(struct fx_scope *sc, const struct fx_json *card);
