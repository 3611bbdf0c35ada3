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

struct runbook_crew *runbook_crew_new(struct runbook_check *c) {
    struct runbook_crew *crew = FX_NEW(c->scratch, struct runbook_crew);

    crew->count = processors();
    for (size_t i = 0; i < crew->count; i++) {
        struct runbook_check *own = &crew->hands[i].check;

        own->scratch = fx_scope_new(c->scratch);
        fx_defer(c->scratch, (void (*)(void *))fx_scope_free, own->scratch);
        own->checker = fx_expr_checker_new(own->scratch);
        own->findings = fx_alloc(own->scratch, RUNBOOK_MAX_FINDINGS * sizeof *own->findings);
        own->used_variables = fx_json_object(own->scratch);
    }
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

static void *work(void *thing) {
    struct hand *hand = thing;

    for (size_t i = hand->number; i < hand->check.files_count; i += hand->of)
        hand->stage(&hand->check, i);
    return NULL;
}

void runbook_each_file(struct runbook_check *c, runbook_stage *stage) {
    struct runbook_crew *crew = c->crew;
    pthread_t threads[CREW_MAX];
    bool is_running[CREW_MAX] = {false};

    for (size_t i = 0; i < crew->count; i++) {
        struct hand *hand = &crew->hands[i];

        hand_over(c, hand);
        hand->stage = stage;
        hand->number = i;
        hand->of = crew->count;
        if (i > 0)
            is_running[i] = pthread_create(&threads[i], NULL, work, hand) == 0;
    }
    for (size_t i = 0; i < crew->count; i++)
        if (!is_running[i])
            work(&crew->hands[i]); /* the first is the caller's; so is what no thread was given for
                                    */
    for (size_t i = 0; i < crew->count; i++) {
        if (is_running[i])
            pthread_join(threads[i], NULL);
        take_back(c, &crew->hands[i]);
    }
}
