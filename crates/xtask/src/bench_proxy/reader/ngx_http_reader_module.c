/*
 * What looking at a body costs before anybody looks: reads it in the phase in which stanch does, does nothing
 * with it, and goes on. Nothing that is handed out: `cargo xtask bench-proxy` measures with it.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

static ngx_int_t ngx_http_reader_handler(ngx_http_request_t *r);
static void ngx_http_reader_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_reader_init(ngx_conf_t *cf);

static ngx_http_module_t  ngx_http_reader_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_reader_init,                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};

ngx_module_t  ngx_http_reader_module = {
    NGX_MODULE_V1,
    &ngx_http_reader_module_ctx,           /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_reader_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->request_body || r->headers_in.content_length_n <= 0) {
        return NGX_DECLINED;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_reader_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    /* the phases go on from the body handler, now or later */
    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_reader_body_handler(ngx_http_request_t *r)
{
    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


static ngx_int_t
ngx_http_reader_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_reader_handler;

    return NGX_OK;
}
