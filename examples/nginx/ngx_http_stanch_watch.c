/*
 * The set to scan with, and looking for a new one. A timer lets each worker look at the file of each set once
 * a second. A new set is checked and taken there and then, by each worker for itself; scans that have begun
 * keep the one that they have. The key was read before nginx gave up root, and is not read again.
 */

#include "ngx_http_stanch.h"

/* How often files are looked at, in milliseconds. */
#define NGX_HTTP_STANCH_TICK  1000

static void ngx_http_stanch_watch_look(ngx_http_stanch_set_t *entry);
static void ngx_http_stanch_watch_warn(ngx_cycle_t *cycle, ngx_http_stanch_set_t *entry);
static void ngx_http_stanch_watch_timer(ngx_event_t *ev);
static void ngx_http_stanch_watch_stop(void *data);
static void ngx_http_stanch_watch_took(ngx_http_stanch_set_t *entry, const stanch_set *set);
static void ngx_http_stanch_watch_refused(ngx_http_stanch_set_t *entry, const stanch_set *set);


ngx_http_stanch_held_t *
ngx_http_stanch_watch_get(ngx_http_stanch_set_t *entry)
{
    if (entry->held == NULL) {
        ngx_http_stanch_watch_look(entry);
    }

    return entry->held ? ngx_http_stanch_held_share(entry->held) : NULL;
}


/* Asks the guard, which looks at the file if that is due. What is in use stays if there is no memory. */
static void
ngx_http_stanch_watch_look(ngx_http_stanch_set_t *entry)
{
    uint32_t                 news;
    const stanch_set        *set;
    ngx_http_stanch_held_t  *held;

    if (stanch_guard_acquire(entry->guard, &news, &set) != STANCH_OK) {
        return;
    }

    switch (news) {

    case STANCH_NEWS_SWAPPED:
        ngx_http_stanch_watch_took(entry, set);
        break;

    case STANCH_NEWS_REFUSED:
        ngx_http_stanch_watch_refused(entry, set);
        break;
    }

    if (entry->held && entry->held->set == set) {
        stanch_guard_release(set);
        return;
    }

    held = ngx_http_stanch_held_create(set, ngx_cycle->log);
    if (held == NULL) {
        stanch_guard_release(set);
        return;
    }

    ngx_http_stanch_held_release(entry->held);
    entry->held = held;
}


int32_t
ngx_http_stanch_watch_describe(const stanch_set *set, stanch_set_info *info)
{
    ngx_memzero(info, sizeof(stanch_set_info));
    info->size = sizeof(stanch_set_info);

    return stanch_set_describe(set, info);
}


ngx_int_t
ngx_http_stanch_watch_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                     i;
    stanch_set_info                info;
    ngx_pool_cleanup_t            *cln;
    ngx_http_stanch_set_t        **entry;
    ngx_http_stanch_main_conf_t   *mcf;

    /* nginx has processes that serve nobody */
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_stanch_module);

    if (mcf == NULL || mcf->sets.nelts == 0) {
        return NGX_OK;
    }

    entry = mcf->sets.elts;

    for (i = 0; i < mcf->sets.nelts; i++) {
        if (ngx_http_stanch_watch_describe(entry[i]->first, &info) == STANCH_OK) {
            ngx_http_stanch_zone_uses(entry[i], info.serial);
        }

        /* the master keeps it for a reload; a worker must not, once there is another */
        if (ngx_process == NGX_PROCESS_WORKER) {
            stanch_guard_release(entry[i]->first);
            entry[i]->first = NULL;
        }
    }

    if (!mcf->watch) {
        return NGX_OK;
    }

    /* the timer keeps the time */
    for (i = 0; i < mcf->sets.nelts; i++) {
        (void) stanch_guard_set_interval(entry[i]->guard, 0);
    }

    /* one of them speaks for all */
    if (ngx_worker == 0) {
        for (i = 0; i < mcf->sets.nelts; i++) {
            ngx_http_stanch_watch_warn(cycle, entry[i]);
        }
    }

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_stanch_watch_stop;
    cln->data = &mcf->timer;

    mcf->timer.handler = ngx_http_stanch_watch_timer;
    mcf->timer.data = mcf;
    mcf->timer.log = cycle->log;
    mcf->timer.cancelable = 1;

    ngx_add_timer(&mcf->timer, NGX_HTTP_STANCH_TICK);

    return NGX_OK;
}


/* The master opened the set as another user: better said now than when there is a new one. */
static void
ngx_http_stanch_watch_warn(ngx_cycle_t *cycle, ngx_http_stanch_set_t *entry)
{
    if (access((char *) entry->patches.data, R_OK) == -1) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "stanch: workers cannot read \"%V\": a new set is only taken by a reload",
                      &entry->patches);
    }
}


static void
ngx_http_stanch_watch_timer(ngx_event_t *ev)
{
    ngx_uint_t                     i;
    ngx_http_stanch_set_t        **entry;
    ngx_http_stanch_main_conf_t   *mcf = ev->data;

    if (ngx_exiting) {
        return;
    }

    entry = mcf->sets.elts;

    for (i = 0; i < mcf->sets.nelts; i++) {
        ngx_http_stanch_watch_look(entry[i]);
    }

    ngx_add_timer(ev, NGX_HTTP_STANCH_TICK);
}


/* A single process outlives its configurations. */
static void
ngx_http_stanch_watch_stop(void *data)
{
    ngx_event_t  *ev = data;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


static void
ngx_http_stanch_watch_took(ngx_http_stanch_set_t *entry, const stanch_set *set)
{
    stanch_set_info  info;

    (void) ngx_http_stanch_watch_describe(set, &info);

    ngx_http_stanch_zone_took(entry, info.serial);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0, "stanch: %V: serial %uL is in use",
                  &entry->patches, info.serial);
}


static void
ngx_http_stanch_watch_refused(ngx_http_stanch_set_t *entry, const stanch_set *set)
{
    stanch_error     error;
    stanch_set_info  info;

    ngx_memzero(&error, sizeof(stanch_error));
    error.size = sizeof(stanch_error);

    (void) stanch_guard_refusal(entry->guard, &error);
    (void) ngx_http_stanch_watch_describe(set, &info);

    ngx_http_stanch_zone_refused(entry);

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "stanch: %s; serial %uL stays in use",
                  error.message[0] ? error.message : stanch_status_text(error.code), info.serial);
}
