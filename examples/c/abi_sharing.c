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
/* How many scans go by before a thread opens and frees a set of its own. */
#define SCANS_PER_SET 50
/* How many children run at the same time. */
#define AT_ONCE 50

typedef struct {
    const fixture *given;
    const stanch_set *set;
    int scans;
    int wrong;
} job;

/* Scans a request whose token, or near miss, stands in a header or across two pieces of the body. */
static int right(const fixture *given, const stanch_set *set, void *memory, size_t size, int turn)
{
    int leaked = turn & 1, in_body = turn & 2;
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    const char *token = leaked ? given->blocked : given->clean;
    stanch_header header = { text("X-Key"), text(in_body ? "none" : token) };
    size_t cut = strlen(token) / 2;
    stanch_slice body[2] = { bytes(token, cut), text(token + cut) };

    return stanch_scan_init(set, memory, size, &scan) == STANCH_OK
           && stanch_scan_request(scan, text("POST"), text("/")) == STANCH_OK
           && stanch_scan_headers(scan, &header, 1) == STANCH_OK
           && stanch_scan_body(scan, body, in_body ? 2 : 0) == STANCH_OK
           && stanch_scan_finish(scan, &verdict) == STANCH_OK
           && verdict.action == (leaked ? STANCH_ACTION_BLOCK : STANCH_ACTION_PASS)
           && verdict.leak == (leaked ? BLOCKED_LEAK : 0);
}

/* Whether a set can be opened, scanned with and freed while others are in use. */
static int own_set(const fixture *given, void *memory, size_t size, int turn)
{
    stanch_set *set = NULL;
    int well = stanch_set_from_memory(bytes(given->set, given->set_len), bytes(given->key, 32),
                                      NULL, &set) == STANCH_OK
               && right(given, set, memory, size, turn);

    stanch_set_free(set);
    return well;
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
    for (i = 0; i < mine->scans; i++) {
        mine->wrong += !right(mine->given, mine->set, memory, size, i);
        if (i % SCANS_PER_SET == SCANS_PER_SET - 1) {
            mine->wrong += !own_set(mine->given, memory, size, i);
        }
    }
    free(memory);
    return NULL;
}

void check_threads(const fixture *given)
{
    stanch_set *set = open_set(given);
    pthread_t threads[THREADS];
    job jobs[THREADS];
    int i;

    for (i = 0; i < THREADS; i++) {
        jobs[i] = (job) { given, set, SCANS, 0 };
        CHECK(pthread_create(&threads[i], NULL, scan_many, &jobs[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(jobs[i].wrong == 0);
    }
    stanch_set_free(set);
}

/* Waits for one child, whichever ends first. */
static void reap(void)
{
    int status = -1;

    CHECK(wait(&status) > 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The set comes from a file that is gone before the first child looks at it, as it may be when a
 * worker still serves under the set that was replaced. */
void check_forks(const fixture *given)
{
    char path[4096];
    stanch_set *set = NULL;
    unsigned long made, running = 0;
    job own = { given, NULL, 4, 0 };
    FILE *copy;

    snprintf(path, sizeof path, "%s", in_folder(given, "forked-set"));
    copy = fopen(path, "wb");
    CHECK(copy != NULL && fwrite(given->set, 1, given->set_len, copy) == given->set_len);
    CHECK(copy != NULL && fclose(copy) == 0);
    CHECK_CODE(stanch_set_open(text(path), text(in_folder(given, "key")), NULL, &set), STANCH_OK);
    CHECK(remove(path) == 0);

    own.set = set;
    fflush(NULL);
    for (made = 0; made < given->forks; made++) {
        pid_t child = fork();

        if (child == 0) {
            scan_many(&own);
            _exit(own.wrong == 0 ? 0 : 1);
        }
        CHECK(child > 0);
        running += child > 0;
        if (running == AT_ONCE) {
            reap();
            running--;
        }
    }
    for (; running > 0; running--) {
        reap();
    }
    /* What the children did shows nowhere in the parent. */
    scan_many(&own);
    CHECK(own.wrong == 0);
    stanch_set_free(set);
}
