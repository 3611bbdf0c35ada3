/* errors.c - what the first word of an error reply means. The rest of it is the server's own text,
 * which may repeat what we sent, and is passed on to nobody. */
#include "private.h"

#include <stdio.h>

static const struct {
    const char *word, *meaning;
} words[] = {
    {"ERR", "cannot do what it was asked"},
    {"WRONGTYPE", "keeps something of another type under this key"},
    {"NOAUTH", "wants a password"},
    {"WRONGPASS", "refuses the user or the password"},
    {"NOPERM", "does not let this user do what it was asked"},
    {"DENIED", "is in protected mode: give it a password"},
    {"READONLY", "is a replica, which takes no writes"},
    {"MASTERDOWN", "is a replica that has lost its primary"},
    {"NOREPLICAS", "has too few replicas to take writes"},
    {"LOADING", "is still loading its data"},
    {"BUSY", "is busy with a script"},
    {"OOM", "is out of memory"},
    {"MISCONF", "cannot save its data and takes no writes"},
    {"CLUSTERDOWN", "is a node of a cluster that is down"},
    {"MOVED", "is a node of a cluster: name a server that holds all keys"},
};

enum fx_code redis_fail_with_word(struct fx_slice reply, const char *name, struct fx_error *err) {
    struct fx_slice word, rest;

    fx_slice_split(reply, ' ', &word, &rest);
    for (size_t i = 0; i < FX_COUNT_OF(words); i++) {
        if (!fx_slice_equal_text(word, words[i].word))
            continue;
        enum fx_code code = fx_fail(err, FX_ERR_UPSTREAM, "Redis at %s %s", name, words[i].meaning);

        snprintf(err->upstream, sizeof err->upstream, "%s", words[i].word);
        return code;
    }
    return fx_fail(err, FX_ERR_UPSTREAM, "Redis at %s answers with an unknown error", name);
}
