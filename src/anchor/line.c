/* line.c - one anchor as a line of JSON: made, read, checked. */
#include "fluxabot/anchor.h"

#include "fluxabot/base/digest.h"

#include <string.h>

const char fx_anchor_first[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* What is signed is the line without its signature, behind words that keep a signature for one use
 * from being good for another. */
static struct fx_slice signed_text(struct fx_scope *sc, const struct fx_json *body) {
    return fx_slice_of(
        fx_printf(sc, "fluxabot audit anchor 1\n%s", fx_json_dump_canonical(sc, body)));
}

struct fx_anchor *fx_anchor_make(struct fx_scope *sc, const struct fx_sign_key *key,
                                 const struct fx_anchor *given) {
    bool has_reason = given->reason != NULL && given->reason[0] != '\0';
    struct fx_anchor *anchor = FX_NEW(sc, struct fx_anchor);
    struct fx_json *body = fx_json_object_of(
        sc, "n", fx_json_int(sc, given->n), "hash", fx_json_string(sc, given->hash), "time",
        fx_json_string(sc, fx_time_iso_ms(sc, given->time_ms)), "key",
        fx_json_string(sc, fx_sign_key_id(key)), "previous", fx_json_string(sc, given->previous),
        "reason", has_reason ? fx_json_string(sc, given->reason) : NULL, NULL);
    const char *signature = fx_sign(sc, key, signed_text(sc, body));

    fx_json_put(body, "signature", fx_json_string(sc, signature));
    *anchor = *given;
    anchor->key = fx_strdup(sc, fx_sign_key_id(key));
    anchor->reason = has_reason ? fx_json_get_text(body, "reason") : "";
    anchor->line = fx_json_dump_canonical(sc, body);
    anchor->digest = fx_sha256_hex(sc, fx_slice_of(anchor->line));
    return anchor;
}

static bool is_hex(const char *text, size_t length) {
    return text != NULL && strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

enum fx_code fx_anchor_parse(struct fx_scope *sc, struct fx_slice line,
                             struct fx_anchor **ret_anchor, struct fx_error *err) {
    struct fx_json *body = NULL;

    if (line.len > FX_ANCHOR_MAX_LINE_BYTES)
        return fx_fail(err, FX_ERR_INPUT, "longer than an anchor can be");
    if (fx_json_parse(sc, line, &body, err) != FX_OK || fx_json_type(body) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "not an anchor");
    struct fx_anchor *anchor = FX_NEW(sc, struct fx_anchor);
    const char *reason = fx_json_get_text(body, "reason");

    *anchor = (struct fx_anchor){.n = fx_json_get_int(body, "n", 0),
                                 .hash = fx_json_get_text(body, "hash"),
                                 .key = fx_json_get_text(body, "key"),
                                 .previous = fx_json_get_text(body, "previous"),
                                 .reason = reason == NULL ? "" : reason,
                                 .line = fx_slice_dup(sc, line),
                                 .digest = fx_sha256_hex(sc, line)};
    if (anchor->n < 1 || !is_hex(anchor->hash, FX_SHA256_HEX) ||
        !is_hex(anchor->key, FX_SIGN_KEY_ID) || !is_hex(anchor->previous, FX_SHA256_HEX) ||
        !is_hex(fx_json_get_text(body, "signature"), FX_SIGNATURE_HEX) ||
        fx_time_parse(fx_json_text_slice(fx_json_at(body, "time")), &anchor->time_ms, err) != FX_OK)
        return fx_fail(err, FX_ERR_INPUT, "not an anchor");
    *ret_anchor = anchor;
    return FX_OK;
}

bool fx_anchor_is_signed_by(struct fx_scope *sc, const struct fx_anchor *anchor,
                            const struct fx_sign_key *key) {
    struct fx_json *body = NULL;
    struct fx_error ignored;

    if (fx_json_parse(sc, fx_slice_of(anchor->line), &body, &ignored) != FX_OK)
        return false;
    const char *signature = fx_strdup(sc, fx_json_get_text(body, "signature"));

    fx_json_remove(body, "signature");
    return fx_sign_verify(key, signed_text(sc, body), fx_slice_of(signature));
}
