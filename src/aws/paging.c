/* paging.c - reads an answer page by page, within limits. */
#include "private.h"

#include <string.h>

struct reading {
    struct fx_scope *sc;
    const struct aws_operation *operation;
    size_t max_items, max_pages;
    struct fx_json *params; /* a copy of the caller's, with the newest token */
    struct fx_json *tokens; /* all that were seen, as text */
    struct fx_json *answer;
    struct fx_aws_pages pages;
};

/* The next of the names with commas between; false at the end. */
static bool next_name(struct fx_scope *sc, struct fx_slice *rest, const char **ret_name) {
    struct fx_slice name;

    if (rest->len == 0)
        return false;
    fx_slice_split(*rest, ',', &name, rest);
    *ret_name = fx_slice_dup(sc, name);
    return true;
}

/* Moves the tokens of an answer into the parameters. False when it was the last page. */
static bool take_tokens(struct reading *r, const struct fx_json *answer) {
    struct fx_slice ins = fx_slice_of(r->operation->page_in);
    struct fx_slice outs = fx_slice_of(r->operation->page_out);
    struct fx_json *seen = fx_json_array(r->sc);
    const char *in = NULL, *out = NULL;

    while (next_name(r->sc, &ins, &in) && next_name(r->sc, &outs, &out)) {
        struct fx_json *token = fx_json_at_path(answer, out);
        const char *text = fx_json_text(token);
        bool empty = token == NULL || fx_json_type(token) == FX_JSON_NULL ||
                     (text != NULL && text[0] == '\0');
        fx_json_remove(r->params, in);
        if (!empty) {
            fx_json_put(r->params, in, token);
            fx_json_add(seen, token);
        }
    }
    const char *more = r->operation->page_more;
    if (fx_json_count(seen) == 0 || (more != NULL && !fx_json_get_bool(answer, more, true)))
        return false;
    const char *key = fx_json_dump(r->sc, seen);
    if (fx_json_at(r->tokens, key) != NULL)
        r->pages.stopped = "AWS gave the same page token twice";
    fx_json_put(r->tokens, key, fx_json_bool(r->sc, true));
    return true;
}

/* Adds the items of a page to those of the first one. */
static void grow(struct reading *r, const struct fx_json *page) {
    struct fx_slice names = fx_slice_of(r->operation->page_items);
    const char *name = NULL;

    while (next_name(r->sc, &names, &name)) {
        const struct fx_json *items = fx_json_at_path(page, name);
        struct fx_json *all = fx_json_at_path(r->answer, name);
        if (fx_json_type(items) != FX_JSON_ARRAY)
            continue;
        r->pages.items += fx_json_count(items);
        if (page == r->answer)
            continue;
        if (all == NULL) /* the first page left it out: it was empty */
            fx_json_put(r->answer, name, fx_json_copy(r->sc, items));
        for (size_t i = 0; all != NULL && i < fx_json_count(items); i++)
            fx_json_add(all, fx_json_item(items, i));
    }
}

/* The tokens of the newest page; without one the reading is complete. */
static void put_tokens(struct reading *r, const struct fx_json *page, bool more) {
    struct fx_slice outs = fx_slice_of(r->operation->page_out);
    const char *out = NULL;

    while (next_name(r->sc, &outs, &out)) {
        struct fx_json *token = fx_json_at_path(page, out);
        if (!more || token == NULL)
            fx_json_remove(r->answer, out);
        else
            fx_json_put(r->answer, out, token);
    }
    if (r->operation->page_more != NULL)
        fx_json_put(r->answer, r->operation->page_more, fx_json_bool(r->sc, more));
}

static const char *limit_reached(const struct reading *r) {
    if (r->pages.items >= r->max_items)
        return fx_printf(r->sc, "there is more than the %zu items that were read", r->pages.items);
    if (r->pages.pages >= r->max_pages)
        return fx_printf(r->sc, "there is more than the %zu pages that were read", r->pages.pages);
    return NULL;
}

static enum fx_code read_pages(struct reading *r, struct fx_aws *aws,
                               const struct fx_aws_call *call, struct fx_error *err) {
    struct fx_aws_call next = *call;
    struct fx_json *page = NULL;
    bool more = true;

    next.params = r->params;
    while (more && r->pages.stopped == NULL) {
        FX_TRY(fx_aws_call(aws, r->sc, &next, &page, err));
        if (r->answer == NULL)
            r->answer = page;
        r->pages.pages++;
        grow(r, page);
        more = take_tokens(r, page);
        if (more && r->pages.stopped == NULL)
            r->pages.stopped = limit_reached(r);
    }
    put_tokens(r, page, more);
    return FX_OK;
}

static size_t limit(size_t given, size_t usual) {
    return given != 0 ? given : usual;
}

enum fx_code fx_aws_call_pages(struct fx_aws *aws, struct fx_scope *sc,
                               const struct fx_aws_call *call, const struct fx_aws_paging *paging,
                               struct fx_json **ret_answer, struct fx_aws_pages *ret_pages,
                               struct fx_error *err) {
    const struct aws_operation *operation = aws_operation_find(call->service, call->operation);
    struct reading reading = {
        .sc = sc,
        .operation = operation,
        .max_items = limit(paging != NULL ? paging->max_items : 0, FX_AWS_MAX_ITEMS),
        .max_pages = limit(paging != NULL ? paging->max_pages : 0, FX_AWS_MAX_PAGES),
        .tokens = fx_json_object(sc),
    };

    if (operation != NULL && fx_effect_changes(operation->effect))
        return fx_fail(err, FX_ERR_INPUT, "%s:%s changes something, so it is not read in pages",
                       call->service, call->operation);
    if (operation == NULL || operation->page_in == NULL) {
        FX_TRY(fx_aws_call(aws, sc, call, ret_answer, err));
        *ret_pages = (struct fx_aws_pages){.pages = 1};
        return FX_OK;
    }
    reading.params = call->params != NULL ? fx_json_copy(sc, call->params) : fx_json_object(sc);
    FX_TRY(read_pages(&reading, aws, call, err));
    *ret_answer = reading.answer;
    *ret_pages = reading.pages;
    return FX_OK;
}
