/* suggest.c - the commands that a line may have meant. */
#include "private.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_WORDS = 6,     /* of the line that are compared */
    EDIT_COST = 10,    /* a letter that differs */
    LEFT_COST = 6,     /* a word of the line that the command has no use for: an argument */
    LETTER_COST = 3,   /* and each letter of it when it looks like a word of a command */
    JOIN_COST = 3,     /* "dlqinspect", "dlq-inspect" */
    SHUFFLE_COST = 8,  /* "inspect dlq" */
    MISSING_COST = 20, /* "inspect" for "dlq inspect": one word of the command is not there */
    MIN_PREFIX = 2,    /* letters that make "insp" a beginning of "inspect" */
    MIN_STEM = 4,      /* letters that "connections" and "conns" share */
    NEAR = 35,         /* how much worse than the best a further suggestion may be */
};

struct words {
    struct fx_slice word[MAX_WORDS];
    size_t count;
};

struct guess {
    const char *command;
    size_t cost;
};

static struct words split(struct fx_slice text) {
    struct words words = {.count = 0};

    for (size_t at = 0; at < text.len && words.count < MAX_WORDS;) {
        size_t from = at;

        while (at < text.len && strchr(" \t\r\n", text.ptr[at]) == NULL)
            at++;
        if (at > from)
            words.word[words.count++] = fx_slice_cut(text, from, at - from);
        at++;
    }
    return words;
}

static struct fx_slice joined(struct fx_scope *sc, const struct words *words, size_t count,
                              const char *between) {
    char *text = "";

    for (size_t i = 0; i < count; i++)
        text = fx_printf(sc, "%s%s%.*s", text, i == 0 ? "" : between, (int)words->word[i].len,
                         words->word[i].ptr);
    return fx_slice_of(text);
}

static char *without_separators(struct fx_scope *sc, struct fx_slice text) {
    char *plain = fx_slice_dup(sc, text), *to = plain;

    for (const char *p = plain; *p != '\0'; p++)
        if (*p != ' ' && *p != '-' && *p != '_' && *p != '/' && *p != '.')
            *to++ = *p;
    *to = '\0';
    return plain;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t common_prefix(struct fx_slice a, struct fx_slice b) {
    size_t len = 0;

    while (len < a.len && len < b.len && (a.ptr[len] | 0x20) == (b.ptr[len] | 0x20))
        len++;
    return len;
}

/* A word cut short or drawn out is nearer than its letters say. */
static size_t word_cost(struct fx_slice given, struct fx_slice meant) {
    size_t edits = runbook_distance(given, meant) * EDIT_COST;
    size_t stem = common_prefix(given, meant);

    if ((stem == given.len && stem >= MIN_PREFIX) || stem >= MIN_STEM)
        edits = least(edits, EDIT_COST + given.len - stem + meant.len - stem);
    return edits;
}

/* What it costs that the command has no use for the word. */
static size_t left_cost(struct fx_slice word) {
    size_t letters = 0;

    while (letters < word.len && (word.ptr[letters] | 0x20) >= 'a' &&
           (word.ptr[letters] | 0x20) <= 'z')
        letters++;
    return LEFT_COST + (letters == word.len ? letters * LETTER_COST : 0);
}

/* The first words of the line against the whole command, with and without what separates them. */
static size_t line_cost(struct fx_scope *sc, const struct words *line, const char *command) {
    size_t best = SIZE_MAX;
    struct fx_slice plain = fx_slice_of(without_separators(sc, fx_slice_of(command)));

    for (size_t n = 1; n <= line->count; n++) {
        struct fx_slice first = joined(sc, line, n, " ");
        struct fx_slice bare = fx_slice_of(without_separators(sc, first));
        size_t left = 0;

        for (size_t i = n; i < line->count; i++)
            left += left_cost(line->word[i]);

        best = least(best, word_cost(first, fx_slice_of(command)) + left);
        best = least(best, word_cost(bare, plain) + JOIN_COST + left);
    }
    return best;
}

/* Each word of the command against the nearest word of the line, in any order. */
static size_t shuffled_cost(const struct words *line, const char *command) {
    struct words meant = split(fx_slice_of(command));
    bool taken[MAX_WORDS] = {false};
    size_t cost = SHUFFLE_COST, used = 0;

    for (size_t i = 0; i < meant.count; i++) {
        size_t best = MISSING_COST, chosen = MAX_WORDS;

        for (size_t j = 0; j < line->count; j++) {
            size_t edits = word_cost(line->word[j], meant.word[i]);
            if (!taken[j] && edits < best) {
                best = edits;
                chosen = j;
            }
        }
        if (chosen < MAX_WORDS) {
            taken[chosen] = true;
            used++;
        }
        cost += best;
    }
    if (used == 0)
        return SIZE_MAX;
    for (size_t j = 0; j < line->count; j++)
        cost += taken[j] ? 0 : left_cost(line->word[j]);
    return cost;
}

static int by_cost(const void *left, const void *right) {
    const struct guess *a = left, *b = right;

    if (a->cost != b->cost)
        return a->cost < b->cost ? -1 : 1;
    size_t a_len = strlen(a->command), b_len = strlen(b->command);
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return strcmp(a->command, b->command);
}

size_t fx_system_suggest(struct fx_scope *sc, const struct fx_system *system, struct fx_slice text,
                         const char **ret_commands, size_t max) {
    struct words line = split(fx_slice_cut(text, 0, FX_COMMAND_MAX_TEXT_BYTES));
    struct guess *guesses = fx_alloc(sc, (system->runbooks_count + 1) * sizeof *guesses);
    size_t count = 0, given = 0;

    for (size_t i = 0; i < system->runbooks_count; i++) {
        const char *command = system->runbooks[i].command;

        if (command != NULL)
            guesses[count++] = (struct guess){
                command, least(line_cost(sc, &line, command), shuffled_cost(&line, command))};
    }
    if (count > 1)
        qsort(guesses, count, sizeof guesses[0], by_cost);
    while (
        given < count && given < max &&
        (guesses[given].cost <= guesses[0].cost || guesses[given].cost - guesses[0].cost <= NEAR)) {
        ret_commands[given] = guesses[given].command;
        given++;
    }
    return given;
}
