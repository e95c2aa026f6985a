/*
 * One set in many threads and in forked processes, each scan in memory of its own.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi_test.h"

#define THREADS 4
#define SCANS 200

typedef struct {
    const fixture *given;
    const stanch_set *set;
    int wrong;
} job;

static int right(const fixture *given, const stanch_set *set, void *memory, size_t size, int leaked)
{
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_header header = { text("X-Key"), text(leaked ? given->blocked : given->clean) };

    return stanch_scan_init(set, memory, size, &scan) == STANCH_OK
           && stanch_scan_request(scan, text("GET"), text("/")) == STANCH_OK
           && stanch_scan_headers(scan, &header, 1) == STANCH_OK
           && stanch_scan_finish(scan, &verdict) == STANCH_OK
           && verdict.action == (leaked ? STANCH_ACTION_BLOCK : STANCH_ACTION_PASS);
}

/* Runs in a thread or a child: it counts in its job and checks nothing itself. */
static void *scan_many(void *argument)
{
    job *mine = argument;
    size_t size = 0, align = stanch_scan_align();
    void *memory = NULL;
    int i;

    if (stanch_scan_size(mine->set, &size) == STANCH_OK) {
        memory = aligned_alloc(align, (size + align - 1) / align * align);
    }
    if (memory == NULL) {
        mine->wrong++;
        return NULL;
    }
    for (i = 0; i < SCANS; i++) {
        mine->wrong += !right(mine->given, mine->set, memory, size, i % 2);
    }
    free(memory);
    return NULL;
}

void check_sharing(const fixture *given)
{
    stanch_set *set = open_set(given);
    pthread_t threads[THREADS];
    job jobs[THREADS];
    job own = { given, set, 0 };
    pid_t child;
    int i, status = -1;

    for (i = 0; i < THREADS; i++) {
        jobs[i] = own;
        CHECK(pthread_create(&threads[i], NULL, scan_many, &jobs[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(jobs[i].wrong == 0);
    }

    child = fork();
    if (child == 0) {
        scan_many(&own);
        _exit(own.wrong == 0 ? 0 : 1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    stanch_set_free(set);
}
