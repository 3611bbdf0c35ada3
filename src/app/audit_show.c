/* audit_show.c - `fluxabot audit show`: rows of the audit log for people and for programs.
 *
 * The log is read page by page, twice: to count what fits, then to print the newest of it.
 */
#include "private.h"

#include "fluxabot/base/buf.h"

#include <stdio.h>
#include <string.h>

enum {
    PAGE_ROWS = 500,
    DEFAULT_LIMIT = 100,
    MAX_SUBJECTS = 10000, /* of one incident: its runs and their approvals */
    DETAIL_SHOWN = 100,
    CELL_SHOWN = 60,
};

#define ROW_FORMAT "%-20s  %-16s  %-20s  %-16s  %s\n"

struct show {
    struct app_log log;
    const struct app_arguments *arguments;
    int64_t since_ms, until_ms, limit;
    struct fx_json *subjects; /* what an incident or a run is about, as members; NULL: everything */
    int64_t last_n;           /* rows written after we began are not shown */
};

/* ---- options ---- */

/* "2026-11-21", "2026-11-21T09:15:04Z", or "15m" for so long ago. */
static enum fx_code parse_moment(struct fx_scope *sc, const char *text, int64_t now_ms,
                                 int64_t *ret_ms, struct fx_error *err) {
    struct fx_error ignored;
    int64_t ago_ms = 0;

    if (fx_step_parse_duration(fx_slice_of(text), &ago_ms, &ignored) == FX_OK) {
        *ret_ms = now_ms - ago_ms;
        return FX_OK;
    }
    if (strlen(text) == strlen("2026-11-21"))
        text = fx_printf(sc, "%sT00:00:00Z", text);
    if (fx_time_parse(fx_slice_of(text), ret_ms, &ignored) == FX_OK)
        return FX_OK;
    return fx_fail(err, FX_ERR_INPUT,
                   "not a time such as 2026-11-21T09:15:04Z, nor how long ago, such as 15m");
}

static enum fx_code parse_options(struct show *show, struct fx_error *err) {
    const struct app_arguments *given = show->arguments;
    int64_t now_ms = fx_wall_ms(fx_clock_system());

    show->since_ms = INT64_MIN;
    show->until_ms = INT64_MAX;
    show->limit = DEFAULT_LIMIT;
    if (given->since != NULL &&
        parse_moment(show->log.sc, given->since, now_ms, &show->since_ms, err) != FX_OK)
        return fx_fail_in(err, "--since %s", given->since);
    if (given->until != NULL &&
        parse_moment(show->log.sc, given->until, now_ms, &show->until_ms, err) != FX_OK)
        return fx_fail_in(err, "--until %s", given->until);
    if (given->limit != NULL &&
        (!fx_slice_to_int(fx_slice_of(given->limit), &show->limit) || show->limit < 1))
        return fx_fail(err, FX_ERR_INPUT, "--limit %s: not a number of rows", given->limit);
    return FX_OK;
}

/* ---- which rows ---- */

static enum fx_code add_subject(struct show *show, const char *subject, struct fx_error *err) {
    if (fx_json_count(show->subjects) >= MAX_SUBJECTS)
        return fx_fail(err, FX_ERR_LIMIT, "more than %d runs belong to this", MAX_SUBJECTS);
    fx_json_put(show->subjects, subject, fx_json_bool(show->log.sc, true));
    return FX_OK;
}

/* Things come after what they belong to, so one walk finds them: a run after its incident, an
 * approval after its run. */
static enum fx_code follow(struct show *show, struct fx_scope *sc, const struct fx_audit *row,
                           const struct fx_json *detail, struct fx_error *err) {
    struct fx_store *store = show->log.store;
    const char *run_id = fx_json_get_text(detail, "run");
    struct fx_run *run = NULL;

    if (fx_json_at(show->subjects, row->subject) != NULL)
        return FX_OK;
    if (run_id != NULL && fx_json_at(show->subjects, run_id) != NULL)
        return add_subject(show, row->subject, err);
    if (show->arguments->incident == NULL || strcmp(row->action, "run.started") != 0)
        return FX_OK;
    FX_TRY(store->run(store, sc, row->subject, &run, err));
    if (run != NULL && strcmp(run->incident, show->arguments->incident) == 0)
        return add_subject(show, row->subject, err);
    return FX_OK;
}

/* A click that was refused is a row about the click; what it was for stands in its value, perhaps
 * with a number behind it. */
static bool is_refused_click_on_them(const struct show *show, struct fx_scope *sc,
                                     const struct fx_audit *row, const struct fx_json *detail) {
    const char *value = fx_json_get_text(detail, "value");
    struct fx_slice what = {0}, number = {0};

    if (strcmp(row->action, "click.refused") != 0 || value == NULL)
        return false;
    fx_slice_split(fx_slice_of(value), ';', &what, &number);
    return fx_json_at(show->subjects, fx_slice_dup(sc, what)) != NULL;
}

static bool is_wanted(const struct show *show, struct fx_scope *sc, const struct fx_audit *row,
                      const struct fx_json *detail) {
    const struct app_arguments *given = show->arguments;

    return row->at_ms >= show->since_ms && row->at_ms < show->until_ms &&
           (show->subjects == NULL || fx_json_at(show->subjects, row->subject) != NULL ||
            is_refused_click_on_them(show, sc, row, detail)) &&
           (given->person == NULL || strcmp(row->actor, given->person) == 0) &&
           (given->action == NULL ||
            strncmp(row->action, given->action, strlen(given->action)) == 0);
}

/* ---- how they look ---- */

/* What a terminal obeys instead of showing it: control characters, and those that hide text or turn
 * its direction. */
static bool is_shown(uint32_t point) {
    static const struct {
        uint32_t first, last;
    } unseen[] = {
        {0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},   {0x180e, 0x180e}, {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < FX_COUNT_OF(unseen); i++)
        if (point >= unseen[i].first && point <= unseen[i].last)
            return false;
    return true;
}

/* The code point that these bytes are. */
static uint32_t point_of(struct fx_slice bytes) {
    static const uint8_t first_bits[] = {0x7f, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = (uint8_t)bytes.ptr[0] & first_bits[bytes.len];

    for (size_t i = 1; i < bytes.len; i++)
        point = point << 6 | ((uint8_t)bytes.ptr[i] & 0x3f);
    return point;
}

/* Foreign text as one line of at most max characters. */
static const char *cell(struct fx_scope *sc, const char *text, size_t max) {
    struct fx_slice s = fx_json_text_slice(fx_json_string(sc, text)); /* well-formed now */
    size_t end = fx_slice_utf8_prefix(s, max), length = 0;
    struct fx_buf buf;

    fx_buf_init(&buf, sc, end + sizeof "...");
    for (size_t i = 0; i < end; i += length) {
        length = fx_slice_utf8_prefix(fx_slice_cut(s, i, end - i), 1);
        struct fx_slice one = fx_slice_cut(s, i, length);

        fx_buf_add(&buf, is_shown(point_of(one)) ? one : FX_SLICE("?"));
    }
    if (end < s.len)
        fx_buf_add_text(&buf, "...");
    return fx_buf_text(&buf);
}

/* {"command":"dlq","environment":"dev"} as command=dlq environment=dev. */
static const char *short_detail(struct fx_scope *sc, const struct fx_json *detail) {
    const char *name = NULL, *text = "";
    struct fx_json *value = NULL;
    void *cursor = NULL;

    while (fx_json_next(detail, &cursor, &name, &value)) {
        const char *plain = fx_json_text(value);

        text = fx_printf(sc, "%s%s%s=%s", text, text[0] == '\0' ? "" : " ", name,
                         plain != NULL ? plain : fx_json_dump(sc, value));
    }
    return cell(sc, text, DETAIL_SHOWN);
}

static void print_row(struct fx_scope *sc, const struct fx_audit *row,
                      const struct fx_json *detail) {
    printf(ROW_FORMAT, fx_time_iso(sc, row->at_ms), cell(sc, row->actor, CELL_SHOWN),
           cell(sc, row->action, CELL_SHOWN), cell(sc, row->subject, CELL_SHOWN),
           short_detail(sc, detail));
}

static void print_json(struct fx_scope *sc, const struct fx_audit *row, struct fx_json *detail) {
    struct fx_json *json = fx_json_object_of(
        sc, "n", fx_json_int(sc, row->n), "time",
        fx_json_string(sc, fx_time_iso_ms(sc, row->at_ms)), "actor", fx_json_string(sc, row->actor),
        "action", fx_json_string(sc, row->action), "subject", fx_json_string(sc, row->subject),
        "detail", detail != NULL ? detail : fx_json_string(sc, row->detail_json), "previous",
        fx_json_string(sc, row->previous_hash), "hash", fx_json_string(sc, row->hash), NULL);

    printf("%s\n", fx_json_dump(sc, json));
}

/* ---- the walk ---- */

/* NULL when it is no JSON, which only a foreign hand writes: verify names the row. */
static struct fx_json *detail_of(struct fx_scope *sc, const struct fx_audit *row) {
    struct fx_json *detail = NULL;
    struct fx_error ignored;

    return fx_json_parse(sc, fx_slice_of(row->detail_json), &detail, &ignored) == FX_OK ? detail
                                                                                        : NULL;
}

/* Counts on *io_matches; prints those behind the first `skip`, unless that is negative. */
static enum fx_code take_row(struct show *show, struct fx_scope *sc, const struct fx_audit *row,
                             int64_t skip, int64_t *io_matches, struct fx_error *err) {
    struct fx_json *detail = detail_of(sc, row);

    if (show->subjects != NULL)
        FX_TRY(follow(show, sc, row, detail, err));
    if (!is_wanted(show, sc, row, detail))
        return FX_OK;
    (*io_matches)++;
    if (skip < 0 || *io_matches <= skip)
        return FX_OK;
    if (show->arguments->json)
        print_json(sc, row, detail);
    else
        print_row(sc, row, detail);
    return FX_OK;
}

static enum fx_code walk(struct show *show, int64_t skip, int64_t *ret_matches,
                         struct fx_error *err) {
    struct fx_store *store = show->log.store;
    size_t count = PAGE_ROWS;
    int64_t next = 1;

    *ret_matches = 0;
    while (count == PAGE_ROWS && next <= show->last_n) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *page = fx_scope_new(show->log.sc);
        struct fx_audit **rows = NULL;

        FX_TRY(store->audits(store, page, next, PAGE_ROWS, &rows, &count, err));
        for (size_t i = 0; i < count && rows[i]->n <= show->last_n; i++) {
            FX_TRY(take_row(show, page, rows[i], skip, ret_matches, err));
            next = rows[i]->n + 1;
        }
    }
    return FX_OK;
}

static enum fx_code print_rows(struct show *show, struct fx_error *err) {
    const char *about =
        show->arguments->run != NULL ? show->arguments->run : show->arguments->incident;
    struct fx_audit *head = NULL;
    int64_t matches = 0, printed = 0;

    FX_TRY(show->log.store->audit_head(show->log.store, show->log.sc, &head, err));
    show->last_n = head == NULL ? 0 : head->n;
    if (about != NULL) {
        show->subjects = fx_json_object(show->log.sc);
        FX_TRY(add_subject(show, about, err));
    }
    FX_TRY(walk(show, -1, &matches, err));
    int64_t skip = matches > show->limit ? matches - show->limit : 0;

    if (matches > 0 && !show->arguments->json)
        printf(ROW_FORMAT, "TIME (UTC)", "ACTOR", "ACTION", "SUBJECT", "DETAIL");
    FX_TRY(walk(show, skip, &printed, err));
    if (skip > 0)
        fprintf(stderr, "%lld earlier %s not shown; --limit %lld shows all\n", (long long)skip,
                skip == 1 ? "row is" : "rows are", (long long)matches);
    if (matches == 0)
        fprintf(stderr, "no row of the audit log is about that\n");
    return FX_OK;
}

int app_audit_show(const struct app_arguments *arguments) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct show show = {.arguments = arguments, .log = {.sc = sc}};
    struct fx_error err = {0};

    if (parse_options(&show, &err) != FX_OK) {
        fprintf(stderr, "%s\n", err.message);
        return EXIT_USE;
    }
    if (!app_log_open(sc, arguments->config, &show.log))
        return EXIT_FINDINGS;
    if (print_rows(&show, &err) == FX_OK)
        return EXIT_GOOD;
    fprintf(stderr, "%s\n", err.message);
    return EXIT_FINDINGS;
}
