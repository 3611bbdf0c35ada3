/* http_at_once_test.c - many exchanges at once, in one call and from many threads. */
#include "http_world.h"

/* ---- in one call ---- */

static void each_of_many_has_its_own_end(void **state) {
    enum { COUNT = FX_HTTP_MAX_AT_ONCE + 3 };
    struct fx_http_one all[COUNT] = {0};
    struct http_world w;

    http_world_begin(&w, http_answer_one, HTTP_HELLO);
    for (size_t i = 0; i < COUNT; i++)
        all[i] = (struct fx_http_one){.sc = w.sc, .request = w.request};
    all[1].request.url = "ftp://127.0.0.1/";
    all[2].request.reach = FX_HTTP_PUBLIC;
    all[3].request.method = "POST";
    all[3].request.body = FX_SLICE("{}");
    all[3].request.send_before_mono_ms = fx_mono_ms(fx_clock_system());
    all[COUNT - 1].request.max_reply_bytes = 3;
    fx_http_exchange_all(w.http, all, COUNT);
    assert_int_equal(all[1].code, FX_ERR_INPUT);
    assert_int_equal(all[2].code, FX_ERR_DENIED);
    assert_int_equal(all[3].code, FX_ERR_TIMEOUT);
    assert_false(all[3].err.sent);
    assert_int_equal(all[COUNT - 1].code, FX_ERR_LIMIT);
    assert_true(all[COUNT - 1].err.sent);
    for (size_t i = 4; i < COUNT - 1; i++) {
        assert_int_equal(all[i].code, FX_OK);
        assert_true(fx_slice_equal_text(all[i].reply->body, "hello"));
    }
    http_world_end(&w);
}

static void many_end_at_the_deadline_of_their_work(void **state) {
    struct fx_http_one all[2] = {0};
    struct http_world w;

    http_world_begin(&w, http_answer_never, NULL);
    for (size_t i = 0; i < 2; i++)
        all[i] = (struct fx_http_one){.sc = w.sc, .request = w.request};
    fx_scope_set_deadline(w.sc, fx_mono_ms(fx_clock_system()) + 300);
    fx_http_exchange_all(w.http, all, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(all[i].code, FX_ERR_TIMEOUT);
        assert_true(all[i].err.sent || w.server.requests < 2);
    }
    http_world_end(&w);
}

/* ---- many threads ---- */

static void *call_often(void *arg) {
    struct http_world *w = arg;

    for (int i = 0; i < 50; i++) {
        struct fx_scope *sc = fx_scope_new(NULL);
        struct fx_http_reply *reply;
        struct fx_error err;
        if (fx_http_exchange(w->http, sc, &w->request, &reply, &err) != FX_OK ||
            !fx_slice_equal_text(reply->body, "hello"))
            atomic_fetch_add((atomic_int *)w->server.arg, 1);
        fx_scope_free(sc);
    }
    return NULL;
}

static void threads_may_share_it(void **state) {
    struct http_world w;
    pthread_t threads[4];
    atomic_int failures = 0;

    http_world_begin(&w, http_answer_one,
                     "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    w.server.arg = &failures;
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &w), 0);
    for (size_t i = 0; i < FX_COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(failures, 0);
    assert_int_equal(w.server.requests, 200);
    http_world_end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_many_has_its_own_end),
        cmocka_unit_test(many_end_at_the_deadline_of_their_work),
        cmocka_unit_test(threads_may_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
