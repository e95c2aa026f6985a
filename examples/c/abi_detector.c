/*
 * The detector and its callback.
 */

#include "abi_test.h"

/* Invented: a text with two tokens of a well-known shape, on lines 2 and 3. */
static const char two_tokens[] =
    "# settings\n"
    "token = \"ghp_Zk3vQ9xT7mLw2Rb8Yc5Nf1Hs6Jd4Pg0Aa7Uq\"\n"
    "other = \"ghp_b7Wd2Kx9Vq4Tn6Mz1Rj8Lc3Hf5Yp0Sg7Ge4B\"\n";

typedef struct {
    int seen;
    int stop_after;             /* 0: never */
    size_t starts[8];
    size_t ends[8];
    uint64_t lines[8];
    int odd;
} notes;

static int32_t note(void *context, const stanch_finding *finding)
{
    notes *taken = context;

    if (taken->seen < 8) {
        taken->starts[taken->seen] = finding->start;
        taken->ends[taken->seen] = finding->end;
        taken->lines[taken->seen] = finding->line;
    }
    taken->odd += finding->size < sizeof *finding || finding->rule.len == 0
                  || finding->rule.data == NULL || finding->column == 0 || finding->line == 0;
    taken->seen++;
    return taken->stop_after != 0 && taken->seen >= taken->stop_after;
}

static void check_arguments(void)
{
    stanch_detector *detector = NULL;
    stanch_error error = { .size = 1 };
    stanch_slice null_with_length = { NULL, 5 };
    stanch_slice endless = { (const uint8_t *) two_tokens, SIZE_MAX };
    notes taken = { 0 };

    CHECK_CODE(stanch_detector_new(NULL, NULL), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_detector_new(&error, &detector), STANCH_ERROR_ARGUMENT);
    CHECK(detector == NULL);
    CHECK_CODE(stanch_detector_scan(NULL, text("x"), note, &taken), STANCH_ERROR_NULL);
    stanch_detector_free(NULL);

    error.size = sizeof error;
    CHECK_CODE(stanch_detector_new(&error, &detector), STANCH_OK);
    CHECK_CODE(stanch_detector_scan(detector, text("x"), NULL, &taken), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_detector_scan(detector, null_with_length, note, &taken), STANCH_ERROR_NULL);
    CHECK_CODE(stanch_detector_scan(detector, endless, note, &taken), STANCH_ERROR_ARGUMENT);
    CHECK_CODE(stanch_detector_scan(detector, bytes(NULL, 0), note, &taken), STANCH_OK);
    CHECK(taken.seen == 0);
    stanch_detector_free(detector);
}

static void check_findings(void)
{
    stanch_detector *detector = NULL;
    notes taken = { 0 }, stopped = { .stop_after = 1 };
    const char *first = strstr(two_tokens, "ghp_");
    const char *second = strstr(first + 1, "ghp_");

    CHECK_CODE(stanch_detector_new(NULL, &detector), STANCH_OK);
    CHECK_CODE(stanch_detector_scan(detector, text("nothing to see\n"), note, &taken), STANCH_OK);
    CHECK(taken.seen == 0);
    CHECK_CODE(stanch_detector_scan(detector, text(two_tokens), note, &taken), STANCH_OK);
    CHECK(taken.seen == 2);
    CHECK(taken.odd == 0);
    CHECK(taken.starts[0] == (size_t) (first - two_tokens) && taken.lines[0] == 2);
    CHECK(taken.starts[1] == (size_t) (second - two_tokens) && taken.lines[1] == 3);
    CHECK(taken.ends[0] == taken.starts[0] + 40 && taken.ends[1] == taken.starts[1] + 40);

    CHECK_CODE(stanch_detector_scan(detector, text(two_tokens), note, &stopped),
               STANCH_ERROR_STOPPED);
    CHECK(stopped.seen == 1);
    stanch_detector_free(detector);
}

void check_detector(const fixture *given)
{
    (void) given;
    check_arguments();
    check_findings();
}
