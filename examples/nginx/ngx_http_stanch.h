/*
 * What the files of the nginx module share.
 *
 *   ngx_http_stanch_module.c     directives, their merging, the place in the phases
 *   ngx_http_stanch_sets.c       patch sets: opened once, if they are trusted
 *   ngx_http_stanch_watch.c      the set to scan with; looking for a new one
 *   ngx_http_stanch_held.c       a set in use, and the memory of the scans over it
 *   ngx_http_stanch_zone.c       what workers count together, in shared memory
 *   ngx_http_stanch_metrics.c    the page for Prometheus
 *   ngx_http_stanch_scan.c       one request: feed it, portion by portion
 *   ngx_http_stanch_decide.c     what becomes of it, and the error log
 *   ngx_http_stanch_feed.c       what a scan is told of a request before its body
 *   ngx_http_stanch_variables.c  $stanch_action and the others
 *   ngx_http_stanch_attempt.c    $stanch_attempt: a hit as a line of JSON
 */

#ifndef NGX_HTTP_STANCH_H
#define NGX_HTTP_STANCH_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <stanch.h>

/* The values of the directive "stanch". */
#define NGX_HTTP_STANCH_OFF      0
#define NGX_HTTP_STANCH_MONITOR  1
#define NGX_HTTP_STANCH_ON       2

/* The values of the directive "stanch_fail". */
#define NGX_HTTP_STANCH_FAIL_OPEN    0
#define NGX_HTTP_STANCH_FAIL_CLOSED  1

/* The values of the directive "stanch_body_unreadable". */
#define NGX_HTTP_STANCH_UNREADABLE_PASS   0
#define NGX_HTTP_STANCH_UNREADABLE_BLOCK  1

/* Headers, or pieces of a body, that are handed over in one call. */
#define NGX_HTTP_STANCH_BATCH  32

/* A directive's file argument, and where in the configuration it stands. */
typedef struct {
    ngx_str_t         path;      /* absolute; data is NULL when not given */
    ngx_uint_t        literal;   /* 1 when the path is no path but a public key itself */
    ngx_str_t         in;        /* the configuration file */
    ngx_uint_t        line;
} ngx_http_stanch_file_t;

/*
 * What is counted of all requests: by what became of them, by why a body could not be read, and of attempts,
 * whether they have a line.
 */
typedef enum {
    NGX_HTTP_STANCH_COUNT_PASS = STANCH_ACTION_PASS,
    NGX_HTTP_STANCH_COUNT_MONITOR = STANCH_ACTION_MONITOR,
    NGX_HTTP_STANCH_COUNT_BLOCK = STANCH_ACTION_BLOCK,
    NGX_HTTP_STANCH_COUNT_FAILED,
    NGX_HTTP_STANCH_COUNT_DAMAGED,
    NGX_HTTP_STANCH_COUNT_RATIO,
    NGX_HTTP_STANCH_COUNT_TOTAL,
    NGX_HTTP_STANCH_COUNT_UNSUPPORTED,
    NGX_HTTP_STANCH_COUNT_LOGGED,
    NGX_HTTP_STANCH_COUNT_LEFT_OUT,
    NGX_HTTP_STANCH_COUNTS
} ngx_http_stanch_count_t;

/* Workers count in different places, each with cache lines of its own, so that none slows another down. */
#define NGX_HTTP_STANCH_STRIPES  16

typedef union {
    ngx_atomic_t      counts[NGX_HTTP_STANCH_COUNTS];
    u_char            lines[128];
} ngx_http_stanch_stripe_t;

/* How often requests with tokens of a leak came, by what became of them. */
typedef struct {
    ngx_atomic_t      leak;       /* 0: not used yet */
    ngx_atomic_t      monitored;
    ngx_atomic_t      blocked;
} ngx_http_stanch_hits_t;

/* What became of the files of a set; under the zone's mutex. */
typedef struct ngx_http_stanch_record_s  ngx_http_stanch_record_t;

struct ngx_http_stanch_record_s {
    ngx_http_stanch_record_t *next;
    uint64_t          serial;     /* of the newest set that any worker took */
    uint64_t          swaps;
    uint64_t          refusals;
    size_t            len;
    u_char            name[1];
};

/* What lies in shared memory. */
typedef struct {
    ngx_http_stanch_stripe_t  stripes[NGX_HTTP_STANCH_STRIPES];
    ngx_http_stanch_hits_t    zero;     /* of leak 0 */
    ngx_http_stanch_hits_t    other;    /* of all leaks that have no place of their own */
    stanch_attempt_cap        cap;      /* on the lines that tell of attempts */
    ngx_http_stanch_record_t *records;
    ngx_atomic_t              used;     /* places in the table that are taken */
    ngx_uint_t                most;     /* that may be */
    ngx_uint_t                size;     /* of the table */
    ngx_http_stanch_hits_t    table[1]; /* open addressing by the leak's number */
} ngx_http_stanch_shared_t;

typedef struct ngx_http_stanch_block_s  ngx_http_stanch_block_t;

/* A set that a worker has in use, by its requests and for those to come. */
typedef struct {
    const stanch_set        *set;
    size_t                   state;   /* bytes of memory that a scan over it needs */
    ngx_uint_t               users;
    ngx_http_stanch_block_t *idle;    /* memory of scans that have ended */
    ngx_uint_t               nidle;
} ngx_http_stanch_held_t;

/* A patch set that the configuration holds open, and what was asked of it. */
typedef struct {
    ngx_str_t          patches;
    ngx_str_t          name;      /* the path for labels, escaped; differs between all sets */
    ngx_str_t          key;
    stanch_public_key *keys;      /* those that are trusted */
    ngx_uint_t         nkeys;     /* 0: it need not be signed */
    ngx_uint_t         serial;    /* the lowest that is taken */
    stanch_guard      *guard;     /* has the set that is in use */
    const stanch_set  *first;     /* what it was opened with; NULL in workers */
    ngx_http_stanch_held_t *held; /* what requests are scanned with; NULL before the first */
    ngx_http_stanch_record_t *record;   /* in the zone, of which this is the pool */
    ngx_slab_pool_t   *pool;
} ngx_http_stanch_set_t;

typedef struct {
    ngx_array_t       sets;      /* of ngx_http_stanch_set_t * */
    ngx_flag_t        watch;     /* whether sets are swapped without a reload */
    ngx_event_t       timer;     /* a worker's, for when no request makes it look */
    ngx_int_t         attempt_rate;   /* lines a second; 0: any number */
    ngx_int_t         attempt_burst;
    ngx_uint_t        metrics;   /* 1 when some location shows them */
    size_t            zone_size;
    ngx_slab_pool_t  *pool;      /* the zone's; NULL if there is no zone, as the next */
    ngx_http_stanch_shared_t *shared;
} ngx_http_stanch_main_conf_t;

typedef struct {
    ngx_uint_t              mode;
    ngx_str_t               mode_in;     /* where "stanch" itself stands */
    ngx_uint_t              mode_line;
    ngx_http_stanch_file_t  patches;
    ngx_http_stanch_file_t  key;
    ngx_array_t            *public_keys; /* of ngx_http_stanch_file_t; NULL: none */
    ngx_int_t               min_serial;
    ngx_uint_t              status;
    off_t                   body_limit;  /* 0: the whole body */
    ngx_uint_t              unreadable;
    off_t                   inflate_limit;
    ngx_int_t               inflate_ratio;
    ngx_uint_t              fail;
    ngx_flag_t              metrics;
    ngx_http_stanch_set_t  *set;         /* NULL when off */
} ngx_http_stanch_loc_conf_t;

/* How far a request has come. */
typedef enum {
    NGX_HTTP_STANCH_WAITING = 0,  /* for the body, or between two portions of it */
    NGX_HTTP_STANCH_SCANNED,      /* the verdict is final */
    NGX_HTTP_STANCH_FAILED        /* the scan could not be carried out, or not in full */
} ngx_http_stanch_stage_t;

/* One request's scan. */
typedef struct {
    ngx_http_stanch_stage_t  stage;
    ngx_http_stanch_set_t   *set;
    ngx_http_stanch_held_t  *held;      /* what it is scanned with; NULL once it is not needed any more */
    ngx_http_stanch_block_t *block;     /* the scan's memory */
    stanch_scan             *scan;      /* in it; NULL once it is finished */
    stanch_inflater         *inflater;  /* while a body with a content encoding is scanned */
    stanch_verdict           verdict;
    ngx_uint_t               action;    /* what became of the request: STANCH_ACTION_* */
    ngx_uint_t               failure;   /* the status that refuses a failed scan */
    ngx_str_t                attempt;    /* the line that tells of it, */
    ngx_uint_t               attempt_of; /* and of this action */
    uint64_t                 left_out;   /* attempts that have none, before it */
    unsigned                 capped:1;   /* leave for a line was asked for, */
    unsigned                 let_in:1;   /* and given */
    unsigned                 answered:1;  /* refused: what follows is nginx making the answer */
    unsigned                 encoded:1;   /* the body has a content encoding */
    unsigned                 body:1;      /* the body was scanned to its end, or to a blocked token */
    unsigned                 unreadable:1;  /* failed because the body is not what it should be */

    off_t                    limit;     /* the body's bytes that may still be scanned */
    ngx_uint_t               limited;   /* 1 when there is such a limit */
    ngx_chain_t             *link;      /* where in the body the scan stands */
    off_t                    offset;    /* and in this link, when it is in a file */
    ngx_event_t              resume;    /* the next portion of a large body */
} ngx_http_stanch_ctx_t;

/* The functions are the module's own: none of them is a symbol of the shared object. */
#pragma GCC visibility push(hidden)

/* The set that a location names, opened if no other has done so. NULL: it was logged. */
ngx_http_stanch_set_t *ngx_http_stanch_sets_get(ngx_conf_t *cf, ngx_http_stanch_loc_conf_t *conf);

/* The set to scan with, to be released. NULL: there is none to be had. */
ngx_http_stanch_held_t *ngx_http_stanch_watch_get(ngx_http_stanch_set_t *entry);

/* What a set says of itself. */
int32_t ngx_http_stanch_watch_describe(const stanch_set *set, stanch_set_info *info);

/* Begins to look at files, in a worker. */
ngx_int_t ngx_http_stanch_watch_init(ngx_cycle_t *cycle);

/* A set that was acquired from a guard, which is given back when the last user has released it. NULL: no memory. */
ngx_http_stanch_held_t *ngx_http_stanch_held_create(const stanch_set *set, ngx_log_t *log);
ngx_http_stanch_held_t *ngx_http_stanch_held_share(ngx_http_stanch_held_t *held);
void ngx_http_stanch_held_release(ngx_http_stanch_held_t *held);

/* Sets up a scan, in memory that is to be put back when it is finished, before the set is released. NULL: no memory. */
ngx_http_stanch_block_t *ngx_http_stanch_held_scan(ngx_http_stanch_held_t *held, ngx_log_t *log,
    stanch_scan **scan);
void ngx_http_stanch_held_put_back(ngx_http_stanch_held_t *held, ngx_http_stanch_block_t *block);

/* What a worker tells the others: it uses a set of this serial number; it took one; it refused one. */
void ngx_http_stanch_zone_uses(ngx_http_stanch_set_t *entry, uint64_t serial);
void ngx_http_stanch_zone_took(ngx_http_stanch_set_t *entry, uint64_t serial);
void ngx_http_stanch_zone_refused(ngx_http_stanch_set_t *entry);

/* The handler of the phase. */
ngx_int_t ngx_http_stanch_handler(ngx_http_request_t *r);

/* What becomes of a request whose scan is over, in this location: a status, or NGX_DECLINED. */
ngx_int_t ngx_http_stanch_decide(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx,
    ngx_http_stanch_loc_conf_t *lcf);

/* The same of one that was not scanned, or not in full: "status", or NGX_DECLINED. */
ngx_int_t ngx_http_stanch_refuse_unscanned(ngx_http_stanch_loc_conf_t *lcf, ngx_uint_t status);

/* Lines of the error log: a scan could not be carried out; a body could not be read. */
void ngx_http_stanch_log_failure(ngx_http_request_t *r, const char *reason);
void ngx_http_stanch_log_unreadable(ngx_http_request_t *r, uint32_t body);

/* Asks nginx for the zone, if this configuration has anything to count. */
ngx_int_t ngx_http_stanch_zone_add(ngx_conf_t *cf);

/* The handler of the log phase: counts a request once, when all is known of it. */
ngx_int_t ngx_http_stanch_zone_handler(ngx_http_request_t *r);

/* Counts something that happened. */
void ngx_http_stanch_zone_add_one(ngx_http_stanch_shared_t *shared, ngx_http_stanch_count_t what);

/* How often something happened, in all workers. */
ngx_atomic_uint_t ngx_http_stanch_zone_count(ngx_http_stanch_shared_t *shared,
    ngx_http_stanch_count_t what);

/* The content handler of a location with "stanch_metrics on". */
ngx_int_t ngx_http_stanch_metrics_handler(ngx_http_request_t *r);

/* Tells the scan what nginx knows of the request, and feeds it the request line and the headers. */
int32_t ngx_http_stanch_feed_head(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx);

/* Tells a scan what nginx knows better than the request itself says: which host it serves, and to whom. */
int32_t ngx_http_stanch_feed_context(ngx_http_request_t *r, stanch_scan *scan);

/*
 * Gives the scan an inflater, which goes with it. For when all of the body is there: a client that
 * sends it slowly must not hold that much memory.
 */
int32_t ngx_http_stanch_inflate(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx);

/* The scan of the main request that "r" belongs to; NULL when there was none. */
ngx_http_stanch_ctx_t *ngx_http_stanch_get_ctx(ngx_http_request_t *r);

ngx_int_t ngx_http_stanch_add_variables(ngx_conf_t *cf);

/* The value of $stanch_attempt. */
ngx_int_t ngx_http_stanch_attempt(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data);

#pragma GCC visibility pop

extern ngx_module_t  ngx_http_stanch_module;

#endif
