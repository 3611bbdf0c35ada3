/* slack_command.c - a slash command as a person types it: escaped, sent, its answer shown. */
#include "slack_private.h"

#include "fluxabot/base/buf.h"

#include <ctype.h>
#include <string.h>

enum { COMMAND_TEXT_MAX = 8000, NAME_MAX_LEN = 40 };

static size_t word_length(const char *text) {
    size_t n = 0;

    while (n < NAME_MAX_LEN &&
           (isalnum((unsigned char)text[n]) || text[n] == '-' || text[n] == '_'))
        n++;
    return n;
}

/* "@bo" and "#fluxa-alerts" at the start of a word. How many bytes were used; 0 when it is neither.
 */
static size_t escape_name(struct sandbox *sb, struct fx_buf *buf, const char *text) {
    const struct sandbox_slack *slack = sb->slack;
    const size_t n = word_length(text + 1);
    const struct fx_slice name = {text + 1, n};

    for (size_t i = 0; *text == '@' && i < slack->people_count; i++)
        if (fx_slice_equal_text(name, slack->people[i].name)) {
            fx_buf_addf(buf, "<@%s>", slack->people[i].id);
            return n + 1;
        }
    for (size_t i = 0; *text == '#' && i < slack->channels_count; i++)
        if (fx_slice_equal_text(name, slack->channels[i].name)) {
            fx_buf_addf(buf, "<#%s|%s>", slack->channels[i].id, slack->channels[i].name);
            return n + 1;
        }
    return 0;
}

/* What a caller has escaped already: "<@U012ABCDEF>", "<#C012ABCDE|name>". */
static size_t escaped_length(const char *text) {
    size_t n = 2;

    if (text[0] != '<' || (text[1] != '@' && text[1] != '#'))
        return 0;
    if (!strchr("UWC", text[2]) || text[2] == '\0')
        return 0;
    while (isalnum((unsigned char)text[n]) || text[n] == '|' || text[n] == '-')
        n++;
    return text[n] == '>' ? n + 1 : 0;
}

const char *slack_escape_command(struct sandbox *sb, struct fx_scope *sc, const char *text) {
    struct fx_buf buf;
    bool at_start = true;

    fx_buf_init(&buf, sc, COMMAND_TEXT_MAX * 5);
    while (*text) {
        size_t used = escaped_length(text);
        if (used > 0) {
            fx_buf_add(&buf, (struct fx_slice){text, used});
        } else if (at_start && (used = escape_name(sb, &buf, text)) > 0) {
        } else if (at_start && strncmp(text, "https://", 8) == 0) {
            used = strcspn(text, " \t\n<>");
            fx_buf_addf(&buf, "<%.*s>", (int)used, text);
        } else {
            used = 1;
            if (*text == '&' || *text == '<' || *text == '>')
                fx_buf_add_text(&buf, *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : "&gt;");
            else
                fx_buf_add_char(&buf, *text);
        }
        text += used;
        at_start = isspace((unsigned char)text[-1]);
    }
    return fx_buf_text(&buf);
}

static void add_field(struct fx_buf *buf, struct fx_scope *sc, const char *name,
                      const char *value) {
    const char *encoded = fx_url_encode(sc, fx_slice_of(value), false);

    fx_buf_addf(buf, "%s%s=", buf->len ? "&" : "", name);
    for (; *encoded; encoded++) { /* a form writes a blank as '+' */
        bool blank = strncmp(encoded, "%20", 3) == 0;
        fx_buf_add_char(buf, blank ? '+' : *encoded);
        encoded += blank ? 2 : 0;
    }
}

static const char *command_form(struct sandbox *sb, struct fx_scope *sc,
                                const struct slack_person *person,
                                const struct slack_channel *channel, const char *typed) {
    const size_t n = strcspn(typed, " \t\n");
    const char *rest = fx_slice_dup(sc, fx_slice_trim(fx_slice_of(typed + n)));
    struct fx_buf buf;

    fx_buf_init(&buf, sc, COMMAND_TEXT_MAX * 20);
    add_field(&buf, sc, "token", "deprecated");
    add_field(&buf, sc, "team_id", SLACK_TEAM);
    add_field(&buf, sc, "team_domain", SLACK_TEAM_DOMAIN);
    add_field(&buf, sc, "channel_id", channel->id);
    add_field(&buf, sc, "channel_name", channel->name);
    add_field(&buf, sc, "user_id", person->id);
    add_field(&buf, sc, "user_name", person->name);
    add_field(&buf, sc, "command", fx_printf(sc, "%.*s", (int)n, typed));
    add_field(&buf, sc, "text", slack_escape_command(sb, sc, rest));
    add_field(&buf, sc, "api_app_id", SLACK_APP);
    add_field(&buf, sc, "is_enterprise_install", "false");
    add_field(&buf, sc, "response_url", slack_new_hook(sb, sc, person->id, channel->id, NULL));
    add_field(&buf, sc, "trigger_id", slack_new_trigger(sb, sc, person->id, NULL));
    return fx_buf_text(&buf);
}

static void show_failure(struct sandbox *sb, struct fx_scope *sc, const struct slack_person *person,
                         const char *channel, const char *typed, const char *failure) {
    slack_tell(sb, sc, person->id, channel,
               fx_printf(sc, "%.*s failed with the error \"%s\"", (int)strcspn(typed, " \t\n"),
                         typed, failure));
}

/* A 200 shows its body to the person, or to all when it says in_channel; empty shows nothing. */
static void show_answer(struct sandbox *sb, struct fx_scope *sc, const struct slack_person *person,
                        const char *channel, const char *typed, const struct fx_http_reply *reply) {
    const char *type = fx_http_reply_header(reply, "content-type");
    struct fx_json *args = NULL;
    struct fx_error err;

    if (reply->status != 200) {
        const char *what = reply->status >= 500 ? "http_service_error" : "http_client_error";
        show_failure(sb, sc, person, channel, typed, what);
        return;
    }
    if (fx_slice_trim(reply->body).len == 0)
        return;
    bool json = type && strncasecmp(type, "application/json", 16) == 0;
    if (!json)
        args = fx_json_object_of(sc, "text", fx_json_slice(sc, reply->body), NULL);
    else if (fx_json_parse(sc, reply->body, &args, &err) != FX_OK || fx_json_count(args) == 0)
        args = NULL;
    struct slack_content content = slack_read_content(sb, sc, args);
    if (content.error) {
        show_failure(sb, sc, person, channel, typed, "invalid_command_response");
        return;
    }
    const char *visible = fx_json_get_text(args, "response_type");
    bool public = visible && strcmp(visible, "in_channel") == 0;
    const struct slack_draft draft = {.channel = channel,
                                      .user = SLACK_BOT_USER,
                                      .only_for = public ? NULL : person->id,
                                      .ephemeral = !public,
                                      .content = content.content};
    slack_add(sb, &draft);
}

void sandbox_door_command(struct sandbox_request *req, struct sandbox_reply *reply) {
    struct fx_json *body = sandbox_body(req, reply);
    const char *typed = fx_json_get_text(body, "text");
    const char *where = fx_json_get_text(body, "channel");
    struct fx_http_reply *bot = NULL;

    if (!body)
        return;
    const struct slack_person *person = slack_person_at(req->sb, fx_json_get_text(body, "user"));
    const struct slack_channel *channel = slack_channel_at(req->sb, where ? where : SLACK_CHANNEL);
    if (!person || !channel) {
        sandbox_reply_error(req, reply, 404, "there is no such %s", person ? "channel" : "user");
        return;
    }
    if (!typed || *typed != '/' || strlen(typed) > COMMAND_TEXT_MAX) {
        sandbox_reply_error(req, reply, 400,
                            "text must begin with a slash and be at most %d bytes long",
                            COMMAND_TEXT_MAX);
        return;
    }
    const struct slack_person who = *person; /* a reset may come while the bot answers */
    const char *channel_id = fx_strdup(req->sc, channel->id);
    const char *form = command_form(req->sb, req->sc, &who, channel, typed);
    struct slack_outgoing out = {
        .method = "POST", .path = "/slack/commands", .body = fx_slice_of(form)};
    slack_sign_outgoing(req->sb, req->sc, &out, "application/x-www-form-urlencoded");
    const char *failure = slack_send(req->sb, req->sc, &out, &bot);
    if (failure)
        show_failure(req->sb, req->sc, &who, channel_id, typed, failure);
    else
        show_answer(req->sb, req->sc, &who, channel_id, typed, bot);
    sandbox_reply_json(req, reply, 200, slack_outcome(req->sc, bot, failure));
}
