/*
 * The reader of object.h. It goes through the text once; what it decodes is never longer than what it
 * was written as, so one block of the text's length holds every string.
 */

#include <stdlib.h>
#include <string.h>

#include "object.h"

typedef struct {
    const char *text, *at, *end;
    char *block, *free;         /* where decoded strings go */
    const char *complaint;
} reader;

static bool read_members(reader *r, object_member member, void *context);
static bool read_value(reader *r, object_value *value);
static bool read_strings(reader *r, object_value *value);
static bool read_string(reader *r, object_string *string);
static bool read_escape(reader *r);
static bool read_unicode(reader *r);
static bool read_hex(reader *r, uint32_t *unit);
static bool read_number(reader *r, uint64_t *number);
static void put_utf8(reader *r, uint32_t code);
static bool next_is(reader *r, char wanted);
static void skip_space(reader *r);
static bool refuse(reader *r, const char *complaint);

bool object_read(const char *text, size_t len, object_member member, void *context,
    const char **complaint, size_t *at)
{
    reader r = { .text = text, .at = text, .end = text + len };
    bool done;

    if (len > OBJECT_TEXT_MOST) {
        *complaint = "it is too long";
        *at = OBJECT_TEXT_MOST;
        return false;
    }

    r.block = r.free = malloc(len + 1);
    if (r.block == NULL) {
        *complaint = "no memory";
        *at = 0;
        return false;
    }

    done = read_members(&r, member, context);
    if (done) {
        skip_space(&r);
        if (r.at != r.end) {
            done = refuse(&r, "nothing may follow the object");
        }
    }

    *complaint = r.complaint;
    *at = (size_t) (r.at - r.text);
    free(r.block);
    return done;
}

static bool read_members(reader *r, object_member member, void *context)
{
    object_string name;
    object_value value;

    if (!next_is(r, '{')) {
        return refuse(r, "an object in braces is expected");
    }
    if (next_is(r, '}')) {
        return true;
    }

    do {
        skip_space(r);
        if (!read_string(r, &name)) {
            return false;
        }
        if (!next_is(r, ':')) {
            return refuse(r, "a colon is expected");
        }
        if (!read_value(r, &value) || !member(context, name, &value)) {
            return false;
        }
    } while (next_is(r, ','));

    return next_is(r, '}') || refuse(r, "a comma or the end of the object is expected");
}

static bool read_value(reader *r, object_value *value)
{
    value->number = 0;
    value->count = 0;
    skip_space(r);

    if (r->at == r->end) {
        return refuse(r, "a value is expected");
    }
    if (*r->at == '"') {
        value->kind = OBJECT_STRING;
        value->count = 1;
        return read_string(r, &value->strings[0]);
    }
    if (*r->at == '[') {
        value->kind = OBJECT_STRINGS;
        return read_strings(r, value);
    }
    if (*r->at >= '0' && *r->at <= '9') {
        value->kind = OBJECT_NUMBER;
        return read_number(r, &value->number);
    }
    return refuse(r, "a string, a whole number or an array of strings is expected");
}

static bool read_strings(reader *r, object_value *value)
{
    r->at++;
    if (next_is(r, ']')) {
        return true;
    }

    do {
        if (value->count == OBJECT_STRINGS_MOST) {
            return refuse(r, "the array is too long");
        }
        skip_space(r);
        if (!read_string(r, &value->strings[value->count])) {
            return false;
        }
        value->count++;
    } while (next_is(r, ','));

    return next_is(r, ']') || refuse(r, "a comma or the end of the array is expected");
}

static bool read_string(reader *r, object_string *string)
{
    if (r->at == r->end || *r->at != '"') {
        return refuse(r, "a string is expected");
    }
    r->at++;
    string->data = r->free;

    while (r->at < r->end && *r->at != '"') {
        if ((unsigned char) *r->at < 0x20) {
            return refuse(r, "a control character stands in a string");
        }
        if (*r->at == '\\') {
            if (!read_escape(r)) {
                return false;
            }
        } else {
            *r->free++ = *r->at++;
        }
    }

    if (r->at == r->end) {
        return refuse(r, "the string has no end");
    }
    r->at++;

    string->len = (size_t) (r->free - string->data);
    *r->free++ = '\0';
    return true;
}

static bool read_escape(reader *r)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name;

    if (r->end - r->at < 2) {
        return refuse(r, "the string has no end");
    }
    if (r->at[1] == 'u') {
        r->at += 2;
        return read_unicode(r);
    }

    name = memchr(names, r->at[1], sizeof names - 1);
    if (name == NULL) {
        return refuse(r, "there is no such escape");
    }
    *r->free++ = values[name - names];
    r->at += 2;
    return true;
}

/* Two units for what does not fit into one: no unit of a pair may stand alone. */
static bool read_unicode(reader *r)
{
    uint32_t code, low;

    if (!read_hex(r, &code)) {
        return false;
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u') {
            return refuse(r, "half of a surrogate pair is missing");
        }
        r->at += 2;
        if (!read_hex(r, &low)) {
            return false;
        }
        if (low < 0xdc00 || low > 0xdfff) {
            return refuse(r, "half of a surrogate pair is missing");
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code <= 0xdfff) {
        return refuse(r, "half of a surrogate pair is missing");
    }
    if (code == 0) {
        return refuse(r, "a NUL stands in a string");
    }

    put_utf8(r, code);
    return true;
}

static bool read_hex(reader *r, uint32_t *unit)
{
    int i;

    *unit = 0;
    for (i = 0; i < 4; i++, r->at++) {
        char digit = r->at < r->end ? *r->at : '\0';

        if (digit >= '0' && digit <= '9') {
            *unit = *unit << 4 | (uint32_t) (digit - '0');
        } else if (digit >= 'a' && digit <= 'f') {
            *unit = *unit << 4 | (uint32_t) (digit - 'a' + 10);
        } else if (digit >= 'A' && digit <= 'F') {
            *unit = *unit << 4 | (uint32_t) (digit - 'A' + 10);
        } else {
            return refuse(r, "four hexadecimal digits are expected");
        }
    }
    return true;
}

static bool read_number(reader *r, uint64_t *number)
{
    const char *first = r->at;

    *number = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        uint64_t digit = (uint64_t) (*r->at - '0');

        if (*number > (UINT64_MAX - digit) / 10) {
            return refuse(r, "the number is too large");
        }
        *number = *number * 10 + digit;
    }

    if (*first == '0' && r->at - first > 1) {
        return refuse(r, "a number does not begin with 0");
    }
    if (r->at < r->end && (*r->at == '.' || *r->at == 'e' || *r->at == 'E')) {
        return refuse(r, "a whole number is expected");
    }
    return true;
}

/* An escape is six bytes or more: there is room for the four that it may come to. */
static void put_utf8(reader *r, uint32_t code)
{
    if (code < 0x80) {
        *r->free++ = (char) code;
    } else if (code < 0x800) {
        *r->free++ = (char) (0xc0 | code >> 6);
        *r->free++ = (char) (0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *r->free++ = (char) (0xe0 | code >> 12);
        *r->free++ = (char) (0x80 | (code >> 6 & 0x3f));
        *r->free++ = (char) (0x80 | (code & 0x3f));
    } else {
        *r->free++ = (char) (0xf0 | code >> 18);
        *r->free++ = (char) (0x80 | (code >> 12 & 0x3f));
        *r->free++ = (char) (0x80 | (code >> 6 & 0x3f));
        *r->free++ = (char) (0x80 | (code & 0x3f));
    }
}

/* Takes the next character behind white space, if it is this one. */
static bool next_is(reader *r, char wanted)
{
    skip_space(r);
    if (r->at == r->end || *r->at != wanted) {
        return false;
    }
    r->at++;
    return true;
}

static void skip_space(reader *r)
{
    while (r->at < r->end
           && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
    {
        r->at++;
    }
}

static bool refuse(reader *r, const char *complaint)
{
    r->complaint = complaint;
    return false;
}
