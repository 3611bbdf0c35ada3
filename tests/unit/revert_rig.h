/* revert_rig.h - a change that is taken back by itself, driven look by look: a queue that hides
 * what it gave for 200 s in the place of 30, for two hours. */
#pragma once

#include "steps_rig.h"

#define URL "https://sqs.us-east-1.amazonaws.com/1/main"
#define CALL                                                                                       \
    "'operation':'sqs:SetQueueAttributes','with':{'QueueUrl':'" URL                                \
    "','Attributes':{'VisibilityTimeout':'200'}},"                                                 \
    "'read':{'now':{'operation':'sqs:GetQueueAttributes','with':{'QueueUrl':'" URL "'}}},"         \
    "'change':{'Hidden for':{'from':'int(now.Attributes.VisibilityTimeout)',"                      \
    "'to':'int(with.Attributes.VisibilityTimeout)'}},"                                             \
    "'done':'now.Attributes.VisibilityTimeout == with.Attributes.VisibilityTimeout',"              \
    "'settled':'now.Attributes.DelaySeconds == null',"                                             \
    "'title':'hide for 200 s','summary':'It hides.','undo':'by itself','within':'1m'"
#define BACK "'revert':{'Attributes':'object(\\'VisibilityTimeout\\', \\'30\\')'}"
#define HOW_SEEN "'reverted':'now.Attributes.VisibilityTimeout == \\'30\\''"
#define BY_HAND "'undo_command':'queue hide 30'"
#define SEEN HOW_SEEN "," BY_HAND
#define CHANGE "{" CALL "," BACK "," SEEN ",'revert_after':'2h'}"

enum { KEEP_MS = 2 * 60 * 60 * 1000 };

/* What the wire answers. */
#define STATE(visible) REPLY(200, "{\"Attributes\":{\"VisibilityTimeout\":\"" visible "\"}}")
#define UNSETTLED(visible)                                                                         \
    REPLY(200, "{\"Attributes\":{\"VisibilityTimeout\":\"" visible "\",\"DelaySeconds\":\"1\"}}")
#define DENIED REPLY(400, "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}")
#define LOST                                                                                       \
    { .failure = FX_ERR_TIMEOUT, .sent = true }
#define SCRIPT(rig, ...)                                                                           \
    do {                                                                                           \
        static const struct scripted_reply replies_[] = {__VA_ARGS__};                             \
        scripted_http_set(&(rig)->world.script, replies_, FX_COUNT_OF(replies_));                  \
    } while (0)

/* The parameters of the step: CHANGE, unless a test says otherwise. */
extern const char *rig_change;

/* For cmocka, instead of steps_rig_set_up. */
int revert_rig_set_up(void **state);
/* JSON in which ' stands for ", and \' for '. */
struct fx_json *rig_texts(struct steps_rig *rig, const char *text);
void rig_later(struct steps_rig *rig, int64_t ms);
/* Fails the test unless the text has this part. */
void rig_says(const char *text, const char *part);

enum fx_code rig_check(struct steps_rig *rig, const char *params, struct fx_error *err);
/* While it is 30; what was planned is what is run. */
enum fx_code rig_plan(struct steps_rig *rig, const char *params, struct fx_error *err);
/* One call of the step; its checkpoint is kept. */
struct fx_step_result rig_run(struct steps_rig *rig, enum fx_code expected);
struct fx_step_result rig_run_into(struct steps_rig *rig, enum fx_code expected,
                                   struct fx_error *ret_err);
void rig_parks(struct steps_rig *rig);
/* What is known of the call that takes it back. */
enum fx_known rig_back(struct steps_rig *rig);

/* ---- how far it is ---- */

void rig_planned(struct steps_rig *rig);
/* Done, and it waits. */
void rig_kept(struct steps_rig *rig);
/* Kept, and it is time. */
void rig_due(struct steps_rig *rig);
