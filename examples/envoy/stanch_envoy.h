/*
 * What the files of the Envoy module share.
 *
 *   configuration.c  the filter's configuration, and that of routes
 *   object.c         reads the JSON that they are written in
 *   sets.c           patch sets: opened if they are trusted, exchanged when their file is
 *   filter.c         one request: the hooks that Envoy calls as it comes in
 *   scan.c           what the scan is fed
 *   outcome.c        what becomes of the request: answer, metadata, counters, log
 *   attempt.c        a hit as a line of JSON
 *   hooks.c          the hooks that do nothing
 */

#ifndef STANCH_ENVOY_H
#define STANCH_ENVOY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stanch.h>

#include "envoy_abi.h"

/* The values of the setting "mode". */
enum { MODE_OFF, MODE_MONITOR, MODE_ON };

/*
 * What is done with a request. Plain values: each request has its own copy, because a route and what
 * was set for it may go while a request that came by it is under way.
 */
typedef struct {
    int mode;
    bool streams;               /* the body is passed on while it is scanned */
    bool fails_open;
    bool blocks_unreadable;
    uint32_t status;
    uint64_t body_limit;        /* 0: the whole body */
    uint64_t inflate_limit;     /* 0: what the library takes for usual */
    uint64_t inflate_ratio;     /* the same */
} policy;

/* Where patch sets come from: a file, and the set that was taken from it last. */
typedef struct sets sets;

/* A set that a request holds. */
typedef struct {
    const stanch_set *set;      /* NULL: none */
    size_t state;               /* bytes of memory that a scan needs */
} held_set;

/* What was set for the filter, or for a route. */
typedef struct {
    policy policy;
    sets *sets;                 /* NULL when off */
} settings;

/* The counters, in the order of their names in outcome.c. */
enum {
    COUNT_SCANNED,
    COUNT_BLOCKED,
    COUNT_MONITORED,
    COUNT_FAILED,
    COUNT_UNREADABLE,
    COUNT_RELOADS,
    COUNT_REFUSALS,
    COUNT_LEFT_OUT,
    COUNTERS
};

/* A filter of Envoy's configuration. */
typedef struct {
    envoy_config envoy;
    settings *settings;
    size_t counters[COUNTERS];
    size_t hits;                /* the counter with an action and a leak */
} configuration;

/* How far a request has come. */
enum {
    STAGE_NONE,                 /* not looked at */
    STAGE_WAITING,              /* for more of it */
    STAGE_SCANNED,              /* the verdict is final */
    STAGE_FAILED                /* the scan could not be carried out, or not in full */
};

/* What an attempt tells of a request's head, in a block of its own: filters behind this one may change
 * the head while the body comes. */
typedef struct {
    char *block;                /* NULL: not kept */
    size_t size;
    stanch_slice method, host, path;
} kept_head;

/* One request. */
typedef struct {
    const configuration *configuration;
    policy policy;
    held_set held;
    void *memory;               /* of the scan */
    stanch_scan *scan;          /* NULL once it is finished */
    stanch_inflater *inflater;  /* while a body with a content encoding is scanned */
    stanch_verdict verdict;
    kept_head head;
    int stage;
    uint32_t failure;           /* the status that refuses a failed scan */
    const char *reason;         /* of the failure, for the log */
    uint64_t announced;         /* the body's length, if it was told, else 0 */
    uint64_t received;          /* how much of it came so far */
    uint64_t left;              /* the bytes of the body that may still be scanned */
    bool encoded;               /* the body has a content encoding */
    bool body;                  /* the body was scanned to its end, or to a blocked token */
    bool over_limit;            /* more of the body came than may be scanned */
    bool unreadable;            /* failed because the body is not what it should be */
} request;

/* Sets */

/* Why something cannot be opened: one line, without a secret. */
typedef struct {
    char text[STANCH_ERROR_TEXT + 64];
} complaint;

/* What is asked of a set. The texts and keys are copied. */
typedef struct {
    stanch_slice patches, key;
    const stanch_public_key *keys;
    size_t key_count;
    uint64_t serial;            /* the lowest that is taken */
} sets_request;

/* Opens the set that is there now. NULL: the complaint says why. */
sets *sets_open(const sets_request *wanted, complaint *why);
void sets_free(sets *sets);

/* The set to scan a request with, held until it is released; `*news` is a STANCH_NEWS_ number. What it
 * returns is one of the library's numbers. */
int32_t sets_hold(const sets *sets, held_set *held, uint32_t *news);
void sets_release(held_set *held);

/* Tells Envoy's log that the set was exchanged, or a file refused. */
void sets_report(const sets *sets, uint32_t news);

/* Scan: what these return is STANCH_OK, another of the library's numbers, or one of these. */
enum { SCAN_NO_MEMORY = -1, SCAN_NOTHING_THERE = -2 };

/* Sets up the scan and feeds it the head. */
int32_t scan_begin(request *r, envoy_filter envoy);

/* Feeds it the piece of the body, or the trailers, that Envoy's hook is about. */
int32_t scan_body(request *r, envoy_filter envoy);
int32_t scan_trailers(request *r, envoy_filter envoy);

/* Ends it. The verdict stays. */
int32_t scan_end(request *r);

/* Whether no token of the set stands in the path that was kept: the verdict tells of one token alone.
 * After the end of the scan, in its memory. */
bool scan_is_clean(request *r, envoy_filter envoy);

/* Gives back what the scan took. */
void scan_release(request *r);

/* Tells the scan which host is asked for and by whom: what Envoy itself goes by. */
int32_t scan_context(stanch_scan *scan, envoy_filter envoy, stanch_slice host);

/* The client's address as text, without its port; "-" for a client that has none. */
void client_text(envoy_filter envoy, char text[INET6_ADDRSTRLEN]);

/* Attempts */

typedef struct {
    char text[STANCH_ATTEMPT_LINE];
    size_t len;
} attempt_line;

/* Once, when the module is loaded. */
void attempt_begin(void);

/* Keeps what is needed of the head, unless that was done; and lets it go. */
void attempt_keep(request *r, envoy_filter envoy);
void attempt_forget(request *r);

/* Writes a hit as a line. False: there were too many lately, or it cannot be written. */
bool attempt_write(request *r, envoy_filter envoy, uint32_t action, attempt_line *line);

/* Whether one more line may be written; `*left_out` is then how many were not since the last one. */
bool lines_allowed(stanch_attempt_cap *cap, uint64_t *left_out);

/* Outcome */

/* Defines the counters of a filter. False: Envoy did not take one. */
bool outcome_define(configuration *configuration);

/*
 * Decides on a request whose scan has ended, tells metadata, counters and log, and answers it if it is
 * refused: then it returns true, and the request may be gone already, so nothing of it may be touched.
 */
bool outcome_settle(request *r, envoy_filter envoy);

/* Tells of a request that was passed on in part and ended before its scan, if a token was found in it. */
void outcome_broken_off(request *r, envoy_filter envoy);

/* Counts that a set was exchanged, or a file refused. */
void outcome_news(const configuration *configuration, envoy_filter envoy, uint32_t news);

/* Whether a request that was not scanned, or not in full, is refused. */
bool outcome_refuses_unscanned(const policy *policy);

/* Writes a line to Envoy's log. */
void report(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text for the library, and one for Envoy. */
static inline stanch_slice slice(const char *data, size_t len)
{
    stanch_slice slice = { (const uint8_t *) data, len };
    return slice;
}

static inline envoy_buffer buffer(const char *data, size_t len)
{
    envoy_buffer buffer = { data, len };
    return buffer;
}

#endif
