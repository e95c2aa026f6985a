/*
 * What the workers count together, in shared memory: requests by what became of them, and hits by
 * leak. A reload keeps it: nginx hands the zone on as long as its size stays the same. Nothing here
 * ever waits for another worker, but for the moment in which a set is swapped.
 */

#include "ngx_http_stanch.h"

/* Of the table's places, those that may be taken: more would make looking for one slow. */
#define NGX_HTTP_STANCH_MOST(size)  ((size) / 4 * 3)

static ngx_int_t ngx_http_stanch_zone_init(ngx_shm_zone_t *zone, void *data);
static ngx_http_stanch_shared_t *ngx_http_stanch_zone_create(ngx_slab_pool_t *pool);
static ngx_http_stanch_record_t *ngx_http_stanch_zone_record(ngx_http_stanch_main_conf_t *mcf,
    ngx_str_t *name);
static ngx_http_stanch_hits_t *ngx_http_stanch_zone_hits(ngx_http_stanch_shared_t *shared,
    uint64_t leak);


ngx_int_t
ngx_http_stanch_zone_add(ngx_conf_t *cf)
{
    ngx_shm_zone_t               *zone;
    ngx_http_stanch_main_conf_t  *mcf;

    static ngx_str_t  name = ngx_string("stanch");

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_stanch_module);

    if (mcf->sets.nelts == 0 && !mcf->metrics) {
        return NGX_OK;
    }

    zone = ngx_shared_memory_add(cf, &name, mcf->zone_size, &ngx_http_stanch_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_stanch_zone_init;
    zone->data = mcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_stanch_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t                     i;
    ngx_http_stanch_set_t        **entry;
    ngx_http_stanch_main_conf_t   *mcf = zone->data;
    ngx_http_stanch_main_conf_t   *old = data;

    if (old) {
        mcf->pool = old->pool;
        mcf->shared = old->shared;

    } else {
        mcf->pool = (ngx_slab_pool_t *) zone->shm.addr;
        mcf->shared = zone->shm.exists ? mcf->pool->data
                                       : ngx_http_stanch_zone_create(mcf->pool);
        if (mcf->shared == NULL) {
            return NGX_ERROR;
        }
    }

    entry = mcf->sets.elts;

    for (i = 0; i < mcf->sets.nelts; i++) {
        entry[i]->pool = mcf->pool;
        entry[i]->record = ngx_http_stanch_zone_record(mcf, &entry[i]->name);

        if (entry[i]->record == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "stanch_zone is too small for %ui patch sets", mcf->sets.nelts);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The table gets all pages but some for the names of sets. */
static ngx_http_stanch_shared_t *
ngx_http_stanch_zone_create(ngx_slab_pool_t *pool)
{
    size_t                     size;
    ngx_uint_t                 names;
    ngx_http_stanch_shared_t  *shared;

    static u_char  log_ctx[] = " in stanch_zone";

    pool->log_ctx = log_ctx;

    names = ngx_max(pool->pfree / 8, 2);
    size = (pool->pfree - names) * ngx_pagesize;

    shared = ngx_slab_calloc(pool, size);
    if (shared == NULL) {
        return NULL;
    }

    shared->size = 1 + (size - sizeof(ngx_http_stanch_shared_t)) / sizeof(ngx_http_stanch_hits_t);
    shared->most = NGX_HTTP_STANCH_MOST(shared->size);

    pool->data = shared;

    return shared;
}


/* A record stays when its set leaves the configuration: workers that retire may still use it. */
static ngx_http_stanch_record_t *
ngx_http_stanch_zone_record(ngx_http_stanch_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_http_stanch_record_t  *record;

    ngx_shmtx_lock(&mcf->pool->mutex);

    for (record = mcf->shared->records; record; record = record->next) {
        if (record->len == name->len && ngx_memcmp(record->name, name->data, name->len) == 0) {
            goto done;
        }
    }

    record = ngx_slab_calloc_locked(mcf->pool, sizeof(ngx_http_stanch_record_t) + name->len);

    if (record) {
        record->len = name->len;
        ngx_memcpy(record->name, name->data, name->len);
        record->next = mcf->shared->records;
        mcf->shared->records = record;
    }

done:

    ngx_shmtx_unlock(&mcf->pool->mutex);

    return record;
}


ngx_int_t
ngx_http_stanch_zone_handler(ngx_http_request_t *r)
{
    ngx_http_stanch_ctx_t        *ctx;
    ngx_http_stanch_hits_t       *hits;
    ngx_http_stanch_shared_t     *shared;
    ngx_http_stanch_main_conf_t  *mcf;

    /* a subrequest comes here with "log_subrequest" */
    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_stanch_get_ctx(r);
    if (ctx == NULL || ctx->stage == NGX_HTTP_STANCH_WAITING) {
        return NGX_OK;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_stanch_module);
    shared = mcf->shared;

    ngx_http_stanch_zone_add_one(shared, ctx->stage == NGX_HTTP_STANCH_FAILED
                                         ? NGX_HTTP_STANCH_COUNT_FAILED : ctx->action);

    if (ctx->body) {
        switch (ctx->verdict.body) {

        case STANCH_BODY_DAMAGED:
            ngx_http_stanch_zone_add_one(shared, NGX_HTTP_STANCH_COUNT_DAMAGED);
            break;

        case STANCH_BODY_RATIO:
            ngx_http_stanch_zone_add_one(shared, NGX_HTTP_STANCH_COUNT_RATIO);
            break;

        case STANCH_BODY_TOTAL:
            ngx_http_stanch_zone_add_one(shared, NGX_HTTP_STANCH_COUNT_TOTAL);
            break;

        case STANCH_BODY_UNSUPPORTED:
            ngx_http_stanch_zone_add_one(shared, NGX_HTTP_STANCH_COUNT_UNSUPPORTED);
            break;
        }
    }

    if (ctx->action != STANCH_ACTION_PASS) {
        hits = ngx_http_stanch_zone_hits(shared, ctx->verdict.leak);

        (void) ngx_atomic_fetch_add(ctx->action == STANCH_ACTION_BLOCK ? &hits->blocked
                                                                       : &hits->monitored, 1);
    }

    return NGX_OK;
}


void
ngx_http_stanch_zone_add_one(ngx_http_stanch_shared_t *shared, ngx_http_stanch_count_t what)
{
    ngx_http_stanch_stripe_t  *stripe;

    stripe = &shared->stripes[ngx_worker % NGX_HTTP_STANCH_STRIPES];

    (void) ngx_atomic_fetch_add(&stripe->counts[what], 1);
}


/* The place of a leak, taken by it now if need be. Only a set's leaks come here: nobody can fill the table. */
static ngx_http_stanch_hits_t *
ngx_http_stanch_zone_hits(ngx_http_stanch_shared_t *shared, uint64_t leak)
{
    ngx_uint_t               i;
    ngx_atomic_uint_t        number, held;
    ngx_http_stanch_hits_t  *hits;

    number = (ngx_atomic_uint_t) leak;

    if (number != leak) {
        /* it is wider than what this machine counts with */
        return &shared->other;
    }

    if (number == 0) {
        return &shared->zero;
    }

    i = (ngx_uint_t) ((leak * 0x9e3779b97f4a7c15ull) >> 32) % shared->size;

    for ( ;; ) {
        hits = &shared->table[i];
        held = hits->leak;

        if (held == number) {
            return hits;
        }

        if (held) {
            i = (i + 1) % shared->size;
            continue;
        }

        /* counted before it is taken: the table must never be full, or this would not end */
        if (ngx_atomic_fetch_add(&shared->used, 1) >= shared->most) {
            (void) ngx_atomic_fetch_add(&shared->used, -1);
            return &shared->other;
        }

        if (ngx_atomic_cmp_set(&hits->leak, 0, number)) {
            return hits;
        }

        /* another worker was faster; it may have been for the same leak */
        (void) ngx_atomic_fetch_add(&shared->used, -1);
    }
}


void
ngx_http_stanch_zone_uses(ngx_http_stanch_set_t *entry, uint64_t serial)
{
    ngx_shmtx_lock(&entry->pool->mutex);

    /* a number means nothing in a set that anybody can make */
    if (entry->nkeys && entry->record->serial < serial) {
        entry->record->serial = serial;
    }

    ngx_shmtx_unlock(&entry->pool->mutex);
}


void
ngx_http_stanch_zone_took(ngx_http_stanch_set_t *entry, uint64_t serial)
{
    ngx_http_stanch_zone_uses(entry, serial);

    ngx_shmtx_lock(&entry->pool->mutex);
    entry->record->swaps++;
    ngx_shmtx_unlock(&entry->pool->mutex);
}


void
ngx_http_stanch_zone_refused(ngx_http_stanch_set_t *entry)
{
    ngx_shmtx_lock(&entry->pool->mutex);
    entry->record->refusals++;
    ngx_shmtx_unlock(&entry->pool->mutex);
}


ngx_atomic_uint_t
ngx_http_stanch_zone_count(ngx_http_stanch_shared_t *shared, ngx_http_stanch_count_t what)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  count;

    count = 0;

    for (i = 0; i < NGX_HTTP_STANCH_STRIPES; i++) {
        count += shared->stripes[i].counts[what];
    }

    return count;
}
