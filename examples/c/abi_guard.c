/*
 * Guards: a file that is replaced under threads that scan, refused files, and forked children.
 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi_test.h"

#define THREADS 3
/* The sets guard-1 to guard-40 of the fixture, by their serial numbers. */
#define SETS 40

/* The file of the guard under test. */
static char place[4096], next_place[4096 + 8];

/* Puts a file of the fixture in the place of the guard's, as it should be done: by renaming. */
static void put(const fixture *given, const char *name)
{
    static uint8_t content[1 << 20];
    size_t length = read_file(given, name, content, sizeof content);
    FILE *file = fopen(next_place, "wb");
    int well = file != NULL && fwrite(content, 1, length, file) == length;

    well = file != NULL && fclose(file) == 0 && well;
    CHECK(well && rename(next_place, place) == 0);
}

static void put_number(const fixture *given, unsigned number)
{
    char name[32];

    snprintf(name, sizeof name, "guard-%u", number);
    put(given, name);
}

static stanch_guard *open_guard(const fixture *given, const stanch_trust *trust)
{
    stanch_guard *guard = NULL;
    stanch_error error = { .size = sizeof error };

    CHECK_CODE(stanch_guard_open(text(place), text(in_folder(given, "key")), trust, &error, &guard),
               STANCH_OK);
    CHECK_CODE(stanch_guard_set_interval(guard, 0), STANCH_OK);
    return guard;
}

static uint64_t serial_of(const stanch_set *set)
{
    stanch_set_info info = { .size = sizeof info };

    return stanch_set_describe(set, &info) == STANCH_OK ? info.serial : 0;
}

/* Whether the set does with the token what its serial number says: odd ones block, even ones monitor. */
static int agrees(const fixture *given, const stanch_set *set, void *memory, size_t size)
{
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    size_t cut = strlen(given->blocked) / 2;
    stanch_slice body[2] = { bytes(given->blocked, cut), text(given->blocked + cut) };
    uint32_t expected = serial_of(set) % 2 == 1 ? STANCH_ACTION_BLOCK : STANCH_ACTION_MONITOR;

    return stanch_scan_init(set, memory, size, &scan) == STANCH_OK
           && stanch_scan_body(scan, body, 1) == STANCH_OK
           && sched_yield() == 0
           && stanch_scan_body(scan, body + 1, 1) == STANCH_OK
           && stanch_scan_finish(scan, &verdict) == STANCH_OK
           && verdict.action == expected && verdict.leak == BLOCKED_LEAK;
}

static void check_arguments(const fixture *given)
{
    stanch_trust trust = { .size = sizeof trust };
    stanch_error error = { .size = sizeof error };
    stanch_guard_info info = { .size = sizeof info };
    stanch_guard *guard = NULL;
    const stanch_set *set = NULL;
    char key[4096];
    uint32_t news = 7;

    put_number(given, 1);
    snprintf(key, sizeof key, "%s", in_folder(given, "key"));
    CHECK_CODE(stanch_guard_open(bytes(NULL, 5), text(key), &trust, NULL, &guard), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_guard_open(text(place), bytes(NULL, 5), &trust, NULL, &guard),
               STANCH_ERROR_NULL);
    CHECK_CODE(stanch_guard_open(text(place), text(key), NULL, NULL, &guard), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_guard_open(text(place), text(key), &trust, NULL, NULL), STANCH_ERROR_NULL);
    trust.size--;
    CHECK_CODE(stanch_guard_open(text(place), text(key), &trust, NULL, &guard),
               STANCH_ERROR_ARGUMENT);
    trust.size++;
    CHECK_CODE(stanch_guard_open(text(in_folder(given, "absent")), text(key), &trust, &error, &guard),
               STANCH_ERROR_IO);
    CHECK(strstr(error.message, in_folder(given, "absent")) != NULL);
    CHECK_CODE(stanch_guard_open(text(given->folder), text(key), &trust, &error, &guard),
               STANCH_ERROR_IO);
    CHECK_CODE(stanch_guard_open(text(key), text(key), &trust, &error, &guard),
               STANCH_ERROR_FORMAT);
    CHECK_CODE(stanch_guard_open(text(place), text(in_folder(given, "other-key")), &trust, &error,
                                 &guard), STANCH_ERROR_WRONG_KEY);
    CHECK_CODE(stanch_guard_open(text(place), text(in_folder(given, "readable-key")), &trust, &error,
                                 &guard), STANCH_ERROR_KEY);
    trust.serial = 2;
    CHECK_CODE(stanch_guard_open(text(place), text(key), &trust, &error, &guard),
               STANCH_ERROR_ROLLBACK);
    trust.serial = 1;
    CHECK(guard == NULL);

    guard = open_guard(given, &trust);
    CHECK_CODE(stanch_guard_set_interval(NULL, 0), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_guard_acquire(NULL, &news, &set), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_guard_acquire(guard, &news, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_guard_acquire(guard, (uint32_t *) ((char *) &trust + 1), &set),
               STANCH_ERROR_ARGUMENT);
    CHECK(set == NULL);
    CHECK_CODE(stanch_guard_describe(NULL, &info), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_guard_describe(guard, NULL), STANCH_ERROR_NULL);
    info.size--;
    CHECK_CODE(stanch_guard_describe(guard, &info), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_guard_refusal(NULL, &error), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_guard_refusal(guard, NULL), STANCH_ERROR_NULL);
    error.size--;
    CHECK_CODE(stanch_guard_refusal(guard, &error), STANCH_ERROR_ARGUMENT);
    stanch_guard_release(NULL);
    stanch_guard_free(NULL);
    stanch_guard_free(guard);
}

static void check_news(const fixture *given)
{
    stanch_trust trust = { .size = sizeof trust };
    stanch_guard_info info = { .size = sizeof info };
    stanch_error error = { .size = sizeof error };
    const stanch_set *first = NULL, *again = NULL, *second = NULL;
    stanch_guard *guard;
    size_t size = 0;
    uint32_t news = 7;
    void *memory;

    put_number(given, 1);
    guard = open_guard(given, &trust);
    CHECK_CODE(stanch_guard_acquire(guard, &news, &first), STANCH_OK);
    CHECK_CODE(stanch_guard_acquire(guard, NULL, &again), STANCH_OK);
    CHECK(news == STANCH_NEWS_NONE && first == again);
    stanch_guard_release(again);
    memory = scan_memory(first, &size);
    CHECK(agrees(given, first, memory, size));
    CHECK_CODE(stanch_guard_refusal(guard, &error), STANCH_OK);
    CHECK(error.code == STANCH_OK && error.message[0] == '\0');

    put_number(given, 2);
    CHECK_CODE(stanch_guard_acquire(guard, &news, &second), STANCH_OK);
    CHECK(news == STANCH_NEWS_SWAPPED && second != first && serial_of(second) == 2);
    CHECK(agrees(given, second, memory, size));
    /* Whoever has the first goes on with it. */
    CHECK(serial_of(first) == 1 && agrees(given, first, memory, size));
    stanch_guard_release(first);

    put_number(given, 1);
    CHECK_CODE(stanch_guard_acquire(guard, &news, &again), STANCH_OK);
    CHECK(news == STANCH_NEWS_REFUSED && again == second);
    stanch_guard_release(again);
    CHECK_CODE(stanch_guard_refusal(guard, &error), STANCH_OK);
    CHECK(error.code == STANCH_ERROR_ROLLBACK && strstr(error.message, place) != NULL);
    CHECK_CODE(stanch_guard_acquire(guard, &news, &again), STANCH_OK);
    CHECK(news == STANCH_NEWS_NONE);
    stanch_guard_release(again);
    CHECK(remove(place) == 0);
    CHECK_CODE(stanch_guard_acquire(guard, &news, &again), STANCH_OK);
    CHECK(news == STANCH_NEWS_REFUSED && again == second);
    stanch_guard_release(again);
    CHECK_CODE(stanch_guard_refusal(guard, &error), STANCH_OK);
    CHECK(error.code == STANCH_ERROR_IO);

    CHECK_CODE(stanch_guard_describe(guard, &info), STANCH_OK);
    CHECK(info.size == sizeof info && info.swaps == 1 && info.refusals == 2 && info.serial == 2);
    CHECK(info.is_refusing == 1 && info.reserved == 0);
    CHECK(info.taken <= info.refused && info.refused <= info.checked && info.taken > 0);

    /* A set that was acquired outlives the guard. */
    stanch_guard_free(guard);
    CHECK(agrees(given, second, memory, size));
    stanch_guard_release(second);
    free(memory);
}

/* The guard's trust holds for every set that comes. */
static void check_trusted(const fixture *given)
{
    stanch_public_key key = { { 0 } };
    stanch_trust trust = { .size = sizeof trust, .keys = &key, .key_count = 1 };
    stanch_error error = { .size = sizeof error };
    stanch_guard *guard;
    static const struct {
        const char *name;
        int32_t code;
    } rows[] = {
        { "set", STANCH_ERROR_UNSIGNED },
        { "forged", STANCH_ERROR_SIGNATURE },
        { "other-signed", STANCH_ERROR_SIGNER },
        { "expired", STANCH_ERROR_EXPIRED },
        { "signed-4", STANCH_ERROR_ROLLBACK },
        { "signed-5-again", STANCH_ERROR_ROLLBACK },
        { "key", STANCH_ERROR_FORMAT },
    };
    const stanch_set *set = NULL;
    uint32_t news = 7;
    size_t i;

    CHECK_CODE(stanch_public_key_open(text(in_folder(given, "public-key")), NULL, &key), STANCH_OK);
    put(given, "signed-5");
    guard = open_guard(given, &trust);
    /* Nothing is kept of what it was told. */
    memset(&key, 0, sizeof key);
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        put(given, rows[i].name);
        CHECK_CODE(stanch_guard_acquire(guard, &news, &set), STANCH_OK);
        CHECK(news == STANCH_NEWS_REFUSED && serial_of(set) == 5);
        stanch_guard_release(set);
        CHECK_CODE(stanch_guard_refusal(guard, &error), STANCH_OK);
        check_code(error.code, rows[i].code, rows[i].name, __FILE__, __LINE__);
    }
    put(given, "signed-6");
    CHECK_CODE(stanch_guard_acquire(guard, &news, &set), STANCH_OK);
    CHECK(news == STANCH_NEWS_SWAPPED && serial_of(set) == 6);
    stanch_guard_release(set);
    stanch_guard_free(guard);
}

typedef struct {
    const fixture *given;
    const stanch_guard *guard;
    atomic_int *over;
    size_t size;
    void *memory;
    unsigned long scans, swaps, refusals, wrong;
} job;

/* Runs in a thread or a child: it counts in its job and checks nothing itself. */
static void *scan_on(void *argument)
{
    job *mine = argument;
    uint64_t last = 0;

    do {
        const stanch_set *set = NULL;
        uint32_t news = 7;

        if (stanch_guard_acquire(mine->guard, &news, &set) != STANCH_OK) {
            mine->wrong++;
            return NULL;
        }
        mine->swaps += news == STANCH_NEWS_SWAPPED;
        mine->refusals += news == STANCH_NEWS_REFUSED;
        mine->wrong += serial_of(set) < last
                       || !agrees(mine->given, set, mine->memory, mine->size);
        last = serial_of(set);
        mine->scans++;
        stanch_guard_release(set);
    } while (!atomic_load(mine->over));
    return NULL;
}

/* How many mappings of the guard's file there are, those that were replaced among them. */
static int mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[8192];
    int count = 0;

    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        count += strstr(line, place) != NULL;
    }
    CHECK(maps != NULL && fclose(maps) == 0);
    return count;
}

static void check_swaps(const fixture *given)
{
    static const struct timespec millisecond = { 0, 1000000 };
    stanch_trust trust = { .size = sizeof trust };
    stanch_guard_info info = { .size = sizeof info };
    const stanch_set *set = NULL;
    stanch_guard *guard;
    pthread_t threads[THREADS];
    job jobs[THREADS];
    atomic_int over = 0;
    unsigned long swaps = 0, refusals = 0;
    unsigned number;
    uint32_t news = 7;
    int i;

    put_number(given, 1);
    guard = open_guard(given, &trust);
    CHECK_CODE(stanch_guard_acquire(guard, NULL, &set), STANCH_OK);
    for (i = 0; i < THREADS; i++) {
        jobs[i] = (job) { .given = given, .guard = guard, .over = &over };
        jobs[i].memory = scan_memory(set, &jobs[i].size);
    }
    stanch_guard_release(set);
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, scan_on, &jobs[i]) == 0);
    }
    for (number = 2; number <= SETS; number++) {
        put_number(given, number);
        nanosleep(&millisecond, NULL);
        if (number % 4 == 0) {
            put(given, "key");
            nanosleep(&millisecond, NULL);
        }
    }
    put_number(given, SETS);
    atomic_store(&over, 1);
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(jobs[i].wrong == 0 && jobs[i].scans > 0);
        swaps += jobs[i].swaps;
        refusals += jobs[i].refusals;
        free(jobs[i].memory);
    }
    CHECK_CODE(stanch_guard_acquire(guard, &news, &set), STANCH_OK);
    CHECK(serial_of(set) == SETS);
    stanch_guard_release(set);
    swaps += news == STANCH_NEWS_SWAPPED;
    /* Each change was told once, to the one who came upon it. */
    CHECK_CODE(stanch_guard_describe(guard, &info), STANCH_OK);
    CHECK(info.swaps == swaps && info.refusals == refusals);
    CHECK(swaps > 1);
    /* One more look lets go of what a reader was just taking when it was replaced. */
    CHECK_CODE(stanch_guard_acquire(guard, NULL, &set), STANCH_OK);
    stanch_guard_release(set);
    CHECK(mapped() == 1);
    stanch_guard_free(guard);
    CHECK(mapped() == 0);
}

/* Parent and child each look for themselves, and neither needs the key's file any more. */
static void check_forked(const fixture *given)
{
    stanch_trust trust = { .size = sizeof trust };
    stanch_guard *guard = NULL;
    atomic_int over = 1;
    job own = { .given = given, .over = &over };
    char key[4096 + 8];
    const stanch_set *set = NULL;
    int status = -1;
    FILE *copy;
    pid_t child;

    put_number(given, 1);
    snprintf(key, sizeof key, "%s.key", place);
    copy = fopen(key, "wb");
    CHECK(copy != NULL);
    if (copy != NULL) {
        char line[256];
        size_t length = read_file(given, "key", line, sizeof line);

        CHECK(fwrite(line, 1, length, copy) == length && fclose(copy) == 0);
    }
    CHECK(chmod(key, 0600) == 0);
    CHECK_CODE(stanch_guard_open(text(place), text(key), &trust, NULL, &guard), STANCH_OK);
    CHECK_CODE(stanch_guard_set_interval(guard, 0), STANCH_OK);
    CHECK(remove(key) == 0);
    CHECK_CODE(stanch_guard_acquire(guard, NULL, &set), STANCH_OK);
    own.memory = scan_memory(set, &own.size);
    own.guard = guard;
    stanch_guard_release(set);

    put_number(given, 2);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        scan_on(&own);
        _exit(own.wrong == 0 && own.swaps == 1 ? 0 : 1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    scan_on(&own);
    CHECK(own.wrong == 0 && own.swaps == 1);
    free(own.memory);
    stanch_guard_free(guard);
}

void check_guard(const fixture *given)
{
    snprintf(place, sizeof place, "%s", in_folder(given, "guarded"));
    snprintf(next_place, sizeof next_place, "%s.new", place);
    check_arguments(given);
    check_news(given);
    check_trusted(given);
    check_swaps(given);
    check_forked(given);
}
