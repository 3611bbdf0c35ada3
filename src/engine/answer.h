/* answer.h - how the templates of an answer are filled. */
#pragma once

#include "private.h"

/* A template, filled: text, or a part of a card. */
enum fx_code engine_fill_text(struct engine_run *run, const struct fx_json *template,
                              const struct fx_json *names, struct fx_json **ret_text,
                              struct fx_error *err);
/* An expression that gives a list; else FX_ERR_INPUT. */
enum fx_code engine_fill_rows(struct engine_run *run, const struct fx_json *template,
                              struct fx_json **ret_list, struct fx_error *err);
/* The run's names with one more: `row` of a table, `item` of a list. */
struct fx_json *engine_names_with(struct engine_run *run, const char *name, struct fx_json *value);
