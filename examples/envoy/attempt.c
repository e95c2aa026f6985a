/*
 * Attempts: a request that carried a leaked token, as a line of JSON, which Envoy's access log writes and
 * `stanch attempts import` reads. Neither the token nor the query is in it; the path is left out where
 * it holds a token, too.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stanch_envoy.h"

/* How many lines there are under attack: so many at once, and so many a second in the long run. */
enum { LINES_AT_ONCE = 1000, LINES_PER_SECOND = 100 };

/* One for the process, whatever configurations come and go. */
static stanch_attempt_cap cap;

/* What this machine calls itself. */
static char node[256];

static envoy_buffer header_value(envoy_filter envoy, const char *name);
static stanch_slice put(char **at, envoy_buffer text);
static uint64_t milliseconds(void);

void attempt_begin(void)
{
    if (gethostname(node, sizeof node - 1) != 0) {
        node[0] = '\0';
    }
}

void attempt_keep(request *r, envoy_filter envoy)
{
    envoy_buffer method, path, host;
    const char *query;
    char *at;

    if (r->head.block != NULL) {
        return;
    }

    method = header_value(envoy, ":method");
    host = header_value(envoy, ":authority");
    path = header_value(envoy, ":path");
    query = path.length != 0 ? memchr(path.ptr, '?', path.length) : NULL;
    if (query != NULL) {
        path.length = (size_t) (query - path.ptr);
    }

    r->head.size = method.length + host.length + path.length;
    r->head.block = at = malloc(r->head.size + 1);
    if (at == NULL) {
        return;
    }
    r->head.method = put(&at, method);
    r->head.host = put(&at, host);
    r->head.path = put(&at, path);
}

void attempt_forget(request *r)
{
    if (r->head.block != NULL) {
        /* there may be a token in the path */
        explicit_bzero(r->head.block, r->head.size);
        free(r->head.block);
        memset(&r->head, 0, sizeof r->head);
    }
}

bool attempt_write(request *r, envoy_filter envoy, uint32_t action, attempt_line *line)
{
    char client[INET6_ADDRSTRLEN];
    stanch_attempt attempt = {
        .size = sizeof attempt,
        .node = slice(node, strlen(node)),
        .verdict = &r->verdict,
        .action = action,
    };

    if (!lines_allowed(&cap, &attempt.left_out)) {
        return false;
    }

    client_text(envoy, client);
    attempt.client = slice(client, strlen(client));
    attempt_keep(r, envoy);
    attempt.method = r->head.method;
    attempt.host = r->head.host;
    if (r->verdict.part != STANCH_PART_PATH && scan_is_clean(r, envoy)) {
        attempt.path = r->head.path;
    }

    return stanch_attempt_line(&attempt, line->text, sizeof line->text, &line->len) == STANCH_OK;
}

bool lines_allowed(stanch_attempt_cap *cap, uint64_t *left_out)
{
    return stanch_attempt_cap_take(cap, milliseconds(), LINES_PER_SECOND, LINES_AT_ONCE, left_out) == 1;
}

static envoy_buffer header_value(envoy_filter envoy, const char *name)
{
    envoy_buffer value = { NULL, 0 };

    if (!envoy_dynamic_module_callback_http_get_header(envoy, ENVOY_REQUEST_HEADERS,
            buffer(name, strlen(name)), &value, 0, NULL))
    {
        value = buffer(NULL, 0);
    }
    return value;
}

static stanch_slice put(char **at, envoy_buffer text)
{
    stanch_slice copy = slice(*at, text.length);

    if (text.length != 0) {
        memcpy(*at, text.ptr, text.length);
        *at += text.length;
    }
    return copy;
}

static uint64_t milliseconds(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}
