/* check.h - what the files that check a message share.
 *
 * pointer is the JSON pointer of what is checked and begins every message.
 */
#pragma once

#include "private.h"

struct checker {
    struct fx_scope *sc;
    struct fx_json *block_ids;
    size_t tables, markdown_points;
    struct fx_error *err;
};

/* ---- check_text.c ---- */

enum fx_code slack_check_refuse(struct checker *c, const char *pointer, const char *what);
enum fx_code slack_check_string(struct checker *c, const char *pointer, const struct fx_json *text,
                                size_t least, size_t most);
/* Absent is fine. */
enum fx_code slack_check_member(struct checker *c, const char *pointer,
                                const struct fx_json *object, const char *key, size_t most);
/* kinds is "plain_text", "mrkdwn" or both in one string. */
enum fx_code slack_check_text_object(struct checker *c, const char *pointer,
                                     const struct fx_json *text, const char *kinds, size_t most);
enum fx_code slack_check_count(struct checker *c, const char *pointer, const struct fx_json *array,
                               size_t most);

/* ---- check_blocks.c, check_actions.c ---- */

enum fx_code slack_check_header(struct checker *c, const char *pointer,
                                const struct fx_json *block);
enum fx_code slack_check_section(struct checker *c, const char *pointer,
                                 const struct fx_json *block);
enum fx_code slack_check_image(struct checker *c, const char *pointer, const struct fx_json *image);
enum fx_code slack_check_context(struct checker *c, const char *pointer,
                                 const struct fx_json *block);
enum fx_code slack_check_markdown(struct checker *c, const char *pointer,
                                  const struct fx_json *block);
enum fx_code slack_check_table(struct checker *c, const char *pointer, const struct fx_json *block);
enum fx_code slack_check_rich_text(struct checker *c, const char *pointer,
                                   const struct fx_json *block);
enum fx_code slack_check_actions(struct checker *c, const char *pointer,
                                 const struct fx_json *block);
