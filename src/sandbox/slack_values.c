/* slack_values.c - what people choose in an element or type into a dialog, in the form Slack
 * reports it. */
#include "slack_private.h"

#include <string.h>

/* The member of an action or a state value that holds the choice, and how the choice is written. */
struct chosen_form {
    const char *type, *member;
    char kind; /* 's' text, 'i' integer, 'o' one option, 'O' options, 'l' list of texts */
};
static const struct chosen_form chosen_forms[] = {
    {"overflow", "selected_option", 'o'},
    {"static_select", "selected_option", 'o'},
    {"external_select", "selected_option", 'o'},
    {"radio_buttons", "selected_option", 'o'},
    {"checkboxes", "selected_options", 'O'},
    {"multi_static_select", "selected_options", 'O'},
    {"users_select", "selected_user", 's'},
    {"channels_select", "selected_channel", 's'},
    {"conversations_select", "selected_conversation", 's'},
    {"multi_users_select", "selected_users", 'l'},
    {"multi_channels_select", "selected_channels", 'l'},
    {"multi_conversations_select", "selected_conversations", 'l'},
    {"datepicker", "selected_date", 's'},
    {"timepicker", "selected_time", 's'},
    {"datetimepicker", "selected_date_time", 'i'},
    {"plain_text_input", "value", 's'},
    {"number_input", "value", 's'},
    {"email_text_input", "value", 's'},
    {"url_text_input", "value", 's'},
};

static const struct chosen_form *form_of(const struct fx_json *element) {
    const char *type = fx_json_get_text(element, "type");

    for (size_t i = 0; type && i < FX_COUNT_OF(chosen_forms); i++)
        if (strcmp(chosen_forms[i].type, type) == 0)
            return &chosen_forms[i];
    return NULL;
}

static struct fx_json *option_in(const struct fx_json *options, struct fx_slice value) {
    for (size_t i = 0; i < fx_json_count(options); i++) {
        struct fx_json *option = fx_json_item(options, i);
        if (fx_slice_equal(fx_json_text_slice(fx_json_at(option, "value")), value))
            return option;
    }
    return NULL;
}

static struct fx_json *find_option(const struct fx_json *element, struct fx_slice value) {
    const struct fx_json *groups = fx_json_at(element, "option_groups");
    struct fx_json *option = option_in(fx_json_at(element, "options"), value);

    for (size_t i = 0; !option && i < fx_json_count(groups); i++)
        option = option_in(fx_json_at(fx_json_item(groups, i), "options"), value);
    return option;
}

/* Several choices are given with commas between them. */
static struct fx_json *read_list(struct fx_scope *sc, const struct fx_json *element,
                                 struct fx_slice chosen, bool options, const char **ret_wrong) {
    struct fx_json *list = fx_json_array(sc);

    while (chosen.len > 0) {
        struct fx_slice one;
        fx_slice_split(chosen, ',', &one, &chosen);
        struct fx_json *option = options ? find_option(element, one) : NULL;
        if (options && !option)
            *ret_wrong = fx_printf(sc, "%s is not among the options", fx_slice_dup(sc, one));
        fx_json_add(list, option ? fx_json_copy(sc, option) : fx_json_slice(sc, one));
    }
    return list;
}

/* The choice as JSON; NULL after *ret_wrong was set. */
static struct fx_json *read_choice(struct fx_scope *sc, const struct fx_json *element,
                                   const struct chosen_form *form, struct fx_slice chosen,
                                   const char **ret_wrong) {
    struct fx_json *option;
    int64_t number;

    switch (form->kind) {
    case 'o':
        option = find_option(element, chosen);
        if (!option)
            *ret_wrong = fx_printf(sc, "%s is not among the options", fx_slice_dup(sc, chosen));
        return option ? fx_json_copy(sc, option) : NULL;
    case 'O':
    case 'l':
        return read_list(sc, element, chosen, form->kind == 'O', ret_wrong);
    case 'i':
        if (fx_slice_to_int(chosen, &number))
            return fx_json_int(sc, number);
        *ret_wrong = fx_printf(sc, "%s is not a time in seconds", fx_slice_dup(sc, chosen));
        return NULL;
    default:
        return fx_json_slice(sc, chosen);
    }
}

struct fx_json *slack_action(struct sandbox *sb, struct fx_scope *sc, const struct fx_json *element,
                             const char *block_id, const char *chosen, const char **ret_wrong) {
    static const char *const copied[] = {"action_id", "text", "value", "style", "url", "type"};
    const struct chosen_form *form = form_of(element);
    struct fx_json *action = fx_json_object(sc);
    char ts[SLACK_TS_MAX];

    *ret_wrong = NULL;
    for (size_t i = 0; i < FX_COUNT_OF(copied); i++)
        if (fx_json_at(element, copied[i]))
            fx_json_put(action, copied[i], fx_json_copy(sc, fx_json_at(element, copied[i])));
    fx_json_put(action, "block_id", fx_json_string(sc, block_id));
    slack_next_ts(sb, ts);
    fx_json_put(action, "action_ts", fx_json_string(sc, ts));
    if (form && !chosen)
        *ret_wrong = fx_printf(sc, "value must say what is chosen in this %s", form->type);
    if (form && chosen)
        fx_json_put(action, form->member,
                    read_choice(sc, element, form, fx_slice_of(chosen), ret_wrong));
    return *ret_wrong ? NULL : action;
}

static const struct fx_json *initial_of(const struct fx_json *element) {
    static const char *const names[] = {"initial_value", "initial_date",    "initial_time",
                                        "initial_user",  "initial_channel", "initial_conversation"};
    const struct fx_json *option = fx_json_at(element, "initial_option");

    for (size_t i = 0; i < FX_COUNT_OF(names); i++)
        if (fx_json_text(fx_json_at(element, names[i])))
            return fx_json_at(element, names[i]);
    return option ? fx_json_at(option, "value")
                  : fx_json_at_path(element, "initial_options.0.value");
}

static const struct fx_json *given_for(const struct fx_json *given, const char *block_id,
                                       const char *action_id) {
    const struct fx_json *in_block = fx_json_at(given, block_id);

    if (fx_json_type(in_block) == FX_JSON_OBJECT)
        return fx_json_at(in_block, action_id);
    return in_block ? in_block : fx_json_at(given, action_id);
}

/* Slack's dialog keeps the person from submitting what does not fit. */
static const char *unfit(struct fx_scope *sc, const struct fx_json *block,
                         const struct fx_json *element, struct fx_slice text) {
    const char *label = fx_json_text(fx_json_at_path(block, "label.text"));
    int64_t count = (int64_t)fx_slice_utf8_count(text);

    label = label ? label : "a field";
    if (count == 0)
        return fx_json_get_bool(block, "optional", false)
                   ? NULL
                   : fx_printf(sc, "%s must be filled in", label);
    if (count < fx_json_get_int(element, "min_length", 0))
        return fx_printf(sc, "%s is too short", label);
    if (count > fx_json_get_int(element, "max_length", 3000))
        return fx_printf(sc, "%s is too long", label);
    return NULL;
}

static void add_value(struct fx_scope *sc, struct fx_json *values, const struct fx_json *block,
                      const struct fx_json *element, const struct fx_json *given,
                      const char **ret_wrong) {
    const struct chosen_form *form = form_of(element);
    const char *block_id = fx_json_get_text(block, "block_id");
    const char *action_id = fx_json_get_text(element, "action_id");

    if (!form || !block_id || !action_id)
        return;
    const struct fx_json *text = given_for(given, block_id, action_id);
    if (!text)
        text = initial_of(element);
    struct fx_slice chosen = fx_json_text_slice(text);
    bool input = fx_json_at(block, "element") != NULL;
    if (input && !*ret_wrong)
        *ret_wrong = unfit(sc, block, element, chosen);
    struct fx_json *value = fx_json_object_of(
        sc, "type", fx_json_string(sc, fx_json_get_text(element, "type")), form->member,
        chosen.len > 0 ? read_choice(sc, element, form, chosen, ret_wrong) : fx_json_null(sc),
        NULL);
    struct fx_json *in_block = fx_json_at(values, block_id);
    if (!in_block)
        fx_json_put(values, block_id, in_block = fx_json_object(sc));
    fx_json_put(in_block, action_id, value);
}

struct fx_json *slack_values(struct fx_scope *sc, const struct fx_json *blocks,
                             const struct fx_json *given, const char **ret_wrong) {
    struct fx_json *values = fx_json_object(sc);

    *ret_wrong = NULL;
    for (size_t i = 0; i < fx_json_count(blocks); i++) {
        const struct fx_json *block = fx_json_item(blocks, i);
        const struct fx_json *elements = fx_json_at(block, "elements");
        const char *type = fx_json_get_text(block, "type");
        add_value(sc, values, block, fx_json_at(block, "element"), given, ret_wrong);
        add_value(sc, values, block, fx_json_at(block, "accessory"), given, ret_wrong);
        for (size_t k = 0; type && strcmp(type, "actions") == 0 && k < fx_json_count(elements); k++)
            add_value(sc, values, block, fx_json_item(elements, k), given, ret_wrong);
    }
    return *ret_wrong ? NULL : values;
}
