/*
 * $stanch_attempt: a request that carried a leaked token, as a line of JSON, which `stanch attempts
 * import` reads. No value for any other request. Neither the token nor the query is in it; the path is
 * left out where it holds a token, too.
 */

#include "ngx_http_stanch.h"

/* A line's parts, in their order. */
typedef struct {
    const char  *key;
    ngx_str_t    value;
    size_t       escaped;   /* how much longer the value gets */
} ngx_http_stanch_member_t;

#define NGX_HTTP_STANCH_MEMBERS  11

static ngx_str_t ngx_http_stanch_path(ngx_http_request_t *r);
static ngx_uint_t ngx_http_stanch_path_is_clean(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx,
    ngx_str_t *path);
static void ngx_http_stanch_member(ngx_http_stanch_member_t **next, const char *key,
    const void *value, size_t len);


ngx_int_t
ngx_http_stanch_attempt(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    char                       views[STANCH_VIEWS_TEXT];
    size_t                     len, nviews;
    u_char                    *p;
    ngx_str_t                  path;
    ngx_uint_t                 i;
    const char                *action, *part;
    ngx_http_stanch_ctx_t     *ctx;
    ngx_http_stanch_member_t   members[NGX_HTTP_STANCH_MEMBERS], *next;

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 1;

    ctx = ngx_http_stanch_get_ctx(r);
    if (ctx == NULL || ctx->stage == NGX_HTTP_STANCH_WAITING
        || ctx->verdict.action == STANCH_ACTION_PASS)
    {
        return NGX_OK;
    }

    r = r->main;
    action = stanch_action_name(ctx->action);
    part = stanch_part_name(ctx->verdict.part);
    nviews = stanch_views_text(ctx->verdict.views, views, sizeof(views));

    next = members;
    ngx_http_stanch_member(&next, "{\"type\":\"vpatch\",\"time\":", ngx_cached_http_log_iso8601.data,
                           ngx_cached_http_log_iso8601.len);
    ngx_http_stanch_member(&next, ",\"node\":", ngx_cycle->hostname.data,
                           ngx_cycle->hostname.len);
    ngx_http_stanch_member(&next, ",\"client\":", r->connection->addr_text.data,
                           r->connection->addr_text.len);
    ngx_http_stanch_member(&next, ",\"host\":", r->headers_in.server.data,
                           r->headers_in.server.len);
    ngx_http_stanch_member(&next, ",\"method\":", r->method_name.data, r->method_name.len);
    path = ngx_http_stanch_path(r);
    if (ngx_http_stanch_path_is_clean(r, ctx, &path)) {
        ngx_http_stanch_member(&next, ",\"path\":", path.data, path.len);
    }
    ngx_http_stanch_member(&next, ",\"part\":", part, ngx_strlen(part));
    if (ctx->verdict.name_len) {
        ngx_http_stanch_member(&next, ",\"name\":", ctx->verdict.name, ctx->verdict.name_len);
    }
    ngx_http_stanch_member(&next, ",\"view\":", views, nviews);
    ngx_http_stanch_member(&next, ",\"action\":", action, ngx_strlen(action));

    len = sizeof(",\"leak\":}") - 1 + NGX_INT64_LEN;
    for (i = 0; &members[i] != next; i++) {
        len += ngx_strlen(members[i].key) + sizeof("\"\"") - 1 + members[i].value.len
               + members[i].escaped;
    }

    v->data = p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; &members[i] != next; i++) {
        p = ngx_cpymem(p, members[i].key, ngx_strlen(members[i].key));
        *p++ = '"';
        p = (u_char *) ngx_escape_json(p, members[i].value.data, members[i].value.len);
        *p++ = '"';
    }

    p = ngx_sprintf(p, ",\"leak\":%uL}", ctx->verdict.leak);

    v->len = p - v->data;
    v->not_found = 0;

    return NGX_OK;
}


static void
ngx_http_stanch_member(ngx_http_stanch_member_t **next, const char *key, const void *value,
    size_t len)
{
    ngx_http_stanch_member_t  *member = (*next)++;

    member->key = key;
    member->value.data = (u_char *) value;
    member->value.len = len;
    member->escaped = (size_t) ngx_escape_json(NULL, member->value.data, len);
}


/* As the client sent it; an internal redirect changes r->uri. */
static ngx_str_t
ngx_http_stanch_path(ngx_http_request_t *r)
{
    u_char     *query;
    ngx_str_t   path;

    path = r->unparsed_uri;

    query = ngx_strlchr(path.data, path.data + path.len, '?');
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
ngx_http_stanch_path_is_clean(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx, ngx_str_t *path)
{
    void            *memory;
    size_t           align;
    stanch_scan     *scan;
    stanch_slice     method, target;
    stanch_verdict   verdict;

    if (ctx->verdict.part == STANCH_PART_PATH) {
        return 0;
    }

    align = stanch_scan_align();
    memory = ngx_palloc(r->pool, ctx->state + align - 1);
    if (memory == NULL) {
        return 0;
    }

    ngx_memzero(&verdict, sizeof(stanch_verdict));
    verdict.size = sizeof(stanch_verdict);

    if (stanch_scan_init(ctx->patches, ngx_align_ptr(memory, align), ctx->state, &scan)
        != STANCH_OK)
    {
        return 0;
    }

    method.data = r->method_name.data;
    method.len = r->method_name.len;
    target.data = path->data;
    target.len = path->len;

    if (ngx_http_stanch_feed_context(r, scan) != STANCH_OK
        || stanch_scan_request(scan, method, target) != STANCH_OK)
    {
        (void) stanch_scan_finish(scan, &verdict);
        return 0;
    }

    return stanch_scan_finish(scan, &verdict) == STANCH_OK
           && verdict.action == STANCH_ACTION_PASS;
}
