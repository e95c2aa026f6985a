/*
 * A set that a worker has in use, and the memory of the scans over it. Requests share both: to take a set
 * from its guard for each request costs atomic operations and a look at the clock, and memory that was just
 * used by another request lies in the processor's caches.
 */

#include "ngx_http_stanch.h"

/* How many blocks are kept that no scan uses: mostly one scan ends before the next begins. */
#define NGX_HTTP_STANCH_IDLE  4

/* The scan's memory follows. */
struct ngx_http_stanch_block_s {
    ngx_http_stanch_block_t  *next;
};


ngx_http_stanch_held_t *
ngx_http_stanch_held_create(const stanch_set *set, ngx_log_t *log)
{
    ngx_http_stanch_held_t  *held;

    held = ngx_calloc(sizeof(ngx_http_stanch_held_t), log);
    if (held == NULL) {
        return NULL;
    }

    if (stanch_scan_size(set, &held->state) != STANCH_OK) {
        ngx_free(held);
        return NULL;
    }

    held->set = set;
    held->users = 1;

    return held;
}


ngx_http_stanch_held_t *
ngx_http_stanch_held_share(ngx_http_stanch_held_t *held)
{
    held->users++;

    return held;
}


void
ngx_http_stanch_held_release(ngx_http_stanch_held_t *held)
{
    ngx_http_stanch_block_t  *block;

    if (held == NULL || --held->users) {
        return;
    }

    while (held->idle) {
        block = held->idle;
        held->idle = block->next;
        ngx_free(block);
    }

    stanch_guard_release(held->set);
    ngx_free(held);
}


ngx_http_stanch_block_t *
ngx_http_stanch_held_scan(ngx_http_stanch_held_t *held, ngx_log_t *log, stanch_scan **scan)
{
    size_t                    align;
    ngx_http_stanch_block_t  *block;

    align = stanch_scan_align();
    block = held->idle;

    if (block) {
        held->idle = block->next;
        held->nidle--;

    } else {
        block = ngx_alloc(sizeof(ngx_http_stanch_block_t) + align - 1 + held->state, log);
        if (block == NULL) {
            return NULL;
        }
    }

    if (stanch_scan_init(held->set, ngx_align_ptr(block + 1, align), held->state, scan)
        != STANCH_OK)
    {
        ngx_http_stanch_held_put_back(held, block);
        return NULL;
    }

    return block;
}


void
ngx_http_stanch_held_put_back(ngx_http_stanch_held_t *held, ngx_http_stanch_block_t *block)
{
    if (block == NULL) {
        return;
    }

    if (held->nidle == NGX_HTTP_STANCH_IDLE) {
        ngx_free(block);
        return;
    }

    block->next = held->idle;
    held->idle = block;
    held->nidle++;
}
