/*
 * Nothing is allocated between stanch_scan_init and stanch_scan_finish.
 *
 * Linked with the static library and --wrap for each allocator, so that every call of the program
 * and of the library comes through here. Opening a set proves that the counter sees the library.
 */

#include <errno.h>

#include "abi_test.h"

static unsigned long allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **out, size_t align, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    allocations++;
    return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    allocations++;
    return __real_aligned_alloc(align, size);
}

int __wrap_posix_memalign(void **out, size_t align, size_t size)
{
    allocations++;
    return __real_posix_memalign(out, align, size);
}

/* A whole request, its body in pieces of this size; the allocations that it made. */
static unsigned long allocated_by(const stanch_set *set, void *memory, size_t size,
                                  const char *token, size_t piece, uint32_t *action)
{
    static char target[256], encoded[256], body[20000];
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_header headers[3];
    size_t at;
    unsigned long before;
    int32_t code;

    snprintf(target, sizeof target, "/a%%20b?x=%%31&y=%s", token);
    snprintf(encoded, sizeof encoded, "a=%%%02x%s", (unsigned) token[0], token + 1);
    memset(body, '%', sizeof body);
    memcpy(body + sizeof body - 200, token, strlen(token));
    headers[0].name = text("Host");
    headers[0].value = text("example.com");
    headers[1].name = text("Authorization");
    headers[1].value = text("Basic dXNlcjpwYXNzd29yZC10aGF0LWlzLW5vbmU=");
    headers[2].name = text("Cookie");
    headers[2].value = text(encoded);

    before = allocations;
    code = stanch_scan_init(set, memory, size, &scan);
    if (code == STANCH_OK) {
        code = stanch_scan_request(scan, text("POST"), text(target));
    }
    if (code == STANCH_OK) {
        code = stanch_scan_headers(scan, headers, 3);
    }
    for (at = 0; code == STANCH_OK && at < sizeof body; at += piece) {
        size_t rest = sizeof body - at;
        stanch_slice slice = bytes(body + at, rest < piece ? rest : piece);
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
    *action = verdict.action;
    return before;
}

void check_allocations(const fixture *given)
{
    static const size_t pieces[] = { 1, 7, 64, 1000, 20000 };
    unsigned long before = allocations;
    stanch_set *set = open_set(given);
    size_t size = 0, i;
    void *memory = scan_memory(set, &size);
    uint32_t action = 0;

    CHECK(allocations - before >= 2);
    for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        CHECK(allocated_by(set, memory, size, given->clean, pieces[i], &action) == 0);
        CHECK(action == STANCH_ACTION_PASS);
        CHECK(allocated_by(set, memory, size, given->monitored, pieces[i], &action) == 0);
        CHECK(action == STANCH_ACTION_MONITOR);
        CHECK(allocated_by(set, memory, size, given->blocked, pieces[i], &action) == 0);
        CHECK(action == STANCH_ACTION_BLOCK);
    }
    free(memory);
    stanch_set_free(set);
}
