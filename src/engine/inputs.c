/* inputs.c - what a plan was made from besides its own text, and how two of these differ. It is
 * kept with the request, so that whoever is refused reads what has changed. */
#include "private.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/redact.h"

#include <string.h>

enum { SHOWN_DIFFERENCES = 3, SHOWN_BYTES = 120, MAX_TEXT = 2000 };

/* A queue's address stands in the configuration, and the step reads it there when it runs. */
struct fx_json *engine_inputs(const struct engine_run *run) {
    const struct fx_environment *environment = run->environment;
    struct fx_scope *sc = run->work->sc;
    struct fx_json *arguments = NULL;
    struct fx_error ignored;

    if (fx_json_parse(sc, fx_slice_of(run->row->arguments_json), &arguments, &ignored) != FX_OK)
        arguments = fx_json_string(sc, run->row->arguments_json);
    struct fx_json *aws =
        fx_json_object_of(sc, "by_itself", fx_json_string(sc, run->work->engine->options.aws_place),
                          "role_arn", fx_json_string(sc, environment->role_arn), "region",
                          fx_json_string(sc, environment->region), NULL);

    return fx_json_object_of(
        sc, "system", run->filled, "arguments", arguments, "aws", aws, "databases",
        environment->places == NULL ? NULL : fx_json_copy(sc, environment->places), NULL);
}

/* ---- how they differ ---- */

struct telling {
    struct fx_scope *sc;
    struct fx_buf text;
    size_t count;
};

static const char *shown(struct fx_scope *sc, const struct fx_json *value) {
    if (value == NULL || fx_json_type(value) == FX_JSON_NULL)
        return "nothing";
    struct fx_slice text = fx_slice_of(fx_redact(sc, fx_json_dump(sc, value)));

    return fx_printf(
        sc, "%s%s",
        fx_slice_dup(sc, fx_slice_cut(text, 0, fx_slice_utf8_prefix(text, SHOWN_BYTES))),
        text.len > SHOWN_BYTES ? "…" : "");
}

static void tell(struct telling *telling, const char *path, const struct fx_json *was,
                 const struct fx_json *is) {
    if (telling->count++ >= SHOWN_DIFFERENCES)
        return;
    if (telling->text.len > 0)
        fx_buf_add_text(&telling->text, ", ");
    fx_buf_add_text(&telling->text, fx_printf(telling->sc, "%s was %s and is %s", path,
                                              shown(telling->sc, was), shown(telling->sc, is)));
}

static void compare(struct telling *telling, const char *path, const struct fx_json *was,
                    const struct fx_json *is);

/* Members of one; those that both have are looked at only once. */
static void compare_members(struct telling *telling, const char *path, const struct fx_json *of,
                            const struct fx_json *was, const struct fx_json *is) {
    struct fx_json *value = NULL;
    const char *name = NULL;
    void *cursor = NULL;

    while (fx_json_next(of, &cursor, &name, &value))
        if (of == was || fx_json_at(was, name) == NULL)
            compare(telling, path[0] == '\0' ? name : fx_printf(telling->sc, "%s.%s", path, name),
                    fx_json_at(was, name), fx_json_at(is, name));
}

static void compare(struct telling *telling, const char *path, const struct fx_json *was,
                    const struct fx_json *is) {
    if (fx_json_equal(was, is))
        return;
    if (fx_json_type(was) != FX_JSON_OBJECT || fx_json_type(is) != FX_JSON_OBJECT) {
        tell(telling, path, was, is);
        return;
    }
    compare_members(telling, path, was, was, is);
    compare_members(telling, path, is, was, is);
}

const char *engine_difference(struct fx_scope *sc, const struct fx_json *was,
                              const struct fx_json *is) {
    struct telling telling = {.sc = sc};

    fx_buf_init(&telling.text, sc, MAX_TEXT);
    if (fx_json_type(was) == FX_JSON_OBJECT)
        compare(&telling, "", was, is);
    else if (!fx_json_equal(was, is))
        fx_buf_add_text(&telling.text, "what it was planned with is not known");
    if (telling.count > SHOWN_DIFFERENCES)
        fx_buf_add_text(&telling.text,
                        fx_printf(sc, ", and %zu more", telling.count - SHOWN_DIFFERENCES));
    return telling.text.len == 0 ? NULL : fx_buf_text(&telling.text);
}
