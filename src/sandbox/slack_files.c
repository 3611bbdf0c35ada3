/* slack_files.c - the three steps of an upload, and the file behind a slack_file image. */
#include "slack_private.h"

#include <stdio.h>
#include <string.h>

static struct slack_upload *upload_at(struct sandbox *sb, const char *id) {
    for (size_t i = 0; id && i < SLACK_UPLOADS_MAX; i++)
        if (sb->slack->uploads[i].id[0] && strcmp(sb->slack->uploads[i].id, id) == 0)
            return &sb->slack->uploads[i];
    return NULL;
}

static const char *type_of(const char *name) {
    const char *dot = strrchr(name, '.');

    if (dot && strcasecmp(dot, ".png") == 0)
        return "image/png";
    if (dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0))
        return "image/jpeg";
    if (dot && strcasecmp(dot, ".gif") == 0)
        return "image/gif";
    if (dot && strcasecmp(dot, ".csv") == 0)
        return "text/csv; charset=utf-8";
    return "text/plain; charset=utf-8";
}

const char *slack_files_get_url(struct slack_call *call) {
    struct sandbox_slack *slack = call->sb->slack;
    const char *name = slack_arg(call, "filename"), *alt = slack_arg(call, "alt_txt");
    const struct fx_json *given = fx_json_at(call->args, "length");
    int64_t length = fx_json_to_int(given, 0);

    if (fx_json_text(given) && !fx_slice_to_int(fx_json_text_slice(given), &length))
        return "invalid_arguments";
    if (!name || length <= 0)
        return "missing_argument";
    if (length > SLACK_UPLOAD_BYTES_MAX)
        return "file_upload_size_restricted";
    if (alt && strlen(alt) > SLACK_ALT_TEXT_MAX)
        return "alt_txt_too_large";
    struct slack_upload *upload = &slack->uploads[slack->next_upload++ % SLACK_UPLOADS_MAX];
    fx_scope_free(upload->sc);
    *upload = (struct slack_upload){.sc = fx_scope_new(NULL), .length = length};
    /* counted, because a reset world draws the same random numbers again */
    slack_new_id(call->sb, fx_printf(call->sc, "F%03zX", slack->next_upload % 0x1000), upload->id,
                 12);
    upload->name = fx_strdup(upload->sc, name);
    upload->alt_text = fx_strdup(upload->sc, alt ? alt : "");
    upload->content_type = type_of(name);
    fx_json_put(call->answer, "file_id", fx_json_string(call->sc, upload->id));
    fx_json_put(call->answer, "upload_url",
                fx_json_stringf(call->sc, "http://127.0.0.1:%u/slack/upload/%s",
                                (unsigned)call->sb->options.page_port, upload->id));
    return NULL;
}

/* The bytes come alone or as the first part of a form, as Slack's own client sends them. */
static struct fx_slice uploaded_bytes(struct sandbox_request *req) {
    const char *type = sandbox_header(req, "content-type");
    const char *boundary = type ? strstr(type, "boundary=") : NULL;
    struct fx_slice body = req->body;

    if (!boundary || strncasecmp(type, "multipart/", 10) != 0)
        return body;
    boundary += strlen("boundary=");
    const size_t n = strcspn(boundary, ";\"");
    const char *end = fx_printf(req->sc, "\r\n--%.*s", (int)n, boundary);
    const char *start = memmem(body.ptr, body.len, "\r\n\r\n", 4);
    if (!start)
        return body;
    body = fx_slice_cut(body, (size_t)(start - body.ptr) + 4, body.len);
    const char *stop = memmem(body.ptr, body.len, end, strlen(end));
    return stop ? fx_slice_cut(body, 0, (size_t)(stop - body.ptr)) : body;
}

/* The address behind POST /slack/upload/ID; as fault target it is "slack:upload". */
static void take_bytes(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct slack_upload *upload = upload_at(req->sb, req->path + strlen("/slack/upload/"));

    if (!upload || upload->bytes.len > 0) {
        sandbox_reply_text(reply, 404, "text/plain", "no such upload");
        return;
    }
    const struct fx_slice bytes = uploaded_bytes(req);
    if ((int64_t)bytes.len != upload->length) {
        sandbox_reply_text(reply, 400, "text/plain", "the length is not the announced one");
        return;
    }
    upload->bytes = (struct fx_slice){fx_slice_dup(upload->sc, bytes), bytes.len};
    sandbox_reply_text(reply, 200, "text/plain", "OK");
}

void sandbox_slack_upload(struct sandbox_request *req, struct sandbox_reply *reply) {
    enum sandbox_fault fault = sandbox_fault_take(req->sb, "slack", "upload", req->body);

    sandbox_fault_wait(req->sb, fault, "slack", "upload");
    reply->hang_up = fault == SANDBOX_FAULT_TIMEOUT_BEFORE || fault == SANDBOX_FAULT_TIMEOUT_AFTER;
    if (fault == SANDBOX_FAULT_TIMEOUT_BEFORE)
        return;
    if (fault == SANDBOX_FAULT_THROTTLE) {
        sandbox_reply_text(reply, 429, "text/plain", "slow down");
        sandbox_reply_header(reply, "Retry-After", "1");
        return;
    }
    take_bytes(req, reply);
    if (fault == SANDBOX_FAULT_ERROR || fault == SANDBOX_FAULT_ERROR_AFTER)
        sandbox_reply_text(reply, 500, "text/plain", "an internal error");
    if (fault == SANDBOX_FAULT_DENIED)
        sandbox_reply_text(reply, 403, "text/plain", "the address may not be used");
}

/* Shares an uploaded file as a message whose image the page shows. */
static void share(struct slack_call *call, const struct slack_upload *upload,
                  const struct slack_channel *channel, const char *title) {
    struct fx_scope *sc = call->sc;
    struct fx_json *file = fx_json_object_of(
        sc, "id", fx_json_string(sc, upload->id), "name", fx_json_string(sc, upload->name), "title",
        fx_json_string(sc, title ? title : upload->name), "mimetype",
        fx_json_string(sc, upload->content_type), "alt_txt", fx_json_string(sc, upload->alt_text),
        "size", fx_json_int(sc, upload->length), NULL);
    const char *comment = slack_arg(call, "initial_comment");
    const struct slack_draft draft = {
        .channel = channel->id,
        .thread_ts = slack_arg(call, "thread_ts"),
        .user = SLACK_BOT_USER,
        .content = fx_json_object_of(sc, "text", fx_json_string(sc, comment ? comment : ""),
                                     "files", fx_json_array_of(sc, file, NULL), NULL)};

    slack_add(call->sb, &draft);
}

const char *slack_files_complete(struct slack_call *call) {
    bool broken;
    const struct fx_json *files = slack_json_argument(call->sc, call->args, "files", &broken);
    const char *to = slack_arg(call, "channel_id");
    const struct slack_channel *channel = slack_channel_at(call->sb, to);
    struct fx_json *done = fx_json_array(call->sc);

    if (broken || fx_json_count(files) == 0)
        return "invalid_arguments";
    if (to && !channel)
        return "channel_not_found";
    if (channel && channel->is_archived)
        return "is_archived";
    if (channel && !channel->is_member)
        return "not_in_channel";
    for (size_t i = 0; i < fx_json_count(files); i++) {
        const struct fx_json *file = fx_json_item(files, i);
        struct slack_upload *upload = upload_at(call->sb, fx_json_get_text(file, "id"));
        if (!upload || upload->bytes.len == 0 || upload->complete)
            return "file_not_found";
        const char *title = fx_json_get_text(file, "title");
        upload->complete = true;
        if (channel)
            share(call, upload, channel, title);
        fx_json_add(
            done, fx_json_object_of(call->sc, "id", fx_json_string(call->sc, upload->id), "title",
                                    fx_json_string(call->sc, title ? title : upload->name), NULL));
    }
    fx_json_put(call->answer, "files", done);
    return NULL;
}

void sandbox_slack_file(struct sandbox_request *req, struct sandbox_reply *reply) {
    const struct slack_upload *upload = upload_at(req->sb, req->path + strlen("/slack/files/"));

    if (!upload || !upload->complete) {
        sandbox_reply_text(reply, 404, "text/plain", "no such file");
        return;
    }
    reply->status = 200;
    reply->content_type = upload->content_type;
    reply->body = (struct fx_slice){fx_slice_dup(req->sc, upload->bytes), upload->bytes.len};
    sandbox_reply_header(reply, "X-Content-Type-Options", "nosniff");
}
