/*
 * Bodies with a content encoding. The files gzip and deflate hold {"key":"…"} with the blocked token;
 * the file bomb 8 MiB of zeroes in gzip.
 */

#include "abi_test.h"

#define ROOM (1 << 16)
/* Where the token starts in the inflated bodies. */
#define OFFSET 8

/* How a request is sent. */
typedef struct {
    const char *encoding;       /* the value of its Content-Encoding */
    const void *body;
    size_t length, piece;
} request;

static stanch_verdict scan_once(const stanch_set *set, void *memory, size_t size,
                                stanch_inflater *inflater, const request *sent)
{
    stanch_scan *scan = NULL;
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_header header = { text("content-ENCODING"), text(sent->encoding) };
    size_t at;

    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_request(scan, text("POST"), text("/")), STANCH_OK);
    CHECK_CODE(stanch_scan_headers(scan, &header, 1), STANCH_OK);
    if (inflater != NULL) {
        CHECK_CODE(stanch_scan_inflate(scan, inflater), STANCH_OK);
    }
    for (at = 0; at < sent->length; at += sent->piece) {
        size_t rest = sent->length - at;
        stanch_slice piece = bytes((const uint8_t *) sent->body + at,
                                   rest < sent->piece ? rest : sent->piece);
        CHECK_CODE(stanch_scan_body(scan, &piece, 1), STANCH_OK);
    }
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    CHECK(verdict.reserved == 0);
    return verdict;
}

static void check_arguments(const stanch_set *set, void *memory, size_t size)
{
    stanch_inflate_limits limits = { .size = sizeof limits };
    stanch_error error = { .size = 1 };
    stanch_inflater *inflater = NULL;
    stanch_slice get = text("GET"), nothing = { NULL, 0 };
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_scan *scan = NULL;

    stanch_inflater_free(NULL);
    CHECK_CODE(stanch_inflater_new(NULL, NULL, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_inflater_new(NULL, &error, &inflater), STANCH_ERROR_ARGUMENT);
    for (limits.size = 0; limits.size < sizeof limits; limits.size++) {
        CHECK_CODE(stanch_inflater_new(&limits, NULL, &inflater), STANCH_ERROR_ARGUMENT);
    }
    CHECK(inflater == NULL);
    CHECK_CODE(stanch_inflater_new(&limits, NULL, &inflater), STANCH_OK);

    CHECK_CODE(stanch_scan_inflate(NULL, inflater), STANCH_ERROR_NULL);
    memset(memory, 0, size);
    CHECK_CODE(stanch_scan_inflate(memory, inflater), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_init(set, memory, size, &scan), STANCH_OK);
    CHECK_CODE(stanch_scan_inflate(scan, NULL), STANCH_ERROR_NULL);

    /* Before the body, more than once if need be; not after. */
    CHECK_CODE(stanch_scan_inflate(scan, inflater), STANCH_OK);
    CHECK_CODE(stanch_scan_request(scan, get, get), STANCH_OK);
    CHECK_CODE(stanch_scan_inflate(scan, inflater), STANCH_OK);
    CHECK_CODE(stanch_scan_body(scan, NULL, 0), STANCH_OK);
    CHECK_CODE(stanch_scan_inflate(scan, inflater), STANCH_OK);
    CHECK_CODE(stanch_scan_body(scan, &nothing, 1), STANCH_OK);
    CHECK_CODE(stanch_scan_inflate(scan, inflater), STANCH_ERROR_STATE);
    CHECK_CODE(stanch_scan_finish(scan, &verdict), STANCH_OK);
    CHECK_CODE(stanch_scan_inflate(scan, inflater), STANCH_ERROR_STATE);
    CHECK(verdict.body == STANCH_BODY_WHOLE);
    stanch_inflater_free(inflater);
}

/* One inflater for scan after scan, in pieces of every size. */
static void check_tokens(const fixture *given, const stanch_set *set, void *memory, size_t size)
{
    static const struct {
        const char *file, *encoding;
        uint32_t view;
    } rows[] = {
        { "gzip", "gzip", STANCH_VIEW_GZIP },
        { "gzip", "X-GZip", STANCH_VIEW_GZIP },
        { "deflate", "deflate", STANCH_VIEW_DEFLATE },
    };
    static uint8_t body[ROOM];
    stanch_inflater *inflater = NULL;
    stanch_verdict verdict;
    size_t i;

    CHECK_CODE(stanch_inflater_new(NULL, NULL, &inflater), STANCH_OK);
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = read_file(given, rows[i].file, body, sizeof body);
        request sent = { rows[i].encoding, body, length, 0 };

        for (sent.piece = 1; sent.piece <= length; sent.piece++) {
            verdict = scan_once(set, memory, size, inflater, &sent);
            CHECK(verdict.action == STANCH_ACTION_BLOCK && verdict.leak == BLOCKED_LEAK);
            CHECK(verdict.part == STANCH_PART_BODY && verdict.views == rows[i].view);
            CHECK(verdict.offset == OFFSET && verdict.body == STANCH_BODY_WHOLE);
        }
        /* Without an inflater nobody can see it; and the verdict says so. */
        verdict = scan_once(set, memory, size, NULL, &sent);
        CHECK(verdict.action == STANCH_ACTION_PASS && verdict.body == STANCH_BODY_UNSUPPORTED);
        /* What is sent as it is needs none. */
        sent.encoding = "identity";
        verdict = scan_once(set, memory, size, NULL, &sent);
        CHECK(verdict.action == STANCH_ACTION_PASS && verdict.body == STANCH_BODY_WHOLE);
    }
    stanch_inflater_free(inflater);
}

static void check_states(const fixture *given, const stanch_set *set, void *memory, size_t size)
{
    static uint8_t body[ROOM], bomb[ROOM];
    size_t length = read_file(given, "gzip", body, sizeof body);
    request whole = { "gzip", body, length, length }, sent = whole;
    request large = { "gzip", bomb, read_file(given, "bomb", bomb, sizeof bomb), 1000 };
    stanch_inflate_limits small = { .size = sizeof small, .total = 30 };
    stanch_inflate_limits wide = { .size = sizeof wide, .ratio = 100000 };
    stanch_inflate_limits tight = { .size = sizeof tight, .total = 1 << 20, .ratio = 100000 };
    stanch_inflater *usual = NULL, *limited = NULL;
    stanch_verdict verdict;

    CHECK_CODE(stanch_inflater_new(NULL, NULL, &usual), STANCH_OK);
    sent.length -= 9;
    verdict = scan_once(set, memory, size, usual, &sent);
    CHECK(verdict.body == STANCH_BODY_DAMAGED);
    sent = whole;
    body[3] ^= 0xff;
    body[length / 2] ^= 0xff;
    verdict = scan_once(set, memory, size, usual, &sent);
    CHECK(verdict.body == STANCH_BODY_DAMAGED);
    body[3] ^= 0xff;
    body[length / 2] ^= 0xff;
    sent.encoding = "br";
    verdict = scan_once(set, memory, size, usual, &sent);
    CHECK(verdict.action == STANCH_ACTION_PASS && verdict.body == STANCH_BODY_UNSUPPORTED);
    sent.encoding = "gzip, deflate";
    verdict = scan_once(set, memory, size, usual, &sent);
    CHECK(verdict.body == STANCH_BODY_UNSUPPORTED);
    verdict = scan_once(set, memory, size, usual, &large);
    CHECK(verdict.action == STANCH_ACTION_PASS && verdict.body == STANCH_BODY_RATIO);

    /* The inflater is none the worse for it. */
    verdict = scan_once(set, memory, size, usual, &whole);
    CHECK(verdict.action == STANCH_ACTION_BLOCK && verdict.body == STANCH_BODY_WHOLE);
    stanch_inflater_free(usual);

    CHECK_CODE(stanch_inflater_new(&small, NULL, &limited), STANCH_OK);
    verdict = scan_once(set, memory, size, limited, &whole);
    CHECK(verdict.action == STANCH_ACTION_PASS && verdict.body == STANCH_BODY_TOTAL);
    stanch_inflater_free(limited);
    CHECK_CODE(stanch_inflater_new(&tight, NULL, &limited), STANCH_OK);
    verdict = scan_once(set, memory, size, limited, &large);
    CHECK(verdict.body == STANCH_BODY_TOTAL);
    stanch_inflater_free(limited);
    CHECK_CODE(stanch_inflater_new(&wide, NULL, &limited), STANCH_OK);
    verdict = scan_once(set, memory, size, limited, &large);
    CHECK(verdict.action == STANCH_ACTION_PASS && verdict.body == STANCH_BODY_WHOLE);
    stanch_inflater_free(limited);
}

void check_inflate(const fixture *given)
{
    stanch_set *set = open_set(given);
    size_t size = 0;
    void *memory = scan_memory(set, &size);

    check_arguments(set, memory, size);
    check_tokens(given, set, memory, size);
    check_states(given, set, memory, size);
    free(memory);
    stanch_set_free(set);
}
