/*
 * A fault inside the library becomes a status code, and the library goes on working.
 *
 * Linked with a library that was built with the feature test-panic; the function below is in no
 * other build and not in the header.
 */

#include "abi_test.h"

int32_t stanch_test_panic(void);

void check_panic(const fixture *given)
{
    int i;

    for (i = 0; i < 3; i++) {
        CHECK_CODE(stanch_test_panic(), STANCH_ERROR_PANIC);
    }
    check_scans(given);
}
