/* scope.h - memory and obligations that end together: a request, a job, a step.
 *
 * Whatever is parsed, read or drawn lives in a scope and is never freed alone. A scope also carries
 * the deadline, the cancel flag, the log sink and the log id of its work. A scope belongs to one
 * thread at a time; only fx_scope_cancel may be called from another. Out of memory aborts, here and
 * nowhere else: a leased job survives a crash, untested recovery code does not.
 */
#pragma once

#include "fluxabot/base/error.h"
#include "fluxabot/base/slice.h"

#include <stdarg.h>

struct fx_log;
struct fx_scope;

enum { FX_SCOPE_LOG_ID_MAX = 40 };

/* parent may be NULL; a child inherits deadline, log sink and log id, and is cancelled with it.
 * The child must end before its parent. Free it with fx_scope_free. */
struct fx_scope *fx_scope_new(struct fx_scope *parent);
/* The same, for one small thing that lives long: it begins with room for so many bytes, where
 * another scope takes a block that is meant to be filled and soon given back. */
struct fx_scope *fx_scope_new_small(struct fx_scope *parent, size_t bytes);
/* Runs the deferred releases, newest first, then gives back the memory. Accepts NULL. */
void fx_scope_free(struct fx_scope *sc);
void fx_scope_free_p(struct fx_scope **sc);

/* Zeroed memory that lives as long as sc. */
void *fx_alloc(struct fx_scope *sc, size_t bytes);
#define FX_NEW(sc, type) ((type *)fx_alloc((sc), sizeof(type)))
char *fx_strdup(struct fx_scope *sc, const char *text);     /* NULL gives NULL */
char *fx_slice_dup(struct fx_scope *sc, struct fx_slice s); /* terminated */
char *fx_printf(struct fx_scope *sc, const char *fmt, ...) FX_PRINTF(2, 3);
char *fx_vprintf(struct fx_scope *sc, const char *fmt, va_list args) FX_PRINTF(2, 0);

/* release(thing) runs when sc ends. */
void fx_defer(struct fx_scope *sc, void (*release)(void *thing), void *thing);

/* Deadlines are monotonic milliseconds (clock.h); 0 means none. A child cannot outlive a parent's.
 */
void fx_scope_set_deadline(struct fx_scope *sc, int64_t deadline_mono_ms);
int64_t fx_scope_deadline(const struct fx_scope *sc);
/* Milliseconds left before the deadline, at most cap_ms, at least 0. */
int64_t fx_scope_time_left(const struct fx_scope *sc, int64_t now_mono_ms, int64_t cap_ms);

/* A promise was made that holds for a moment only: after this nothing that changes the world may
 * leave in its name, however long the process stood still (monotonic; 0: no such promise). A child
 * made meanwhile inherits it. */
void fx_scope_set_send_before(struct fx_scope *sc, int64_t mono_ms);
int64_t fx_scope_send_before(const struct fx_scope *sc);

/* From any thread: the work is asked to stop at its next fx_scope_check. */
void fx_scope_cancel(struct fx_scope *sc);
/* FX_OK, FX_ERR_CANCELED or FX_ERR_TIMEOUT. */
enum fx_code fx_scope_check(const struct fx_scope *sc, int64_t now_mono_ms, struct fx_error *err);

void fx_scope_set_log(struct fx_scope *sc, struct fx_log *log);
struct fx_log *fx_scope_log(const struct fx_scope *sc);
/* The run id, job id or request id that stands in every log line of this scope. Cut at the limit.
 */
void fx_scope_set_log_id(struct fx_scope *sc, const char *id);
const char *fx_scope_log_id(const struct fx_scope *sc);
