/* anchor.h - heads of the audit log, signed and kept outside the database.
 *
 * The chain of hashes shows every changed row but two kinds: rows cut off at its end, and a log
 * written anew from some row on. An anchor is one JSON line that says under a signature "row n had
 * this hash at this time". Whoever owns the database cannot make one, and a copy of one anchor that
 * lies elsewhere vouches for every row up to its own.
 *
 * Anchors of one file chain as rows do: each carries the digest of the one before it. A reason
 * marks the one an operator made who knows that what lies before does not fit, as after the restore
 * of an old backup.
 */
#pragma once

#include "fluxabot/base/sign.h"
#include "fluxabot/store.h"

enum { FX_ANCHOR_MAX_LINE_BYTES = 8192, FX_ANCHOR_MAX_REASON = 500 };

/* What the first anchor of a file follows: as many zeros as a digest has digits. */
extern const char fx_anchor_first[];

struct fx_anchor {
    int64_t n;        /* of the row */
    const char *hash; /* of the row */
    int64_t time_ms;
    const char *key;      /* id of the key that signed */
    const char *previous; /* digest of the anchor before it, or fx_anchor_first */
    const char *reason;   /* "" but for an accepting one */
    const char *line;     /* the whole as it is written, without its newline */
    const char *digest;   /* SHA-256 of line */
};

/* ---- one anchor ---- */

/* given holds n, hash, time_ms, previous and reason. */
struct fx_anchor *fx_anchor_make(struct fx_scope *sc, const struct fx_sign_key *key,
                                 const struct fx_anchor *given);
/* The form alone: FX_ERR_INPUT when line is no anchor. */
enum fx_code fx_anchor_parse(struct fx_scope *sc, struct fx_slice line,
                             struct fx_anchor **ret_anchor, struct fx_error *err);
bool fx_anchor_is_signed_by(struct fx_scope *sc, const struct fx_anchor *anchor,
                            const struct fx_sign_key *key);

/* ---- a file of anchors; processes that append take turns by a lock on it ---- */

/* The last line that is an anchor and, if it names key, carries its signature. NULL when there is
 * no file or no such line. */
enum fx_code fx_anchor_newest(struct fx_scope *sc, const char *path, const struct fx_sign_key *key,
                              struct fx_anchor **ret_anchor, struct fx_error *err);
/* Makes the file if need be and adds an anchor that follows the newest; it is on disk when this
 * returns FX_OK. given holds n, hash, time_ms and reason. FX_ERR_CONFLICT when the newest vouches
 * for a later row, or for another hash of the same, and there is no reason. */
enum fx_code fx_anchor_append(struct fx_scope *sc, const char *path, const struct fx_sign_key *key,
                              const struct fx_anchor *given, struct fx_anchor **ret_anchor,
                              struct fx_error *err);

/* Reads anchors one after the other, in constant memory: lines of an anchor file, or log lines
 * that hold anchors ("audit.anchor") among others. */
struct fx_anchor_lines;

/* FX_ERR_NOT_FOUND when there is no such file. Lives in sc. */
enum fx_code fx_anchor_lines_open(struct fx_scope *sc, const char *path,
                                  struct fx_anchor_lines **ret_lines, struct fx_error *err);
/* NULL at the end. FX_ERR_INPUT when a line is neither; the next call goes on after it. A last line
 * without its end was never written whole and is left out. */
enum fx_code fx_anchor_lines_next(struct fx_anchor_lines *lines, struct fx_scope *sc,
                                  struct fx_anchor **ret_anchor, struct fx_error *err);
/* Of the line that was read last, from 1. */
int64_t fx_anchor_lines_number(const struct fx_anchor_lines *lines);
/* The anchor that was read last stood in a log, whose beginning may have been thrown away. */
bool fx_anchor_lines_from_log(const struct fx_anchor_lines *lines);

/* ---- against the log ---- */

enum fx_anchor_fit {
    FX_ANCHOR_FITS,
    FX_ANCHOR_AHEAD,   /* the log ends before its row */
    FX_ANCHOR_DIFFERS, /* its row has another hash, or is missing */
};
enum fx_code fx_anchor_compare(struct fx_store *store, struct fx_scope *sc,
                               const struct fx_anchor *anchor, enum fx_anchor_fit *ret_fit,
                               struct fx_error *err);
/* For people, without a full stop: what an anchor that does not fit means. last_n is the log's last
 * row, 0 for none. */
char *fx_anchor_explain(struct fx_scope *sc, const struct fx_anchor *anchor, enum fx_anchor_fit fit,
                        int64_t last_n);
