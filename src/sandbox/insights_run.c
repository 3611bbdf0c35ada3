/* insights_run.c - carries a Logs Insights query out over the stored log events. */
#include "insights.h"

#include "fluxabot/base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KEY_MAX_BYTES = 64 << 10 };

struct rows {
    struct fx_json **records;
    size_t count;
};

/* Field names shown at the end, in order. */
struct columns {
    const char *names[2 * INSIGHTS_MAX_ITEMS];
    size_t count;
    bool pointer; /* raw events carry @ptr, aggregates do not */
};

static const char *insights_time(struct fx_scope *sc, int64_t wall_ms) {
    char *text = fx_time_iso_ms(sc, wall_ms);

    text[10] = ' ';
    text[strlen(text) - 1] = '\0';
    return text;
}

static struct fx_json *record_of(struct fx_scope *sc, const struct logs_group *group,
                                 const struct logs_event *event) {
    struct fx_json *json = NULL;
    struct fx_error err;

    if (fx_json_parse(sc, fx_slice_of(event->message), &json, &err) != FX_OK ||
        fx_json_type(json) != FX_JSON_OBJECT)
        json = fx_json_object(sc);
    fx_json_put(json, "@timestamp", fx_json_string(sc, insights_time(sc, event->time_ms)));
    fx_json_put(json, "@time_ms", fx_json_int(sc, event->time_ms));
    fx_json_put(json, "@message", fx_json_string(sc, event->message));
    fx_json_put(json, "@logStream", fx_json_string(sc, event->stream));
    fx_json_put(json, "@log", fx_json_stringf(sc, AWS_ACCOUNT ":%s", group->name));
    insights_discover(sc, json, event->message);
    fx_json_put(json, "@ptr", fx_json_string(sc, fx_base64(sc, fx_slice_of(event->id))));
    return json;
}

static struct rows load(struct sandbox_aws *aws, struct fx_scope *sc, const struct fx_json *groups,
                        int64_t from_ms, int64_t to_ms, int64_t *ret_bytes) {
    struct rows rows = {0};
    size_t total = 0;

    for (size_t i = 0; i < fx_json_count(groups); i++) {
        struct logs_group *group = logs_find(aws, fx_json_text(fx_json_item(groups, i)));
        total += group != NULL ? group->count : 0;
    }
    rows.records = fx_alloc(sc, (total + 1) * sizeof rows.records[0]);
    for (size_t i = 0; i < fx_json_count(groups); i++) {
        struct logs_group *group = logs_find(aws, fx_json_text(fx_json_item(groups, i)));

        for (struct logs_event *e = group != NULL ? group->last : NULL; e != NULL;
             e = e->previous) {
            if (e->time_ms < from_ms || e->time_ms > to_ms)
                continue;
            rows.records[rows.count++] = record_of(sc, group, e);
            *ret_bytes += (int64_t)strlen(e->message);
        }
    }
    return rows;
}

static struct fx_json *json_of(struct fx_scope *sc, struct insights_value value) {
    return value.present ? fx_json_string(sc, value.text) : NULL;
}

/* ---- sort ---- */

struct sort_entry {
    struct insights_value value;
    struct fx_json *record;
    size_t index; /* keeps the order of equals */
};

static int compare_entries(const void *a, const void *b) {
    const struct sort_entry *left = a, *right = b;
    int order = 0;

    if (left->value.present != right->value.present)
        order = left->value.present ? 1 : -1;
    else if (left->value.is_number && right->value.is_number)
        order = left->value.number < right->value.number ? -1
                                                         : left->value.number > right->value.number;
    else if (left->value.present)
        order = strcmp(left->value.text, right->value.text);
    return order != 0 ? order : left->index < right->index ? -1 : 1;
}

static void sort_rows(struct fx_scope *sc, struct rows *rows, const struct insights_stage *stage) {
    struct sort_entry *entries = fx_alloc(sc, (rows->count + 1) * sizeof entries[0]);

    for (size_t i = 0; i < rows->count; i++)
        entries[i] = (struct sort_entry){
            insights_evaluate(sc, stage->items[0].node, rows->records[i]), rows->records[i], i};
    qsort(entries, rows->count, sizeof entries[0], compare_entries);
    for (size_t i = 0; i < rows->count; i++)
        rows->records[i] = entries[stage->descending ? rows->count - 1 - i : i].record;
}

/* ---- stats ---- */

static int compare_numbers(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static struct insights_value percentile(struct fx_scope *sc, double *numbers, size_t count,
                                        double percent) {
    if (count == 0)
        return (struct insights_value){0};
    qsort(numbers, count, sizeof numbers[0], compare_numbers);
    size_t rank = (size_t)ceil(percent / 100 * (double)count);
    return insights_number(sc, numbers[rank > 0 ? rank - 1 : 0]);
}

/* earliest and latest go by time, whatever the order of the rows. */
static struct insights_value by_time(struct fx_scope *sc, const struct insights_node *what,
                                     const struct rows *rows, bool latest) {
    struct insights_value best = {0};
    int64_t best_ms = 0;

    for (size_t i = 0; i < rows->count; i++) {
        struct insights_value value = insights_evaluate(sc, what, rows->records[i]);
        int64_t time_ms = fx_json_get_int(rows->records[i], "@time_ms", 0);

        if (!value.present || (best.present && (latest ? time_ms < best_ms : time_ms > best_ms)))
            continue;
        best = value;
        best_ms = time_ms;
    }
    return best;
}

static struct insights_value aggregate(struct fx_scope *sc, const struct insights_node *call,
                                       const struct rows *rows) {
    double *numbers = fx_alloc(sc, (rows->count + 1) * sizeof numbers[0]);
    double sum = 0, least = 0, most = 0;
    size_t present = 0, count = 0;
    const char *name = call->text;

    if (strcasecmp(name, "latest") == 0 || strcasecmp(name, "earliest") == 0)
        return by_time(sc, call->list[0], rows, strcasecmp(name, "latest") == 0);
    for (size_t i = 0; i < rows->count; i++) {
        struct insights_value value = insights_evaluate(sc, call->list[0], rows->records[i]);

        present += value.present;
        if (!value.is_number)
            continue;
        least = count == 0 || value.number < least ? value.number : least;
        most = count == 0 || value.number > most ? value.number : most;
        sum += value.number;
        numbers[count++] = value.number;
    }
    if (strcasecmp(name, "count") == 0)
        return insights_number(sc, (double)present);
    if (strcasecmp(name, "sum") == 0)
        return insights_number(sc, sum);
    if (count == 0)
        return (struct insights_value){0};
    if (strcasecmp(name, "avg") == 0)
        return insights_number(sc, sum / (double)count);
    if (strcasecmp(name, "min") == 0)
        return insights_number(sc, least);
    if (strcasecmp(name, "max") == 0)
        return insights_number(sc, most);
    return percentile(sc, numbers, count, call->list_count > 1 ? call->list[1]->number : 50);
}

/* Aggregates inside arithmetic, as in max(@x)/1000000, are computed first. */
static struct insights_value statistic(struct fx_scope *sc, const struct insights_node *node,
                                       const struct rows *rows) {
    if (node->op == OP_CALL && node->list_count > 0)
        return aggregate(sc, node, rows);
    if (node->op == OP_DIVIDE || node->op == OP_MULTIPLY) {
        struct insights_value left = statistic(sc, node->left, rows);
        struct insights_value right = statistic(sc, node->right, rows);

        if (!left.is_number || !right.is_number || (node->op == OP_DIVIDE && right.number == 0))
            return (struct insights_value){0};
        return insights_number(sc, node->op == OP_DIVIDE ? left.number / right.number
                                                         : left.number * right.number);
    }
    return insights_evaluate(sc, node, fx_json_object(sc));
}

static const char *group_key(struct fx_scope *sc, const struct insights_stage *stage,
                             const struct fx_json *record) {
    struct fx_buf buf;

    fx_buf_init(&buf, sc, KEY_MAX_BYTES);
    for (size_t i = 0; i < stage->keys_count; i++) {
        struct insights_value value = insights_evaluate(sc, stage->keys[i].node, record);

        fx_buf_addf(&buf, "%c%s\x1f", value.present ? '+' : '-', value.present ? value.text : "");
    }
    return fx_strdup(sc, fx_buf_text(&buf));
}

static struct fx_json *summary(struct fx_scope *sc, const struct insights_stage *stage,
                               const struct rows *group) {
    struct fx_json *record = fx_json_object(sc);

    for (size_t i = 0; group->count > 0 && i < stage->keys_count; i++)
        fx_json_put(record, stage->keys[i].name,
                    json_of(sc, insights_evaluate(sc, stage->keys[i].node, group->records[0])));
    for (size_t i = 0; i < stage->items_count; i++)
        fx_json_put(record, stage->items[i].name,
                    json_of(sc, statistic(sc, stage->items[i].node, group)));
    return record;
}

/* The group of each row, numbered as they first appear. */
static size_t number_groups(struct fx_scope *sc, const struct rows *rows,
                            const struct insights_stage *stage, size_t *ret_group) {
    struct fx_json *numbers = fx_json_object(sc);
    size_t count = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const char *key = fx_printf(sc, "k%s", group_key(sc, stage, rows->records[i]));
        int64_t number = fx_json_get_int(numbers, key, -1);

        if (number < 0) {
            number = (int64_t)count++;
            fx_json_put(numbers, key, fx_json_int(sc, number));
        }
        ret_group[i] = (size_t)number;
    }
    return count;
}

static void summarise(struct fx_scope *sc, struct rows *rows, const struct insights_stage *stage) {
    size_t *group_of = fx_alloc(sc, (rows->count + 1) * sizeof group_of[0]);
    size_t count = number_groups(sc, rows, stage, group_of);
    struct rows *groups;

    if (count == 0 && stage->keys_count == 0)
        count = 1; /* count(*) of nothing is a row with 0 */
    groups = fx_alloc(sc, (count + 1) * sizeof groups[0]);
    for (size_t i = 0; i < rows->count; i++)
        groups[group_of[i]].count++;
    for (size_t i = 0; i < count; i++) {
        groups[i].records = fx_alloc(sc, (groups[i].count + 1) * sizeof rows->records[0]);
        groups[i].count = 0;
    }
    for (size_t i = 0; i < rows->count; i++) {
        struct rows *group = &groups[group_of[i]];

        group->records[group->count++] = rows->records[i];
    }
    for (size_t i = 0; i < count; i++)
        rows->records[i] = summary(sc, stage, &groups[i]);
    rows->count = count;
}

/* ---- the pipeline ---- */

static void keep_matching(struct fx_scope *sc, struct rows *rows,
                          const struct insights_node *condition) {
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++)
        if (insights_is_true(insights_evaluate(sc, condition, rows->records[i])))
            rows->records[kept++] = rows->records[i];
    rows->count = kept;
}

static void add_columns(struct columns *columns, const struct insights_item *items, size_t count) {
    for (size_t i = 0; i < count && columns->count < FX_COUNT_OF(columns->names); i++)
        columns->names[columns->count++] = items[i].name;
}

/* Puts what the stage computes into the records under its new names. */
static void compute(struct fx_scope *sc, struct rows *rows, const struct insights_stage *stage) {
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < stage->items_count; k++)
            if (stage->items[k].node->op != OP_FIELD ||
                strcmp(stage->items[k].name, stage->items[k].node->text) != 0)
                fx_json_put(
                    rows->records[i], stage->items[k].name,
                    json_of(sc, insights_evaluate(sc, stage->items[k].node, rows->records[i])));
}

static void run_stage(struct fx_scope *sc, struct rows *rows, struct columns *columns,
                      const struct insights_stage *stage, int64_t *limit) {
    switch (stage->kind) {
    case STAGE_DISPLAY:
        columns->count = 0;
        /* fallthrough */
    case STAGE_FIELDS:
        compute(sc, rows, stage);
        add_columns(columns, stage->items, stage->items_count);
        break;
    case STAGE_FILTER:
        keep_matching(sc, rows, stage->condition);
        break;
    case STAGE_STATS:
        summarise(sc, rows, stage);
        *columns = (struct columns){0};
        add_columns(columns, stage->keys, stage->keys_count);
        add_columns(columns, stage->items, stage->items_count);
        break;
    case STAGE_SORT:
        sort_rows(sc, rows, stage);
        break;
    case STAGE_LIMIT:
        *limit = stage->limit;
        break;
    }
}

static struct fx_json *shown(struct fx_scope *sc, const struct columns *columns,
                             const struct fx_json *record) {
    struct fx_json *row = fx_json_array(sc);

    for (size_t i = 0; i < columns->count + (columns->pointer ? 1 : 0); i++) {
        const char *name = i < columns->count ? columns->names[i] : "@ptr";
        const struct insights_node node = {.op = OP_FIELD, .text = name};
        struct insights_value value = insights_evaluate(sc, &node, record);

        if (value.present)
            fx_json_add(row, fx_json_object_of(sc, "field", fx_json_string(sc, name), "value",
                                               fx_json_string(sc, value.text), NULL));
    }
    return row;
}

struct insights_result insights_run(struct sandbox_aws *aws, struct fx_scope *sc,
                                    const struct insights_query *query,
                                    const struct fx_json *groups, int64_t from_ms, int64_t to_ms,
                                    int64_t limit) {
    struct insights_result result = {.rows = fx_json_array(sc)};
    struct rows rows = load(aws, sc, groups, from_ms, to_ms, &result.bytes);
    struct insights_node time = {.op = OP_FIELD, .text = "@time_ms"};
    const struct insights_stage newest_first = {
        .items = {{&time, NULL}}, .items_count = 1, .descending = true};
    struct columns columns = {.pointer = true};
    bool aggregated = false;

    result.scanned = result.matched = (int64_t)rows.count;
    if (fx_json_count(groups) > 1)
        sort_rows(sc, &rows, &newest_first);
    for (size_t i = 0; i < query->stages_count; i++) {
        run_stage(sc, &rows, &columns, &query->stages[i], &limit);
        aggregated |= query->stages[i].kind == STAGE_STATS;
        if (!aggregated)
            result.matched = (int64_t)rows.count;
    }
    if (columns.count == 0 && !aggregated) {
        columns.names[columns.count++] = "@timestamp";
        columns.names[columns.count++] = "@message";
    }
    for (size_t i = 0; i < rows.count && (int64_t)i < limit; i++)
        fx_json_add(result.rows, shown(sc, &columns, rows.records[i]));
    return result;
}
