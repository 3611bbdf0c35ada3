/* anchors.h - whether the audit log is the one that was written, and how that is shown outside. */
#pragma once

#include "private.h"

/* ---- chain.c ---- */

/* Before any thread runs: freezes changes when the newest rows of the audit log do not follow from
 * each other. */
enum fx_code engine_chain_start(struct fx_engine *engine, struct fx_error *err);

/* ---- anchor.c: heads of the audit log, signed and kept outside; all of it does nothing without
 * options.anchor_key ---- */

/* Before any thread runs: freezes changes when the newest anchor does not fit the log. */
enum fx_code engine_anchor_start(struct fx_engine *engine, struct fx_error *err);
/* The keeper's look: is one due, or overdue? */
void engine_anchor_watch(struct fx_engine *engine, struct fx_scope *sc);
/* The job "anchor". */
enum fx_code engine_anchor(struct engine_work *work, struct fx_error *err);
/* After the last thread has ended: what was written since the last anchor. */
void engine_anchor_drain(struct fx_engine *engine);

enum { ENGINE_ANCHOR_PATIENCE = 3 }; /* failures in a row before people are told */

/* ---- anchor_cards.c: what people see of it, among the writes ---- */

/* Into the thread of the anchor channel; *ret_key is the message's. */
enum fx_code engine_anchor_post(struct engine_work *work, const struct fx_anchor *anchor,
                                const char **ret_key, struct fx_error *err);
enum fx_code engine_anchor_tell_frozen(struct engine_work *work, const char *reason,
                                       struct fx_error *err);
enum fx_code engine_anchor_tell_accepted(struct engine_work *work, const struct fx_anchor *anchor,
                                         struct fx_error *err);
enum fx_code engine_anchor_tell_trouble(struct engine_work *work, const struct fx_audit *head,
                                        const char *what, struct fx_error *err);
