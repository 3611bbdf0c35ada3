/* memory.c - the state of one process: short values, counters, wake-ups. */
#include "fluxabot/state.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { BUCKETS = 1024, CHANNELS_MAX = 16, CHANNEL_NAME_MAX = 32 };

/* Each entry lives in a scope of its own, so that it can go alone. */
struct entry {
    struct fx_scope *sc;
    char *key;
    char *value;        /* of a value */
    int64_t expires_ms; /* of a value */
    int64_t since_ms;   /* of a counter: begin of its window */
    int64_t count;
    struct entry *next;            /* in the bucket */
    struct entry *older, *younger; /* by last use */
};

struct table {
    struct entry *buckets[BUCKETS];
    struct entry *oldest, *youngest;
    size_t entries;
};

struct channel {
    char name[CHANNEL_NAME_MAX];
    pthread_cond_t woken;
    uint64_t wakes;
    size_t waiting;
    bool pending; /* woken while nobody waited */
};

struct memory_state {
    struct fx_state state;
    struct fx_scope *sc;
    struct fx_clock *clock;
    pthread_mutex_t lock; /* guards what follows */
    struct table values, counters;
    struct channel channels[CHANNELS_MAX];
    size_t channels_used;
};

static struct memory_state *memory_of(struct fx_state *state) {
    return FX_CONTAINER_OF(state, struct memory_state, state);
}

/* ---- tables ---- */

/* FNV-1a, 64 bits, by Fowler, Noll and Vo. */
static struct entry **bucket_of(struct table *table, const char *key) {
    uint64_t hash = 14695981039346656037u;

    for (; *key != '\0'; key++)
        hash = (hash ^ (uint8_t)*key) * 1099511628211u;
    return &table->buckets[(hash ^ hash >> 32) % BUCKETS];
}

static struct entry *find(struct table *table, const char *key) {
    struct entry *entry = *bucket_of(table, key);

    while (entry != NULL && strcmp(entry->key, key) != 0)
        entry = entry->next;
    return entry;
}

static void unlink_age(struct table *table, struct entry *entry) {
    *(entry->older != NULL ? &entry->older->younger : &table->oldest) = entry->younger;
    *(entry->younger != NULL ? &entry->younger->older : &table->youngest) = entry->older;
}

static void drop(struct table *table, struct entry *entry) {
    struct entry **at = bucket_of(table, entry->key);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    unlink_age(table, entry);
    table->entries--;
    fx_scope_free(entry->sc);
}

static void make_youngest(struct table *table, struct entry *entry) {
    entry->younger = NULL;
    entry->older = table->youngest;
    *(table->youngest != NULL ? &table->youngest->younger : &table->oldest) = entry;
    table->youngest = entry;
}

/* A new youngest entry, with room for a value. Strangers choose keys, so what nobody has touched
 * for longest makes room: ten thousand alarms must not push out the certificate that each of them
 * is verified with. */
static struct entry *add(struct table *table, const char *key, size_t value_bytes) {
    if (table->entries == FX_STATE_MAX_KEYS)
        drop(table, table->oldest);

    struct fx_scope *sc = fx_scope_new_small(NULL, sizeof(struct entry) + strlen(key) +
                                                       value_bytes + 3 * sizeof(max_align_t));
    struct entry *entry = FX_NEW(sc, struct entry);
    entry->sc = sc;
    entry->key = fx_strdup(sc, key);
    entry->next = *bucket_of(table, key);
    *bucket_of(table, key) = entry;
    make_youngest(table, entry);
    table->entries++;
    return entry;
}

/* ---- values and counters ---- */

static void put_value(struct fx_state *state, const char *key, struct fx_slice value,
                      int64_t ttl_ms) {
    struct memory_state *memory = memory_of(state);
    int64_t now_ms = fx_mono_ms(memory->clock);

    pthread_mutex_lock(&memory->lock);
    struct entry *entry = find(&memory->values, key);
    if (entry != NULL)
        drop(&memory->values, entry);
    /* absent is always true, a stale value or half of one would not be */
    if (value.len <= FX_STATE_MAX_VALUE_BYTES && ttl_ms > 0 &&
        (value.len == 0 || memchr(value.ptr, '\0', value.len) == NULL)) {
        entry = add(&memory->values, key, value.len);
        entry->value = fx_slice_dup(entry->sc, value);
        entry->expires_ms = ttl_ms < INT64_MAX - now_ms ? now_ms + ttl_ms : INT64_MAX;
    }
    pthread_mutex_unlock(&memory->lock);
}

static const char *get_value(struct fx_state *state, struct fx_scope *sc, const char *key) {
    struct memory_state *memory = memory_of(state);
    int64_t now_ms = fx_mono_ms(memory->clock);
    const char *value = NULL;

    pthread_mutex_lock(&memory->lock);
    struct entry *entry = find(&memory->values, key);
    if (entry != NULL && entry->expires_ms > now_ms) {
        value = fx_strdup(sc, entry->value);
        unlink_age(&memory->values, entry);
        make_youngest(&memory->values, entry);
    } else if (entry != NULL)
        drop(&memory->values, entry);
    pthread_mutex_unlock(&memory->lock);
    return value;
}

static int64_t count_one(struct fx_state *state, const char *key, int64_t window_ms) {
    struct memory_state *memory = memory_of(state);
    int64_t now_ms = fx_mono_ms(memory->clock);

    pthread_mutex_lock(&memory->lock);
    struct entry *entry = find(&memory->counters, key);
    if (entry == NULL) {
        entry = add(&memory->counters, key, 0);
        entry->since_ms = now_ms;
    }
    if (now_ms - entry->since_ms >= window_ms) {
        entry->since_ms = now_ms;
        entry->count = 0;
    }
    int64_t count = ++entry->count;
    pthread_mutex_unlock(&memory->lock);
    return count;
}

/* ---- wake-ups ---- */

/* Should there ever be more channels than room, the last one serves the rest: a wake too many is
 * harmless, one too few is not. */
static struct channel *channel_of(struct memory_state *memory, const char *name) {
    for (size_t i = 0; i < memory->channels_used; i++)
        if (strncmp(memory->channels[i].name, name, CHANNEL_NAME_MAX - 1) == 0)
            return &memory->channels[i];
    if (memory->channels_used == CHANNELS_MAX)
        return &memory->channels[CHANNELS_MAX - 1];

    struct channel *channel = &memory->channels[memory->channels_used++];
    memcpy(channel->name, name, strnlen(name, CHANNEL_NAME_MAX - 1));
    return channel;
}

static void wake_channel(struct fx_state *state, const char *name) {
    struct memory_state *memory = memory_of(state);

    pthread_mutex_lock(&memory->lock);
    struct channel *channel = channel_of(memory, name);
    channel->wakes++;
    if (channel->waiting == 0)
        channel->pending = true;
    pthread_mutex_unlock(&memory->lock);
    /* whoever is woken needs the lock at once */
    pthread_cond_broadcast(&channel->woken);
}

/* The machine's monotonic clock and no other: a thread really sleeps here, also under a fake one.
 */
static struct timespec deadline_after(int64_t timeout_ms) {
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += timeout_ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static void wait_channel(struct fx_state *state, const char *name, int64_t timeout_ms) {
    struct memory_state *memory = memory_of(state);
    struct timespec until = deadline_after(timeout_ms > 0 ? timeout_ms : 0);

    pthread_mutex_lock(&memory->lock);
    struct channel *channel = channel_of(memory, name);
    uint64_t seen = channel->wakes;
    int failed = 0;
    channel->waiting++;
    while (!channel->pending && channel->wakes == seen && failed == 0)
        failed = pthread_cond_timedwait(&channel->woken, &memory->lock, &until);
    channel->waiting--;
    channel->pending = false;
    pthread_mutex_unlock(&memory->lock);
}

/* ---- life ---- */

static void memory_close(struct fx_state *state) {
    if (state == NULL)
        return;

    struct memory_state *memory = memory_of(state);
    while (memory->values.oldest != NULL)
        drop(&memory->values, memory->values.oldest);
    while (memory->counters.oldest != NULL)
        drop(&memory->counters, memory->counters.oldest);
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        pthread_cond_destroy(&memory->channels[i].woken);
    pthread_mutex_destroy(&memory->lock);
    fx_scope_free(memory->sc);
}

struct fx_state *fx_state_memory_new(struct fx_clock *clock) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct memory_state *memory = FX_NEW(sc, struct memory_state);
    pthread_condattr_t monotonic;

    memory->sc = sc;
    memory->clock = clock;
    memory->state = (struct fx_state){
        .close = memory_close,
        .put = put_value,
        .get = get_value,
        .count = count_one,
        .wake = wake_channel,
        .wait = wait_channel,
    };
    pthread_mutex_init(&memory->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    for (size_t i = 0; i < CHANNELS_MAX; i++)
        pthread_cond_init(&memory->channels[i].woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return &memory->state;
}
