/*
 * What a scan is told of a request before its body: what nginx knows, the request line, the headers;
 * and what it needs for a body with a content encoding.
 */

#include "ngx_http_stanch.h"

static int32_t ngx_http_stanch_feed_headers(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx);


int32_t
ngx_http_stanch_feed_head(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx)
{
    int32_t       code;
    stanch_slice  method, target;

    code = ngx_http_stanch_feed_context(r, ctx->scan);
    if (code != STANCH_OK) {
        return code;
    }

    method.data = r->method_name.data;
    method.len = r->method_name.len;

    /* as the client sent it: r->uri is decoded and loses what it was written like */
    target.data = r->unparsed_uri.data;
    target.len = r->unparsed_uri.len;

    code = stanch_scan_request(ctx->scan, method, target);
    if (code != STANCH_OK) {
        return code;
    }

    return ngx_http_stanch_feed_headers(r, ctx);
}


static int32_t
ngx_http_stanch_feed_headers(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx)
{
    int32_t           code;
    ngx_uint_t        i, n;
    stanch_header     headers[NGX_HTTP_STANCH_BATCH];
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  encoding = ngx_string("content-encoding");

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            headers[n].name.data = h[i].key.data;
            headers[n].name.len = h[i].key.len;
            headers[n].value.data = h[i].value.data;
            headers[n].value.len = h[i].value.len;

            if (h[i].key.len == encoding.len
                && ngx_strncasecmp(h[i].key.data, encoding.data, encoding.len) == 0)
            {
                ctx->encoded = 1;
            }

            if (++n == NGX_HTTP_STANCH_BATCH) {
                code = stanch_scan_headers(ctx->scan, headers, n);
                if (code != STANCH_OK) {
                    return code;
                }

                n = 0;
            }
        }
    }

    return n ? stanch_scan_headers(ctx->scan, headers, n) : STANCH_OK;
}


int32_t
ngx_http_stanch_feed_context(ngx_http_request_t *r, stanch_scan *scan)
{
    stanch_context        context;
    struct sockaddr      *client;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    ngx_memzero(&context, sizeof(stanch_context));
    context.size = sizeof(stanch_context);

    if (r->headers_in.server.len) {
        context.host.data = r->headers_in.server.data;
        context.host.len = r->headers_in.server.len;
    }

    client = r->connection->sockaddr;

    switch (client->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) client;
        context.client_len = sizeof(sin->sin_addr);
        ngx_memcpy(context.client, &sin->sin_addr, sizeof(sin->sin_addr));
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) client;
        context.client_len = sizeof(sin6->sin6_addr);
        ngx_memcpy(context.client, &sin6->sin6_addr, sizeof(sin6->sin6_addr));
        break;
#endif
    }

    return stanch_scan_context(scan, &context);
}


int32_t
ngx_http_stanch_inflate(ngx_http_request_t *r, ngx_http_stanch_ctx_t *ctx)
{
    int32_t                      code;
    stanch_inflate_limits        limits;
    ngx_http_stanch_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_stanch_module);

    ngx_memzero(&limits, sizeof(stanch_inflate_limits));
    limits.size = sizeof(stanch_inflate_limits);
    limits.total = (uint64_t) lcf->inflate_limit;
    limits.ratio = (uint64_t) lcf->inflate_ratio;

    code = stanch_inflater_new(&limits, NULL, &ctx->inflater);
    if (code != STANCH_OK) {
        return code;
    }

    return stanch_scan_inflate(ctx->scan, ctx->inflater);
}
