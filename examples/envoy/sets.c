/*
 * Patch sets. Each configuration has a guard over the set that it names: it opens the set if it is
 * trusted, and exchanges it when the file is replaced. A new configuration is read while the old one
 * serves; the sets in use then say which would be a step back.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stanch_envoy.h"

struct sets {
    sets *next;                 /* in the list of all that are in use */
    char *patches;              /* the name of the set's file */
    stanch_guard *guard;
};

/* All that configurations hold. Envoy reads configurations on its main thread; the lock is for the day
 * that another one frees the last of one. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sets *all;

static int32_t open_guard(sets *opened, const sets_request *wanted, stanch_error *error);
static const sets *newest(stanch_slice patches);

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

    pthread_mutex_lock(&lock);
    code = open_guard(opened, wanted, &error);
    if (code == STANCH_OK) {
        opened->next = all;
        all = opened;
    }
    pthread_mutex_unlock(&lock);

    if (code != STANCH_OK) {
        snprintf(why->text, sizeof why->text, "%s",
            error.message[0] ? error.message : stanch_status_text(code));
        free(opened->patches);
        free(opened);
        return NULL;
    }
    return opened;
}

/* Requests that hold a set of it keep that until they release it. */
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

    stanch_guard_free(sets->guard);
    free(sets->patches);
    free(sets);
}

int32_t sets_hold(const sets *sets, held_set *held, uint32_t *news)
{
    int32_t code = stanch_guard_acquire(sets->guard, news, &held->set);

    if (code != STANCH_OK) {
        held->set = NULL;
        return code;
    }
    return stanch_scan_size(held->set, &held->state);
}

void sets_release(held_set *held)
{
    stanch_guard_release(held->set);
    held->set = NULL;
}

void sets_report(const sets *sets, uint32_t news)
{
    stanch_guard_info info = { .size = sizeof info };
    stanch_error error = { .size = sizeof error };

    if (news == STANCH_NEWS_SWAPPED && stanch_guard_describe(sets->guard, &info) == STANCH_OK) {
        report(ENVOY_LOG_INFO, "stanch: set exchanged: %s, serial %llu", sets->patches,
            (unsigned long long) info.serial);
    }
    if (news == STANCH_NEWS_REFUSED && stanch_guard_refusal(sets->guard, &error) == STANCH_OK) {
        report(ENVOY_LOG_ERROR, "stanch: set refused, the one in use stays: %s", error.message);
    }
}

static int32_t open_guard(sets *opened, const sets_request *wanted, stanch_error *error)
{
    stanch_trust trust = {
        .size = sizeof trust,
        .keys = wanted->keys,
        .key_count = wanted->key_count,
        .serial = wanted->serial,
    };
    const sets *older = NULL;
    uint32_t news = STANCH_NEWS_NONE;
    int32_t code;

    /* a number means nothing in a set that anybody can make */
    if (wanted->key_count != 0) {
        older = newest(wanted->patches);
    }
    if (older != NULL) {
        code = stanch_guard_acquire(older->guard, &news, &trust.replaces);
        if (code != STANCH_OK) {
            return code;
        }
        sets_report(older, news);
    }

    code = stanch_guard_open(wanted->patches, wanted->key, &trust, error, &opened->guard);
    stanch_guard_release(trust.replaces);
    return code;
}

/* The newest that is in use from this file; NULL if there is none, as when Envoy starts. */
static const sets *newest(stanch_slice patches)
{
    const sets *sets, *found = NULL;
    uint64_t serial = 0;

    for (sets = all; sets != NULL; sets = sets->next) {
        stanch_guard_info info = { .size = sizeof info };

        if (strlen(sets->patches) == patches.len
            && memcmp(sets->patches, patches.data, patches.len) == 0
            && stanch_guard_describe(sets->guard, &info) == STANCH_OK
            && (found == NULL || info.serial > serial))
        {
            found = sets;
            serial = info.serial;
        }
    }
    return found;
}
