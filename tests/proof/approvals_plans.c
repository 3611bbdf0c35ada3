/* approvals_plans.c - a plan is asked for on one replica, approved on both, and run on the other;
 * between the last approval and the run one thing changes. What changed is refused, what did not is
 * carried out once, exactly as it was approved.
 */
#include "approvals_rig.h"

#include "fluxabot/base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan {
    struct proof *proof;
    struct fx_scope *sc;
    const char *run, *approval;
    bool for_two;
    const char *params; /* digest of what was approved */
};

/* ---- what may change ---- */

static void rename_target(struct plan *p, const char *environment) {
    for (size_t i = 0; i < FX_COUNT_OF(p->proof->environments); i++)
        if (strcmp(p->proof->environments[i].name, environment) == 0)
            p->proof->environments[i].variables = fx_json_object_of(
                p->proof->sc, "target", fx_json_string(p->proof->sc, "elsewhere"), NULL);
}

static void deepen(struct plan *p) {
    p->proof->depth++;
}
static void edit_runbook(struct plan *p) {
    proof_load_runbooks(p->proof, "2");
}
static void configure(struct plan *p) {
    rename_target(p, "dev");
}
static void move_database(struct plan *p) {
    for (size_t i = 0; i < FX_COUNT_OF(p->proof->environments); i++)
        p->proof->environments[i].places = fx_json_object_of(
            p->proof->sc, "orders", fx_json_string(p->proof->sc, "host=elsewhere"), NULL);
}
static void move_address(struct plan *p) {
    for (size_t i = 0; i < PROOF_REPLICAS; i++)
        p->proof->replicas[i].engine.options.aws_place = "eu-west-1 at https://elsewhere";
}
static void move_account(struct plan *p) {
    p->proof->account = "444455556666";
}
static void update_bot(struct plan *p) {
    for (size_t i = 0; i < PROOF_REPLICAS; i++)
        p->proof->replicas[i].engine.options.version = "2";
}
static void change_arguments(struct plan *p) {
    proof_sql(p->proof, "UPDATE runs SET arguments_json = '{\"count\":9}' WHERE id = '%s'", p->run);
}
static void change_environment(struct plan *p) {
    proof_sql(p->proof, "UPDATE runs SET environment = 'prod' WHERE id = '%s'", p->run);
}
static void change_plan(struct plan *p) {
    proof_sql(p->proof,
              "UPDATE approvals SET plan_json = replace(plan_json, '\"params\":{', "
              "'\"params\":{\"more\":1,') WHERE id = '%s'",
              p->approval);
}
static void change_requester(struct plan *p) {
    proof_sql(p->proof, "UPDATE approvals SET requester = 'U8' WHERE id = '%s'", p->approval);
}
static void change_life(struct plan *p) {
    proof_sql(p->proof, "UPDATE approvals SET expires_ms = expires_ms + 1 WHERE id = '%s'",
              p->approval);
}
static void need_fewer(struct plan *p) {
    proof_sql(p->proof, "UPDATE approvals SET needed = 3 - needed WHERE id = '%s'", p->approval);
}
static void take_vote(struct plan *p) {
    proof_sql(p->proof, "DELETE FROM votes WHERE approval = '%s' AND voter = 'U2'", p->approval);
}
static void swap_voter(struct plan *p) {
    proof_sql(p->proof, "UPDATE votes SET voter = 'U9B' WHERE approval = '%s' AND voter = 'U2'",
              p->approval);
}
static void undo_decision(struct plan *p) {
    proof_sql(p->proof, "UPDATE approvals SET state = 2 WHERE id = '%s'", p->approval);
}
static void age(struct plan *p) {
    proof_sql(p->proof, "UPDATE approvals SET execute_before_ms = 1 WHERE id = '%s'", p->approval);
}
static void stop(struct plan *p) {
    proof_sql(p->proof, "UPDATE runs SET stop_requested = 1, stop_by = 'U1' WHERE id = '%s'",
              p->run);
}
static void freeze(struct plan *p) {
    proof_sql(p->proof, "INSERT INTO settings (name, value) VALUES ('freeze', "
                        "'{\"by\":\"U1\",\"at\":1,\"reason\":\"month end\"}')");
}
static void lose_role(struct plan *p) { /* the second of the two who voted */
    p->proof->guest = "U2";
}
static void share_channel(struct plan *p) {
    p->proof->is_shared = true;
}
static void marry(struct plan *p) { /* U1 and U2 turn out to be one, and to be who asked */
    static const char *const same[] = {"U1", "U2", "U9"};
    static const struct fx_person persons[] = {{"same", same, FX_COUNT_OF(same)}};

    p->proof->policy.persons = persons;
    p->proof->policy.persons_count = 1;
}

static const struct change {
    const char *name;
    void (*make)(struct plan *p);
    const char *word; /* of the refusal */
} all_changes[] = {
    {"nothing", NULL, ""},
    {"queue depth", deepen, "the queue changed"},
    {"runbook file", edit_runbook, "the runbook was edited"},
    {"configuration", configure, "the configuration of proof (dev) was changed"},
    {"a database's address", move_database, "databases.orders was nothing"},
    {"AWS's address", move_address, "aws.by_itself was nothing"},
    {"account", move_account, "would be done at another place"},
    {"arguments", change_arguments, "was changed after this was asked for"},
    {"version of the bot", update_bot, "the bot was updated"},
    {"environment", change_environment, "not the one that was approved"},
    {"stored plan", change_plan, "not the one that was approved"},
    {"requester", change_requester, "not the one that was approved"},
    {"expiry", change_life, "not the one that was approved"},
    {"number of approvers", need_fewer, "not the one that was approved"},
    {"a vote less", take_vote, "persons have to approve"},
    {"a vote of the requester", swap_voter, "you asked for it yourself with another account"},
    {"the decision", undo_decision, ""},
    {"time to execute", age, "too long ago"},
    {"Stop", stop, "stopped before it began"},
    {"freeze", freeze, "changes are frozen"},
    {"a role", lose_role, "looked up once more"},
    {"who reads along", share_channel, "another organisation"},
    {"two persons are one", marry, ""},
};

/* The world as it was. */
static void restore(struct plan *p) {
    static const char *const first[] = {"U1", "U1B"}, *const asker[] = {"U9", "U9B"};
    static const struct fx_person persons[] = {{"first", first, 2}, {"asker", asker, 2}};
    struct proof *proof = p->proof;

    proof->guest = NULL;
    proof->is_shared = false;
    proof->policy.persons = persons;
    proof->policy.persons_count = FX_COUNT_OF(persons);
    proof->account = "111122223333";
    for (size_t i = 0; i < FX_COUNT_OF(proof->environments); i++) {
        proof->environments[i].variables =
            fx_json_object_of(proof->sc, "target", fx_json_string(proof->sc, "main"), NULL);
        proof->environments[i].places = fx_json_object(proof->sc);
    }
    for (size_t i = 0; i < PROOF_REPLICAS; i++) {
        proof->replicas[i].engine.options.version = "1";
        proof->replicas[i].engine.options.aws_place = NULL;
    }
}

static void restore_after(struct plan *p, const struct change *change) {
    restore(p);
    if (change->make == edit_runbook)
        proof_load_runbooks(p->proof, "1");
    if (change->make == freeze)
        proof_sql(p->proof, "DELETE FROM settings WHERE name = 'freeze'");
}

/* ---- one plan ---- */

static void ask(struct plan *p, size_t replica, int number, bool by_alarm) {
    struct proof_replica *at = &p->proof->replicas[replica];
    struct fx_store *store = proof_store(p->proof, replica);
    struct engine_work work = {.engine = &at->engine, .sc = p->sc, .now_ms = PROOF_NOW_MS};
    struct fx_approval *approval = NULL;
    struct fx_error err = {0};

    p->run = fx_printf(p->sc, "plan-%d", number);
    proof_must(engine_start_run(
                   &work,
                   &(struct engine_ask){.system = &at->system,
                                        .runbook = fx_system_find(
                                            at->system.system, p->for_two ? "shift both" : "shift"),
                                        .arguments = fx_json_object_of(
                                            p->sc, "count", fx_json_int(p->sc, number % 7), NULL),
                                        .environment = "dev",
                                        .trigger = by_alarm ? "alarm" : "slash",
                                        .requester = by_alarm ? "" : "U9",
                                        .channel = PROOF_HOME,
                                        .response_url = "",
                                        .parent = "",
                                        .incident = "",
                                        .run_id = p->run},
                   &err),
               &err, "a run");
    proof_must(store->write(store, p->sc, NULL, &work.writes, &err), &err, "a run");
    proof_work(at, p->sc);
    proof_must(store->approval_of(store, p->sc, p->run, "gate", &approval, &err), &err, "a plan");
    if (approval == NULL) {
        fprintf(stderr, "%s was not asked for\n", p->run);
        exit(2);
    }
    p->approval = approval->id;
    struct fx_json *bound = NULL;

    proof_must(fx_json_parse(p->sc, fx_slice_of(approval->plan_json), &bound, &err), &err,
               "a plan");
    p->params = fx_sha256_hex(
        p->sc, fx_slice_of(fx_json_dump_canonical(p->sc, fx_json_at(bound, "params"))));
}

static struct fx_run *run_of(struct plan *p) {
    struct fx_store *store = proof_store(p->proof, 0);
    struct fx_run *run = NULL;
    struct fx_error err = {0};

    proof_must(store->run(store, p->sc, p->run, &run, &err), &err, "reading");
    return run;
}

/* The one intent carries the digest that was approved, and the call what was shown. */
static const char *judge_control(struct plan *p, const struct fx_run *run) {
    struct fx_store *store = proof_store(p->proof, 0);
    struct fx_approval *approval = NULL;
    struct fx_intent **intents = NULL;
    struct fx_error err = {0};
    size_t count = 0;

    proof_must(store->approval(store, p->sc, p->approval, &approval, &err), &err, "reading");
    proof_must(store->intents(store, p->sc, p->run, "", &intents, &count, &err), &err, "reading");
    if (run->state != FX_RUN_DONE)
        return fx_printf(p->sc, "not carried out: %s", run->note);
    if (p->proof->effects != 1 || count != 1)
        return fx_printf(p->sc, "%d effects and %zu intents", p->proof->effects, count);
    if (strcmp(intents[0]->digest, approval->digest) != 0 ||
        strcmp(engine_plan_digest(p->sc, run, approval), approval->digest) != 0)
        return "the digest of what ran is not that of what was approved";
    if (strcmp(p->proof->carried, p->params) != 0)
        return "other parameters than those that were approved";
    return NULL;
}

static const char *judge_change(struct plan *p, const struct change *change,
                                const struct fx_run *run) {
    if (p->proof->effects != 0)
        return "carried out all the same";
    if (!fx_run_state_is_final(run->state) || run->state == FX_RUN_DONE)
        return fx_printf(p->sc, "it ended as %s", fx_run_state_name(run->state));
    if (strstr(run->note, change->word) == NULL)
        return fx_printf(p->sc, "refused for another reason: %s", run->note);
    return NULL;
}

bool proof_plan(struct proof *proof, int number, uint64_t seed) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    /* every other one is a control */
    const struct change *change =
        &all_changes[number % 2 == 0 ? 0
                                     : 1 + (size_t)(number / 2) % (FX_COUNT_OF(all_changes) - 1)];
    struct plan p = {.proof = proof, .sc = sc};
    size_t replica = proof_draw(&seed, PROOF_REPLICAS);
    bool by_alarm = proof_draw(&seed, 3) == 0 && change->make != change_requester &&
                    change->make != swap_voter && change->make != marry;

    p.for_two = proof_draw(&seed, 2) == 0 || change->make == lose_role;
    proof->effects = 0;
    proof->depth = proof_draw(&seed, 1000);
    ask(&p, replica, number, by_alarm);
    const char *told =
        p.for_two ? proof_press(&proof->replicas[1 - replica], sc, "U1", true, p.approval) : NULL;

    if (told == NULL)
        told = proof_press(&proof->replicas[replica], sc, "U2", true, p.approval);
    if (change->make != NULL)
        change->make(&p);
    proof_work(&proof->replicas[1 - replica], sc);
    struct fx_run *run = run_of(&p);
    const char *wrong = told != NULL           ? fx_printf(sc, "a vote was refused: %s", told)
                        : change->make == NULL ? judge_control(&p, run)
                                               : judge_change(&p, change, run);

    if (change->make != NULL)
        restore_after(&p, change);
    if (wrong != NULL)
        printf("plan %d (%s changed): %s\n", number, change->name, wrong);
    return wrong == NULL;
}
