/* people.c - what the world does by itself: alarms, commands, clicks, a freeze, somebody else at
 * the queues. Who sends repeats what was not answered, and sometimes what was.
 */
#include "world.h"

#include "fluxabot/base/digest.h"
#include "fluxabot/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIES = 4,
    LAST_EVENT_MS = 100 * 1000,
    PERIOD_MS = 10000, /* CloudWatch's shortest */
    ASKED_AGAIN_MS = 25000,
};

static struct chance *dice(void) {
    return &sim->people;
}

/* ---- delivery ---- */

struct delivery {
    const char *kind, *body, *key;
    int tries;
    const char *stored_id; /* NULL: not stored yet */
};

static void deliver(void *argument);

static void again(struct delivery *d) {
    if (d->tries < TRIES)
        sim_at(sim->now_ms + chance_between(&sim->chance, 3000, 20000), deliver, d);
}

static struct replica *receiver(void) {
    struct replica *replica = &sim->replicas[chance_below(&sim->chance, SIM_REPLICAS)];

    return replica->down || replica->frozen_until_ms > sim->now_ms ? NULL : replica;
}

static bool store_event(struct delivery *d, struct replica *replica, const char *id) {
    bool is_new = false;
    struct fx_error err = {0};
    const struct fx_event event = {.id = id,
                                   .kind = d->kind,
                                   .body = d->body,
                                   .verified = true,
                                   .received_ms = sim_bot_ms() + replica->skew_ms,
                                   .keys = {d->key}};

    if (sim_fault(sim->weather.store_before) ||
        sim->store->accept(sim->store, sim->sc, &event, &is_new, &err) != FX_OK)
        return false;
    if (is_new)
        d->stored_id = id;
    if (sim_fault(sim->weather.store_after))
        return false;
    if (is_new)
        replica->state.wake(&replica->state, "jobs");
    return true;
}

/* The twin answers first and stores afterwards, if it still can. */
struct promise {
    struct delivery *delivery;
    struct replica *replica;
    const char *id;
};
static void keep_promise(void *argument) {
    struct promise *p = argument;

    if (!p->replica->down && !sim_fault(4))
        (void)store_event(p->delivery, p->replica, p->id);
}

static bool promise(struct delivery *d, struct replica *replica, const char *id) {
    struct promise *p = FX_NEW(sim->sc, struct promise);

    *p = (struct promise){d, replica, id};
    d->stored_id = id;
    sim_at(sim->now_ms + 1000, keep_promise, p);
    return true;
}

static void deliver(void *argument) {
    struct delivery *d = argument;
    struct replica *replica = receiver();
    const char *id = fx_printf(sim->sc, "00000000-0000-4000-9000-%012llu",
                               (unsigned long long)++sim->world->deliveries);

    d->tries++;
    if (replica == NULL || sim_fault(sim->weather.delivery_lost)) {
        again(d);
        return;
    }
    bool stored = strcmp(sim->twin, "answers-first") == 0 ? promise(d, replica, id)
                                                          : store_event(d, replica, id);

    sim_note(stored ? "accepted" : "not accepted", d->key, d->tries);
    if (!stored || sim_fault(sim->weather.delivery_lost)) {
        again(d);
        return;
    }
    if (d->stored_id != NULL)
        truth_event(d->stored_id);
    if (sim_fault(sim->weather.delivery_twice))
        again(d);
}

static void send_at(int64_t at_ms, const char *kind, const char *body, const char *key) {
    struct delivery *d = FX_NEW(sim->sc, struct delivery);

    *d = (struct delivery){.kind = kind, .body = body, .key = key};
    sim_at(at_ms, deliver, d);
}

/* ---- commands and clicks ---- */

static const char *encode(const char *text) {
    return fx_url_encode(sim->sc, fx_slice_of(text), false);
}

static void command_at(int64_t at_ms, const char *user, const char *text) {
    uint64_t number = ++sim->world->deliveries;

    send_at(at_ms, "slack.command",
            fx_printf(sim->sc,
                      "command=%%2Fsim&text=%s&user_id=%s&team_id=T1&channel_id=C1&response_url=%s"
                      "&trigger_id=t%llu",
                      encode(text), user, encode("https://hooks.slack.com/commands/T1/1/x"),
                      (unsigned long long)number),
            fx_printf(sim->sc, "slack-trigger:t%llu", (unsigned long long)number));
}

static void interaction_at(int64_t at_ms, const char *user, struct fx_json *payload) {
    struct fx_scope *sc = sim->sc;
    const char *trigger = fx_printf(sc, "t%llu", (unsigned long long)++sim->world->deliveries);

    fx_json_put(payload, "user",
                fx_json_object_of(sc, "id", fx_json_string(sc, user), "team_id",
                                  fx_json_string(sc, "T1"), NULL));
    fx_json_put(payload, "team", fx_json_object_of(sc, "id", fx_json_string(sc, "T1"), NULL));
    fx_json_put(payload, "trigger_id", fx_json_string(sc, trigger));
    send_at(at_ms, "slack.interaction",
            fx_printf(sc, "payload=%s", encode(fx_json_dump(sc, payload))),
            fx_printf(sc, "slack-trigger:%s", trigger));
}

static void click_at(int64_t at_ms, const char *user, const char *action, const char *value) {
    struct fx_scope *sc = sim->sc;

    truth_click(user, action, value);
    interaction_at(
        at_ms, user,
        fx_json_object_of(
            sc, "type", fx_json_string(sc, "block_actions"), "container",
            fx_json_object_of(sc, "channel_id", fx_json_string(sc, SIM_CHANNEL), "message_ts",
                              fx_json_string(sc, "1.000001"), NULL),
            "response_url", fx_json_string(sc, "https://hooks.slack.com/actions/T1/1/x"), "actions",
            fx_json_array_of(sc,
                             fx_json_object_of(sc, "action_id", fx_json_string(sc, action), "value",
                                               fx_json_string(sc, value), NULL),
                             NULL),
            NULL));
}

/* ---- what people make of what they see ---- */

static int64_t soon(int64_t least_ms, int64_t most_ms) {
    return sim->now_ms + chance_between(dice(), least_ms, most_ms);
}

static const char *run_of(const char *approval_id) {
    struct fx_approval *approval = NULL;
    struct fx_error err = {0};

    if (probes_real()->approval(sim->store, sim->sc, approval_id, &approval, &err) != FX_OK ||
        approval == NULL)
        abort();
    return approval->run;
}

static void decide(const char *approval) {
    int64_t at = soon(300, 15000);

    if (chance_one_in(dice(), 6)) /* the button is not there yet, but the same could come by hand */
        click_at(at + chance_between(dice(), -500, 4000), "U1", "stop", run_of(approval));
    switch (chance_below(dice(), 12)) {
    case 0: /* too impatient */
        click_at(at, "U2", "approve", approval);
        click_at(at + chance_below(dice(), 300), "U2", "approve", approval);
        break;
    case 1:
        click_at(at, "U2", "approve", approval);
        click_at(at + chance_below(dice(), 50), "U3", "approve", approval);
        break;
    case 2:
        click_at(at, "U2", "approve", approval);
        click_at(at + chance_between(dice(), -2000, 500), "U3", "deny", approval);
        break;
    case 3: /* he who asked */
        click_at(at, "U1", "approve", approval);
        break;
    case 4: /* nobody */
        break;
    case 5: /* in the last moment */
        click_at(sim->now_ms + SIM_APPROVAL_MS + chance_between(dice(), -4000, 1000), "U3",
                 "approve", approval);
        break;
    case 6:
        click_at(at, "U3", "deny", approval);
        break;
    default:
        click_at(at, chance_one_in(dice(), 2) ? "U2" : "U3", "approve", approval);
    }
}

void people_see(const char *action, const char *value) {
    struct world *world = sim->world;
    char what[2 * SIM_NAME];

    snprintf(what, sizeof what, "%.16s %.60s", action, value);
    for (int i = 0; i < world->seen_count; i++)
        if (strcmp(world->seen[i], what) == 0)
            return;
    if (world->seen_count == WORLD_SEEN)
        return;
    memcpy(world->seen[world->seen_count++], what, sizeof what);
    if (strcmp(action, "approve") == 0)
        decide(fx_strdup(sim->sc, value));
    else if (strcmp(action, "stop") == 0 && chance_one_in(dice(), 4))
        click_at(soon(0, 15000), "U1", "stop", fx_strdup(sim->sc, value));
}

void people_see_dialog(const struct fx_json *view) {
    struct fx_scope *sc = sim->sc;
    struct fx_json *text =
        fx_json_object_of(sc, "value", fx_json_string(sc, "not while we deploy"), NULL);
    struct fx_json *values =
        fx_json_object_of(sc, "reason", fx_json_object_of(sc, "reason", text, NULL), NULL);

    interaction_at(
        soon(500, 8000), "U3",
        fx_json_object_of(
            sc, "type", fx_json_string(sc, "view_submission"), "view",
            fx_json_object_of(
                sc, "callback_id", fx_json_string(sc, fx_json_get_text(view, "callback_id")),
                "private_metadata", fx_json_string(sc, fx_json_get_text(view, "private_metadata")),
                "state", fx_json_object_of(sc, "values", values, NULL), NULL),
            NULL));
}

/* ---- alarms ---- */

struct change {
    struct alarm *alarm;
    int number;
};

static struct fx_json *alarm_message(const struct alarm *alarm, int number) {
    struct fx_scope *sc = sim->sc;
    bool rings = alarm->changes[number].alarm;

    return fx_json_object_of(
        sc, "AlarmName", fx_json_string(sc, alarm->name), "AWSAccountId",
        fx_json_string(sc, "123456789012"), "NewStateValue",
        fx_json_string(sc, rings ? "ALARM" : "OK"), "NewStateReason", fx_json_string(sc, "so"),
        "StateChangeTime",
        fx_json_string(sc, fx_time_iso_ms(sc, SIM_WALL_MS + alarm->changes[number].at_ms)),
        "Region", fx_json_string(sc, "US East (N. Virginia)"), "AlarmArn",
        fx_json_stringf(sc, "arn:aws:cloudwatch:us-east-1:123456789012:alarm:%s", alarm->name),
        "OldStateValue", fx_json_string(sc, rings ? "OK" : "ALARM"), "Trigger",
        fx_json_object_of(sc, "MetricName", fx_json_string(sc, "Depth"), "Namespace",
                          fx_json_string(sc, "AWS/SQS"), "Dimensions", fx_json_array(sc), NULL),
        NULL);
}

static void notify(const struct alarm *alarm, int number) {
    struct fx_scope *sc = sim->sc;
    const char *id = fx_printf(sc, "00000000-0000-4000-a000-%012llu",
                               (unsigned long long)++sim->world->deliveries);
    struct fx_json *envelope = fx_json_object_of(
        sc, "Type", fx_json_string(sc, "Notification"), "MessageId", fx_json_string(sc, id),
        "TopicArn", fx_json_string(sc, SIM_TOPIC), "Message",
        fx_json_string(sc, fx_json_dump(sc, alarm_message(alarm, number))), "Timestamp",
        fx_json_string(sc, fx_time_iso_ms(sc, sim_wall_ms())), "SignatureVersion",
        fx_json_string(sc, "2"), "Signature", fx_json_string(sc, "AAAA"), "SigningCertURL",
        fx_json_string(sc, "https://sns.us-east-1.amazonaws.com/"
                           "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"),
        NULL);

    /* now and then a change is told only when the next one has come */
    send_at(chance_one_in(dice(), 4) ? soon(PERIOD_MS / 2, 3 * PERIOD_MS) : soon(20, 1500), "sns",
            fx_json_dump(sc, envelope), fx_printf(sc, "sns:%s", id));
}

static void alarm_changes(void *argument) {
    struct change *change = argument;

    sim_note("alarm", change->alarm->name, change->alarm->changes[change->number].alarm);
    change->alarm->told = change->number + 1;
    notify(change->alarm, change->number);
}

static void plan_alarm(int number) {
    struct alarm *alarm = &sim->world->alarms[number];
    int64_t at = chance_between(dice(), 1000, 30000);

    *alarm = (struct alarm){.changes_count = (int)chance_between(dice(), 1, WORLD_CHANGES)};
    snprintf(alarm->name, sizeof alarm->name, "%s-%d", chance_one_in(dice(), 2) ? "dead" : "other",
             number);
    for (int i = 0; i < alarm->changes_count; i++) {
        struct change *change = FX_NEW(sim->sc, struct change);

        alarm->changes[i].alarm = i % 2 == 0;
        alarm->changes[i].at_ms = at;
        *change = (struct change){alarm, i};
        sim_at(at, alarm_changes, change);
        at += chance_between(dice(), PERIOD_MS, 4 * PERIOD_MS);
    }
}

/* ---- others ---- */

static void set_freeze(bool on) {
    struct fx_writes writes = {0};
    struct fx_error err = {0};

    fx_writes_setting(sim->sc, &writes, "freeze",
                      on ? "{\"by\":\"U3\",\"at\":1,\"reason\":\"an incident elsewhere\"}" : "");
    if (sim->store->write(sim->store, sim->sc, NULL, &writes, &err) != FX_OK)
        abort();
    sim->truth->frozen_ms = on ? sim->now_ms : 0;
    sim_note(on ? "frozen" : "unfrozen", "", 0);
}

static void freeze(void *argument) {
    (void)argument;
    set_freeze(true);
}

static void unfreeze(void *argument) {
    (void)argument;
    set_freeze(false);
}

/* All clocks of the bot are set, forward or back. */
static void set_clocks(void *argument) {
    enum { LEAST_MS = 20000, MOST_MS = 300000 };
    int64_t by_ms = chance_between(dice(), LEAST_MS, MOST_MS);

    (void)argument;
    sim->jumped_at_ms = sim->now_ms;
    sim->jumped_by_ms = chance_one_in(dice(), 2) ? by_ms : -by_ms;
    sim->jump_ms += sim->jumped_by_ms;
    sim_note("clocks are set", "", sim->jump_ms);
    sim_store_changed();
}

/* Somebody else moves the queue by hand, at a rate of his own. */
static void move_by_hand(void *argument) {
    (void)argument;
    for (int i = 0; i < sim->world->tasks_count; i++)
        if (strcmp(sim->world->tasks[i].status, "RUNNING") == 0)
            return;
    sim_note("moved by hand", "", sqs_start_task(0, 1, ""));
}

/* Somebody else looks at the dead letters. */
static void look_by_hand(void *argument) {
    (void)argument;
    for (int i = 0; i < sim->world->letters_count; i++)
        if (sim->world->letters[i].queue % 2 == 1 && chance_one_in(dice(), 2) &&
            sim->world->letters[i].visible_ms <= sim->now_ms) {
            sim->world->letters[i].visible_ms = sim->now_ms + 30000;
            sim->world->letters[i].handle++;
        }
}

/* ---- the plan of a seed ---- */

/* Who hears no more of what he asked asks again. */
static void ask_again(void *argument) {
    for (int i = 0; i < sim->world->seen_count; i++)
        if (strncmp(sim->world->seen[i], "approve ", 8) == 0)
            return;
    command_at(sim->now_ms, "U1", argument);
}

static void plan_redrive(int64_t at_ms) {
    static const char *const methods[] = {"auto", "selective", "move-task"};
    int64_t pair = chance_below(dice(), WORLD_PAIRS);
    char *text = fx_printf(sim->sc, "redrive%s method=%s canary=%d rate=%d", pair == 0 ? "" : "2",
                           methods[chance_below(dice(), 3)], (int)chance_below(dice(), 3),
                           (int)chance_between(dice(), 2, 30));

    command_at(at_ms, "U1", text);
    sim_at(at_ms + ASKED_AGAIN_MS, ask_again, text);
    sim_at(at_ms + 2 * ASKED_AGAIN_MS, ask_again, text);
}

/* Somebody moves the queue by hand, somebody stops that, and somebody begins again. */
static void plan_cancel(void) {
    int64_t at = chance_between(dice(), 5000, 40000);

    if (chance_one_in(dice(), 2))
        sim_at(at - chance_between(dice(), 100, 3000), move_by_hand, NULL);
    command_at(at, "U1", "cancel");
    for (int64_t i = chance_below(dice(), 3); i > 0; i--)
        sim_at(at + chance_between(dice(), 100, 8000), move_by_hand, NULL);
    if (chance_one_in(dice(), 4))
        command_at(at + chance_between(dice(), 10, 8000), "U2", "cancel");
}

void people_plan(void) {
    struct world *world = sim->world;
    int64_t letters = chance_between(dice(), 1, 14);

    for (int64_t i = 0; i < letters; i++)
        for (int pair = 0; pair < WORLD_PAIRS; pair++)
            (void)sqs_add(2 * pair + 1, world->origins_count++);
    world->alarms_count = (int)chance_below(dice(), WORLD_ALARMS);
    for (int i = 0; i < world->alarms_count; i++)
        plan_alarm(i);
    plan_redrive(chance_between(dice(), 500, 5000));
    if (chance_one_in(dice(), 4))
        plan_redrive(chance_between(dice(), 500, LAST_EVENT_MS));
    if (chance_one_in(dice(), 4))
        plan_cancel();
    if (chance_one_in(dice(), 5))
        command_at(chance_between(dice(), 500, 40000), "U2", "look");
    if (chance_one_in(dice(), 6)) {
        int64_t at = chance_between(dice(), 500, 40000);

        sim_at(at, freeze, NULL);
        sim_at(at + chance_between(dice(), 100, 60000), unfreeze, NULL);
    }
    for (int64_t i = chance_one_in(dice(), 4) ? chance_between(dice(), 1, 4) : 0; i > 0; i--)
        sim_at(chance_between(dice(), 5000, 60000), move_by_hand, NULL);
    if (chance_one_in(dice(), 8))
        sim_at(chance_between(dice(), 1000, 60000), set_clocks, NULL);
    for (int64_t i = chance_one_in(dice(), 5) ? chance_between(dice(), 1, 3) : 0; i > 0; i--)
        sim_at(chance_between(dice(), 1000, 60000), replica_stop,
               &sim->replicas[chance_below(dice(), SIM_REPLICAS)]);
    if (chance_one_in(dice(), 6))
        sim_at(chance_between(dice(), 500, 60000), look_by_hand, NULL);
}
