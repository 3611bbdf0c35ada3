/* slack_shapes_elements.c - the interactive elements of Block Kit and the objects they are made of.
 */
#include "slack_shapes.h"

#define END                                                                                        \
    { .name = NULL }
#define ACTION_ID                                                                                  \
    { .name = "action_id", .kind = SLACK_STRING, .min = 1, .max = 255 }
#define CONFIRM                                                                                    \
    { .name = "confirm", .kind = SLACK_OBJECT, .shapes = confirm_only }
#define FOCUS                                                                                      \
    { .name = "focus_on_load", .kind = SLACK_BOOL }
#define PLACEHOLDER                                                                                \
    { .name = "placeholder", .kind = SLACK_PLAIN, .max = 150 }
#define LABEL                                                                                      \
    { .name = "accessibility_label", .kind = SLACK_STRING, .min = 1, .max = 75 }
#define DISPATCH                                                                                   \
    { .name = "dispatch_action_config", .kind = SLACK_ANY }

static const struct slack_shape confirm = {
    .rules = (const struct slack_rule[]){
        {.name = "title", .kind = SLACK_PLAIN, .required = true, .max = 100},
        {.name = "text", .kind = SLACK_TEXT, .required = true, .max = 300},
        {.name = "confirm", .kind = SLACK_PLAIN, .required = true, .max = 30},
        {.name = "deny", .kind = SLACK_PLAIN, .required = true, .max = 30},
        {.name = "style", .kind = SLACK_WORD, .words = "primary|danger"},
        END}};
static const struct slack_shape *const confirm_only[] = {&confirm, NULL};

static const struct slack_shape option = {
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_TEXT, .required = true, .max = 75},
        {.name = "value", .kind = SLACK_STRING, .required = true, .min = 1, .max = 150},
        {.name = "description", .kind = SLACK_TEXT, .max = 75},
        {.name = "url", .kind = SLACK_URL, .max = 3000},
        END}};
static const struct slack_shape *const option_only[] = {&option, NULL};

static const struct slack_shape option_group = {
    .rules = (const struct slack_rule[]){
        {.name = "label", .kind = SLACK_PLAIN, .required = true, .max = 75},
        {.name = "options",
         .kind = SLACK_LIST,
         .required = true,
         .min = 1,
         .max = 100,
         .shapes = option_only},
        END}};
static const struct slack_shape *const group_only[] = {&option_group, NULL};

static void either_options_or_groups(struct slack_check *check, const struct fx_json *value,
                                     const char *pointer) {
    if (!fx_json_at(value, "options") == !fx_json_at(value, "option_groups"))
        slack_complain(check, pointer, "must define either `options` or `option_groups`");
}

static const struct slack_shape button = {
    .type = "button",
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_PLAIN, .required = true, .max = 75},
        {.name = "value", .kind = SLACK_STRING, .max = 2000},
        {.name = "url", .kind = SLACK_URL, .max = 3000},
        {.name = "style", .kind = SLACK_WORD, .words = "primary|danger"},
        ACTION_ID,
        LABEL,
        CONFIRM,
        END}};

static const struct slack_shape overflow = {.type = "overflow",
                                            .rules =
                                                (const struct slack_rule[]){{.name = "options",
                                                                             .kind = SLACK_LIST,
                                                                             .required = true,
                                                                             .min = 1,
                                                                             .max = 5,
                                                                             .shapes = option_only},
                                                                            ACTION_ID,
                                                                            LABEL,
                                                                            CONFIRM,
                                                                            END}};

static const struct slack_shape static_select = {
    .type = "static_select",
    .extra = either_options_or_groups,
    .rules = (const struct slack_rule[]){
        {.name = "options", .kind = SLACK_LIST, .min = 1, .max = 100, .shapes = option_only},
        {.name = "option_groups", .kind = SLACK_LIST, .min = 1, .max = 100, .shapes = group_only},
        {.name = "initial_option", .kind = SLACK_OBJECT, .shapes = option_only},
        ACTION_ID,
        PLACEHOLDER,
        CONFIRM,
        FOCUS,
        END}};

static const struct slack_shape multi_static_select = {
    .type = "multi_static_select",
    .extra = either_options_or_groups,
    .rules = (const struct slack_rule[]){
        {.name = "options", .kind = SLACK_LIST, .min = 1, .max = 100, .shapes = option_only},
        {.name = "option_groups", .kind = SLACK_LIST, .min = 1, .max = 100, .shapes = group_only},
        {.name = "initial_options",
         .kind = SLACK_LIST,
         .min = 1,
         .max = 100,
         .shapes = option_only},
        {.name = "max_selected_items", .kind = SLACK_INT, .min = 1, .max = 100},
        ACTION_ID,
        PLACEHOLDER,
        CONFIRM,
        FOCUS,
        END}};

static const struct slack_shape external_select = {
    .type = "external_select",
    .rules = (const struct slack_rule[]){
        {.name = "initial_option", .kind = SLACK_OBJECT, .shapes = option_only},
        {.name = "min_query_length", .kind = SLACK_INT, .min = 0, .max = 100},
        ACTION_ID,
        PLACEHOLDER,
        CONFIRM,
        FOCUS,
        END}};

static const struct slack_rule pick_one_rules[] = {
    {.name = "initial_user", .kind = SLACK_STRING, .min = 1},
    {.name = "initial_channel", .kind = SLACK_STRING, .min = 1},
    {.name = "initial_conversation", .kind = SLACK_STRING, .min = 1},
    {.name = "default_to_current_conversation", .kind = SLACK_BOOL},
    {.name = "response_url_enabled", .kind = SLACK_BOOL},
    {.name = "filter", .kind = SLACK_ANY},
    ACTION_ID,
    PLACEHOLDER,
    CONFIRM,
    FOCUS,
    END};
static const struct slack_rule pick_many_rules[] = {
    {.name = "initial_users", .kind = SLACK_STRINGS, .min = 1},
    {.name = "initial_channels", .kind = SLACK_STRINGS, .min = 1},
    {.name = "initial_conversations", .kind = SLACK_STRINGS, .min = 1},
    {.name = "max_selected_items", .kind = SLACK_INT, .min = 1, .max = 100},
    {.name = "default_to_current_conversation", .kind = SLACK_BOOL},
    {.name = "filter", .kind = SLACK_ANY},
    ACTION_ID,
    PLACEHOLDER,
    CONFIRM,
    FOCUS,
    END};
static const struct slack_shape users_select = {.type = "users_select", .rules = pick_one_rules};
static const struct slack_shape channels_select = {.type = "channels_select",
                                                   .rules = pick_one_rules};
static const struct slack_shape conversations_select = {.type = "conversations_select",
                                                        .rules = pick_one_rules};
static const struct slack_shape multi_users_select = {.type = "multi_users_select",
                                                      .rules = pick_many_rules};
static const struct slack_shape multi_channels_select = {.type = "multi_channels_select",
                                                         .rules = pick_many_rules};
static const struct slack_shape multi_conversations_select = {.type = "multi_conversations_select",
                                                              .rules = pick_many_rules};

static const struct slack_shape checkboxes = {
    .type = "checkboxes",
    .rules = (const struct slack_rule[]){
        {.name = "options",
         .kind = SLACK_LIST,
         .required = true,
         .min = 1,
         .max = 10,
         .shapes = option_only},
        {.name = "initial_options", .kind = SLACK_LIST, .min = 1, .max = 10, .shapes = option_only},
        ACTION_ID,
        CONFIRM,
        FOCUS,
        END}};

static const struct slack_shape radio_buttons = {
    .type = "radio_buttons",
    .rules = (const struct slack_rule[]){
        {.name = "options",
         .kind = SLACK_LIST,
         .required = true,
         .min = 1,
         .max = 10,
         .shapes = option_only},
        {.name = "initial_option", .kind = SLACK_OBJECT, .shapes = option_only},
        ACTION_ID,
        CONFIRM,
        FOCUS,
        END}};

static const struct slack_shape datepicker = {
    .type = "datepicker",
    .rules = (const struct slack_rule[]){
        {.name = "initial_date", .kind = SLACK_STRING, .min = 10, .max = 10},
        ACTION_ID,
        PLACEHOLDER,
        CONFIRM,
        FOCUS,
        END}};
static const struct slack_shape timepicker = {
    .type = "timepicker",
    .rules = (const struct slack_rule[]){
        {.name = "initial_time", .kind = SLACK_STRING, .min = 5, .max = 5},
        {.name = "timezone", .kind = SLACK_STRING, .min = 1},
        ACTION_ID,
        PLACEHOLDER,
        CONFIRM,
        FOCUS,
        END}};
static const struct slack_shape datetimepicker = {
    .type = "datetimepicker",
    .rules = (const struct slack_rule[]){
        {.name = "initial_date_time", .kind = SLACK_INT, .min = 1000000000, .max = 9999999999},
        ACTION_ID,
        CONFIRM,
        FOCUS,
        END}};

static const struct slack_shape plain_text_input = {
    .type = "plain_text_input",
    .rules = (const struct slack_rule[]){
        {.name = "initial_value", .kind = SLACK_STRING, .max = 3000},
        {.name = "multiline", .kind = SLACK_BOOL},
        {.name = "min_length", .kind = SLACK_INT, .min = 0, .max = 3000},
        {.name = "max_length", .kind = SLACK_INT, .min = 1, .max = 3000},
        ACTION_ID,
        PLACEHOLDER,
        FOCUS,
        DISPATCH,
        END}};
static const struct slack_shape rich_text_input = {
    .type = "rich_text_input",
    .rules = (const struct slack_rule[]){
        {.name = "initial_value", .kind = SLACK_OBJECT, .shapes = slack_rich_text_only},
        {.name = "min_lines", .kind = SLACK_INT, .min = 1, .max = 100},
        {.name = "max_lines", .kind = SLACK_INT, .min = 1, .max = 100},
        ACTION_ID,
        PLACEHOLDER,
        FOCUS,
        DISPATCH,
        END}};
static const struct slack_shape number_input = {
    .type = "number_input",
    .rules = (const struct slack_rule[]){
        {.name = "is_decimal_allowed", .kind = SLACK_BOOL, .required = true},
        {.name = "initial_value", .kind = SLACK_STRING, .min = 1},
        {.name = "min_value", .kind = SLACK_STRING, .min = 1},
        {.name = "max_value", .kind = SLACK_STRING, .min = 1},
        ACTION_ID,
        PLACEHOLDER,
        FOCUS,
        DISPATCH,
        END}};
static const struct slack_rule line_input_rules[] = {
    {.name = "initial_value", .kind = SLACK_STRING, .min = 1, .max = 3000},
    ACTION_ID,
    PLACEHOLDER,
    FOCUS,
    DISPATCH,
    END};
static const struct slack_shape email_text_input = {.type = "email_text_input",
                                                    .rules = line_input_rules};
static const struct slack_shape url_text_input = {.type = "url_text_input",
                                                  .rules = line_input_rules};
static const struct slack_shape file_input = {
    .type = "file_input",
    .rules =
        (const struct slack_rule[]){{.name = "filetypes", .kind = SLACK_STRINGS, .min = 1},
                                    {.name = "max_files", .kind = SLACK_INT, .min = 1, .max = 10},
                                    ACTION_ID,
                                    END}};

static const struct slack_shape image_element = {
    .type = "image",
    .extra = slack_extra_image,
    .rules = (const struct slack_rule[]){
        {.name = "image_url", .kind = SLACK_URL, .max = 3000},
        {.name = "slack_file", .kind = SLACK_OBJECT, .shapes = slack_slack_file},
        {.name = "alt_text", .kind = SLACK_STRING, .required = true, .min = 1, .max = 2000},
        END}};
static const struct slack_shape plain_text_element = {
    .type = "plain_text",
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_STRING, .required = true, .min = 1, .max = 3000},
        {.name = "emoji", .kind = SLACK_BOOL},
        END}};
static const struct slack_shape mrkdwn_element = {
    .type = "mrkdwn",
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_STRING, .required = true, .min = 1, .max = 3000},
        {.name = "verbatim", .kind = SLACK_BOOL},
        END}};

static const struct slack_shape feedback_button = {
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_PLAIN, .required = true, .max = 75},
        {.name = "value", .kind = SLACK_STRING, .required = true, .max = 2000},
        LABEL,
        END}};
static const struct slack_shape *const feedback_button_only[] = {&feedback_button, NULL};
static const struct slack_shape feedback_buttons = {
    .type = "feedback_buttons",
    .rules = (const struct slack_rule[]){{.name = "positive_button",
                                          .kind = SLACK_OBJECT,
                                          .required = true,
                                          .shapes = feedback_button_only},
                                         {.name = "negative_button",
                                          .kind = SLACK_OBJECT,
                                          .required = true,
                                          .shapes = feedback_button_only},
                                         ACTION_ID,
                                         END}};
static const struct slack_shape icon_button = {
    .type = "icon_button",
    .rules = (const struct slack_rule[]){
        {.name = "icon", .kind = SLACK_STRING, .required = true, .min = 1},
        {.name = "text", .kind = SLACK_PLAIN, .required = true, .max = 75},
        {.name = "value", .kind = SLACK_STRING, .max = 2000},
        {.name = "visible_to_user_ids", .kind = SLACK_STRINGS, .min = 1},
        ACTION_ID,
        LABEL,
        CONFIRM,
        END}};

const struct slack_shape *const slack_button_only[] = {&button, NULL};
const struct slack_shape *const slack_image_only[] = {&image_element, NULL};
const struct slack_shape *const slack_feedback_elements[] = {&feedback_buttons, &icon_button, NULL};
const struct slack_shape *const slack_context_elements[] = {&image_element, &plain_text_element,
                                                            &mrkdwn_element, NULL};
const struct slack_shape *const slack_action_elements[] = {&button,
                                                           &overflow,
                                                           &static_select,
                                                           &external_select,
                                                           &users_select,
                                                           &channels_select,
                                                           &conversations_select,
                                                           &multi_static_select,
                                                           &multi_users_select,
                                                           &multi_channels_select,
                                                           &multi_conversations_select,
                                                           &checkboxes,
                                                           &radio_buttons,
                                                           &datepicker,
                                                           &timepicker,
                                                           &datetimepicker,
                                                           &rich_text_input,
                                                           NULL};
const struct slack_shape *const slack_accessory_elements[] = {&image_element,
                                                              &button,
                                                              &overflow,
                                                              &static_select,
                                                              &external_select,
                                                              &users_select,
                                                              &channels_select,
                                                              &conversations_select,
                                                              &multi_static_select,
                                                              &multi_users_select,
                                                              &multi_channels_select,
                                                              &multi_conversations_select,
                                                              &checkboxes,
                                                              &radio_buttons,
                                                              &datepicker,
                                                              &timepicker,
                                                              NULL};
const struct slack_shape *const slack_input_elements[] = {
    &plain_text_input,   &rich_text_input,       &number_input,
    &email_text_input,   &url_text_input,        &file_input,
    &static_select,      &external_select,       &users_select,
    &channels_select,    &conversations_select,  &multi_static_select,
    &multi_users_select, &multi_channels_select, &multi_conversations_select,
    &checkboxes,         &radio_buttons,         &datepicker,
    &timepicker,         &datetimepicker,        NULL};
