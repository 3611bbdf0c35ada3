/* xml.c - reads an XML answer into elements; no DTD, no entities of its own, limits on all sides.
 */
#include "private.h"

#include <expat.h>
#include <string.h>

struct reading {
    struct fx_scope *sc;
    XML_Parser parser;
    struct aws_xml *open[AWS_XML_MAX_DEPTH]; /* from the root to the element being read */
    struct aws_xml *last[AWS_XML_MAX_DEPTH]; /* newest child of each */
    struct fx_buf text[AWS_XML_MAX_DEPTH];
    struct aws_xml *root;
    size_t depth, nodes;
    bool refused_limit, refused_dtd;
};

static void stop(struct reading *reading, bool *reason) {
    *reason = true;
    XML_StopParser(reading->parser, XML_FALSE);
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes) {
    struct reading *reading = arg;
    size_t depth = reading->depth;

    (void)attributes;
    if (depth == AWS_XML_MAX_DEPTH || ++reading->nodes > AWS_XML_MAX_NODES) {
        stop(reading, &reading->refused_limit);
        return;
    }
    struct aws_xml *node = FX_NEW(reading->sc, struct aws_xml);
    node->name = fx_strdup(reading->sc, name);
    if (depth == 0)
        reading->root = node;
    else if (reading->last[depth - 1] == NULL)
        reading->open[depth - 1]->first = node;
    else
        reading->last[depth - 1]->next = node;
    if (depth > 0)
        reading->last[depth - 1] = node;
    reading->open[depth] = node;
    reading->last[depth] = NULL;
    fx_buf_init(&reading->text[depth], reading->sc, FX_HTTP_MAX_REPLY_BYTES);
    reading->depth++;
}

static void on_end(void *arg, const XML_Char *name) {
    struct reading *reading = arg;

    (void)name;
    /* After XML_StopParser expat may still report the end of an empty element. */
    if (reading->depth == 0 || reading->refused_limit)
        return;
    reading->depth--;
    reading->open[reading->depth]->text = fx_buf_slice(&reading->text[reading->depth]);
}

static void on_text(void *arg, const XML_Char *bytes, int len) {
    struct reading *reading = arg;

    if (reading->depth > 0)
        fx_buf_add(&reading->text[reading->depth - 1], (struct fx_slice){bytes, (size_t)len});
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_internal_subset) {
    struct reading *reading = arg;

    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    stop(reading, &reading->refused_dtd);
}

static void free_parser(XML_Parser *parser) {
    XML_ParserFree(*parser);
}

enum fx_code aws_xml_parse(struct fx_scope *sc, struct fx_slice text, struct aws_xml **ret_root,
                           struct fx_error *err) {
    FX_CLEANUP(free_parser) XML_Parser parser = XML_ParserCreate("UTF-8");
    struct reading *reading = FX_NEW(sc, struct reading);

    if (text.len > FX_HTTP_MAX_REPLY_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "the XML is larger than %d bytes",
                       FX_HTTP_MAX_REPLY_BYTES);
    reading->sc = sc;
    reading->parser = parser;
    XML_SetUserData(parser, reading);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_doctype);
    enum XML_Status status = XML_Parse(parser, text.ptr, (int)text.len, XML_TRUE);
    if (reading->refused_limit)
        return fx_fail(err, FX_ERR_LIMIT, "the XML is deeper than %d or has more than %d elements",
                       AWS_XML_MAX_DEPTH, AWS_XML_MAX_NODES);
    if (reading->refused_dtd)
        return fx_fail(err, FX_ERR_UPSTREAM, "the XML holds a DTD");
    if (status != XML_STATUS_OK)
        return fx_fail(err, FX_ERR_UPSTREAM, "the answer is not XML: %s in line %lu",
                       XML_ErrorString(XML_GetErrorCode(parser)),
                       (unsigned long)XML_GetCurrentLineNumber(parser));
    *ret_root = reading->root;
    return FX_OK;
}

const struct aws_xml *aws_xml_child(const struct aws_xml *parent, const char *name) {
    for (const struct aws_xml *node = parent->first; node != NULL; node = node->next)
        if (strcmp(node->name, name) == 0)
            return node;
    return NULL;
}

const struct aws_xml *aws_xml_descendant(const struct aws_xml *root, const char *name) {
    const struct aws_xml *found = aws_xml_child(root, name);

    for (const struct aws_xml *node = root->first; node != NULL && found == NULL; node = node->next)
        found = aws_xml_descendant(node, name);
    return found;
}
