/*
 * Attempts: lines of a log, and the cap on how many there are.
 */

#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi_test.h"

/* What a scan says of a request with a token in a header. */
static stanch_verdict found(const fixture *given)
{
    stanch_set *set = open_set(given);
    stanch_header header = { text("X-\"Key\""), text(given->blocked) };
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_scan *scan = NULL;
    size_t size = 0;
    void *memory = scan_memory(set, &size);

    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, &header, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    free(memory);
    stanch_set_free(set);
    return verdict;
}

static void check_lines(const fixture *given)
{
    static const char expected[] =
        "{\"type\":\"vpatch\",\"time\":\"2026-11-23T16:12:53.481Z\",\"node\":\"edge-1\","
        "\"client\":\"203.0.113.7\",\"host\":\"api.example.com\",\"method\":\"GET\",\"path\":\"/v1\","
        "\"part\":\"header\",\"name\":\"X-\\\"Key\\\"\",\"view\":\"raw\",\"action\":\"monitor\","
        "\"leak\":7,\"left_out\":3}";
    stanch_verdict verdict = found(given);
    stanch_attempt attempt = {
        .size = sizeof attempt, .time = 1795450373481, .node = text("edge-1"),
        .client = text("203.0.113.7"), .host = text("api.example.com"), .method = text("GET"),
        .path = text("/v1"), .verdict = &verdict, .left_out = 3, .action = STANCH_ACTION_MONITOR,
    };
    char line[STANCH_ATTEMPT_LINE + 1];
    static char hostile[5000];
    size_t length = 0;

    memset(line, 'x', sizeof line);
    CHECK_CODE(stanch_attempt_line(&attempt, line, STANCH_ATTEMPT_LINE, &length), STANCH_OK);
    CHECK(length == strlen(expected) && memcmp(line, expected, length) == 0);
    CHECK(line[length] == 'x');

    /* The longest that there is, and nothing behind the buffer is touched. */
    memset(hostile, '\1', sizeof hostile);
    attempt.node = attempt.client = attempt.host = bytes(hostile, sizeof hostile);
    attempt.method = attempt.path = attempt.host;
    attempt.left_out = verdict.leak = UINT64_MAX;
    verdict.views = UINT32_MAX;
    CHECK_CODE(stanch_attempt_line(&attempt, line, STANCH_ATTEMPT_LINE, &length), STANCH_OK);
    CHECK(length < STANCH_ATTEMPT_LINE && line[length - 1] == '}');
    CHECK(line[STANCH_ATTEMPT_LINE] == 'x' && memchr(line, '\1', length) == NULL);

    /* Nothing is told but what was found, and the time is the system's. */
    attempt = (stanch_attempt) {
        .size = sizeof attempt, .verdict = &verdict, .action = STANCH_ACTION_BLOCK,
    };
    verdict.leak = 7;
    verdict.name_len = 0;
    CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length), STANCH_OK);
    line[length] = '\0';
    CHECK(strstr(line, "\"time\":\"20") != NULL && strstr(line, "\"host\"") == NULL);
    CHECK(strstr(line, "\"part\":\"header\",\"view\"") != NULL);
    CHECK(strstr(line, "\"action\":\"block\",\"leak\":7}") != NULL);
    CHECK(strstr(line, given->blocked) == NULL);
}

static void check_arguments(const fixture *given)
{
    stanch_verdict verdict = found(given);
    stanch_attempt attempt = {
        .size = sizeof attempt, .verdict = &verdict, .action = STANCH_ACTION_BLOCK,
    };
    char line[STANCH_ATTEMPT_LINE];
    size_t length = 9, i;
    stanch_slice *texts[] = {
        &attempt.node, &attempt.client, &attempt.host, &attempt.method, &attempt.path,
    };
    static const uint32_t no_actions[] = { STANCH_ACTION_PASS, 3, UINT32_MAX };
    static const uint32_t no_parts[] = { STANCH_PART_NONE, 6, UINT32_MAX };

    CHECK_CODE(stanch_attempt_line(NULL, line, sizeof line, &length), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_attempt_line(&attempt, NULL, sizeof line, &length), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line - 1, &length), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_attempt_line(&attempt, line, 0, &length), STANCH_ERROR_ARGUMENT);
    attempt.size--;
    CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length), STANCH_ERROR_ARGUMENT);
    attempt.size++;
    verdict.size--;
    CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length), STANCH_ERROR_ARGUMENT);
    verdict.size++;
    attempt.verdict = NULL;
    CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length), STANCH_ERROR_NULL);
    attempt.verdict = &verdict;
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = bytes(NULL, 5);
        CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length), STANCH_ERROR_NULL);
        *texts[i] = bytes(line, SIZE_MAX);
        CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length),
                   STANCH_ERROR_ARGUMENT);
        *texts[i] = bytes(NULL, 0);
    }
    for (i = 0; i < sizeof no_actions / sizeof *no_actions; i++) {
        attempt.action = no_actions[i];
        CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length),
                   STANCH_ERROR_ARGUMENT);
    }
    attempt.action = STANCH_ACTION_BLOCK;
    for (i = 0; i < sizeof no_parts / sizeof *no_parts; i++) {
        stanch_verdict none = verdict;

        none.part = no_parts[i];
        attempt.verdict = &none;
        CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length),
                   STANCH_ERROR_ARGUMENT);
    }
    attempt.verdict = &verdict;
    verdict.name_len = STANCH_NAME + 1;
    CHECK_CODE(stanch_attempt_line(&attempt, line, sizeof line, &length), STANCH_ERROR_ARGUMENT);
    CHECK(length == 9);
}

static void check_cap(void)
{
    stanch_attempt_cap cap = { 0, 0 };
    uint64_t left_out = 9;
    int i;

    CHECK(stanch_attempt_cap_take(NULL, 1000, 1, 1, &left_out) == 0);
    CHECK(stanch_attempt_cap_take(&cap, 1000, 1, 1, NULL) == 0);
    CHECK(left_out == 9);
    for (i = 0; i < 2; i++) {
        CHECK(stanch_attempt_cap_take(&cap, 1000, 10, 2, &left_out) == 1 && left_out == 0);
    }
    for (i = 0; i < 5; i++) {
        CHECK(stanch_attempt_cap_take(&cap, 1099, 10, 2, &left_out) == 0);
    }
    CHECK(stanch_attempt_cap_take(&cap, 1100, 10, 2, &left_out) == 1 && left_out == 5);
    CHECK(stanch_attempt_cap_take(&cap, 1100, 0, 2, &left_out) == 0);
    CHECK(stanch_attempt_cap_take(&cap, 1100, 10, 0, &left_out) == 0);
}

/* Processes share a cap that was zeroed once, as a proxy's workers do. */
static void check_shared_cap(void)
{
    enum { CHILDREN = 4, TURNS = 1000, BURST = 50 };
    struct shared {
        stanch_attempt_cap cap;
        uint64_t lines[CHILDREN], told[CHILDREN];
    } *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t lines = 0, told = 0, left_out = 0;
    int i, turn, status;

    CHECK(all != MAP_FAILED);
    if (all == MAP_FAILED) {
        return;
    }
    fflush(NULL);
    for (i = 0; i < CHILDREN; i++) {
        pid_t child = fork();

        if (child == 0) {
            for (turn = 0; turn < TURNS; turn++) {
                if (stanch_attempt_cap_take(&all->cap, 5000, 10, BURST, &left_out)) {
                    all->lines[i]++;
                    all->told[i] += left_out;
                }
            }
            _exit(0);
        }
        CHECK(child > 0);
    }
    for (i = 0; i < CHILDREN; i++) {
        status = -1;
        CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (i = 0; i < CHILDREN; i++) {
        lines += all->lines[i];
        told += all->told[i];
    }
    CHECK(lines == BURST);
    CHECK(stanch_attempt_cap_take(&all->cap, 60000, 10, BURST, &left_out) == 1);
    CHECK(lines + told + left_out == CHILDREN * TURNS);
    munmap(all, sizeof *all);
}

void check_attempt(const fixture *given)
{
    check_lines(given);
    check_arguments(given);
    check_cap();
    check_shared_cap();
}
