/* files.h - pictures and tables that follow a card into its thread: what the files about them
 * share. */
#pragma once

#include "private.h"

#include "fluxabot/chart.h"
#include "fluxabot/slackapi.h"

enum {
    FILES_MAX_ROWS = 1000, /* of a table; what is left out is told in its title */
    FILES_MAX_CELL = 2000, /* characters */
    FILES_MAX_TABLE_BYTES = 256 << 10,
    FILES_MAX_CHART_POINTS = 1500, /* what a step `metric` reads at most */
};

/* ---- table.c ---- */

/* headings, and rows of texts, as CSV; *ret_rows: how many of them are in it. What a program that
 * calculates would take for a formula is text in it. Never longer than FILES_MAX_TABLE_BYTES. */
const char *engine_csv(struct fx_scope *sc, const struct fx_json *headings,
                       const struct fx_json *rows, size_t *ret_rows);

/* ---- files.c ---- */

/* {name, title, alt, chart} and {name, title, csv}; the name is unique for what it is made of. */
struct fx_json *engine_chart_file(struct fx_scope *sc, const char *name,
                                  const struct fx_chart *chart);
struct fx_json *engine_table_file(struct fx_scope *sc, const char *name, const char *title,
                                  const char *csv);
/* Behind the card: they go into the thread of the message `parent`. files NULL: none. */
void engine_put_files(struct engine_work *work, const struct fx_json *files, const char *parent,
                      const char *channel);

/* ---- answer_files.c ---- */

/* The answer's `chart` and `file`, as `files` of a card: each is a file of files.h, and follows the
 * card where that is posted. */
enum fx_code engine_answer_files(struct engine_run *run, struct fx_json *card,
                                 struct fx_error *err);

/* ---- alarm_picture.c ---- */

/* The metric of an alarm that begins is to be drawn: the job "picture", where it has one. */
void engine_want_picture(struct engine_work *work, const struct fx_incident *incident,
                         const struct fx_alarm *alarm);
/* The job "picture": the metric, its threshold and the moment, into the thread of the incident's
 * card. That it cannot be had is told in the log alone: the card says what counts. */
enum fx_code engine_picture(struct engine_work *work, struct fx_error *err);

/* ---- deliver_file.c ---- */

enum fx_code engine_send_file(struct fx_engine *engine, struct fx_scope *sc,
                              const struct fx_message *message, struct fx_error *err);
/* Whether a file that was not sent may be tried again. */
bool engine_may_send_file_again(const struct fx_message *message, const struct fx_error *why);
/* It will not be: the thread is told why. Of pictures that nobody may send this is told once, until
 * one was sent again. */
void engine_tell_no_file(struct fx_engine *engine, struct fx_scope *sc,
                         const struct fx_message *message, const struct fx_error *why);
