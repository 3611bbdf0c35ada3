/* aws_sign_test.c - Signature Version 4 against AWS's published cases, stage by stage. */
#include "support/test.h"

#include "fluxabot/aws.h"
#include "fluxabot/base/digest.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { MAX_HEADERS = 16, PUBLISHED_CASES = 38 };

struct sample {
    struct fx_scope *sc;
    const char *name;
    struct fx_http_header headers[MAX_HEADERS];
    struct fx_aws_credentials credentials;
    struct fx_aws_signing signing;
};

static const char *read_case_file(struct fx_scope *sc, const char *name, const char *file) {
    char *path = fx_printf(sc, "%s/golden/sigv4/%s/%s", FX_TEST_DIR, name, file);
    char *text = fx_alloc(sc, 65536);
    FILE *stream = fopen(path, "re");

    if (stream == NULL)
        fail_msg("%s is missing", path);
    text[fread(text, 1, 65535, stream)] = '\0';
    fclose(stream);
    return text;
}

static void parse_target(struct sample *sample, char *line) {
    char *target = strchr(line, ' ') + 1, *version = strrchr(line, ' ');
    char *mark;

    target[-1] = '\0';
    *version = '\0';
    mark = strchr(target, '?');
    if (mark != NULL)
        *mark = '\0';
    sample->signing.method = line;
    sample->signing.path = target;
    sample->signing.query = mark != NULL ? mark + 1 : "";
}

static void parse_request(struct sample *sample, const char *text) {
    char *line = fx_strdup(sample->sc, text), *next;
    size_t count = 0;

    for (bool first = true; line != NULL && *line != '\0' && *line != '\n'; first = false) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (first)
            parse_target(sample, line);
        else if (*line == ' ') /* a value that goes on */
            sample->headers[count - 1].value =
                fx_printf(sample->sc, "%s\n%s", sample->headers[count - 1].value, line);
        else {
            char *colon = strchr(line, ':');
            *colon = '\0';
            sample->headers[count++] = (struct fx_http_header){line, colon + 1};
        }
        line = next;
    }
    sample->signing.body = fx_slice_of(line != NULL && *line == '\n' ? line + 1 : "");
    sample->signing.headers = sample->headers;
    sample->signing.headers_count = count;
}

static void parse_context(struct sample *sample, const char *text) {
    struct fx_json *context = NULL;
    struct fx_error err;

    assert_ok(fx_json_parse(sample->sc, fx_slice_of(text), &context, &err));
    struct fx_json *given = fx_json_at(context, "credentials");
    sample->credentials.access_key_id = fx_json_get_text(given, "access_key_id");
    sample->credentials.secret_access_key = fx_json_get_text(given, "secret_access_key");
    if (!fx_json_get_bool(context, "omit_session_token", false))
        sample->credentials.session_token = fx_json_get_text(given, "token");
    sample->signing.credentials = &sample->credentials;
    sample->signing.region = fx_json_get_text(context, "region");
    sample->signing.service = fx_json_get_text(context, "service");
    sample->signing.normalize_path = fx_json_get_bool(context, "normalize", false);
    sample->signing.double_encode_path = true;
    assert_ok(fx_time_parse(fx_json_text_slice(fx_json_at(context, "timestamp")),
                            &sample->signing.wall_ms, &err));
    if (fx_json_get_bool(context, "sign_body", false))
        sample->headers[sample->signing.headers_count++] = (struct fx_http_header){
            "X-Amz-Content-Sha256", fx_sha256_hex(sample->sc, sample->signing.body)};
}

static void open_sample(struct sample *sample, struct fx_scope *sc, const char *name) {
    *sample = (struct sample){.sc = sc, .name = name};
    parse_request(sample, read_case_file(sc, name, "request.txt"));
    parse_context(sample, read_case_file(sc, name, "context.json"));
}

static int compare(const struct sample *sample, const char *file, const char *ours) {
    const char *theirs = read_case_file(sample->sc, sample->name, file);

    if (strcmp(theirs, ours) == 0)
        return 0;
    print_error("%s: %s\n--- AWS\n%s\n--- ours\n%s\n", sample->name, file, theirs, ours);
    return 1;
}

static void agrees_with_aws_at_every_stage(void **state) {
    DIR *dir = opendir(FX_TEST_DIR "/golden/sigv4");
    int cases = 0, differences = 0;
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "NOTICE") == 0)
            continue;
        struct fx_scope *sc = fx_scope_new(NULL);
        struct sample sample;
        open_sample(&sample, sc, entry->d_name);
        struct fx_aws_signature signature = fx_aws_sign(sc, &sample.signing);
        differences +=
            compare(&sample, "header-canonical-request.txt", signature.canonical_request);
        differences += compare(&sample, "header-string-to-sign.txt", signature.string_to_sign);
        differences += compare(&sample, "header-signature.txt", signature.signature);
        cases++;
        fx_scope_free(sc);
    }
    closedir(dir);
    print_message("%d published cases, three stages each, %d differences\n", cases, differences);
    assert_int_equal(cases, PUBLISHED_CASES);
    assert_int_equal(differences, 0);
}

static void every_part_of_a_request_changes_the_signature(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct fx_aws_credentials other = {.access_key_id = "AKIDEXAMPLE",
                                       .secret_access_key = "another secret"};
    struct sample sample;

    open_sample(&sample, sc, "post-x-www-form-urlencoded");
    const char *original = fx_aws_sign(sc, &sample.signing).signature;
    struct fx_aws_signing changed[8];
    for (size_t i = 0; i < FX_COUNT_OF(changed); i++)
        changed[i] = sample.signing;
    changed[0].method = "PUT";
    changed[1].path = "/x";
    changed[2].query = "a=b";
    changed[3].body = FX_SLICE("Param1=value2");
    changed[4].wall_ms += 1000;
    changed[5].region = "us-east-2";
    changed[6].service = "sqs";
    changed[7].credentials = &other;
    for (size_t i = 0; i < FX_COUNT_OF(changed); i++)
        assert_string_not_equal(fx_aws_sign(sc, &changed[i]).signature, original);
    fx_scope_free(sc);
}

static void s3_paths_are_signed_as_they_are(void **state) {
    struct fx_scope *sc = fx_scope_new(NULL);
    struct sample sample;

    open_sample(&sample, sc, "get-vanilla");
    sample.signing.path = "/a%20b/../c";
    sample.signing.normalize_path = false;
    sample.signing.double_encode_path = false;
    assert_non_null(
        strstr(fx_aws_sign(sc, &sample.signing).canonical_request, "GET\n/a%20b/../c\n"));
    sample.signing.double_encode_path = true;
    assert_non_null(
        strstr(fx_aws_sign(sc, &sample.signing).canonical_request, "GET\n/a%2520b/../c\n"));
    fx_scope_free(sc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_aws_at_every_stage),
        cmocka_unit_test(every_part_of_a_request_changes_the_signature),
        cmocka_unit_test(s3_paths_are_signed_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
