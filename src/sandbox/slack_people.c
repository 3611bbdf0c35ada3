/* slack_people.c - the people, the channels and the settings of the simulated workspace. */
#include "slack_private.h"

#include "fluxabot/base/buf.h"

#include <string.h>

static const struct slack_person people_at_start[] = {
    {.id = "U0ANNA0001",
     .name = "anna",
     .real_name = "Anna Ode",
     .role = "requester",
     .team = SLACK_TEAM},
    {.id = "U0BOLIND02",
     .name = "bo",
     .real_name = "Bo Lind",
     .role = "approver",
     .team = SLACK_TEAM,
     .in_group = true},
    {.id = "U0GUEST003",
     .name = "gil",
     .real_name = "Gil Guest",
     .role = "guest",
     .team = SLACK_TEAM,
     .is_restricted = true},
    {.id = "U0CARA0004",
     .name = "cara",
     .real_name = "Cara Moss",
     .role = "operator",
     .team = SLACK_TEAM},
    {.id = "U0STRANGER",
     .name = "sam",
     .real_name = "Sam Stranger",
     .role = "stranger",
     .team = SLACK_AWAY_TEAM,
     .is_stranger = true},
    {.id = "U0GONE0005",
     .name = "dee",
     .real_name = "Dee Left",
     .role = "gone",
     .team = SLACK_TEAM,
     .deleted = true},
    {.id = "U0ANNA0002",
     .name = "anna-admin",
     .real_name = "Anna Ode (second account)",
     .role = "requester-again",
     .team = SLACK_TEAM},
    {.id = "U0GRIDER06",
     .name = "grit",
     .real_name = "Grit Grid",
     .role = "grid",
     .team = SLACK_ORG},
    {.id = SLACK_BOT_USER,
     .name = "fluxabot",
     .real_name = "fluxabot",
     .role = "bot",
     .team = SLACK_TEAM,
     .is_bot = true},
    {.id = SLACK_OF_ITSELF,
     .name = "slackbot",
     .real_name = "Slackbot",
     .role = "slackbot",
     .team = SLACK_TEAM,
     .is_bot = true},
};

static const struct slack_channel channels_at_start[] = {
    {.id = SLACK_CHANNEL, .name = "fluxa-alerts", .is_member = true},
    {.id = "C0REGWORK01", .name = "reg-workers-alerts", .is_member = true},
    {.id = "C0CHATRT001", .name = "chat-alerts", .is_member = true},
    {.id = "C0KANJONA01", .name = "kanjona-alerts", .is_member = true},
    {.id = "C0RANDOM001", .name = "random"},
    {.id = "C0ARCHIVE01", .name = "old-alerts", .is_member = true, .is_archived = true},
    {.id = "C0PARTNER01", .name = "partner-alerts", .is_member = true, .is_ext_shared = true},
};

/* Slack allows about one post a second and forgives short bursts; chat.update is tier 3. */
static const struct slack_rates rates_at_start = {
    .post_per_minute = 60, .post_burst = 10, .update_per_minute = 50, .update_burst = 50};

static const char scopes_at_start[] =
    "commands,chat:write,files:write,users:read,usergroups:read,channels:read,app_mentions:read";

void slack_people_reset(struct sandbox *sb) {
    struct sandbox_slack *slack = sb->slack;

    _Static_assert(FX_COUNT_OF(people_at_start) <= SLACK_PEOPLE_MAX, "people fit");
    _Static_assert(FX_COUNT_OF(channels_at_start) <= SLACK_CHANNELS_MAX, "channels fit");
    memcpy(slack->people, people_at_start, sizeof people_at_start);
    slack->people_count = FX_COUNT_OF(people_at_start);
    memcpy(slack->channels, channels_at_start, sizeof channels_at_start);
    slack->channels_count = FX_COUNT_OF(channels_at_start);
    slack->rates = rates_at_start;
    memcpy(slack->scopes, scopes_at_start, sizeof scopes_at_start);
    slack->token_revoked = false;
    slack->clock_off_ms = 0;
    memset(slack->channel_buckets, 0, sizeof slack->channel_buckets);
    memset(slack->method_buckets, 0, sizeof slack->method_buckets);
}

struct slack_person *slack_person_at(struct sandbox *sb, const char *name) {
    struct sandbox_slack *slack = sb->slack;

    for (size_t i = 0; name && i < slack->people_count; i++)
        if (strcmp(slack->people[i].id, name) == 0 || strcmp(slack->people[i].role, name) == 0)
            return &slack->people[i];
    return NULL;
}

struct slack_channel *slack_channel_at(struct sandbox *sb, const char *name) {
    struct sandbox_slack *slack = sb->slack;

    if (name && *name == '#')
        name++;
    for (size_t i = 0; name && i < slack->channels_count; i++)
        if (strcmp(slack->channels[i].id, name) == 0 || strcmp(slack->channels[i].name, name) == 0)
            return &slack->channels[i];
    return NULL;
}

/* Only who belongs to an Enterprise organisation has this. */
static struct fx_json *enterprise_json(struct fx_scope *sc, const struct slack_person *person) {
    if (strcmp(person->team, SLACK_ORG) != 0)
        return NULL;
    return fx_json_object_of(sc, "id", fx_json_string(sc, person->id), "enterprise_id",
                             fx_json_string(sc, SLACK_ORG), "enterprise_name",
                             fx_json_string(sc, "Fluxa organisation"), "is_admin",
                             fx_json_bool(sc, false), "is_owner", fx_json_bool(sc, false), "teams",
                             fx_json_array_of(sc, fx_json_string(sc, SLACK_ORG_TEAM), NULL), NULL);
}

struct fx_json *slack_person_json(struct fx_scope *sc, const struct slack_person *person) {
    struct fx_json *profile =
        fx_json_object_of(sc, "real_name", fx_json_string(sc, person->real_name), "display_name",
                          fx_json_string(sc, person->name), NULL);

    return fx_json_object_of(
        sc, "id", fx_json_string(sc, person->id), "team_id", fx_json_string(sc, person->team),
        "name", fx_json_string(sc, person->name), "real_name",
        fx_json_string(sc, person->real_name), "deleted", fx_json_bool(sc, person->deleted),
        "is_admin", fx_json_bool(sc, false), "is_owner", fx_json_bool(sc, false), "is_restricted",
        fx_json_bool(sc, person->is_restricted), "is_ultra_restricted", fx_json_bool(sc, false),
        "is_stranger", fx_json_bool(sc, person->is_stranger), "is_bot",
        fx_json_bool(sc, person->is_bot), "is_app_user", fx_json_bool(sc, false), "tz",
        fx_json_string(sc, "Europe/Stockholm"), "tz_offset", fx_json_int(sc, 3600), "profile",
        profile, "enterprise_user", enterprise_json(sc, person), NULL);
}

static struct fx_json *teams_json(struct fx_scope *sc, const char *first, const char *second) {
    struct fx_json *teams = fx_json_array(sc);

    if (first)
        fx_json_add(teams, fx_json_string(sc, first));
    if (second)
        fx_json_add(teams, fx_json_string(sc, second));
    return teams;
}

/* The members that tell who else is in it, as docs.slack.dev/reference/objects/conversation-object
 * lists them. */
static void put_sharing(struct fx_scope *sc, const struct slack_channel *channel,
                        struct fx_json *json) {
    bool ext = channel->is_ext_shared, pending = channel->is_pending_ext_shared;
    const char *away = ext ? SLACK_AWAY_TEAM : NULL, *invited = pending ? SLACK_AWAY_TEAM : NULL;

    fx_json_put(json, "is_shared", fx_json_bool(sc, ext || channel->is_org_shared));
    fx_json_put(json, "is_ext_shared", fx_json_bool(sc, ext));
    fx_json_put(json, "is_org_shared", fx_json_bool(sc, channel->is_org_shared));
    fx_json_put(json, "is_pending_ext_shared", fx_json_bool(sc, pending));
    fx_json_put(json, "pending_shared", teams_json(sc, invited, NULL));
    fx_json_put(json, "pending_connected_team_ids", teams_json(sc, NULL, NULL));
    fx_json_put(json, "parent_conversation", fx_json_null(sc));
    fx_json_put(json, "shared_team_ids",
                teams_json(sc, SLACK_TEAM, channel->is_org_shared ? SLACK_ORG_TEAM : away));
    if (ext)
        fx_json_put(json, "connected_team_ids", teams_json(sc, away, NULL));
}

struct fx_json *slack_channel_json(struct fx_scope *sc, const struct slack_channel *channel) {
    bool private = channel->is_private;
    struct fx_json *json = fx_json_object_of(
        sc, "id", fx_json_string(sc, channel->id), "name", fx_json_string(sc, channel->name),
        "name_normalized", fx_json_string(sc, channel->name), "is_channel",
        fx_json_bool(sc, !private), "is_group", fx_json_bool(sc, private), "is_im",
        fx_json_bool(sc, false), "is_mpim", fx_json_bool(sc, false), "is_private",
        fx_json_bool(sc, private), "is_archived", fx_json_bool(sc, channel->is_archived),
        "is_member", fx_json_bool(sc, channel->is_member), "is_general", fx_json_bool(sc, false),
        "context_team_id", fx_json_string(sc, SLACK_TEAM), "num_members", fx_json_int(sc, 6), NULL);

    put_sharing(sc, channel, json);
    return json;
}

static void flag(const struct fx_json *settings, const char *name, bool *value) {
    *value = fx_json_get_bool(settings, name, *value);
}

static const char *configure_people(struct sandbox *sb, struct fx_scope *sc,
                                    const struct fx_json *people) {
    void *cursor = NULL;
    const char *id;
    struct fx_json *settings;

    while (fx_json_next(people, &cursor, &id, &settings)) {
        struct slack_person *person = slack_person_at(sb, id);
        if (!person)
            return fx_printf(sc, "nobody is called %s here", id);
        flag(settings, "is_restricted", &person->is_restricted);
        flag(settings, "is_stranger", &person->is_stranger);
        flag(settings, "is_bot", &person->is_bot);
        flag(settings, "deleted", &person->deleted);
        flag(settings, "in_group", &person->in_group);
    }
    return NULL;
}

/* One more channel, which the bot is a member of. NULL when there are too many. */
static struct slack_channel *add_channel(struct sandbox *sb, const char *id) {
    struct sandbox_slack *slack = sb->slack;

    if (*id != 'C' || strlen(id) >= SLACK_ID_MAX || slack->channels_count == SLACK_CHANNELS_MAX)
        return NULL;
    struct slack_channel *channel = &slack->channels[slack->channels_count++];

    *channel = (struct slack_channel){.id = fx_strdup(sb->scope, id), .is_member = true};
    channel->name = channel->id;
    return channel;
}

static const char *configure_channels(struct sandbox *sb, struct fx_scope *sc,
                                      const struct fx_json *channels) {
    void *cursor = NULL;
    const char *id;
    struct fx_json *settings;

    while (fx_json_next(channels, &cursor, &id, &settings)) {
        struct slack_channel *channel = slack_channel_at(sb, id);
        if (!channel)
            channel = add_channel(sb, id);
        if (!channel)
            return fx_printf(sc, "%s is no id of a channel, or one too many", id);
        flag(settings, "is_member", &channel->is_member);
        flag(settings, "is_archived", &channel->is_archived);
        flag(settings, "is_private", &channel->is_private);
        flag(settings, "is_ext_shared", &channel->is_ext_shared);
        flag(settings, "is_pending_ext_shared", &channel->is_pending_ext_shared);
        flag(settings, "is_org_shared", &channel->is_org_shared);
    }
    return NULL;
}

static const char *configure_scopes(struct sandbox *sb, struct fx_scope *sc,
                                    const struct fx_json *scopes) {
    struct fx_buf buf;

    if (!scopes)
        return NULL;
    fx_buf_init(&buf, sc, SLACK_SCOPES_MAX - 1);
    for (size_t i = 0; i < fx_json_count(scopes); i++) {
        const char *scope = fx_json_text(fx_json_item(scopes, i));
        fx_buf_addf(&buf, "%s%s", i ? "," : "", scope ? scope : "");
    }
    if (buf.full)
        return "these are too many scopes";
    memcpy(sb->slack->scopes, fx_buf_text(&buf), buf.len + 1);
    return NULL;
}

static void rate(const struct fx_json *options, const char *name, int64_t *value) {
    int64_t given = fx_json_get_int(options, name, *value);

    if (given >= 1)
        *value = given;
}

const char *sandbox_slack_configure(struct sandbox *sb, struct fx_scope *sc,
                                    const struct fx_json *options) {
    struct sandbox_slack *slack = sb->slack;
    const char *wrong = configure_people(sb, sc, fx_json_at(options, "people"));

    if (!wrong)
        wrong = configure_channels(sb, sc, fx_json_at(options, "channels"));
    if (!wrong)
        wrong = configure_scopes(sb, sc, fx_json_at(options, "scopes"));
    if (wrong)
        return wrong;
    rate(options, "post_per_minute", &slack->rates.post_per_minute);
    rate(options, "post_burst", &slack->rates.post_burst);
    rate(options, "update_per_minute", &slack->rates.update_per_minute);
    rate(options, "update_burst", &slack->rates.update_burst);
    flag(options, "token_revoked", &slack->token_revoked);
    slack->clock_off_ms = fx_json_get_int(options, "clock_off_ms", slack->clock_off_ms);
    slack->patience_ms = fx_json_get_int(options, "patience_ms", slack->patience_ms);
    memset(slack->channel_buckets, 0, sizeof slack->channel_buckets);
    memset(slack->method_buckets, 0, sizeof slack->method_buckets);
    return NULL;
}
