/*
 * What a host knows of a request, and what scopes make of it. The fixture's set "scoped" blocks its
 * token in POST requests for /v1 of api.example.com until the second 2000, but not from 10.0.0.0/8 and
 * 2001:db8::/32.
 */

#include "abi_test.h"

static stanch_set *open_scoped(const fixture *given)
{
    stanch_set *set = NULL;
    char path[4096];

    snprintf(path, sizeof path, "%s", in_folder(given, "scoped"));
    CHECK_CODE(stanch_set_open(text(path), text(in_folder(given, "key")), NULL, &set), STANCH_OK);
    return set;
}

/* A context in which the patch acts. */
static stanch_context acting(void)
{
    stanch_context context = {
        .size = sizeof context, .host = text("api.example.com"), .method = text("POST"),
        .path = text("/v1/pay"), .now = 2000, .client_len = 4, .client = { 192, 0, 2, 1 },
    };
    return context;
}

/* What is to be done about a request that says little of itself, and all of it differently. */
static uint32_t judged(const fixture *given, const stanch_set *set, void *memory, size_t size,
                       const stanch_context *context)
{
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_header headers[2] = {
        { text("Host"), text("other.example.com") }, { text("X-Key"), text(given->blocked) },
    };

    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    if (context != NULL) {
        CHECK_CODE(stanch_scan_context(scan, context), STANCH_OK);
    }
    CHECK_CODE(stanch_scan_request(scan, text("PUT"), text("/other")), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, headers, 2), STANCH_OK);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    return verdict.action;
}

static void check_scopes(const fixture *given, const stanch_set *set, void *memory, size_t size)
{
    stanch_context context = acting();
    static const uint8_t exempt[3][16] = {
        { 10, 1, 2, 3 },
        { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
        /* The first one, as a socket for both kinds has it. */
        { [10] = 0xff, 0xff, 10, 1, 2, 3 },
    };
    static const uint32_t lengths[3] = { 4, 16, 16 };
    int i;

#define JUDGED() judged(given, set, memory, size, &context)
    CHECK(judged(given, set, memory, size, NULL) == STANCH_ACTION_PASS);
    CHECK(JUDGED() == STANCH_ACTION_BLOCK);
    context.host = text("API.example.com.:8443");
    CHECK(JUDGED() == STANCH_ACTION_BLOCK);
    context.path = text("/v1?x=/v2");
    CHECK(JUDGED() == STANCH_ACTION_BLOCK);

    /* One condition at a time does not hold. */
    context = acting();
    context.host = text("www.example.com");
    CHECK(JUDGED() == STANCH_ACTION_PASS);
    context = acting();
    context.method = text("GET");
    CHECK(JUDGED() == STANCH_ACTION_PASS);
    context = acting();
    context.path = text("/v10");
    CHECK(JUDGED() == STANCH_ACTION_PASS);
    context = acting();
    context.now = 2001;
    CHECK(JUDGED() == STANCH_ACTION_PASS);
    context.now = 0;
    CHECK(JUDGED() == STANCH_ACTION_PASS);
    for (i = 0; i < 3; i++) {
        context = acting();
        context.client_len = lengths[i];
        memcpy(context.client, exempt[i], sizeof context.client);
        CHECK(JUDGED() == STANCH_ACTION_PASS);
    }

    /* What is not told is taken from the request; of the client nothing is known then. */
    context = acting();
    context.host = bytes(NULL, 0);
    CHECK(JUDGED() == STANCH_ACTION_PASS);
    context = acting();
    context.method = bytes(NULL, 0);
    CHECK(JUDGED() == STANCH_ACTION_PASS);
    context = acting();
    context.path = bytes(NULL, 0);
    CHECK(JUDGED() == STANCH_ACTION_PASS);
    context = acting();
    context.client_len = 0;
    memcpy(context.client, exempt[0], sizeof context.client);
    CHECK(JUDGED() == STANCH_ACTION_BLOCK);
    /* An empty host is told, and can be any. */
    context = acting();
    context.host = bytes("", 0);
    CHECK(JUDGED() == STANCH_ACTION_BLOCK);
#undef JUDGED
}

static void check_arguments(const stanch_set *set, void *memory, size_t size)
{
    static const uint32_t bad_lengths[] = { 1, 3, 5, 15, 17, UINT32_MAX };
    stanch_context context = acting();
    stanch_slice null_with_length = { NULL, 5 }, get = text("GET"), root = text("/");
    stanch_slice endless = { get.data, SIZE_MAX }, nothing = { NULL, 0 };
    stanch_header header = { text("a"), text("b") };
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_scan *scan = NULL;
    size_t i;

    CHECK_CODE(stanch_scan_context(NULL, &context), STANCH_ERROR_NULL);
    memset(memory, 0, size);
    CHECK_CODE(stanch_scan_context(memory, &context), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_context(scan, NULL), STANCH_ERROR_NULL);
    for (i = 0; i < sizeof context; i++) {
        context.size = i;
        CHECK_CODE(stanch_scan_context(scan, &context), STANCH_ERROR_ARGUMENT);
    }
    context = acting();
    for (i = 0; i < sizeof bad_lengths / sizeof *bad_lengths; i++) {
        context.client_len = bad_lengths[i];
        CHECK_CODE(stanch_scan_context(scan, &context), STANCH_ERROR_ARGUMENT);
    }
    for (i = 0; i < 3; i++) {
        context = acting();
        *(i == 0 ? &context.host : i == 1 ? &context.method : &context.path) = null_with_length;
        CHECK_CODE(stanch_scan_context(scan, &context), STANCH_ERROR_NULL);
        *(i == 0 ? &context.host : i == 1 ? &context.method : &context.path) = endless;
        CHECK_CODE(stanch_scan_context(scan, &context), STANCH_ERROR_ARGUMENT);
    }
    context = acting();

    /* Any number of times before the request, and with nothing fed in between; not after. */
    CHECK_CODE(stanch_scan_context(scan, &context), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, NULL, 0), STANCH_OK);
    CHECK_CODE(stanch_scan_body(scan, NULL, 0), STANCH_OK);
    CHECK_CODE(stanch_scan_request(scan, null_with_length, root), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_context(scan, &context), STANCH_OK);
    CHECK_CODE(stanch_scan_request(scan, get, root), STANCH_OK);
    CHECK_CODE(stanch_scan_context(scan, &context), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    CHECK_CODE(stanch_scan_context(scan, &context), STANCH_ERROR_STATE);

    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, &header, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_context(scan, &context), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_body(scan, &nothing, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_context(scan, &context), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
}

void check_context(const fixture *given)
{
    stanch_set *set = open_scoped(given), *unscoped = open_set(given);
    stanch_context context = acting();
    size_t size = 0, small = 0;
    void *memory = scan_memory(set, &size);

    check_scopes(given, set, memory, size);
    check_arguments(set, memory, size);
    /* A set without scopes takes a context all the same, and has no room for one. */
    check_arguments(unscoped, memory, size);
    context.host = text("www.example.com");
    CHECK(judged(given, unscoped, memory, size, &context) == STANCH_ACTION_BLOCK);
    CHECK_CODE(stanch_scan_size(unscoped, &small), STANCH_OK);
    CHECK(small < size);
    free(memory);
    stanch_set_free(unscoped);
    stanch_set_free(set);
}
