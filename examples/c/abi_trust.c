/*
 * Which sets are taken: signatures, expiry, serial numbers.
 */

#include "abi_test.h"

/* A second at which nothing of the fixture has expired. */
#define BEFORE 1

static stanch_public_key read_key(const fixture *given, const char *name)
{
    stanch_public_key key = { { 0 } };

    CHECK_CODE(stanch_public_key_open(text(in_folder(given, name)), NULL, &key), STANCH_OK);
    return key;
}

static void check_keys(const fixture *given)
{
    char line[256] = "", spoilt[256];
    size_t length = read_file(given, "public-key", line, sizeof line - 1);
    stanch_public_key key = read_key(given, "public-key"), parsed = { { 7 } }, before = parsed;
    stanch_error error = { .size = sizeof error };
    static const char *names[] = { "key", "set", "empty-key", "." };
    size_t i;

    CHECK_CODE(stanch_public_key_parse(bytes(line, length), &error, &parsed), STANCH_OK);
    CHECK(memcmp(&key, &parsed, sizeof key) == 0);
    /* The end of the line may be there or not. */
    parsed = before;
    CHECK_CODE(stanch_public_key_parse(bytes(line, strcspn(line, "\n")), &error, &parsed), STANCH_OK);
    CHECK(memcmp(&key, &parsed, sizeof key) == 0);

    parsed = before;
    CHECK_CODE(stanch_public_key_parse(bytes(NULL, 5), &error, &parsed), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_public_key_parse(bytes(line, length), &error, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_public_key_parse(bytes(line, SIZE_MAX), &error, &parsed),
               STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_public_key_parse(bytes(NULL, 0), &error, &parsed), STANCH_ERROR_KEY);
    CHECK_CODE(stanch_public_key_parse(text("\xff\xfe"), &error, &parsed), STANCH_ERROR_KEY);
    for (i = 0; i + 1 < strcspn(line, "\n"); i++) {
        CHECK_CODE(stanch_public_key_parse(bytes(line, i), &error, &parsed), STANCH_ERROR_KEY);
    }
    memcpy(spoilt, line, sizeof spoilt);
    spoilt[strcspn(line, "\n") - 1] = 'x';
    CHECK_CODE(stanch_public_key_parse(bytes(spoilt, length), &error, &parsed), STANCH_ERROR_KEY);
    CHECK(error.code == STANCH_ERROR_KEY && strstr(error.message, "hexadecimal") != NULL);
    error.size--;
    CHECK_CODE(stanch_public_key_parse(bytes(line, length), &error, &parsed),
               STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_public_key_open(text("x"), &error, &parsed), STANCH_ERROR_ARGUMENT);
    error.size++;

    CHECK_CODE(stanch_public_key_open(bytes(NULL, 5), NULL, &parsed), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_public_key_open(text("x"), NULL, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_public_key_open(bytes(NULL, 0), NULL, &parsed), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_public_key_open(text(in_folder(given, "absent")), &error, &parsed),
               STANCH_ERROR_IO);
    CHECK(strstr(error.message, in_folder(given, "absent")) != NULL);
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        CHECK_CODE(stanch_public_key_open(text(in_folder(given, names[i])), &error, &parsed),
                   STANCH_ERROR_KEY);
        CHECK(strstr(error.message, in_folder(given, names[i])) != NULL);
    }
    CHECK(memcmp(&parsed, &before, sizeof before) == 0);
}

/* Opens a set of the fixture from its file and from memory, which must come to the same. */
static void check_open(const fixture *given, const char *name, const stanch_trust *trust,
                       int32_t expected, int line)
{
    static uint8_t content[1 << 20];
    char path[4096];
    size_t length = read_file(given, name, content, sizeof content);
    stanch_error error = { .size = sizeof error };
    stanch_set *set = NULL;

    snprintf(path, sizeof path, "%s", in_folder(given, name));
    check_code(stanch_set_open_trusted(text(path), text(in_folder(given, "key")), trust, &error,
                                       &set), expected, name, __FILE__, line);
    check((set != NULL) == (expected == STANCH_OK), "set only on success", __FILE__, line);
    if (expected != STANCH_OK) {
        check(error.code == expected, "error.code is the status", __FILE__, line);
        check(strstr(error.message, path) != NULL, "message names the file", __FILE__, line);
        check(strlen(error.message) > strlen(path) + 20, "message says why", __FILE__, line);
    }
    stanch_set_free(set);
    set = NULL;
    check_code(stanch_set_from_memory_trusted(bytes(content, length), bytes(given->key, 32), trust,
                                              NULL, &set), expected, name, __FILE__, line);
    stanch_set_free(set);
}

static void check_arguments(const fixture *given)
{
    stanch_slice set_bytes = bytes(given->set, given->set_len), key = bytes(given->key, 32);
    stanch_slice path = text("set");
    stanch_public_key good = read_key(given, "public-key"), weak = { { 0 } };
    stanch_trust trust = { .size = sizeof trust }, larger = { .size = sizeof trust + 8 };
    stanch_error error = { .size = sizeof error };
    stanch_set *set = NULL;

    /* No trust at all is a mistake, not trust in everything. */
    CHECK_CODE(stanch_set_open_trusted(path, path, NULL, NULL, &set), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_from_memory_trusted(set_bytes, key, NULL, NULL, &set),
               STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_open_trusted(path, path, &trust, NULL, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_from_memory_trusted(set_bytes, key, &trust, NULL, NULL),
               STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_open_trusted(bytes(NULL, 5), path, &trust, NULL, &set),
               STANCH_ERROR_NULL);
    CHECK_CODE(stanch_set_open_trusted(path, bytes(NULL, 5), &trust, NULL, &set),
               STANCH_ERROR_NULL);
    for (trust.size = 0; trust.size < sizeof trust; trust.size++) {
        CHECK_CODE(stanch_set_from_memory_trusted(set_bytes, key, &trust, NULL, &set),
                   STANCH_ERROR_ARGUMENT);
    }
    CHECK_CODE(stanch_set_from_memory_trusted(set_bytes, key, &larger, &error, &set),
               STANCH_ERROR_ARGUMENT);
    CHECK(strstr(error.message, "conditions") != NULL);

    trust.key_count = 1;
    CHECK_CODE(stanch_set_from_memory_trusted(set_bytes, key, &trust, NULL, &set),
               STANCH_ERROR_NULL);
    trust.keys = &good;
    trust.key_count = SIZE_MAX / sizeof good;
    CHECK_CODE(stanch_set_from_memory_trusted(set_bytes, key, &trust, NULL, &set),
               STANCH_ERROR_ARGUMENT);
    trust.keys = &weak;
    trust.key_count = 1;
    CHECK_CODE(stanch_set_from_memory_trusted(set_bytes, key, &trust, &error, &set),
               STANCH_ERROR_KEY);
    CHECK(set == NULL);
}

static void check_signatures(const fixture *given)
{
    stanch_public_key keys[2] = {
        read_key(given, "public-key"), read_key(given, "other-public-key"),
    };
    stanch_trust any = { .size = sizeof any, .now = BEFORE };
    stanch_trust first = { .size = sizeof first, .keys = keys, .key_count = 1, .now = BEFORE };
    stanch_trust second = { .size = sizeof second, .keys = keys + 1, .key_count = 1, .now = BEFORE };
    stanch_trust both = { .size = sizeof both, .keys = keys, .key_count = 2, .now = BEFORE };

    check_open(given, "set", &any, STANCH_OK, __LINE__);
    check_open(given, "signed-5", &any, STANCH_OK, __LINE__);
    check_open(given, "other-signed", &any, STANCH_OK, __LINE__);
    check_open(given, "forged", &any, STANCH_ERROR_SIGNATURE, __LINE__);

    check_open(given, "set", &first, STANCH_ERROR_UNSIGNED, __LINE__);
    check_open(given, "signed-5", &first, STANCH_OK, __LINE__);
    check_open(given, "other-signed", &first, STANCH_ERROR_SIGNER, __LINE__);
    check_open(given, "forged", &first, STANCH_ERROR_SIGNATURE, __LINE__);

    check_open(given, "signed-5", &second, STANCH_ERROR_SIGNER, __LINE__);
    check_open(given, "other-signed", &second, STANCH_OK, __LINE__);

    /* While one key takes the place of another, both count. */
    check_open(given, "signed-5", &both, STANCH_OK, __LINE__);
    check_open(given, "other-signed", &both, STANCH_OK, __LINE__);
    check_open(given, "set", &both, STANCH_ERROR_UNSIGNED, __LINE__);
}

static void check_expiry(const fixture *given)
{
    stanch_trust trust = { .size = sizeof trust, .now = BEFORE };
    stanch_set_info info = { .size = sizeof info };
    char path[4096];
    stanch_set *set = NULL;

    snprintf(path, sizeof path, "%s", in_folder(given, "expired"));
    CHECK_CODE(stanch_set_open_trusted(text(path), text(in_folder(given, "key")), &trust, NULL,
                                       &set), STANCH_OK);
    CHECK_CODE(stanch_set_describe(set, &info), STANCH_OK);
    stanch_set_free(set);
    set = NULL;
    trust.now = info.expires - 1;
    check_open(given, "expired", &trust, STANCH_OK, __LINE__);
    trust.now = info.expires;
    check_open(given, "expired", &trust, STANCH_ERROR_EXPIRED, __LINE__);
    /* By the system's clock it is over, with trust and without. */
    trust.now = 0;
    check_open(given, "expired", &trust, STANCH_ERROR_EXPIRED, __LINE__);
    CHECK_CODE(stanch_set_open(text(path), text(in_folder(given, "key")), NULL, &set),
               STANCH_ERROR_EXPIRED);
    CHECK(set == NULL);
}

static void check_serials(const fixture *given)
{
    stanch_trust trust = { .size = sizeof trust, .serial = 5 };
    char path[4096];
    stanch_set *held = NULL;

    check_open(given, "signed-4", &trust, STANCH_ERROR_ROLLBACK, __LINE__);
    check_open(given, "signed-5", &trust, STANCH_OK, __LINE__);
    check_open(given, "signed-5-again", &trust, STANCH_OK, __LINE__);
    check_open(given, "signed-6", &trust, STANCH_OK, __LINE__);

    snprintf(path, sizeof path, "%s", in_folder(given, "signed-5"));
    CHECK_CODE(stanch_set_open(text(path), text(in_folder(given, "key")), NULL, &held), STANCH_OK);
    trust.serial = 0;
    trust.replaces = held;
    check_open(given, "signed-4", &trust, STANCH_ERROR_ROLLBACK, __LINE__);
    check_open(given, "signed-5", &trust, STANCH_OK, __LINE__);
    check_open(given, "signed-5-again", &trust, STANCH_ERROR_ROLLBACK, __LINE__);
    check_open(given, "signed-6", &trust, STANCH_OK, __LINE__);
    trust.serial = 6;
    check_open(given, "signed-5", &trust, STANCH_ERROR_ROLLBACK, __LINE__);
    check_open(given, "signed-6", &trust, STANCH_OK, __LINE__);
    stanch_set_free(held);
}

static void check_description(const fixture *given)
{
    stanch_trust trust = { .size = sizeof trust, .now = BEFORE };
    stanch_set_info info = { .size = sizeof info }, foreign = { .size = sizeof foreign };
    static uint8_t content[1 << 20];
    static const uint8_t zeroes[8];
    stanch_set *set = NULL;
    size_t length = read_file(given, "expired", content, sizeof content);

    CHECK_CODE(stanch_set_from_memory_trusted(bytes(content, length), bytes(given->key, 32), &trust,
                                              NULL, &set), STANCH_OK);
    CHECK_CODE(stanch_set_describe(set, &info), STANCH_OK);
    CHECK(info.serial == 7 && info.expires > BEFORE && info.leaks == 2);
    CHECK(info.is_signed == 1 && memcmp(info.signer_id, zeroes, sizeof zeroes) != 0);
    stanch_set_free(set);
    set = NULL;

    length = read_file(given, "other-signed", content, sizeof content);
    CHECK_CODE(stanch_set_from_memory(bytes(content, length), bytes(given->key, 32), NULL, &set),
               STANCH_OK);
    CHECK_CODE(stanch_set_describe(set, &foreign), STANCH_OK);
    CHECK(memcmp(info.signer_id, foreign.signer_id, sizeof info.signer_id) != 0);
    stanch_set_free(set);
}

void check_trust(const fixture *given)
{
    check_keys(given);
    check_arguments(given);
    check_signatures(given);
    check_expiry(given);
    check_serials(given);
    check_description(given);
}
