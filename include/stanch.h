/* stanch: stops leaked API tokens from being used. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from src/ffi by cargo xtask header; do not edit. See docs/embedding.md. */

#ifndef STANCH_H
#define STANCH_H

#include <stddef.h>
#include <stdint.h>

/**
 * An identifier that may be public.
 */
#define STANCH_PRIVILEGE_PUBLIC 1

/**
 * Reading.
 */
#define STANCH_PRIVILEGE_READ 2

/**
 * Writing, or unknown.
 */
#define STANCH_PRIVILEGE_WRITE 3

/**
 * Moving money, or putting code into production.
 */
#define STANCH_PRIVILEGE_PAYMENT_OR_DEPLOY 4

/**
 * Administration of an account.
 */
#define STANCH_PRIVILEGE_ADMIN 5

/**
 * One thing, or unknown.
 */
#define STANCH_BREADTH_NARROW 0

/**
 * Several things.
 */
#define STANCH_BREADTH_SOME 1

/**
 * All that the account has.
 */
#define STANCH_BREADTH_WIDE 2

/**
 * Seen by a few of the owner's people.
 */
#define STANCH_CHANNEL_PRIVATE 0

/**
 * Seen by all of the owner's people.
 */
#define STANCH_CHANNEL_INTERNAL 1

/**
 * Sent in cleartext.
 */
#define STANCH_CHANNEL_CLEARTEXT 2

/**
 * In a mobile or desktop application.
 */
#define STANCH_CHANNEL_APP 3

/**
 * In a web page.
 */
#define STANCH_CHANNEL_PAGE 4

/**
 * In a public bucket or paste.
 */
#define STANCH_CHANNEL_BUCKET 5

/**
 * In a public repository.
 */
#define STANCH_CHANNEL_REPOSITORY 6

/**
 * On a criminal market.
 */
#define STANCH_CHANNEL_MARKET 7

/**
 * Strangers did nothing with it that is known.
 */
#define STANCH_EXPLOITATION_NONE 0

/**
 * It was seen in breach data.
 */
#define STANCH_EXPLOITATION_BREACH 1

/**
 * Somebody tried to use it.
 */
#define STANCH_EXPLOITATION_ATTEMPTED 2

/**
 * Somebody used it, and it was accepted.
 */
#define STANCH_EXPLOITATION_ACCEPTED 3

/**
 * Nobody knows the environment.
 */
#define STANCH_ENVIRONMENT_UNKNOWN 0

/**
 * A test or sandbox environment.
 */
#define STANCH_ENVIRONMENT_TEST 1

/**
 * Production.
 */
#define STANCH_ENVIRONMENT_PRODUCTION 2

/**
 * It was replaced: this one is dead.
 */
#define STANCH_ROTATION_ROTATED 1

/**
 * It is replaced from time to time, and is not due.
 */
#define STANCH_ROTATION_IN_TIME 2

/**
 * Nobody knows whether it is replaced.
 */
#define STANCH_ROTATION_UNKNOWN 3

/**
 * It is overdue.
 */
#define STANCH_ROTATION_OVERDUE 4

/**
 * It was tried and refused.
 */
#define STANCH_VALIDITY_INVALID 1

/**
 * It was not tried.
 */
#define STANCH_VALIDITY_UNVERIFIED 2

/**
 * It was tried and taken.
 */
#define STANCH_VALIDITY_VALID 3

/**
 * Any other service.
 */
#define STANCH_FAMILY_OTHER 0

/**
 * Files and objects.
 */
#define STANCH_FAMILY_STORAGE 1

/**
 * Databases, warehouses and search engines.
 */
#define STANCH_FAMILY_DATABASE 2

/**
 * Clouds and hosting.
 */
#define STANCH_FAMILY_CLOUD 3

/**
 * Source code, and what builds and ships it.
 */
#define STANCH_FAMILY_CODE 4

/**
 * Mail, chat and telephony.
 */
#define STANCH_FAMILY_MESSAGING 5

/**
 * Good to know.
 */
#define STANCH_LEVEL_INFORMATIONAL 0

/**
 * To be dealt with in time.
 */
#define STANCH_LEVEL_LOW 1

/**
 * To be dealt with soon.
 */
#define STANCH_LEVEL_MEDIUM 2

/**
 * To be dealt with now.
 */
#define STANCH_LEVEL_HIGH 3

/**
 * The best grade.
 */
#define STANCH_GRADE_A 0

/**
 * Good.
 */
#define STANCH_GRADE_B 1

/**
 * Fair.
 */
#define STANCH_GRADE_C 2

/**
 * Poor.
 */
#define STANCH_GRADE_D 3

/**
 * The worst grade.
 */
#define STANCH_GRADE_F 4

/**
 * The term of the privilege, among an assessment's terms.
 */
#define STANCH_FACTOR_PRIVILEGE 0

/**
 * The term of the breadth.
 */
#define STANCH_FACTOR_BREADTH 1

/**
 * The term of the channel.
 */
#define STANCH_FACTOR_CHANNEL 2

/**
 * The term of the sources.
 */
#define STANCH_FACTOR_SOURCES 3

/**
 * The term of the exploitation.
 */
#define STANCH_FACTOR_EXPLOITATION 4

/**
 * The term of the days.
 */
#define STANCH_FACTOR_DAYS 5

/**
 * The term of the environment.
 */
#define STANCH_FACTOR_ENVIRONMENT 6

/**
 * The term of the rotation.
 */
#define STANCH_FACTOR_ROTATION 7

/**
 * How many terms an assessment has.
 */
#define STANCH_FACTORS 8

/**
 * Nothing raised the sum.
 */
#define STANCH_FLOOR_NONE 0

/**
 * Much privilege, far exposed.
 */
#define STANCH_FLOOR_EXPOSED 1

/**
 * Much privilege, in breach data.
 */
#define STANCH_FLOOR_BREACHED 2

/**
 * Somebody tried to use it.
 */
#define STANCH_FLOOR_ATTEMPTED 3

/**
 * Somebody used it, and it was accepted.
 */
#define STANCH_FLOOR_ACCEPTED 4

/**
 * Nothing lowered the score.
 */
#define STANCH_CAP_NONE 0

/**
 * It is known to be invalid.
 */
#define STANCH_CAP_INVALID 1

/**
 * It was rotated.
 */
#define STANCH_CAP_ROTATED 2

/**
 * It is an identifier that may be public.
 */
#define STANCH_CAP_PUBLIC 3

/**
 * Nothing but its randomness speaks for it.
 */
#define STANCH_CAP_GENERIC 4

/**
 * The words around it speak for it.
 */
#define STANCH_CAP_CONTEXTUAL 5

/**
 * It is half of a pair.
 */
#define STANCH_CAP_HALF 6

/**
 * Nobody tried it.
 */
#define STANCH_CAP_UNVERIFIED 7

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
 * A key is no key, or others than its owner have access to the file of a secret one.
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
 * The memory holds no scan, or the scan is finished, failed before, or is too far on for this call.
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
 * The set is not signed, and must be.
 */
#define STANCH_ERROR_UNSIGNED 11

/**
 * The set's signature is not one of the key that it names: it was changed, or made up.
 */
#define STANCH_ERROR_SIGNATURE 12

/**
 * The set is signed with a key that is not trusted.
 */
#define STANCH_ERROR_SIGNER 13

/**
 * The set has expired.
 */
#define STANCH_ERROR_EXPIRED 14

/**
 * The set is older than the one in use or than the lowest that is taken, or has the number of the one
 * in use and is another.
 */
#define STANCH_ERROR_ROLLBACK 15

/**
 * The weights make no policy.
 */
#define STANCH_ERROR_POLICY 16

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
 * All of the body was looked at in the way that the server behind will read it; or there was none.
 */
#define STANCH_BODY_WHOLE 0

/**
 * The body is not what its content encoding says, not all there, followed by something else, or can
 * be read in more than one way.
 */
#define STANCH_BODY_DAMAGED 1

/**
 * The body came to more bytes for each byte sent than the inflater's limit allows.
 */
#define STANCH_BODY_RATIO 2

/**
 * The body came to more bytes than the inflater's limit allows.
 */
#define STANCH_BODY_TOTAL 3

/**
 * The body's content encoding is none that is undone, or there are several, or the scan has no
 * inflater.
 */
#define STANCH_BODY_UNSUPPORTED 4

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
 * A look at a guard's file came to nothing new, or there was none.
 */
#define STANCH_NEWS_NONE 0

/**
 * Another set is in use.
 */
#define STANCH_NEWS_SWAPPED 1

/**
 * The file was refused; the set in use stays. `stanch_guard_refusal` says why.
 */
#define STANCH_NEWS_REFUSED 2

/**
 * The bytes that any line of `stanch_attempt_line` has room in, and a line's end or a NUL behind it.
 */
#define STANCH_ATTEMPT_LINE 2048

/**
 * The version of the ABI that this header describes. It grows when something is added.
 */
#define STANCH_ABI_VERSION 4

/**
 * The oldest version of the ABI that this library still serves. A program that was compiled
 * against an older header than this must not use it.
 */
#define STANCH_ABI_VERSION_MINIMUM 2

/**
 * The longest text that `stanch_views_text` writes, its NUL included.
 */
#define STANCH_VIEWS_TEXT 96

/**
 * A detector of tokens: immutable, may be shared by threads.
 */
typedef struct stanch_detector stanch_detector;

/**
 * Holds a patch set, and takes the next one when another file is put in the place of its own. May be
 * shared by threads, and by processes that were forked after it was opened.
 */
typedef struct stanch_guard stanch_guard;

/**
 * Undoes the content encodings gzip and deflate, for one scan after the other. Takes some tens of
 * KiB. Not for two scans at the same time.
 */
typedef struct stanch_inflater stanch_inflater;

/**
 * What the factors of a risk weigh: immutable, may be shared by threads.
 */
typedef struct stanch_risk_policy stanch_risk_policy;

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
  /**
   * Whether all of the body was looked at without its content encoding: a `STANCH_BODY_` number.
   * Known for sure when the scan is finished.
   */
  uint32_t body;
  /**
   * Zero.
   */
  uint32_t reserved;
} stanch_verdict;

/**
 * A request that carried a leaked token, as it is to be logged. Texts may be empty; they are cut off
 * where they get long, and none needs to be valid UTF-8.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * When, in milliseconds since 1970-01-01 UTC; zero lets the library ask the system.
   */
  uint64_t time;
  /**
   * The node that saw it; at most 128 bytes of it are written, escaped as they are.
   */
  stanch_slice node;
  /**
   * The client's address, as text; at most 64.
   */
  stanch_slice client;
  /**
   * The host that was asked; at most 256. Left out if the token stood in the header that names it.
   */
  stanch_slice host;
  /**
   * The method; at most 32.
   */
  stanch_slice method;
  /**
   * The path as the client sent it, without the query; at most 1,024. Left out if the token stood in
   * it, or if there is a `?` in it. It must not be given if another token of the set stands in it.
   */
  stanch_slice path;
  /**
   * What the scan came to; its action may be another than what the host did.
   */
  const stanch_verdict *verdict;
  /**
   * How many attempts were left out of the log since the line before: from `stanch_attempt_cap_take`.
   */
  uint64_t left_out;
  /**
   * What the host did: `STANCH_ACTION_MONITOR` or `STANCH_ACTION_BLOCK`.
   */
  uint32_t action;
  /**
   * Zero.
   */
  uint32_t reserved;
} stanch_attempt;

/**
 * Bounds how many attempts are logged. May lie in memory that processes share; zeroed once, it is as
 * if nothing was logged. Only for `stanch_attempt_cap_take` to look into.
 */
typedef struct {
  /**
   * When the next line is due.
   */
  uint64_t due;
  /**
   * How many attempts were left out since the last line.
   */
  uint64_t left_out;
} stanch_attempt_cap;

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
 * The public half of a signing key: an Ed25519 key (RFC 8032).
 */
typedef struct {
  /**
   * The encoded point.
   */
  uint8_t bytes[32];
} stanch_public_key;

/**
 * Which sets are taken. With nothing but the size, the others zero: any sound set that has not
 * expired.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller. A larger one than the library knows is refused: a
   * condition must not be passed over.
   */
  size_t size;
  /**
   * Public keys, one of which must have signed the set.
   */
  const stanch_public_key *keys;
  /**
   * How many there are. If there are none, a set need not be signed.
   */
  size_t key_count;
  /**
   * The set that is in use, or NULL. Only it or one with a higher serial number is taken.
   */
  const stanch_set *replaces;
  /**
   * The lowest serial number that is taken.
   */
  uint64_t serial;
  /**
   * The time in seconds since 1970-01-01 UTC; zero lets the library ask the system.
   */
  uint64_t now;
} stanch_trust;

/**
 * What a guard did so far. Times are in seconds since 1970-01-01 UTC.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * How often it exchanged its set for another.
   */
  uint64_t swaps;
  /**
   * How many changes of its file it refused.
   */
  uint64_t refusals;
  /**
   * The serial number of the set in use.
   */
  uint64_t serial;
  /**
   * When it looked at its file last.
   */
  uint64_t checked;
  /**
   * When it took the set in use.
   */
  uint64_t taken;
  /**
   * When it refused a file last; zero if it never did.
   */
  uint64_t refused;
  /**
   * 1 if the file, as it was at the last look, is refused, 0 if it is the set in use.
   */
  uint32_t is_refusing;
  /**
   * Zero.
   */
  uint32_t reserved;
} stanch_guard_info;

/**
 * How far a body may inflate. Zero stands for what is usual.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * How many bytes may come out of one body; usually 64 MiB.
   */
  uint64_t total;
  /**
   * How many bytes may come out for each byte that went in, beyond the first MiB; usually 100.
   */
  uint64_t ratio;
} stanch_inflate_limits;

/**
 * What is known of a leaked token, as far as its score depends on it.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * What it lets its bearer do: a `STANCH_PRIVILEGE_` number, none of which is zero: say
   * `STANCH_PRIVILEGE_WRITE` where nobody knows.
   */
  uint32_t privilege;
  /**
   * How much it reaches: a `STANCH_BREADTH_` number.
   */
  uint32_t breadth;
  /**
   * The worst channel that it was seen in: a `STANCH_CHANNEL_` number.
   */
  uint32_t channel;
  /**
   * In how many places it was seen. Zero counts as one.
   */
  uint32_t sources;
  /**
   * What strangers are known to have done with it: a `STANCH_EXPLOITATION_` number.
   */
  uint32_t exploitation;
  /**
   * For how many whole days it has been out.
   */
  uint32_t days;
  /**
   * Which environment it is for: a `STANCH_ENVIRONMENT_` number.
   */
  uint32_t environment;
  /**
   * Whether it is replaced from time to time: a `STANCH_ROTATION_` number, none of which is
   * zero.
   */
  uint32_t rotation;
  /**
   * Whether it works: a `STANCH_VALIDITY_` number, none of which is zero: say
   * `STANCH_VALIDITY_UNVERIFIED` where nobody tried.
   */
  uint32_t validity;
  /**
   * 1 if nothing but its randomness speaks for it, else 0.
   */
  uint32_t is_generic;
  /**
   * 1 if its form is weak and the words around it speak for it, else 0.
   */
  uint32_t is_contextual;
  /**
   * 1 if it is half of a pair whose other half was not found with it, else 0.
   */
  uint32_t is_half;
} stanch_factors;

/**
 * What a token's leak comes to, and how: `sum` is that of the terms; it was raised to `floor_score` if `floor`
 * is not `STANCH_FLOOR_NONE`, and then lowered to `cap_score` if `cap` is not `STANCH_CAP_NONE`; that is `score`.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * From 0 to 100.
   */
  uint32_t score;
  /**
   * The level that it is in: a `STANCH_LEVEL_` number.
   */
  uint32_t level;
  /**
   * 1 if it is critical, 0 if not.
   */
  uint32_t is_critical;
  /**
   * What the terms come to.
   */
  uint32_t sum;
  /**
   * The points of each factor: the `STANCH_FACTOR_` numbers are their indices.
   */
  uint32_t terms[STANCH_FACTORS];
  /**
   * What raised the sum: a `STANCH_FLOOR_` number.
   */
  uint32_t floor;
  /**
   * To which score; zero if nothing did.
   */
  uint32_t floor_score;
  /**
   * What lowered it: a `STANCH_CAP_` number.
   */
  uint32_t cap;
  /**
   * To which score; zero if nothing did.
   */
  uint32_t cap_score;
} stanch_assessment;

/**
 * A token of an open leak, to be rated.
 */
typedef struct {
  /**
   * What tells it from other tokens, such as its digest. One that comes again counts once, with the worst that
   * was said of it.
   */
  uint8_t token[16];
  /**
   * What is left of its score where patches protect, 0 to 100.
   */
  uint32_t residual;
  /**
   * What kind of service it opens: a `STANCH_FAMILY_` number.
   */
  uint32_t family;
} stanch_rated;

/**
 * A grade, and where it comes from.
 */
typedef struct {
  /**
   * A `STANCH_GRADE_` number.
   */
  uint32_t grade;
  /**
   * What it was given for: from 0 to 100, the higher the worse.
   */
  uint32_t points;
  /**
   * The worst token's score.
   */
  uint32_t worst;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * The sum of all tokens' scores.
   */
  uint64_t sum;
  /**
   * How many different tokens were rated.
   */
  uint64_t tokens;
} stanch_rating;

/**
 * The ratings of many tokens together.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * How badly the tokens of machines are exposed.
   */
  stanch_rating nhi_exposure;
  /**
   * How likely data is to be taken with them.
   */
  stanch_rating data_leak_susceptibility;
} stanch_ratings;

/**
 * What a policy is made of: points, scores and per cent, as docs/risk.md explains them. Fill it with
 * `stanch_risk_weights_default`, then change what is to differ.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller. A larger one than the library knows is refused: a weight must
   * not be passed over.
   */
  size_t size;
  /**
   * How many points of the other tokens make one point of a rating, 1 to 1,000,000.
   */
  uint32_t rating_per;
  /**
   * How many points the other tokens make at most.
   */
  uint8_t rating_most;
  /**
   * Points for each `STANCH_PRIVILEGE_` number, less one.
   */
  uint8_t privilege[5];
  /**
   * Points for each `STANCH_BREADTH_` number.
   */
  uint8_t breadth[3];
  /**
   * Points that privilege and breadth come to at most.
   */
  uint8_t impact_most;
  /**
   * Points for each `STANCH_CHANNEL_` number.
   */
  uint8_t channel[8];
  /**
   * Points for each source but the first.
   */
  uint8_t sources_each;
  /**
   * Points for all of these at most.
   */
  uint8_t sources_most;
  /**
   * Points that channel and sources come to at most.
   */
  uint8_t exposure_most;
  /**
   * Points for each `STANCH_EXPLOITATION_` number.
   */
  uint8_t exploitation[4];
  /**
   * Points for each binary digit of the number of days.
   */
  uint8_t time_digit;
  /**
   * Points for all of these at most.
   */
  uint8_t time_most;
  /**
   * Points for each `STANCH_ENVIRONMENT_` number.
   */
  uint8_t environment[3];
  /**
   * Points for each `STANCH_ROTATION_` number, less two; one that was rotated gets those of one in time.
   */
  uint8_t rotation[3];
  /**
   * The highest score of a token that is invalid or was rotated.
   */
  uint8_t cap_dead;
  /**
   * Of one that nobody tried.
   */
  uint8_t cap_unverified;
  /**
   * Of one for which nothing but its randomness speaks.
   */
  uint8_t cap_generic;
  /**
   * Of one for which the words around it speak.
   */
  uint8_t cap_contextual;
  /**
   * Of an identifier that may be public.
   */
  uint8_t cap_public;
  /**
   * Of half of a pair.
   */
  uint8_t cap_half;
  /**
   * Of what is left of a score where a patch protects.
   */
  uint8_t cap_protected;
  /**
   * The lowest score of a token with much privilege that is far exposed.
   */
  uint8_t floor_exposed;
  /**
   * From which `STANCH_PRIVILEGE_` number on.
   */
  uint8_t floor_exposed_privilege;
  /**
   * From which `STANCH_CHANNEL_` number on.
   */
  uint8_t floor_exposed_channel;
  /**
   * The lowest score of a token with much privilege in breach data.
   */
  uint8_t floor_breached;
  /**
   * From which `STANCH_PRIVILEGE_` number on.
   */
  uint8_t floor_breached_privilege;
  /**
   * The lowest score of a token that somebody tried to use.
   */
  uint8_t floor_attempted;
  /**
   * From which `STANCH_PRIVILEGE_` number on.
   */
  uint8_t floor_attempted_privilege;
  /**
   * The lowest score of a token that somebody used, and it was accepted.
   */
  uint8_t floor_accepted;
  /**
   * Where the levels low, medium and high begin.
   */
  uint8_t levels[3];
  /**
   * Where critical begins.
   */
  uint8_t critical;
  /**
   * Where the grades B, C, D and F begin.
   */
  uint8_t grades[4];
  /**
   * What each `STANCH_FAMILY_` number counts, in per cent.
   */
  uint8_t families[6];
} stanch_risk_weights;

/**
 * What a host knows of a request that scopes of patches may ask for. What is not told here is taken
 * from the request as it is fed, as far as it is in there; what nobody tells is unknown, and a
 * condition on it holds.
 */
typedef struct {
  /**
   * The size of this struct; set by the caller.
   */
  size_t size;
  /**
   * The host that the request is for, with or without a port. Not told if `data` is NULL, as are
   * the next two.
   */
  stanch_slice host;
  /**
   * Its method.
   */
  stanch_slice method;
  /**
   * The path of its target, escaped. What follows a `?` does not count.
   */
  stanch_slice path;
  /**
   * The time in seconds since 1970-01-01 UTC; zero lets the library ask the system, if a patch
   * needs it.
   */
  uint64_t now;
  /**
   * The number of bytes in `client`: 4 for IPv4, 16 for IPv6, zero if the address is not told.
   */
  uint32_t client_len;
  /**
   * Zero.
   */
  uint32_t reserved;
  /**
   * The client's address in network order, as in `sin_addr` or `sin6_addr`.
   */
  uint8_t client[16];
} stanch_context;

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
  /**
   * How many leaks its tokens belong to.
   */
  uint64_t leaks;
  /**
   * From when on it does not open, in seconds since 1970-01-01 UTC; zero if it does not expire.
   */
  uint64_t expires;
  /**
   * What recovering the easiest of its tokens would cost whoever has the set and its key: the
   * base-2 logarithm of the guesses, by an estimate.
   */
  uint32_t recovery_bits;
  /**
   * 1 if it is signed, 0 if not. The signature is right; whether the key is trusted is for
   * `stanch_trust` to say.
   */
  uint32_t is_signed;
  /**
   * Which public key it is signed with; zeroes if it is not.
   */
  uint8_t signer_id[8];
} stanch_set_info;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Writes an attempt to `buffer` as one line of JSON, without the line's end or a NUL, and its length to
 * `*len`. `size` is at least `STANCH_ATTEMPT_LINE`; a line is always shorter. Does not allocate.
 *
 * # Safety
 *
 * `attempt` and what it points to are valid for this call, and its `size` and that of its verdict are set;
 * `buffer` points to `size` bytes; `len` is valid.
 */
int32_t stanch_attempt_line(const stanch_attempt *attempt,
                            char *buffer,
                            size_t size,
                            size_t *len);

/**
 * Says whether an attempt may be logged now: 1 if so, and `*left_out` is then how many were not since the
 * last one that was, for the line to tell; 0 if not, and the attempt is counted as left out; 0 also for a
 * pointer that is NULL or misaligned. `burst` lines pass at once, and `per_second` in the long run; under a
 * limit of zero none. `now` is in milliseconds, by a clock that all who share the cap have in common, and
 * that does not go back. Threads and processes may call this at the same time; nobody waits.
 *
 * # Safety
 *
 * `cap` was zeroed once, and nothing but this function writes to it; `left_out` is valid.
 */
int32_t stanch_attempt_cap_take(stanch_attempt_cap *cap,
                                uint64_t now,
                                uint32_t per_second,
                                uint32_t burst,
                                uint64_t *left_out);

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
 * Opens a guard over the set in the file `path`, with the key in the file `key_path`, if `trust` takes
 * the set. The key is read here, once, and kept; `trust` decides about each set that comes, and nothing
 * else is kept of it. On success `*out` is to be freed with `stanch_guard_free`; on failure it is left
 * alone, and `error`, unless it is NULL, says which file is at fault and why.
 *
 * # Safety
 *
 * The slices and pointers are valid for this call, and so is what `trust` points to; `error->size` and
 * `trust->size` are set.
 */
int32_t stanch_guard_open(stanch_slice path,
                          stanch_slice key_path,
                          const stanch_trust *trust,
                          stanch_error *error,
                          stanch_guard **out);

/**
 * Lets the guard look at its file when the last look is this long ago, instead of a second; with zero,
 * each time that a set is acquired. The next look is then due at once.
 *
 * # Safety
 *
 * `handle` was opened and not freed.
 */
int32_t stanch_guard_set_interval(const stanch_guard *handle,
                                  uint64_t milliseconds);

/**
 * Looks at the guard's file if that is due and no other thread does, takes the set in it if it is a
 * new one, and writes to `*out` the set to scan with. It stays as it is until it is given to
 * `stanch_guard_release`, whatever the guard does meanwhile, and must not be freed otherwise. `*news`,
 * unless `news` is NULL, is then a `STANCH_NEWS_` number: whether this call, and no other, exchanged the
 * set or refused a file. Neither waits for other threads; unless a look is due, it makes no system call
 * but for the clock, and does not allocate.
 *
 * # Safety
 *
 * `handle` was opened and not freed; `news` is NULL or valid; `out` is valid.
 */
int32_t stanch_guard_acquire(const stanch_guard *handle,
                             uint32_t *news,
                             const stanch_set **out);

/**
 * Gives back a set that was acquired, once for each time that it was. No scan may use it any more; it is
 * freed if it was replaced and nobody else has it. May be called after the guard was freed. NULL is fine.
 *
 * # Safety
 *
 * `set` is NULL or came from `stanch_guard_acquire` and was not given back since.
 */
void stanch_guard_release(const stanch_set *set);

/**
 * Writes to `*out` what the guard did so far. Does not look at the file.
 *
 * # Safety
 *
 * `handle` was opened and not freed; `out` is valid and `out->size` is set.
 */
int32_t stanch_guard_describe(const stanch_guard *handle, stanch_guard_info *out);

/**
 * Writes to `*out` why a file was refused the last time that one was: the status that opening it would
 * have had, and the reason; `STANCH_OK` if none ever was.
 *
 * # Safety
 *
 * `handle` was opened and not freed; `out` is valid and `out->size` is set.
 */
int32_t stanch_guard_refusal(const stanch_guard *handle,
                             stanch_error *out);

/**
 * Frees a guard, and its set as soon as nobody has it any more. NULL is fine.
 *
 * # Safety
 *
 * `handle` is NULL or was opened and not freed.
 */
void stanch_guard_free(stanch_guard *handle);

/**
 * Makes an inflater with `limits`, or with the usual ones if that is NULL. On success `*out` is to be
 * freed with `stanch_inflater_free`; on failure it is left alone.
 *
 * # Safety
 *
 * `limits` is NULL or valid with its `size` set, and so is `error`; `out` is valid.
 */
int32_t stanch_inflater_new(const stanch_inflate_limits *limits,
                            stanch_error *error,
                            stanch_inflater **out);

/**
 * Frees an inflater, which no scan may use any more, and wipes what it holds of a body. NULL is
 * fine.
 *
 * # Safety
 *
 * `inflater` is NULL or was made and not freed.
 */
void stanch_inflater_free(stanch_inflater *inflater);

/**
 * Scores a token under `policy`, or with the usual weights if that is NULL. Does not allocate.
 *
 * # Safety
 *
 * `policy` is NULL or was made and not freed; `factors` and `out` are valid, with their `size` set.
 */
int32_t stanch_risk_assess(const stanch_risk_policy *policy,
                           const stanch_factors *factors,
                           stanch_assessment *out);

/**
 * Writes to `*out` what is left of a score from 0 to 100 where a patch protects. `is_protected` is to be 1 only
 * for a token that the user's own API accepts, and only if every enrolled node confirms that it blocks it; else 0.
 *
 * # Safety
 *
 * `policy` is NULL, for the usual weights, or was made and not freed; `out` is valid.
 */
int32_t stanch_risk_residual(const stanch_risk_policy *policy,
                             uint32_t score,
                             uint32_t is_protected,
                             uint32_t *out);

/**
 * Rates the tokens of all open leaks together. Order and duplicates do not matter.
 *
 * # Safety
 *
 * `policy` is NULL, for the usual weights, or was made and not freed; `tokens` points to `count` valid items, or
 * is NULL if there are none; `out` is valid and `out->size` is set.
 */
int32_t stanch_risk_rate(const stanch_risk_policy *policy,
                         const stanch_rated *tokens,
                         size_t count,
                         stanch_ratings *out);

/**
 * The name of a `STANCH_LEVEL_` number as static text: `informational`, `low`, `medium`, `high`, or `unknown`.
 */
const char *stanch_level_name(uint32_t level);

/**
 * The name of a `STANCH_GRADE_` number as static text: `A`, `B`, `C`, `D`, `F`, or `unknown`.
 */
const char *stanch_grade_name(uint32_t grade);

/**
 * The name of a `STANCH_FACTOR_` number as static text: `privilege`, `breadth`, `channel`, `sources`,
 * `exploitation`, `days`, `environment`, `rotation`, or `unknown`.
 */
const char *stanch_factor_name(uint32_t factor);

/**
 * The name of a `STANCH_FLOOR_` number as static text: `none`, `exposed`, `breached`, `attempted`, `accepted`, or
 * `unknown`.
 */
const char *stanch_floor_name(uint32_t floor);

/**
 * The name of a `STANCH_CAP_` number as static text: `none`, `invalid`, `rotated`, `public`, `generic`,
 * `contextual`, `half`, `unverified`, or `unknown`.
 */
const char *stanch_cap_name(uint32_t cap);

/**
 * Writes the usual weights to `*out`.
 *
 * # Safety
 *
 * `out` is valid and `out->size` is set.
 */
int32_t stanch_risk_weights_default(stanch_risk_weights *out);

/**
 * Makes a policy of `weights`. On success `*out` is to be freed with `stanch_risk_policy_free`; on failure it is
 * left alone, and `error`, unless it is NULL, says which weight is at fault and why.
 *
 * # Safety
 *
 * `weights` is valid with its `size` set; `error` is NULL or valid with its `size` set; `out` is valid.
 */
int32_t stanch_risk_policy_new(const stanch_risk_weights *weights,
                               stanch_error *error,
                               stanch_risk_policy **out);

/**
 * Frees a policy. NULL is fine.
 *
 * # Safety
 *
 * `policy` is NULL or was made and not freed.
 */
void stanch_risk_policy_free(stanch_risk_policy *policy);

/**
 * Writes to `*out` how many bytes of memory a scan over `set` needs: some tens of KiB for ordinary
 * tokens, some hundreds for tokens of 4 KiB. It depends on the longest token of the set and on whether
 * it has scopes. A scan touches, and wipes, only what the request at hand makes it use.
 *
 * # Safety
 *
 * `set` is a set that was opened and not freed; `out` is valid.
 */
int32_t stanch_scan_size(const stanch_set *set,
                         size_t *out);

/**
 * The alignment, in bytes, of the memory of a scan: a power of two.
 */
size_t stanch_scan_align(void);

/**
 * Sets up a scan for one request in `size` bytes at `memory`, whatever they held before; it is not
 * cleared. `*out` is then the scan; it needs no freeing, and must not outlive the memory or the set.
 *
 * # Safety
 *
 * `set` is a set that was opened and not freed; `memory` points to `size` bytes that nothing else
 * uses while the scan is in use.
 */
int32_t stanch_scan_init(const stanch_set *set,
                         void *memory,
                         size_t size,
                         stanch_scan **out);

/**
 * Takes note of what the host knows of the request. Before anything is fed: after that it is
 * `STANCH_ERROR_STATE`.
 *
 * # Safety
 *
 * `scan` was set up by `stanch_scan_init`; `context` and what it points to are valid for this call,
 * and `context->size` is set.
 */
int32_t stanch_scan_context(stanch_scan *scan, const stanch_context *context);

/**
 * Lets the scan undo the body's content encoding, if it is gzip or deflate, with `inflater`. Before
 * the first byte of the body: after that it is `STANCH_ERROR_STATE`. Until `stanch_scan_finish` the
 * inflater must not be freed, nor given to another scan. Without one, the verdict of a body with a
 * content encoding says `STANCH_BODY_UNSUPPORTED`. The body is looked at as it was sent in any case.
 *
 * # Safety
 *
 * `scan` was set up by `stanch_scan_init`; `inflater` was made and not freed, and no other scan that is
 * in use has it.
 */
int32_t stanch_scan_inflate(stanch_scan *scan,
                            stanch_inflater *inflater);

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
 * Opens the set in the file `path` with the key in the file `key_path`, signed or not, if it has not
 * expired. On success `*out` is to be freed with `stanch_set_free`; on failure it is left alone, and
 * `error`, unless it is NULL, says which file is at fault and why.
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
 * As `stanch_set_open`, if `trust` takes the set. Nothing is kept of `trust`.
 *
 * # Safety
 *
 * The slices and pointers are valid for this call, and so is what `trust` points to; `error->size` and
 * `trust->size` are set.
 */
int32_t stanch_set_open_trusted(stanch_slice path,
                                stanch_slice key_path,
                                const stanch_trust *trust,
                                stanch_error *error,
                                stanch_set **out);

/**
 * Opens the set in `content`, the bytes of a patch set file, with the 32 bytes of `key`, signed or
 * not, if it has not expired. Nothing is kept of either.
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
 * As `stanch_set_from_memory`, if `trust` takes the set. Nothing is kept of `trust`.
 *
 * # Safety
 *
 * The slices and pointers are valid for this call, and so is what `trust` points to; `error->size` and
 * `trust->size` are set.
 */
int32_t stanch_set_from_memory_trusted(stanch_slice content,
                                       stanch_slice key,
                                       const stanch_trust *trust,
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
 * Reads the public key in the file `path`, which anybody may read. On failure `*out` is left alone,
 * and `error`, unless it is NULL, says why.
 *
 * # Safety
 *
 * The slice and the pointers are valid for this call; `error->size` is set.
 */
int32_t stanch_public_key_open(stanch_slice path, stanch_error *error, stanch_public_key *out);

/**
 * Reads the public key in `text`: the line that its file holds, the word `stanch-public-key-v1`, a
 * space, and 64 hexadecimal digits. On failure `*out` is left alone, and `error`, unless it is NULL,
 * says why.
 *
 * # Safety
 *
 * The slice and the pointers are valid for this call; `error->size` is set.
 */
int32_t stanch_public_key_parse(stanch_slice text,
                                stanch_error *error,
                                stanch_public_key *out);

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
 * The name of a `STANCH_BODY_` number as static text: `whole`, `damaged`, `ratio`, `total`,
 * `unsupported`, or `unknown`.
 */
const char *stanch_body_name(uint32_t body);

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
