/*
 * Patch sets: each is opened for the files that a configuration names, if it is trusted, and freed when
 * the configuration and the last request that was begun with it have gone. A new configuration is read
 * while the old one serves; the sets in use then say which would be a step back.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stanch_envoy.h"

struct sets {
    sets *next;                 /* in the list of all that are in use */
    char *patches;              /* the name of the set's file */
    stanch_set *set;
    size_t state;
    atomic_size_t users;        /* the configuration, and the requests */
};

/* All that configurations hold. Only the main thread opens and closes configurations today; the lock is
 * for the day that this changes. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sets *all;

static int32_t open_set(sets *opened, const sets_request *wanted, stanch_error *error);
static const stanch_set *newest(stanch_slice patches);
static uint64_t serial_of(const stanch_set *set);
static void drop(sets *sets);

sets *sets_open(const sets_request *wanted, complaint *why)
{
    stanch_error error = { .size = sizeof error };
    sets *opened = calloc(1, sizeof *opened);
    int32_t code;

    if (opened == NULL || (opened->patches = strndup((const char *) wanted->patches.data,
                               wanted->patches.len)) == NULL)
    {
        free(opened);
        snprintf(why->text, sizeof why->text, "no memory");
        return NULL;
    }
    atomic_init(&opened->users, 1);

    pthread_mutex_lock(&lock);
    code = open_set(opened, wanted, &error);
    if (code == STANCH_OK) {
        opened->next = all;
        all = opened;
    }
    pthread_mutex_unlock(&lock);

    if (code != STANCH_OK) {
        snprintf(why->text, sizeof why->text, "%s",
            error.message[0] ? error.message : stanch_status_text(code));
        drop(opened);
        return NULL;
    }
    return opened;
}

void sets_free(sets *sets)
{
    struct sets **link;

    if (sets == NULL) {
        return;
    }

    pthread_mutex_lock(&lock);
    for (link = &all; *link != NULL; link = &(*link)->next) {
        if (*link == sets) {
            *link = sets->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);

    drop(sets);
}

held_set sets_hold(sets *sets)
{
    held_set held = { .from = sets, .set = sets->set, .state = sets->state };

    atomic_fetch_add_explicit(&sets->users, 1, memory_order_relaxed);
    return held;
}

void sets_release(held_set *held)
{
    if (held->from != NULL) {
        drop(held->from);
        held->from = NULL;
        held->set = NULL;
    }
}

static int32_t open_set(sets *opened, const sets_request *wanted, stanch_error *error)
{
    stanch_trust trust = {
        .size = sizeof trust,
        .keys = wanted->keys,
        .key_count = wanted->key_count,
        .serial = wanted->serial,
    };
    int32_t code;

    /* a number means nothing in a set that anybody can make */
    if (wanted->key_count != 0) {
        trust.replaces = newest(wanted->patches);
    }

    code = stanch_set_open_trusted(wanted->patches, wanted->key, &trust, error, &opened->set);
    return code == STANCH_OK ? stanch_scan_size(opened->set, &opened->state) : code;
}

/* The newest set that is in use from this file; NULL if there is none, as when Envoy starts. */
static const stanch_set *newest(stanch_slice patches)
{
    const stanch_set *found = NULL;
    sets *sets;

    for (sets = all; sets != NULL; sets = sets->next) {
        if (strlen(sets->patches) == patches.len
            && memcmp(sets->patches, patches.data, patches.len) == 0
            && (found == NULL || serial_of(sets->set) > serial_of(found)))
        {
            found = sets->set;
        }
    }
    return found;
}

static uint64_t serial_of(const stanch_set *set)
{
    stanch_set_info info = { .size = sizeof info };

    return stanch_set_describe(set, &info) == STANCH_OK ? info.serial : 0;
}

static void drop(sets *sets)
{
    if (atomic_fetch_sub_explicit(&sets->users, 1, memory_order_acq_rel) == 1) {
        stanch_set_free(sets->set);
        free(sets->patches);
        free(sets);
    }
}
