/*
 * Opening sets: bad arguments, bad files, bad bytes.
 */

#include "abi_test.h"

/* Where the format version stands in a set (docs/patch-set-format.md). */
#define VERSION_AT 8

static void check_null_arguments(const fixture *given)
{
    stanch_slice set_bytes = bytes(given->set, given->set_len);
    stanch_slice key = bytes(given->key, 32);
    stanch_slice path = text("set"), null = bytes(NULL, 5);
    stanch_set *set = NULL;
    stanch_set_info info = { .size = sizeof info };
    size_t size = 0;

    CHECK_CODE(stanch_set_open(null, path, NULL, &set), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_open(path, null, NULL, &set), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_open(path, path, NULL, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_from_memory(null, key, NULL, &set), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_from_memory(set_bytes, null, NULL, &set), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_from_memory(set_bytes, key, NULL, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_describe(NULL, &info), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_size(NULL, &size), STANCH_ERROR_NULL);
    CHECK(set == NULL);
    stanch_set_free(NULL);

    set = open_set(given);
    CHECK_CODE(stanch_set_describe(set, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_scan_size(set, NULL), STANCH_ERROR_NULL);
    stanch_set_free(set);
}

static void check_sizes(const fixture *given)
{
    stanch_slice set_bytes = bytes(given->set, given->set_len);
    stanch_slice key = bytes(given->key, 32);
    stanch_slice too_long = bytes(given->set, SIZE_MAX);
    stanch_set *set = NULL;
    stanch_error error = { .size = sizeof error - 1 };
    stanch_set_info info;
    size_t size;

    CHECK_CODE(stanch_set_from_memory(set_bytes, key, &error, &set), STANCH_ERROR_ARGUMENT);
    error.size = 0;
    CHECK_CODE(stanch_set_open(text("x"), text("y"), &error, &set), STANCH_ERROR_ARGUMENT);
    error.size = sizeof error;
    CHECK_CODE(stanch_set_from_memory(too_long, key, &error, &set), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_set_open(too_long, text("y"), &error, &set), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_set_from_memory(bytes(NULL, 0), key, &error, &set), STANCH_ERROR_FORMAT);
    CHECK_CODE(stanch_set_from_memory(set_bytes, bytes(NULL, 0), &error, &set),
               STANCH_ERROR_ARGUMENT);
    for (size = 0; size < 32; size++) {
        CHECK_CODE(stanch_set_from_memory(set_bytes, bytes(given->key, size), &error, &set),
                   STANCH_ERROR_ARGUMENT);
    }
    CHECK(set == NULL);

    set = open_set(given);
    for (size = 0; size < sizeof info; size++) {
        info.size = size;
        CHECK_CODE(stanch_set_describe(set, &info), STANCH_ERROR_ARGUMENT);
    }
    stanch_set_free(set);
}

/* Opens a file of the fixture with a key of it, and expects this status and a message that names
 * the file at fault. */
static void check_open(const fixture *given, const char *name, const char *key_name,
                       int32_t expected, const char *at_fault, int line)
{
    char path[4096];
    stanch_error error = { .size = sizeof error };
    stanch_set *set = NULL;
    int32_t code;

    snprintf(path, sizeof path, "%s", in_folder(given, name));
    code = stanch_set_open(text(path), text(in_folder(given, key_name)), &error, &set);
    check_code(code, expected, name, __FILE__, line);
    check((set != NULL) == (code == STANCH_OK), "set only on success", __FILE__, line);
    if (expected != STANCH_OK) {
        check(error.code == code, "error.code is the status", __FILE__, line);
        check(memchr(error.message, 0, sizeof error.message) != NULL, "NUL-terminated", __FILE__,
              line);
        check(strstr(error.message, in_folder(given, at_fault)) != NULL, "message names the file",
              __FILE__, line);
        check(strlen(error.message) > strlen(in_folder(given, at_fault)) + 5, "message says why",
              __FILE__, line);
    }
    stanch_set_free(set);
}

static void write_file(const fixture *given, const char *name, const void *data, size_t len)
{
    FILE *file = fopen(in_folder(given, name), "wb");

    if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0) {
        perror(in_folder(given, name));
        exit(2);
    }
}

static void check_files(const fixture *given)
{
    static uint8_t foreign[1 << 20];
    stanch_error error = { .size = sizeof error };
    stanch_set *set = NULL;

    check_open(given, "set", "key", STANCH_OK, "", __LINE__);
    check_open(given, "absent", "key", STANCH_ERROR_IO, "absent", __LINE__);
    check_open(given, ".", "key", STANCH_ERROR_IO, ".", __LINE__);
    check_open(given, "set", "absent", STANCH_ERROR_IO, "absent", __LINE__);
    check_open(given, "set", ".", STANCH_ERROR_KEY, ".", __LINE__);
    check_open(given, "set", "readable-key", STANCH_ERROR_KEY, "readable-key", __LINE__);
    check_open(given, "set", "empty-key", STANCH_ERROR_KEY, "empty-key", __LINE__);
    check_open(given, "set", "long-key", STANCH_ERROR_KEY, "long-key", __LINE__);
    check_open(given, "set", "other-key", STANCH_ERROR_WRONG_KEY, "set", __LINE__);
    check_open(given, "blocked", "key", STANCH_ERROR_FORMAT, "blocked", __LINE__);

    write_file(given, "truncated", given->set, given->set_len - 1);
    check_open(given, "truncated", "key", STANCH_ERROR_FORMAT, "truncated", __LINE__);
    write_file(given, "truncated", given->set, 0);
    check_open(given, "truncated", "key", STANCH_ERROR_FORMAT, "truncated", __LINE__);

    memcpy(foreign, given->set, given->set_len);
    foreign[VERSION_AT]++;
    write_file(given, "foreign", foreign, given->set_len);
    check_open(given, "foreign", "key", STANCH_ERROR_VERSION, "foreign", __LINE__);

    /* A path is bytes, not a C string: the empty one and one with a NUL inside name no file. */
    CHECK_CODE(stanch_set_open(bytes("", 0), text("key"), &error, &set), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_set_open(text("set"), bytes(NULL, 0), &error, &set), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_set_open(bytes("a\0b", 3), text("key"), &error, &set),
               STANCH_ERROR_ARGUMENT);
    CHECK(error.code == STANCH_ERROR_ARGUMENT && strstr(error.message, "path") != NULL);
    CHECK(set == NULL);
}

/* No prefix of a set is a set, and no set with one bit turned is the same set. */
static void check_damage(const fixture *given)
{
    static uint8_t damaged[1 << 20];
    stanch_slice key = bytes(given->key, 32);
    stanch_set *set = NULL;
    size_t length, at, step, unseen = 0, first = 0;
    int32_t code;
    int seen;

    /* Every length of the header and the first sections, then every few, to the last. */
    for (length = 1; length < given->set_len; length += length < 1024 ? 1 : 97) {
        code = stanch_set_from_memory(bytes(given->set, length), key, NULL, &set);
        CHECK(code == STANCH_ERROR_FORMAT && set == NULL);
    }
    code = stanch_set_from_memory(bytes(given->set, given->set_len - 1), key, NULL, &set);
    CHECK(code == STANCH_ERROR_FORMAT && set == NULL);

    memcpy(damaged, given->set, given->set_len);
    step = 1;
    for (at = 0; at < given->set_len; at += step) {
        damaged[at] ^= (uint8_t) (1u << (at % 8));
        code = stanch_set_from_memory(bytes(damaged, given->set_len), key, NULL, &set);
        seen = (code == STANCH_ERROR_FORMAT || code == STANCH_ERROR_VERSION
                || code == STANCH_ERROR_SIGNATURE) && set == NULL;
        stanch_set_free(set);
        set = NULL;
        unseen += !seen;
        first = unseen == 1 && !seen ? at : first;
        damaged[at] ^= (uint8_t) (1u << (at % 8));
        step = at < 1024 ? 1 : 61;
    }

    CHECK(unseen == 0);
    if (unseen != 0) {
        fprintf(stderr, "%zu turned bits were not seen, the first in byte %zu\n", unseen, first);
    }

    /* One byte too many. */
    damaged[given->set_len] = 0;
    code = stanch_set_from_memory(bytes(damaged, given->set_len + 1), key, NULL, &set);
    CHECK(code == STANCH_ERROR_FORMAT && set == NULL);
}

static void check_description(const fixture *given)
{
    stanch_set *set = open_set(given);
    stanch_set_info info = { .size = sizeof info };

    CHECK_CODE(stanch_set_describe(set, &info), STANCH_OK);
    CHECK(info.tokens == 2);
    CHECK(info.bytes == given->set_len);
    CHECK(info.format_version == given->set[VERSION_AT]);
    CHECK(info.longest_token >= strlen(given->blocked));
    CHECK(info.size == sizeof info);
    CHECK(info.leaks == 2 && info.expires == 0 && info.recovery_bits > 32);
    CHECK(info.is_signed == 0 && memcmp(info.signer_id, "\0\0\0\0\0\0\0", 8) == 0);
    stanch_set_free(set);
}

/* The library keeps its own copy: the caller's bytes may go as soon as the set is open. */
static void check_copy(const fixture *given)
{
    uint8_t *copy = malloc(given->set_len);
    stanch_set *set = NULL;
    stanch_set_info info = { .size = sizeof info };

    if (copy == NULL) {
        perror("abi_test");
        exit(2);
    }
    memcpy(copy, given->set, given->set_len);
    CHECK_CODE(stanch_set_from_memory(bytes(copy, given->set_len), bytes(given->key, 32), NULL,
                                      &set), STANCH_OK);
    memset(copy, 0xa5, given->set_len);
    free(copy);
    CHECK_CODE(stanch_set_describe(set, &info), STANCH_OK);
    CHECK(info.tokens == 2);
    stanch_set_free(set);
}

void check_sets(const fixture *given)
{
    check_null_arguments(given);
    check_sizes(given);
    check_files(given);
    check_damage(given);
    check_description(given);
    check_copy(given);
}
