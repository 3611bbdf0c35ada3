/* yaml.h - YAML read into JSON, remembering where everything stood.
 *
 * No anchors, aliases, tags, merge keys or second documents; repeated keys are refused; size and
 * depth are capped. Plain scalars become integers, reals, booleans (true and false only) or null;
 * everything quoted stays text. FX_ERR_INPUT messages begin with "file:line: ".
 */
#pragma once

#include "fluxabot/base/json.h"

enum { FX_YAML_MAX_BYTES = 256 << 10, FX_YAML_MAX_DEPTH = 32 };

struct fx_yaml; /* a document and its lines */

enum fx_code fx_yaml_parse(struct fx_scope *sc, const char *file, struct fx_slice text,
                           struct fx_yaml **ret_yaml, struct fx_error *err);
/* Reads the file; file names it in messages. */
enum fx_code fx_yaml_load(struct fx_scope *sc, const char *path, struct fx_yaml **ret_yaml,
                          struct fx_error *err);
/* What the loaded file held; empty when the document was parsed from memory. */
struct fx_slice fx_yaml_bytes(const struct fx_yaml *yaml);
const char *fx_yaml_file(const struct fx_yaml *yaml);
struct fx_json *fx_yaml_root(const struct fx_yaml *yaml);
/* The line of the value at "steps.2.with.QueueUrl" (of its key where it has one); "" is the root.
 * The nearest ancestor's line when the path does not exist. */
int fx_yaml_line(const struct fx_yaml *yaml, const char *path);
