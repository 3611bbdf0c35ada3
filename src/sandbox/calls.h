/* calls.h - calls.c: which calls came, on what and as whom. */
#pragma once

#include "aws.h"

/* What an assumed role's session token holds before its ARN. */
#define AWS_TOKEN_MARK "|as|"

struct aws_called {
    struct aws_called *next;
    const char *key, *service, *operation, *resource, *identity;
    int64_t count;
};

void aws_note_call(struct aws_call *call);
/* The ARN of whoever signed: the account's user, or the role that the session token is of. */
const char *aws_identity(struct sandbox_request *req);
/* The queue whose messages a task moves; NULL for an unknown handle. */
const char *sqs_task_source(struct sandbox_aws *aws, const char *handle);
