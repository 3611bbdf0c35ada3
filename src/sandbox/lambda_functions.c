/* lambda_functions.c - what there is of a function: its versions, aliases and revisions. */
#include "lambda.h"

#include <string.h>

enum { ID_LEN = 32 };

/* Not from the world's chance: it belongs to the messages. */
const char *lambda_id(struct sandbox_aws *aws, const char *kind) {
    struct fx_scope *sc = aws->world;
    const char *hex = fx_sha256_hex(
        sc, fx_slice_of(fx_printf(sc, "%s/%lld", kind, (long long)++aws->lambda->serial)));

    return fx_printf(sc, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

const char *lambda_revision(struct sandbox_aws *aws) {
    return lambda_id(aws, "revision");
}

struct lambda_function *lambda_find(struct sandbox_aws *aws, struct fx_slice name) {
    for (struct lambda_function *f = aws->lambda->functions; f != NULL; f = f->next)
        if (fx_slice_equal_text(name, f->name))
            return f;
    return NULL;
}

static struct fx_json *fresh_settings(struct fx_scope *sc, const char *name) {
    return fx_json_object_of(
        sc, "Runtime", fx_json_string(sc, "nodejs20.x"), "Role",
        fx_json_stringf(sc, "arn:aws:iam::" AWS_ACCOUNT ":role/%s", name), "Handler",
        fx_json_string(sc, "index.handler"), "CodeSize", fx_json_int(sc, 1482733), "Description",
        fx_json_string(sc, ""), "Timeout", fx_json_int(sc, 3), "MemorySize", fx_json_int(sc, 256),
        "TracingConfig", fx_json_object_of(sc, "Mode", fx_json_string(sc, "PassThrough"), NULL),
        "PackageType", fx_json_string(sc, "Zip"), "Architectures",
        fx_json_array_of(sc, fx_json_string(sc, "arm64"), NULL), "EphemeralStorage",
        fx_json_object_of(sc, "Size", fx_json_int(sc, 512), NULL), "SnapStart",
        fx_json_object_of(sc, "ApplyOn", fx_json_string(sc, "None"), "OptimizationStatus",
                          fx_json_string(sc, "Off"), NULL),
        "State", fx_json_string(sc, "Active"), NULL);
}

static const char *code_hash(struct sandbox_aws *aws, const char *name) {
    struct fx_scope *sc = aws->world;

    return fx_base64(
        sc,
        fx_slice_cut(fx_slice_of(fx_sha256_hex(sc, fx_slice_of(lambda_id(aws, name)))), 0, ID_LEN));
}

struct lambda_function *lambda_function_new(struct sandbox_aws *aws, const char *name) {
    struct fx_scope *sc = aws->world;
    struct lambda_function *function = FX_NEW(sc, struct lambda_function);
    struct lambda_version *latest = FX_NEW(sc, struct lambda_version);

    if (aws->lambda->functions_count >= LAMBDA_MAX_FUNCTIONS)
        return NULL;
    function->name = fx_strdup(sc, name);
    function->arn =
        fx_printf(sc, "arn:aws:lambda:" AWS_REGION ":" AWS_ACCOUNT ":function:%s", name);
    function->versions = latest;
    function->reserved = LAMBDA_NO_RESERVATION;
    function->update_status = "Successful";
    latest->number = "$LATEST";
    latest->settings = fresh_settings(sc, name);
    latest->sha256 = code_hash(aws, name);
    latest->revision = lambda_revision(aws);
    latest->modified_ms = fx_wall_ms(aws->sb->clock);
    function->next = aws->lambda->functions;
    aws->lambda->functions = function;
    aws->lambda->functions_count++;
    return function;
}

struct lambda_version *lambda_version_find(const struct lambda_function *function,
                                           struct fx_slice number) {
    for (struct lambda_version *v = function->versions; v != NULL; v = v->next)
        if (fx_slice_equal_text(number, v->number))
            return v;
    return NULL;
}

struct lambda_alias *lambda_alias_find(const struct lambda_function *function,
                                       struct fx_slice name) {
    for (struct lambda_alias *alias = function->aliases; alias != NULL; alias = alias->next)
        if (fx_slice_equal_text(name, alias->name))
            return alias;
    return NULL;
}

struct lambda_version *lambda_publish(struct sandbox_aws *aws, struct lambda_function *function,
                                      const char *number, int64_t modified_ms) {
    struct fx_scope *sc = aws->world;
    const struct lambda_version *latest = function->versions;
    struct lambda_version *version = FX_NEW(sc, struct lambda_version), *last = function->versions;
    size_t count = 1;

    for (; last->next != NULL; last = last->next)
        count++;
    if (count >= LAMBDA_MAX_VERSIONS)
        return NULL;
    version->number = fx_strdup(sc, number);
    version->settings = fx_json_copy(sc, latest->settings);
    version->sha256 = code_hash(aws, number);
    version->revision = lambda_revision(aws);
    version->modified_ms = modified_ms;
    last->next = version;
    return version;
}

/* Its end is a new revision, too: who holds the one from before the end is refused. */
void lambda_settle(struct sandbox_aws *aws, struct lambda_function *function) {
    if (!function->updating || fx_mono_ms(aws->sb->clock) < function->updated_mono_ms)
        return;
    function->updating = false;
    function->update_reason = function->update_failure;
    function->update_status = function->update_failure != NULL ? "Failed" : "Successful";
    function->versions->revision = lambda_revision(aws);
}

int64_t lambda_provisioned_total(const struct lambda_function *function) {
    int64_t total = 0;

    for (struct lambda_provisioned *p = function->provisioned; p != NULL; p = p->next)
        total += p->requested;
    return total;
}

/* Provisioned concurrency without a reservation comes out of the account's as well. */
int64_t lambda_reserved(const struct sandbox_aws *aws) {
    int64_t total = 0;

    for (const struct lambda_function *f = aws->lambda->functions; f != NULL; f = f->next)
        total += f->reserved != LAMBDA_NO_RESERVATION ? f->reserved : lambda_provisioned_total(f);
    return total;
}

struct lambda_provisioned *lambda_provisioned_find(const struct lambda_function *function,
                                                   const char *qualifier) {
    for (struct lambda_provisioned *p = function->provisioned; p != NULL; p = p->next)
        if (strcmp(p->qualifier, qualifier) == 0)
            return p;
    return NULL;
}
