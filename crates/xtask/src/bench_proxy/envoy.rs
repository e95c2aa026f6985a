//! Envoy with one worker thread, alone or with a filter.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::site::Configuration;
use crate::envoy::config::{address, structured};

const TYPES: &str = "type.googleapis.com/envoy.extensions.filters";

/// The program, and the filter in the middle.
pub struct Envoy {
    program: PathBuf,
    filter: Option<Value>,
}

impl Envoy {
    pub fn plain(program: &Path) -> Envoy {
        Envoy { program: program.to_owned(), filter: None }
    }

    pub fn stanch(program: &Path, module: &Path, set: &Path, key: &Path) -> Envoy {
        let filter = json!({
            "name": "stanch",
            "typed_config": {
                "@type": format!("{TYPES}.http.dynamic_modules.v3.DynamicModuleFilter"),
                "dynamic_module_config": {"module": {"local": {"filename": module}}},
                "filter_name": "stanch",
                "filter_config": structured(&json!({
                    "mode": "on", "body": "buffer", "patches": set, "key": key,
                })),
            },
        });
        Envoy { program: program.to_owned(), filter: Some(filter) }
    }

    /// With a script that looks up each word of the headers and the body in a table.
    pub fn lua(program: &Path, tokens: &Path) -> Envoy {
        let script = format!(
            "local leaked = {{}}
for line in io.lines({tokens:?}) do leaked[line] = true end
local function holds(text)
  for word in string.gmatch(text, '[%w_%.%-]+') do
    if leaked[word] then return true end
  end
  return false
end
function envoy_on_request(handle)
  for _, value in pairs(handle:headers()) do
    if holds(value) then handle:respond({{[':status'] = '403'}}, '') return end
  end
  local body = handle:body()
  if body and holds(body:getBytes(0, body:length())) then
    handle:respond({{[':status'] = '403'}}, '')
  end
end",
            tokens = tokens.display().to_string(),
        );
        let filter = json!({
            "name": "lua",
            "typed_config": {
                "@type": format!("{TYPES}.http.lua.v3.Lua"),
                "default_source_code": {"inline_string": script},
            },
        });
        Envoy { program: program.to_owned(), filter: Some(filter) }
    }

    fn listeners(&self, port: u16, generation: u32) -> Value {
        // Without an upstream, Envoy answers at once, and breaks off a request whose body is still on its
        // way: so bodies are awaited, in all contenders.
        let mut filters = vec![json!({
            "name": "buffer",
            "typed_config": {
                "@type": format!("{TYPES}.http.buffer.v3.Buffer"),
                "max_request_bytes": 1_048_576,
            },
        })];
        filters.extend(self.filter.clone());
        filters.push(json!({
            "name": "router",
            "typed_config": {"@type": format!("{TYPES}.http.router.v3.Router")},
        }));
        json!({"resources": [{
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": "measured",
            "address": address(port),
            "filter_chains": [{"filters": [{
                "name": "http",
                "typed_config": {
                    "@type": format!("{TYPES}.network.http_connection_manager.v3.HttpConnectionManager"),
                    "stat_prefix": "measured",
                    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                        {
                            "match": {"path": "/generation"},
                            "direct_response": {
                                "status": 200,
                                "body": {"inline_string": generation.to_string()},
                            },
                        },
                        {"match": {"prefix": "/"}, "direct_response": {"status": 204}},
                    ]}]},
                    "http_filters": filters,
                },
            }]}],
        }]})
    }
}

impl Configuration for Envoy {
    fn write(&self, folder: &Path, port: u16, generation: u32) -> Result<()> {
        let listeners = folder.join("listeners.json");
        let bootstrap = json!({
            "node": {"id": "bench", "cluster": "bench"},
            "dynamic_resources": {"lds_config": {"path_config_source": {"path": listeners}}},
        });
        std::fs::write(folder.join("envoy.json"), bootstrap.to_string())?;
        let new = folder.join("listeners.new");
        std::fs::write(&new, self.listeners(port, generation).to_string())?;
        Ok(std::fs::rename(new, listeners)?)
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("-c")
            .arg(folder.join("envoy.json"))
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"])
            .args(["--drain-time-s", "1"]);
        command
    }

    fn reload_signal(&self) -> Option<Signal> {
        None
    }
}
