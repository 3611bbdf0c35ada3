/* main.c - seed after seed: the simulation's command line and what it makes of the violations.
 *
 *   proof_simulation --system FOLDER [--count 300] [--seed 1] [--twin NAME] [--trace] [--replay 50]
 *
 * One seed in --replay is run twice, and must leave the same trace. A twin is a part that is broken
 * on purpose: then the program ends well as soon as the violation that belongs to it was seen.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct twin {
    const char *name, *violations; /* any of these, separated by blanks */
    int64_t within;                /* seeds */
} twins[] = {
    {"intent-lost", "effect-without-intent", 200},
    {"begin-on-conflict",
     "sent-twice sent-twice-untold started-twice effect-without-intent begun-after-lease", 2000},
    {"repeats-unsettled", "sent-twice sent-twice-untold started-twice", 2000},
    {"answers-first", "event-lost", 500},
    {"approval-ignored", "begun-without-approval", 200},
    {"expiry-ignored", "begun-after-expiry", 3000},
    {"stop-ignored", "begun-after-stop", 1000},
    {"freeze-ignored", "begun-while-frozen", 1000},
    {"stop-not-looked-at-again", "begun-while-stopping", 1000},
    {"expiry-not-looked-at-again", "begun-while-expiring", 4000},
    {"sends-what-is-sent", "sent-by-two", 500},
    {"forgets-unsent", "card-differs card-missing", 1000},
    {"forgets-what-may-come-late", "card-overwritten-late", 3000},
    {"takes-doubt-for-done", "adopted-another-task done-and-never-happened", 500},
    {"forgets-retries", "run-never-ends", 500},
};

struct options {
    const char *system, *twin;
    uint64_t seed;
    int64_t count, replay;
    bool trace;
};

struct tally {
    int64_t passed, failed;
    int64_t crashes, freezes, effects, ended[SIM_STATES];
};

/* ---- one seed ---- */

static int64_t world_wall(struct fx_clock *clock) {
    (void)clock;
    return sim_bot_ms();
}

static int64_t world_mono(struct fx_clock *clock) {
    (void)clock;
    return sim->now_ms;
}

static void fill(struct fx_random *random, void *bytes, size_t len) {
    struct sim *s = FX_CONTAINER_OF(random, struct sim, store_random);

    for (size_t done = 0; done < len; done += sizeof(uint64_t)) {
        uint64_t word = chance_next(&s->store_chance);

        memcpy((char *)bytes + done, &word, len - done < sizeof word ? len - done : sizeof word);
    }
}

/* Half of what can go wrong does not happen at all in a seed: too much trouble hides trouble. */
static int64_t trouble(int64_t least, int64_t most) {
    return chance_one_in(&sim->chance, 2) ? 0 : chance_between(&sim->chance, least, most);
}

static void choose_weather(void) {
    struct weather *w = &sim->weather;

    w->crash = trouble(150, 1500);
    w->freeze = trouble(150, 1500);
    w->clock_step = trouble(100, 1000);
    w->store_before = trouble(40, 600);
    w->store_after = trouble(40, 600);
    w->store_slow = trouble(20, 300);
    w->http_refused = trouble(10, 120);
    w->http_lost_before = trouble(10, 120);
    w->http_lost_after = trouble(10, 120);
    w->http_late = trouble(10, 120);
    w->http_error = trouble(10, 120);
    w->http_error_after = trouble(10, 120);
    w->http_throttled = trouble(10, 120);
    w->http_slow = trouble(10, 60);
    w->delivery_lost = trouble(3, 20);
    w->delivery_twice = trouble(2, 10);
    sim->calm_ms = chance_between(&sim->chance, 20000, 150000);
}

/* The store goes with its own dice, so that a fault elsewhere does not change its ids. */
static void run_world(const char *folder) {
    probes_open(folder);
    choose_weather();
    people_plan();
    for (int i = 0; i < SIM_REPLICAS; i++)
        replica_start(&sim->replicas[i], i);

    int64_t look_ms = 0;

    while (sim_turn()) {
        if (sim->turns > SIM_TURNS) {
            sim_violate("endless", "%lld ms", (long long)sim->now_ms);
            break;
        }
        if (!sim->calm || sim->now_ms < look_ms)
            continue;
        look_ms = sim->now_ms + 10000;
        if (sim->now_ms > sim->calm_ms + SIM_PATIENCE_MS ||
            (sim->now_ms > sim->calm_ms + 130000 && judge_has_settled()))
            break;
    }
    for (int i = 0; i < SIM_REPLICAS; i++)
        replica_end(&sim->replicas[i]);
    judge();
    probes_close(folder);
}

static uint64_t run_seed(const struct options *options, const char *folder, uint64_t seed,
                         struct sim *s) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

    *s = (struct sim){.seed = seed,
                      .twin = options->twin,
                      .verbose = options->trace,
                      .hash = UINT64_C(0xcbf29ce484222325),
                      .sc = sc,
                      .clock = {.wall_ms = world_wall, .mono_ms = world_mono},
                      .store_random = {.fill = fill}};
    s->chance.state = seed * 3;
    s->people.state = seed * 3 + 1;
    s->store_chance.state = seed * 3 + 2;
    s->world = FX_NEW(sc, struct world);
    s->truth = FX_NEW(sc, struct truth);
    sim = s;
    run_world(folder);
    sim = NULL;
    return s->hash;
}

/* ---- what it means ---- */

static void judge_seed(const struct sim *s, struct tally *tally) {
    bool failed = s->violations_count > 0;

    for (size_t i = 0; i < s->violations_count; i++) {
        const struct violation *v = &s->violations[i];

        printf("seed %llu: %s: %s (at %.3f s)\n", (unsigned long long)s->seed, v->name, v->text,
               (double)v->at_ms / 1000);
    }
    tally->failed += failed;
    tally->passed += !failed;
    tally->crashes += s->crashes;
    tally->freezes += s->freezes;
    tally->effects += s->effects;
    for (size_t i = 0; i < SIM_STATES; i++)
        tally->ended[i] += s->ended[i];
}

/* Runs in which nothing happens prove nothing. */
static void tell_coverage(const struct tally *tally) {
    printf("%lld crashes, %lld freezes, %lld effects; runs:", (long long)tally->crashes,
           (long long)tally->freezes, (long long)tally->effects);
    for (int i = 0; i <= FX_RUN_FAILED; i++)
        if (tally->ended[i] > 0)
            printf(" %lld %s", (long long)tally->ended[i], fx_run_state_name((enum fx_run_state)i));
    printf("\n");
}

static const struct twin *find_twin(const char *name) {
    for (size_t i = 0; i < FX_COUNT_OF(twins); i++)
        if (strcmp(twins[i].name, name) == 0)
            return &twins[i];
    fprintf(stderr, "there is no twin %s\n", name);
    exit(2);
}

static bool is_caught(const struct sim *s, const struct twin *twin) {
    for (size_t i = 0; i < s->violations_count; i++)
        if (strstr(twin->violations, s->violations[i].name) != NULL)
            return true;
    return false;
}

static int run_twin(const struct options *options, const char *folder, struct sim *s) {
    const struct twin *twin = find_twin(options->twin);

    for (int64_t i = 0; i < twin->within; i++) {
        (void)run_seed(options, folder, options->seed + (uint64_t)i, s);
        if (is_caught(s, twin)) {
            printf("twin %s: caught after %lld seeds\n", twin->name, (long long)i + 1);
            return 0;
        }
    }
    printf("twin %s: not caught within %lld seeds\n", twin->name, (long long)twin->within);
    return 1;
}

static int run_all(const struct options *options, const char *folder, struct sim *s) {
    struct tally tally = {0};

    printf("seed %llu\n", (unsigned long long)options->seed);
    for (int64_t i = 0; i < options->count; i++) {
        uint64_t seed = options->seed + (uint64_t)i;
        uint64_t hash = run_seed(options, folder, seed, s);

        judge_seed(s, &tally);
        if (options->replay > 0 && i % options->replay == 0 &&
            run_seed(options, folder, seed, s) != hash) {
            printf("seed %llu: the same seed left another trace\n", (unsigned long long)seed);
            tally.failed++;
        }
    }
    tell_coverage(&tally);
    printf("%lld passed, %lld failed\n", (long long)tally.passed, (long long)tally.failed);
    return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}

static int tell_twins(void) {
    for (size_t i = 0; i < FX_COUNT_OF(twins); i++)
        printf("%s\n", twins[i].name);
    return 0;
}

static void refuse_option(const char *option) {
    fprintf(stderr, "unknown option %s; see the first lines of tests/proof/simulation\n", option);
    exit(2);
}

static struct options parse(int argc, char **argv) {
    struct options o = {.twin = "", .seed = 1, .count = 300, .replay = 50};

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--trace") == 0) {
            o.trace = true;
            continue;
        }
        if (strcmp(argv[i], "--twins") == 0)
            exit(tell_twins());
        if (strcmp(argv[i], "--system") == 0)
            o.system = value;
        else if (strcmp(argv[i], "--twin") == 0)
            o.twin = value;
        else if (strcmp(argv[i], "--seed") == 0)
            o.seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--count") == 0)
            o.count = strtoll(value, NULL, 10);
        else if (strcmp(argv[i], "--replay") == 0)
            o.replay = strtoll(value, NULL, 10);
        else
            refuse_option(argv[i]);
        i++;
    }
    return o;
}

int main(int argc, char **argv) {
    const struct options options = parse(argc, argv);
    static char in_memory[] = "/dev/shm/fluxabot-sim-XXXXXX",
                on_disk[] = "/tmp/fluxabot-sim-XXXXXX";
    const char *folder = mkdtemp(in_memory);
    struct sim *s = calloc(1, sizeof *s);

    if (folder == NULL)
        folder = mkdtemp(on_disk);
    if (folder == NULL || s == NULL || options.system == NULL)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    replica_load_system(options.system);
    int code =
        options.twin[0] != '\0' ? run_twin(&options, folder, s) : run_all(&options, folder, s);

    replica_unload_system();
    probes_forget(folder);
    rmdir(folder);
    free(s);
    return code;
}
