/* members.c - the members of an envelope that we read, out of its JSON.
 *
 * SNS writes one flat object of strings, and reading just that takes a twentieth of what any JSON
 * takes. So the body is tried as such first. Whatever this reader does not take, right or wrong,
 * is left to the reader of all JSON, whose word is final: the two never disagree about what both
 * take, and what is wrong is refused by one of them only.
 */
#include "private.h"

#include <string.h>

enum {
    MAX_FLAT_MEMBERS = 24,
    MAX_JSON_MARKS = 4096, /* an envelope has some twenty members and a few attributes */
};

static const struct fx_slice names[SNS_MEMBERS] = {
    [SNS_TYPE] = FX_SLICE("Type"),
    [SNS_MESSAGE_ID] = FX_SLICE("MessageId"),
    [SNS_TOPIC_ARN] = FX_SLICE("TopicArn"),
    [SNS_SUBJECT] = FX_SLICE("Subject"),
    [SNS_MESSAGE] = FX_SLICE("Message"),
    [SNS_TIMESTAMP] = FX_SLICE("Timestamp"),
    [SNS_SIGNATURE_VERSION] = FX_SLICE("SignatureVersion"),
    [SNS_SIGNATURE] = FX_SLICE("Signature"),
    [SNS_CERTIFICATE_URL] = FX_SLICE("SigningCertURL"),
    [SNS_TOKEN] = FX_SLICE("Token"),
    [SNS_SUBSCRIBE_URL] = FX_SLICE("SubscribeURL"),
};

const char *sns_member_name(enum sns_member which) {
    return names[which].ptr;
}

/* ---- one flat object of strings ---- */

/* Every byte of a body is looked up here: those of a string that stand for themselves. */
static const bool is_plain[256] = {
    [' ' ... '!'] = true, /* behind it the quotation mark */
    ['#' ... '['] = true, /* behind it the backslash */
    [']' ... 255] = true,
};

struct cursor {
    const char *at, *end;
    char *out; /* where the next text goes: no text is longer than it is in the body */
};

static void skip_blanks(struct cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
}

static bool take(struct cursor *c, char wanted) {
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* A name without escapes, which would give one name two spellings. */
static bool take_name(struct cursor *c, struct fx_slice *ret_name) {
    if (!take(c, '"'))
        return false;
    const char *from = c->at;

    while (c->at < c->end && is_plain[(unsigned char)*c->at])
        c->at++;
    *ret_name = (struct fx_slice){from, (size_t)(c->at - from)};
    return c->at < c->end && *c->at++ == '"';
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 'a' ^ 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What follows \u. No zero, which would end the text, and no half of a pair. */
static bool take_code_unit(struct cursor *c) {
    unsigned unit = 0;

    if (c->end - c->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int value = hex_value(*c->at++);

        if (value < 0)
            return false;
        unit = unit << 4 | (unsigned)value;
    }
    if (unit == 0 || (unit >= 0xD800 && unit <= 0xDFFF))
        return false;
    if (unit < 0x80) {
        *c->out++ = (char)unit;
    } else if (unit < 0x800) {
        *c->out++ = (char)(0xC0 | unit >> 6);
        *c->out++ = (char)(0x80 | (unit & 0x3F));
    } else {
        *c->out++ = (char)(0xE0 | unit >> 12);
        *c->out++ = (char)(0x80 | (unit >> 6 & 0x3F));
        *c->out++ = (char)(0x80 | (unit & 0x3F));
    }
    return true;
}

/* After the backslash. */
static bool take_escape(struct cursor *c) {
    static const char stands_for[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                         ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

    if (c->at == c->end)
        return false;
    char letter = *c->at++, meant = stands_for[(unsigned char)letter];

    if (letter == 'u')
        return take_code_unit(c);
    *c->out++ = meant;
    return meant != '\0';
}

static bool take_text(struct cursor *c, const char **ret_text) {
    if (!take(c, '"'))
        return false;
    for (*ret_text = c->out; c->at < c->end;) {
        char byte = *c->at++;

        if (is_plain[(unsigned char)byte]) {
            *c->out++ = byte;
        } else if (byte == '\\') {
            if (!take_escape(c))
                return false;
        } else {
            *c->out++ = '\0';
            return byte == '"';
        }
    }
    return false;
}

static bool is_among(const struct fx_slice *seen, size_t count, struct fx_slice name) {
    for (size_t i = 0; i < count; i++)
        if (fx_slice_equal(seen[i], name))
            return true;
    return false;
}

static void note(struct sns_members *members, struct fx_slice name, const char *text) {
    for (size_t i = 0; i < SNS_MEMBERS; i++)
        if (fx_slice_equal(names[i], name)) {
            members->kind[i] = FX_JSON_STRING;
            members->text[i] = text;
            return;
        }
}

/* False: this is for the reader of all JSON. */
static bool read_flat(struct fx_scope *sc, struct fx_slice body, struct sns_members *members) {
    struct cursor c = {body.ptr, body.ptr + body.len, fx_alloc(sc, body.len)};
    struct fx_slice seen[MAX_FLAT_MEMBERS];
    size_t count = 0;

    if (!fx_slice_is_utf8(body) || !take(&c, '{'))
        return false;
    do {
        const char *text = NULL;

        if (count == MAX_FLAT_MEMBERS || !take_name(&c, &seen[count]) || !take(&c, ':') ||
            !take_text(&c, &text) || is_among(seen, count, seen[count]))
            return false;
        note(members, seen[count++], text);
    } while (take(&c, ','));
    if (!take(&c, '}'))
        return false;
    skip_blanks(&c);
    return c.at == c.end;
}

/* ---- any JSON ---- */

/* Anybody may send two MiB of "[],[],", which would be a hundred MiB once it is parsed. */
static enum fx_code check_marks(struct fx_slice body, struct fx_error *err) {
    size_t marks = 0;
    bool quoted = false;

    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{' || c == ','))
            marks++;
    }
    return marks <= MAX_JSON_MARKS
               ? FX_OK
               : fx_fail(err, FX_ERR_LIMIT, "%zu values are too many for an envelope", marks);
}

static enum fx_code read_any(struct fx_scope *sc, struct fx_slice body, struct sns_members *members,
                             struct fx_error *err) {
    struct fx_json *json = NULL;

    FX_TRY(check_marks(body, err));
    FX_TRY(fx_json_parse(sc, body, &json, err));
    if (fx_json_type(json) != FX_JSON_OBJECT)
        return fx_fail(err, FX_ERR_INPUT, "the SNS envelope is not a JSON object");
    for (size_t i = 0; i < SNS_MEMBERS; i++) {
        const struct fx_json *member = fx_json_at(json, names[i].ptr);

        members->kind[i] = fx_json_type(member);
        members->text[i] = fx_json_text(member);
    }
    return FX_OK;
}

enum fx_code sns_read_members(struct fx_scope *sc, struct fx_slice body,
                              struct sns_members *ret_members, struct fx_error *err) {
    *ret_members = (struct sns_members){0};
    if (read_flat(sc, body, ret_members))
        return FX_OK;
    *ret_members = (struct sns_members){0};
    return read_any(sc, body, ret_members, err);
}
