/* driver.c - runs a fuzz target without a fuzzer: replays files, then seeded changes of them.
 *
 * usage: fuzz_x [-n COUNT] [-s SEED] [FILE|DIRECTORY]...
 *
 * The same seed gives the same inputs. An input that ends the process is left behind as
 * crash-SEED-NUMBER in the current directory, to be kept under tests/fuzz/regression.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
/* of the sanitizers, when they are linked in */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum {
    MAX_INPUT_BYTES = 64 << 10,
    MAX_FILE_BYTES = 4 << 20,
    MAX_INPUTS = 4096,
    MAX_CHANGES = 6,
    MAX_SECONDS = 20, /* for one input */
};

struct input {
    uint8_t *bytes;
    size_t len;
};

static struct {
    struct input inputs[MAX_INPUTS];
    size_t count;
    struct input current; /* what is being run */
    char crash_name[64];
} driver;

/* ---- when a target dies ---- */

static void save_input(void) {
    int fd = open(driver.crash_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    static const char said[] = "fuzz: the input is left in ";

    if (fd < 0 || write(fd, driver.current.bytes, driver.current.len) < 0 ||
        write(STDERR_FILENO, said, sizeof said - 1) < 0 ||
        write(STDERR_FILENO, driver.crash_name, strlen(driver.crash_name)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        return;
    close(fd);
}

static void on_signal(int number) {
    save_input();
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_for_death(void) {
    signal(SIGABRT, on_signal);
    signal(SIGALRM, on_signal); /* it ran too long */
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(save_input);
    else
        signal(SIGSEGV, on_signal);
}

static void run(const uint8_t *bytes, size_t len) {
    /* a block of its own size, so that reading past the end is seen */
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, bytes, len);
    driver.current = (struct input){copy, len};
    alarm(MAX_SECONDS);
    LLVMFuzzerTestOneInput(copy, len);
    alarm(0);
    free(copy);
}

/* ---- inputs ---- */

static bool load_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct input input = {malloc(MAX_FILE_BYTES), 0};

    if (file == NULL || input.bytes == NULL || driver.count == MAX_INPUTS) {
        fprintf(stderr, "fuzz: cannot read %s: %s\n", path, strerror(errno));
        return false;
    }
    input.len = fread(input.bytes, 1, MAX_FILE_BYTES, file);
    fclose(file);
    driver.inputs[driver.count++] = input;
    return true;
}

static bool load_directory(const char *path) {
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort); /* in one order on every machine */
    bool loaded = count >= 0;

    for (int i = 0; i < count; i++) {
        char file[4096];

        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (loaded && names[i]->d_name[0] != '.')
            loaded = load_file(file);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return loaded;
}

static bool load(const char *path) {
    struct stat found;

    if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
        return load_directory(path);
    return load_file(path);
}

/* ---- changes ---- */

/* splitmix64, by Sebastiano Vigna */
static uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t random_below(uint64_t *state, size_t limit) {
    return limit == 0 ? 0 : (size_t)(random_next(state) % limit);
}

static void insert(struct input *input, size_t at, const uint8_t *bytes, size_t len) {
    uint8_t held[256];

    len = len < sizeof held ? len : sizeof held;
    if (input->len + len > MAX_INPUT_BYTES)
        return;
    memcpy(held, bytes, len); /* bytes may be the input's own */
    memmove(input->bytes + at + len, input->bytes + at, input->len - at);
    memcpy(input->bytes + at, held, len);
    input->len += len;
}

static void insert_token(uint64_t *state, struct input *input, size_t at) {
    static const char *const tokens[] = {"\"",
                                         "\\",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         ":",
                                         ",",
                                         "\n",
                                         "\r\n",
                                         "\t",
                                         " ",
                                         "%00",
                                         "%",
                                         "+",
                                         "&",
                                         "=",
                                         "<",
                                         ">",
                                         "${",
                                         "}}",
                                         "--",
                                         "null",
                                         "true",
                                         "-1",
                                         "1e99",
                                         "\\u0000",
                                         "\\ud800",
                                         "\xc3\xa4",
                                         "\xff",
                                         "\xe2\x80\xae",
                                         "../",
                                         "2147483648",
                                         "9223372036854775808",
                                         "-----BEGIN CERTIFICATE-----",
                                         "https://",
                                         "<!channel>"};
    const char *token = tokens[random_below(state, sizeof tokens / sizeof tokens[0])];

    insert(input, at, (const uint8_t *)token, strlen(token));
}

static void erase(uint64_t *state, struct input *input, size_t at) {
    size_t len = 1 + random_below(state, random_below(state, 64) + 1);

    if (len > input->len - at)
        len = input->len - at;
    memmove(input->bytes + at, input->bytes + at + len, input->len - at - len);
    input->len -= len;
}

static void insert_piece(uint64_t *state, struct input *input, size_t at) {
    const struct input *other = &driver.inputs[random_below(state, driver.count)];
    size_t from = random_below(state, other->len);

    insert(input, at, other->bytes + from, random_below(state, other->len - from + 1));
}

static void change(uint64_t *state, struct input *input) {
    size_t at = random_below(state, input->len);
    size_t len = random_below(state, input->len - at + 1);

    switch (random_below(state, input->len == 0 ? 2 : 7)) {
    case 0:
        insert_token(state, input, at);
        return;
    case 1:
        if (driver.count > 0)
            insert_piece(state, input, at);
        return;
    case 2:
        input->bytes[at] = (uint8_t)(input->bytes[at] ^ (1u << random_below(state, 8)));
        return;
    case 3:
        input->bytes[at] = (uint8_t)random_next(state);
        return;
    case 4:
        erase(state, input, at);
        return;
    case 5: /* a piece of it once more */
        insert(input, random_below(state, input->len), input->bytes + at, len);
        return;
    default:
        input->len = at;
    }
}

static void run_changed(uint64_t seed, long number) {
    static uint8_t bytes[MAX_INPUT_BYTES];
    uint64_t state = seed * 1000003u + (uint64_t)number;
    struct input input = {bytes, 0};

    if (driver.count > 0) {
        const struct input *base = &driver.inputs[random_below(&state, driver.count)];

        input.len = base->len < MAX_INPUT_BYTES ? base->len : MAX_INPUT_BYTES;
        memcpy(bytes, base->bytes, input.len);
    }
    for (size_t left = 1 + random_below(&state, MAX_CHANGES); left > 0; left--)
        change(&state, &input);
    snprintf(driver.crash_name, sizeof driver.crash_name, "crash-%llu-%ld",
             (unsigned long long)seed, number);
    run(input.bytes, input.len);
}

int main(int argc, char **argv) {
    long count = 0;
    uint64_t seed = 1;
    int option;

    while ((option = getopt(argc, argv, "n:s:")) != -1) {
        if (option == 'n')
            count = strtol(optarg, NULL, 10);
        else if (option == 's')
            seed = strtoull(optarg, NULL, 10);
        else
            return 2;
    }
    for (int i = optind; i < argc; i++)
        if (!load(argv[i]))
            return 2;
    watch_for_death();
    for (size_t i = 0; i < driver.count; i++) {
        snprintf(driver.crash_name, sizeof driver.crash_name, "crash-replay-%zu", i);
        run(driver.inputs[i].bytes, driver.inputs[i].len);
    }
    printf("fuzz: %zu files replayed, %ld changes of them with seed %llu\n", driver.count, count,
           (unsigned long long)seed);
    fflush(stdout);
    for (long i = 0; i < count; i++)
        run_changed(seed, i);
    for (size_t i = 0; i < driver.count; i++)
        free(driver.inputs[i].bytes);
    return 0;
}
