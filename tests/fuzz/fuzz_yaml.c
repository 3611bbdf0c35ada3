/* fuzz_yaml.c - any bytes are read or refused with a line, within the limits. */
#include "fluxabot/yaml.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_slice text = {(const char *)bytes, len};
    struct fx_error err = {0};
    struct fx_yaml *yaml = NULL;

    if (fx_yaml_parse(sc, "f", text, &yaml, &err) != FX_OK) {
        assert(strncmp(err.message, "f:", 2) == 0 && err.message[2] >= '1' &&
               err.message[2] <= '9');
        return 0;
    }
    assert(fx_json_dump(sc, fx_yaml_root(yaml)));
    assert(fx_yaml_line(yaml, "a.0.b") >= 1);
    return 0;
}
