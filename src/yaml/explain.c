/* explain.c - what is wrong with a text, said with its line and how to mend it. */
#include "private.h"

#include <string.h>

static int line_at(struct fx_slice text, size_t offset) {
    int line = 1;

    for (size_t i = 0; i < offset && i < text.len; i++)
        line += text.ptr[i] == '\n';
    return line;
}

/* libyaml counts U+0085, U+2028 and U+2029 as line ends and editors do not; the others make a text
 * read differently from what it says (CVE-2021-42574). In quotes, "\u202E" still spells them. */
static const char *invisible(const unsigned char *p, size_t left) {
    if (p[0] == 0)
        return "a NUL byte; is this a text file?";
    if (p[0] == '\r' && (left < 2 || p[1] != '\n'))
        return "a lone carriage return; end lines with a line feed";
    if (left >= 2 && p[0] == 0xC2 && p[1] == 0x85)
        return "an invisible line break (U+0085); delete it";
    if (left < 3 || p[0] != 0xE2)
        return NULL;
    if (p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9))
        return "an invisible line break (U+2028 or U+2029); delete it";
    if ((p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) ||
        (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9))
        return "an invisible character that turns the direction of reading; delete it";
    return NULL;
}

enum fx_code yaml_check_bytes(const char *file, struct fx_slice *text, struct fx_error *err) {
    if (text->len > FX_YAML_MAX_BYTES)
        return fx_fail(err, FX_ERR_LIMIT, "%s:1: the file has more than %d KiB; split it", file,
                       FX_YAML_MAX_BYTES >> 10);
    if (fx_slice_starts_with(*text, FX_SLICE("\xEF\xBB\xBF")))
        *text = fx_slice_cut(*text, 3, text->len - 3);
    for (size_t i = 0; i < text->len; i++) {
        const char *what = invisible((const unsigned char *)text->ptr + i, text->len - i);
        if (what)
            return fx_fail(err, FX_ERR_INPUT, "%s:%d: %s", file, line_at(*text, i), what);
    }
    if (fx_slice_is_utf8(*text))
        return FX_OK;

    size_t bad = 0;
    while (bad < text->len) {
        size_t end = fx_slice_find(*text, bad, '\n');
        if (!fx_slice_is_utf8(fx_slice_cut(*text, bad, end - bad)))
            break;
        bad = end + 1;
    }
    return fx_fail(err, FX_ERR_INPUT, "%s:%d: the line is not UTF-8; save the file as UTF-8", file,
                   line_at(*text, bad));
}

struct saying {
    const char *problem, *context; /* libyaml's words; either may be NULL for any */
    bool at_context;               /* the cause stands where the construct began */
    const char *sentence;
};

static const struct saying sayings[] = {
    {"found unexpected end of stream", "while scanning a quoted scalar", true,
     "the quote that opens here is not closed"},
    {"found unexpected document indicator", NULL, true,
     "the quote that opens here is not closed before the document ends"},
    {"mapping values are not allowed in this context", NULL, false,
     "a colon where no key can stand; put a value that holds ': ' in quotes, or mend the "
     "indentation"},
    {"could not find expected ':'", NULL, true, "a colon is missing after this key"},
    {"did not find expected ',' or ']'", NULL, true,
     "the list that opens here with [ is not closed, or a comma is missing in it"},
    {"did not find expected ',' or '}'", NULL, true,
     "the mapping that opens here with { is not closed, or a comma is missing in it"},
    {"did not find expected key", NULL, false,
     "a key was expected; does the indentation fit the lines above, is a quote in the right "
     "place?"},
    {"did not find expected '-' indicator", NULL, false,
     "an item of the list was expected; does the indentation of '-' fit the lines above?"},
    {"block sequence entries are not allowed in this context", NULL, false,
     "a list cannot begin here; put '-' on a line of its own below the key"},
    {"did not find expected alphabetic or numeric character", NULL, false,
     "put a text that begins with & or * in quotes"},
    {"did not find expected <document start>", NULL, false,
     "text after the end of the document; does the indentation fit?"},
    {"did not find expected node content", NULL, false,
     "a key or a value is missing here; put a text that begins with a sign in quotes"},
    {"found unknown escape character", NULL, false,
     "an unknown \\ in double quotes; use single quotes or \\\\"},
    {"did not find expected hexdecimal number", NULL, false,
     "\\x, \\u and \\U want hexadecimal digits; use single quotes or \\\\"},
    {"found a tab character that violates indentation", NULL, false, "a tab; indent with blanks"},
    {"found a tab character where an indentation space is expected", NULL, false,
     "a tab; indent with blanks"},
    {"control characters are not allowed", NULL, false, "a control character; delete it"},
    {"found undefined tag handle", NULL, false,
     "tags (!) are not allowed; put the value in quotes"},
};

static const struct saying *find_saying(const yaml_parser_t *parser) {
    for (size_t i = 0; i < FX_COUNT_OF(sayings); i++) {
        const struct saying *s = &sayings[i];
        bool fits = strcmp(s->problem, parser->problem) == 0;

        if (fits && (!s->context || (parser->context && strcmp(s->context, parser->context) == 0)))
            return s;
    }
    return NULL;
}

/* The byte libyaml stopped at; its index counts code points. */
static char char_at(struct fx_slice text, size_t index) {
    size_t at = fx_slice_utf8_prefix(text, index);

    return at < text.len ? text.ptr[at] : '\0';
}

enum fx_code yaml_explain(const char *file, struct fx_slice text, const yaml_parser_t *parser,
                          struct fx_error *err) {
    int line = (int)parser->problem_mark.line + 1;
    int context_line = (int)parser->context_mark.line + 1;
    char c = char_at(text, parser->problem_mark.index);

    if (parser->error == YAML_MEMORY_ERROR || !parser->problem)
        return fx_fail(err, FX_ERR_INTERNAL, "%s:1: libyaml has no memory", file);
    if (parser->error == YAML_READER_ERROR)
        line = line_at(text, parser->problem_offset);
    else if (c == '\t')
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: a tab; indent with blanks", file, line);

    const struct saying *s = find_saying(parser);
    if (s)
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: %s", file, s->at_context ? context_line : line,
                       s->sentence);
    if (strcmp(parser->problem, "found character that cannot start any token") == 0)
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: put a text that begins with %c in quotes", file,
                       line, c);
    if (parser->context)
        return fx_fail(err, FX_ERR_INPUT, "%s:%d: %s %s", file, line, parser->problem,
                       parser->context);
    return fx_fail(err, FX_ERR_INPUT, "%s:%d: %s", file, line, parser->problem);
}
