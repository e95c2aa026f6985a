/*
 * The variables for the access log. They have no value ("-" in a log) for a request that was not
 * scanned; $stanch_body has none for one without a scanned body, and all others but $stanch_action
 * have none when nothing was found. None of them holds a token.
 */

#include "ngx_http_stanch.h"

#define NGX_HTTP_STANCH_ACTION  0
#define NGX_HTTP_STANCH_LEAK    1
#define NGX_HTTP_STANCH_PART    2
#define NGX_HTTP_STANCH_VIEW    3
#define NGX_HTTP_STANCH_NAME    4
#define NGX_HTTP_STANCH_BODY    5

static ngx_int_t ngx_http_stanch_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data);
static ngx_int_t ngx_http_stanch_variable_leak(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uint64_t leak);
static void ngx_http_stanch_variable_text(ngx_http_variable_value_t *v, const void *text,
    size_t len);

/* Not cacheable: "map" or "set" may have read a variable before the request was scanned. */
static ngx_http_variable_t  ngx_http_stanch_variables[] = {

    { ngx_string("stanch_action"), NULL, ngx_http_stanch_variable,
      NGX_HTTP_STANCH_ACTION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stanch_leak"), NULL, ngx_http_stanch_variable,
      NGX_HTTP_STANCH_LEAK, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stanch_part"), NULL, ngx_http_stanch_variable,
      NGX_HTTP_STANCH_PART, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stanch_view"), NULL, ngx_http_stanch_variable,
      NGX_HTTP_STANCH_VIEW, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stanch_name"), NULL, ngx_http_stanch_variable,
      NGX_HTTP_STANCH_NAME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stanch_body"), NULL, ngx_http_stanch_variable,
      NGX_HTTP_STANCH_BODY, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("stanch_attempt"), NULL, ngx_http_stanch_attempt,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_stanch_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_stanch_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_stanch_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    char                   *views;
    const char             *text;
    ngx_http_stanch_ctx_t  *ctx;

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 1;

    ctx = ngx_http_stanch_get_ctx(r);
    if (ctx == NULL || ctx->stage == NGX_HTTP_STANCH_WAITING) {
        return NGX_OK;
    }

    if (data == NGX_HTTP_STANCH_ACTION) {
        text = ctx->stage == NGX_HTTP_STANCH_FAILED ? "failed" : stanch_action_name(ctx->action);
        ngx_http_stanch_variable_text(v, text, ngx_strlen(text));
        return NGX_OK;
    }

    if (data == NGX_HTTP_STANCH_BODY) {
        if (ctx->body) {
            text = stanch_body_name(ctx->verdict.body);
            ngx_http_stanch_variable_text(v, text, ngx_strlen(text));
        }
        return NGX_OK;
    }

    if (ctx->verdict.action == STANCH_ACTION_PASS) {
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_STANCH_LEAK:
        return ngx_http_stanch_variable_leak(r, v, ctx->verdict.leak);

    case NGX_HTTP_STANCH_PART:
        text = stanch_part_name(ctx->verdict.part);
        ngx_http_stanch_variable_text(v, text, ngx_strlen(text));
        break;

    case NGX_HTTP_STANCH_VIEW:
        views = ngx_pnalloc(r->pool, STANCH_VIEWS_TEXT);
        if (views == NULL) {
            return NGX_ERROR;
        }
        ngx_http_stanch_variable_text(v, views,
            stanch_views_text(ctx->verdict.views, views, STANCH_VIEWS_TEXT));
        break;

    case NGX_HTTP_STANCH_NAME:
        if (ctx->verdict.name_len) {
            ngx_http_stanch_variable_text(v, ctx->verdict.name, ctx->verdict.name_len);
        }
        break;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_stanch_variable_leak(ngx_http_request_t *r, ngx_http_variable_value_t *v, uint64_t leak)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_stanch_variable_text(v, p, ngx_sprintf(p, "%uL", leak) - p);

    return NGX_OK;
}


static void
ngx_http_stanch_variable_text(ngx_http_variable_value_t *v, const void *text, size_t len)
{
    v->data = (u_char *) text;
    v->len = len;
    v->not_found = 0;
}
