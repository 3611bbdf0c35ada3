/* s3_wire.c - S3's REST: which operation a method, a path and a query mean, and its XML. */
#include "documents.h"

#include <string.h>
#include <strings.h>

enum { S3_MAX_XML = 4 << 20 };

/* ---- in ---- */

/* "/bucket/a/key": a bucket's name stands in the path, as our client and others with an endpoint of
 * their own address it. */
static void read_path(struct aws_call *call, const char *path) {
    struct fx_slice rest = fx_slice_of(path), bucket, key;

    if (rest.len > 0 && rest.ptr[0] == '/')
        rest = fx_slice_cut(rest, 1, rest.len - 1);
    fx_slice_split(rest, '/', &bucket, &key);
    fx_json_put(call->input, "Bucket", fx_json_slice(call->sc, bucket));
    if (key.len > 0)
        fx_json_put(call->input, "Key", fx_json_slice(call->sc, key));
}

static void read_query(struct aws_call *call, const char *query) {
    struct fx_slice rest = fx_slice_of(query);

    while (rest.len > 0) {
        struct fx_slice pair, name, value, text;
        struct fx_error ignored;

        fx_slice_split(rest, '&', &pair, &rest);
        fx_slice_split(pair, '=', &name, &value);
        if (fx_url_decode(call->sc, value, true, &text, &ignored) == FX_OK)
            fx_json_put(call->input, fx_printf(call->sc, "?%.*s", (int)name.len, name.ptr),
                        fx_json_slice(call->sc, text));
    }
}

/* Under their names in lower case. */
static void read_headers(struct aws_call *call, const struct sandbox_request *req) {
    struct fx_json *headers = fx_json_object(call->sc);

    for (size_t i = 0; i < req->headers_count; i++) {
        char *name = fx_strdup(call->sc, req->headers[i].name);

        for (char *p = name; *p != '\0'; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        fx_json_put(headers, name, fx_json_string(call->sc, req->headers[i].value));
    }
    fx_json_put(call->input, "headers", headers);
}

static const struct {
    const char *method;
    bool of_key;
    const char *query; /* NULL: none of the others */
    const char *operation;
} operations_of[] = {
    {"GET", false, "?versioning", "GetBucketVersioning"},
    {"GET", false, "?versions", "ListObjectVersions"},
    {"GET", false, "?replication", "GetBucketReplication"},
    {"GET", false, "?lifecycle", "GetBucketLifecycleConfiguration"},
    {"GET", false, "?publicAccessBlock", "GetPublicAccessBlock"},
    {"HEAD", false, NULL, "HeadBucket"},
    {"HEAD", true, NULL, "HeadObject"},
    {"GET", true, NULL, "GetObject"},
    {"PUT", true, NULL, "PutObject"},
};

bool s3_recognise(struct aws_call *call, struct sandbox_request *req) {
    bool of_key;

    call->protocol = AWS_REST_XML;
    call->service = &aws_service_s3;
    call->input = fx_json_object(call->sc);
    read_path(call, req->path);
    read_query(call, req->raw_query);
    read_headers(call, req);
    fx_json_put(call->input, "Body", fx_json_string(call->sc, fx_base64(call->sc, req->body)));
    of_key = fx_json_at(call->input, "Key") != NULL;
    for (size_t i = 0; i < FX_COUNT_OF(operations_of); i++) {
        if (strcmp(operations_of[i].method, req->method) != 0 || operations_of[i].of_key != of_key)
            continue;
        if (operations_of[i].query != NULL &&
            fx_json_at(call->input, operations_of[i].query) == NULL)
            continue;
        call->operation = operations_of[i].operation;
        return true;
    }
    call->operation = "";
    aws_fail(call, 501, "NotImplemented", NULL, "The sandbox does not play S3's %s %s", req->method,
             req->path);
    return false;
}

/* ---- out ---- */

/* output is {"root": element, its members} or empty: the bytes stand in the reply already. */
void s3_write(struct aws_call *call, const struct fx_json *output, struct sandbox_reply *reply) {
    const char *root = fx_json_get_text(output, "root"), *key = NULL;
    struct fx_json *value = NULL;
    void *cursor = NULL;
    struct fx_buf buf;

    sandbox_reply_header(reply, "x-amz-request-id", call->request_id);
    if (root == NULL)
        return;
    fx_buf_init(&buf, call->sc, S3_MAX_XML);
    fx_buf_addf(&buf,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s "
                "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
                root);
    while (fx_json_next(output, &cursor, &key, &value))
        if (strcmp(key, "root") != 0)
            aws_xml_add(call, &buf, key, value);
    fx_buf_addf(&buf, "</%s>", root);
    sandbox_reply_text(reply, 200, "application/xml", fx_buf_text(&buf));
}

/* An answer to HEAD has no body, so that nobody learns the code: as it is with S3. */
void s3_write_failure(struct aws_call *call, struct sandbox_reply *reply) {
    const char *bucket = aws_input_text(call->input, "Bucket");
    struct fx_buf buf;

    sandbox_reply_header(reply, "x-amz-request-id", call->request_id);
    reply->content_type = "application/xml";
    if (strncmp(call->operation != NULL ? call->operation : "", "Head", 4) == 0)
        return;
    fx_buf_init(&buf, call->sc, S3_MAX_XML);
    fx_buf_add_text(&buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    aws_xml_add(call, &buf, "Code", fx_json_string(call->sc, call->failure.code));
    aws_xml_add(call, &buf, "Message", fx_json_string(call->sc, call->failure.message));
    aws_xml_add(call, &buf, "BucketName", fx_json_string(call->sc, bucket));
    aws_xml_add(call, &buf, "RequestId", fx_json_string(call->sc, call->request_id));
    fx_buf_add_text(&buf, "</Error>");
    sandbox_reply_text(reply, call->failure.status, "application/xml", fx_buf_text(&buf));
}
