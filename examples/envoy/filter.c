/*
 * One request, as it comes in. Envoy calls the hooks of a request on one thread, one after the other;
 * what a hook returns says whether what it was about goes on to the next filter, waits, or is dropped.
 *
 * Where the body is buffered, the head waits until all of it was scanned: the server behind sees nothing
 * of a request that is refused. Where it streams, each piece goes on once it was scanned, and the last
 * one once all was.
 */

#include <stdlib.h>

#include "stanch_envoy.h"

#define OVER_LIMIT "the body exceeds body_limit"

static void failed(request *r, uint32_t status, const char *reason);
static void finished(request *r);
static bool is_last(const request *r);
static const char *reason(int32_t code);

module_filter envoy_dynamic_module_on_http_filter_new(module_config config, envoy_filter envoy)
{
    request *r = calloc(1, sizeof *r);

    (void) envoy;
    if (r != NULL) {
        r->configuration = config;
        r->verdict.size = sizeof r->verdict;
    }
    /* without one, Envoy lets no request pass */
    return r;
}

/* A request that is broken off ends here, before its scan: it leaves no bytes behind. */
void envoy_dynamic_module_on_http_filter_destroy(module_filter filter)
{
    request *r = (request *) filter;

    if (r != NULL) {
        (void) scan_end(r);
        scan_release(r);
        free(r);
    }
}

/* Before the access log is written. A request that was passed on in part may have ended before its scan:
 * what was found by then is told. */
void envoy_dynamic_module_on_http_filter_stream_complete(envoy_filter envoy, module_filter filter)
{
    request *r = (request *) filter;

    if (r->stage == STAGE_WAITING && r->policy.streams) {
        (void) scan_end(r);
        r->stage = STAGE_SCANNED;
        outcome_broken_off(r, envoy);
    }
}

int envoy_dynamic_module_on_http_filter_request_headers(envoy_filter envoy, module_filter filter,
    bool end)
{
    request *r = (request *) filter;
    const settings *settings = envoy_dynamic_module_callback_get_most_specific_route_config(envoy);
    uint32_t news = STANCH_NEWS_NONE;
    int32_t code;

    if (settings == NULL) {
        settings = r->configuration->settings;
    }
    r->policy = settings->policy;
    r->left = r->policy.body_limit;
    if (r->policy.mode == MODE_OFF) {
        return ENVOY_HEADERS_CONTINUE;
    }
    if (r->policy.mode == MODE_MONITOR) {
        /* nothing is refused, not even for the size that Envoy can buffer */
        r->policy.streams = true;
    }

    r->stage = STAGE_WAITING;
    code = sets_hold(settings->sets, &r->held, &news);
    if (news != STANCH_NEWS_NONE) {
        sets_report(settings->sets, news);
        outcome_news(r->configuration, envoy, news);
    }
    if (code == STANCH_OK) {
        code = scan_begin(r, envoy);
    }

    if (code != STANCH_OK) {
        failed(r, 500, reason(code));
    } else if (end || r->verdict.action == STANCH_ACTION_BLOCK) {
        /* nothing is left to come, or nothing that comes can change the verdict */
        finished(r);
    } else if (r->policy.body_limit != 0 && r->announced > r->policy.body_limit
               && outcome_refuses_unscanned(&r->policy))
    {
        failed(r, 413, OVER_LIMIT);
    } else if (r->policy.streams) {
        attempt_keep(r, envoy);
        return ENVOY_HEADERS_CONTINUE;
    } else {
        return ENVOY_HEADERS_STOP;
    }

    return outcome_settle(r, envoy) ? ENVOY_HEADERS_STOP : ENVOY_HEADERS_CONTINUE;
}

int envoy_dynamic_module_on_http_filter_request_body(envoy_filter envoy, module_filter filter,
    bool end)
{
    request *r = (request *) filter;
    int32_t code;

    if (r->stage != STAGE_WAITING) {
        return ENVOY_BODY_CONTINUE;
    }

    code = scan_body(r, envoy);

    if (code != STANCH_OK) {
        failed(r, 500, reason(code));
    } else if (r->verdict.action == STANCH_ACTION_BLOCK) {
        r->body = true;
        finished(r);
    } else if (r->over_limit) {
        failed(r, 413, OVER_LIMIT);
    } else if (end) {
        r->body = true;
        finished(r);
    } else {
        return r->policy.streams && !is_last(r) ? ENVOY_BODY_CONTINUE : ENVOY_BODY_BUFFER;
    }

    return outcome_settle(r, envoy) ? ENVOY_BODY_DROP : ENVOY_BODY_CONTINUE;
}

/* Trailers end the request; there was a body before them. */
int envoy_dynamic_module_on_http_filter_request_trailers(envoy_filter envoy, module_filter filter)
{
    request *r = (request *) filter;
    int32_t code;

    if (r->stage != STAGE_WAITING) {
        return ENVOY_TRAILERS_CONTINUE;
    }

    code = scan_trailers(r, envoy);

    if (code != STANCH_OK) {
        failed(r, 500, reason(code));
    } else {
        r->body = true;
        finished(r);
    }

    return outcome_settle(r, envoy) ? ENVOY_TRAILERS_STOP : ENVOY_TRAILERS_CONTINUE;
}

/* What was found before the failure stands: only a verdict that lets the request pass does not. */
static void failed(request *r, uint32_t status, const char *reason)
{
    (void) scan_end(r);

    if (r->verdict.action == STANCH_ACTION_BLOCK) {
        r->stage = STAGE_SCANNED;
        return;
    }
    r->stage = STAGE_FAILED;
    r->failure = status;
    r->reason = reason;
}

static void finished(request *r)
{
    int32_t code = scan_end(r);

    if (code != STANCH_OK) {
        failed(r, 500, reason(code));
        return;
    }
    r->stage = STAGE_SCANNED;
}

/*
 * Whether the body has come to the length that was told. Envoy says that it has ended in a call of its
 * own, and only then is the last of it known to hold no token: until then this piece must not go on, or
 * the server behind would have all that it waits for.
 */
static bool is_last(const request *r)
{
    return r->policy.mode == MODE_ON && r->announced != 0 && r->received >= r->announced;
}

static const char *reason(int32_t code)
{
    switch (code) {
    case SCAN_NO_MEMORY:
        return "no memory";
    case SCAN_NOTHING_THERE:
        return "Envoy does not have what it announced";
    default:
        return stanch_status_text(code);
    }
}
