/*
 * $stanch_attempt: a request that carried a leaked token, as a line of JSON, which `stanch attempts
 * import` reads. No value for any other request, nor for one beyond the rate that the workers share.
 * Neither the token nor the query is in it; the path is left out where it holds a token, too.
 */

#include "ngx_http_stanch.h"

static ngx_uint_t ngx_http_stanch_attempt_is_let_in(ngx_http_stanch_main_conf_t *mcf,
    ngx_http_stanch_ctx_t *ctx, uint64_t now);
static ngx_int_t ngx_http_stanch_attempt_write(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx,
    uint64_t now);
static stanch_slice ngx_http_stanch_attempt_path(ngx_http_request_t *r);
static ngx_uint_t ngx_http_stanch_attempt_is_clean(ngx_http_request_t *r,
    ngx_http_stanch_ctx_t *ctx, stanch_slice path);
static stanch_slice ngx_http_stanch_attempt_slice(ngx_str_t *text);


ngx_int_t
ngx_http_stanch_attempt(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    uint64_t                      now;
    ngx_time_t                   *tp;
    ngx_http_stanch_ctx_t        *ctx;
    ngx_http_stanch_main_conf_t  *mcf;

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 1;

    ctx = ngx_http_stanch_get_ctx(r);
    if (ctx == NULL || ctx->stage == NGX_HTTP_STANCH_WAITING
        || ctx->action == STANCH_ACTION_PASS)
    {
        return NGX_OK;
    }

    r = r->main;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_stanch_module);

    tp = ngx_timeofday();
    now = (uint64_t) tp->sec * 1000 + tp->msec;

    if (!ngx_http_stanch_attempt_is_let_in(mcf, ctx, now)) {
        return NGX_OK;
    }

    /* a log asks twice, for its condition and for the line; a redirect may have changed the action */
    if (ctx->attempt.data == NULL || ctx->attempt_of != ctx->action) {
        if (ngx_http_stanch_attempt_write(r, ctx, now) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    v->data = ctx->attempt.data;
    v->len = ctx->attempt.len;
    v->not_found = 0;

    return NGX_OK;
}


/* Each request asks for leave once, however often its line is asked for. */
static ngx_uint_t
ngx_http_stanch_attempt_is_let_in(ngx_http_stanch_main_conf_t *mcf, ngx_http_stanch_ctx_t *ctx,
    uint64_t now)
{
    if (!ctx->capped) {
        ctx->capped = 1;
        ctx->let_in = mcf->attempt_rate == 0
                      || stanch_attempt_cap_take(&mcf->shared->cap, now,
                                                 (uint32_t) mcf->attempt_rate,
                                                 (uint32_t) mcf->attempt_burst, &ctx->left_out);

        ngx_http_stanch_zone_add_one(mcf->shared, ctx->let_in ? NGX_HTTP_STANCH_COUNT_LOGGED
                                                              : NGX_HTTP_STANCH_COUNT_LEFT_OUT);
    }

    return ctx->let_in;
}


static ngx_int_t
ngx_http_stanch_attempt_write(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx, uint64_t now)
{
    u_char          *line;
    size_t           len;
    stanch_slice     path;
    stanch_attempt   attempt;

    line = ngx_pnalloc(r->pool, STANCH_ATTEMPT_LINE);
    if (line == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&attempt, sizeof(stanch_attempt));
    attempt.size = sizeof(stanch_attempt);

    attempt.time = now;
    attempt.node = ngx_http_stanch_attempt_slice((ngx_str_t *) &ngx_cycle->hostname);
    attempt.client = ngx_http_stanch_attempt_slice(&r->connection->addr_text);
    attempt.host = ngx_http_stanch_attempt_slice(&r->headers_in.server);
    attempt.method = ngx_http_stanch_attempt_slice(&r->method_name);
    attempt.verdict = &ctx->verdict;
    attempt.action = ctx->action;
    attempt.left_out = ctx->left_out;

    path = ngx_http_stanch_attempt_path(r);
    if (ngx_http_stanch_attempt_is_clean(r, ctx, path)) {
        attempt.path = path;
    }

    if (stanch_attempt_line(&attempt, (char *) line, STANCH_ATTEMPT_LINE, &len) != STANCH_OK) {
        return NGX_ERROR;
    }

    ctx->attempt.data = line;
    ctx->attempt.len = len;
    ctx->attempt_of = ctx->action;

    return NGX_OK;
}


/* As the client sent it; an internal redirect changes r->uri. */
static stanch_slice
ngx_http_stanch_attempt_path(ngx_http_request_t *r)
{
    u_char        *query;
    stanch_slice   path;

    path = ngx_http_stanch_attempt_slice(&r->unparsed_uri);

    query = ngx_strlchr(r->unparsed_uri.data, r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (query) {
        path.len = query - path.data;
    }

    return path;
}


/*
 * Whether there is no token in the path. The verdict names one token; where it stands elsewhere, a
 * monitored one may be in the path. So that is scanned once more, by itself.
 */
static ngx_uint_t
ngx_http_stanch_attempt_is_clean(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx,
    stanch_slice path)
{
    ngx_uint_t                clean;
    stanch_scan              *scan;
    stanch_verdict            verdict;
    ngx_http_stanch_block_t  *block;

    if (ctx->verdict.part == STANCH_PART_PATH) {
        return 0;
    }

    block = ngx_http_stanch_held_scan(ctx->held, r->connection->log, &scan);
    if (block == NULL) {
        return 0;
    }

    ngx_memzero(&verdict, sizeof(stanch_verdict));
    verdict.size = sizeof(stanch_verdict);

    clean = ngx_http_stanch_feed_context(r, scan) == STANCH_OK
            && stanch_scan_request(scan, ngx_http_stanch_attempt_slice(&r->method_name), path)
               == STANCH_OK;

    if (stanch_scan_finish(scan, &verdict) != STANCH_OK
        || verdict.action != STANCH_ACTION_PASS)
    {
        clean = 0;
    }

    ngx_http_stanch_held_put_back(ctx->held, block);

    return clean;
}


static stanch_slice
ngx_http_stanch_attempt_slice(ngx_str_t *text)
{
    stanch_slice  slice;

    slice.data = text->data;
    slice.len = text->len;

    return slice;
}
