//! The configuration that the suite runs Envoy with: what stays (`envoy.json`), and the listeners, which
//! Envoy takes anew whenever their file is replaced (`listeners.json`).

use std::path::Path;

use serde_json::{Value, json};

use crate::proxy::Ports;
use crate::proxy::bodies::BODY_LIMIT;

/// What Envoy buffers of a body. It refuses larger ones itself, where they are to be buffered.
pub const BUFFER: usize = 16 * 1024 * 1024;

/// What differs between one run of Envoy and the next.
#[derive(Clone)]
pub struct Config<'a> {
    pub folder: &'a Path,
    pub module: &'a Path,
    pub upstream_port: u16,
    pub admin_port: u16,
    pub ports: Ports,
    /// The second public key, as text.
    pub public_key: &'a str,
}

/// A listener: what it is called, where it is, and how its filter is set.
pub struct Listener {
    pub name: &'static str,
    pub port: u16,
    pub mode: &'static str,
    pub body: &'static str,
}

impl Config<'_> {
    /// The file that Envoy is started with.
    pub fn bootstrap(&self) -> Value {
        let listeners = self.folder.join("listeners.json");
        json!({
            "node": {"id": "suite", "cluster": "suite"},
            "admin": {"address": address(self.admin_port)},
            "dynamic_resources": {"lds_config": {"path_config_source": {"path": listeners}}},
            "static_resources": {"clusters": [{
                "name": "behind",
                "connect_timeout": "5s",
                "typed_extension_protocol_options": {
                    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                        "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
                    },
                },
                "load_assignment": {"cluster_name": "behind", "endpoints": [{"lb_endpoints": [
                    {"endpoint": {"address": address(self.upstream_port)}},
                ]}]},
            }]},
        })
    }

    /// The file of the listeners; those of the suite and some more.
    pub fn listeners(&self, generation: u32, more: &[Value]) -> Value {
        let Ports { on, monitor, stream, .. } = self.ports;
        let mut all = Vec::new();
        for listener in [
            Listener { name: "on", port: on, mode: "on", body: "buffer" },
            Listener { name: "monitor", port: monitor, mode: "monitor", body: "buffer" },
            Listener { name: "stream", port: stream.unwrap_or(on), mode: "on", body: "stream" },
        ] {
            let settings = self.settings(&listener);
            let routes = self.routes(&settings, generation);
            let filter = self.filter(structured(&settings));
            all.push(self.listener(listener.name, listener.port, filter, routes));
        }
        all.extend_from_slice(more);
        json!({"resources": all})
    }

    /// What the filter of a listener is told, and each of its routes that is told nothing else.
    fn settings(&self, listener: &Listener) -> Value {
        json!({
            "mode": listener.mode,
            "body": listener.body,
            "patches": self.folder.join("patches"),
            "key": self.folder.join("key"),
            "public_keys": [self.folder.join("sign.pub"), self.public_key],
        })
    }

    fn routes(&self, settings: &Value, generation: u32) -> Vec<Value> {
        let set = |name: &str| json!({"patches": self.folder.join(name)});
        let mut routes = vec![json!({
            "match": {"path": "/generation"},
            "direct_response": {"status": 200, "body": {"inline_string": generation.to_string()}},
        })];
        for (prefix, differs) in [
            ("/off/", json!({"mode": "off"})),
            ("/status/", json!({"status": 451})),
            ("/other/", set("other")),
            ("/scoped/", set("scoped")),
            ("/block-unreadable/", json!({"body_unreadable": "block", "fail": "open"})),
            ("/inflate-limit/", json!({"inflate_limit": "100k"})),
            ("/inflate-ratio/", json!({"inflate_ratio": 1032})),
            ("/limit-open/", json!({"body_limit": BODY_LIMIT, "fail": "open"})),
            ("/limit-closed/", json!({"body_limit": "64k", "fail": "closed"})),
            ("/fail-open/", json!({"fail": "open"})),
        ] {
            let mut route = route(prefix);
            route["typed_per_filter_config"] = json!({"stanch": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute",
                "dynamic_module_config": self.shared_object(),
                "per_route_config_name": "stanch",
                "filter_config": structured(&with(settings, &differs)),
            }});
            routes.push(route);
        }
        routes.push(route("/"));
        routes
    }

    /// A filter with this configuration.
    pub fn filter(&self, config: Value) -> Value {
        json!({
            "name": "stanch",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
                "dynamic_module_config": self.shared_object(),
                "filter_name": "stanch",
                "filter_config": config,
            },
        })
    }

    fn shared_object(&self) -> Value {
        json!({"module": {"local": {"filename": self.module}}})
    }

    /// A listener with this filter and these routes.
    pub fn listener(&self, name: &str, port: u16, filter: Value, routes: Vec<Value>) -> Value {
        let text = |format: &str| json!({"text_format_source": {"inline_string": format!("%REQ(X-CASE)% {format}\n")}});
        let log = |file: &str, format: &str| {
            json!({"name": file, "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": self.folder.join(file),
                "log_format": text(format),
            }})
        };
        let mut attempts = log("attempts.log", "%DYNAMIC_METADATA(stanch:attempt)%");
        attempts["filter"] = json!({"metadata_filter": {
            "matcher": {
                "filter": "stanch", "path": [{"key": "attempt"}], "value": {"present_match": true},
            },
            "match_if_key_not_found": false,
        }});
        json!({
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": name,
            "address": address(port),
            "per_connection_buffer_limit_bytes": BUFFER,
            "filter_chains": [{"filters": [{
                "name": "http",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": name,
                    "http_protocol_options": {"enable_trailers": true},
                    "common_http_protocol_options": {"max_headers_count": 200},
                    "upgrade_configs": [{"upgrade_type": "websocket"}],
                    // A proxy in front is believed what it says of the client.
                    "original_ip_detection_extensions": [{"name": "client", "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig",
                        "header_name": "x-real-ip",
                        "allow_extension_to_set_address_as_trusted": true,
                    }}],
                    "access_log": [
                        attempts,
                        log("bodies.log", "%DYNAMIC_METADATA(stanch:body)%"),
                        log("access.log", &["action", "leak", "part", "view", "name"].iter().fold(
                            "%RESPONSE_CODE%".to_owned(),
                            |format, key| format!("{format} %DYNAMIC_METADATA(stanch:{key})%"),
                        )),
                    ],
                    "route_config": {
                        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}],
                    },
                    "http_filters": [filter, {"name": "router", "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                    }}],
                },
            }]}],
        })
    }
}

/// A route to the upstream.
pub fn route(prefix: &str) -> Value {
    json!({"match": {"prefix": prefix}, "route": {"cluster": "behind", "timeout": "30s"}})
}

/// A filter's configuration as an operator writes it into Envoy's own.
pub fn structured(settings: &Value) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": settings})
}

/// The same as a text.
pub fn textual(settings: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": settings})
}

/// An object with the members of another one besides, or in the place of, its own.
fn with(settings: &Value, differs: &Value) -> Value {
    let mut both = settings.clone();
    for (key, value) in differs.as_object().into_iter().flatten() {
        both[key] = value.clone();
    }
    both
}

/// An address of this machine's own network.
pub fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
