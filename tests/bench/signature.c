/* signature.c - how many instructions does it take to check Slack's signature of a request?
 *
 *   bench_signature BODY_BYTES          counts by itself: a child is stepped through one
 * instruction after the other, so the answer is exact, and that of this processor. Prints the
 * number for one check. bench_signature BODY_BYTES TIMES    checks so often, for somebody else who
 * counts.
 *
 * valgrind plays a processor without instructions for SHA-256, on which a check takes several times
 * as many: instructions.mjs puts the one count in the place of the other.
 */
#include "fluxabot/base/digest.h"
#include "fluxabot/slack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BODY_MAX_BYTES = 64 << 10, FEW = 1, MANY = 3 };

static const char timestamp[] = "1700000000";
enum { NOW_S = 1700000000 };

_Noreturn static void stop(const char *why) {
    fprintf(stderr, "bench_signature: %s\n", why);
    exit(1);
}

/* A request that is good, so that nothing of the check is left out. */
struct request {
    struct fx_hmac_key *secret;
    struct fx_slice body;
    char signature[sizeof "v0=" + FX_SHA256_HEX];
};

static void make_request(struct request *request, char *body, size_t len) {
    const struct fx_slice text[] = {
        FX_SLICE("v0:"), fx_slice_of(timestamp), FX_SLICE(":"), {body, len}};
    uint8_t mac[FX_SHA256_BYTES];

    memset(body, 'a', len);
    request->secret = fx_hmac_key_new(FX_SLICE("0123456789abcdef0123456789abcdef"));
    request->body = (struct fx_slice){body, len};
    fx_hmac_key_sign(request->secret, text, FX_COUNT_OF(text), mac);
    memcpy(request->signature, "v0=", 3);
    for (size_t i = 0; i < sizeof mac; i++)
        snprintf(request->signature + 3 + 2 * i, 3, "%02x", mac[i]);
}

static void check(const struct request *request, long times) {
    const struct fx_slack_signature given = {fx_slice_of(timestamp),
                                             fx_slice_of(request->signature)};
    struct fx_error err;

    for (long i = 0; i < times; i++)
        if (fx_slack_verify_with(request->secret, &given, request->body, NOW_S * 1000LL, &err) !=
            FX_OK)
            stop(err.message);
}

/* The instructions between the two signals that the child sends itself. */
static long count_steps(const struct request *request, long times) {
    pid_t child = fork();
    long steps = 0;
    int status = 0;

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        check(request, 1); /* what is found once is found */
        raise(SIGSTOP);
        check(request, times);
        raise(SIGSTOP);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        stop("a child cannot be watched here");
    for (;;) {
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 ||
            waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
            stop("the child ended early");
        if (WSTOPSIG(status) == SIGSTOP)
            break;
        steps++;
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return steps;
}

int main(int argc, char **argv) {
    static char body[BODY_MAX_BYTES];
    long len = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    struct request request;

    if (argc < 2 || argc > 3 || len <= 0 || len > BODY_MAX_BYTES)
        stop("wants the bytes of a body, and how often it is checked");
    make_request(&request, body, (size_t)len);
    if (argc == 3)
        check(&request, strtol(argv[2], NULL, 10));
    else
        printf("%ld\n", (count_steps(&request, MANY) - count_steps(&request, FEW)) / (MANY - FEW));
    fx_hmac_key_free(request.secret);
    return 0;
}
