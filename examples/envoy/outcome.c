/*
 * What becomes of a request whose scan has ended: whether it is refused, what the access log can say of
 * it (dynamic metadata of the name space "stanch"), the counters, and a line in Envoy's log. Nothing of
 * the request is in any of these but the name of a header, cookie or query parameter, and never a token.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stanch_envoy.h"

/* A name with every byte escaped. */
#define NAME_TEXT (STANCH_NAME * 4 + 1)

static const char *const counter_names[COUNTERS] = {
    "stanch_scanned",
    "stanch_blocked",
    "stanch_monitored",
    "stanch_failed",
    "stanch_unreadable",
    "stanch_reloads",
    "stanch_refusals",
    "stanch_left_out",
};

static uint32_t decide(request *r, uint32_t *action);
static uint32_t unreadable_status(uint32_t body);
static bool is_unreadable(const request *r);
static void count(request *r, envoy_filter envoy, uint32_t action);
static void count_one(request *r, envoy_filter envoy, int counter);
static void tell(request *r, envoy_filter envoy, uint32_t action);
static void tell_hit(request *r, envoy_filter envoy, uint32_t action);
static void tell_one(envoy_filter envoy, const char *key, const char *value, size_t len);
static void log_unscanned(request *r, envoy_filter envoy);
static size_t escape_name(const stanch_verdict *verdict, char text[NAME_TEXT]);

bool outcome_define(configuration *configuration)
{
    envoy_buffer labels[] = { buffer("action", 6), buffer("leak", 4) };
    int i;

    for (i = 0; i < COUNTERS; i++) {
        if (envoy_dynamic_module_callback_http_filter_config_define_counter(configuration->envoy,
                buffer(counter_names[i], strlen(counter_names[i])), NULL, 0,
                &configuration->counters[i])
            != ENVOY_METRICS_SUCCESS)
        {
            return false;
        }
    }
    return envoy_dynamic_module_callback_http_filter_config_define_counter(configuration->envoy,
               buffer("stanch_hits", 11), labels, 2, &configuration->hits)
           == ENVOY_METRICS_SUCCESS;
}

bool outcome_settle(request *r, envoy_filter envoy)
{
    static const char refused[] = "stanch_refused", unscanned[] = "stanch_unscanned";
    uint32_t action, status = decide(r, &action);
    bool failed = r->stage == STAGE_FAILED;

    count(r, envoy, action);
    tell(r, envoy, action);
    if (r->verdict.action != STANCH_ACTION_PASS) {
        tell_hit(r, envoy, action);
    }
    log_unscanned(r, envoy);
    scan_release(r);

    if (status == 0) {
        return false;
    }
    envoy_dynamic_module_callback_http_send_response(envoy, status, NULL, 0, buffer(NULL, 0),
        failed ? buffer(unscanned, sizeof unscanned - 1) : buffer(refused, sizeof refused - 1));
    return true;
}

void outcome_broken_off(request *r, envoy_filter envoy)
{
    if (r->verdict.action != STANCH_ACTION_PASS) {
        count(r, envoy, STANCH_ACTION_MONITOR);
        tell(r, envoy, STANCH_ACTION_MONITOR);
        tell_hit(r, envoy, STANCH_ACTION_MONITOR);
    }
    scan_release(r);
}

void outcome_news(const configuration *configuration, envoy_filter envoy, uint32_t news)
{
    int counter = news == STANCH_NEWS_REFUSED ? COUNT_REFUSALS : COUNT_RELOADS;

    (void) envoy_dynamic_module_callback_http_filter_increment_counter(envoy,
        configuration->counters[counter], NULL, 0, 1);
}

bool outcome_refuses_unscanned(const policy *policy)
{
    return policy->mode == MODE_ON && !policy->fails_open;
}

void report(int level, const char *format, ...)
{
    char line[STANCH_ERROR_TEXT + 512];
    va_list arguments;
    int len;

    if (!envoy_dynamic_module_callback_log_enabled(level)) {
        return;
    }
    va_start(arguments, format);
    len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (len > 0) {
        envoy_dynamic_module_callback_log(level,
            buffer(line, (size_t) len < sizeof line ? (size_t) len : sizeof line - 1));
    }
}

/* The status that refuses the request; 0 lets it pass. */
static uint32_t decide(request *r, uint32_t *action)
{
    *action = r->verdict.action;

    if (r->stage == STAGE_SCANNED && *action != STANCH_ACTION_BLOCK
        && r->verdict.body != STANCH_BODY_WHOLE && r->policy.blocks_unreadable)
    {
        r->stage = STAGE_FAILED;
        r->unreadable = true;
        return r->policy.mode == MODE_ON ? unreadable_status(r->verdict.body) : 0;
    }
    if (r->stage == STAGE_FAILED) {
        return outcome_refuses_unscanned(&r->policy) ? r->failure : 0;
    }
    if (*action == STANCH_ACTION_BLOCK) {
        if (r->policy.mode == MODE_ON) {
            return r->policy.status;
        }
        *action = STANCH_ACTION_MONITOR;
    }
    return 0;
}

/* RFC 9110, sections 15.5.1, 15.5.14 and 15.5.16 */
static uint32_t unreadable_status(uint32_t body)
{
    switch (body) {
    case STANCH_BODY_UNSUPPORTED:
        return 415;
    case STANCH_BODY_DAMAGED:
        return 400;
    default:
        return 413;
    }
}

/* Whatever becomes of it, an operator should know that somebody sends such bodies. */
static bool is_unreadable(const request *r)
{
    return r->body && r->verdict.body != STANCH_BODY_WHOLE
           && r->verdict.action != STANCH_ACTION_BLOCK;
}

static void count(request *r, envoy_filter envoy, uint32_t action)
{
    char leak[24];
    const char *name = stanch_action_name(action);
    envoy_buffer values[2];

    count_one(r, envoy, COUNT_SCANNED);
    if (is_unreadable(r)) {
        count_one(r, envoy, COUNT_UNREADABLE);
    }
    if (r->stage == STAGE_FAILED) {
        count_one(r, envoy, COUNT_FAILED);
    } else if (action != STANCH_ACTION_PASS) {
        count_one(r, envoy, action == STANCH_ACTION_BLOCK ? COUNT_BLOCKED : COUNT_MONITORED);
    }

    if (r->verdict.action != STANCH_ACTION_PASS) {
        values[0] = buffer(name, strlen(name));
        values[1] = buffer(leak, (size_t) snprintf(leak, sizeof leak, "%llu",
            (unsigned long long) r->verdict.leak));
        (void) envoy_dynamic_module_callback_http_filter_increment_counter(envoy,
            r->configuration->hits, values, 2, 1);
    }
}

static void count_one(request *r, envoy_filter envoy, int counter)
{
    (void) envoy_dynamic_module_callback_http_filter_increment_counter(envoy,
        r->configuration->counters[counter], NULL, 0, 1);
}

static void tell(request *r, envoy_filter envoy, uint32_t action)
{
    const char *text = r->stage == STAGE_FAILED ? "failed" : stanch_action_name(action);

    tell_one(envoy, "action", text, strlen(text));
    if (r->body) {
        text = stanch_body_name(r->verdict.body);
        tell_one(envoy, "body", text, strlen(text));
    }
}

/* A leak's number is a text, because Envoy's numbers are not exact beyond 2^53. The line of an attempt, and
 * that of the log, are left out where there are too many. */
static void tell_hit(request *r, envoy_filter envoy, uint32_t action)
{
    char leak[24], views[STANCH_VIEWS_TEXT], name[NAME_TEXT], client[INET6_ADDRSTRLEN];
    const char *part = stanch_part_name(r->verdict.part);
    attempt_line line;
    int len;

    len = snprintf(leak, sizeof leak, "%llu", (unsigned long long) r->verdict.leak);
    tell_one(envoy, "leak", leak, (size_t) len);
    tell_one(envoy, "part", part, strlen(part));
    tell_one(envoy, "view", views, stanch_views_text(r->verdict.views, views, sizeof views));
    if (r->verdict.name_len != 0) {
        tell_one(envoy, "name", name, escape_name(&r->verdict, name));
    }

    if (!attempt_write(r, envoy, action, &line)) {
        count_one(r, envoy, COUNT_LEFT_OUT);
        return;
    }
    tell_one(envoy, "attempt", line.text, line.len);
    client_text(envoy, client);
    report(action == STANCH_ACTION_BLOCK ? ENVOY_LOG_WARN : ENVOY_LOG_INFO,
        "stanch: %s leak %s part %s view %s client %s", stanch_action_name(action), leak, part, views,
        client);
}

static void tell_one(envoy_filter envoy, const char *key, const char *value, size_t len)
{
    envoy_dynamic_module_callback_http_set_dynamic_metadata_string(envoy, buffer("stanch", 6),
        buffer(key, strlen(key)), buffer(value, len));
}

static void log_unscanned(request *r, envoy_filter envoy)
{
    static stanch_attempt_cap cap;
    char client[INET6_ADDRSTRLEN];
    uint64_t left_out;
    bool has_failed = r->stage == STAGE_FAILED && !r->unreadable;

    if ((!has_failed && !is_unreadable(r)) || !lines_allowed(&cap, &left_out)) {
        return;
    }
    client_text(envoy, client);

    if (is_unreadable(r)) {
        report(ENVOY_LOG_WARN, "stanch: body unreadable: %s, client %s",
            stanch_body_name(r->verdict.body), client);
    }
    if (has_failed) {
        report(ENVOY_LOG_ERROR, "stanch: request not scanned: %s, client %s", r->reason, client);
    }
}

/* The client chose the name, and Envoy writes metadata to a log as it is: what is no plain character
 * becomes \xHH. */
static size_t escape_name(const stanch_verdict *verdict, char text[NAME_TEXT])
{
    size_t len = 0;
    uint32_t i;

    for (i = 0; i < verdict->name_len && i < STANCH_NAME; i++) {
        uint8_t byte = verdict->name[i];

        if (byte > 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
            text[len++] = (char) byte;
        } else {
            len += (size_t) snprintf(text + len, NAME_TEXT - len, "\\x%02X", byte);
        }
    }
    return len;
}
