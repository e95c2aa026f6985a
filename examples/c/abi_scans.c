/*
 * Scanning: bad arguments, bad memory, calls out of order, and what verdicts say.
 */

#include "abi_test.h"

/* Looking through memory that is not ours meets the padding of its structs: valgrind is told. */
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(memory, size) ((void) (memory), (void) (size))
#endif

static const stanch_slice nothing = { NULL, 0 };
static const stanch_slice null_with_length = { NULL, 5 };

static void check_memory(const fixture *given)
{
    stanch_set *set = open_set(given);
    size_t size = 0, align = stanch_scan_align(), at;
    uint8_t *memory = scan_memory(set, &size);
    uint8_t *roomy = malloc(size + 2 * align);
    uint8_t *aligned = roomy + align - (uintptr_t) roomy % align;
    stanch_scan *scan = NULL;

    CHECK(align > 0 && (align & (align - 1)) == 0);
    CHECK(size > 0);
    CHECK_CODE(stanch_scan_init(NULL, memory, size, &scan), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_init(set, NULL, size, &scan), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_init(set, memory, size, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_init(set, memory, 0, &scan), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_scan_init(set, memory, size - 1, &scan), STANCH_ERROR_ARGUMENT);
    for (at = 1; at < align; at++) {
        CHECK_CODE(stanch_scan_init(set, aligned + at, size, &scan), STANCH_ERROR_ARGUMENT);
    }
    CHECK(scan == NULL);

    /* Any content will do, and the same memory again and again. */
    for (at = 0; at < 3; at++) {
        memset(memory, (int) (at * 0x5a), size);
        CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
        CHECK(scan != NULL);
    }
    free(roomy);
    free(memory);
    stanch_set_free(set);
}

static void check_null_arguments(const fixture *given)
{
    stanch_set *set = open_set(given);
    size_t size = 0;
    void *memory = scan_memory(set, &size);
    stanch_scan *scan = NULL;
    stanch_slice get = text("GET"), root = text("/");
    stanch_header header = { text("host"), text("example.com") };
    stanch_header bad_name = { null_with_length, text("v") };
    stanch_header bad_value = { text("n"), null_with_length };
    stanch_header too_long = { text("n"), { get.data, SIZE_MAX } };
    stanch_slice endless = { get.data, SIZE_MAX };
    stanch_verdict verdict = { .size = sizeof verdict };

    CHECK_CODE(stanch_scan_request(NULL, get, root), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_headers(NULL, &header, 1), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_body(NULL, &root, 1), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_verdict(NULL, &verdict), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_finish(NULL, &verdict), STANCH_ERROR_NULL);

    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_request(scan, null_with_length, root), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_request(scan, get, null_with_length), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_request(scan, get, endless), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_scan_request(scan, get, root), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, NULL, 1), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_headers(scan, NULL, 0), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, &bad_name, 1), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_headers(scan, &bad_value, 1), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_headers(scan, &too_long, 1), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_scan_headers(scan, &header, SIZE_MAX), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_scan_headers(scan, &header, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_body(scan, NULL, 1), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_body(scan, NULL, 0), STANCH_OK);
    CHECK_CODE(stanch_scan_body(scan, &null_with_length, 1), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_body(scan, &endless, 1), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_scan_body(scan, &root, SIZE_MAX), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_scan_body(scan, &nothing, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_verdict(scan, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_finish(scan, NULL), STANCH_ERROR_NULL);

    for (verdict.size = 0; verdict.size < sizeof verdict; verdict.size++) {
        size_t small = verdict.size;
        CHECK_CODE(stanch_scan_verdict(scan, &verdict), STANCH_ERROR_ARGUMENT);
        CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_ERROR_ARGUMENT);
        CHECK(verdict.size == small);
    }

    /* None of these calls has spoilt the scan. */
    CHECK_CODE(stanch_scan_body(scan, &root, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    CHECK(verdict.action == STANCH_ACTION_PASS);
    CHECK(verdict.size == sizeof verdict);
    free(memory);
    stanch_set_free(set);
}

static void check_order(const fixture *given)
{
    stanch_set *set = open_set(given);
    size_t size = 0;
    void *memory = scan_memory(set, &size);
    stanch_scan *scan = NULL;
    stanch_slice get = text("GET"), root = text("/"), token = text(given->blocked);
    stanch_header header = { text("X-Key"), token };
    stanch_verdict verdict = { .size = sizeof verdict };

    /* Memory that holds no scan. */
    memset(memory, 0, size);
    CHECK_CODE(stanch_scan_request(memory, get, root), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_headers(memory, &header, 1), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_body(memory, &token, 1), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_verdict(memory, &verdict), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_finish(memory, &verdict), STANCH_ERROR_STATE);

    /* A scan that is fed nothing. */
    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_verdict(scan, &verdict), STANCH_OK);
    CHECK(verdict.action == STANCH_ACTION_PASS);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    CHECK(verdict.action == STANCH_ACTION_PASS);

    /* A finished scan takes nothing more, and the verdict stays. */
    CHECK_CODE(stanch_scan_request(scan, get, token), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_headers(scan, &header, 1), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_body(scan, &token, 1), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_ERROR_STATE);
    CHECK(verdict.action == STANCH_ACTION_PASS);
    CHECK_CODE(stanch_scan_verdict(scan, &verdict), STANCH_OK);
    CHECK(verdict.action == STANCH_ACTION_PASS);

    /* The same memory for the next request; trailers come behind the body. */
    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_request(scan, get, root), STANCH_OK);
    CHECK_CODE(stanch_scan_body(scan, &root, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, &header, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_verdict(scan, &verdict), STANCH_OK);
    CHECK(verdict.action == STANCH_ACTION_BLOCK && verdict.part == STANCH_PART_HEADER);

    /* A block is final: what comes later changes nothing. */
    CHECK_CODE(stanch_scan_body(scan, &token, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    CHECK(verdict.action == STANCH_ACTION_BLOCK && verdict.part == STANCH_PART_HEADER);
    free(memory);
    stanch_set_free(set);
}

/* A request as the checks below write it down. */
typedef struct {
    const char *target, *header, *value, *body;
    size_t piece;               /* the body comes in pieces of so many bytes */
} request;

static stanch_verdict scan_once(const stanch_set *set, void *memory, size_t size,
                                const request *asked)
{
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_header headers[2] = {
        { text("Host"), text("example.com") },
        { text(asked->header), text(asked->value) },
    };
    size_t at, length = strlen(asked->body);

    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_request(scan, text("POST"), text(asked->target)), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, headers, 2), STANCH_OK);
    for (at = 0; at < length; at += asked->piece) {
        size_t rest = length - at;
        stanch_slice piece = bytes(asked->body + at, rest < asked->piece ? rest : asked->piece);
        CHECK_CODE(stanch_scan_body(scan, &piece, 1), STANCH_OK);
    }
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    return verdict;
}

static void check_hit(const stanch_verdict *verdict, uint32_t action, uint64_t leak, uint32_t part,
                      uint32_t view, uint64_t offset, const char *name, int line)
{
    check(verdict->action == action, "action", __FILE__, line);
    check(verdict->leak == leak, "leak", __FILE__, line);
    check(verdict->part == part, "part", __FILE__, line);
    check(verdict->views == view, "view", __FILE__, line);
    check(verdict->offset == offset, "offset", __FILE__, line);
    check(verdict->name_len == strlen(name), "length of the name", __FILE__, line);
    check(memcmp(verdict->name, name, strlen(name)) == 0, "name", __FILE__, line);
}

static void check_verdicts(const fixture *given)
{
    stanch_set *set = open_set(given);
    size_t size = 0, piece;
    void *memory = scan_memory(set, &size);
    char buffer[512];
    stanch_verdict verdict;
    request asked = { "/", "X-Key", given->clean, "", 1 };

    verdict = scan_once(set, memory, size, &asked);
    check_hit(&verdict, STANCH_ACTION_PASS, 0, STANCH_PART_NONE, STANCH_VIEW_NONE, 0, "", __LINE__);

    asked.value = given->blocked;
    verdict = scan_once(set, memory, size, &asked);
    check_hit(&verdict, STANCH_ACTION_BLOCK, BLOCKED_LEAK, STANCH_PART_HEADER, STANCH_VIEW_RAW, 0,
              "X-Key", __LINE__);

    asked.value = given->monitored;
    verdict = scan_once(set, memory, size, &asked);
    check_hit(&verdict, STANCH_ACTION_MONITOR, MONITORED_LEAK, STANCH_PART_HEADER, STANCH_VIEW_RAW,
              0, "X-Key", __LINE__);

    asked.header = "Cookie";
    snprintf(buffer, sizeof buffer, "a=b; session=%s", given->blocked);
    asked.value = buffer;
    verdict = scan_once(set, memory, size, &asked);
    check_hit(&verdict, STANCH_ACTION_BLOCK, BLOCKED_LEAK, STANCH_PART_COOKIE, STANCH_VIEW_RAW, 13,
              "session", __LINE__);

    asked.value = "";
    snprintf(buffer, sizeof buffer, "/q?a=b&key=%s", given->blocked);
    asked.target = buffer;
    verdict = scan_once(set, memory, size, &asked);
    check_hit(&verdict, STANCH_ACTION_BLOCK, BLOCKED_LEAK, STANCH_PART_QUERY, STANCH_VIEW_RAW, 11,
              "key", __LINE__);

    snprintf(buffer, sizeof buffer, "/%s/x", given->blocked);
    verdict = scan_once(set, memory, size, &asked);
    check_hit(&verdict, STANCH_ACTION_BLOCK, BLOCKED_LEAK, STANCH_PART_PATH, STANCH_VIEW_RAW, 1, "",
              __LINE__);

    snprintf(buffer, sizeof buffer, "/%%%02x%s/x", (unsigned) given->blocked[0], given->blocked + 1);
    verdict = scan_once(set, memory, size, &asked);
    check_hit(&verdict, STANCH_ACTION_BLOCK, BLOCKED_LEAK, STANCH_PART_PATH, STANCH_VIEW_PERCENT, 1,
              "", __LINE__);

    /* The body in pieces of every size; the blocked token outweighs the monitored one. */
    asked.target = "/";
    snprintf(buffer, sizeof buffer, "{\"a\":\"%s\",\"b\":\"%s\"}", given->monitored, given->blocked);
    asked.body = buffer;
    for (piece = 1; piece <= strlen(buffer); piece++) {
        asked.piece = piece;
        verdict = scan_once(set, memory, size, &asked);
        check_hit(&verdict, STANCH_ACTION_BLOCK, BLOCKED_LEAK, STANCH_PART_BODY, STANCH_VIEW_RAW,
                  (uint64_t) (strstr(buffer, given->blocked) - buffer), "", __LINE__);
    }
    free(memory);
    stanch_set_free(set);
}

/* Whether a part of a text lies in memory. */
static int holds(const uint8_t *memory, size_t size, const char *string, size_t length)
{
    size_t at;

    (void) VALGRIND_MAKE_MEM_DEFINED(memory, size);
    for (at = 0; at + length <= size; at++) {
        if (memcmp(memory + at, string, length) == 0) {
            return 1;
        }
    }
    return 0;
}

/* The bytes that are carried from piece to piece are gone with the end of the scan. */
static void check_wiped(const fixture *given)
{
    stanch_set *set = open_set(given);
    size_t size = 0;
    uint8_t *memory = scan_memory(set, &size);
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_slice piece = text(given->clean);

    memset(memory, 0, size);
    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_request(scan, text("POST"), text("/")), STANCH_OK);
    CHECK_CODE(stanch_scan_body(scan, &piece, 1), STANCH_OK);
    CHECK(holds(memory, size, given->clean + 8, 8));
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    CHECK(!holds(memory, size, given->clean, 4));
    CHECK(!holds(memory, size, given->clean + 8, 8));
    free(memory);
    stanch_set_free(set);
}

void check_scans(const fixture *given)
{
    check_memory(given);
    check_null_arguments(given);
    check_order(given);
    check_verdicts(given);
    check_wiped(given);
}
