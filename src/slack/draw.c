/* draw.c - a card becomes a message: order, budget and block ids. */
#include "private.h"

#include <string.h>

enum { CONTEXT_RESERVE = 900 };

size_t slack_room(const struct slack_drawing *d, size_t limit) {
    return d->left < SLACK_FIT(limit) ? d->left : SLACK_FIT(limit);
}

void slack_add_block(struct slack_drawing *d, const char *part, size_t number,
                     struct fx_json *block) {
    size_t points = slack_count_points(block);
    const char *suffix = number > 0 ? fx_printf(d->sc, "%zu", number) : "";

    fx_json_put(
        block, "block_id",
        fx_json_stringf(d->sc, "%s:%s%s:%lld", d->key, part, suffix, (long long)d->revision));
    fx_json_add(d->blocks, block);
    d->left -= points < d->left ? points : d->left;
}

void slack_lose(struct slack_drawing *d, size_t count, const char *singular, const char *plural) {
    if (count > 0)
        fx_json_add(d->lost,
                    fx_json_stringf(d->sc, "%zu more %s", count, count == 1 ? singular : plural));
}

struct fx_json *slack_mrkdwn(struct fx_scope *sc, const char *text) {
    return fx_json_object_of(sc, "type", fx_json_string(sc, "mrkdwn"), "text",
                             fx_json_string(sc, text), "verbatim", fx_json_bool(sc, true), NULL);
}

struct fx_json *slack_plain_text(struct fx_scope *sc, const char *text, bool emoji) {
    return fx_json_object_of(sc, "type", fx_json_string(sc, "plain_text"), "text",
                             fx_json_string(sc, text), "emoji", fx_json_bool(sc, emoji), NULL);
}

static const char *card_key(struct fx_scope *sc, const struct fx_json *card) {
    const char *key = slack_rich(sc, fx_json_at(card, "key"), SLACK_PLAIN, SLACK_DRAW_KEY);

    return key[0] != '\0' ? key : "card";
}

/* The buttons come first in the budget and last but one on the page: whatever else is cut, a person
 * must be able to decide. */
static enum fx_code draw_blocks(struct slack_drawing *d, struct fx_error *err) {
    struct fx_json *above = d->blocks;
    struct fx_json *buttons = fx_json_array(d->sc);

    d->blocks = buttons;
    FX_TRY(slack_draw_buttons(d, err));
    d->blocks = above;

    slack_draw_head(d);
    slack_draw_fields(d);
    slack_draw_list(d);
    slack_draw_table(d);
    slack_draw_code(d);
    for (size_t i = 0; i < fx_json_count(buttons); i++)
        fx_json_add(d->blocks, fx_json_item(buttons, i));
    d->left += CONTEXT_RESERVE;
    slack_draw_context(d);
    return FX_OK;
}

enum fx_code fx_slack_draw(struct fx_scope *sc, const struct fx_json *card,
                           struct fx_json **ret_message, struct fx_error *err) {
    if (fx_json_type(card) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "a card is an object");

    struct slack_drawing d = {
        .sc = sc,
        .card = card,
        .key = card_key(sc, card),
        .revision = fx_json_get_int(card, "revision", 1),
        .blocks = fx_json_array(sc),
        .left = SLACK_DRAW_MESSAGE - CONTEXT_RESERVE,
        .lost = fx_json_array(sc),
    };
    FX_TRY(draw_blocks(&d, err));
    *ret_message = fx_json_object_of(sc, "text", fx_json_string(sc, slack_draw_text(sc, card)),
                                     "blocks", fx_json_count(d.blocks) > 0 ? d.blocks : NULL, NULL);
    return FX_OK;
}

struct fx_json *fx_slack_plain(struct fx_scope *sc, const struct fx_json *message) {
    struct fx_json *plain = fx_json_copy(sc, message);

    fx_json_remove(plain, "blocks");
    return plain;
}

struct fx_json *fx_slack_repeated(struct fx_scope *sc, const struct fx_json *message) {
    static const char note[] = "(may be a repetition)";
    struct fx_json *marked = fx_json_copy(sc, message);
    struct fx_json *blocks = fx_json_at(marked, "blocks");
    const char *text = fx_json_get_text(marked, "text");

    fx_json_put(marked, "text", fx_json_stringf(sc, "%s %s", text == NULL ? "" : text, note));
    if (blocks != NULL && fx_json_count(blocks) < SLACK_MAX_BLOCKS)
        fx_json_add(blocks, fx_json_object_of(
                                sc, "type", fx_json_string(sc, "context"), "elements",
                                fx_json_array_of(sc,
                                                 slack_plain_text(sc,
                                                                  "May be a repetition: Slack did "
                                                                  "not say whether this arrived",
                                                                  false),
                                                 NULL),
                                NULL));
    return marked;
}
