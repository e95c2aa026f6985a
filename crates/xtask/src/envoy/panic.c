/*
 * Stands between the module and a library that was built with the feature test-panic: a request that has
 * the header X-Panic, or whose body begins with "panic", makes the library panic in the midst of its scan.
 */

#include <string.h>

#include <stanch.h>

int32_t stanch_test_panic(void);
int32_t __real_stanch_scan_headers(stanch_scan *scan, const stanch_header *headers, size_t count);
int32_t __real_stanch_scan_body(stanch_scan *scan, const stanch_slice *pieces, size_t count);
int32_t __wrap_stanch_scan_headers(stanch_scan *scan, const stanch_header *headers, size_t count);
int32_t __wrap_stanch_scan_body(stanch_scan *scan, const stanch_slice *pieces, size_t count);

int32_t __wrap_stanch_scan_headers(stanch_scan *scan, const stanch_header *headers, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (headers[i].name.len == 7 && memcmp(headers[i].name.data, "x-panic", 7) == 0) {
            return stanch_test_panic();
        }
    }
    return __real_stanch_scan_headers(scan, headers, count);
}

int32_t __wrap_stanch_scan_body(stanch_scan *scan, const stanch_slice *pieces, size_t count)
{
    if (count != 0 && pieces[0].len >= 5 && memcmp(pieces[0].data, "panic", 5) == 0) {
        return stanch_test_panic();
    }
    return __real_stanch_scan_body(scan, pieces, count);
}
