/* What the snippets of the pages leave to their readers. */

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <stanch.h>

#ifdef __cplusplus
#include <stanch.hpp>
#include <string_view>
#include <vector>
extern std::string_view path, key_path, method, target, piece;
extern stanch::trust trust;
extern std::vector<stanch_header> headers;
#else
extern stanch_slice path, key_path, method, target, node, client, host, request_path;
extern const stanch_header *headers;
extern const stanch_slice *pieces;
extern size_t count, size;
extern void *memory;
extern const stanch_context context;
extern stanch_inflater *inflater;
extern bool encoded;
extern uint64_t now;
extern uint32_t action;

bool more(void);
void *aligned(size_t alignment, size_t size);
void die(const char *message);
void tell(uint32_t news);
void append(const char *line, size_t len);
void refuse_leak(uint64_t leak);
#endif
void refuse();
