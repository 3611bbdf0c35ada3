/* fuzz_slack_payload.c - interactions, given as the payload's JSON: read or refused, and drawable.
 */
#include "fluxabot/base/digest.h"
#include "fluxabot/slack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void expect(bool holds) {
    if (!holds)
        abort();
}

/* Whatever a person typed may be shown again. */
static void draw(struct fx_scope *sc, const struct fx_slack_interaction *given) {
    struct fx_json *message = NULL;
    struct fx_error err;
    struct fx_json *card = fx_json_object_of(
        sc, "title", fx_json_string(sc, given->callback_id), "verdict",
        fx_json_string(sc, given->value), "code", fx_json_string(sc, given->private_metadata),
        "lines", fx_json_array_of(sc, fx_json_slice(sc, fx_slack_dialog_answer(given)), NULL),
        NULL);

    expect(fx_slack_draw(sc, card, &message, &err) == FX_OK);
    expect(fx_slack_check_message(message, &err) == FX_OK);
    expect(strchr(fx_json_dump(sc, message), '<') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_slack_interaction *given = NULL;
    struct fx_error err;
    const char *encoded = fx_url_encode(sc, (struct fx_slice){(const char *)bytes, len}, false);
    const char *body = fx_printf(sc, "payload=%s", encoded);
    enum fx_code code = fx_slack_parse_interaction(sc, fx_slice_of(body), &given, &err);

    expect(code == FX_OK || code == FX_ERR_INPUT || code == FX_ERR_LIMIT);
    expect((given != NULL) == (code == FX_OK));
    if (code != FX_OK)
        return 0;
    expect(given->user_id[0] != '\0' && given->type[0] != '\0');
    draw(sc, given);
    return 0;
}
