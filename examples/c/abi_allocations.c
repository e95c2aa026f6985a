/*
 * Nothing is allocated between stanch_scan_init and stanch_scan_finish.
 *
 * Opening a set proves that the counter sees the library. A guard hands out its set without an allocation,
 * too, as long as its file is not looked at; and an attempt is written without one.
 */

#include <errno.h>

#include "abi_test.h"
#include "count_allocations.h"

/* The body of a request, and the inflater that undoes its gzip; NULL if it is sent as it is. */
typedef struct {
    char *body;
    size_t length;
    stanch_inflater *inflater;
} request_body;

/* A whole request, its body in pieces of this size; the allocations that it made. */
static unsigned long allocated_by(const stanch_set *set, void *memory, size_t size,
                                  const char *token, const request_body *sent, size_t piece,
                                  uint32_t *action)
{
    static char target[256], encoded[256];
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_context context = { .size = sizeof context, .host = text("example.com"), .client_len = 4 };
    stanch_header headers[4];
    size_t at;
    unsigned long before;
    int32_t code;

    snprintf(target, sizeof target, "/a%%20b?x=%%31&y=%s", token);
    snprintf(encoded, sizeof encoded, "a=%%%02x%s", (unsigned) token[0], token + 1);
    headers[0].name = text("Host");
    headers[0].value = text("example.com");
    headers[1].name = text("Authorization");
    headers[1].value = text("Basic dXNlcjpwYXNzd29yZC10aGF0LWlzLW5vbmU=");
    headers[2].name = text("Cookie");
    headers[2].value = text(encoded);
    headers[3].name = text("Content-Encoding");
    headers[3].value = text("gzip");

    before = allocations;
    code = stanch_scan_init(set, memory, size, &scan);
    if (code == STANCH_OK) {
        code = stanch_scan_context(scan, &context);
    }
    if (code == STANCH_OK) {
        code = stanch_scan_request(scan, text("POST"), text(target));
    }
    if (code == STANCH_OK) {
        code = stanch_scan_headers(scan, headers, sent->inflater != NULL ? 4 : 3);
    }
    if (code == STANCH_OK && sent->inflater != NULL) {
        code = stanch_scan_inflate(scan, sent->inflater);
    }
    for (at = 0; code == STANCH_OK && at < sent->length; at += piece) {
        size_t rest = sent->length - at;
        stanch_slice slice = bytes(sent->body + at, rest < piece ? rest : piece);
        code = stanch_scan_body(scan, &slice, 1);
        if (code == STANCH_OK) {
            code = stanch_scan_verdict(scan, &verdict);
        }
    }
    if (code == STANCH_OK) {
        code = stanch_scan_finish(scan, &verdict);
    }
    before = allocations - before;

    CHECK_CODE(code, STANCH_OK);
    CHECK(verdict.body == STANCH_BODY_WHOLE);
    *action = verdict.action;
    return before;
}

/* What every view has work with: escapes of all kinds, base64, UTF-16; and at the end a token. */
static void fill(char *body, size_t length, const char *token)
{
    static const char *encoded[] = {
        "%25%37%42 ", "\\u0041\\\\u0042\\/ ", "&#x41;&amp;lt; ", "dXNlcjpwYXNzd29yZC10aGF0LWlzLW5vbmU= ",
        "YVc1MlpXNTBaV1FnZEc5clpXND0= ", "=41=42=\r\n", "+a+b%2B ",
    };
    size_t at = 0, number = 0, i;

    memset(body, '%', length);
    for (; at + 100 < length / 2; number++) {
        const char *next = encoded[number % (sizeof encoded / sizeof *encoded)];
        memcpy(body + at, next, strlen(next));
        at += strlen(next);
    }
    for (i = 0; i < strlen(token) - 1; i++) {
        body[at++] = token[i];
        body[at++] = 0;
    }
    memcpy(body + length - 200, token, strlen(token));
}

/* Takes the guard's set and gives it back, while no look at the file is due. */
static void check_guarded(const fixture *given)
{
    stanch_trust trust = { .size = sizeof trust };
    stanch_guard *guard = NULL;
    const stanch_set *set = NULL;
    char path[4096];
    unsigned long before = allocations;
    uint32_t news = 7;
    int i, wrong = 0;

    snprintf(path, sizeof path, "%s", in_folder(given, "set"));
    CHECK_CODE(stanch_guard_open(text(path), text(in_folder(given, "key")), &trust, NULL, &guard),
               STANCH_OK);
    CHECK(allocations - before >= 2);
    CHECK_CODE(stanch_guard_set_interval(guard, 3600000), STANCH_OK);
    CHECK_CODE(stanch_guard_acquire(guard, &news, &set), STANCH_OK);
    stanch_guard_release(set);
    before = allocations;
    for (i = 0; i < 1000; i++) {
        wrong += stanch_guard_acquire(guard, &news, &set) != STANCH_OK || news != STANCH_NEWS_NONE;
        stanch_guard_release(set);
    }
    CHECK(wrong == 0 && allocations == before);
    stanch_guard_free(guard);
}

static void check_attempts(void)
{
    stanch_verdict verdict = { .size = sizeof verdict, .part = STANCH_PART_BODY, .views = 1 };
    stanch_attempt attempt = {
        .size = sizeof attempt, .node = text("edge"), .path = text("/\1\xff"), .verdict = &verdict,
        .action = STANCH_ACTION_BLOCK,
    };
    stanch_attempt_cap cap = { 0, 0 };
    char line[STANCH_ATTEMPT_LINE];
    unsigned long before = allocations;
    size_t length = 0;
    int may = stanch_attempt_cap_take(&cap, 1000, 1, 1, &attempt.left_out);
    int32_t code = stanch_attempt_line(&attempt, line, sizeof line, &length);

    CHECK(allocations == before);
    CHECK(may && code == STANCH_OK && length > 0);
}

void check_allocations(const fixture *given)
{
    static const size_t pieces[] = { 1, 7, 64, 1000, 20000 };
    static char body[20000], gzip[20000];
    unsigned long before = allocations;
    stanch_set *set = open_set(given);
    size_t size = 0, i, t;
    void *memory = scan_memory(set, &size);
    uint32_t action = 0;
    const struct {
        const char *token;
        uint32_t action;
    } rows[] = {
        { given->clean, STANCH_ACTION_PASS },
        { given->monitored, STANCH_ACTION_MONITOR },
        { given->blocked, STANCH_ACTION_BLOCK },
    };
    request_body plain = { body, sizeof body, NULL }, inflated = { gzip, 0, NULL };

    CHECK(allocations - before >= 2);
    before = allocations;
    CHECK_CODE(stanch_inflater_new(NULL, NULL, &inflated.inflater), STANCH_OK);
    CHECK(allocations - before >= 2);
    inflated.length = read_file(given, "gzip", gzip, sizeof gzip);
    for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (t = 0; t < sizeof rows / sizeof *rows; t++) {
            fill(body, sizeof body, rows[t].token);
            CHECK(allocated_by(set, memory, size, rows[t].token, &plain, pieces[i], &action) == 0);
            CHECK(action == rows[t].action);
        }
        CHECK(allocated_by(set, memory, size, given->clean, &inflated, pieces[i], &action) == 0);
        CHECK(action == STANCH_ACTION_BLOCK);
    }
    stanch_inflater_free(inflated.inflater);
    free(memory);
    stanch_set_free(set);
    check_guarded(given);
    check_attempts();
}
