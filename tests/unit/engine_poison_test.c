/* engine_poison_test.c - fifty kinds of jobs that cannot be done, some of which kill the process,
 * amid good ones: every good one is done, no bad one is tried for ever, and people are told.
 *
 * The engine runs in a process of its own, which is started again whenever it has died.
 */
#include "support/test.h"

#include "private.h"

#include "fluxabot/aws.h"
#include "fluxabot/slackapi.h"
#include "support/scripted_http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC "arn:aws:sns:us-east-1:1:"

enum { GOOD = 60, MAX_STARTS = 80, WORKERS = 4, LOOK_MS = 20 };

/* ---- fifty kinds ---- */

static void raise_plainly(int number) {
    signal(number, SIG_DFL); /* the sanitizer's report would take a while each time */
    raise(number);
}

/* What happens to the process while it asks CloudWatch about the topic poison-N. */
static const struct {
    const char *name;
    int signal; /* 0: it exits with this status */
    int status;
} deaths[] = {
    {"abort", SIGABRT, 0},        {"segv", SIGSEGV, 0},  {"kill", SIGKILL, 0},
    {"bus", SIGBUS, 0},           {"fpe", SIGFPE, 0},    {"ill", SIGILL, 0},
    {"exits well", 0, 0},         {"exits badly", 0, 1}, {"out of memory", SIGABRT, 0},
    {"too much cpu", SIGXCPU, 0},
};

struct kind {
    const char *kind, *body; /* of an event; body NULL: a job of this kind */
    const char *subject;
};
static const struct kind kinds[] = {
    {"sns", "", NULL},
    {"sns", "null", NULL},
    {"sns", "[]", NULL},
    {"sns", "{", NULL},
    {"sns", "{}", NULL},
    {"sns", "\xff\xfe{}", NULL},
    {"sns", "{\"Type\":1}", NULL},
    {"sns", "{\"Type\":\"Notification\",\"Type\":\"Notification\"}", NULL},
    {"sns", "{\"Type\":\"Notification\",\"MessageId\":\"x\"}", NULL},
    {"sns", "{\"a\":1e999}", NULL},
    {"sns", "{\"a\":123456789012345678901234567890}", NULL},
    {"sns", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", NULL},
    {"reconcile", "", NULL},
    {"reconcile", "{", NULL},
    {"reconcile", "{\"topic\":7}", NULL},
    {"reconcile", "{\"topic\":\"" TOPIC "good-0\"}", NULL},
    {"reconcile", "{\"topic\":\"" TOPIC "good-0\",\"alarm\":[]}", NULL},
    {"reconcile", "{\"topic\":\"nobody's\"}", NULL},
    {"slack.command", "", NULL},
    {"slack.command", "=", NULL},
    {"slack.command", "command=%2", NULL},
    {"slack.command", "command=%zz&text=%00", NULL},
    {"slack.command", "command=/fluxa&command=/fluxa", NULL},
    {"slack.command", "text=dlq", NULL},
    {"slack.interaction", "", NULL},
    {"slack.interaction", "payload=", NULL},
    {"slack.interaction", "payload=%7B", NULL},
    {"slack.interaction", "payload=%7B%7D", NULL},
    {"slack.interaction", "payload=%5B%5D", NULL},
    {"slack.interaction", "payload=%7B%22type%22%3A%22block_actions%22%7D", NULL},
    {"nobody's", "{}", NULL},
    {"", "{}", NULL},
    {"event", NULL, "not there"},
    {"run", NULL, "not there"},
    {"expire", NULL, "not there"},
    {"remind", NULL, "not there"},
    {"schedule", NULL, "not there"},
    {"reconcile", NULL, "not there"},
    {"nonsense", NULL, "x"},
    {"%s%n", NULL, "%s%n"},
};
enum { KINDS = FX_COUNT_OF(kinds), DEATHS = FX_COUNT_OF(deaths) };
static_assert(KINDS + DEATHS >= 50, "fifty kinds");

/* How often each was taken in hand, kept where no death takes it along. */
static _Atomic int *tries;

/* Stands in for the aws module. */
enum fx_code fx_aws_call(struct fx_aws *aws, struct fx_scope *sc, const struct fx_aws_call *call,
                         struct fx_json **ret_answer, struct fx_error *err) {
    const char *topic = fx_scope_log_id(sc);
    size_t which = 0;

    (void)aws, (void)call, (void)err;
    if (sscanf(topic, TOPIC "poison-%zu", &which) == 1 && which < DEATHS) {
        tries[which]++;
        if (deaths[which].signal == 0)
            _exit(deaths[which].status);
        raise_plainly(deaths[which].signal);
    }
    *ret_answer = fx_json_object(sc);
    return FX_OK;
}

/* Slack is away, so what is told stays to be seen. */
static enum fx_code no_exchange(struct fx_http *http, struct fx_scope *sc,
                                const struct fx_http_request *request,
                                struct fx_http_reply **ret_reply, struct fx_error *err) {
    (void)http, (void)sc, (void)request, (void)ret_reply;
    return fx_fail(err, FX_ERR_UNAVAILABLE, "nobody is there");
}

/* ---- the engine in its own process ---- */

struct world {
    struct fx_scope *sc;
    char dir[64];
    const char *url;
    struct fx_engine_topic *topics;
    struct fx_system fluxa;
    struct fx_engine_system system;
};

static struct fx_store *open_store(struct world *w) {
    struct fx_store *store = NULL;
    struct fx_error err;

    assert_ok(fx_store_open(w->sc, w->url, fx_clock_system(), fx_random_system(), &store, &err));
    return store;
}

/* Whether anything is left that is due, or in work. */
static bool is_busy(struct fx_store *store, struct fx_scope *sc) {
    struct fx_job **jobs = NULL;
    struct fx_error err;
    size_t count = 0;
    bool busy = false;

    if (store->jobs(store, sc, FX_JOB_LEASED, 1, &jobs, &count, &err) != FX_OK || count > 0 ||
        store->jobs(store, sc, FX_JOB_READY, FX_STORE_MAX_ROWS, &jobs, &count, &err) != FX_OK)
        return true;
    for (size_t i = 0; i < count; i++)
        busy |= jobs[i]->due_ms < fx_wall_ms(fx_clock_system()) + FX_ENGINE_RECONCILE_MS / 2;
    return busy;
}

/* As `serve` does it; ends when there is nothing more to do. The topics are asked about once. */
static void live(struct world *w) {
    struct fx_store *store = open_store(w);
    struct fx_engine *engine = NULL;
    struct fx_http http = {.exchange = no_exchange};
    struct fx_slackapi *slack = NULL;
    struct fx_error err;

    assert_ok(fx_slackapi_open(&(struct fx_slackapi_options){.http = &http,
                                                             .api_url = "https://slack.com/api",
                                                             .bot_token = "xoxb-1"},
                               &slack, &err));
    struct fx_engine_options options = {.store = store,
                                        .slack = slack,
                                        .state = fx_state_memory_new(fx_clock_system()),
                                        .clock = fx_clock_system(),
                                        .random = fx_random_system(),
                                        .metrics = fx_metrics_new(),
                                        .systems = &w->system,
                                        .systems_count = 1,
                                        .topics = w->topics,
                                        .topics_count = GOOD + DEATHS,
                                        .version = "1",
                                        .workers = WORKERS};

    assert_ok(store->outbox_recover(store, w->sc, &err));
    assert_ok(store->release_leases(store, w->sc, &err));
    assert_ok(fx_engine_start(&options, &engine, &err));
    while (is_busy(store, w->sc))
        usleep(LOOK_MS * 1000);
    fx_engine_stop(engine);
    store->close(store);
    _exit(77);
}

/* How often it had to be started until all was done. */
static int live_until_done(struct world *w) {
    for (int starts = 1; starts <= MAX_STARTS; starts++) {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
            live(w);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            return starts;
    }
    fail_msg("still not done after %d starts", MAX_STARTS);
    return 0;
}

/* ---- the world ---- */

static void put_poison(struct world *w, struct fx_store *store) {
    struct fx_writes writes = {0};
    struct fx_error err;
    bool added = false;

    for (size_t i = 0; i < KINDS; i++) {
        struct fx_event event = {.id = fx_printf(w->sc, "poison-%zu", i),
                                 .kind = kinds[i].kind,
                                 .body = kinds[i].body,
                                 .verified = i % 2 == 0};
        if (kinds[i].body == NULL)
            fx_writes_job(w->sc, &writes, kinds[i].kind, kinds[i].subject, 1);
        else
            assert_ok(store->accept(store, w->sc, &event, &added, &err));
    }
    for (size_t i = 0; i < GOOD + DEATHS; i++)
        fx_writes_job(w->sc, &writes, "reconcile", w->topics[i].arn, 1);
    assert_ok(store->write(store, w->sc, NULL, &writes, &err));
}

/* Poison stands between the good ones. */
static void make_topics(struct world *w) {
    w->topics = fx_alloc(w->sc, (GOOD + DEATHS) * sizeof *w->topics);
    for (size_t i = 0, good = 0, bad = 0; i < GOOD + DEATHS; i++) {
        bool poison = bad < DEATHS && i % (GOOD / DEATHS) == 0;

        w->topics[i] =
            (struct fx_engine_topic){.arn = poison ? fx_printf(w->sc, TOPIC "poison-%zu", bad)
                                                   : fx_printf(w->sc, TOPIC "good-%zu", good),
                                     .system = "fluxa",
                                     .environment = "dev"};
        *(poison ? &bad : &good) += 1;
    }
}

static int set_up(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct world *w = FX_NEW(sc, struct world);

    w->sc = sc;
    snprintf(w->dir, sizeof w->dir, "/tmp/fluxabot-test-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->url = fx_printf(sc, "sqlite://%s/x.db", w->dir);
    w->fluxa.name = "fluxa";
    w->system =
        (struct fx_engine_system){.system = &w->fluxa, .channel = "C1", .command = "/fluxa"};
    make_topics(w);
    tries = mmap(NULL, DEATHS * sizeof *tries, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    assert_ptr_not_equal(tries, MAP_FAILED);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    struct world *w = *state;
    static const char *const files[] = {"x.db", "x.db-wal", "x.db-shm"};

    for (size_t i = 0; i < FX_COUNT_OF(files); i++)
        unlink(fx_printf(w->sc, "%s/%s", w->dir, files[i]));
    munmap(tries, DEATHS * sizeof *tries);
    rmdir(w->dir);
    fx_scope_free(w->sc);
    return 0;
}

/* ---- what is left ---- */

static size_t jobs_in(struct world *w, struct fx_store *store, enum fx_job_state state,
                      struct fx_job ***ret_jobs) {
    struct fx_error err;
    size_t count = 0;

    assert_ok(store->jobs(store, w->sc, state, FX_STORE_MAX_ROWS, ret_jobs, &count, &err));
    return count;
}

static const struct fx_job *find(struct fx_job **jobs, size_t count, const char *subject) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(jobs[i]->subject, subject) == 0)
            return jobs[i];
    return NULL;
}

static bool was_told(struct world *w, struct fx_store *store, int64_t job) {
    struct fx_message **messages = NULL;
    struct fx_error err;
    size_t count = 0;
    int64_t next_ms = 0;

    assert_ok(store->outbox_ready(store, w->sc, INT64_MAX, FX_STORE_MAX_ROWS, &messages, &count,
                                  &next_ms, &err));
    for (size_t i = 0; i < count; i++)
        if (strstr(messages[i]->payload_json, fx_printf(w->sc, "--job %lld", (long long)job)))
            return true;
    return false;
}

static void the_good_ones_are_done_and_the_bad_ones_set_aside(void **state) {
    struct world *w = *state;
    struct fx_store *store = open_store(w);
    struct fx_job **jobs = NULL;
    struct fx_error err;

    put_poison(w, store);
    store->close(store);
    int starts = live_until_done(w);

    store = open_store(w);
    assert_ok(store->outbox_recover(store, w->sc, &err));
    size_t count = jobs_in(w, store, FX_JOB_QUARANTINED, &jobs);
    for (size_t i = 0; i < GOOD + DEATHS; i++) {
        const char *arn = w->topics[i].arn, *record = "";
        const struct fx_job *aside = find(jobs, count, arn);

        assert_ok(
            store->setting(store, w->sc, fx_printf(w->sc, "reconcile:%s", arn), &record, &err));
        if (strstr(arn, "poison") == NULL) {
            assert_string_not_equal(record, "");
            if (aside != NULL)
                fail_msg("%s was set aside: %s", arn, aside->last_error);
            continue;
        }
        assert_string_equal(record, "");
        assert_non_null(aside);
        assert_int_equal(aside->deaths, FX_ENGINE_MAX_DEATHS);
        assert_non_null(strstr(aside->last_error, "broke down 3 times"));
        assert_true(was_told(w, store, aside->id));
    }
    for (size_t i = 0; i < DEATHS; i++)
        assert_in_range(tries[i], 1, FX_ENGINE_MAX_DEATHS);
    assert_true(count >= DEATHS);
    /* each dies alone in the end, and at most twice with others */
    assert_in_range(starts, DEATHS + 1, FX_ENGINE_MAX_DEATHS * DEATHS + 1);
    store->close(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_good_ones_are_done_and_the_bad_ones_set_aside, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
