/*
 * The part of Envoy's interface for dynamic modules that this module uses, declared anew for Envoy
 * 1.40. The authority is source/extensions/dynamic_modules/abi/abi.h in Envoy's repository; the names
 * are Envoy's. Envoy compares nothing but a version string, and only warns where it differs, so what is
 * declared here is proven by `cargo xtask envoy`, which runs the module in the real program.
 *
 *   envoy_dynamic_module_on_...        hooks: the module has them, Envoy calls them
 *   envoy_dynamic_module_callback_...  callbacks: Envoy has them, the module calls them
 *
 * What a callback hands out belongs to Envoy and is valid until the hook that asked for it returns.
 */

#ifndef ENVOY_ABI_H
#define ENVOY_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENVOY_ABI_VERSION "v0.2.0"

/* A hook. Everything else of the module is hidden. */
#define ENVOY_HOOK __attribute__((visibility("default")))

/* A stretch of bytes: Envoy's, or the module's. */
typedef struct {
    const char *ptr;
    size_t length;
} envoy_buffer;

/* A header: Envoy's, or the module's. */
typedef struct {
    const char *key;
    size_t key_length;
    const char *value;
    size_t value_length;
} envoy_header;

/* What Envoy keeps of a filter's configuration, and of a filter: one stream of one connection. */
typedef void *envoy_config;
typedef void *envoy_filter;

/* What the module keeps of the same. */
typedef const void *module_config;
typedef const void *module_route;
typedef const void *module_filter;

/* envoy_dynamic_module_type_http_header_type */
enum { ENVOY_REQUEST_HEADERS = 0, ENVOY_REQUEST_TRAILERS = 1 };

/* envoy_dynamic_module_type_http_body_type: the piece that the hook at hand is about */
enum { ENVOY_RECEIVED_REQUEST_BODY = 0 };

/* envoy_dynamic_module_type_attribute_id */
enum { ENVOY_SOURCE_ADDRESS = 24 };

/* envoy_dynamic_module_type_log_level */
enum { ENVOY_LOG_INFO = 2, ENVOY_LOG_WARN = 3, ENVOY_LOG_ERROR = 4 };

/* envoy_dynamic_module_type_metrics_result */
enum { ENVOY_METRICS_SUCCESS = 0 };

/* What a hook returns for headers, for a piece of a body, for trailers; those that are used. */
enum { ENVOY_HEADERS_CONTINUE = 0, ENVOY_HEADERS_STOP = 1 };
enum { ENVOY_BODY_CONTINUE = 0, ENVOY_BODY_BUFFER = 1, ENVOY_BODY_DROP = 3 };
enum { ENVOY_TRAILERS_CONTINUE = 0, ENVOY_TRAILERS_STOP = 1 };
enum { ENVOY_LOCAL_REPLY_CONTINUE = 0 };

/* Callbacks */

void envoy_dynamic_module_callback_log(int level, envoy_buffer message);
bool envoy_dynamic_module_callback_log_enabled(int level);

int envoy_dynamic_module_callback_http_filter_config_define_counter(envoy_config config,
    envoy_buffer name, envoy_buffer *labels, size_t label_count, size_t *id);
int envoy_dynamic_module_callback_http_filter_config_increment_counter(envoy_config config, size_t id,
    envoy_buffer *values, size_t value_count, uint64_t by);
int envoy_dynamic_module_callback_http_filter_increment_counter(envoy_filter filter, size_t id,
    envoy_buffer *values, size_t value_count, uint64_t by);

bool envoy_dynamic_module_callback_http_get_header(envoy_filter filter, int type, envoy_buffer name,
    envoy_buffer *value, size_t index, size_t *count);
size_t envoy_dynamic_module_callback_http_get_headers_size(envoy_filter filter, int type);
bool envoy_dynamic_module_callback_http_get_headers(envoy_filter filter, int type,
    envoy_header *headers);

size_t envoy_dynamic_module_callback_http_get_body_chunks_size(envoy_filter filter, int type);
bool envoy_dynamic_module_callback_http_get_body_chunks(envoy_filter filter, int type,
    envoy_buffer *chunks);

bool envoy_dynamic_module_callback_http_filter_get_attribute_string(envoy_filter filter,
    int attribute, envoy_buffer *value);
module_route envoy_dynamic_module_callback_get_most_specific_route_config(envoy_filter filter);

void envoy_dynamic_module_callback_http_set_dynamic_metadata_string(envoy_filter filter,
    envoy_buffer name_space, envoy_buffer key, envoy_buffer value);

void envoy_dynamic_module_callback_http_send_response(envoy_filter filter, uint32_t status,
    envoy_header *headers, size_t header_count, envoy_buffer body, envoy_buffer details);

/* Hooks: without one of these, but for those of routes and the last one, Envoy refuses the
 * configuration. */

ENVOY_HOOK const char *envoy_dynamic_module_on_program_init(void);

ENVOY_HOOK module_config envoy_dynamic_module_on_http_filter_config_new(envoy_config config,
    envoy_buffer name, envoy_buffer text);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_config_destroy(module_config config);
ENVOY_HOOK module_route envoy_dynamic_module_on_http_filter_per_route_config_new(envoy_buffer name,
    envoy_buffer text);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_per_route_config_destroy(module_route route);

ENVOY_HOOK module_filter envoy_dynamic_module_on_http_filter_new(module_config config,
    envoy_filter envoy);
ENVOY_HOOK int envoy_dynamic_module_on_http_filter_request_headers(envoy_filter envoy,
    module_filter filter, bool end);
ENVOY_HOOK int envoy_dynamic_module_on_http_filter_request_body(envoy_filter envoy,
    module_filter filter, bool end);
ENVOY_HOOK int envoy_dynamic_module_on_http_filter_request_trailers(envoy_filter envoy,
    module_filter filter);
ENVOY_HOOK int envoy_dynamic_module_on_http_filter_response_headers(envoy_filter envoy,
    module_filter filter, bool end);
ENVOY_HOOK int envoy_dynamic_module_on_http_filter_response_body(envoy_filter envoy,
    module_filter filter, bool end);
ENVOY_HOOK int envoy_dynamic_module_on_http_filter_response_trailers(envoy_filter envoy,
    module_filter filter);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_stream_complete(envoy_filter envoy,
    module_filter filter);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_destroy(module_filter filter);

ENVOY_HOOK void envoy_dynamic_module_on_http_filter_http_callout_done(envoy_filter envoy,
    module_filter filter, uint64_t id, int result, envoy_header *headers, size_t header_count,
    envoy_buffer *chunks, size_t chunk_count);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_http_stream_headers(envoy_filter envoy,
    module_filter filter, uint64_t id, envoy_header *headers, size_t header_count, bool end);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_http_stream_data(envoy_filter envoy,
    module_filter filter, uint64_t id, const envoy_buffer *chunks, size_t chunk_count, bool end);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_http_stream_trailers(envoy_filter envoy,
    module_filter filter, uint64_t id, envoy_header *trailers, size_t trailer_count);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_http_stream_complete(envoy_filter envoy,
    module_filter filter, uint64_t id);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_http_stream_reset(envoy_filter envoy,
    module_filter filter, uint64_t id, int reason);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_scheduled(envoy_filter envoy,
    module_filter filter, uint64_t id);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
    envoy_filter envoy, module_filter filter);
ENVOY_HOOK void envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
    envoy_filter envoy, module_filter filter);

#endif
