/*
 * The configuration of the filter, and of routes: a flat JSON object each. A route's takes the place of
 * the filter's as a whole. Envoy rejects a configuration, and keeps the one it has, if the hook for it
 * returns NULL; why is then in Envoy's log.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "stanch_envoy.h"

/* deflate cannot do more (RFC 1951) */
#define INFLATE_RATIO_MOST 1032

/* What the settings say, while they are read. */
typedef struct {
    settings *settings;
    char *patches, *key;
    stanch_public_key keys[OBJECT_STRINGS_MOST];
    size_t key_count;
    uint64_t serial;
    uint32_t seen;              /* a bit for each member of the table */
    char why[STANCH_ERROR_TEXT + 128];
} reading;

typedef struct {
    const char *name;
    int kinds;                  /* what the value may be */
    bool (*take)(reading *r, const object_value *value);
} member;

static settings *settings_read(envoy_buffer text, char *why, size_t size);
static void settings_free(settings *settings);
static bool take_member(void *context, object_string name, const object_value *value);
static bool take_mode(reading *r, const object_value *value);
static bool take_patches(reading *r, const object_value *value);
static bool take_key(reading *r, const object_value *value);
static bool take_public_keys(reading *r, const object_value *value);
static bool take_min_serial(reading *r, const object_value *value);
static bool take_status(reading *r, const object_value *value);
static bool take_body(reading *r, const object_value *value);
static bool take_body_limit(reading *r, const object_value *value);
static bool take_body_unreadable(reading *r, const object_value *value);
static bool take_inflate_limit(reading *r, const object_value *value);
static bool take_inflate_ratio(reading *r, const object_value *value);
static bool take_fail(reading *r, const object_value *value);
static bool take_word(reading *r, const char *name, const object_value *value,
    const char *const *words, int *chosen);
static bool take_size(reading *r, const char *name, const object_value *value, uint64_t *size);
static bool take_file(reading *r, const char *name, const object_value *value, char **file);
static bool refuse(reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static const member members[] = {
    { "mode", OBJECT_STRING, take_mode },
    { "patches", OBJECT_STRING, take_patches },
    { "key", OBJECT_STRING, take_key },
    { "public_keys", OBJECT_STRING | OBJECT_STRINGS, take_public_keys },
    { "min_serial", OBJECT_NUMBER, take_min_serial },
    { "status", OBJECT_NUMBER, take_status },
    { "body", OBJECT_STRING, take_body },
    { "body_limit", OBJECT_NUMBER | OBJECT_STRING, take_body_limit },
    { "body_unreadable", OBJECT_STRING, take_body_unreadable },
    { "inflate_limit", OBJECT_NUMBER | OBJECT_STRING, take_inflate_limit },
    { "inflate_ratio", OBJECT_NUMBER, take_inflate_ratio },
    { "fail", OBJECT_STRING, take_fail },
};

enum { MEMBERS = sizeof members / sizeof members[0], MEMBER_MODE = 0 };

const char *envoy_dynamic_module_on_program_init(void)
{
    if (stanch_abi_version() < STANCH_ABI_VERSION
        || stanch_abi_version_minimum() > STANCH_ABI_VERSION)
    {
        report(ENVOY_LOG_ERROR, "stanch: the module was built for another version of the library");
        return NULL;
    }
    attempt_begin();
    return ENVOY_ABI_VERSION;
}

module_config envoy_dynamic_module_on_http_filter_config_new(envoy_config envoy, envoy_buffer name,
    envoy_buffer text)
{
    char why[STANCH_ERROR_TEXT + 256];
    configuration *configuration = calloc(1, sizeof *configuration);

    (void) name;
    if (configuration == NULL) {
        report(ENVOY_LOG_ERROR, "stanch: no memory for the configuration");
        return NULL;
    }

    configuration->envoy = envoy;
    if (!outcome_define(configuration)) {
        report(ENVOY_LOG_ERROR, "stanch: Envoy takes no counters");
        free(configuration);
        return NULL;
    }

    configuration->settings = settings_read(text, why, sizeof why);
    (void) envoy_dynamic_module_callback_http_filter_config_increment_counter(envoy,
        configuration->counters[configuration->settings ? COUNT_RELOADS : COUNT_REFUSALS], NULL, 0, 1);

    if (configuration->settings == NULL) {
        report(ENVOY_LOG_ERROR, "stanch: configuration refused: %s", why);
        free(configuration);
        return NULL;
    }
    return configuration;
}

void envoy_dynamic_module_on_http_filter_config_destroy(module_config config)
{
    configuration *configuration = (void *) config;

    if (configuration != NULL) {
        settings_free(configuration->settings);
        free(configuration);
    }
}

module_route envoy_dynamic_module_on_http_filter_per_route_config_new(envoy_buffer name,
    envoy_buffer text)
{
    char why[STANCH_ERROR_TEXT + 256];
    settings *settings = settings_read(text, why, sizeof why);

    (void) name;
    if (settings == NULL) {
        report(ENVOY_LOG_ERROR, "stanch: configuration of a route refused: %s", why);
    }
    return settings;
}

void envoy_dynamic_module_on_http_filter_per_route_config_destroy(module_route route)
{
    settings_free((settings *) route);
}

/* NULL: `why` says so. */
static settings *settings_read(envoy_buffer text, char *why, size_t size)
{
    reading r = { .settings = calloc(1, sizeof *r.settings) };
    const char *wrong = NULL;
    complaint not_opened;
    size_t at = 0;
    bool done = false;

    why[0] = '\0';
    if (r.settings == NULL) {
        snprintf(why, size, "no memory");
        return NULL;
    }
    r.settings->policy.status = 403;

    if (!object_read(text.ptr, text.length, take_member, &r, &wrong, &at)) {
        if (wrong != NULL) {
            snprintf(why, size, "not the JSON object that is expected: %s, at byte %zu", wrong, at);
        } else {
            snprintf(why, size, "%s", r.why);
        }
    } else if (!(r.seen & 1u << MEMBER_MODE)) {
        snprintf(why, size, "`mode` is missing");
    } else if (r.settings->policy.mode == MODE_OFF) {
        done = true;
    } else if (r.patches == NULL || r.key == NULL) {
        snprintf(why, size, "`%s` is missing", r.patches == NULL ? "patches" : "key");
    } else {
        sets_request wanted = {
            .patches = slice(r.patches, strlen(r.patches)),
            .key = slice(r.key, strlen(r.key)),
            .keys = r.keys,
            .key_count = r.key_count,
            .serial = r.serial,
        };

        r.settings->sets = sets_open(&wanted, &not_opened);
        done = r.settings->sets != NULL;
        if (!done) {
            snprintf(why, size, "%s", not_opened.text);
        }
    }

    free(r.patches);
    free(r.key);
    if (!done) {
        settings_free(r.settings);
        return NULL;
    }
    return r.settings;
}

static void settings_free(settings *settings)
{
    if (settings != NULL) {
        sets_free(settings->sets);
        free(settings);
    }
}

static bool take_member(void *context, object_string name, const object_value *value)
{
    reading *r = context;
    size_t i;

    for (i = 0; i < MEMBERS; i++) {
        if (strlen(members[i].name) == name.len && memcmp(members[i].name, name.data, name.len) == 0) {
            break;
        }
    }

    if (i == MEMBERS) {
        return refuse(r, "there is no setting `%.64s`", name.data);
    }
    if (r->seen & 1u << i) {
        return refuse(r, "`%s` is given twice", members[i].name);
    }
    r->seen |= 1u << i;

    if (!(members[i].kinds & value->kind)) {
        return refuse(r, "`%s` is not %s", members[i].name,
            members[i].kinds & OBJECT_NUMBER ? "a number"
            : members[i].kinds & OBJECT_STRINGS ? "an array of strings" : "a string");
    }
    return members[i].take(r, value);
}

static bool take_mode(reading *r, const object_value *value)
{
    static const char *const words[] = { "off", "monitor", "on", NULL };

    return take_word(r, "mode", value, words, &r->settings->policy.mode);
}

static bool take_patches(reading *r, const object_value *value)
{
    return take_file(r, "patches", value, &r->patches);
}

static bool take_key(reading *r, const object_value *value)
{
    return take_file(r, "key", value, &r->key);
}

/* Files, or the lines that such files hold. Read here, so that a bad one is named as what it is. */
static bool take_public_keys(reading *r, const object_value *value)
{
    static const char word[] = "stanch-public-key-v1 ";
    size_t i;

    for (i = 0; i < value->count; i++) {
        stanch_slice text = slice(value->strings[i].data, value->strings[i].len);
        stanch_error error = { .size = sizeof error };
        int32_t code;

        if (strncmp(value->strings[i].data, word, sizeof word - 1) == 0) {
            code = stanch_public_key_parse(text, &error, &r->keys[i]);
        } else if (text.len != 0) {
            code = stanch_public_key_open(text, &error, &r->keys[i]);
        } else {
            return refuse(r, "`public_keys` holds an empty text");
        }
        if (code != STANCH_OK) {
            return refuse(r, "`public_keys`: %s",
                error.message[0] ? error.message : stanch_status_text(code));
        }
    }

    r->key_count = value->count;
    return value->count != 0 || refuse(r, "`public_keys` is empty");
}

static bool take_min_serial(reading *r, const object_value *value)
{
    r->serial = value->number;
    return true;
}

static bool take_status(reading *r, const object_value *value)
{
    r->settings->policy.status = (uint32_t) value->number;
    return (value->number >= 400 && value->number <= 599)
           || refuse(r, "`status` is not between 400 and 599");
}

static bool take_body(reading *r, const object_value *value)
{
    static const char *const words[] = { "buffer", "stream", NULL };
    int chosen = 0;
    bool known = take_word(r, "body", value, words, &chosen);

    r->settings->policy.streams = chosen == 1;
    return known;
}

static bool take_body_limit(reading *r, const object_value *value)
{
    return take_size(r, "body_limit", value, &r->settings->policy.body_limit);
}

static bool take_body_unreadable(reading *r, const object_value *value)
{
    static const char *const words[] = { "pass", "block", NULL };
    int chosen = 0;
    bool known = take_word(r, "body_unreadable", value, words, &chosen);

    r->settings->policy.blocks_unreadable = chosen == 1;
    return known;
}

static bool take_inflate_limit(reading *r, const object_value *value)
{
    return take_size(r, "inflate_limit", value, &r->settings->policy.inflate_limit);
}

static bool take_inflate_ratio(reading *r, const object_value *value)
{
    r->settings->policy.inflate_ratio = value->number;
    return (value->number >= 1 && value->number <= INFLATE_RATIO_MOST)
           || refuse(r, "`inflate_ratio` is not between 1 and %d", INFLATE_RATIO_MOST);
}

static bool take_fail(reading *r, const object_value *value)
{
    static const char *const words[] = { "closed", "open", NULL };
    int chosen = 0;
    bool known = take_word(r, "fail", value, words, &chosen);

    r->settings->policy.fails_open = chosen == 1;
    return known;
}

/* One of these words. */
static bool take_word(reading *r, const char *name, const object_value *value,
    const char *const *words, int *chosen)
{
    int i;

    for (i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], value->strings[0].data) == 0) {
            *chosen = i;
            return true;
        }
    }
    return refuse(r, "`%s` cannot be `%.64s`", name, value->strings[0].data);
}

/* A number of bytes, or one with k, m or g behind it, which stand for 1024 and its powers. */
static bool take_size(reading *r, const char *name, const object_value *value, uint64_t *size)
{
    static const char letters[] = "kmg";
    const char *at = value->strings[0].data, *letter;
    uint64_t number = 0;
    int shift;

    if (value->kind == OBJECT_NUMBER) {
        *size = value->number;
        return true;
    }

    /* more digits than nine would not be written so */
    for (; *at >= '0' && *at <= '9' && at - value->strings[0].data < 9; at++) {
        number = number * 10 + (uint64_t) (*at - '0');
    }
    letter = *at != '\0' ? strchr(letters, *at | 0x20) : NULL;
    if (at == value->strings[0].data || letter == NULL || at[1] != '\0') {
        return refuse(r, "`%s` is no size: `%.64s`", name, value->strings[0].data);
    }

    shift = 10 * (int) (letter - letters + 1);
    *size = number << shift;
    return true;
}

static bool take_file(reading *r, const char *name, const object_value *value, char **file)
{
    if (value->strings[0].len == 0) {
        return refuse(r, "`%s` is empty", name);
    }
    *file = strdup(value->strings[0].data);
    return *file != NULL || refuse(r, "no memory");
}

static bool refuse(reading *r, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(r->why, sizeof r->why, format, arguments);
    va_end(arguments);
    return false;
}
