/* documents.h - what services hold that are only asked, and what the files that play S3 share. */
#pragma once

#include "aws.h"

/* ---- documents.c: what is only asked for, as JSON: databases, buckets, networks, events ---- */

/* That of "rds", "s3", "ec2" or "health". */
struct fx_json *documents_of(const struct sandbox_aws *aws, const char *service);
void documents_build(struct sandbox_aws *aws);
/* The members of body that are named like a document go into it: objects member by member, null
 * takes away, anything else replaces. NULL, or what is wrong. */
const char *documents_merge(struct sandbox_aws *aws, const struct fx_json *body);
/* value as it goes into the world. */
struct fx_json *documents_keep(struct sandbox_aws *aws, const struct fx_json *value);

/* What a new world begins with; made in aws->world. */
struct fx_json *rds_document(struct sandbox_aws *aws);
struct fx_json *s3_document(struct sandbox_aws *aws);
struct fx_json *ec2_document(struct sandbox_aws *aws);
struct fx_json *health_document(struct sandbox_aws *aws);

/* ---- rds_calls.c, rds_parameters.c, rds_restore.c ---- */

enum { RDS_RESTORABLE_BEHIND_MS = 5 * 60 * 1000 };

/* {"Marker", key: [...]}: the part of list that MaxRecords and Marker ask for. */
struct fx_json *rds_page(struct aws_call *call, const char *key, const struct fx_json *list);
/* As it is told now: what moves by itself has moved, unless the world says otherwise. */
struct fx_json *rds_instance_now(struct aws_call *call, const struct fx_json *kept);
/* Groups by name, parameters by name. */
struct fx_json *rds_parameter_groups(struct fx_scope *sc);
/* Whether the instance runs with what its parameter groups say. */
void rds_apply_status(struct aws_call *call, struct fx_json *instance);
/* Fluxa's database no longer runs with what this world's parameter groups say. */
void rds_forget(struct sandbox_aws *aws, struct fx_scope *sc);
/* What time has made of an instance that is being restored; true while it is not ready. */
bool rds_ripen(struct aws_call *call, struct fx_json *instance);
aws_operation_fn rds_describe_parameters, rds_modify_parameter_group, rds_restore_to_point_in_time;

/* ---- s3_wire.c, s3_objects.c ---- */

/* Bucket, key, query and headers as the call's input. False after a failure was recorded. */
bool s3_recognise(struct aws_call *call, struct sandbox_request *req);
void s3_write(struct aws_call *call, const struct fx_json *output, struct sandbox_reply *reply);
void s3_write_failure(struct aws_call *call, struct sandbox_reply *reply);

/* The bucket of the call, or NULL after aws_fail. */
struct fx_json *s3_bucket(struct aws_call *call);
/* The version that is asked for, of a key that is there; NULL after aws_fail. */
struct fx_json *s3_version(struct aws_call *call, const struct fx_json *bucket);
/* Its bytes. */
struct fx_slice s3_bytes(struct fx_scope *sc, const struct fx_json *version);
const char *s3_version_id(const struct fx_json *version);
aws_operation_fn s3_head_object, s3_get_object, s3_put_object, s3_list_object_versions;
