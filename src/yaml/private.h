/* private.h - what the files of yaml/ share. */
#pragma once

#include "fluxabot/yaml.h"

#include <yaml.h>

/* One value's place: a tree beside the JSON, because JSON values carry no lines. */
struct yaml_node {
    const char *key; /* NULL in a list */
    int line;
    struct yaml_node *first, *last, *next;
};

struct fx_yaml {
    const char *file;
    struct fx_slice bytes; /* of the file it was loaded from */
    struct fx_json *root;
    struct yaml_node top;
};

/* Size, encoding and invisible characters; steps over a byte order mark. */
enum fx_code yaml_check_bytes(const char *file, struct fx_slice *text, struct fx_error *err);
/* What libyaml found wrong, as a sentence with its line. */
enum fx_code yaml_explain(const char *file, struct fx_slice text, const yaml_parser_t *parser,
                          struct fx_error *err);
/* The type of an unquoted scalar. */
enum fx_code yaml_plain(struct fx_scope *sc, const char *file, int line, struct fx_slice s,
                        struct fx_json **ret_json, struct fx_error *err);
