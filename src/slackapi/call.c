/* call.c - one call of a Web API method. */
#include "private.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/digest.h"

#include <string.h>

enum { MAX_FORM_BYTES = 1 << 20 };

/* Slack takes JSON bodies only where something is written; methods that read want a form. */
static bool takes_json(const char *method) {
    static const char *const families[] = {"chat.", "views.", "reactions.", "files.complete"};

    for (size_t i = 0; i < FX_COUNT_OF(families); i++)
        if (strncmp(method, families[i], strlen(families[i])) == 0)
            return true;
    return false;
}

static const char *write_form(struct fx_scope *sc, const struct fx_json *payload) {
    struct fx_buf form;
    void *cursor = NULL;
    const char *key = NULL;
    struct fx_json *value = NULL;

    fx_buf_init(&form, sc, MAX_FORM_BYTES);
    while (fx_json_next(payload, &cursor, &key, &value)) {
        const char *text = fx_json_text(value);

        if (text == NULL)
            text = fx_json_dump(sc, value);
        fx_buf_addf(&form, "%s%s=%s", form.len > 0 ? "&" : "",
                    fx_url_encode(sc, fx_slice_of(key), false),
                    fx_url_encode(sc, fx_slice_of(text), false));
    }
    return form.full ? NULL : fx_buf_text(&form);
}

static bool is_method(const char *method) {
    return method[0] != '\0' &&
           method[strspn(method, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.")] == '\0';
}

static enum fx_code read_answer(struct fx_scope *sc, const char *method,
                                const struct fx_http_reply *reply, struct fx_json **ret_answer,
                                struct fx_error *err) {
    struct fx_json *answer = NULL;

    FX_TRY(slackapi_check_status(method, reply, err));
    if (fx_json_parse(sc, reply->body, &answer, err) != FX_OK ||
        fx_json_type(fx_json_at(answer, "ok")) != FX_JSON_BOOL) {
        (void)fx_fail(err, FX_ERR_UPSTREAM,
                      "%s: the answer is not Slack's: check the address and any proxy before it",
                      method);
        err->sent = true;
        return err->code;
    }
    if (!fx_json_get_bool(answer, "ok", false))
        return slackapi_refuse(sc, method, answer, reply, err);
    *ret_answer = answer;
    return FX_OK;
}

static enum fx_code send(struct fx_slackapi *api, struct fx_scope *sc, const char *method,
                         const char *content_type, struct fx_slice body,
                         struct fx_json **ret_answer, struct fx_error *err) {
    struct fx_http_reply *reply = NULL;
    const struct fx_http_header headers[] = {
        {"Authorization", api->authorization},
        {"Content-Type", content_type},
    };
    const struct fx_http_request request = {
        .method = "POST",
        .url = fx_printf(sc, "%s/%s", api->api_url, method),
        .headers = headers,
        .headers_count = FX_COUNT_OF(headers),
        .body = body,
        .reach = FX_HTTP_ANY,
        .max_reply_bytes = SLACKAPI_MAX_REPLY_BYTES,
    };

    if (fx_http_exchange(api->http, sc, &request, &reply, err) != FX_OK)
        return fx_fail_in(err, "%s", method);
    return read_answer(sc, method, reply, ret_answer, err);
}

enum fx_code slackapi_call_dumped(struct fx_slackapi *api, struct fx_scope *sc, const char *method,
                                  struct fx_slice body, struct fx_json **ret_answer,
                                  struct fx_error *err) {
    return send(api, sc, method, "application/json; charset=utf-8", body, ret_answer, err);
}

enum fx_code fx_slackapi_call(struct fx_slackapi *api, struct fx_scope *sc, const char *method,
                              const struct fx_json *payload, struct fx_json **ret_answer,
                              struct fx_error *err) {
    if (!is_method(method))
        return fx_fail(err, FX_ERR_INPUT, "that is not the name of a Slack method");
    if (takes_json(method))
        return slackapi_call_dumped(api, sc, method, fx_slice_of(fx_json_dump(sc, payload)),
                                    ret_answer, err);
    const char *form = write_form(sc, payload);

    if (form == NULL)
        return fx_fail(err, FX_ERR_LIMIT, "%s: the arguments have more than %d bytes", method,
                       (int)MAX_FORM_BYTES);
    return send(api, sc, method, "application/x-www-form-urlencoded", fx_slice_of(form), ret_answer,
                err);
}
