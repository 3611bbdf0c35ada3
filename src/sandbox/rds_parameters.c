/* rds_parameters.c - RDS's parameter groups: what stands in them, changing it, and when instances
 * run with it. */
#include "documents.h"

#include <string.h>

enum { RDS_MAX_PARAMETERS = 20 }; /* of one change */

/* ---- the groups of a new world ---- */

/* A part of PostgreSQL's parameters as RDS lists them, more than fit on one page. Upper case: a
 * static one. */
static const char names[] =
    "application_name array_nulls ARCHIVE_MODE authentication_timeout autovacuum "
    "autovacuum_analyze_scale_factor autovacuum_analyze_threshold AUTOVACUUM_FREEZE_MAX_AGE "
    "AUTOVACUUM_MAX_WORKERS AUTOVACUUM_MULTIXACT_FREEZE_MAX_AGE autovacuum_naptime "
    "autovacuum_vacuum_cost_delay autovacuum_vacuum_cost_limit autovacuum_vacuum_scale_factor "
    "autovacuum_vacuum_threshold autovacuum_work_mem backend_flush_after backslash_quote "
    "bgwriter_delay bgwriter_flush_after bgwriter_lru_maxpages bgwriter_lru_multiplier "
    "bytea_output check_function_bodies checkpoint_completion_target checkpoint_flush_after "
    "checkpoint_timeout checkpoint_warning client_encoding client_min_messages commit_delay "
    "commit_siblings constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost "
    "cursor_tuple_fraction deadlock_timeout debug_pretty_print debug_print_parse "
    "debug_print_plan debug_print_rewritten default_statistics_target default_tablespace "
    "default_toast_compression default_transaction_deferrable default_transaction_isolation "
    "default_transaction_read_only effective_cache_size effective_io_concurrency enable_bitmapscan "
    "enable_hashagg enable_hashjoin enable_indexonlyscan enable_indexscan enable_material "
    "enable_memoize enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash "
    "enable_partition_pruning enable_seqscan enable_sort enable_tidscan escape_string_warning "
    "exit_on_error extra_float_digits force_parallel_mode from_collapse_limit geqo geqo_effort "
    "geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold "
    "gin_fuzzy_search_limit gin_pending_list_limit hash_mem_multiplier HOT_STANDBY HUGE_PAGES "
    "idle_in_transaction_session_timeout idle_session_timeout intervalstyle jit "
    "join_collapse_limit lo_compat_privileges lock_timeout log_autovacuum_min_duration "
    "log_checkpoints log_connections log_disconnections log_error_verbosity log_executor_stats "
    "log_hostname log_lock_waits log_min_duration_sample log_min_duration_statement "
    "log_min_error_statement log_min_messages log_statement log_statement_sample_rate "
    "log_temp_files maintenance_work_mem MAX_CONNECTIONS MAX_FILES_PER_PROCESS "
    "MAX_LOCKS_PER_TRANSACTION MAX_PREPARED_TRANSACTIONS MAX_REPLICATION_SLOTS "
    "max_stack_depth MAX_WAL_SENDERS max_wal_size MAX_WORKER_PROCESSES min_wal_size "
    "random_page_cost search_path seq_page_cost SHARED_BUFFERS SHARED_PRELOAD_LIBRARIES "
    "ssl statement_timeout synchronous_commit temp_buffers timezone TRACK_ACTIVITY_QUERY_SIZE "
    "track_io_timing vacuum_cost_limit wal_buffers wal_sender_timeout work_mem xmlbinary "
    "xmloption";

static struct fx_json *parameter(struct fx_scope *sc, bool is_static) {
    return fx_json_object_of(sc, "Description", fx_json_string(sc, "As in PostgreSQL's manual."),
                             "Source", fx_json_string(sc, "engine-default"), "ApplyType",
                             fx_json_string(sc, is_static ? "static" : "dynamic"), "DataType",
                             fx_json_string(sc, "string"), "IsModifiable", fx_json_bool(sc, true),
                             "ApplyMethod", fx_json_string(sc, "pending-reboot"), NULL);
}

static char *lower(struct fx_scope *sc, struct fx_slice name, bool *ret_changed) {
    char *text = fx_slice_dup(sc, name);

    *ret_changed = false;
    for (char *c = text; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
            *ret_changed = true;
        }
    return text;
}

static void set_number(struct fx_scope *sc, struct fx_json *group, const char *name,
                       const char *value, const char *source, const char *allowed) {
    struct fx_json *found = fx_json_at(group, name);

    if (value != NULL)
        fx_json_put(found, "ParameterValue", fx_json_string(sc, value));
    fx_json_put(found, "Source", fx_json_string(sc, source));
    fx_json_put(found, "DataType", fx_json_string(sc, "integer"));
    fx_json_put(found, "AllowedValues", fx_json_string(sc, allowed));
}

static struct fx_json *new_group(struct fx_scope *sc) {
    struct fx_json *group = fx_json_object(sc);
    struct fx_slice rest = fx_slice_of(names), name;

    while (rest.len > 0) {
        bool is_static = false;

        fx_slice_split(rest, ' ', &name, &rest);
        const char *key = lower(sc, name, &is_static);
        fx_json_put(group, key, parameter(sc, is_static));
    }
    set_number(sc, group, "max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)",
               "system", "6-8388607");
    set_number(sc, group, "log_min_duration_statement", NULL, "engine-default", "-1-2147483647");
    fx_json_put(fx_json_at(group, "archive_mode"), "IsModifiable", fx_json_bool(sc, false));
    return group;
}

struct fx_json *rds_parameter_groups(struct fx_scope *sc) {
    return fx_json_object_of(sc, "fluxa-pg15", new_group(sc), "default.postgres15", new_group(sc),
                             NULL);
}

/* ---- reading ---- */

static struct fx_json *find_group(struct aws_call *call, const char *name) {
    struct fx_json *group =
        fx_json_at(fx_json_at(documents_of(call->aws, "rds"), "DBParameterGroups"), name);

    if (group == NULL)
        aws_fail(call, 404, "DBParameterGroupNotFoundFault", "DBParameterGroupNotFound",
                 "DBParameterGroup not found: %s", name);
    return group;
}

struct fx_json *rds_describe_parameters(struct aws_call *call) {
    struct fx_scope *sc = call->sc;
    const char *source = fx_json_get_text(call->input, "Source"), *name = NULL, *from;
    struct fx_json *group = find_group(call, aws_input_text(call->input, "DBParameterGroupName"));
    struct fx_json *found = fx_json_array(sc), *one = NULL;
    void *cursor = NULL;

    if (group == NULL)
        return NULL;
    while (fx_json_next(group, &cursor, &name, &one)) {
        struct fx_json *shown = fx_json_copy(sc, one);

        from = fx_json_get_text(one, "Source");
        if (source != NULL && (from == NULL || strcmp(from, source) != 0))
            continue;
        fx_json_put(shown, "ParameterName", fx_json_string(sc, name));
        fx_json_add(found, shown);
    }
    return rds_page(call, "Parameters", found);
}

/* ---- changing ---- */

/* "6-8388607", "-1-2147483647"; other forms allow everything here. */
static bool is_allowed(const struct fx_json *parameter, const char *value) {
    struct fx_slice allowed = fx_json_text_slice(fx_json_at(parameter, "AllowedValues"));
    int64_t low = 0, high = 0, number = 0;
    size_t dash = 1; /* a sign is none */

    while (dash < allowed.len && allowed.ptr[dash] != '-')
        dash++;
    if (dash >= allowed.len || !fx_slice_to_int(fx_slice_cut(allowed, 0, dash), &low) ||
        !fx_slice_to_int(fx_slice_cut(allowed, dash + 1, allowed.len - dash - 1), &high))
        return true;
    return value[0] == '{' || strncmp(value, "LEAST(", 6) == 0 ||
           (fx_slice_to_int(fx_slice_of(value), &number) && number >= low && number <= high);
}

/* False after a failure was recorded. */
static bool may_be_set(struct aws_call *call, const struct fx_json *group,
                       const struct fx_json *wanted) {
    const char *name = aws_input_text(wanted, "ParameterName");
    const char *value = fx_json_get_text(wanted, "ParameterValue");
    const char *method = aws_input_text(wanted, "ApplyMethod");
    const struct fx_json *one = fx_json_at(group, name);
    const char *type = one == NULL ? "" : fx_json_get_text(one, "ApplyType");

    if (name[0] == '\0' || value == NULL || method[0] == '\0')
        aws_fail(call, 400, "InvalidParameterValue", NULL,
                 "The parameters ParameterName, ParameterValue and ApplyMethod are required");
    else if (one == NULL)
        aws_fail(call, 400, "InvalidParameterValue", NULL, "Could not find parameter with name: %s",
                 name);
    else if (!fx_json_get_bool(one, "IsModifiable", false))
        aws_fail(call, 400, "InvalidParameterValue", NULL, "The parameter %s cannot be modified.",
                 name);
    else if (strcmp(type, "static") == 0 && strcmp(method, "immediate") == 0)
        aws_fail(call, 400, "InvalidParameterCombination", NULL,
                 "cannot use immediate apply method for static parameter");
    else if (!is_allowed(one, value))
        aws_fail(call, 400, "InvalidParameterValue", NULL,
                 "Invalid parameter value: %s for: %s allowed values are: %s", value, name,
                 fx_json_get_text(one, "AllowedValues"));
    return call->failure.status == 0;
}

/* A static one waits for a reboot; until then whoever runs with the group says so. */
static void note_apply(struct aws_call *call, const char *name, const struct fx_json *wanted) {
    struct fx_scope *world = call->aws->world;
    struct fx_json *rds = documents_of(call->aws, "rds");
    struct fx_json *applies = fx_json_at(rds, "Applies"), *one;

    if (applies == NULL)
        fx_json_put(rds, "Applies", applies = fx_json_object(world));
    one = fx_json_at(applies, name);
    if (one == NULL)
        fx_json_put(applies, name, one = fx_json_object(world));
    if (strcmp(aws_input_text(wanted, "ApplyMethod"), "immediate") == 0)
        fx_json_put(
            one, "at_mono_ms",
            fx_json_int(world, fx_mono_ms(call->sb->clock) + fx_json_get_int(rds, "ApplyMs", 0)));
    else
        fx_json_put(one, "reboot", fx_json_bool(world, true));
}

/* The one that Fluxa's own database follows, too: what it says is held against what RDS says. */
static const char followed[] = "log_min_duration_statement";

static void follow(struct aws_call *call, const struct fx_json *wanted) {
    const char *value = aws_input_text(wanted, "ParameterValue");
    int64_t ms = 0;

    if (strcmp(aws_input_text(wanted, "ParameterName"), followed) != 0 ||
        strcmp(aws_input_text(wanted, "ApplyMethod"), "immediate") != 0 ||
        !fx_slice_to_int(fx_slice_of(value), &ms))
        return;
    processor_set_parameter(call->aws, call->sc, followed,
                            fx_printf(call->sc, "%lld", (long long)ms));
    fx_json_put(documents_of(call->aws, "rds"), "Followed", fx_json_bool(call->aws->world, true));
}

void rds_forget(struct sandbox_aws *aws, struct fx_scope *sc) {
    if (aws->documents != NULL && fx_json_get_bool(documents_of(aws, "rds"), "Followed", false))
        processor_set_parameter(aws, sc, followed, NULL);
}

static void set_parameters(struct aws_call *call, const char *name, struct fx_json *group,
                           const struct fx_json *list) {
    struct fx_scope *world = call->aws->world;

    for (size_t i = 0; i < fx_json_count(list); i++) {
        const struct fx_json *wanted = fx_json_item(list, i);
        struct fx_json *one = fx_json_at(group, aws_input_text(wanted, "ParameterName"));

        fx_json_put(one, "ParameterValue",
                    fx_json_string(world, aws_input_text(wanted, "ParameterValue")));
        fx_json_put(one, "ApplyMethod",
                    fx_json_string(world, aws_input_text(wanted, "ApplyMethod")));
        fx_json_put(one, "Source", fx_json_string(world, "user"));
        note_apply(call, name, wanted);
        follow(call, wanted);
    }
}

struct fx_json *rds_modify_parameter_group(struct aws_call *call) {
    const char *name = aws_input_text(call->input, "DBParameterGroupName");
    const struct fx_json *list = fx_json_at_path(call->input, "Parameters.Parameter");
    struct fx_json *group = find_group(call, name);

    if (group == NULL)
        return NULL;
    if (strncmp(name, "default.", 8) == 0)
        return aws_fail(call, 400, "InvalidParameterValue", NULL,
                        "Cannot modify a default parameter group.");
    if (fx_json_count(list) == 0 || fx_json_count(list) > RDS_MAX_PARAMETERS)
        return aws_fail(call, 400, "InvalidParameterValue", NULL,
                        "Between 1 and %d parameters can be modified in a single request",
                        RDS_MAX_PARAMETERS);
    for (size_t i = 0; i < fx_json_count(list); i++)
        if (!may_be_set(call, group, fx_json_item(list, i)))
            return NULL;
    set_parameters(call, name, group, list);
    sandbox_effect(call->sb, "rds", call->operation, name,
                   fx_json_object_of(call->sc, "Parameters", fx_json_copy(call->sc, list),
                                     "request_id", fx_json_string(call->sc, call->request_id),
                                     NULL));
    return fx_json_object_of(call->sc, "DBParameterGroupName", fx_json_string(call->sc, name),
                             NULL);
}

/* ---- when instances run with it ---- */

void rds_apply_status(struct aws_call *call, struct fx_json *instance) {
    const struct fx_json *applies = fx_json_at(documents_of(call->aws, "rds"), "Applies");
    const struct fx_json *groups = fx_json_at(instance, "DBParameterGroups");

    for (size_t i = 0; i < fx_json_count(groups); i++) {
        struct fx_json *group = fx_json_item(groups, i);
        const struct fx_json *apply =
            fx_json_at(applies, aws_input_text(group, "DBParameterGroupName"));
        const char *status = NULL;

        if (fx_json_get_int(apply, "at_mono_ms", 0) > fx_mono_ms(call->sb->clock))
            status = "applying";
        else if (fx_json_get_bool(apply, "reboot", false))
            status = "pending-reboot";
        if (status != NULL)
            fx_json_put(group, "ParameterApplyStatus", fx_json_string(call->sc, status));
    }
}
