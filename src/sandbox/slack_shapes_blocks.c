/* slack_shapes_blocks.c - the blocks of Block Kit, where they may stand and what they hold. */
#include "slack_shapes.h"

#include <string.h>

#define END                                                                                        \
    { .name = NULL }
#define BLOCK_ID                                                                                   \
    { .name = "block_id", .kind = SLACK_STRING, .min = 1, .max = 255 }

void slack_extra_image(struct slack_check *check, const struct fx_json *value,
                       const char *pointer) {
    if (!fx_json_at(value, "image_url") == !fx_json_at(value, "slack_file"))
        slack_complain(check, pointer, "must define either `image_url` or `slack_file`");
}

void slack_extra_slack_file(struct slack_check *check, const struct fx_json *value,
                            const char *pointer) {
    if (!fx_json_at(value, "id") == !fx_json_at(value, "url"))
        slack_complain(check, pointer, "must define either `id` or `url`");
}

static void text_or_fields(struct slack_check *check, const struct fx_json *value,
                           const char *pointer) {
    if (!fx_json_at(value, "text") && !fx_json_at(value, "fields"))
        slack_complain(check, pointer, "must define either `text` or `fields`");
}

static void equal_rows(struct slack_check *check, const struct fx_json *value,
                       const char *pointer) {
    const struct fx_json *rows = fx_json_at(value, "rows");

    for (size_t i = 1; i < fx_json_count(rows); i++)
        if (fx_json_count(fx_json_item(rows, i)) != fx_json_count(fx_json_item(rows, 0)))
            slack_complain(check, pointer, "row %zu must have as many cells as the header", i);
}

static const struct slack_shape slack_file = {
    .extra = slack_extra_slack_file,
    .rules = (const struct slack_rule[]){
        {.name = "id", .kind = SLACK_STRING, .min = 1}, {.name = "url", .kind = SLACK_URL}, END}};
const struct slack_shape *const slack_slack_file[] = {&slack_file, NULL};

static const struct slack_shape header = {
    .type = "header",
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_PLAIN, .required = true, .max = 150},
        {.name = "level", .kind = SLACK_INT, .min = 1, .max = 4},
        BLOCK_ID,
        END}};
static const struct slack_shape section = {
    .type = "section",
    .extra = text_or_fields,
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_TEXT, .max = 3000},
        {.name = "fields", .kind = SLACK_TEXTS, .min = 1, .max = 2000, .max_items = 10},
        {.name = "accessory", .kind = SLACK_OBJECT, .shapes = slack_accessory_elements},
        {.name = "expand", .kind = SLACK_BOOL},
        BLOCK_ID,
        END}};
static const struct slack_shape divider = {.type = "divider",
                                           .rules = (const struct slack_rule[]){BLOCK_ID, END}};
static const struct slack_shape context = {
    .type = "context",
    .rules = (const struct slack_rule[]){{.name = "elements",
                                          .kind = SLACK_LIST,
                                          .required = true,
                                          .min = 1,
                                          .max = 10,
                                          .shapes = slack_context_elements},
                                         BLOCK_ID,
                                         END}};
static const struct slack_shape actions = {
    .type = "actions",
    .rules = (const struct slack_rule[]){{.name = "elements",
                                          .kind = SLACK_LIST,
                                          .required = true,
                                          .min = 1,
                                          .max = 25,
                                          .shapes = slack_action_elements},
                                         BLOCK_ID,
                                         END}};
static const struct slack_shape context_actions = {
    .type = "context_actions",
    .surfaces = SLACK_MESSAGE,
    .rules = (const struct slack_rule[]){{.name = "elements",
                                          .kind = SLACK_LIST,
                                          .required = true,
                                          .min = 1,
                                          .max = 5,
                                          .shapes = slack_feedback_elements},
                                         BLOCK_ID,
                                         END}};
static const struct slack_shape image = {
    .type = "image",
    .extra = slack_extra_image,
    .rules = (const struct slack_rule[]){
        {.name = "image_url", .kind = SLACK_URL, .max = 3000},
        {.name = "slack_file", .kind = SLACK_OBJECT, .shapes = slack_slack_file},
        {.name = "alt_text", .kind = SLACK_STRING, .required = true, .min = 1, .max = 2000},
        {.name = "title", .kind = SLACK_PLAIN, .max = 2000},
        BLOCK_ID,
        END}};
static const struct slack_shape input = {
    .type = "input",
    .rules = (const struct slack_rule[]){
        {.name = "label", .kind = SLACK_PLAIN, .required = true, .max = 2000},
        {.name = "element", .kind = SLACK_OBJECT, .required = true, .shapes = slack_input_elements},
        {.name = "hint", .kind = SLACK_PLAIN, .max = 2000},
        {.name = "optional", .kind = SLACK_BOOL},
        {.name = "dispatch_action", .kind = SLACK_BOOL},
        BLOCK_ID,
        END}};
static const struct slack_shape rich_text = {
    .type = "rich_text",
    .rules = (const struct slack_rule[]){{.name = "elements",
                                          .kind = SLACK_LIST,
                                          .required = true,
                                          .min = 1,
                                          .shapes = slack_rich_parts},
                                         BLOCK_ID,
                                         END}};
static const struct slack_shape markdown = {
    .type = "markdown",
    .surfaces = SLACK_MESSAGE,
    .rules = (const struct slack_rule[]){{.name = "text",
                                          .kind = SLACK_STRING,
                                          .required = true,
                                          .min = 1,
                                          .max = SLACK_MARKDOWN_CHARACTERS},
                                         BLOCK_ID,
                                         END}};

/* raw_number and null are in the official types, yet the live validator refused them in 2026. */
static const struct slack_shape raw_text = {
    .type = "raw_text",
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_STRING, .required = true, .min = 1}, END}};
static const struct slack_shape *const cells[] = {&raw_text, &rich_text, NULL};
static const struct slack_shape column = {
    .rules = (const struct slack_rule[]){
        {.name = "align", .kind = SLACK_WORD, .words = "left|center|right"},
        {.name = "is_wrapped", .kind = SLACK_BOOL},
        END}};
static const struct slack_shape *const column_only[] = {&column, NULL};
static const struct slack_shape table = {
    .type = "table",
    .surfaces = SLACK_MESSAGE,
    .rules = (const struct slack_rule[]){
        {.name = "rows",
         .kind = SLACK_ROWS,
         .required = true,
         .min = 1,
         .max = 100,
         .max_items = 20,
         .shapes = cells},
        {.name = "column_settings", .kind = SLACK_LIST, .max = 20, .shapes = column_only},
        BLOCK_ID,
        END}};
static const struct slack_shape data_table = {
    .type = "data_table",
    .surfaces = SLACK_MESSAGE,
    .extra = equal_rows,
    .rules = (const struct slack_rule[]){
        {.name = "caption", .kind = SLACK_STRING, .required = true, .min = 1},
        {.name = "rows",
         .kind = SLACK_ROWS,
         .required = true,
         .min = 2,
         .max = 101,
         .max_items = 20,
         .shapes = cells},
        {.name = "page_size", .kind = SLACK_INT, .min = 1, .max = 100},
        {.name = "row_header_column_index", .kind = SLACK_INT, .min = 0, .max = 19},
        BLOCK_ID,
        END}};

static const struct slack_shape point = {
    .rules = (const struct slack_rule[]){
        {.name = "label", .kind = SLACK_STRING, .required = true, .min = 1, .max = 20},
        {.name = "value", .kind = SLACK_NUMBER, .required = true},
        END}};
static const struct slack_shape *const point_only[] = {&point, NULL};
static const struct slack_shape series = {
    .rules = (const struct slack_rule[]){
        {.name = "name", .kind = SLACK_STRING, .required = true, .min = 1, .max = 20},
        {.name = "data",
         .kind = SLACK_LIST,
         .required = true,
         .min = 1,
         .max = 20,
         .shapes = point_only},
        END}};
static const struct slack_shape *const series_only[] = {&series, NULL};
static const struct slack_shape axis = {
    .rules = (const struct slack_rule[]){
        {.name = "categories", .kind = SLACK_STRINGS, .required = true, .min = 1, .max = 20},
        {.name = "x_label", .kind = SLACK_STRING, .min = 1, .max = 50},
        {.name = "y_label", .kind = SLACK_STRING, .min = 1, .max = 50},
        END}};
static const struct slack_shape *const axis_only[] = {&axis, NULL};
static const struct slack_rule chart_rules[] = {
    {.name = "series",
     .kind = SLACK_LIST,
     .required = true,
     .min = 1,
     .max = 6,
     .shapes = series_only},
    {.name = "axis_config", .kind = SLACK_OBJECT, .required = true, .shapes = axis_only},
    END};
static const struct slack_shape line = {.type = "line", .rules = chart_rules};
static const struct slack_shape bar = {.type = "bar", .rules = chart_rules};
static const struct slack_shape area = {.type = "area", .rules = chart_rules};
static const struct slack_shape slice = {
    .rules = (const struct slack_rule[]){
        {.name = "label", .kind = SLACK_STRING, .required = true, .min = 1, .max = 20},
        {.name = "value", .kind = SLACK_NUMBER, .required = true},
        END}};
static const struct slack_shape *const slice_only[] = {&slice, NULL};
static const struct slack_shape pie = {.type = "pie",
                                       .rules = (const struct slack_rule[]){{.name = "segments",
                                                                             .kind = SLACK_LIST,
                                                                             .required = true,
                                                                             .min = 1,
                                                                             .max = 20,
                                                                             .shapes = slice_only},
                                                                            END}};
static const struct slack_shape *const charts[] = {&line, &bar, &area, &pie, NULL};
static const struct slack_shape data_visualization = {
    .type = "data_visualization",
    .surfaces = SLACK_MESSAGE,
    .rules = (const struct slack_rule[]){
        {.name = "title", .kind = SLACK_STRING, .required = true, .min = 1, .max = 50},
        {.name = "chart", .kind = SLACK_OBJECT, .required = true, .shapes = charts},
        BLOCK_ID,
        END}};

static const struct slack_shape card = {
    .type = "card",
    .surfaces = SLACK_MESSAGE,
    .rules = (const struct slack_rule[]){
        {.name = "title", .kind = SLACK_TEXT, .max = 150},
        {.name = "subtitle", .kind = SLACK_TEXT, .max = 150},
        {.name = "body", .kind = SLACK_TEXT, .max = 200},
        {.name = "subtext", .kind = SLACK_TEXT, .max = 200},
        {.name = "hero_image", .kind = SLACK_OBJECT, .shapes = slack_image_only},
        {.name = "icon", .kind = SLACK_OBJECT, .shapes = slack_image_only},
        {.name = "slack_icon", .kind = SLACK_ANY},
        {.name = "actions", .kind = SLACK_LIST, .max = 3, .shapes = slack_button_only},
        BLOCK_ID,
        END}};
static const struct slack_shape *const card_only[] = {&card, NULL};
static const struct slack_shape carousel = {.type = "carousel",
                                            .surfaces = SLACK_MESSAGE,
                                            .rules =
                                                (const struct slack_rule[]){{.name = "elements",
                                                                             .kind = SLACK_LIST,
                                                                             .required = true,
                                                                             .min = 1,
                                                                             .max = 10,
                                                                             .shapes = card_only},
                                                                            BLOCK_ID,
                                                                            END}};
static const struct slack_shape alert = {
    .type = "alert",
    .surfaces = SLACK_MODAL,
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_TEXT, .required = true, .max = 200},
        {.name = "level", .kind = SLACK_WORD, .words = "default|info|warning|error|success"},
        BLOCK_ID,
        END}};

static const struct slack_shape url_source = {
    .type = "url",
    .rules = (const struct slack_rule[]){
        {.name = "url", .kind = SLACK_URL, .required = true},
        {.name = "text", .kind = SLACK_STRING, .required = true, .min = 1},
        END}};
static const struct slack_shape *const sources[] = {&url_source, NULL};
#define TASK_STATUS "pending|in_progress|complete|error"
static const struct slack_shape task_card = {
    .type = "task_card",
    .surfaces = SLACK_MESSAGE,
    .rules = (const struct slack_rule[]){
        {.name = "task_id", .kind = SLACK_STRING, .required = true, .min = 1, .max = 255},
        {.name = "title", .kind = SLACK_STRING, .required = true, .min = 1},
        {.name = "status", .kind = SLACK_WORD, .words = TASK_STATUS},
        {.name = "details", .kind = SLACK_OBJECT, .shapes = slack_rich_text_only},
        {.name = "output", .kind = SLACK_OBJECT, .shapes = slack_rich_text_only},
        {.name = "sources", .kind = SLACK_LIST, .shapes = sources},
        BLOCK_ID,
        END}};
static const struct slack_shape *const task_only[] = {&task_card, NULL};
static const struct slack_shape plan = {
    .type = "plan",
    .surfaces = SLACK_MESSAGE,
    .rules = (const struct slack_rule[]){
        {.name = "title", .kind = SLACK_STRING, .required = true, .min = 1},
        {.name = "tasks", .kind = SLACK_LIST, .shapes = task_only},
        BLOCK_ID,
        END}};
/* The live validator and the documentation disagree on its children; these are in both. */
static const struct slack_shape *const container_children[] = {
    &section, &divider, &context, &actions, &image, &rich_text, &table, NULL};
static const struct slack_shape container = {
    .type = "container",
    .surfaces = SLACK_MESSAGE,
    .rules = (const struct slack_rule[]){
        {.name = "title", .kind = SLACK_PLAIN, .required = true, .max = 150},
        {.name = "subtitle", .kind = SLACK_PLAIN, .max = 150},
        {.name = "child_blocks",
         .kind = SLACK_LIST,
         .required = true,
         .min = 1,
         .max = 10,
         .shapes = container_children},
        {.name = "is_collapsible", .kind = SLACK_BOOL},
        {.name = "width", .kind = SLACK_STRING},
        BLOCK_ID,
        END}};
static const struct slack_shape video = {
    .type = "video",
    .rules = (const struct slack_rule[]){
        {.name = "alt_text", .kind = SLACK_STRING, .required = true, .min = 1},
        {.name = "title", .kind = SLACK_PLAIN, .required = true, .max = 199},
        {.name = "title_url", .kind = SLACK_URL},
        {.name = "description", .kind = SLACK_PLAIN, .max = 200},
        {.name = "video_url", .kind = SLACK_URL, .required = true},
        {.name = "thumbnail_url", .kind = SLACK_URL, .required = true},
        {.name = "author_name", .kind = SLACK_STRING, .max = 49},
        {.name = "provider_name", .kind = SLACK_STRING},
        {.name = "provider_icon_url", .kind = SLACK_URL},
        BLOCK_ID,
        END}};

const struct slack_shape *const slack_blocks[] = {&header,
                                                  &section,
                                                  &divider,
                                                  &context,
                                                  &actions,
                                                  &context_actions,
                                                  &image,
                                                  &input,
                                                  &rich_text,
                                                  &markdown,
                                                  &table,
                                                  &data_table,
                                                  &data_visualization,
                                                  &card,
                                                  &carousel,
                                                  &alert,
                                                  &plan,
                                                  &task_card,
                                                  &container,
                                                  &video,
                                                  NULL};
