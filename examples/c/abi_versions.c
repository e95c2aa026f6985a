/*
 * Versions, and names for every number and for every number that is none.
 */

#include "abi_test.h"

static void check_name(const char *found, const char *expected, int line)
{
    check(found != NULL && strcmp(found, expected) == 0, expected, __FILE__, line);
}

void check_versions(const fixture *given)
{
    static const int32_t codes[] = {
        STANCH_OK, STANCH_ERROR_NULL, STANCH_ERROR_ARGUMENT, STANCH_ERROR_IO, STANCH_ERROR_KEY,
        STANCH_ERROR_WRONG_KEY, STANCH_ERROR_FORMAT, STANCH_ERROR_VERSION, STANCH_ERROR_STATE,
        STANCH_ERROR_PANIC, STANCH_ERROR_STOPPED, STANCH_ERROR_UNSIGNED, STANCH_ERROR_SIGNATURE,
        STANCH_ERROR_SIGNER, STANCH_ERROR_EXPIRED, STANCH_ERROR_ROLLBACK, STANCH_ERROR_POLICY,
    };
    size_t i, j;

    (void) given;
    /* What this file was compiled with, the library that it is linked with still speaks. */
    CHECK(stanch_abi_version() >= STANCH_ABI_VERSION);
    CHECK(stanch_abi_version_minimum() <= STANCH_ABI_VERSION);
    CHECK(strchr(stanch_version(), '.') != NULL);

    for (i = 0; i < sizeof codes / sizeof *codes; i++) {
        CHECK(codes[i] == (int32_t) i);
        CHECK(stanch_status_text(codes[i])[0] != '\0');
        for (j = 0; j < i; j++) {
            CHECK(strcmp(stanch_status_text(codes[i]), stanch_status_text(codes[j])) != 0);
        }
    }
    CHECK(stanch_status_text(-1)[0] != '\0');
    CHECK(stanch_status_text(INT32_MAX)[0] != '\0');

    check_name(stanch_action_name(STANCH_ACTION_PASS), "pass", __LINE__);
    check_name(stanch_action_name(STANCH_ACTION_MONITOR), "monitor", __LINE__);
    check_name(stanch_action_name(STANCH_ACTION_BLOCK), "block", __LINE__);
    check_name(stanch_action_name(3), "unknown", __LINE__);
    check_name(stanch_part_name(STANCH_PART_NONE), "none", __LINE__);
    check_name(stanch_part_name(STANCH_PART_PATH), "path", __LINE__);
    check_name(stanch_part_name(STANCH_PART_QUERY), "query", __LINE__);
    check_name(stanch_part_name(STANCH_PART_HEADER), "header", __LINE__);
    check_name(stanch_part_name(STANCH_PART_COOKIE), "cookie", __LINE__);
    check_name(stanch_part_name(STANCH_PART_BODY), "body", __LINE__);
    check_name(stanch_part_name(UINT32_MAX), "unknown", __LINE__);
    check_name(stanch_body_name(STANCH_BODY_WHOLE), "whole", __LINE__);
    check_name(stanch_body_name(STANCH_BODY_DAMAGED), "damaged", __LINE__);
    check_name(stanch_body_name(STANCH_BODY_RATIO), "ratio", __LINE__);
    check_name(stanch_body_name(STANCH_BODY_TOTAL), "total", __LINE__);
    check_name(stanch_body_name(STANCH_BODY_UNSUPPORTED), "unsupported", __LINE__);
    check_name(stanch_body_name(5), "unknown", __LINE__);
    check_name(stanch_view_name(STANCH_VIEW_NONE), "none", __LINE__);
    check_name(stanch_view_name(STANCH_VIEW_RAW), "raw", __LINE__);
    check_name(stanch_view_name(STANCH_VIEW_PERCENT), "percent", __LINE__);
    check_name(stanch_view_name(STANCH_VIEW_BASIC), "basic", __LINE__);
    check_name(stanch_view_name(UINT32_MAX), "unknown", __LINE__);
}
