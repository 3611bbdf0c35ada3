/* insights_eval.c - the value of a Logs Insights expression for one record. */
#include "insights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct insights_value insights_number(struct fx_scope *sc, double number) {
    const char *text = number == floor(number) && fabs(number) < 1e15
                           ? fx_printf(sc, "%.0f", number)
                           : fx_printf(sc, "%.4f", number);

    return (struct insights_value){true, true, number, text};
}

static struct insights_value text_value(const char *text) {
    struct insights_value value = {.present = text != NULL, .text = text};
    char *end = NULL;

    if (text == NULL || *text == '\0')
        return value;
    value.number = strtod(text, &end);
    value.is_number = *end == '\0';
    return value;
}

static struct insights_value truth(bool yes) {
    return (struct insights_value){true, true, yes ? 1 : 0, yes ? "1" : "0"};
}

bool insights_is_true(struct insights_value value) {
    return value.present && (value.is_number ? value.number != 0 : value.text[0] != '\0');
}

static struct insights_value field(struct fx_scope *sc, const struct fx_json *record,
                                   const char *name) {
    struct fx_json *json = fx_json_at(record, name);

    if (json == NULL)
        json = fx_json_at_path(record, name);
    switch (fx_json_type(json)) {
    case FX_JSON_STRING:
        return text_value(fx_json_text(json));
    case FX_JSON_INT:
    case FX_JSON_REAL:
        return insights_number(sc, fx_json_to_real(json, 0));
    case FX_JSON_BOOL:
        return truth(fx_json_to_bool(json, false));
    case FX_JSON_ARRAY:
    case FX_JSON_OBJECT:
        return text_value(fx_json_dump(sc, json));
    case FX_JSON_NULL:
    case FX_JSON_ABSENT:
        break;
    }
    return (struct insights_value){0};
}

static int compare(struct insights_value a, struct insights_value b) {
    if (a.is_number && b.is_number)
        return a.number < b.number ? -1 : a.number > b.number;
    return strcmp(a.text, b.text);
}

static struct insights_value compared(struct fx_scope *sc, const struct insights_node *node,
                                      const struct fx_json *record) {
    struct insights_value left = insights_evaluate(sc, node->left, record);
    struct insights_value right = insights_evaluate(sc, node->right, record);

    if (!left.present || !right.present)
        return truth(node->op == OP_UNEQUAL && left.present != right.present);
    int order = compare(left, right);
    switch (node->op) {
    case OP_EQUAL:
        return truth(order == 0);
    case OP_UNEQUAL:
        return truth(order != 0);
    case OP_LESS:
        return truth(order < 0);
    case OP_LESS_EQUAL:
        return truth(order <= 0);
    case OP_GREATER:
        return truth(order > 0);
    default:
        return truth(order >= 0);
    }
}

static struct insights_value contained(struct fx_scope *sc, const struct insights_node *node,
                                       const struct fx_json *record) {
    struct insights_value value = insights_evaluate(sc, node->left, record);

    for (size_t i = 0; value.present && i < node->list_count; i++) {
        struct insights_value item = insights_evaluate(sc, node->list[i], record);

        if (item.present && compare(value, item) == 0)
            return truth(true);
    }
    return truth(false);
}

int64_t insights_bin_ms(const struct insights_node *node) {
    const char *text =
        node->op == OP_CALL && strcasecmp(node->text, "bin") == 0 && node->list_count == 1
            ? node->list[0]->text
            : NULL;
    char *unit = NULL;

    if (text == NULL)
        return 0;
    int64_t count = strtol(text, &unit, 10);
    if (count <= 0 || count > 10000)
        return 0;
    if (unit[0] == 's')
        return count * 1000;
    if (unit[0] == 'm')
        return count * 60000;
    return unit[0] == 'h' ? count * 3600000 : 0;
}

static struct insights_value bin(struct fx_scope *sc, const struct insights_node *node,
                                 const struct fx_json *record) {
    int64_t width_ms = insights_bin_ms(node);
    int64_t time_ms = fx_json_get_int(record, "@time_ms", 0);

    if (width_ms == 0)
        return (struct insights_value){0};
    char *text = fx_time_iso_ms(sc, time_ms / width_ms * width_ms);
    text[10] = ' ';
    text[strlen(text) - 1] = '\0';
    return (struct insights_value){.present = true, .text = text};
}

static struct insights_value call(struct fx_scope *sc, const struct insights_node *node,
                                  const struct fx_json *record) {
    struct insights_value value = {0};

    if (strcasecmp(node->text, "bin") == 0)
        return bin(sc, node, record);
    if (strcasecmp(node->text, "coalesce") == 0) {
        for (size_t i = 0; i < node->list_count && !value.present; i++)
            value = insights_evaluate(sc, node->list[i], record);
        return value;
    }
    if (node->list_count == 1)
        value = insights_evaluate(sc, node->list[0], record);
    if (strcasecmp(node->text, "ispresent") == 0)
        return truth(value.present);
    if (strcasecmp(node->text, "isempty") == 0)
        return truth(!value.present || value.text[0] == '\0');
    if (strcasecmp(node->text, "strlen") == 0 && value.present)
        return insights_number(sc, (double)strlen(value.text));
    return (struct insights_value){0};
}

static struct insights_value arithmetic(struct fx_scope *sc, const struct insights_node *node,
                                        const struct fx_json *record) {
    struct insights_value left = insights_evaluate(sc, node->left, record);
    struct insights_value right = insights_evaluate(sc, node->right, record);

    if (!left.is_number || !right.is_number || (node->op == OP_DIVIDE && right.number == 0))
        return (struct insights_value){0};
    return insights_number(sc, node->op == OP_DIVIDE ? left.number / right.number
                                                     : left.number * right.number);
}

struct insights_value insights_evaluate(struct fx_scope *sc, const struct insights_node *node,
                                        const struct fx_json *record) {
    struct insights_value left;

    switch (node->op) {
    case OP_FIELD:
        return field(sc, record, node->text);
    case OP_TEXT:
        return text_value(node->text);
    case OP_NUMBER:
        return insights_number(sc, node->number);
    case OP_CALL:
        return call(sc, node, record);
    case OP_AND:
        return truth(insights_is_true(insights_evaluate(sc, node->left, record)) &&
                     insights_is_true(insights_evaluate(sc, node->right, record)));
    case OP_OR:
        return truth(insights_is_true(insights_evaluate(sc, node->left, record)) ||
                     insights_is_true(insights_evaluate(sc, node->right, record)));
    case OP_NOT:
        return truth(!insights_is_true(insights_evaluate(sc, node->left, record)));
    case OP_IN:
        return contained(sc, node, record);
    case OP_LIKE_TEXT:
        left = insights_evaluate(sc, node->left, record);
        return truth(left.present &&
                     strstr(left.text, node->right->text != NULL ? node->right->text : "") != NULL);
    case OP_LIKE_REGEX:
        left = insights_evaluate(sc, node->left, record);
        return truth(left.present && regexec(node->regex, left.text, 0, NULL, 0) == 0);
    case OP_DIVIDE:
    case OP_MULTIPLY:
        return arithmetic(sc, node, record);
    case OP_STAR:
        return truth(true);
    case OP_EQUAL:
    case OP_UNEQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        break;
    }
    return compared(sc, node, record);
}
