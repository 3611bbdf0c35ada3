/* engine_matrix_test.c - who may do what, where, to how dangerous a command: every cell through the
 * doors that people use, against an oracle written apart. In each cell a fresh run and request
 * stand in a real store, and what became of them is read from there.
 */
#include "support/test.h"

#include "engine_rig.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/slackapi.h"

#include <string.h>

#define TEAM "T0HOME"
#define GRID "E0GRID"
#define HOME_ID "C0HOME"
#define ELSE_ID "C0ELSE"
#define FRIEND "U0FRIEND" /* approves as well */

/* ---- the axes ---- */

enum kind {
    ADMIN,
    APPROVER,
    GRID_APPROVER, /* of the second workspace that counts as home */
    OPERATOR,
    MEMBER, /* without a role; all below stand on the list of admins */
    GUEST,
    LIMITED_GUEST,
    DEACTIVATED,
    BOT,
    STRANGER,
    OTHER_TEAM,
    UNKNOWN, /* Slack does not know him */
    KINDS,
};
/* Everybody has two accounts. */
static const char *const accounts[KINDS][2] = {
    [ADMIN] = {"U0ADMIN", "U1ADMIN"},
    [APPROVER] = {"U0APPROVER", "U1APPROVER"},
    [GRID_APPROVER] = {"U0GRID", "U1GRID"},
    [OPERATOR] = {"U0OPERATOR", "U1OPERATOR"},
    [MEMBER] = {"U0MEMBER", "U1MEMBER"},
    [GUEST] = {"U0GUEST", "U1GUEST"},
    [LIMITED_GUEST] = {"U0LIMITED", "U1LIMITED"},
    [DEACTIVATED] = {"U0GONE", "U1GONE"},
    [BOT] = {"U0BOT", "U1BOT"},
    [STRANGER] = {"U0STRANGER", "U1STRANGER"},
    [OTHER_TEAM] = {"U0AWAY", "U1AWAY"},
    [UNKNOWN] = {"U0UNKNOWN", "U1UNKNOWN"},
};
static const struct {
    const char *team, *flag;
} told_of[KINDS] = {
    [ADMIN] = {TEAM, ""},
    [APPROVER] = {TEAM, ""},
    [GRID_APPROVER] = {GRID, ""},
    [OPERATOR] = {TEAM, ""},
    [MEMBER] = {TEAM, ""},
    [GUEST] = {TEAM, ",\"is_restricted\":true"},
    [LIMITED_GUEST] = {TEAM, ",\"is_ultra_restricted\":true"},
    [DEACTIVATED] = {TEAM, ",\"deleted\":true"},
    [BOT] = {TEAM, ",\"is_bot\":true"},
    [STRANGER] = {TEAM, ",\"is_stranger\":true"},
    [OTHER_TEAM] = {"T0AWAY", ""},
};

enum place { HOME, HOME_SHARED, HOME_SILENT, ELSEWHERE, ELSEWHERE_SHARED, PLACES };

/* How dangerous: nothing is changed; or looked at only by taking it up for a moment; a person is
 * woken; something is stopped at once; one other person has to agree; two have to. */
enum risk { READS, PEEKS, NOTIFIES, STOPS, CHANGES, CHANGES_MUCH, RISKS };
static const struct {
    const char *command;
    enum fx_effect effect;
    bool is_notice, is_stop;
    int needed;
} risks[RISKS] = {
    [READS] = {"look", FX_EFFECT_READ, false, false, 1},
    [PEEKS] = {"peek", FX_EFFECT_PEEK, false, false, 1},
    [NOTIFIES] = {"page", FX_EFFECT_READ, true, false, 1},
    [STOPS] = {"halt", FX_EFFECT_ABSOLUTE, false, true, 1},
    [CHANGES] = {"move", FX_EFFECT_UNKEYED, false, false, 1},
    [CHANGES_MUCH] = {"wipe", FX_EFFECT_UNKEYED, false, false, 2},
};

enum way {
    ASK,            /* the slash command */
    ASK_BUTTON,     /* a button that stands for it */
    APPROVE,        /* the first of those who have to */
    APPROVE_SECOND, /* his friend has approved before */
    DENY,           /* the button, which opens the dialog */
    DENY_DIALOG,
    STOP,
    TELL,
    TELL_DIALOG,
    LET_RUN, /* he is looked up again before his approval is used */
    LET_RUN_WITH_FRIEND,
    WAYS,
};

/* Who asked for the run. */
enum asker { HIMSELF, HIS_OTHER_ACCOUNT, SOMEBODY, ALARM, ASKERS };

struct cell {
    enum kind kind;
    enum place place;
    enum risk risk;
    enum way way;
    enum asker asker;
};

/* ---- the oracle ---- */

enum outcome { REFUSED = 'n', COUNTED = 'v', TAKES_EFFECT = 'y', NO_CELL = '-' };

/* What comes of it when it is allowed; the columns are risks. v: it is counted, and waits. */
static const char *const by_risk[WAYS] = {
    [ASK] = "yyyyyy",
    [ASK_BUTTON] = "yyyyyy",
    [APPROVE] = "----yv",
    [APPROVE_SECOND] = "-----y",
    [DENY] = "----yy",
    [DENY_DIALOG] = "----yy",
    [STOP] = "yyyyyy",
    [TELL] = "---yyy",
    [TELL_DIALOG] = "---yyy",
    [LET_RUN] = "----yn",
    [LET_RUN_WITH_FRIEND] = "----yy",
};
/* Where; the columns are places. What changes after an approval is asked for at home alone. */
static const char anywhere[] = "yyyyy", at_home[] = "ynnnn", home_is_own[] = "ynnyy";
static const char *const by_place[WAYS][RISKS] = {
    [ASK] = {anywhere, anywhere, anywhere, anywhere, at_home, at_home},
    [ASK_BUTTON] = {anywhere, anywhere, anywhere, anywhere, at_home, at_home},
    [APPROVE] = {[CHANGES] = at_home, at_home},
    [APPROVE_SECOND] = {[CHANGES_MUCH] = at_home},
    [DENY] = {[CHANGES] = anywhere, anywhere},
    [DENY_DIALOG] = {[CHANGES] = anywhere, anywhere},
    [STOP] = {anywhere, anywhere, anywhere, anywhere, anywhere, anywhere},
    [TELL] = {[STOPS] = at_home, at_home, at_home},
    [TELL_DIALOG] = {[STOPS] = at_home, at_home, at_home},
    [LET_RUN] = {[CHANGES] = home_is_own, home_is_own},
    [LET_RUN_WITH_FRIEND] = {[CHANGES] = home_is_own, home_is_own},
};
/* Who; the columns are kinds. o: unless he asked for it; s: only if he did. */
static const char *const by_kind[WAYS] = {
    [ASK] = "yyyynnnnnnnn",
    [ASK_BUTTON] = "yyyynnnnnnnn",
    [APPROVE] = "ooonnnnnnnnn",
    [APPROVE_SECOND] = "ooonnnnnnnnn",
    [DENY] = "yyyssnnnnnnn",
    [DENY_DIALOG] = "yyyssnnnnnnn",
    [STOP] = "yyyynnnnnnnn",
    [TELL] = "yyyynnnnnnnn",
    [TELL_DIALOG] = "yyyynnnnnnnn",
    [LET_RUN] = "ooonnnnnnnnn",
    [LET_RUN_WITH_FRIEND] = "ooonnnnnnnnn",
};

static enum outcome oracle(const struct cell *c) {
    bool own = c->asker == HIMSELF || c->asker == HIS_OTHER_ACCOUNT;
    char who = by_kind[c->way][c->kind];

    if (by_risk[c->way][c->risk] == NO_CELL)
        return NO_CELL;
    if (by_place[c->way][c->risk][c->place] != 'y' || who == 'n' || (who == 'o' && own) ||
        (who == 's' && !own))
        return REFUSED;
    return (enum outcome)by_risk[c->way][c->risk];
}

/* ---- the world: as it is, or shown harmless to a broken twin ---- */

enum twin {
    RULE,
    BLIND_TO_CHANGES, /* what changes is asked for as if it only read */
    BLIND_TO_STOPS,   /* and what stops as if it changed */
    BLIND_TO_NUMBER,  /* of those who have to approve */
    BLIND_TO_REQUESTER,
    BLIND_TO_PERSONS,
    BLIND_TO_GUESTS,
    BLIND_TO_STRANGERS,
    BLIND_TO_TEAMS,
    BLIND_TO_ROLES,
    BLIND_TO_SHARING,
    BLIND_TO_CHANNELS, /* every channel is home */
    TWINS,
};

struct world {
    struct engine_rig *rig;
    struct fx_http http;
    struct fx_slackapi *slack;
    enum twin twin;
    enum place place;
    struct fx_runbook books[RISKS];
    struct fx_system system;
    struct fx_role roles[3];
    struct fx_person persons[KINDS];
    struct fx_policy policy;
    int64_t number; /* of the cell */
};

static const char *truth_of_user(const struct world *w, struct fx_scope *sc, const char *id) {
    for (int kind = 0; kind < UNKNOWN; kind++) {
        bool blind = (w->twin == BLIND_TO_GUESTS && (kind == GUEST || kind == LIMITED_GUEST)) ||
                     (w->twin == BLIND_TO_STRANGERS && kind == STRANGER);

        if (strcmp(id, accounts[kind][0]) == 0 || strcmp(id, accounts[kind][1]) == 0)
            return fx_printf(sc, "{\"ok\":true,\"user\":{\"id\":\"%s\",\"team_id\":\"%s\"%s}}", id,
                             w->twin == BLIND_TO_TEAMS ? TEAM : told_of[kind].team,
                             blind ? "" : told_of[kind].flag);
    }
    return strcmp(id, FRIEND) == 0 ? "{\"ok\":true,\"user\":{\"id\":\"" FRIEND
                                     "\",\"team_id\":\"" TEAM "\"}}"
                                   : "{\"ok\":false,\"error\":\"user_not_found\"}";
}

static enum fx_code exchange(struct fx_http *http, struct fx_scope *sc,
                             const struct fx_http_request *request,
                             struct fx_http_reply **ret_reply, struct fx_error *err) {
    const struct world *w = FX_CONTAINER_OF(http, struct world, http);
    const char *id = strchr(fx_slice_dup(sc, request->body), '=') + 1;
    bool user = strstr(request->url, "users.info") != NULL, home = strcmp(id, HOME_ID) == 0;
    bool shared =
        w->place == (home ? HOME_SHARED : ELSEWHERE_SHARED) && w->twin != BLIND_TO_SHARING;
    bool silent = home && w->place == HOME_SILENT;

    *ret_reply = FX_NEW(sc, struct fx_http_reply);
    (*ret_reply)->status = silent ? 503 : 200;
    (*ret_reply)->body =
        fx_slice_of(user ? truth_of_user(w, sc, id)
                         : fx_printf(sc,
                                     "{\"ok\":true,\"channel\":{\"id\":\"%s\",\"is_ext_shared\":%s,"
                                     "\"is_org_shared\":false}}",
                                     id, shared ? "true" : "false"));
    return FX_OK;
}

static void prepare_policy(struct world *w) {
    static const char *const teams[] = {TEAM, GRID};
    static const char *operators[] = {"U0OPERATOR", "U1OPERATOR"};
    static const char *approvers[] = {"U0APPROVER", "U1APPROVER", "U0GRID", "U1GRID", FRIEND};
    static const char *admins[] = {"U0ADMIN",   "U1ADMIN", "U0GUEST",    "U1GUEST",    "U0LIMITED",
                                   "U1LIMITED", "U0GONE",  "U1GONE",     "U0BOT",      "U1BOT",
                                   "U0AWAY",    "U1AWAY",  "U0STRANGER", "U1STRANGER", "U0UNKNOWN"};

    w->roles[0] = (struct fx_role){.name = "operator", .users = operators, .users_count = 2};
    w->roles[1] = (struct fx_role){.name = "approver", .users = approvers, .users_count = 5};
    w->roles[2] =
        (struct fx_role){.name = "admin", .users = admins, .users_count = FX_COUNT_OF(admins)};
    if (w->twin == BLIND_TO_ROLES)
        w->roles[1].users = operators, w->roles[1].users_count = 2;
    for (int kind = 0; kind < KINDS; kind++)
        w->persons[kind] = (struct fx_person){accounts[kind][0], accounts[kind], 2};
    w->policy = (struct fx_policy){.team_ids = teams,
                                   .team_ids_count = 2,
                                   .roles = w->roles,
                                   .roles_count = 3,
                                   .persons = w->persons,
                                   .persons_count = w->twin == BLIND_TO_PERSONS ? 0 : KINDS};
}

static void prepare_runbooks(struct world *w) {
    for (int risk = 0; risk < RISKS; risk++) {
        struct fx_runbook *book = &w->books[risk];

        *book = (struct fx_runbook){.command = risks[risk].command,
                                    .digest = "d1",
                                    .effect = risks[risk].effect,
                                    .is_notice = risks[risk].is_notice,
                                    .is_stop = risks[risk].is_stop && w->twin != BLIND_TO_STOPS,
                                    .role = "operator"};
        if (w->twin == BLIND_TO_CHANGES)
            book->effect = FX_EFFECT_READ;
    }
    w->system = (struct fx_system){.name = "fluxa",
                                   .title = "Fluxa",
                                   .definition = fx_json_object(w->rig->sc),
                                   .runbooks = w->books,
                                   .runbooks_count = RISKS};
}

/* The same world for each twin. */
static void prepare(struct world *w, enum twin twin) {
    static const struct fx_environment environments[] = {{.name = "dev"}};
    struct fx_engine_options *options = &w->rig->engine.options;

    w->twin = twin;
    prepare_policy(w);
    prepare_runbooks(w);
    w->rig->system = (struct fx_engine_system){.system = &w->system,
                                               .channel = HOME_ID,
                                               .command = "/fluxa",
                                               .default_environment = "dev",
                                               .environments = environments,
                                               .environments_count = 1};
    options->policy = &w->policy;
    options->slack = w->slack;
    options->systems = &w->rig->system;
    options->systems_count = 1;
    options->state->close(options->state);
    options->state = fx_state_memory_new(&w->rig->clock.clock);
}

static int set_up(void **state) {
    static struct world w;
    struct fx_error err;
    void *rig = NULL;

    assert_int_equal(engine_rig_set_up(&rig), 0);
    w = (struct world){.rig = rig, .http.exchange = exchange};
    assert_ok(fx_slackapi_open(&(struct fx_slackapi_options){.http = &w.http,
                                                             .api_url = "https://slack.com/api",
                                                             .bot_token = "xoxb-1"},
                               &w.slack, &err));
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    void *rig = w->rig;

    fx_slackapi_close(w->slack);
    return engine_rig_tear_down(&rig);
}

/* ---- what a cell begins with ---- */

struct stage {
    const struct cell *cell;
    struct engine_work work;
    const char *user, *channel, *run, *approval;
};

static void put_rows(struct world *w, const struct stage *s) {
    struct fx_scope *sc = s->work.sc;
    const struct cell *c = s->cell;
    const char *const askers[ASKERS] = {s->user, accounts[c->kind][1], "U0SOMEBODY", ""};
    struct fx_run run = engine_rig_row;
    struct fx_writes writes = {0};
    struct fx_error err;

    run.id = s->run;
    run.command = risks[c->risk].command;
    run.channel = HOME_ID;
    run.requester = w->twin == BLIND_TO_REQUESTER ? "" : askers[c->asker];
    run.state = c->way == TELL || c->way == TELL_DIALOG ? FX_RUN_ASKING : FX_RUN_APPROVAL;
    run.values_json =
        fx_printf(sc, "{\"_buttons\":[{\"command\":\"%s\",\"arguments\":\"\"}]}", run.command);
    fx_writes_run(sc, &writes, &run);
    fx_writes_approval(
        sc, &writes,
        &(struct fx_approval){.id = s->approval,
                              .run = s->run,
                              .step = "gate",
                              .digest = "d",
                              .plan_json = "{}",
                              .requester = run.requester,
                              .created_ms = RIG_NOW_MS,
                              .expires_ms = RIG_NOW_MS + RIG_LIFE_MS,
                              .needed = w->twin == BLIND_TO_NUMBER ? 1 : risks[c->risk].needed,
                              .decided_by = "",
                              .reason = ""});
    struct fx_store *store = w->rig->engine.options.store;

    assert_ok(store->write(store, sc, NULL, &writes, &err));
    if (c->way == APPROVE_SECOND && w->twin != BLIND_TO_NUMBER)
        assert_ok(store->decide(store, sc,
                                &(struct fx_approval){.id = s->approval,
                                                      .state = FX_APPROVAL_APPROVED,
                                                      .decided_by = FRIEND,
                                                      .decided_ms = RIG_NOW_MS,
                                                      .execute_before_ms = RIG_NOW_MS + RIG_LIFE_MS,
                                                      .reason = ""},
                                NULL, &err));
}

/* ---- the doors ---- */

static struct fx_json *text(const struct stage *s, const char *value) {
    return fx_json_string(s->work.sc, value);
}

static struct fx_json *button(const struct stage *s, const char *name, const char *value) {
    struct fx_scope *sc = s->work.sc;
    struct fx_json *action = fx_json_object_of(sc, "action_id", text(s, name), "block_id",
                                               text(s, "b"), "value", text(s, value), NULL);

    return fx_json_object_of(sc, "type", text(s, "block_actions"), "channel",
                             fx_json_object_of(sc, "id", text(s, s->channel), NULL), "actions",
                             fx_json_array_of(sc, action, NULL), NULL);
}

static struct fx_json *dialog(const struct stage *s, const char *name, const char *subject,
                              const char *id) {
    struct fx_scope *sc = s->work.sc;
    struct fx_json *where =
        fx_json_object_of(sc, subject, text(s, id), "channel", text(s, s->channel), NULL);
    struct fx_json *view =
        fx_json_object_of(sc, "callback_id", text(s, name), "private_metadata",
                          text(s, fx_json_dump(sc, where)), "state",
                          engine_rig_json(&(struct engine_rig){.sc = sc},
                                          "{'values':{'reason':{'reason':{'value':'I looked'}}}}"),
                          NULL);

    return fx_json_object_of(sc, "type", text(s, "view_submission"), "view", view, NULL);
}

static struct fx_json *payload_of(const struct stage *s) {
    switch (s->cell->way) {
    case APPROVE:
    case APPROVE_SECOND:
        return button(s, "approve", s->approval);
    case DENY:
        return button(s, "deny", s->approval);
    case DENY_DIALOG:
        return dialog(s, "deny_reason", "approval", s->approval);
    case STOP:
        return button(s, "stop", s->run);
    case TELL:
        return button(s, "tell_not_done", s->run);
    case TELL_DIALOG:
        return dialog(s, "tell_reason", "run", s->run);
    default:
        return button(s, "command:0", fx_printf(s->work.sc, "r=%s;b=0", s->run));
    }
}

static void press(struct stage *s) {
    struct fx_scope *sc = s->work.sc;
    struct fx_json *payload = payload_of(s);
    struct fx_event event = {.id = "e1"};
    struct fx_error err = {0};

    fx_json_put(payload, "user", fx_json_object_of(sc, "id", text(s, s->user), NULL));
    fx_json_put(payload, "team", fx_json_object_of(sc, "id", text(s, TEAM), NULL));
    event.body = fx_printf(sc, "payload=%s",
                           fx_url_encode(sc, fx_slice_of(fx_json_dump(sc, payload)), false));
    assert_ok(engine_event_interaction(&s->work, &event, &err));
}

static void type(struct stage *s) {
    struct fx_event event = {.id = "e1"};
    struct fx_error err = {0};

    event.body =
        fx_printf(s->work.sc,
                  "command=%%2Ffluxa&text=%s&user_id=%s&team_id=" TEAM
                  "&channel_id=%s&response_url=https%%3A%%2F%%2Fhooks.slack.com%%2Fcommands"
                  "&trigger_id=1.2.a",
                  risks[s->cell->risk].command, s->user, s->channel);
    assert_ok(engine_event_command(&s->work, &event, &err));
}

static enum outcome let_run(struct world *w, struct stage *s, struct fx_approval *approval) {
    struct fx_vote own = {.voter = s->user}, friends = {.voter = FRIEND};
    struct fx_vote *votes[] = {&own, &friends};
    struct fx_error err = {0};

    return engine_authorize_again(&s->work, &w->rig->system, approval, votes,
                                  s->cell->way == LET_RUN ? 1 : 2, &err) == FX_OK
               ? TAKES_EFFECT
               : REFUSED;
}

/* ---- what became of it ---- */

struct seen {
    struct fx_approval *approval;
    struct fx_run *run;
    bool voted;       /* he himself */
    const char *told; /* what he told of it; "" */
};

static struct seen look(struct world *w, const struct stage *s) {
    struct fx_store *store = w->rig->engine.options.store;
    struct fx_scope *sc = s->work.sc;
    struct fx_vote **votes = NULL;
    struct seen seen = {0};
    struct fx_error err;
    size_t count = 0;

    assert_ok(store->approval(store, sc, s->approval, &seen.approval, &err));
    assert_ok(store->run(store, sc, s->run, &seen.run, &err));
    assert_ok(store->votes(store, sc, s->approval, &votes, &count, &err));
    assert_ok(store->setting(store, sc, fx_printf(sc, "told:%s", s->run), &seen.told, &err));
    for (size_t i = 0; i < count; i++)
        seen.voted = seen.voted || strcmp(votes[i]->voter, s->user) == 0;
    return seen;
}

/* Told so to him alone, written down, and nothing else: but whoever tries to approve where others
 * read, voids the request. */
static bool is_refused(const struct stage *s, const struct seen *seen) {
    const struct fx_writes *writes = &s->work.writes;
    bool clicks = s->cell->way != ASK;
    bool voids = seen->approval->state == FX_APPROVAL_DENIED &&
                 seen->approval->decided_by[0] == '\0' && s->cell->place == HOME_SHARED &&
                 (s->cell->way == APPROVE || s->cell->way == APPROVE_SECOND);

    return writes->audits_count == 1 && writes->messages_count == 1 &&
           strcmp(writes->audits[0]->action, clicks ? "click.refused" : "command.refused") == 0 &&
           strcmp(writes->audits[0]->actor, s->user) == 0 &&
           strcmp(writes->messages[0]->user, s->user) == 0 &&
           strstr(writes->messages[0]->payload_json,
                  clicks ? "Your click changed nothing" : "Nothing was done") != NULL &&
           writes->runs_count + writes->jobs_count + writes->settings_count == 0 &&
           (seen->approval->state == FX_APPROVAL_PENDING || voids) && !seen->voted &&
           !seen->run->stop_requested && seen->told[0] == '\0';
}

static bool takes_effect(const struct stage *s, const struct seen *seen) {
    const struct fx_writes *writes = &s->work.writes;
    const struct fx_approval *now = seen->approval;

    switch (s->cell->way) {
    case ASK:
    case ASK_BUTTON:
        return writes->runs_count == 1 && strcmp(writes->runs[0]->requester, s->user) == 0 &&
               strcmp(writes->runs[0]->command, risks[s->cell->risk].command) == 0;
    case APPROVE:
    case APPROVE_SECOND:
        return now->state == FX_APPROVAL_APPROVED && strcmp(now->decided_by, s->user) == 0;
    case DENY_DIALOG:
        return now->state == FX_APPROVAL_DENIED && strcmp(now->decided_by, s->user) == 0;
    case DENY:
    case TELL:
        return writes->messages_count == 1 && writes->messages[0]->kind == FX_MESSAGE_VIEW;
    case STOP:
        return seen->run->stop_requested && strcmp(seen->run->stop_by, s->user) == 0;
    default:
        return seen->told[0] != '\0';
    }
}

/* '?' is none of them. */
static enum outcome outcome_of(struct world *w, struct stage *s) {
    struct fx_store *store = w->rig->engine.options.store;
    struct seen seen = look(w, s);
    struct fx_error err;

    if (s->cell->way == LET_RUN || s->cell->way == LET_RUN_WITH_FRIEND)
        return let_run(w, s, seen.approval);
    if (s->cell->way == ASK)
        type(s);
    else
        press(s);
    assert_ok(store->write(store, s->work.sc, NULL, &s->work.writes, &err));
    seen = look(w, s);
    if (is_refused(s, &seen))
        return REFUSED;
    if (takes_effect(s, &seen))
        return TAKES_EFFECT;
    return seen.voted && seen.approval->state == FX_APPROVAL_PENDING ? COUNTED : (enum outcome)'?';
}

/* ---- the matrix ---- */

static enum outcome ask(struct world *w, const struct cell *c) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *channel = c->place < ELSEWHERE || w->twin == BLIND_TO_CHANNELS ? HOME_ID : ELSE_ID;
    struct stage s = {
        .cell = c,
        .work = {.engine = &w->rig->engine, .sc = sc, .now_ms = RIG_NOW_MS},
        .user = accounts[c->kind][0],
        .channel = channel,
        .run = fx_printf(sc, "r%lld", (long long)++w->number),
        .approval = fx_printf(sc, "apr-%lld", (long long)w->number),
    };

    w->place = c->place;
    put_rows(w, &s);
    return outcome_of(w, &s);
}

/* Which differ from the oracle, the first of them told; of a twin one is enough. */
static size_t differences(struct world *w, enum twin twin, size_t *ret_cells) {
    size_t cells = 0, different = 0;
    struct cell c;

    prepare(w, twin);
    for (int n = 0; twin == RULE || different == 0; n++) {
        int rest = n;

        c.way = (enum way)(rest % WAYS), rest /= WAYS;
        c.risk = (enum risk)(rest % RISKS), rest /= RISKS;
        c.asker = (enum asker)(rest % ASKERS), rest /= ASKERS;
        c.kind = (enum kind)(rest % KINDS), rest /= KINDS;
        c.place = (enum place)(rest % PLACES), rest /= PLACES;
        if (rest > 0)
            break;
        enum outcome wanted = oracle(&c), seen = wanted == NO_CELL ? NO_CELL : ask(w, &c);

        cells += wanted != NO_CELL;
        if (seen != wanted && different++ == 0 && twin == RULE)
            print_message("not '%c' but '%c': kind %d place %d risk %d way %d asker %d\n",
                          (char)wanted, (char)seen, (int)c.kind, (int)c.place, (int)c.risk,
                          (int)c.way, (int)c.asker);
    }
    *ret_cells = cells;
    return different;
}

static void agrees_with_the_oracle_in_every_cell(void **state) {
    enum { WAYS_TO_LOOK = 3, WAYS_TO_STOP = 5, WAYS_TO_CHANGE = 10, WAYS_TO_CHANGE_MUCH = 11 };
    size_t cells = 0, different = differences(*state, RULE, &cells);

    print_message("%zu cells of the matrix, %zu differ\n", cells, different);
    assert_int_equal(cells,
                     KINDS * PLACES * ASKERS *
                         (3 * WAYS_TO_LOOK + WAYS_TO_STOP + WAYS_TO_CHANGE + WAYS_TO_CHANGE_MUCH));
    assert_int_equal(different, 0);
}

/* Otherwise the matrix would prove nothing about what the twin cannot see. */
static void every_broken_twin_is_found_out(void **state) {
    for (int twin = RULE + 1; twin < TWINS; twin++) {
        size_t cells = 0;

        if (differences(*state, (enum twin)twin, &cells) == 0)
            fail_msg("twin %d passes for the rule", twin);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(agrees_with_the_oracle_in_every_cell),
        TEST(every_broken_twin_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
