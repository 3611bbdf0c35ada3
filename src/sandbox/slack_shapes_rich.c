/* slack_shapes_rich.c - the rich_text block: sections, lists, quotes, preformatted text. */
#include "slack_shapes.h"

#define END                                                                                        \
    { .name = NULL }
#define STYLE                                                                                      \
    { .name = "style", .kind = SLACK_OBJECT, .shapes = style_only }

static const struct slack_shape style = {
    .rules = (const struct slack_rule[]){{.name = "bold", .kind = SLACK_BOOL},
                                         {.name = "italic", .kind = SLACK_BOOL},
                                         {.name = "strike", .kind = SLACK_BOOL},
                                         {.name = "code", .kind = SLACK_BOOL},
                                         {.name = "underline", .kind = SLACK_BOOL},
                                         {.name = "highlight", .kind = SLACK_BOOL},
                                         {.name = "client_highlight", .kind = SLACK_BOOL},
                                         {.name = "unlink", .kind = SLACK_BOOL},
                                         END}};
static const struct slack_shape *const style_only[] = {&style, NULL};

static const struct slack_shape text = {
    .type = "text",
    .rules = (const struct slack_rule[]){
        {.name = "text", .kind = SLACK_STRING, .required = true, .min = 1}, STYLE, END}};
static const struct slack_shape link = {
    .type = "link",
    .rules = (const struct slack_rule[]){{.name = "url", .kind = SLACK_URL, .required = true},
                                         {.name = "text", .kind = SLACK_STRING},
                                         {.name = "unsafe", .kind = SLACK_BOOL},
                                         STYLE,
                                         END}};
static const struct slack_shape emoji = {
    .type = "emoji",
    .rules = (const struct slack_rule[]){
        {.name = "name", .kind = SLACK_STRING, .required = true, .min = 1},
        {.name = "unicode", .kind = SLACK_STRING},
        {.name = "url", .kind = SLACK_URL},
        {.name = "skin_tone", .kind = SLACK_INT, .min = 1, .max = 6},
        STYLE,
        END}};
static const struct slack_shape user = {
    .type = "user",
    .rules = (const struct slack_rule[]){
        {.name = "user_id", .kind = SLACK_STRING, .required = true, .min = 1}, STYLE, END}};
static const struct slack_shape usergroup = {
    .type = "usergroup",
    .rules = (const struct slack_rule[]){
        {.name = "usergroup_id", .kind = SLACK_STRING, .required = true, .min = 1}, STYLE, END}};
static const struct slack_shape channel = {
    .type = "channel",
    .rules = (const struct slack_rule[]){
        {.name = "channel_id", .kind = SLACK_STRING, .required = true, .min = 1}, STYLE, END}};
static const struct slack_shape broadcast = {
    .type = "broadcast",
    .rules = (const struct slack_rule[]){
        {.name = "range", .kind = SLACK_WORD, .required = true, .words = "here|channel|everyone"},
        STYLE,
        END}};
static const struct slack_shape date = {
    .type = "date",
    .rules = (const struct slack_rule[]){
        {.name = "timestamp", .kind = SLACK_INT, .required = true, .min = 0, .max = 99999999999},
        {.name = "format", .kind = SLACK_STRING, .required = true, .min = 1},
        {.name = "url", .kind = SLACK_URL},
        {.name = "fallback", .kind = SLACK_STRING},
        STYLE,
        END}};
static const struct slack_shape color = {
    .type = "color",
    .rules = (const struct slack_rule[]){
        {.name = "value", .kind = SLACK_STRING, .required = true, .min = 1}, STYLE, END}};

static const struct slack_shape *const inline_parts[] = {
    &text, &link, &emoji, &user, &usergroup, &channel, &broadcast, &date, &color, NULL};
static const struct slack_shape *const preformatted_parts[] = {&text, &link, NULL};

static const struct slack_shape section = {
    .type = "rich_text_section",
    .rules = (const struct slack_rule[]){
        {.name = "elements", .kind = SLACK_LIST, .required = true, .shapes = inline_parts}, END}};
static const struct slack_shape *const section_only[] = {&section, NULL};
static const struct slack_shape list = {
    .type = "rich_text_list",
    .rules = (const struct slack_rule[]){
        {.name = "style", .kind = SLACK_WORD, .required = true, .words = "bullet|ordered"},
        {.name = "elements",
         .kind = SLACK_LIST,
         .required = true,
         .min = 1,
         .shapes = section_only},
        {.name = "indent", .kind = SLACK_INT, .min = 0, .max = 8},
        {.name = "offset", .kind = SLACK_INT, .min = 0, .max = 100000},
        {.name = "border", .kind = SLACK_INT, .min = 0, .max = 1},
        END}};
static const struct slack_shape quote = {
    .type = "rich_text_quote",
    .rules = (const struct slack_rule[]){
        {.name = "elements", .kind = SLACK_LIST, .required = true, .shapes = inline_parts},
        {.name = "border", .kind = SLACK_INT, .min = 0, .max = 1},
        END}};
static const struct slack_shape preformatted = {
    .type = "rich_text_preformatted",
    .rules = (const struct slack_rule[]){
        {.name = "elements", .kind = SLACK_LIST, .required = true, .shapes = preformatted_parts},
        {.name = "border", .kind = SLACK_INT, .min = 0, .max = 1},
        {.name = "language", .kind = SLACK_STRING},
        END}};

const struct slack_shape *const slack_rich_parts[] = {&section, &list, &quote, &preformatted, NULL};

static const struct slack_shape rich_text = {
    .type = "rich_text",
    .rules = (const struct slack_rule[]){
        {.name = "block_id", .kind = SLACK_STRING, .min = 1, .max = 255},
        {.name = "elements",
         .kind = SLACK_LIST,
         .required = true,
         .min = 1,
         .shapes = slack_rich_parts},
        END}};
const struct slack_shape *const slack_rich_text_only[] = {&rich_text, NULL};
