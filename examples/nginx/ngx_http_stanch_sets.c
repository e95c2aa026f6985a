/*
 * The patch sets of a configuration: each pair of set and key is opened once, before the workers
 * are forked, and freed with the configuration. A reload builds a new configuration beside the
 * old one; the old sets go when the last worker of the old configuration has gone.
 */

#include "ngx_http_stanch.h"

static ngx_http_stanch_set_t *ngx_http_stanch_sets_find(ngx_array_t *sets, ngx_str_t *patches,
    ngx_str_t *key);
static ngx_int_t ngx_http_stanch_sets_open(ngx_conf_t *cf, ngx_http_stanch_set_t *entry,
    ngx_http_stanch_file_t *patches, ngx_http_stanch_file_t *key);
static void ngx_http_stanch_sets_close(void *data);


ngx_http_stanch_set_t *
ngx_http_stanch_sets_get(ngx_conf_t *cf, ngx_http_stanch_file_t *patches,
    ngx_http_stanch_file_t *key)
{
    ngx_http_stanch_set_t         *entry, **slot;
    ngx_http_stanch_main_conf_t   *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_stanch_module);

    entry = ngx_http_stanch_sets_find(&mcf->sets, &patches->path, &key->path);
    if (entry) {
        return entry;
    }

    entry = ngx_pcalloc(cf->pool, sizeof(ngx_http_stanch_set_t));
    if (entry == NULL) {
        return NULL;
    }

    entry->patches = patches->path;
    entry->key = key->path;

    if (ngx_http_stanch_sets_open(cf, entry, patches, key) != NGX_OK) {
        return NULL;
    }

    slot = ngx_array_push(&mcf->sets);
    if (slot == NULL) {
        return NULL;
    }

    *slot = entry;

    return entry;
}


static ngx_http_stanch_set_t *
ngx_http_stanch_sets_find(ngx_array_t *sets, ngx_str_t *patches, ngx_str_t *key)
{
    ngx_uint_t               i;
    ngx_http_stanch_set_t  **entry = sets->elts;

    for (i = 0; i < sets->nelts; i++) {
        if (entry[i]->patches.len == patches->len
            && entry[i]->key.len == key->len
            && ngx_memcmp(entry[i]->patches.data, patches->data, patches->len) == 0
            && ngx_memcmp(entry[i]->key.data, key->data, key->len) == 0)
        {
            return entry[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_stanch_sets_open(ngx_conf_t *cf, ngx_http_stanch_set_t *entry,
    ngx_http_stanch_file_t *patches, ngx_http_stanch_file_t *key)
{
    int32_t              code;
    stanch_error         error;
    stanch_slice         patches_path, key_path;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    patches_path.data = entry->patches.data;
    patches_path.len = entry->patches.len;
    key_path.data = entry->key.data;
    key_path.len = entry->key.len;

    ngx_memzero(&error, sizeof(stanch_error));
    error.size = sizeof(stanch_error);

    code = stanch_set_open(patches_path, key_path, &error, &entry->set);

    if (code != STANCH_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "stanch: %s (stanch_patches in %V:%ui, stanch_key in %V:%ui)",
                      error.message[0] ? error.message : stanch_status_text(code),
                      &patches->in, patches->line, &key->in, key->line);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_stanch_sets_close;
    cln->data = entry->set;

    code = stanch_scan_size(entry->set, &entry->state);

    if (code != STANCH_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "stanch: %s (stanch_patches in %V:%ui)",
                      stanch_status_text(code), &patches->in, patches->line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_stanch_sets_close(void *data)
{
    stanch_set_free(data);
}
