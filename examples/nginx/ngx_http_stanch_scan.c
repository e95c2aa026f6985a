/*
 * One request: feed it to the scan, and what comes of it to whoever decides. The main request is scanned
 * once; what internal redirects and subrequests make of it later is not scanned again, unless a redirect
 * ends in a location with another patch set.
 */

#include "ngx_http_stanch.h"

/* What is read of a body's temporary file at once. */
#define NGX_HTTP_STANCH_READ     65536

/* What is scanned of a body before other connections get their turn: about a millisecond. */
#define NGX_HTTP_STANCH_PORTION  (4 * 1024 * 1024)

/* The same of a body with a content encoding, which may come to a hundred times as much. */
#define NGX_HTTP_STANCH_ENCODED_PORTION  65536

static ngx_int_t ngx_http_stanch_start(ngx_http_request_t *r, ngx_http_stanch_loc_conf_t *lcf);
static ngx_http_stanch_ctx_t *ngx_http_stanch_create_ctx(ngx_http_request_t *r,
    ngx_http_stanch_set_t *set);
static void ngx_http_stanch_cleanup(void *data);
static void ngx_http_stanch_release(ngx_http_stanch_ctx_t *ctx);
static ngx_uint_t ngx_http_stanch_has_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_stanch_read_body(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx);
static void ngx_http_stanch_body_handler(ngx_http_request_t *r);
static void ngx_http_stanch_resume(ngx_event_t *ev);
static void ngx_http_stanch_portion(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx);
static ngx_int_t ngx_http_stanch_feed_body(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx);
static ngx_int_t ngx_http_stanch_feed_slices(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx,
    stanch_slice *slices, ngx_uint_t *n);
static void ngx_http_stanch_finish(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx);
static void ngx_http_stanch_failed(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx,
    ngx_uint_t status, const char *reason);


ngx_int_t
ngx_http_stanch_handler(ngx_http_request_t *r)
{
    ngx_http_stanch_ctx_t       *ctx;
    ngx_http_stanch_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_stanch_module);

    if (lcf->mode == NGX_HTTP_STANCH_OFF || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_stanch_module);

    if (ctx && ctx->stage == NGX_HTTP_STANCH_WAITING) {
        return NGX_DONE;
    }

    if (ctx == NULL) {
        ctx = ngx_http_stanch_get_ctx(r);

        if (ctx && ctx->stage == NGX_HTTP_STANCH_WAITING) {
            /* a redirect came before the body: nginx refused the body and makes its answer */
            ctx->answered = 1;
        }
    }

    if (ctx == NULL || (ctx->set != lcf->set && !ctx->answered)) {
        return ngx_http_stanch_start(r, lcf);
    }

    ngx_http_set_ctx(r, ctx, ngx_http_stanch_module);

    return ngx_http_stanch_decide(r, ctx, lcf);
}


/* An internal redirect clears the contexts of all modules; the clean-up handler keeps ours. */
ngx_http_stanch_ctx_t *
ngx_http_stanch_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_stanch_ctx_t  *ctx;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_stanch_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {
        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_stanch_cleanup) {
                return cln->data;
            }
        }
    }

    return ctx;
}


static ngx_int_t
ngx_http_stanch_start(ngx_http_request_t *r, ngx_http_stanch_loc_conf_t *lcf)
{
    int32_t                 code;
    ngx_http_stanch_ctx_t  *ctx;

    ctx = ngx_http_stanch_create_ctx(r, lcf->set);
    if (ctx == NULL) {
        ngx_http_stanch_log_failure(r, "no memory");
        return ngx_http_stanch_refuse_unscanned(lcf, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    ngx_http_set_ctx(r, ctx, ngx_http_stanch_module);

    ctx->limit = lcf->body_limit;
    ctx->limited = lcf->body_limit != 0;

    code = ngx_http_stanch_feed_head(r, ctx);

    if (code == STANCH_OK) {
        code = stanch_scan_verdict(ctx->scan, &ctx->verdict);
    }

    if (code != STANCH_OK) {
        ngx_http_stanch_failed(r, ctx, NGX_HTTP_INTERNAL_SERVER_ERROR, stanch_status_text(code));

    } else if (ctx->verdict.action != STANCH_ACTION_BLOCK && ngx_http_stanch_has_body(r)) {

        if (ctx->limited
            && r->headers_in.content_length_n > ctx->limit
            && ngx_http_stanch_refuse_unscanned(lcf, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
               != NGX_DECLINED)
        {
            ngx_http_stanch_failed(r, ctx, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                   "the body exceeds stanch_body_limit");

        } else {
            return ngx_http_stanch_read_body(r, ctx);
        }

    } else {
        /* nothing is left to read, or nothing that is read can change the verdict */
        ngx_http_stanch_finish(r, ctx);
    }

    return ngx_http_stanch_decide(r, ctx, lcf);
}


static ngx_http_stanch_ctx_t *
ngx_http_stanch_create_ctx(ngx_http_request_t *r, ngx_http_stanch_set_t *set)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_stanch_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_stanch_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_stanch_ctx_t));

    ctx->set = set;
    ctx->verdict.size = sizeof(stanch_verdict);

    ctx->held = ngx_http_stanch_watch_get(set);
    if (ctx->held == NULL) {
        return NULL;
    }

    ctx->block = ngx_http_stanch_held_scan(ctx->held, r->connection->log, &ctx->scan);
    if (ctx->block == NULL) {
        ngx_http_stanch_held_release(ctx->held);
        return NULL;
    }

    cln->handler = ngx_http_stanch_cleanup;

    return ctx;
}


/* A request that ends before its scan leaves no bytes behind, and no event. */
static void
ngx_http_stanch_cleanup(void *data)
{
    ngx_http_stanch_ctx_t  *ctx = data;

    if (ctx->resume.posted) {
        ngx_delete_posted_event(&ctx->resume);
    }

    if (ctx->scan) {
        (void) stanch_scan_finish(ctx->scan, &ctx->verdict);
    }

    ngx_http_stanch_release(ctx);
    ngx_http_stanch_held_release(ctx->held);
}


/*
 * The scan is finished; its memory, inflater and set must have stayed until now. A set that is not in use any
 * more need not wait for what is sent to the client, unless there is something to tell of it.
 */
static void
ngx_http_stanch_release(ngx_http_stanch_ctx_t *ctx)
{
    ctx->scan = NULL;

    ngx_http_stanch_held_put_back(ctx->held, ctx->block);
    ctx->block = NULL;

    stanch_inflater_free(ctx->inflater);
    ctx->inflater = NULL;

    if (ctx->verdict.action == STANCH_ACTION_PASS) {
        ngx_http_stanch_held_release(ctx->held);
        ctx->held = NULL;
    }
}


static ngx_uint_t
ngx_http_stanch_has_body(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    /* a body of no announced length; later versions of nginx call that "chunked" too */
    if (r->stream && !r->stream->in_closed) {
        return 1;
    }
#endif

    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}


static ngx_int_t
ngx_http_stanch_read_body(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_read_client_request_body(r, ngx_http_stanch_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ctx->answered = 1;
        return rc;
    }

    /* the phases go on from the body handler, now or later */
    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_stanch_body_handler(ngx_http_request_t *r)
{
    ngx_http_stanch_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_stanch_module);

    ctx->link = r->request_body ? r->request_body->bufs : NULL;
    ctx->resume.handler = ngx_http_stanch_resume;
    ctx->resume.data = r;
    ctx->resume.log = r->connection->log;

    ngx_http_stanch_portion(r, ctx);
}


static void
ngx_http_stanch_resume(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r = ev->data;
    ngx_http_stanch_ctx_t  *ctx;

    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_stanch_module);

    ngx_http_set_log_request(c->log, r);

    ngx_http_stanch_portion(r, ctx);

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_stanch_portion(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx)
{
    switch (ngx_http_stanch_feed_body(r, ctx)) {

    case NGX_AGAIN:
        ngx_post_event(&ctx->resume, &ngx_posted_next_events);
        return;

    case NGX_OK:
        ctx->body = 1;
        ngx_http_stanch_finish(r, ctx);
        break;

    case NGX_DECLINED:
        ngx_http_stanch_failed(r, ctx, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                               "the body exceeds stanch_body_limit");
        break;

    default:
        ngx_http_stanch_failed(r, ctx, NGX_HTTP_INTERNAL_SERVER_ERROR,
                               "the body cannot be read or scanned");
    }

    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


/*
 * NGX_OK: the body is through, or a hit makes the rest immaterial. NGX_AGAIN: one portion is.
 * NGX_DECLINED: as much as the limit allows, and there is more. NGX_ERROR: it cannot go on.
 */
static ngx_int_t
ngx_http_stanch_feed_body(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx)
{
    off_t          size, done, portion;
    ssize_t        read;
    ngx_int_t      rc;
    ngx_buf_t     *b;
    ngx_uint_t     n;
    stanch_slice   slices[NGX_HTTP_STANCH_BATCH];

    /* one for the worker: nginx runs this on its main thread only, and nothing retains it */
    static u_char  buffer[NGX_HTTP_STANCH_READ];

    if (ctx->encoded && ctx->inflater == NULL
        && ngx_http_stanch_inflate(r, ctx) != STANCH_OK)
    {
        return NGX_ERROR;
    }

    n = 0;
    done = 0;
    portion = ctx->inflater ? NGX_HTTP_STANCH_ENCODED_PORTION : NGX_HTTP_STANCH_PORTION;

    while (ctx->link) {
        b = ctx->link->buf;
        size = ngx_buf_size(b) - ctx->offset;

        if (size <= 0) {
            ctx->link = ctx->link->next;
            ctx->offset = 0;
            continue;
        }

        if ((ctx->limited && ctx->limit == 0) || done >= portion) {
            break;
        }

        if (ctx->limited) {
            size = ngx_min(size, ctx->limit);
        }

        size = ngx_min(size, portion - done);

        if (ngx_buf_in_memory(b)) {
            slices[n].data = b->pos + ctx->offset;

        } else {
            /* the buffer holds one piece: what was collected so far goes first */
            rc = ngx_http_stanch_feed_slices(r, ctx, slices, &n);
            if (rc != NGX_AGAIN) {
                return rc;
            }

            size = ngx_min(size, NGX_HTTP_STANCH_READ);

            read = ngx_read_file(b->file, buffer, (size_t) size, b->file_pos + ctx->offset);
            if (read <= 0) {
                return NGX_ERROR;
            }

            size = read;
            slices[n].data = buffer;
        }

        slices[n].len = (size_t) size;
        n++;

        ctx->offset += size;
        ctx->limit -= ctx->limited ? size : 0;
        done += size;

        if (n == NGX_HTTP_STANCH_BATCH || !ngx_buf_in_memory(b)) {
            rc = ngx_http_stanch_feed_slices(r, ctx, slices, &n);
            if (rc != NGX_AGAIN) {
                return rc;
            }
        }
    }

    rc = ngx_http_stanch_feed_slices(r, ctx, slices, &n);

    if (rc != NGX_AGAIN || ctx->link == NULL) {
        return rc == NGX_AGAIN ? NGX_OK : rc;
    }

    return ctx->limited && ctx->limit == 0 ? NGX_DECLINED : NGX_AGAIN;
}


/* NGX_AGAIN: go on. NGX_OK: a hit that cannot get any worse. NGX_ERROR: it cannot go on. */
static ngx_int_t
ngx_http_stanch_feed_slices(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx,
    stanch_slice *slices, ngx_uint_t *n)
{
    if (*n == 0) {
        return NGX_AGAIN;
    }

    if (stanch_scan_body(ctx->scan, slices, *n) != STANCH_OK
        || stanch_scan_verdict(ctx->scan, &ctx->verdict) != STANCH_OK)
    {
        return NGX_ERROR;
    }

    *n = 0;

    return ctx->verdict.action == STANCH_ACTION_BLOCK ? NGX_OK : NGX_AGAIN;
}


static void
ngx_http_stanch_finish(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx)
{
    int32_t  code;

    code = stanch_scan_finish(ctx->scan, &ctx->verdict);

    if (code == STANCH_OK) {
        ngx_http_stanch_release(ctx);
        ctx->stage = NGX_HTTP_STANCH_SCANNED;

        if (ctx->verdict.body != STANCH_BODY_WHOLE
            && ctx->verdict.action != STANCH_ACTION_BLOCK)
        {
            ngx_http_stanch_log_unreadable(r, ctx->verdict.body);
        }

        return;
    }

    ngx_http_stanch_failed(r, ctx, NGX_HTTP_INTERNAL_SERVER_ERROR, stanch_status_text(code));
}


/* What was found before the failure stands: only a verdict that lets the request pass does not. */
static void
ngx_http_stanch_failed(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx, ngx_uint_t status,
    const char *reason)
{
    (void) stanch_scan_finish(ctx->scan, &ctx->verdict);
    ngx_http_stanch_release(ctx);

    if (ctx->verdict.action == STANCH_ACTION_BLOCK) {
        ctx->stage = NGX_HTTP_STANCH_SCANNED;
        return;
    }

    ctx->stage = NGX_HTTP_STANCH_FAILED;
    ctx->failure = status;

    ngx_http_stanch_log_failure(r, reason);
}
