/*
 * Stands in Envoy's place, to be run under valgrind: everything that it hands to the module is in a block
 * of its very size that is freed when the hook returns, and it destroys a filter as soon as that has
 * answered, in the midst of the hook. So whatever the module keeps or touches too long shows.
 *
 *   host SET KEY TOKEN    TOKEN is blocked by the set, for leak 1101
 *
 * Prints how many checks there were; exit status 1 if one failed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envoy_abi.h"

typedef struct {
    const char *key, *value;
} line;

/* One request: what the hook at hand may ask for, and what the module did. */
typedef struct {
    module_config config;
    module_route route;
    module_filter filter;
    const line *headers, *trailers;
    size_t header_count, trailer_count;
    const char *const *chunks;
    size_t chunk_count;
    char *lent[256];            /* freed when the hook returns */
    size_t lent_count;
    uint32_t status;            /* of the answer; 0: none */
    char action[16], attempt[4096];
} stream;

static unsigned checks, failed;
static char refusal[1024];      /* the last line of the log */

#define CHECK(what) \
    do { \
        checks++; \
        if (!(what)) { \
            failed++; \
            fprintf(stderr, "host: line %d: %s (%s)\n", __LINE__, #what, refusal); \
        } \
    } while (0)

/* A copy that goes when the hook returns. */
static const char *lend(stream *s, const char *text, size_t len)
{
    char *copy = malloc(len + (len == 0));

    if (copy == NULL || s->lent_count == sizeof s->lent / sizeof *s->lent) {
        abort();
    }
    memcpy(copy, text, len);
    s->lent[s->lent_count++] = copy;
    return copy;
}

static int returned(stream *s, int status)
{
    while (s->lent_count != 0) {
        free(s->lent[--s->lent_count]);
    }
    return status;
}

/* Envoy's callbacks */

void envoy_dynamic_module_callback_log(int level, envoy_buffer message)
{
    (void) level;
    snprintf(refusal, sizeof refusal, "%.*s", (int) message.length, message.ptr);
}

bool envoy_dynamic_module_callback_log_enabled(int level)
{
    (void) level;
    return true;
}

int envoy_dynamic_module_callback_http_filter_config_define_counter(envoy_config config,
    envoy_buffer name, envoy_buffer *labels, size_t label_count, size_t *id)
{
    (void) config, (void) name, (void) labels, (void) label_count;
    *id = 1;
    return ENVOY_METRICS_SUCCESS;
}

int envoy_dynamic_module_callback_http_filter_config_increment_counter(envoy_config config, size_t id,
    envoy_buffer *values, size_t value_count, uint64_t by)
{
    (void) config, (void) id, (void) values, (void) value_count, (void) by;
    return ENVOY_METRICS_SUCCESS;
}

int envoy_dynamic_module_callback_http_filter_increment_counter(envoy_filter filter, size_t id,
    envoy_buffer *values, size_t value_count, uint64_t by)
{
    (void) filter, (void) id, (void) values, (void) value_count, (void) by;
    return ENVOY_METRICS_SUCCESS;
}

size_t envoy_dynamic_module_callback_http_get_headers_size(envoy_filter filter, int type)
{
    stream *s = filter;

    return type == ENVOY_REQUEST_HEADERS ? s->header_count : s->trailer_count;
}

bool envoy_dynamic_module_callback_http_get_headers(envoy_filter filter, int type,
    envoy_header *headers)
{
    stream *s = filter;
    const line *lines = type == ENVOY_REQUEST_HEADERS ? s->headers : s->trailers;
    size_t i, count = envoy_dynamic_module_callback_http_get_headers_size(filter, type);

    for (i = 0; i < count; i++) {
        headers[i].key_length = strlen(lines[i].key);
        headers[i].key = lend(s, lines[i].key, headers[i].key_length);
        headers[i].value_length = strlen(lines[i].value);
        headers[i].value = lend(s, lines[i].value, headers[i].value_length);
    }
    return true;
}

bool envoy_dynamic_module_callback_http_get_header(envoy_filter filter, int type, envoy_buffer name,
    envoy_buffer *value, size_t index, size_t *count)
{
    stream *s = filter;
    size_t i;

    (void) type, (void) count;
    for (i = 0; i < s->header_count; i++) {
        if (index == 0 && strlen(s->headers[i].key) == name.length
            && memcmp(s->headers[i].key, name.ptr, name.length) == 0)
        {
            value->length = strlen(s->headers[i].value);
            value->ptr = lend(s, s->headers[i].value, value->length);
            return true;
        }
    }
    return false;
}

size_t envoy_dynamic_module_callback_http_get_body_chunks_size(envoy_filter filter, int type)
{
    (void) type;
    return ((stream *) filter)->chunk_count;
}

bool envoy_dynamic_module_callback_http_get_body_chunks(envoy_filter filter, int type,
    envoy_buffer *chunks)
{
    stream *s = filter;
    size_t i;

    (void) type;
    for (i = 0; i < s->chunk_count; i++) {
        chunks[i].length = strlen(s->chunks[i]);
        chunks[i].ptr = lend(s, s->chunks[i], chunks[i].length);
    }
    return s->chunk_count != 0;
}

bool envoy_dynamic_module_callback_http_filter_get_attribute_string(envoy_filter filter,
    int attribute, envoy_buffer *value)
{
    static const char address[] = "[2001:db8::7]:443";

    value->length = sizeof address - 1;
    value->ptr = lend(filter, address, value->length);
    return attribute == ENVOY_SOURCE_ADDRESS;
}

module_route envoy_dynamic_module_callback_get_most_specific_route_config(envoy_filter filter)
{
    return ((stream *) filter)->route;
}

void envoy_dynamic_module_callback_http_set_dynamic_metadata_string(envoy_filter filter,
    envoy_buffer name_space, envoy_buffer key, envoy_buffer value)
{
    stream *s = filter;

    CHECK(name_space.length == 6 && memcmp(name_space.ptr, "stanch", 6) == 0);
    if (key.length == 6 && memcmp(key.ptr, "action", 6) == 0) {
        snprintf(s->action, sizeof s->action, "%.*s", (int) value.length, value.ptr);
    }
    if (key.length == 7 && memcmp(key.ptr, "attempt", 7) == 0) {
        snprintf(s->attempt, sizeof s->attempt, "%.*s", (int) value.length, value.ptr);
    }
}

/* The filter is gone before its hook has returned. */
void envoy_dynamic_module_callback_http_send_response(envoy_filter filter, uint32_t status,
    envoy_header *headers, size_t header_count, envoy_buffer body, envoy_buffer details)
{
    stream *s = filter;

    CHECK(headers == NULL && header_count == 0 && body.length == 0 && details.length != 0);
    CHECK(s->status == 0);
    s->status = status;
    envoy_dynamic_module_on_http_filter_destroy(s->filter);
    s->filter = NULL;
}

/* Requests */

static module_config configure(const char *json)
{
    size_t len = strlen(json);
    char *copy = malloc(len + 1);
    module_config config;

    memcpy(copy, json, len);
    config = envoy_dynamic_module_on_http_filter_config_new(copy,
        (envoy_buffer) { NULL, 0 }, (envoy_buffer) { copy, len });
    free(copy);
    return config;
}

static stream begin(module_config config, module_route route, const line *headers, size_t count)
{
    stream s = { .config = config, .route = route, .headers = headers, .header_count = count };

    s.filter = envoy_dynamic_module_on_http_filter_new(config, &s);
    return s;
}

static int head(stream *s, bool end)
{
    return returned(s, envoy_dynamic_module_on_http_filter_request_headers(s, s->filter, end));
}

static int body(stream *s, const char *const *chunks, size_t count, bool end)
{
    s->chunks = chunks;
    s->chunk_count = count;
    return returned(s, envoy_dynamic_module_on_http_filter_request_body(s, s->filter, end));
}

static int trailers(stream *s, const line *lines, size_t count)
{
    s->trailers = lines;
    s->trailer_count = count;
    return returned(s, envoy_dynamic_module_on_http_filter_request_trailers(s, s->filter));
}

static void end(stream *s)
{
    if (s->filter != NULL) {
        envoy_dynamic_module_on_http_filter_destroy(s->filter);
    }
}

/* The body of a request with 100 headers, each letter a chunk; broken off behind so many hooks. */
static void letters(module_config config, const char *token, bool streams, size_t hooks)
{
    line lines[104] = {
        { ":method", "POST" }, { ":path", "/v1/orders?page=2" }, { ":authority", "t" },
        { ":scheme", "http" },
    };
    char letters[128][2];
    const char *chunks[128];
    size_t i, count = strlen(token);
    stream s;
    int status;

    for (i = 4; i < 104; i++) {
        lines[i] = (line) { "x-key", "value" };
    }
    for (i = 0; i < count; i++) {
        letters[i][0] = token[i];
        letters[i][1] = '\0';
        chunks[i] = letters[i];
    }

    s = begin(config, NULL, lines, 104);
    if (hooks > 0) {
        status = head(&s, false);
        CHECK(status == (streams ? ENVOY_HEADERS_CONTINUE : ENVOY_HEADERS_STOP));
    }
    for (i = 0; i + 1 < hooks && i < count && s.filter != NULL; i++) {
        status = body(&s, &chunks[i], 1, i + 1 == count);
        CHECK(i + 1 == count
              || status == (streams ? ENVOY_BODY_CONTINUE : ENVOY_BODY_BUFFER));
    }
    if (hooks > count) {
        CHECK(s.status == 403 && strcmp(s.action, "block") == 0);
        CHECK(strstr(s.attempt, "\"path\":\"/v1/orders\",\"part\":\"body\"") != NULL);
        CHECK(strstr(s.attempt, "\"client\":\"2001:db8::7\"") != NULL);
    } else {
        CHECK(s.status == 0);
    }
    if (s.filter != NULL) {
        envoy_dynamic_module_on_http_filter_stream_complete(&s, s.filter);
        returned(&s, 0);
    }
    end(&s);

    /* all at once */
    s = begin(config, NULL, lines, 104);
    (void) head(&s, false);
    CHECK(body(&s, chunks, count, true) == ENVOY_BODY_DROP && s.status == 403);
    end(&s);
}

static void ways(module_config config, module_route route, const char *token, uint32_t status)
{
    char path[256];
    line lines[] = {
        { ":method", "GET" }, { ":path", "/" }, { ":authority", "t" }, { "x-key", token },
    };
    line last = { "x-key", token };
    const char *text = "text", *none = "";
    stream s = begin(config, route, lines, 4);

    CHECK(head(&s, true) == (status ? ENVOY_HEADERS_STOP : ENVOY_HEADERS_CONTINUE));
    CHECK(s.status == status);
    end(&s);

    snprintf(path, sizeof path, "/x/%s/y?page=2", token);
    lines[1].value = path;
    s = begin(config, route, lines, 3);
    CHECK(head(&s, true) == (status ? ENVOY_HEADERS_STOP : ENVOY_HEADERS_CONTINUE));
    CHECK(s.status == status && strstr(s.attempt, token) == NULL);
    end(&s);

    lines[0].value = "POST";
    lines[1].value = "/";
    s = begin(config, route, lines, 3);
    (void) head(&s, false);
    (void) body(&s, &text, 1, false);
    (void) body(&s, &none, 1, false);
    CHECK(trailers(&s, &last, 1) == (status ? ENVOY_TRAILERS_STOP : ENVOY_TRAILERS_CONTINUE));
    CHECK(s.status == status);
    end(&s);

    /* nothing but what must be there, and not even that */
    s = begin(config, route, lines, 0);
    CHECK(head(&s, true) == ENVOY_HEADERS_CONTINUE && s.status == 0);
    end(&s);
}

/* Every text that begins as a good one and ends early, and every one with a byte that is another. */
static void spoilt(const char *good)
{
    size_t len = strlen(good), i, k;
    char *text = malloc(len);
    static const char others[] = "\"\\{}[],:u0\n\x80";

    for (i = 0; i < len; i++) {
        memcpy(text, good, len);
        CHECK(envoy_dynamic_module_on_http_filter_per_route_config_new((envoy_buffer) { NULL, 0 },
                  (envoy_buffer) { text, i }) == NULL);
        for (k = 0; k < sizeof others - 1; k++) {
            module_route route;

            text[i] = others[k];
            route = envoy_dynamic_module_on_http_filter_per_route_config_new(
                (envoy_buffer) { NULL, 0 }, (envoy_buffer) { text, len });
            checks++;
            envoy_dynamic_module_on_http_filter_per_route_config_destroy(route);
        }
    }
    free(text);
}

int main(int argc, char **argv)
{
    char json[4096];
    module_config on, stream_config, monitor;
    module_route off;
    size_t hooks;

    if (argc != 4 || envoy_dynamic_module_on_program_init() == NULL) {
        return 2;
    }
    snprintf(json, sizeof json, "{\"mode\":\"on\",\"patches\":\"%s\",\"key\":\"%s\",\"body_limit\":\"1k\"}",
        argv[1], argv[2]);
    CHECK((on = configure(json)) != NULL);
    snprintf(json, sizeof json, "{\"mode\":\"on\",\"body\":\"stream\",\"patches\":\"%s\",\"key\":\"%s\"}",
        argv[1], argv[2]);
    CHECK((stream_config = configure(json)) != NULL);
    snprintf(json, sizeof json, "{\"mode\":\"monitor\",\"patches\":\"%s\",\"key\":\"%s\"}", argv[1],
        argv[2]);
    CHECK((monitor = configure(json)) != NULL);
    off = envoy_dynamic_module_on_http_filter_per_route_config_new((envoy_buffer) { NULL, 0 },
        (envoy_buffer) { "{\"mode\":\"off\"}", 14 });
    CHECK(off != NULL);
    if (failed != 0) {
        return 1;
    }

    for (hooks = 0; hooks <= strlen(argv[3]) + 1; hooks++) {
        letters(on, argv[3], false, hooks);
        letters(stream_config, argv[3], true, hooks);
    }
    ways(on, NULL, argv[3], 403);
    ways(stream_config, NULL, argv[3], 403);
    ways(monitor, NULL, argv[3], 0);
    ways(on, off, argv[3], 0);
    spoilt("{\"mode\":\"off\",\"status\":403,\"patches\":\"\\u00e9\\ud83d\\ude00\\n\","
           "\"inflate_limit\":\"64m\",\"public_keys\":[\"none\",\"\"]}");

    envoy_dynamic_module_on_http_filter_per_route_config_destroy(off);
    envoy_dynamic_module_on_http_filter_config_destroy(monitor);
    envoy_dynamic_module_on_http_filter_config_destroy(stream_config);
    envoy_dynamic_module_on_http_filter_config_destroy(on);
    printf("%u checks, %u failed\n", checks, failed);
    return failed != 0;
}
