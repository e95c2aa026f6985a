/*
 * The page of a location with "stanch_metrics on": what was counted, in Prometheus' text format. All
 * workers count together; what is said of a set is what the worker that answers has in use.
 */

#include "ngx_http_stanch.h"

/* Room for all lines but those of leaks and sets, and for those of one leak and one set less its name. */
#define NGX_HTTP_STANCH_PAGE       8192
#define NGX_HTTP_STANCH_LEAK_PAGE  256
#define NGX_HTTP_STANCH_SET_PAGE   1024

/* How often the lines of a set have its name. */
#define NGX_HTTP_STANCH_SET_LINES  9

static ngx_buf_t *ngx_http_stanch_metrics_page(ngx_http_request_t *r);
static void ngx_http_stanch_metrics_requests(ngx_buf_t *b, ngx_http_stanch_shared_t *shared);
static void ngx_http_stanch_metrics_attempts(ngx_buf_t *b, ngx_http_stanch_shared_t *shared);
static void ngx_http_stanch_metrics_hits(ngx_buf_t *b, ngx_http_stanch_shared_t *shared,
    ngx_uint_t most);
static void ngx_http_stanch_metrics_of_leak(ngx_buf_t *b, const char *leak,
    ngx_http_stanch_hits_t *hits);
static void ngx_http_stanch_metrics_sets(ngx_buf_t *b, ngx_http_stanch_main_conf_t *mcf);
static void ngx_http_stanch_metrics_head(ngx_buf_t *b, const char *name, const char *type,
    const char *help);


ngx_int_t
ngx_http_stanch_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    b = ngx_http_stanch_metrics_page(r);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&r->headers_out.content_type, "text/plain; version=0.0.4");

    /* what nginx compares with types: the part before the parameter */
    r->headers_out.content_type_len = sizeof("text/plain") - 1;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_buf_t *
ngx_http_stanch_metrics_page(ngx_http_request_t *r)
{
    size_t                         size;
    ngx_buf_t                     *b;
    ngx_uint_t                     i, leaks;
    ngx_http_stanch_set_t        **entry;
    ngx_http_stanch_main_conf_t   *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_stanch_module);

    /* with the two that are not in the table; what is added from now on waits for the next page */
    leaks = mcf->shared->used;
    size = NGX_HTTP_STANCH_PAGE + (leaks + 2) * NGX_HTTP_STANCH_LEAK_PAGE;

    entry = mcf->sets.elts;
    for (i = 0; i < mcf->sets.nelts; i++) {
        size += NGX_HTTP_STANCH_SET_PAGE + NGX_HTTP_STANCH_SET_LINES * entry[i]->name.len;
    }

    b = ngx_create_temp_buf(r->pool, size);
    if (b == NULL) {
        return NULL;
    }

    ngx_http_stanch_metrics_requests(b, mcf->shared);
    ngx_http_stanch_metrics_hits(b, mcf->shared, leaks);
    ngx_http_stanch_metrics_attempts(b, mcf->shared);
    ngx_http_stanch_metrics_sets(b, mcf);

    ngx_http_stanch_metrics_head(b, "stanch_build_info", "gauge", "The library that is in use.");
    b->last = ngx_slprintf(b->last, b->end, "stanch_build_info{version=\"%s\"} 1\n",
                           stanch_version());

    b->last_buf = r == r->main;
    b->last_in_chain = 1;

    return b;
}


static void
ngx_http_stanch_metrics_requests(ngx_buf_t *b, ngx_http_stanch_shared_t *shared)
{
    ngx_uint_t  i;

    static const struct {
        const char              *name;
        ngx_http_stanch_count_t  what;
    } actions[] = {
        { "pass", NGX_HTTP_STANCH_COUNT_PASS },
        { "monitor", NGX_HTTP_STANCH_COUNT_MONITOR },
        { "block", NGX_HTTP_STANCH_COUNT_BLOCK },
        { "failed", NGX_HTTP_STANCH_COUNT_FAILED },
    }, reasons[] = {
        { "damaged", NGX_HTTP_STANCH_COUNT_DAMAGED },
        { "ratio", NGX_HTTP_STANCH_COUNT_RATIO },
        { "total", NGX_HTTP_STANCH_COUNT_TOTAL },
        { "unsupported", NGX_HTTP_STANCH_COUNT_UNSUPPORTED },
    };

    ngx_http_stanch_metrics_head(b, "stanch_requests_total", "counter",
                                 "Requests that were to be scanned, by what became of them.");

    for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        b->last = ngx_slprintf(b->last, b->end, "stanch_requests_total{action=\"%s\"} %uA\n",
                               actions[i].name,
                               ngx_http_stanch_zone_count(shared, actions[i].what));
    }

    ngx_http_stanch_metrics_head(b, "stanch_unreadable_bodies_total", "counter",
                                 "Bodies whose content encoding was not undone in full, by why.");

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        b->last = ngx_slprintf(b->last, b->end,
                               "stanch_unreadable_bodies_total{reason=\"%s\"} %uA\n",
                               reasons[i].name,
                               ngx_http_stanch_zone_count(shared, reasons[i].what));
    }
}


/* The page has room for so many leaks of the table. */
static void
ngx_http_stanch_metrics_hits(ngx_buf_t *b, ngx_http_stanch_shared_t *shared, ngx_uint_t most)
{
    u_char                   leak[NGX_INT64_LEN + 1];
    ngx_uint_t               i;
    ngx_http_stanch_hits_t  *hits;

    ngx_http_stanch_metrics_head(b, "stanch_hits_total", "counter",
                                 "Requests that carried a token, by its leak and what became of "
                                 "them.");

    for (i = 0; i < shared->size && most; i++) {
        hits = &shared->table[i];

        if (hits->leak) {
            ngx_sprintf(leak, "%uA%Z", hits->leak);
            ngx_http_stanch_metrics_of_leak(b, (char *) leak, hits);
            most--;
        }
    }

    if (shared->zero.monitored || shared->zero.blocked) {
        ngx_http_stanch_metrics_of_leak(b, "0", &shared->zero);
    }

    if (shared->other.monitored || shared->other.blocked) {
        ngx_http_stanch_metrics_of_leak(b, "other", &shared->other);
    }
}


static void
ngx_http_stanch_metrics_of_leak(ngx_buf_t *b, const char *leak, ngx_http_stanch_hits_t *hits)
{
    b->last = ngx_slprintf(b->last, b->end,
                           "stanch_hits_total{leak=\"%s\",action=\"monitor\"} %uA\n"
                           "stanch_hits_total{leak=\"%s\",action=\"block\"} %uA\n",
                           leak, hits->monitored, leak, hits->blocked);
}


static void
ngx_http_stanch_metrics_attempts(ngx_buf_t *b, ngx_http_stanch_shared_t *shared)
{
    ngx_http_stanch_metrics_head(b, "stanch_attempts_logged_total", "counter",
                                 "Requests that carried a token and have a line in a log.");
    b->last = ngx_slprintf(b->last, b->end, "stanch_attempts_logged_total %uA\n",
                           ngx_http_stanch_zone_count(shared, NGX_HTTP_STANCH_COUNT_LOGGED));

    ngx_http_stanch_metrics_head(b, "stanch_attempts_left_out_total", "counter",
                                 "Requests that carried a token and have none, for the rate.");
    b->last = ngx_slprintf(b->last, b->end, "stanch_attempts_left_out_total %uA\n",
                           ngx_http_stanch_zone_count(shared, NGX_HTTP_STANCH_COUNT_LEFT_OUT));
}


/* All lines of one name must stand together: first what the sets are, then what became of their files. */
static void
ngx_http_stanch_metrics_sets(ngx_buf_t *b, ngx_http_stanch_main_conf_t *mcf)
{
    uint64_t                       value;
    ngx_uint_t                     i, g;
    stanch_set_info                info;
    ngx_http_stanch_held_t        *held;
    stanch_guard_info              guard;
    ngx_http_stanch_set_t        **entry;

    /* all of them are eight bytes wide */
    static const struct {
        const char  *name;
        const char  *help;
        size_t       offset;
    } gauges[] = {
        { "stanch_set_serial",
          "The serial number of the patch set in use.",
          offsetof(stanch_set_info, serial) },
        { "stanch_set_created_timestamp_seconds",
          "When the patch set in use was compiled.",
          offsetof(stanch_set_info, created) },
        { "stanch_set_expires_timestamp_seconds",
          "When the patch set in use expires, if it does.",
          offsetof(stanch_set_info, expires) },
        { "stanch_set_tokens",
          "How many tokens the patch set in use holds.",
          offsetof(stanch_set_info, tokens) },
        { "stanch_set_leaks",
          "How many leaks these tokens belong to.",
          offsetof(stanch_set_info, leaks) },
        { "stanch_set_bytes",
          "The length of the patch set in use.",
          offsetof(stanch_set_info, bytes) },
    };

    entry = mcf->sets.elts;

    for (g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
        ngx_http_stanch_metrics_head(b, gauges[g].name, "gauge", gauges[g].help);

        for (i = 0; i < mcf->sets.nelts; i++) {
            held = ngx_http_stanch_watch_get(entry[i]);
            if (held == NULL) {
                continue;
            }

            (void) ngx_http_stanch_watch_describe(held->set, &info);
            ngx_http_stanch_held_release(held);

            ngx_memcpy(&value, (u_char *) &info + gauges[g].offset, sizeof(uint64_t));

            /* a time of 0 would be one that has long passed */
            if (gauges[g].offset == offsetof(stanch_set_info, expires) && value == 0) {
                continue;
            }

            b->last = ngx_slprintf(b->last, b->end, "%s{set=\"%V\"} %uL\n", gauges[g].name,
                                   &entry[i]->name, value);
        }
    }

    ngx_http_stanch_metrics_head(b, "stanch_set_refused", "gauge",
                                 "1 if what lies in the set's file now is refused, else 0.");

    for (i = 0; i < mcf->sets.nelts; i++) {
        ngx_memzero(&guard, sizeof(stanch_guard_info));
        guard.size = sizeof(stanch_guard_info);

        (void) stanch_guard_describe(entry[i]->guard, &guard);

        b->last = ngx_slprintf(b->last, b->end, "stanch_set_refused{set=\"%V\"} %uD\n",
                               &entry[i]->name, guard.is_refusing);
    }

    ngx_http_stanch_metrics_head(b, "stanch_set_swaps_total", "counter",
                                 "How often a worker took a new patch set without a reload.");

    for (i = 0; i < mcf->sets.nelts; i++) {
        b->last = ngx_slprintf(b->last, b->end, "stanch_set_swaps_total{set=\"%V\"} %uL\n",
                               &entry[i]->name, entry[i]->record->swaps);
    }

    ngx_http_stanch_metrics_head(b, "stanch_set_refusals_total", "counter",
                                 "How often a worker refused a new patch set.");

    for (i = 0; i < mcf->sets.nelts; i++) {
        b->last = ngx_slprintf(b->last, b->end, "stanch_set_refusals_total{set=\"%V\"} %uL\n",
                               &entry[i]->name, entry[i]->record->refusals);
    }
}


static void
ngx_http_stanch_metrics_head(ngx_buf_t *b, const char *name, const char *type, const char *help)
{
    b->last = ngx_slprintf(b->last, b->end, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}
