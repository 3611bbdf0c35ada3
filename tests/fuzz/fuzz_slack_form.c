/* fuzz_slack_form.c - slash commands: any body is read or refused, and what is read has its form.
 */
#include "fluxabot/slack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void expect(bool holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_slack_command *command = NULL;
    struct fx_error err;
    struct fx_slice body = {(const char *)bytes, len};
    enum fx_code code = fx_slack_parse_command(sc, body, &command, &err);

    expect(code == FX_OK || code == FX_ERR_INPUT || code == FX_ERR_LIMIT);
    expect((command != NULL) == (code == FX_OK));
    if (code != FX_OK || command->ssl_check)
        return 0;
    expect(command->command[0] == '/');
    expect(command->user_id[0] != '\0' && command->team_id[0] != '\0');
    expect(strpbrk(command->user_id, " <>&|\n") == NULL);
    expect(strncmp(command->response_url, "http", 4) == 0);
    expect(strlen(fx_slack_escape(sc, command->text)) <= 5 * strlen(command->text));
    return 0;
}
