/*
 * What the scan is fed: the head, pieces of the body and trailers, as Envoy has them in memory. Nothing
 * is copied; nothing of Envoy's is kept when a function returns.
 */

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stanch_envoy.h"

/* Headers, and pieces of a body, that there is room for without asking for memory. */
enum { HEADERS_USUAL = 64, PIECES_USUAL = 64 };

/* Envoy's arrays are the library's: the same members in the same places. */
typedef union {
    envoy_header envoy;
    stanch_header stanch;
} header;

typedef union {
    envoy_buffer envoy;
    stanch_slice stanch;
} piece;

_Static_assert(sizeof(envoy_header) == sizeof(stanch_header)
    && offsetof(envoy_header, key) == offsetof(stanch_header, name.data)
    && offsetof(envoy_header, key_length) == offsetof(stanch_header, name.len)
    && offsetof(envoy_header, value) == offsetof(stanch_header, value.data)
    && offsetof(envoy_header, value_length) == offsetof(stanch_header, value.len), "headers differ");
_Static_assert(sizeof(envoy_buffer) == sizeof(stanch_slice)
    && offsetof(envoy_buffer, ptr) == offsetof(stanch_slice, data)
    && offsetof(envoy_buffer, length) == offsetof(stanch_slice, len), "slices differ");

/* The head, taken apart: the headers that are scanned as such stay in the array. */
typedef struct {
    stanch_slice method, target, host;
    stanch_slice upgrade, connection;
    size_t count;
} head;

static int32_t begin(request *r);
static size_t memory_size(const request *r);
static int32_t feed_head(request *r, envoy_filter envoy, header *headers, size_t count);
static head take_apart(request *r, header *headers, size_t count);
static bool is_upgrade(const head *head);
static int32_t feed_pieces(request *r, piece *pieces, size_t count);
static int32_t inflate(request *r);
static bool is(const header *header, const char *name);
static uint64_t number(stanch_slice text);
static bool holds_word(stanch_slice text, const char *word);
static uint32_t client_address(envoy_filter envoy, uint8_t address[16]);

int32_t scan_begin(request *r, envoy_filter envoy)
{
    header usual[HEADERS_USUAL], *headers = usual;
    size_t count;
    int32_t code = begin(r);

    if (code != STANCH_OK) {
        return code;
    }

    count = envoy_dynamic_module_callback_http_get_headers_size(envoy, ENVOY_REQUEST_HEADERS);
    if (count > HEADERS_USUAL) {
        headers = malloc(count * sizeof *headers);
        if (headers == NULL) {
            return SCAN_NO_MEMORY;
        }
    }
    if (count != 0 && !envoy_dynamic_module_callback_http_get_headers(envoy, ENVOY_REQUEST_HEADERS,
                          &headers[0].envoy))
    {
        code = SCAN_NOTHING_THERE;
    }

    if (code == STANCH_OK) {
        code = feed_head(r, envoy, headers, count);
    }
    if (headers != usual) {
        free(headers);
    }
    return code;
}

int32_t scan_body(request *r, envoy_filter envoy)
{
    piece usual[PIECES_USUAL], *pieces = usual;
    size_t count;
    int32_t code = SCAN_NOTHING_THERE;

    count = envoy_dynamic_module_callback_http_get_body_chunks_size(envoy,
        ENVOY_RECEIVED_REQUEST_BODY);
    if (count == 0) {
        return STANCH_OK;
    }
    if (count > PIECES_USUAL) {
        pieces = malloc(count * sizeof *pieces);
        if (pieces == NULL) {
            return SCAN_NO_MEMORY;
        }
    }

    if (envoy_dynamic_module_callback_http_get_body_chunks(envoy, ENVOY_RECEIVED_REQUEST_BODY,
            &pieces[0].envoy))
    {
        code = feed_pieces(r, pieces, count);
    }
    if (pieces != usual) {
        free(pieces);
    }
    return code;
}

int32_t scan_trailers(request *r, envoy_filter envoy)
{
    header usual[HEADERS_USUAL], *trailers = usual;
    size_t count;
    int32_t code = SCAN_NOTHING_THERE;

    count = envoy_dynamic_module_callback_http_get_headers_size(envoy, ENVOY_REQUEST_TRAILERS);
    if (count == 0) {
        return STANCH_OK;
    }
    if (count > HEADERS_USUAL) {
        trailers = malloc(count * sizeof *trailers);
        if (trailers == NULL) {
            return SCAN_NO_MEMORY;
        }
    }

    if (envoy_dynamic_module_callback_http_get_headers(envoy, ENVOY_REQUEST_TRAILERS,
            &trailers[0].envoy))
    {
        code = stanch_scan_headers(r->scan, &trailers[0].stanch, count);
        if (code == STANCH_OK) {
            code = stanch_scan_verdict(r->scan, &r->verdict);
        }
    }
    if (trailers != usual) {
        free(trailers);
    }
    return code;
}

int32_t scan_end(request *r)
{
    int32_t code = STANCH_OK;

    if (r->scan != NULL) {
        code = stanch_scan_finish(r->scan, &r->verdict);
        r->scan = NULL;
    }
    /* the inflater must have stayed until now */
    stanch_inflater_free(r->inflater);
    r->inflater = NULL;
    return code;
}

bool scan_is_clean(request *r, envoy_filter envoy)
{
    stanch_verdict verdict = { .size = sizeof verdict };
    stanch_scan *scan;
    int32_t code;

    if (r->memory == NULL || r->head.path.len == 0
        || stanch_scan_init(r->held.set, r->memory, memory_size(r), &scan) != STANCH_OK)
    {
        return false;
    }

    code = scan_context(scan, envoy, r->head.host);
    if (code == STANCH_OK) {
        code = stanch_scan_request(scan, r->head.method, r->head.path);
    }
    return stanch_scan_finish(scan, &verdict) == STANCH_OK && code == STANCH_OK
           && verdict.action == STANCH_ACTION_PASS;
}

void scan_release(request *r)
{
    free(r->memory);
    r->memory = NULL;
    sets_release(&r->held);
    attempt_forget(r);
}

int32_t scan_context(stanch_scan *scan, envoy_filter envoy, stanch_slice host)
{
    stanch_context context = { .size = sizeof context };

    if (host.len != 0) {
        context.host = host;
    }
    context.client_len = client_address(envoy, context.client);
    return stanch_scan_context(scan, &context);
}

void client_text(envoy_filter envoy, char text[INET6_ADDRSTRLEN])
{
    uint8_t address[16];
    uint32_t len = client_address(envoy, address);

    if (len == 0 || inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text, INET6_ADDRSTRLEN) == NULL) {
        memcpy(text, "-", sizeof "-");
    }
}

static int32_t begin(request *r)
{
    r->memory = aligned_alloc(stanch_scan_align(), memory_size(r));
    if (r->memory == NULL) {
        return SCAN_NO_MEMORY;
    }
    return stanch_scan_init(r->held.set, r->memory, memory_size(r), &r->scan);
}

/* aligned_alloc wants a multiple of the alignment */
static size_t memory_size(const request *r)
{
    size_t align = stanch_scan_align();

    return (r->held.state + align - 1) / align * align;
}

static int32_t feed_head(request *r, envoy_filter envoy, header *headers, size_t count)
{
    head head = take_apart(r, headers, count);
    int32_t code = scan_context(r->scan, envoy, head.host);

    if (is_upgrade(&head)) {
        /* its end may never come, and the other side waits for what is sent */
        r->policy.streams = true;
    }
    if (code == STANCH_OK) {
        code = stanch_scan_request(r->scan, head.method, head.target);
    }
    if (code == STANCH_OK && head.count != 0) {
        code = stanch_scan_headers(r->scan, &headers[0].stanch, head.count);
    }
    if (code == STANCH_OK) {
        code = stanch_scan_verdict(r->scan, &r->verdict);
    }
    return code;
}

/* What stands in the request line goes there; the host is a header again, as the client sent it. */
static head take_apart(request *r, header *headers, size_t count)
{
    static const char host[] = "host";
    head head = { .count = 0 };
    size_t i;

    for (i = 0; i < count; i++) {
        header *one = &headers[i];

        if (is(one, ":path")) {
            head.target = one->stanch.value;
            continue;
        }
        if (is(one, ":method")) {
            head.method = one->stanch.value;
            continue;
        }
        if (is(one, ":authority")) {
            head.host = one->stanch.value;
            one->stanch.name = slice(host, sizeof host - 1);
        } else if (is(one, "content-encoding")) {
            r->encoded = true;
        } else if (is(one, "content-length")) {
            r->announced = number(one->stanch.value);
        } else if (is(one, "upgrade")) {
            head.upgrade = one->stanch.value;
        } else if (is(one, "connection")) {
            head.connection = one->stanch.value;
        }
        headers[head.count++] = *one;
    }

    if (head.target.data == NULL) {
        /* CONNECT: its target is the host */
        head.target = head.host;
    }
    return head;
}

/* As Envoy itself tells one; where Envoy does not allow it, the request never comes here. HTTP/2 and
 * HTTP/3 have CONNECT instead, which Envoy turns into this. */
static bool is_upgrade(const head *head)
{
    return (head->upgrade.len != 0 && holds_word(head->connection, "upgrade"))
           || (head->method.len == 7 && memcmp(head->method.data, "CONNECT", 7) == 0);
}

static int32_t feed_pieces(request *r, piece *pieces, size_t count)
{
    size_t i;
    int32_t code = STANCH_OK;

    for (i = 0; i < count; i++) {
        r->received += pieces[i].stanch.len;
    }

    if (r->encoded && r->inflater == NULL) {
        code = inflate(r);
    }

    if (r->policy.body_limit != 0) {
        for (i = 0; i < count; i++) {
            if (pieces[i].stanch.len > r->left) {
                /* the rest is beyond the limit */
                pieces[i].stanch.len = r->left;
                count = i + 1;
                r->over_limit = true;
            }
            r->left -= pieces[i].stanch.len;
        }
    }

    if (code == STANCH_OK) {
        code = stanch_scan_body(r->scan, &pieces[0].stanch, count);
    }
    if (code == STANCH_OK) {
        code = stanch_scan_verdict(r->scan, &r->verdict);
    }
    return code;
}

static int32_t inflate(request *r)
{
    stanch_inflate_limits limits = {
        .size = sizeof limits,
        .total = r->policy.inflate_limit,
        .ratio = r->policy.inflate_ratio,
    };
    int32_t code = stanch_inflater_new(&limits, NULL, &r->inflater);

    return code == STANCH_OK ? stanch_scan_inflate(r->scan, r->inflater) : code;
}

/* Envoy has names in lower case, whatever they came in. */
static bool is(const header *header, const char *name)
{
    size_t len = strlen(name);

    return header->envoy.key_length == len && memcmp(header->envoy.key, name, len) == 0;
}

static uint64_t number(stanch_slice text)
{
    uint64_t number = 0;
    size_t i;

    for (i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        uint64_t digit = (uint64_t) (text.data[i] - '0');

        if (number > (UINT64_MAX - digit) / 10) {
            return UINT64_MAX;
        }
        number = number * 10 + digit;
    }
    return number;
}

/* One of the words of a list that is separated by commas, in any case. */
static bool holds_word(stanch_slice text, const char *word)
{
    size_t len = strlen(word), at = 0;

    while (at < text.len) {
        size_t start, end;

        while (at < text.len && (text.data[at] == ' ' || text.data[at] == '\t')) {
            at++;
        }
        start = at;
        while (at < text.len && text.data[at] != ',') {
            at++;
        }
        for (end = at; end > start && (text.data[end - 1] == ' ' || text.data[end - 1] == '\t'); end--) {
        }
        if (end - start == len && strncasecmp((const char *) text.data + start, word, len) == 0) {
            return true;
        }
        at++;
    }
    return false;
}

/* The client's address, behind proxies that Envoy trusts; how many bytes it has, 0 for none. Envoy writes
 * it with its port: 192.0.2.1:443 or [2001:db8::1]:443. */
static uint32_t client_address(envoy_filter envoy, uint8_t address[16])
{
    char text[INET6_ADDRSTRLEN];
    envoy_buffer value = { NULL, 0 };
    const char *first, *last;
    size_t len;

    if (!envoy_dynamic_module_callback_http_filter_get_attribute_string(envoy, ENVOY_SOURCE_ADDRESS,
            &value)
        || value.length == 0)
    {
        return 0;
    }

    first = value.ptr;
    if (*first == '[') {
        first++;
        last = memchr(first, ']', value.length - 1);
    } else {
        last = memchr(first, ':', value.length);
    }
    if (last == NULL) {
        last = value.ptr + value.length;
    }

    len = (size_t) (last - first);
    if (len >= sizeof text) {
        return 0;
    }
    memcpy(text, first, len);
    text[len] = '\0';

    if (inet_pton(AF_INET, text, address) == 1) {
        return 4;
    }
    return inet_pton(AF_INET6, text, address) == 1 ? 16 : 0;
}
