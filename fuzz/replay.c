/*
 * Runs a fuzz target on the inputs in the files it is given, each as it is, cut short, and with some
 * of its bytes changed: always the same ones. Linked in the place of libFuzzer, it needs neither a
 * C++ compiler nor instrumented code.
 *
 *   TARGET MUTANTS FILE...
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* The targets may ask libFuzzer to mutate for them; none does. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    (void) data;
    (void) max_size;
    return size;
}

/* Knuth's MMIX generator. */
static uint64_t state;

static size_t below(size_t end)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t) (state >> 33) % end;
}

/* The target gets memory of exactly the input's length. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    if (copy == NULL) {
        perror("replay");
        exit(2);
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_mutant(const uint8_t *data, size_t size)
{
    static uint8_t mutant[1 << 20];
    size_t changes = 1 + below(4), at;

    memcpy(mutant, data, size);
    while (changes-- > 0 && size > 0) {
        at = below(size);
        switch (below(4)) {
        case 0: /* another byte */
            mutant[at] = (uint8_t) below(256);
            break;
        case 1: /* another bit */
            mutant[at] ^= (uint8_t) (1u << below(8));
            break;
        case 2: /* a byte of somewhere else */
            mutant[at] = data[below(size)];
            break;
        default: /* an end before its time */
            size = size > 4 && below(4) == 0 ? at : size;
        }
    }
    run(mutant, size);
}

int main(int argc, char **argv)
{
    static uint8_t input[1 << 20];
    unsigned long mutants = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, turn, runs = 0;
    int at;

    if (argc < 3) {
        fprintf(stderr, "usage: %s MUTANTS FILE...\n", argv[0]);
        return 2;
    }
    LLVMFuzzerInitialize(&argc, &argv);
    for (at = 2; at < argc; at++) {
        FILE *file = fopen(argv[at], "rb");
        size_t size = file != NULL ? fread(input, 1, sizeof input, file) : 0;

        if (file == NULL || ferror(file)) {
            perror(argv[at]);
            return 2;
        }
        fclose(file);
        state = size;
        run(input, size);
        for (turn = 0; turn < mutants; turn++) {
            run_mutant(input, size);
        }
        runs += 1 + mutants;
    }
    printf("%lu inputs\n", runs);
    return 0;
}
