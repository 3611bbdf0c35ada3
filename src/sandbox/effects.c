/* effects.c - the append-only record of every changing call that reached a service. */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EFFECTS_MAX_BYTES = 256 << 20 };

enum fx_code sandbox_effects_open(struct sandbox *sb, struct fx_error *err) {
    const char *path = fx_printf(sb->scope, "%s/effects.jsonl", sb->options.dir);

    sb->effects_seq = 0;
    /* one process plays one world: what an earlier one did is not part of this truth */
    sb->effects_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (sb->effects_fd < 0)
        return fx_fail(err, FX_ERR_INTERNAL, "%s cannot be written: %s", path, strerror(errno));
    return FX_OK;
}

void sandbox_effects_close(struct sandbox *sb) {
    if (sb->effects_fd >= 0)
        close(sb->effects_fd);
    sb->effects_fd = -1;
}

void sandbox_effect(struct sandbox *sb, const char *service, const char *operation,
                    const char *resource, const struct fx_json *detail) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_json *line =
        fx_json_object_of(sc, "seq", fx_json_int(sc, ++sb->effects_seq), "time",
                          fx_json_string(sc, fx_time_iso_ms(sc, fx_wall_ms(sb->clock))), "service",
                          fx_json_string(sc, service), "operation", fx_json_string(sc, operation),
                          "resource", fx_json_string(sc, resource), "detail",
                          detail != NULL ? fx_json_copy(sc, detail) : fx_json_object(sc), NULL);
    const char *text = fx_printf(sc, "%s\n", fx_json_dump(sc, line));
    size_t len = strlen(text);

    if (sb->effects_fd < 0)
        return;
    /* O_APPEND and one write: a line is there whole or, on a full disk, we stop and say so */
    if (write(sb->effects_fd, text, len) != (ssize_t)len)
        fx_log(sc, FX_LOG_ERROR, "sandbox.effect_lost", FX_S("operation", operation));
}

/* Lines are numbered from 1 as they are written, so skipping lines skips seqs. */
static void add_lines(struct fx_buf *buf, struct fx_slice text, int64_t since) {
    bool first = true;
    int64_t seq = 0;

    fx_buf_add_char(buf, '[');
    while (text.len > 0) {
        struct fx_slice line;

        fx_slice_split(text, '\n', &line, &text);
        if (line.len == 0 || ++seq <= since)
            continue;
        if (!first)
            fx_buf_add_char(buf, ',');
        fx_buf_add(buf, line);
        first = false;
    }
    fx_buf_add_char(buf, ']');
}

void sandbox_door_effects(struct sandbox_request *req, struct sandbox_reply *reply) {
    int fd = req->sb->effects_fd;
    const char *since_text = sandbox_query(req, "since");
    int64_t since = 0;
    struct stat info;

    if (since_text != NULL && !fx_slice_to_int(fx_slice_of(since_text), &since)) {
        sandbox_reply_error(req, reply, 400, "since is not a number");
        return;
    }
    if (fd < 0 || fstat(fd, &info) != 0 || info.st_size > EFFECTS_MAX_BYTES) {
        sandbox_reply_error(req, reply, 500, "effects.jsonl cannot be read");
        return;
    }

    size_t size = (size_t)info.st_size;
    char *text = fx_alloc(req->sc, size + 1);
    ssize_t got = pread(fd, text, size, 0);
    struct fx_buf buf;

    fx_buf_init(&buf, req->sc, size + 2 + size / 2);
    add_lines(&buf, (struct fx_slice){text, got > 0 ? (size_t)got : 0}, since);
    reply->status = 200;
    reply->content_type = "application/json; charset=utf-8";
    reply->body = fx_buf_slice(&buf);
}
