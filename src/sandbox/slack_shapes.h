/* slack_shapes.h - Block Kit as tables: which members a block or element has and how large they may
 * be.
 *
 * Numbers are Slack's published limits (docs.slack.dev/reference/block-kit and the comments of
 * @slack/types 3.2.0). A shape is data; slack_check.c is the only walker.
 */
#pragma once

#include "fluxabot/base/json.h"

enum slack_surface { SLACK_MESSAGE = 1, SLACK_MODAL = 2, SLACK_HOME = 4, SLACK_EVERYWHERE = 7 };

enum slack_kind {
    SLACK_ANY,     /* not looked at */
    SLACK_STRING,  /* min to max code points */
    SLACK_URL,     /* a string with a scheme and no blanks */
    SLACK_BOOL,    /* true or false */
    SLACK_INT,     /* min to max */
    SLACK_NUMBER,  /* an integer or a real */
    SLACK_WORD,    /* one of words */
    SLACK_PLAIN,   /* a text object of plain_text */
    SLACK_TEXT,    /* a text object, plain_text or mrkdwn */
    SLACK_OBJECT,  /* one of shapes */
    SLACK_LIST,    /* min to max items, each one of shapes */
    SLACK_STRINGS, /* min to max strings */
    SLACK_TEXTS,   /* min to max_items text objects of at most max code points */
    SLACK_ROWS,    /* min to max rows of at most max_items cells, each one of shapes */
};

struct slack_shape;

struct slack_rule {
    const char *name; /* NULL ends a list of rules */
    enum slack_kind kind;
    bool required;
    int64_t min, max; /* max 0: no limit */
    int64_t max_items;
    const char *words;                       /* "primary|danger" */
    const struct slack_shape *const *shapes; /* NULL ends */
};

struct slack_check;
/* What a rule cannot say: members that exclude each other. */
typedef void slack_extra_fn(struct slack_check *check, const struct fx_json *value,
                            const char *pointer);

struct slack_shape {
    const char *type;  /* the value of "type"; NULL when the object has none */
    unsigned surfaces; /* for blocks; 0 means everywhere */
    const struct slack_rule *rules;
    slack_extra_fn *extra;
};

extern const struct slack_shape *const slack_blocks[];
extern const struct slack_shape *const slack_action_elements[];
extern const struct slack_shape *const slack_accessory_elements[];
extern const struct slack_shape *const slack_input_elements[];
extern const struct slack_shape *const slack_context_elements[];
extern const struct slack_shape *const slack_feedback_elements[];
extern const struct slack_shape *const slack_button_only[];
extern const struct slack_shape *const slack_image_only[];
extern const struct slack_shape *const slack_rich_text_only[];
extern const struct slack_shape *const slack_rich_parts[];
extern const struct slack_shape *const slack_slack_file[];
slack_extra_fn slack_extra_image, slack_extra_slack_file;

void slack_complain(struct slack_check *check, const char *pointer, const char *fmt, ...)
    FX_PRINTF(3, 4);

/* What Slack would say against the blocks, each with its JSON pointer; an empty array when it would
 * accept them. pointer is where they stand: "/blocks" or "/view/blocks". */
struct fx_json *slack_check_blocks(struct fx_scope *sc, const struct fx_json *blocks,
                                   enum slack_surface surface, const char *pointer);
/* The same for a whole modal or Home tab, which stands at /view. */
struct fx_json *slack_check_view(struct fx_scope *sc, const struct fx_json *view);

enum {
    SLACK_MESSAGE_BLOCKS = 50,
    SLACK_VIEW_BLOCKS = 100,
    SLACK_MARKDOWN_CHARACTERS = 12000,
    SLACK_TABLE_CHARACTERS = 10000,
    /* Not documented: refusals with msg_blocks_too_long were seen from 12,000 to 13,300 characters.
     */
    SLACK_BLOCKS_CHARACTERS = 13000,
};
/* Code points of everything people read in the blocks. */
size_t slack_blocks_characters(const struct fx_json *blocks);
