/*
 * Tests the C interface from C: every function with bad arguments, every file damaged, every call
 * out of order, and what is promised about memory, threads and forks.
 *
 *   abi_test FOLDER FORKS [CHECK...]
 *
 * FORKS is how many children scan over one set. Without names all checks run. `cargo xtask c`
 * makes the folder: the files set, key, key-bytes (the key without its file format), other-key,
 * readable-key (others can read it), empty-key, long-key; blocked, monitored, clean (one token each);
 * public-key, other-public-key; the sets signed-4, signed-5, signed-5-again, signed-6 (by their serial
 * numbers), other-signed (signed with the other key), forged (its signature is wrong), expired;
 * the set scoped; guard-1 to guard-40 (by their serial numbers; odd ones block, even ones monitor); gzip, deflate, bomb (bodies); and assessments (factors and what Rust makes of them).
 */

#include "abi_test.h"

static unsigned long checks, failures;

void check(int condition, const char *what, const char *file, int line)
{
    checks++;
    if (!condition) {
        failures++;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
}

void check_code(int32_t found, int32_t expected, const char *what, const char *file, int line)
{
    checks++;
    if (found != expected) {
        failures++;
        fprintf(stderr, "%s:%d: failed: %s returned %d (%s) instead of %d (%s)\n", file, line, what,
                (int) found, stanch_status_text(found), (int) expected,
                stanch_status_text(expected));
    }
}

stanch_slice bytes(const void *data, size_t len)
{
    stanch_slice slice = { data, len };
    return slice;
}

stanch_slice text(const char *string)
{
    return bytes(string, strlen(string));
}

const char *in_folder(const fixture *given, const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/%s", given->folder, name);
    return path;
}

stanch_set *open_set(const fixture *given)
{
    stanch_set *set = NULL;
    int32_t code = stanch_set_from_memory(bytes(given->set, given->set_len), bytes(given->key, 32),
                                          NULL, &set);

    if (code != STANCH_OK) {
        fprintf(stderr, "the fixture's set cannot be opened: %s\n", stanch_status_text(code));
        exit(2);
    }
    return set;
}

void *scan_memory(const stanch_set *set, size_t *size)
{
    size_t align = stanch_scan_align();
    void *memory;

    CHECK_CODE(stanch_scan_size(set, size), STANCH_OK);
    memory = aligned_alloc(align, (*size + align - 1) / align * align);
    if (memory == NULL) {
        perror("abi_test");
        exit(2);
    }
    return memory;
}

size_t read_file(const fixture *given, const char *name, void *to, size_t room)
{
    FILE *file = fopen(in_folder(given, name), "rb");
    size_t length = file != NULL ? fread(to, 1, room, file) : 0;

    if (file == NULL || ferror(file) || length == 0) {
        perror(in_folder(given, name));
        exit(2);
    }
    fclose(file);
    return length;
}

static const struct {
    const char *name;
    void (*run)(const fixture *given);
} all_checks[] = {
    { "versions", check_versions },
    { "sets", check_sets },
    { "trust", check_trust },
    { "scans", check_scans },
    { "context", check_context },
    { "inflate", check_inflate },
    { "guard", check_guard },
    { "attempt", check_attempt },
    { "threads", check_threads },
    { "forks", check_forks },
    { "detector", check_detector },
    { "risk", check_risk },
#ifdef COUNT_ALLOCATIONS
    { "allocations", check_allocations },
#endif
#ifdef TEST_PANIC
    { "panic", check_panic },
#endif
};

/* Runs the check of this name, or every check without one; says whether there was any. */
static int run(const fixture *given, const char *name)
{
    size_t i;
    int found = 0;

    for (i = 0; i < sizeof all_checks / sizeof all_checks[0]; i++) {
        if (name == NULL || strcmp(all_checks[i].name, name) == 0) {
            all_checks[i].run(given);
            found = 1;
        }
    }
    return found;
}

int main(int argc, char **argv)
{
    static uint8_t set[1 << 20];
    fixture given = { .set = set };
    int i;

    if (argc < 3) {
        fprintf(stderr, "usage: abi_test FOLDER FORKS [CHECK...]\n");
        return 2;
    }
    given.folder = argv[1];
    given.forks = strtoul(argv[2], NULL, 10);
    given.set_len = read_file(&given, "set", set, sizeof set);
    read_file(&given, "key-bytes", given.key, sizeof given.key);
    read_file(&given, "blocked", given.blocked, sizeof given.blocked - 1);
    read_file(&given, "monitored", given.monitored, sizeof given.monitored - 1);
    read_file(&given, "clean", given.clean, sizeof given.clean - 1);

    if (argc == 3) {
        run(&given, NULL);
    }
    for (i = 3; i < argc; i++) {
        if (!run(&given, argv[i])) {
            fprintf(stderr, "abi_test: there is no check %s\n", argv[i]);
            return 2;
        }
    }

    printf("%lu checks, %lu failed\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
