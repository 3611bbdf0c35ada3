/* reconcile.c - no alarm is lost: what CloudWatch knows of a topic's alarms is compared with what
 * was told, at the start and every five minutes.
 *
 * SNS gives up after a while, and an alarm speaks only when it changes, so what was lost never
 * comes again by itself. What is found becomes an event like those that SNS brings; its key makes
 * one of what replicas or repetitions find. How far the history was read is a setting, written
 * with the next job of the topic when all is done: after a crash the same is found again.
 */
#include "reconcile.h"

#include "fluxabot/base/log.h"

enum { TELL_AFTER = 3 }; /* failures in a row */

/* ---- what is remembered of the last one ---- */

/* A history that was read to its end ends where the clock stood. If that lies ahead, the clock was
 * set back: while the bot runs, the last comparison was one period ago at most. */
static void set_back_with_clock(struct engine_comparison *c, int64_t last_ms) {
    int64_t back_ms = last_ms - c->work->now_ms;

    if (back_ms > 0)
        c->until_ms -= back_ms + FX_ENGINE_RECONCILE_MS;
}

static enum fx_code load(struct engine_comparison *c, struct fx_error *err) {
    struct fx_store *store = c->work->engine->options.store;
    const char *text = "";
    struct fx_json *record = NULL;

    c->setting = fx_printf(c->work->sc, "reconcile:%s", c->topic->arn);
    FX_TRY(store->setting(store, c->work->sc, c->setting, &text, err));
    if (text[0] != '\0')
        FX_TRY(fx_json_parse(c->work->sc, fx_slice_of(text), &record, err));
    c->until_ms = fx_json_get_int(record, "until", 0);
    c->failures = fx_json_get_int(record, "failures", 0);
    c->failing_since_ms = fx_json_get_int(record, "failing_since", 0);
    c->first = c->until_ms == 0;
    if (!c->first)
        set_back_with_clock(c, fx_json_get_int(record, "at", 0));
    return FX_OK;
}

static void save(struct engine_comparison *c) {
    struct fx_scope *sc = c->work->sc;
    const struct fx_json *record =
        fx_json_object_of(sc, "at", fx_json_int(sc, c->more ? 0 : c->work->now_ms), "until",
                          fx_json_int(sc, c->until_ms), "failures", fx_json_int(sc, c->failures),
                          "failing_since", fx_json_int(sc, c->failing_since_ms), NULL);

    fx_writes_setting(sc, &c->work->writes, c->setting, fx_json_dump(sc, record));
}

/* ---- how it went ---- */

/* One message for one failure, however long it lasts. */
static enum fx_code put_trouble_card(struct engine_comparison *c, struct fx_json *card,
                                     struct fx_error *err) {
    return engine_put_card(
        c->work,
        fx_printf(c->work->sc, "reconcile:%s:%lld", c->topic->arn, (long long)c->failing_since_ms),
        "", c->system->channel, card, err);
}

/* What was read was compared. */
static enum fx_code tell_cut(struct engine_comparison *c, struct fx_error *err) {
    struct fx_scope *sc = c->work->sc;

    return put_trouble_card(
        c,
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "Some missed alarms may not be found"), "tone",
            fx_json_string(sc, "bad"), "verdict",
            fx_json_stringf(sc, "The list of ringing alarms could not be read to its end: %s.",
                            c->trouble.message),
            "lines",
            fx_json_array_of(
                sc,
                fx_json_stringf(sc,
                                "Alarms of topic %s that arrive are shown as always, and one whose "
                                "notification got lost is found in CloudWatch's history. Of those "
                                "that the history no longer shows, the end of the list is not "
                                "compared.",
                                c->topic->arn),
                NULL),
            "context",
            fx_json_stringf(sc, "It is read again every %s",
                            fx_duration(sc, FX_ENGINE_RECONCILE_MS)),
            NULL),
        err);
}

static enum fx_code tell_trouble(struct engine_comparison *c, struct fx_error *err) {
    struct fx_scope *sc = c->work->sc;

    if (!engine_reconcile_failed(c))
        return tell_cut(c, err);
    struct fx_json *lines = fx_json_array_of(
        sc,
        fx_json_stringf(sc,
                        "Alarms of topic %s that arrive are shown as always; one whose "
                        "notification got lost is not, until CloudWatch answers.",
                        c->topic->arn),
        NULL);

    if (c->trouble.code == FX_ERR_DENIED)
        fx_json_add(lines, fx_json_string(sc, "The bot's role needs cloudwatch:DescribeAlarms and "
                                              "cloudwatch:DescribeAlarmHistory on all resources."));
    return put_trouble_card(
        c,
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "Missed alarms cannot be found"), "tone",
            fx_json_string(sc, "bad"), "verdict",
            fx_json_stringf(sc, "CloudWatch was asked in vain: %s.", c->trouble.message), "lines",
            lines, "context",
            fx_json_stringf(sc, "It is asked again every %s",
                            fx_duration(sc, FX_ENGINE_RECONCILE_MS)),
            NULL),
        err);
}

static enum fx_code tell_mended(struct engine_comparison *c, struct fx_error *err) {
    struct fx_scope *sc = c->work->sc;

    return put_trouble_card(
        c,
        fx_json_object_of(
            sc, "title", fx_json_string(sc, "Missed alarms are found again"), "tone",
            fx_json_string(sc, "good"), "verdict",
            fx_json_array_of(sc, fx_json_string(sc, "CloudWatch answers. What was missed since "),
                             engine_time(sc, c->failing_since_ms),
                             fx_json_string(sc, " is posted now."), NULL),
            NULL),
        err);
}

static enum fx_code note_failure(struct engine_comparison *c, struct fx_error *err) {
    fx_log(c->work->sc, FX_LOG_WARN, "reconcile.failed", FX_S("topic", c->topic->arn),
           FX_I("failures", c->failures + 1), FX_E(&c->trouble));
    fx_metrics_add(c->work->engine->options.metrics, FX_METRIC_RECONCILES_FAILED, 1);
    if (c->failures++ == 0)
        c->failing_since_ms = c->work->now_ms;
    return c->failures == TELL_AFTER ? tell_trouble(c, err) : FX_OK;
}

static enum fx_code note_success(struct engine_comparison *c, struct fx_error *err) {
    fx_log(c->work->sc, c->found > 0 ? FX_LOG_INFO : FX_LOG_DEBUG, "reconcile.done",
           FX_S("topic", c->topic->arn), FX_I("found", c->found));
    fx_metrics_add(c->work->engine->options.metrics, FX_METRIC_RECONCILES_DONE, 1);
    if (c->more) /* not all has been asked for yet */
        return FX_OK;
    if (c->failures >= TELL_AFTER)
        FX_TRY(tell_mended(c, err));
    c->failures = c->failing_since_ms = 0;
    return FX_OK;
}

void engine_reconcile_later(struct engine_work *work, int64_t after_ms) {
    fx_writes_job(work->sc, &work->writes, "reconcile", work->job->subject,
                  fx_wall_ms(work->engine->options.clock) + after_ms);
}

enum fx_code engine_reconcile(struct engine_work *work, struct fx_error *err) {
    struct engine_comparison c = {.work = work,
                                  .topic = engine_topic(work->engine, work->job->subject),
                                  .history = fx_json_object(work->sc),
                                  .unseen = fx_json_object(work->sc),
                                  .hidden = fx_json_object(work->sc)};

    c.system = c.topic == NULL ? NULL : engine_system(work->engine, c.topic->system);
    if (c.system == NULL) {
        fx_log(work->sc, FX_LOG_INFO, "reconcile.ended", FX_S("topic", work->job->subject));
        return FX_OK; /* no longer configured */
    }
    c.aws = engine_aws_of_topic(work, c.topic);
    FX_TRY(load(&c, err));
    FX_TRY(engine_reconcile_ask(&c, err));
    FX_TRY(engine_reconcile_find_gone(&c, err));
    FX_TRY(c.trouble.code != FX_OK ? note_failure(&c, err) : note_success(&c, err));
    save(&c);
    engine_reconcile_later(work, c.more ? 0 : FX_ENGINE_RECONCILE_MS);
    return FX_OK;
}

enum fx_code engine_reconciling_begin(struct fx_engine *engine, struct fx_error *err) {
    FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_store *store = engine->options.store;
    int64_t now_ms = fx_wall_ms(engine->options.clock);
    struct fx_writes writes = {0};

    if (engine->options.aws == NULL || engine->options.topics_count == 0)
        return FX_OK;
    for (size_t i = 0; i < engine->options.topics_count; i++)
        fx_writes_job(sc, &writes, "reconcile", engine->options.topics[i].arn, now_ms);
    FX_TRY(store->write(store, sc, NULL, &writes, err));
    engine->options.state->wake(engine->options.state, "jobs");
    return FX_OK;
}
