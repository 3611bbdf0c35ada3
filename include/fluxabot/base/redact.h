/* redact.h - the one filter before Slack, log and audit.
 *
 * Recognises credentials by their form (AWS key ids and the secrets beside them, Slack tokens and
 * hook addresses, JWTs, PEM blocks, Bearer and Basic values, passwords in URLs and DSNs, PagerDuty
 * keys) and puts "[redacted]" in their place. Not even a secret's size is kept.
 */
#pragma once

#include "fluxabot/base/json.h"

/* text itself when nothing had to go. */
const char *fx_redact(struct fx_scope *sc, const char *text);
struct fx_slice fx_redact_slice(struct fx_scope *sc, struct fx_slice text);
/* A copy with every string value redacted; keys stay. */
struct fx_json *fx_redact_json(struct fx_scope *sc, const struct fx_json *json);
