/* config.h - the reader of the configuration file, for the files that read a part of it. */
#pragma once

#include "private.h"

struct config_reader {
    struct app_config *config; /* what is read becomes; all texts live in its scope */
    const struct fx_yaml *yaml;
    const struct fx_json *root;
    struct app_findings *findings;
};

/* ---- config.c ---- */

const char *config_text(const struct config_reader *r, const char *path, const char *fallback);
/* Milliseconds; 0: not there, or no duration (config_keys.c has said so). */
int64_t config_duration(const struct config_reader *r, const char *path);
const char **config_texts(const struct config_reader *r, const struct fx_json *list,
                          size_t *ret_count);
/* A mistake, with the line of path. */
void config_find(const struct config_reader *r, const char *path, const char *message);

/* ---- config_people.c ---- */

void config_read_people(const struct config_reader *r);

/* ---- config_systems.c ---- */

void config_read_systems(const struct config_reader *r);
