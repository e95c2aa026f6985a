//! An nginx of its own in front of an upstream, with the set and the keys of a run.

use std::path::Path;

use anyhow::Result;

use super::stand::{Directives, Stand};
use crate::proxy::material::Material;
use crate::proxy::upstream::Upstream;

/// A running nginx that scans all requests and passes them on, and shows its counters at `/metrics`.
pub struct Front {
    pub material: Material,
    pub stand: Stand,
    upstream: Upstream,
}

impl Front {
    /// Starts it with these directives beside the usual ones.
    pub fn start(module: &Path, material: Material, more: Directives<'_>) -> Result<Front> {
        let upstream = Upstream::start()?;
        let (http, server) = with(&upstream, more);
        let directives = Directives { http: &http, server: &server };
        let stand = Stand::start(material.folder(), module, directives)?;
        Ok(Front { material, stand, upstream })
    }

    /// Reloads it with these directives in the place of those that it had beside the usual ones.
    pub fn reload(&mut self, more: Directives<'_>) -> Result<()> {
        let (http, server) = with(&self.upstream, more);
        self.stand.reload(Directives { http: &http, server: &server })
    }
}

/// The directives of `http` and of the server.
fn with(upstream: &Upstream, more: Directives<'_>) -> (String, String) {
    let http = format!(
        "    upstream behind {{ server 127.0.0.1:{port}; keepalive 16; }}
    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    keepalive_requests 100000;
    stanch_patches patches;
    stanch_key key;
    stanch_public_key sign.pub;
{more}",
        port = upstream.port(),
        more = more.http,
    );
    let server = format!(
        "        stanch on;
        location = /metrics {{ stanch off; stanch_metrics on; access_log off; }}
        location / {{ proxy_pass http://behind; }}
{more}",
        more = more.server,
    );
    (http, server)
}
