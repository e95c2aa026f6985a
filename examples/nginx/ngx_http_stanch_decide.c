/*
 * What becomes of a request that was scanned, or could not be, and what the error log says of it.
 *
 * Nothing of the request is ever written there: the messages go to the location's log without nginx's
 * context, which would add the request line.
 */

#include "ngx_http_stanch.h"

static ngx_uint_t ngx_http_stanch_unreadable_status(uint32_t body);
static void ngx_http_stanch_log_hit(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx);


ngx_int_t
ngx_http_stanch_decide(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx,
    ngx_http_stanch_loc_conf_t *lcf)
{
    ngx_int_t   rc;
    ngx_uint_t  action;

    if (ctx->answered) {
        return NGX_DECLINED;
    }

    action = ctx->verdict.action;
    rc = NGX_DECLINED;

    if (ctx->stage == NGX_HTTP_STANCH_SCANNED
        && action != STANCH_ACTION_BLOCK
        && ctx->verdict.body != STANCH_BODY_WHOLE
        && lcf->unreadable == NGX_HTTP_STANCH_UNREADABLE_BLOCK)
    {
        ctx->stage = NGX_HTTP_STANCH_FAILED;
        ctx->failure = ngx_http_stanch_unreadable_status(ctx->verdict.body);
        ctx->unreadable = 1;
    }

    if (ctx->unreadable) {
        if (lcf->mode == NGX_HTTP_STANCH_ON
            && lcf->unreadable == NGX_HTTP_STANCH_UNREADABLE_BLOCK)
        {
            rc = ctx->failure;
        }

    } else if (ctx->stage == NGX_HTTP_STANCH_FAILED) {
        rc = ngx_http_stanch_refuse_unscanned(lcf, ctx->failure);

    } else if (action == STANCH_ACTION_BLOCK && lcf->mode == NGX_HTTP_STANCH_ON) {
        rc = lcf->status;

    } else if (action == STANCH_ACTION_BLOCK) {
        action = STANCH_ACTION_MONITOR;
    }

    if (action != ctx->action) {
        ctx->action = action;
        ngx_http_stanch_log_hit(r, ctx);
    }

    ctx->answered = rc != NGX_DECLINED;

    return rc;
}


/* RFC 9110, sections 15.5.1, 15.5.14 and 15.5.16 */
static ngx_uint_t
ngx_http_stanch_unreadable_status(uint32_t body)
{
    switch (body) {

    case STANCH_BODY_UNSUPPORTED:
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;

    case STANCH_BODY_DAMAGED:
        return NGX_HTTP_BAD_REQUEST;

    default:
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
}


/* A request that was not scanned: NGX_DECLINED lets it pass. "monitor" never refuses any. */
ngx_int_t
ngx_http_stanch_refuse_unscanned(ngx_http_stanch_loc_conf_t *lcf, ngx_uint_t status)
{
    if (lcf->mode == NGX_HTTP_STANCH_ON && lcf->fail == NGX_HTTP_STANCH_FAIL_CLOSED) {
        return status;
    }

    return NGX_DECLINED;
}


static void
ngx_http_stanch_log_hit(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx)
{
    char                       views[STANCH_VIEWS_TEXT];
    ngx_log_t                 *log;
    ngx_uint_t                 level;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    log = clcf->error_log;
    level = ctx->action == STANCH_ACTION_BLOCK ? NGX_LOG_WARN : NGX_LOG_INFO;

    stanch_views_text(ctx->verdict.views, views, sizeof(views));

    ngx_log_error(level, log, 0, "stanch: %s leak %uL part %s view %s client %V",
                  stanch_action_name(ctx->action), ctx->verdict.leak,
                  stanch_part_name(ctx->verdict.part), views,
                  &r->connection->addr_text);
}


void
ngx_http_stanch_log_failure(ngx_http_request_t *r, const char *reason)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_log_error(NGX_LOG_ERR, clcf->error_log, 0, "stanch: request not scanned: %s, client %V",
                  reason, &r->connection->addr_text);
}


/* Whatever becomes of it: an operator should know that somebody sends such bodies. */
void
ngx_http_stanch_log_unreadable(ngx_http_request_t *r, uint32_t body)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_log_error(NGX_LOG_WARN, clcf->error_log, 0, "stanch: body unreadable: %s, client %V",
                  stanch_body_name(body), &r->connection->addr_text);
}
