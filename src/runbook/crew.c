/* crew.c - one stage of the check for every file of a system, by several threads at once.
 *
 * Each file is looked at by one thread only, in every stage by the same one. A thread reads what an
 * earlier stage found out of other files, and writes about its own alone; what all of them add to,
 * findings and used variables, each keeps for itself until the stage is over. */
#include "private.h"

#include <pthread.h>
#include <unistd.h>

enum { CREW_MAX = 4 };

struct hand {
    struct runbook_check check;
    runbook_stage *stage;
    size_t number, of;
};

struct runbook_crew {
    struct hand hands[CREW_MAX];
    size_t count;
};

static size_t processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : count > CREW_MAX ? CREW_MAX : (size_t)count;
}

/* Each hand does the same, the first one in the caller's thread; so does one that no thread was
 * given for. */
static void together(struct runbook_crew *crew, void *(*work)(void *hand)) {
    pthread_t threads[CREW_MAX];
    bool is_running[CREW_MAX] = {false};

    for (size_t i = 1; i < crew->count; i++)
        is_running[i] = pthread_create(&threads[i], NULL, work, &crew->hands[i]) == 0;
    for (size_t i = 0; i < crew->count; i++)
        if (!is_running[i])
            work(&crew->hands[i]);
    for (size_t i = 0; i < crew->count; i++)
        if (is_running[i])
            pthread_join(threads[i], NULL);
}

static void *give_back(void *thing) {
    fx_scope_free(((struct hand *)thing)->check.scratch);
    return NULL;
}

static void crew_end(void *crew) {
    together(crew, give_back);
}

struct runbook_crew *runbook_crew_new(struct runbook_check *c) {
    struct runbook_crew *crew = FX_NEW(c->scratch, struct runbook_crew);

    crew->count = processors();
    for (size_t i = 0; i < crew->count; i++) {
        struct runbook_check *own = &crew->hands[i].check;

        crew->hands[i].number = i;
        crew->hands[i].of = crew->count;
        own->scratch = fx_scope_new(c->scratch);
        own->checker = fx_expr_checker_new(own->scratch);
        own->findings = fx_alloc(own->scratch, RUNBOOK_MAX_FINDINGS * sizeof *own->findings);
        own->used_variables = fx_json_object(own->scratch);
    }
    fx_defer(c->scratch, crew_end, crew);
    return crew;
}

/* What the hand works with beside its own. */
static void hand_over(const struct runbook_check *c, struct hand *hand) {
    struct runbook_check own = hand->check;

    hand->check = *c;
    hand->check.scratch = own.scratch;
    hand->check.checker = own.checker;
    hand->check.findings = own.findings;
    hand->check.findings_count = 0;
    hand->check.used_variables = own.used_variables;
    hand->check.all_variables_used = own.all_variables_used;
}

static void take_back(struct runbook_check *c, const struct hand *hand) {
    const char *name = NULL;
    struct fx_json *yes = NULL;
    void *cursor = NULL;

    for (size_t i = 0; i < hand->check.findings_count; i++)
        runbook_say_at(c, hand->check.findings[i].file, hand->check.findings[i].line,
                       hand->check.findings[i].message);
    while (fx_json_next(hand->check.used_variables, &cursor, &name, &yes))
        fx_json_put(c->used_variables, name, yes);
    c->all_variables_used |= hand->check.all_variables_used;
}

static void *look_at_files(void *thing) {
    struct hand *hand = thing;

    for (size_t i = hand->number; i < hand->check.files_count; i += hand->of)
        hand->stage(&hand->check, i);
    return NULL;
}

void runbook_each_file(struct runbook_check *c, runbook_stage *stage) {
    struct runbook_crew *crew = c->crew;

    for (size_t i = 0; i < crew->count; i++) {
        hand_over(c, &crew->hands[i]);
        crew->hands[i].stage = stage;
    }
    together(crew, look_at_files);
    for (size_t i = 0; i < crew->count; i++)
        take_back(c, &crew->hands[i]);
}
