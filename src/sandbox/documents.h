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
