/* stanch: stops leaked API tokens from being used. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from src/ffi by cargo xtask header; do not edit. See docs/embedding.md. */

#ifndef STANCH_H
#define STANCH_H

#include <stddef.h>
#include <stdint.h>

/**
 * All went well.
 */
#define STANCH_OK 0

/**
 * A pointer that must not be NULL is NULL.
 */
#define STANCH_ERROR_NULL 1

/**
 * A length, a size, an alignment or a number is out of range.
 */
#define STANCH_ERROR_ARGUMENT 2

/**
 * A file cannot be read.
 */
#define STANCH_ERROR_IO 3

/**
 * The key file is not a key file, or others than its owner have access to it.
 */
#define STANCH_ERROR_KEY 4

/**
 * The set was compiled with another key.
 */
#define STANCH_ERROR_WRONG_KEY 5

/**
 * The bytes are not a patch set, or are truncated or damaged.
 */
#define STANCH_ERROR_FORMAT 6

/**
 * The set is of a format version that this library does not read.
 */
#define STANCH_ERROR_VERSION 7

/**
 * The memory holds no scan, or the scan is finished or failed before.
 */
#define STANCH_ERROR_STATE 8

/**
 * A fault inside the library. It was contained; the scan it happened in is of no use any more.
 */
#define STANCH_ERROR_PANIC 9

/**
 * The callback asked to stop.
 */
#define STANCH_ERROR_STOPPED 10

/**
 * The length of the text in a `stanch_error`, the closing NUL included.
 */
#define STANCH_ERROR_TEXT 512

/**
 * Let the request pass: it carries no token of the set.
 */
#define STANCH_ACTION_PASS 0

/**
 * Let the request pass, and record it.
 */
#define STANCH_ACTION_MONITOR 1

/**
 * Refuse the request.
 */
#define STANCH_ACTION_BLOCK 2

/**
 * No part: nothing was found.
 */
#define STANCH_PART_NONE 0

/**
 * The target's path.
 */
#define STANCH_PART_PATH 1

/**
 * The target's query.
 */
#define STANCH_PART_QUERY 2

/**
 * A header's value.
 */
#define STANCH_PART_HEADER 3

/**
 * A cookie.
 */
#define STANCH_PART_COOKIE 4

/**
 * The body.
 */
#define STANCH_PART_BODY 5

/**
 * No view: nothing was found.
 */
#define STANCH_VIEW_NONE 0

/**
 * As it stands.
 */
#define STANCH_VIEW_RAW 1

/**
 * Percent escapes undone.
 */
#define STANCH_VIEW_PERCENT 2

/**
 * Backslash escapes of JSON and ECMAScript undone.
 */
#define STANCH_VIEW_JSON 4

/**
 * Character references of XML and HTML undone.
 */
#define STANCH_VIEW_ENTITY 8

/**
 * Base64 undone.
 */
#define STANCH_VIEW_BASE64 16

/**
 * The credentials of HTTP Basic authentication, base64 undone.
 */
#define STANCH_VIEW_BASIC 32

/**
 * Read as UTF-16.
 */
#define STANCH_VIEW_UTF16 64

/**
 * Quoted-printable undone.
 */
#define STANCH_VIEW_QUOTED 128

/**
 * In the other letter case.
 */
#define STANCH_VIEW_CASE 256

/**
 * `+` read as a space.
 */
#define STANCH_VIEW_PLUS 512

/**
 * The content encoding gzip undone.
 */
#define STANCH_VIEW_GZIP 1024

/**
 * The content encoding deflate undone.
 */
#define STANCH_VIEW_DEFLATE 2048

/**
 * The finding may well be something else.
 */
#define STANCH_CONFIDENCE_LOW 1

/**
 * The finding is probably what its rule says.
 */
#define STANCH_CONFIDENCE_MEDIUM 2

/**
 * The finding is almost certainly what its rule says.
 */
#define STANCH_CONFIDENCE_HIGH 3

/**
 * How many bytes of a name a verdict keeps.
 */
#define STANCH_NAME 64

/**
 * The version of the ABI that this header describes. It grows when something is added.
 */
#define STANCH_ABI_VERSION 1

/**
 * The oldest version of the ABI that this library still serves. A program that was compiled
 * against an older header than this must not use it.
 */
#define STANCH_ABI_VERSION_MINIMUM 1

/**
 * The longest text that `stanch_views_text` writes, its NUL included.
 */
#define STANCH_VIEWS_TEXT 96

/**
 * A detector of tokens: immutable, may be shared by threads.
 */
typedef struct stanch_detector stanch_detector;

/**
 * A look at one request. Lives at the start of the memory that the caller gave it; the scan's
 * state follows in the same memory. Not for two threads at the same time.
 */
typedef struct stanch_scan stanch_scan;

/**
 * A compiled patch set: immutable, holds no plaintext, may be shared by threads and by processes
 * that were forked after it was opened.
 */
typedef struct stanch_set stanch_set;

/**
 * What went wrong, in words. It names files and reasons and never holds a secret.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * The status code that the function returned.
   */
  int32_t code;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * UTF-8 text that ends with a NUL, cut off where it is too long.
   */
  char message[STANCH_ERROR_TEXT];
} stanch_error;

/**
 * Bytes: where they start and how many there are. `data` may be NULL if `len` is zero.
 */
typedef struct {
  /**
   * The first byte.
   */
  const uint8_t *data;
  /**
   * The number of bytes.
   */
  size_t len;
} stanch_slice;

/**
 * A token that a detector found.
 */
typedef struct {
  /**
   * The size of this struct; set by the library.
   */
  size_t size;
  /**
   * The name of the rule that found it; static.
   */
  stanch_slice rule;
  /**
   * Its first byte in the text.
   */
  size_t start;
  /**
   * The byte behind its last one.
   */
  size_t end;
  /**
   * The line that it starts in, from 1.
   */
  uint64_t line;
  /**
   * The byte of that line that it starts at, from 1.
   */
  uint64_t column;
  /**
   * How sure it is: a `STANCH_CONFIDENCE_` number.
   */
  uint32_t confidence;
  /**
   * Zero.
   */
  uint32_t reserved;
} stanch_finding;

/**
 * Gets each finding; the finding is valid until it returns. Zero goes on, anything else stops.
 */
typedef int32_t (*stanch_finding_fn)(void *context, const stanch_finding *finding);

/**
 * A header of a request: name and value, without the colon or the line's end.
 */
typedef struct {
  /**
   * The name, in any case.
   */
  stanch_slice name;
  /**
   * The value.
   */
  stanch_slice value;
} stanch_header;

/**
 * The outcome of a scan. Never holds the token.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * What to do: a `STANCH_ACTION_` number.
   */
  uint32_t action;
  /**
   * Where the token stood: a `STANCH_PART_` number.
   */
  uint32_t part;
  /**
   * What had to be undone for it to show: `STANCH_VIEW_` numbers, added up.
   */
  uint32_t views;
  /**
   * The number of bytes in `name`.
   */
  uint32_t name_len;
  /**
   * The leak that the token belongs to.
   */
  uint64_t leak;
  /**
   * Where it starts, encoded as it is: the byte, counted from the start of the target, of the
   * header's value, or of the body (without its content encoding).
   */
  uint64_t offset;
  /**
   * The name of the header, cookie or query parameter, as the client sent it: treat it as
   * hostile text. Not closed by a NUL.
   */
  uint8_t name[STANCH_NAME];
} stanch_verdict;

/**
 * What a set says of itself.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * How many different tokens the set holds.
   */
  uint64_t tokens;
  /**
   * Its number in the row of sets that an installation compiles.
   */
  uint64_t serial;
  /**
   * When it was compiled, in seconds since 1970-01-01 UTC.
   */
  int64_t created;
  /**
   * Its length in bytes.
   */
  uint64_t bytes;
  /**
   * The length of its longest token in bytes.
   */
  uint32_t longest_token;
  /**
   * The version of its format.
   */
  uint32_t format_version;
  /**
   * Which key it was compiled with.
   */
  uint8_t key_id[8];
} stanch_set_info;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes a detector with the built-in rules. On success `*out` is to be freed with
 * `stanch_detector_free`.
 *
 * # Safety
 *
 * `error` is NULL or valid with its `size` set; `out` is valid.
 */
int32_t stanch_detector_new(stanch_error *error, stanch_detector **out);

/**
 * Looks for tokens in `text` and calls `callback` with `context` for each, in the order of their
 * places. Returns `STANCH_ERROR_STOPPED` if the callback stopped it. The callback must return: it
 * must not jump or throw out of the call.
 *
 * # Safety
 *
 * `detector` was made and not freed; `text` is valid for this call.
 */
int32_t stanch_detector_scan(const stanch_detector *detector,
                             stanch_slice text,
                             stanch_finding_fn callback,
                             void *context);

/**
 * Frees a detector. NULL is fine.
 *
 * # Safety
 *
 * `detector` is NULL or was made and not freed.
 */
void stanch_detector_free(stanch_detector *detector);

/**
 * Writes to `*out` how many bytes of memory a scan over `set` needs. It depends on the longest
 * token of the set only.
 *
 * # Safety
 *
 * `set` is a set that was opened and not freed; `out` is valid.
 */
int32_t stanch_scan_size(const stanch_set *set, size_t *out);

/**
 * The alignment, in bytes, of the memory of a scan: a power of two.
 */
size_t stanch_scan_align(void);

/**
 * Sets up a scan for one request in `size` bytes at `memory`, whatever they held before. `*out` is
 * then the scan; it needs no freeing, and must not outlive the memory or the set.
 *
 * # Safety
 *
 * `set` is a set that was opened and not freed; `memory` points to `size` bytes that nothing else
 * uses while the scan is in use.
 */
int32_t stanch_scan_init(const stanch_set *set, void *memory, size_t size, stanch_scan **out);

/**
 * Looks at the request line: the method, and the target as the client sent it.
 *
 * # Safety
 *
 * `scan` was set up by `stanch_scan_init`; the slices are valid for this call.
 */
int32_t stanch_scan_request(stanch_scan *scan, stanch_slice method, stanch_slice target);

/**
 * Looks at `count` headers, or at trailers behind the body. May be called several times.
 *
 * # Safety
 *
 * `scan` was set up by `stanch_scan_init`; the array and what it points to are valid for this
 * call.
 */
int32_t stanch_scan_headers(stanch_scan *scan, const stanch_header *headers, size_t count);

/**
 * Looks at the next `count` pieces of the body. A piece may end anywhere, and the function may be
 * called any number of times.
 *
 * # Safety
 *
 * `scan` was set up by `stanch_scan_init`; the array and what it points to are valid for this
 * call.
 */
int32_t stanch_scan_body(stanch_scan *scan, const stanch_slice *pieces, size_t count);

/**
 * Writes to `*out` what is known so far. `STANCH_ACTION_BLOCK` is final; anything else may still
 * become stronger.
 *
 * # Safety
 *
 * `scan` was set up by `stanch_scan_init`; `out` is valid and `out->size` is set.
 */
int32_t stanch_scan_verdict(const stanch_scan *scan, stanch_verdict *out);

/**
 * Looks at what was carried over from the body, wipes it, and writes to `*out` what to do. After
 * that only `stanch_scan_verdict` takes the scan; anything else is `STANCH_ERROR_STATE`.
 *
 * # Safety
 *
 * `scan` was set up by `stanch_scan_init`; `out` is valid and `out->size` is set.
 */
int32_t stanch_scan_finish(stanch_scan *scan, stanch_verdict *out);

/**
 * Opens the set in the file `path` with the key in the file `key_path`. On success `*out` is to be
 * freed with `stanch_set_free`; on failure it is left alone, and `error`, unless it is NULL, says
 * which file is at fault and why.
 *
 * # Safety
 *
 * The slices and pointers are valid for this call; `error->size` is set.
 */
int32_t stanch_set_open(stanch_slice path,
                        stanch_slice key_path,
                        stanch_error *error,
                        stanch_set **out);

/**
 * Opens the set in `content`, the bytes of a patch set file, with the 32 bytes of `key`. Nothing
 * is kept of either.
 *
 * # Safety
 *
 * The slices and pointers are valid for this call; `error->size` is set.
 */
int32_t stanch_set_from_memory(stanch_slice content,
                               stanch_slice key,
                               stanch_error *error,
                               stanch_set **out);

/**
 * Writes to `*out` what the set says of itself.
 *
 * # Safety
 *
 * `set` is a set that was opened and not freed; `out` is valid and `out->size` is set.
 */
int32_t stanch_set_describe(const stanch_set *set, stanch_set_info *out);

/**
 * Frees a set. Scans over it must not be used any more. NULL is fine.
 *
 * # Safety
 *
 * `set` is NULL or a set that was opened and not freed.
 */
void stanch_set_free(stanch_set *set);

/**
 * What a status code means: a static English text, never NULL.
 */
const char *stanch_status_text(int32_t code);

/**
 * The version of the ABI that the library at hand serves.
 */
uint32_t stanch_abi_version(void);

/**
 * The oldest version of the ABI that the library at hand still serves.
 */
uint32_t stanch_abi_version_minimum(void);

/**
 * The library's version, as static text.
 */
const char *stanch_version(void);

/**
 * The name of a `STANCH_ACTION_` number as static text: `pass`, `monitor`, `block`, or `unknown`.
 */
const char *stanch_action_name(uint32_t action);

/**
 * The name of a `STANCH_PART_` number as static text: `none`, `path`, `query`, `header`, `cookie`,
 * `body`, or `unknown`.
 */
const char *stanch_part_name(uint32_t part);

/**
 * The name of one `STANCH_VIEW_` number as static text: `none`, `raw`, `percent` and so on, or
 * `unknown`.
 */
const char *stanch_view_name(uint32_t view);

/**
 * Writes the names of the views in `views` to `out`, joined by `+` (`percent+base64`; `none` if there
 * are none) and closed by a NUL. What does not fit into `size` bytes is cut off; `STANCH_VIEWS_TEXT`
 * bytes are enough for all. Returns how many bytes were written, without the NUL.
 *
 * # Safety
 *
 * `out` points to `size` bytes, or is NULL.
 */
size_t stanch_views_text(uint32_t views,
                         char *out,
                         size_t size);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* STANCH_H */
