/* postgres_proxy.h - stands between a store and its PostgreSQL, and loses the n-th request or the
 * answer to it, with the connection; or says nothing for a while.
 *
 * A request is what libpq sends before it waits: one statement, one pipeline. Those that set up a
 * connection count too. As in fault_store.h, a loop over n = 1, 2, ... meets every place.
 */
#pragma once

#include "support/fault_store.h"

struct postgres_proxy;

/* server_directory holds the server's socket; the proxy's is in a folder there. */
struct postgres_proxy *postgres_proxy_start(const char *server_directory);
void postgres_proxy_stop(struct postgres_proxy *proxy);
/* To the same database as the same role, through the proxy. */
const char *postgres_proxy_url(const struct postgres_proxy *proxy);

/* The n-th request from now (1 is the next) is lost (FAULT_BEFORE), or only its answer. */
void postgres_proxy_arm(struct postgres_proxy *proxy, int64_t n, enum fault_when when);
bool postgres_proxy_fired(const struct postgres_proxy *proxy);
/* That somebody tried to make, so far. */
int64_t postgres_proxy_connections(const struct postgres_proxy *proxy);
/* While it is silent nothing goes through, and no connection ends. */
void postgres_proxy_silence(struct postgres_proxy *proxy, bool silent);
