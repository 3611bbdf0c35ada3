/* aws_chain_test.c - credentials from roles, tokens, containers and instances, over real HTTP. */
#include "support/credential_hosts.h"

#include "fluxabot/aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_VARIABLES = 24 };

/* fx_aws_options.getenv has no argument of its own, so the test's environment stands here. */
static const char *variables[MAX_VARIABLES][2];
static size_t variables_count;

static const char *get(const char *name) {
    for (size_t i = variables_count; i > 0; i--)
        if (strcmp(variables[i - 1][0], name) == 0)
            return variables[i - 1][1];
    return NULL;
}

struct world {
    struct fx_scope *sc, *views; /* views end before the fx_aws they look at */
    struct credential_hosts hosts;
    struct fx_http *http;
    struct fx_aws *aws;
    char dir[64];
    struct fx_aws_standing standing;
    struct fx_error err;
};

static void set(const char *name, const char *value) {
    assert_true(variables_count < MAX_VARIABLES);
    variables[variables_count][0] = name;
    variables[variables_count++][1] = value;
}

static const char *path_of(struct world *w, const char *name) {
    return fx_printf(w->sc, "%s/%s", w->dir, name);
}

static const char *write_file(struct world *w, const char *name, const char *text) {
    const char *path = path_of(w, name);
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    return path;
}

static void must(const struct world *w, enum fx_code code) {
    if (code != FX_OK)
        fail_msg("%s", w->err.message);
}

static void begin(struct world *w) {
    *w = (struct world){.sc = fx_scope_new(NULL), .views = fx_scope_new(NULL)};
    variables_count = 0;
    snprintf(w->dir, sizeof(w->dir), "/tmp/aws_chain_test.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    credential_hosts_start(&w->hosts);
    set("HOME", w->dir);
    set("AWS_REGION", "us-east-1");
    set("AWS_ENDPOINT_URL_STS", w->hosts.url);
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", w->hosts.url);
    must(w, fx_http_open(fx_clock_system(), NULL, &w->http, &w->err));
}

static void end(struct world *w) {
    static const char *const names[] = {"config", "credentials", "token"};

    fx_scope_free(w->views);
    fx_aws_close(w->aws);
    fx_http_close(w->http); /* first, so that no server waits for an idle connection */
    credential_hosts_stop(&w->hosts);
    for (size_t i = 0; i < FX_COUNT_OF(names); i++)
        unlink(path_of(w, names[i]));
    rmdir(w->dir);
    fx_scope_free(w->sc);
}

/* The variables and files are set by now. */
static enum fx_code ask(struct world *w) {
    struct fx_aws_options options = {.http = w->http, .clock = fx_clock_system(), .getenv = get};

    fx_aws_close(w->aws);
    w->aws = NULL;
    w->err = (struct fx_error){0};
    FX_TRY(fx_aws_open(&options, &w->aws, &w->err));
    return fx_aws_prepare(w->aws, w->sc, 0, &w->standing, &w->err);
}

static void finds(struct world *w, const char *key, const char *origin) {
    if (ask(w) != FX_OK)
        fail_msg("%s", w->err.message);
    assert_string_equal(w->standing.access_key_id, key);
    assert_string_equal(w->standing.origin, origin);
}

static void refuses(struct world *w, enum fx_code code, const char *part) {
    assert_int_equal(ask(w), code);
    if (strstr(w->err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", w->err.message, part);
    assert_null(strstr(w->err.message, "hush"));
}

/* ---- order ---- */

static void set_up_every_place(struct world *w) {
    set("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT");
    set("AWS_SECRET_ACCESS_KEY", "hush");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", write_file(w, "token", "jwt\n"));
    set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    set("AWS_SHARED_CREDENTIALS_FILE",
        write_file(w, "credentials",
                   "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=hush\n"));
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", fx_printf(w->sc, "%s/container", w->hosts.url));
    w->hosts.instance_role = "worker";
}

static void the_places_are_asked_in_the_order_of_the_guide(void **state) {
    static const struct {
        const char *key, *origin, *without[2];
    } steps[] = {
        {"AKIAENVIRONMENT", "environment", {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
        {"ASIApod", "web identity", {"AWS_WEB_IDENTITY_TOKEN_FILE"}},
        {"AKIAFILE", "shared files", {"AWS_SHARED_CREDENTIALS_FILE"}},
        {"ASIACONTAINER", "container", {"AWS_CONTAINER_CREDENTIALS_FULL_URI"}},
        {"ASIAINSTANCE", "instance metadata", {NULL}},
    };
    struct world w;

    begin(&w);
    set_up_every_place(&w);
    for (size_t i = 0; i < FX_COUNT_OF(steps); i++) {
        finds(&w, steps[i].key, steps[i].origin);
        for (size_t j = 0; j < 2 && steps[i].without[j] != NULL; j++)
            set(steps[i].without[j], "");
        if (i == 2)
            unlink(path_of(&w, "credentials"));
    }
    set("AWS_EC2_METADATA_DISABLED", "TRUE");
    refuses(&w, FX_ERR_DENIED, "instance metadata (AWS_EC2_METADATA_DISABLED is true)");
    end(&w);
}

static void a_place_that_fails_lets_no_other_step_in(void **state) {
    struct world w;

    begin(&w);
    set_up_every_place(&w);
    set("AWS_ACCESS_KEY_ID", "");
    set("AWS_SECRET_ACCESS_KEY", "");
    w.hosts.fault = "AccessDenied";
    refuses(&w, FX_ERR_DENIED, "AWS credentials from web identity: the role");
    assert_non_null(strstr(w.err.message, "sts-1"));
    set("AWS_WEB_IDENTITY_TOKEN_FILE", "");
    set("AWS_SHARED_CREDENTIALS_FILE", "");
    unlink(path_of(&w, "credentials"));
    w.hosts.wanted_token = "secret-token";
    refuses(&w, FX_ERR_DENIED, "check the authorization token");
    assert_int_equal(w.hosts.asked_instance, 0);
    end(&w);
}

/* ---- web identity ---- */

static void a_web_identity_is_exchanged_unsigned_and_read_anew(void **state) {
    struct world w;

    begin(&w);
    set("AWS_WEB_IDENTITY_TOKEN_FILE", write_file(&w, "token", "first.jwt\n"));
    refuses(&w, FX_ERR_INPUT, "without AWS_ROLE_ARN");
    set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    finds(&w, "ASIApod", "web identity");
    assert_string_equal(w.hosts.signer, "");
    assert_non_null(strstr(w.hosts.form, "WebIdentityToken=first.jwt"));
    assert_non_null(strstr(w.hosts.form, "RoleSessionName=fluxabot"));
    assert_null(strstr(w.hosts.form, "first.jwt%0A"));
    write_file(&w, "token", "second.jwt");
    set("AWS_ROLE_SESSION_NAME", "pod 7/x");
    finds(&w, "ASIApod", "web identity");
    assert_non_null(strstr(w.hosts.form, "WebIdentityToken=second.jwt"));
    assert_non_null(strstr(w.hosts.form, "RoleSessionName=pod-7-x"));
    write_file(&w, "token", "");
    refuses(&w, FX_ERR_INPUT, "is empty");
    unlink(path_of(&w, "token"));
    refuses(&w, FX_ERR_NOT_FOUND, "cannot be read");
    end(&w);
}

static void a_token_never_stands_in_an_error(void **state) {
    struct world w;

    begin(&w);
    set("AWS_WEB_IDENTITY_TOKEN_FILE", write_file(&w, "token", "eyJhbGciOi.hush.x"));
    set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    w.hosts.fault = "InvalidIdentityToken";
    refuses(&w, FX_ERR_UPSTREAM, "InvalidIdentityToken");
    assert_int_equal(w.hosts.asked_sts, 1);
    w.hosts.fault = "IDPCommunicationError"; /* the one that may help itself */
    refuses(&w, FX_ERR_UNAVAILABLE, "IDPCommunicationError");
    assert_int_equal(w.hosts.asked_sts, 1 + 3);
    end(&w);
}

/* ---- profiles ---- */

#define ROLE(name) "role_arn=arn:aws:iam::123456789012:role/" name "\n"
#define KEYS(id) "aws_access_key_id=" id "\naws_secret_access_key=hush\n"

/* clang-format off */
static const char profiles[] = /* ~/.aws/config */
    "[default]\n" KEYS("AKIADEFAULT")
    "[profile base]\n" KEYS("AKIABASE")
    "[profile \"two words\"]\n" KEYS("AKIATWOWORDS")
    "[profile deploy]\n" ROLE("deploy") "source_profile=base\nexternal_id=ex 7\n"
        "role_session_name=ops\nduration_seconds=900\n"
    "[profile second]\n" ROLE("second") "source_profile=deploy\n"
    "[profile own]\n" ROLE("own") "source_profile=own\n" KEYS("AKIAOWN")
    "[profile by-env]\n" ROLE("by-env") "credential_source=Environment\n"
    "[profile by-task]\n" ROLE("by-task") "credential_source=EcsContainer\n"
    "[profile by-instance]\n" ROLE("by-instance") "credential_source=Ec2InstanceMetadata\n"
    "[profile by-magic]\n" ROLE("x") "credential_source=Magic\n"
    "[profile alone]\n" ROLE("alone")
    "[profile both]\n" ROLE("both") "source_profile=base\ncredential_source=Environment\n"
    "[profile a]\n" ROLE("a") "source_profile=b\n"
    "[profile b]\n" ROLE("b") "source_profile=a\n"
    "[profile lost]\n" ROLE("lost") "source_profile=nobody\n"
    "[profile empty]\nregion=us-east-1\n"
    "[profile bare]\n" ROLE("bare") "source_profile=empty\n"
    "[profile mfa]\n" ROLE("mfa") "source_profile=base\nmfa_serial=arn:aws:iam::1:mfa/x\n"
    "[profile program]\ncredential_process=/bin/echo hush\n"
    "[profile forever]\n" ROLE("f") "source_profile=base\nduration_seconds=forever\n";
/* clang-format on */

static void begin_with_profiles(struct world *w) {
    begin(w);
    set("AWS_CONFIG_FILE", write_file(w, "config", profiles));
}

static void profiles_lead_to_keys(void **state) {
    static const struct {
        const char *profile, *key, *signer;
        int asked_sts;
    } cases[] = {
        {"", "AKIADEFAULT", NULL, 0},
        {"base", "AKIABASE", NULL, 0},
        {"two words", "AKIATWOWORDS", NULL, 0},
        {"deploy", "ASIAdeploy", "Credential=AKIABASE/", 1},
        {"second", "ASIAsecond", "Credential=ASIAdeploy/", 2},
        {"own", "ASIAown", "Credential=AKIAOWN/", 1},
        {"by-task", "ASIAby-task", "Credential=ASIACONTAINER/", 1},
        {"by-instance", "ASIAby-instance", "Credential=ASIAINSTANCE/", 1},
    };
    struct world w;

    begin_with_profiles(&w);
    w.hosts.instance_role = "worker";
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", fx_printf(w.sc, "%s/container", w.hosts.url));
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        int asked = w.hosts.asked_sts;
        set("AWS_PROFILE", cases[i].profile);
        finds(&w, cases[i].key, "shared files");
        if (cases[i].signer != NULL)
            assert_non_null(strstr(w.hosts.signer, cases[i].signer));
        assert_int_equal(w.hosts.asked_sts - asked, cases[i].asked_sts);
    }
    end(&w);
}

static void a_profile_s_role_is_asked_for_as_it_says(void **state) {
    struct world w;

    begin_with_profiles(&w);
    set("AWS_PROFILE", "deploy");
    finds(&w, "ASIAdeploy", "shared files");
    assert_non_null(strstr(w.hosts.form, "ExternalId=ex%207"));
    assert_non_null(strstr(w.hosts.form, "RoleSessionName=ops"));
    assert_non_null(strstr(w.hosts.form, "DurationSeconds=900"));
    end(&w);
}

static void profiles_that_lead_nowhere_are_said(void **state) {
    static const struct {
        const char *profile;
        enum fx_code code;
        const char *says;
    } cases[] = {
        {"by-magic", FX_ERR_INPUT, "none of Environment, EcsContainer, Ec2InstanceMetadata"},
        {"by-env", FX_ERR_DENIED, "AWS_ACCESS_KEY_ID is not set"},
        {"alone", FX_ERR_INPUT, "neither source_profile and"},
        {"both", FX_ERR_INPUT, "both source_profile and"},
        {"a", FX_ERR_LIMIT, "circle"},
        {"lost", FX_ERR_INPUT, "names nobody, which is in neither file"},
        {"bare", FX_ERR_INPUT, "no keys, no role"},
        {"mfa", FX_ERR_INPUT, "MFA"},
        {"program", FX_ERR_INPUT, "credential_process"},
        {"unheard-of", FX_ERR_INPUT, "AWS_PROFILE names unheard-of"},
        {"forever", FX_ERR_INPUT, "duration_seconds"},
    };
    struct world w;

    begin_with_profiles(&w);
    for (size_t i = 0; i < FX_COUNT_OF(cases); i++) {
        set("AWS_PROFILE", cases[i].profile);
        refuses(&w, cases[i].code, cases[i].says);
        variables_count--;
    }
    assert_int_equal(w.hosts.asked_sts, 0);
    end(&w);
}

/* ---- container ---- */

static void a_container_s_address_gets_its_token(void **state) {
    struct world w;

    begin(&w);
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", fx_printf(w.sc, "%s/container", w.hosts.url));
    w.hosts.wanted_token = "Basic abc";
    refuses(&w, FX_ERR_DENIED, "HTTP 401");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc");
    finds(&w, "ASIACONTAINER", "container");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "other");
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write_file(&w, "token", "Basic abc"));
    finds(&w, "ASIACONTAINER", "container"); /* the file comes first */
    write_file(&w, "token", "hush\r\nX-Evil: 1");
    refuses(&w, FX_ERR_INPUT, "line break");
    end(&w);
}

static void a_container_s_address_is_asked_three_times(void **state) {
    struct world w;

    begin(&w);
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", fx_printf(w.sc, "%s/container", w.hosts.url));
    w.hosts.failures = 2;
    finds(&w, "ASIACONTAINER", "container");
    assert_int_equal(w.hosts.asked_container, 3);
    w.hosts.failures = 3;
    refuses(&w, FX_ERR_UNAVAILABLE, "HTTP 500");
    assert_int_equal(w.hosts.asked_container, 6);
    end(&w);
}

static void a_container_s_address_must_be_near_or_https(void **state) {
    static const char *const urls[] = {
        "http://127.0.0.1:80@evil.test/",
        "http://example.com/creds",
        "http://169.254.170.3/creds",
        "http://127.0.0.1@evil.test/",
        "http://localhost.evil.test/",
        "http://127.0.0.1.evil.test/",
        "http://127.0.0.256/",
        "http://[fd00:ec2::24]/",
        "http://2130706433/",
        "ftp://127.0.0.1/",
        "http://evil.test#@127.0.0.1/",
        "http://evil.test\\@127.0.0.1/",
        "https://",
        "http://127.0.0/",
        "/creds",
        "http://128.0.0.1/",
    };
    struct world w;

    begin(&w);
    for (size_t i = 0; i < FX_COUNT_OF(urls); i++) {
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", urls[i]);
        if (ask(&w) != FX_ERR_INPUT)
            fail_msg("%s was asked", urls[i]);
        assert_non_null(strstr(w.err.message, "nothing was asked"));
        variables_count--;
    }
    set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.test/");
    refuses(&w, FX_ERR_INPUT, "must begin with /");
    end(&w);
}

/* ---- instance ---- */

static void an_instance_is_asked_by_version_2_only(void **state) {
    static const int statuses[] = {403, 404, 405};
    struct world w;

    begin(&w);
    w.hosts.instance_role = "worker";
    for (size_t i = 0; i < FX_COUNT_OF(statuses); i++) {
        w.hosts.token_status = statuses[i];
        int asked = w.hosts.asked_instance;
        refuses(&w, FX_ERR_DENIED, "gives no session tokens");
        assert_int_equal(w.hosts.asked_instance, asked + 1); /* no GET without a token */
    }
    w.hosts.token_status = 500;
    refuses(&w, FX_ERR_UNAVAILABLE, "HTTP 500 when asked for a session token");
    w.hosts.token_status = 200;
    finds(&w, "ASIAINSTANCE", "instance metadata");
    w.hosts.instance_role = NULL;
    refuses(&w, FX_ERR_DENIED, "the instance has no role; attach an instance profile");
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT",
        fx_printf(w.sc, "http://127.0.0.1:%d", loopback_closed_port()));
    refuses(&w, FX_ERR_DENIED, "the hop limit must be 2");
    end(&w);
}

static void an_instance_s_stale_credentials_are_used(void **state) {
    struct world w;

    begin(&w);
    w.hosts.instance_role = "worker";
    w.hosts.life_s = -60;
    finds(&w, "ASIAINSTANCE", "instance metadata");
    assert_true(w.standing.expires_wall_ms > fx_wall_ms(fx_clock_system()));
    int asked = w.hosts.asked_instance;
    must(&w, fx_aws_prepare(w.aws, w.sc, 60000, &w.standing, &w.err));
    assert_int_equal(w.hosts.asked_instance, asked); /* not with every call */
    end(&w);
}

/* ---- another's rights ---- */

static void views_carry_the_role_of_an_environment(void **state) {
    const struct fx_aws_role prod = {.arn = "arn:aws:iam::123456789012:role/prod",
                                     .external_id = "ex",
                                     .session = "fluxabot-r4k2",
                                     .region = "eu-west-1"};
    const struct fx_aws_role here = {.region = "eu-west-2"};
    struct world w;

    begin(&w);
    set("AWS_ACCESS_KEY_ID", "AKIABOT");
    set("AWS_SECRET_ACCESS_KEY", "hush");
    finds(&w, "AKIABOT", "environment");
    struct fx_scope *step = fx_scope_new(NULL);
    struct fx_aws *view = fx_aws_as(w.aws, step, &prod);
    assert_int_equal(w.hosts.asked_sts, 0); /* not before it is needed */
    must(&w, fx_aws_prepare(view, step, 0, &w.standing, &w.err));
    assert_string_equal(w.standing.access_key_id, "ASIAprod");
    assert_string_equal(fx_aws_region(view), "eu-west-1");
    assert_non_null(strstr(w.hosts.signer, "Credential=AKIABOT/"));
    assert_non_null(strstr(w.hosts.form, "RoleSessionName=fluxabot-r4k2"));
    assert_non_null(strstr(w.hosts.form, "ExternalId=ex"));
    fx_scope_free(step);
    /* The next step of the same run asks nobody. */
    must(&w, fx_aws_prepare(fx_aws_as(w.aws, w.views, &prod), w.sc, 0, &w.standing, &w.err));
    assert_int_equal(w.hosts.asked_sts, 1);
    struct fx_aws *own = fx_aws_as(w.aws, w.views, &here);
    must(&w, fx_aws_prepare(own, w.sc, 0, &w.standing, &w.err));
    assert_string_equal(w.standing.access_key_id, "AKIABOT");
    assert_string_equal(fx_aws_region(own), "eu-west-2");
    end(&w);
}

static void a_role_that_is_refused_is_not_replaced_by_the_bot_s_own_rights(void **state) {
    const struct fx_aws_role prod = {.arn = "arn:aws:iam::123456789012:role/prod"};
    const struct fx_aws_call call = {.service = "sqs", .operation = "ListQueues"};
    struct fx_json *answer = NULL;
    struct world w;

    begin(&w);
    set("AWS_ACCESS_KEY_ID", "AKIABOT");
    set("AWS_SECRET_ACCESS_KEY", "hush");
    finds(&w, "AKIABOT", "environment");
    w.hosts.fault = "AccessDenied";
    struct fx_aws *view = fx_aws_as(w.aws, w.views, &prod);
    assert_int_equal(fx_aws_call(view, w.sc, &call, &answer, &w.err), FX_ERR_DENIED);
    assert_non_null(strstr(w.err.message, "role/prod could not be assumed"));
    assert_false(w.err.sent);
    end(&w);
}

static void more_roles_than_are_remembered_work_all_the_same(void **state) {
    enum { ROLES = 70 };
    struct world w;

    begin(&w);
    set("AWS_ACCESS_KEY_ID", "AKIABOT");
    set("AWS_SECRET_ACCESS_KEY", "hush");
    finds(&w, "AKIABOT", "environment");
    struct fx_scope *all = fx_scope_new(NULL);
    for (int round = 0; round < 2; round++) /* held all at once, then one after the other */
        for (int i = 0; i < ROLES; i++) {
            struct fx_scope *one = fx_scope_new(NULL), *sc = round == 0 ? all : one;
            const struct fx_aws_role role = {
                .arn = fx_printf(w.sc, "arn:aws:iam::123456789012:role/r%d-%d", round, i)};
            must(&w, fx_aws_prepare(fx_aws_as(w.aws, sc, &role), sc, 0, &w.standing, &w.err));
            assert_string_equal(w.standing.access_key_id, fx_printf(w.sc, "ASIAr%d-%d", round, i));
            fx_scope_free(one);
            if (round == 0 && i == ROLES - 1) {
                fx_scope_free(all);
                all = NULL;
            }
        }
    assert_int_equal(w.hosts.asked_sts, 2 * ROLES);
    end(&w);
}

static void a_runbook_may_not_ask_for_credentials(void **state) {
    static const char *const operations[] = {"AssumeRole", "AssumeRoleWithWebIdentity"};
    struct fx_json *answer = NULL;
    struct world w;

    begin(&w);
    set("AWS_ACCESS_KEY_ID", "AKIABOT");
    set("AWS_SECRET_ACCESS_KEY", "hush");
    finds(&w, "AKIABOT", "environment");
    for (size_t i = 0; i < FX_COUNT_OF(operations); i++) {
        const struct fx_aws_call call = {.service = "sts", .operation = operations[i]};
        assert_int_equal(fx_aws_call(w.aws, w.sc, &call, &answer, &w.err), FX_ERR_DENIED);
    }
    assert_int_equal(w.hosts.asked_sts, 0);
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_places_are_asked_in_the_order_of_the_guide),
        cmocka_unit_test(a_place_that_fails_lets_no_other_step_in),
        cmocka_unit_test(a_web_identity_is_exchanged_unsigned_and_read_anew),
        cmocka_unit_test(a_token_never_stands_in_an_error),
        cmocka_unit_test(profiles_lead_to_keys),
        cmocka_unit_test(a_profile_s_role_is_asked_for_as_it_says),
        cmocka_unit_test(profiles_that_lead_nowhere_are_said),
        cmocka_unit_test(a_container_s_address_gets_its_token),
        cmocka_unit_test(a_container_s_address_is_asked_three_times),
        cmocka_unit_test(a_container_s_address_must_be_near_or_https),
        cmocka_unit_test(an_instance_is_asked_by_version_2_only),
        cmocka_unit_test(an_instance_s_stale_credentials_are_used),
        cmocka_unit_test(views_carry_the_role_of_an_environment),
        cmocka_unit_test(a_role_that_is_refused_is_not_replaced_by_the_bot_s_own_rights),
        cmocka_unit_test(more_roles_than_are_remembered_work_all_the_same),
        cmocka_unit_test(a_runbook_may_not_ask_for_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
