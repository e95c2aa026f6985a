/*
 * Counts what a program and the library allocate, in C and in C++. For the one file of a program that looks at
 * the count.
 *
 * Where COUNT_ALLOCATIONS is defined, the program is linked with the static library and --wrap for each
 * allocator, so that every call of both comes through here. Elsewhere the count stays zero.
 */

#ifndef COUNT_ALLOCATIONS_H
#define COUNT_ALLOCATIONS_H

#include <stddef.h>

/* Threads may count at the same time. */
static unsigned long allocations;

#ifdef COUNT_ALLOCATIONS
#ifdef __cplusplus
extern "C" {
#endif

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
int __real_posix_memalign(void **out, size_t align, size_t size);

static void count_allocation(void)
{
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
}

void *__wrap_malloc(size_t size)
{
    count_allocation();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    count_allocation();
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    count_allocation();
    return __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    count_allocation();
    return __real_aligned_alloc(align, size);
}

int __wrap_posix_memalign(void **out, size_t align, size_t size)
{
    count_allocation();
    return __real_posix_memalign(out, align, size);
}

#ifdef __cplusplus
}
#endif
#endif

#endif /* COUNT_ALLOCATIONS_H */
