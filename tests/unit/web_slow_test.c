/* web_slow_test.c - who is slow, silent or many is cut off; who asks something is answered. */
#include "support/web_rig.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Who is never cut is waited for four times as long as a busy machine may take. */
enum { REQUEST_MS = 500, CUT_MS = REQUEST_MS + 9500, SLOW_STEP_MS = 40, LIMIT_MS = 8000 };

static struct web_rig rig;
static struct web_reply reply;
static const char health[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
static const char last_health[] = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

static int64_t now_ms(void) {
    return fx_mono_ms(fx_clock_system());
}

static void start(int64_t request_ms) {
    rig.options.request_ms = request_ms;
    web_rig_start(&rig);
}

/* Milliseconds until a real request on the public listener is answered. */
static int64_t time_of_a_command(unsigned source) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    static int serial;
    const char *body =
        web_slack_command_body(sc, WEB_TEAM, fx_printf(sc, "7.%d.a", ++serial), "status");
    const char *text = web_post(sc, "/slack/commands", web_slack_headers(&rig, sc, body), body);
    int64_t begin = now_ms();
    int socket = web_connect_from(&rig, false, source);

    web_send(socket, text, strlen(text));
    web_receive(socket, 20 * 1000, &reply);
    assert_int_equal(reply.status, 200);
    return now_ms() - begin;
}

/* Sends byte after byte, for ever; milliseconds until the server has enough. */
static int64_t trickle(int socket, const char *bytes, const char *again) {
    int64_t begin = now_ms();
    const char *at = bytes;

    while (!web_closes(socket, SLOW_STEP_MS)) {
        assert_true(now_ms() - begin < 4 * CUT_MS);
        if (*at == '\0')
            at = again;
        if (!web_send(socket, at++, 1))
            break;
    }
    close(socket);
    return now_ms() - begin;
}

/* ---- one who is slow ---- */

static void cuts_headers_that_trickle(void **state) {
    start(REQUEST_MS);
    int64_t took = trickle(web_connect(&rig, false), "POST /slack/commands HTTP/1.1\r\nHost: a\r\n",
                           "X-More: y\r\n");

    assert_true(took <= CUT_MS);
    assert_true(took >= REQUEST_MS);
}

static void cuts_a_request_line_that_trickles(void **state) {
    start(REQUEST_MS);
    assert_true(trickle(web_connect(&rig, false), "GET /", "a") <= CUT_MS);
}

static void cuts_a_body_that_trickles(void **state) {
    start(REQUEST_MS);
    assert_true(trickle(web_connect(&rig, false),
                        "POST /webhooks/sns HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n",
                        " ") <= CUT_MS);
}

static void cuts_who_says_nothing(void **state) {
    start(REQUEST_MS);
    int silent = web_connect(&rig, false);
    int64_t begin = now_ms();

    assert_true(web_closes(silent, 4 * CUT_MS));
    assert_true(now_ms() - begin <= CUT_MS);
    close(silent);
}

static void cuts_an_idle_connection_after_its_answer(void **state) {
    start(REQUEST_MS);
    int socket = web_connect(&rig, true);
    int64_t begin = now_ms(); /* before the server's own: we may be told late */

    web_send(socket, health, sizeof health - 1);
    web_receive_one(socket, 5000, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(web_closes(socket, 4 * CUT_MS));
    assert_true(now_ms() - begin <= CUT_MS);
    assert_true(now_ms() - begin >= REQUEST_MS / 2);
    close(socket);
}

static void cuts_a_second_request_that_trickles(void **state) {
    start(REQUEST_MS);
    int socket = web_connect(&rig, true);

    web_send(socket, health, sizeof health - 1);
    web_receive_one(socket, 5000, &reply);
    assert_int_equal(reply.status, 200);
    assert_true(trickle(socket, "GET /healthz HTTP/1.1\r\nHost: a\r\n", "X-More: y\r\n") <= CUT_MS);
}

static void keeps_a_connection_whose_requests_are_quick(void **state) {
    enum {
        PATIENT_MS = 4 * REQUEST_MS
    }; /* a busy machine stands still for a moment now and then */

    start(PATIENT_MS);
    int socket = web_connect(&rig, true);
    int64_t begin = now_ms();

    while (now_ms() - begin < PATIENT_MS + REQUEST_MS) {
        assert_true(web_send(socket, health, sizeof health - 1));
        web_receive_one(socket, 5000, &reply);
        assert_int_equal(reply.status, 200);
        assert_false(web_closes(socket, REQUEST_MS / 3));
    }
    close(socket);
}

/* ---- many ---- */

static void answers_others_while_slow_ones_hang_on(void **state) {
    enum { SLOW = 180 };
    int slow[SLOW];

    start(0);
    for (size_t i = 0; i < SLOW; i++) {
        slow[i] = web_connect(&rig, false);
        web_send(slow[i], "POST /webhooks/sns HTTP/1.1\r\nHost", 33);
    }
    for (int i = 0; i < 20; i++)
        assert_true(time_of_a_command(1) < LIMIT_MS);
    for (size_t i = 0; i < SLOW; i++)
        close(slow[i]);
}

static void answers_250_connections_that_are_open_at_once(void **state) {
    enum { MANY = 250 };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    int sockets[MANY];

    start(0);
    for (size_t i = 0; i < MANY; i++)
        sockets[i] = web_connect(&rig, false);
    for (size_t i = 0; i < MANY; i++) {
        const char *body =
            web_slack_command_body(sc, WEB_TEAM, fx_printf(sc, "8.%zu.a", i), "status");
        const char *text = web_post(sc, "/slack/commands", web_slack_headers(&rig, sc, body), body);

        assert_true(web_send(sockets[i], text, strlen(text)));
    }
    for (size_t i = 0; i < MANY; i++) {
        web_receive(sockets[i], 10 * 1000, &reply);
        assert_int_equal(reply.status, 200);
    }
    assert_int_equal(web_rig_stored(&rig), MANY);
}

/* With the time of ten seconds, silent ones would hold every place that long. */
static void makes_room_when_silent_ones_have_taken_every_place(void **state) {
    enum { SILENT = 500 };
    int silent[SILENT];

    start(0);
    for (size_t i = 0; i < SILENT; i++)
        silent[i] = web_connect(&rig, false);
    for (int i = 0; i < 20; i++)
        assert_true(time_of_a_command(1) < LIMIT_MS);
    for (size_t i = 0; i < SILENT; i++)
        close(silent[i]);
    assert_true(time_of_a_command(1) < LIMIT_MS);
}

static void one_address_cannot_take_every_place(void **state) {
    enum { SILENT = 40, CAP = 8 };
    int silent[SILENT], refused = 0;

    rig.options.max_per_address = CAP;
    start(0);
    for (size_t i = 0; i < SILENT; i++)
        silent[i] = web_connect_from(&rig, false, 2);
    assert_true(time_of_a_command(1) < LIMIT_MS);
    int64_t begin = now_ms();
    do {
        refused = 0;
        for (size_t i = 0; i < SILENT; i++)
            refused += web_closes(silent[i], 1);
    } while (refused < SILENT - CAP && now_ms() - begin < LIMIT_MS);
    assert_int_equal(refused, SILENT - CAP);
    for (size_t i = 0; i < SILENT; i++)
        close(silent[i]);
}

/* ---- bodies ---- */

/* The status of a notification that is no envelope: 400, or 503 while there is no room for it. */
static int status_of_a_body(void) {
    enum { SIZE = 60 << 10 };
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    char *body = fx_alloc(sc, SIZE + 1);

    memset(body, ' ', SIZE);
    const char *text = web_post(sc, "/webhooks/sns", "", body);
    web_exchange(&rig, false, text, strlen(text), &reply);
    return reply.status;
}

static void await_status_of_a_body(int status) {
    int64_t begin = now_ms();

    while (status_of_a_body() != status)
        assert_true(now_ms() - begin < 10 * 1000);
}

static void holds_only_so_many_bytes_of_bodies(void **state) {
    /* bodies that overtake each other may be cut before the room is full, so there are some to
     * spare */
    enum { MANY = 3 * FX_WEB_MAX_BODIES_BYTES / FX_SNS_MAX_BODY_BYTES };
    static const char head[] =
        "POST /webhooks/sns HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n";
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    char *body = fx_alloc(sc, FX_SNS_MAX_BODY_BYTES);
    int sockets[MANY];
    size_t opened = 0;

    memset(body, ' ', FX_SNS_MAX_BODY_BYTES);
    start(30 * 1000);
    assert_int_equal(status_of_a_body(), 400);
    while (opened < MANY && status_of_a_body() != 503) { /* each all but the last byte */
        sockets[opened] = web_connect(&rig, false);
        web_send(sockets[opened], head, sizeof head - 1);
        web_send(sockets[opened++], body, FX_SNS_MAX_BODY_BYTES - 1);
    }
    assert_true(opened < MANY);
    assert_true(opened >= FX_WEB_MAX_BODIES_BYTES / FX_SNS_MAX_BODY_BYTES);
    for (size_t i = 0; i < opened; i++)
        close(sockets[i]);
    await_status_of_a_body(400);
}

/* ---- stopping ---- */

/* A store whose accept waits for the test. */
struct gate {
    struct fx_store store;
    struct fx_store *inner;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered, open;
};

static enum fx_code gated_accept(struct fx_store *store, struct fx_scope *sc,
                                 const struct fx_event *event, bool *ret_new,
                                 struct fx_error *err) {
    struct gate *gate = FX_CONTAINER_OF(store, struct gate, store);

    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return gate->inner->accept(gate->inner, sc, event, ret_new, err);
}

static enum fx_code gated_counts(struct fx_store *store, struct fx_scope *sc,
                                 struct fx_store_counts *ret_counts, struct fx_error *err) {
    struct fx_store *inner = FX_CONTAINER_OF(store, struct gate, store)->inner;

    return inner->counts(inner, sc, ret_counts, err);
}

static void open_gate(struct gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* Sends a command and returns once it stands before the gate. */
static int send_to_gate(struct gate *gate) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    const char *body = web_slack_command_body(sc, WEB_TEAM, "9.1.a", "status");
    const char *text = web_post(sc, "/slack/commands", web_slack_headers(&rig, sc, body), body);
    int socket = web_connect(&rig, false);

    web_send(socket, text, strlen(text));
    pthread_mutex_lock(&gate->lock);
    while (!gate->entered)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return socket;
}

#define GATE                                                                                       \
    {                                                                                              \
        .store.accept = gated_accept, .store.counts = gated_counts, .inner = rig.store,            \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

static void does_not_cut_a_request_that_waits_for_us(void **state) {
    struct gate gate = GATE;

    rig.options.store = &gate.store;
    start(REQUEST_MS);
    int socket = send_to_gate(&gate);
    assert_false(web_closes(socket, 3 * REQUEST_MS)); /* the disk takes its time */
    open_gate(&gate);
    web_receive(socket, 5000, &reply);
    assert_int_equal(reply.status, 200);
}

static void *stop_main(void *argument) {
    web_rig_stop(argument);
    return NULL;
}

static void finishes_an_open_request_before_it_stops(void **state) {
    struct gate gate = GATE;
    pthread_t stopper;

    rig.options.store = &gate.store;
    start(0);
    uint16_t port = fx_web_port(rig.web);
    int idle = web_connect(&rig, false), socket = send_to_gate(&gate);

    pthread_create(&stopper, NULL, stop_main, &rig);
    while (web_can_connect(port))
        assert_false(web_closes(socket, 10));
    open_gate(&gate);
    web_receive(socket, 5000, &reply);
    pthread_join(stopper, NULL);
    assert_int_equal(reply.status, 200);
    assert_int_equal(web_rig_stored(&rig), 1);
    close(idle);
}

static void stops_at_once_when_nobody_is_served(void **state) {
    start(0);
    int silent = web_connect(&rig, false), half = web_connect(&rig, false);

    web_send(half, "GET / HT", 8);
    assert_true(time_of_a_command(1) < LIMIT_MS);
    int64_t begin = now_ms();
    web_rig_stop(&rig);
    assert_true(now_ms() - begin < 1000);
    close(silent);
    close(half);
}

static void does_not_wait_for_ever_for_a_body(void **state) {
    start(0);
    int half = web_connect(&rig, false);
    static const char head[] =
        "POST /webhooks/sns HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";

    web_send(half, head, sizeof head - 1);
    assert_true(time_of_a_command(1) < LIMIT_MS);
    int64_t begin = now_ms();
    web_rig_stop(&rig);
    assert_true(now_ms() - begin < FX_WEB_STOP_MS + 1000);
    close(half);
}

static void starts_and_stops_again_and_again_under_load(void **state) {
    for (int i = 0; i < 20; i++) {
        start(0);
        for (int j = 0; j < 5; j++) {
            int socket = web_connect(&rig, true);

            web_send(socket, last_health, sizeof last_health - 1);
            web_receive(socket, 5000, &reply);
            assert_int_equal(reply.status, 200);
        }
        int open = web_connect(&rig, false);
        web_rig_stop(&rig);
        close(open);
    }
}

/* ---- fixture ---- */

static int set_up(void **state) {
    web_rig_begin(&rig);
    return 0;
}

static int tear_down(void **state) {
    web_rig_end(&rig);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    static const struct CMUnitTest tests[] = {
        TEST(cuts_headers_that_trickle),
        TEST(cuts_a_request_line_that_trickles),
        TEST(cuts_a_body_that_trickles),
        TEST(cuts_who_says_nothing),
        TEST(cuts_an_idle_connection_after_its_answer),
        TEST(cuts_a_second_request_that_trickles),
        TEST(keeps_a_connection_whose_requests_are_quick),
        TEST(answers_others_while_slow_ones_hang_on),
        TEST(answers_250_connections_that_are_open_at_once),
        TEST(makes_room_when_silent_ones_have_taken_every_place),
        TEST(one_address_cannot_take_every_place),
        TEST(holds_only_so_many_bytes_of_bodies),
        TEST(does_not_cut_a_request_that_waits_for_us),
        TEST(finishes_an_open_request_before_it_stops),
        TEST(stops_at_once_when_nobody_is_served),
        TEST(does_not_wait_for_ever_for_a_body),
        TEST(starts_and_stops_again_and_again_under_load),
    };
    const struct rlimit files = {4096, 4096};

    setrlimit(RLIMIT_NOFILE, &files);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
