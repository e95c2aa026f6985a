/*
 * A strict reader of one flat JSON object (RFC 8259): its members are strings, whole numbers and arrays
 * of strings, which is all that the module's configuration consists of. Objects inside the object, true,
 * false, null, fractions and negative numbers are refused, and so is whatever follows the object.
 */

#ifndef OBJECT_H
#define OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a value may be: numbers for a mask. */
enum { OBJECT_STRING = 1, OBJECT_NUMBER = 2, OBJECT_STRINGS = 4 };

/* How many strings an array may hold. */
#define OBJECT_STRINGS_MOST 16

/* How long the text may be. */
#define OBJECT_TEXT_MOST 65536

/* A string without its escapes. A NUL follows it, and there is none in it. */
typedef struct {
    const char *data;
    size_t len;
} object_string;

typedef struct {
    int kind;
    uint64_t number;
    object_string strings[OBJECT_STRINGS_MOST];
    size_t count;               /* of strings: 1 for OBJECT_STRING */
} object_value;

/* Gets each member in its order. The name and the value are valid until it returns; false ends the
 * reading, which then fails: why is for the caller to remember. */
typedef bool (*object_member)(void *context, object_string name, const object_value *value);

/* Reads the object in `text`. On failure `*complaint` is a static text that says what is wrong at the
 * byte `*at`, or NULL if the callback ended it. */
bool object_read(const char *text, size_t len, object_member member, void *context,
    const char **complaint, size_t *at);

#endif
