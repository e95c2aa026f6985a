/*
 * The patch sets of a configuration: each is opened once for its files and what is asked of it,
 * before the workers are forked, and freed with the configuration. A reload builds a new
 * configuration beside the old one; the old sets go when the last worker of the old configuration
 * has gone. Until then they, and what workers took since, say which sets would be a step back.
 */

#include "ngx_http_stanch.h"

static ngx_int_t ngx_http_stanch_sets_read_keys(ngx_conf_t *cf, ngx_http_stanch_set_t *entry,
    ngx_array_t *files);
static ngx_int_t ngx_http_stanch_sets_name(ngx_conf_t *cf, ngx_array_t *sets,
    ngx_http_stanch_set_t *entry);
static ngx_http_stanch_set_t *ngx_http_stanch_sets_find(ngx_array_t *sets,
    ngx_http_stanch_set_t *wanted);
static ngx_uint_t ngx_http_stanch_sets_same(ngx_str_t *a, ngx_str_t *b);
static const stanch_set *ngx_http_stanch_sets_held(ngx_conf_t *cf, ngx_str_t *patches,
    uint64_t *taken);
static ngx_int_t ngx_http_stanch_sets_open(ngx_conf_t *cf, ngx_http_stanch_set_t *entry,
    ngx_http_stanch_loc_conf_t *conf);
static stanch_slice ngx_http_stanch_sets_slice(ngx_str_t *text);
static void ngx_http_stanch_sets_close(void *data);


ngx_http_stanch_set_t *
ngx_http_stanch_sets_get(ngx_conf_t *cf, ngx_http_stanch_loc_conf_t *conf)
{
    ngx_http_stanch_set_t         *wanted, *entry, **slot;
    ngx_http_stanch_main_conf_t   *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_stanch_module);

    wanted = ngx_pcalloc(cf->pool, sizeof(ngx_http_stanch_set_t));
    if (wanted == NULL) {
        return NULL;
    }

    wanted->patches = conf->patches.path;
    wanted->key = conf->key.path;
    wanted->serial = (ngx_uint_t) conf->min_serial;

    if (conf->public_keys
        && ngx_http_stanch_sets_read_keys(cf, wanted, conf->public_keys) != NGX_OK)
    {
        return NULL;
    }

    entry = ngx_http_stanch_sets_find(&mcf->sets, wanted);
    if (entry) {
        return entry;
    }

    if (ngx_http_stanch_sets_open(cf, wanted, conf) != NGX_OK
        || ngx_http_stanch_sets_name(cf, &mcf->sets, wanted) != NGX_OK)
    {
        return NULL;
    }

    slot = ngx_array_push(&mcf->sets);
    if (slot == NULL) {
        return NULL;
    }

    *slot = wanted;

    return wanted;
}


static ngx_int_t
ngx_http_stanch_sets_read_keys(ngx_conf_t *cf, ngx_http_stanch_set_t *entry, ngx_array_t *files)
{
    int32_t                  code;
    ngx_uint_t               i;
    stanch_error             error;
    stanch_slice             text;
    ngx_http_stanch_file_t  *file = files->elts;

    entry->keys = ngx_pcalloc(cf->pool, files->nelts * sizeof(stanch_public_key));
    if (entry->keys == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < files->nelts; i++) {
        ngx_memzero(&error, sizeof(stanch_error));
        error.size = sizeof(stanch_error);

        text = ngx_http_stanch_sets_slice(&file[i].path);

        code = file[i].literal ? stanch_public_key_parse(text, &error, &entry->keys[i])
                               : stanch_public_key_open(text, &error, &entry->keys[i]);

        if (code != STANCH_OK) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "stanch: %s (stanch_public_key in %V:%ui)",
                          error.message[0] ? error.message : stanch_status_text(code),
                          &file[i].in, file[i].line);
            return NGX_ERROR;
        }
    }

    entry->nkeys = files->nelts;

    return NGX_OK;
}


/*
 * What metrics call the set: its path, escaped as a label's value must be, and with a number if a set of
 * the same path has it already, as one that is trusted for other reasons.
 */
static ngx_int_t
ngx_http_stanch_sets_name(ngx_conf_t *cf, ngx_array_t *sets, ngx_http_stanch_set_t *entry)
{
    u_char                  *p, *path, *next, *last;
    uint32_t                 code;
    ngx_uint_t               i, n;
    ngx_http_stanch_set_t  **other = sets->elts;

    n = 1;

    for (i = 0; i < sets->nelts; i++) {
        n += ngx_http_stanch_sets_same(&other[i]->patches, &entry->patches);
    }

    p = ngx_pnalloc(cf->pool, entry->patches.len * 2 + 1 + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    entry->name.data = p;
    path = entry->patches.data;
    last = path + entry->patches.len;

    while (path < last) {
        next = path;
        code = *path < 0x80 ? *next++ : ngx_utf8_decode(&next, last - path);

        if (code > 0x10ffff) {
            /* a file may have any name, a label must be UTF-8 */
            *p++ = '?';
            path++;

        } else if (code == '\n') {
            *p++ = '\\';
            *p++ = 'n';
            path = next;

        } else {
            if (code == '"' || code == '\\') {
                *p++ = '\\';
            }

            while (path < next) {
                *p++ = *path++;
            }
        }
    }

    if (n > 1) {
        p = ngx_sprintf(p, "#%ui", n);
    }

    entry->name.len = p - entry->name.data;

    return NGX_OK;
}


static ngx_http_stanch_set_t *
ngx_http_stanch_sets_find(ngx_array_t *sets, ngx_http_stanch_set_t *wanted)
{
    ngx_uint_t               i;
    ngx_http_stanch_set_t  **entry = sets->elts;

    for (i = 0; i < sets->nelts; i++) {
        if (ngx_http_stanch_sets_same(&entry[i]->patches, &wanted->patches)
            && ngx_http_stanch_sets_same(&entry[i]->key, &wanted->key)
            && entry[i]->serial == wanted->serial
            && entry[i]->nkeys == wanted->nkeys
            && (wanted->nkeys == 0
                || ngx_memcmp(entry[i]->keys, wanted->keys,
                              wanted->nkeys * sizeof(stanch_public_key)) == 0))
        {
            return entry[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_stanch_sets_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


/*
 * The newest set that the running configuration was opened with from this file; NULL if there is none,
 * as when nginx starts, or in "nginx -t", which knows nothing of what runs. And the serial number of the
 * newest that its workers took from there since.
 */
static const stanch_set *
ngx_http_stanch_sets_held(ngx_conf_t *cf, ngx_str_t *patches, uint64_t *taken)
{
    uint64_t                       serial;
    ngx_uint_t                     i;
    const stanch_set              *held;
    ngx_cycle_t                   *old;
    stanch_set_info                info;
    ngx_http_stanch_set_t        **entry;
    ngx_http_stanch_main_conf_t   *mcf;

    old = cf->cycle->old_cycle;

    if (old == NULL || ngx_is_init_cycle(old)) {
        return NULL;
    }

    /* it may have been without this module, and then has no place for its configuration */
    for (i = 0; old->modules[i] != &ngx_http_stanch_module; i++) {
        if (old->modules[i] == NULL) {
            return NULL;
        }
    }

    mcf = ngx_http_cycle_get_module_main_conf(old, ngx_http_stanch_module);
    if (mcf == NULL) {
        return NULL;
    }

    held = NULL;
    serial = 0;
    entry = mcf->sets.elts;

    for (i = 0; i < mcf->sets.nelts; i++) {
        if (!ngx_http_stanch_sets_same(&entry[i]->patches, patches)) {
            continue;
        }

        if (entry[i]->record) {
            *taken = ngx_max(*taken, entry[i]->record->serial);
        }

        if (ngx_http_stanch_watch_describe(entry[i]->first, &info) == STANCH_OK
            && (held == NULL || info.serial > serial))
        {
            held = entry[i]->first;
            serial = info.serial;
        }
    }

    return held;
}


static ngx_int_t
ngx_http_stanch_sets_open(ngx_conf_t *cf, ngx_http_stanch_set_t *entry,
    ngx_http_stanch_loc_conf_t *conf)
{
    int32_t                       code;
    uint64_t                      taken;
    stanch_error                  error;
    stanch_trust                  trust;
    ngx_pool_cleanup_t           *cln;
    ngx_http_stanch_main_conf_t  *mcf;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&error, sizeof(stanch_error));
    error.size = sizeof(stanch_error);

    ngx_memzero(&trust, sizeof(stanch_trust));
    trust.size = sizeof(stanch_trust);
    trust.keys = entry->keys;
    trust.key_count = entry->nkeys;
    trust.serial = entry->serial;

    /* a number means nothing in a set that anybody can make */
    if (entry->nkeys) {
        taken = 0;
        trust.replaces = ngx_http_stanch_sets_held(cf, &entry->patches, &taken);
        trust.serial = ngx_max(trust.serial, taken);
    }

    code = stanch_guard_open(ngx_http_stanch_sets_slice(&entry->patches),
                             ngx_http_stanch_sets_slice(&entry->key), &trust, &error,
                             &entry->guard);

    if (code != STANCH_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "stanch: %s (stanch_patches in %V:%ui, stanch_key in %V:%ui)",
                      error.message[0] ? error.message : stanch_status_text(code),
                      &conf->patches.in, conf->patches.line, &conf->key.in, conf->key.line);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_stanch_sets_close;
    cln->data = entry;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_stanch_module);

    if (!mcf->watch) {
        (void) stanch_guard_set_interval(entry->guard, UINT64_MAX);
    }

    code = stanch_guard_acquire(entry->guard, NULL, &entry->first);

    if (code != STANCH_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "stanch: %s (stanch_patches in %V:%ui)",
                      stanch_status_text(code), &conf->patches.in, conf->patches.line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static stanch_slice
ngx_http_stanch_sets_slice(ngx_str_t *text)
{
    stanch_slice  slice;

    slice.data = text->data;
    slice.len = text->len;

    return slice;
}


static void
ngx_http_stanch_sets_close(void *data)
{
    ngx_http_stanch_set_t  *entry = data;

    ngx_http_stanch_held_release(entry->held);
    stanch_guard_release(entry->first);
    stanch_guard_free(entry->guard);
}
