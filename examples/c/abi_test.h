/*
 * What the files of the ABI test share.
 *
 *   abi_test.c         the fixture, and which checks run
 *   abi_sets.c         opening sets: bad arguments, bad files, bad bytes
 *   abi_trust.c        which sets are taken: signatures, expiry, serial numbers
 *   abi_scans.c        scanning: bad arguments, calls out of order, verdicts
 *   abi_context.c      what a host knows of a request, and what scopes make of it
 *   abi_inflate.c      bodies with a content encoding
 *   abi_guard.c        guards: files that are replaced under threads that scan
 *   abi_attempt.c      lines of a node's log, and how many there may be
 *   abi_sharing.c      one set in many threads and in a thousand forked processes
 *   abi_detector.c     the detector and its callback
 *   abi_risk.c         scores, ratings and policies
 *   abi_versions.c     versions and names
 *   abi_allocations.c  nothing is allocated between init and finish
 *   count_allocations.h  how these are counted
 *   abi_panic.c        a fault inside the library becomes a status code
 */

#ifndef ABI_TEST_H
#define ABI_TEST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stanch.h>

/* The leaks of the fixture's set. */
#define BLOCKED_LEAK 7
#define MONITORED_LEAK 8

/* The files that the test is given, and what they hold. */
typedef struct {
    const char *folder;
    uint8_t *set;               /* the set's bytes */
    size_t set_len;
    uint8_t key[32];            /* the key's bytes */
    char blocked[128];          /* a token whose patch blocks */
    char monitored[128];        /* a token whose patch monitors */
    char clean[128];            /* the first, but for its last character */
    unsigned long forks;        /* how many children scan over one set */
} fixture;

/* Counts a check, and says what failed and where. */
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)
/* The same for a call that must return this status. */
#define CHECK_CODE(call, code) check_code((call), (code), #call, __FILE__, __LINE__)

void check(int condition, const char *what, const char *file, int line);
void check_code(int32_t found, int32_t expected, const char *what, const char *file, int line);

/* Helpers. */
stanch_slice text(const char *string);
stanch_slice bytes(const void *data, size_t len);
/* The path of a file in the fixture's folder; valid until the next call. */
const char *in_folder(const fixture *given, const char *name);
/* Reads a file of the fixture's folder, and returns its length; ends the test if that fails. */
size_t read_file(const fixture *given, const char *name, void *to, size_t room);
/* The fixture's set, opened; ends the test if that fails. */
stanch_set *open_set(const fixture *given);
/* Memory for a scan over the set, aligned; the size that was asked for goes to *size. */
void *scan_memory(const stanch_set *set, size_t *size);

void check_sets(const fixture *given);
void check_trust(const fixture *given);
void check_scans(const fixture *given);
void check_context(const fixture *given);
void check_inflate(const fixture *given);
void check_guard(const fixture *given);
void check_attempt(const fixture *given);
void check_threads(const fixture *given);
void check_forks(const fixture *given);
void check_detector(const fixture *given);
void check_risk(const fixture *given);
void check_versions(const fixture *given);
#ifdef COUNT_ALLOCATIONS
void check_allocations(const fixture *given);
#endif
#ifdef TEST_PANIC
void check_panic(const fixture *given);
#endif

#endif
