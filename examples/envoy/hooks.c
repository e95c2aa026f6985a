/*
 * The hooks that Envoy asks for and that have nothing to do here: the module leaves responses alone,
 * makes no requests of its own and schedules nothing.
 */

#include "envoy_abi.h"

int envoy_dynamic_module_on_http_filter_response_headers(envoy_filter envoy, module_filter filter,
    bool end)
{
    (void) envoy, (void) filter, (void) end;
    return ENVOY_HEADERS_CONTINUE;
}

int envoy_dynamic_module_on_http_filter_response_body(envoy_filter envoy, module_filter filter,
    bool end)
{
    (void) envoy, (void) filter, (void) end;
    return ENVOY_BODY_CONTINUE;
}

int envoy_dynamic_module_on_http_filter_response_trailers(envoy_filter envoy, module_filter filter)
{
    (void) envoy, (void) filter;
    return ENVOY_TRAILERS_CONTINUE;
}

void envoy_dynamic_module_on_http_filter_http_callout_done(envoy_filter envoy, module_filter filter,
    uint64_t id, int result, envoy_header *headers, size_t header_count, envoy_buffer *chunks,
    size_t chunk_count)
{
    (void) envoy, (void) filter, (void) id, (void) result, (void) headers, (void) header_count;
    (void) chunks, (void) chunk_count;
}

void envoy_dynamic_module_on_http_filter_http_stream_headers(envoy_filter envoy,
    module_filter filter, uint64_t id, envoy_header *headers, size_t header_count, bool end)
{
    (void) envoy, (void) filter, (void) id, (void) headers, (void) header_count, (void) end;
}

void envoy_dynamic_module_on_http_filter_http_stream_data(envoy_filter envoy, module_filter filter,
    uint64_t id, const envoy_buffer *chunks, size_t chunk_count, bool end)
{
    (void) envoy, (void) filter, (void) id, (void) chunks, (void) chunk_count, (void) end;
}

void envoy_dynamic_module_on_http_filter_http_stream_trailers(envoy_filter envoy,
    module_filter filter, uint64_t id, envoy_header *trailers, size_t trailer_count)
{
    (void) envoy, (void) filter, (void) id, (void) trailers, (void) trailer_count;
}

void envoy_dynamic_module_on_http_filter_http_stream_complete(envoy_filter envoy,
    module_filter filter, uint64_t id)
{
    (void) envoy, (void) filter, (void) id;
}

void envoy_dynamic_module_on_http_filter_http_stream_reset(envoy_filter envoy, module_filter filter,
    uint64_t id, int reason)
{
    (void) envoy, (void) filter, (void) id, (void) reason;
}

void envoy_dynamic_module_on_http_filter_scheduled(envoy_filter envoy, module_filter filter,
    uint64_t id)
{
    (void) envoy, (void) filter, (void) id;
}

void envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
    envoy_filter envoy, module_filter filter)
{
    (void) envoy, (void) filter;
}

void envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
    envoy_filter envoy, module_filter filter)
{
    (void) envoy, (void) filter;
}
