/* cloudwatch.c - DescribeAlarms: how each alarm stands now. There is no history here. */
#include "world.h"

#include "fluxabot/base/buf.h"
#include "fluxabot/base/digest.h"

#include <string.h>

enum { XML_BYTES = 32 << 10 };

static void add_alarm(struct fx_buf *xml, struct fx_scope *sc, const struct alarm *alarm) {
    int last = alarm->told - 1;
    const char *at = fx_time_iso_ms(sc, SIM_WALL_MS + alarm->changes[last].at_ms);

    fx_buf_addf(xml,
                "<member><AlarmName>%s</"
                "AlarmName><AlarmArn>arn:aws:cloudwatch:us-east-1:123456789012:alarm:%s"
                "</AlarmArn><StateValue>%s</StateValue><StateReason>so</StateReason>"
                "<StateUpdatedTimestamp>%s</StateUpdatedTimestamp>"
                "<StateTransitionedTimestamp>%s</StateTransitionedTimestamp>"
                "<ActionsEnabled>true</ActionsEnabled>"
                "<AlarmActions><member>" SIM_TOPIC "</member></AlarmActions>"
                "<OKActions><member>" SIM_TOPIC "</member></OKActions>"
                "<MetricName>Depth</MetricName><Namespace>AWS/SQS</Namespace></member>",
                alarm->name, alarm->name, alarm->changes[last].alarm ? "ALARM" : "OK", at, at);
}

static bool is_asked(struct fx_slice form, const struct alarm *alarm, struct fx_scope *sc) {
    bool by_name = fx_slice_find(form, 0, '&') < form.len &&
                   strstr(fx_slice_dup(sc, form), "AlarmNames.") != NULL;

    if (alarm->told == 0)
        return false;
    if (by_name)
        return strstr(fx_slice_dup(sc, form), alarm->name) != NULL;
    return alarm->changes[alarm->told - 1].alarm;
}

struct wire_reply cloudwatch_handle(struct fx_scope *sc, struct fx_slice form) {
    struct fx_buf xml;
    bool alarms = strstr(fx_slice_dup(sc, form), "Action=DescribeAlarms&") != NULL;
    const char *name = alarms ? "DescribeAlarms" : "DescribeAlarmHistory";

    fx_buf_init(&xml, sc, XML_BYTES);
    fx_buf_addf(&xml, "<%sResponse><%sResult>", name, name);
    fx_buf_addf(&xml, "<%s>", alarms ? "MetricAlarms" : "AlarmHistoryItems");
    for (int i = 0; alarms && i < sim->world->alarms_count; i++)
        if (is_asked(form, &sim->world->alarms[i], sc))
            add_alarm(&xml, sc, &sim->world->alarms[i]);
    fx_buf_addf(&xml, "</%s></%sResult></%sResponse>",
                alarms ? "MetricAlarms" : "AlarmHistoryItems", name, name);
    return (struct wire_reply){200, fx_buf_text(&xml)};
}
