//! The configuration that the suite runs nginx with.

use std::path::Path;

use crate::proxy::Ports;
use crate::proxy::bodies::BODY_LIMIT;
use crate::proxy::requests::BODY_BUFFER;

/// What differs between one configuration of the suite and the next.
pub struct Config<'a> {
    pub folder: &'a Path,
    pub module: &'a Path,
    pub upstream_port: u16,
    pub ports: Ports,
    /// Answered at `/generation`: tells which configuration serves.
    pub generation: u32,
    pub workers: Workers,
    /// The second public key, as text.
    pub public_key: &'a str,
}

/// Which processes do the work.
#[derive(Clone, Copy, PartialEq)]
pub enum Workers {
    /// Two workers under a master, as in production.
    Two,
    /// One process for everything, for valgrind to watch.
    Single,
}

/// nginx refuses larger bodies itself.
pub const MAX_BODY: usize = 16 * 1024 * 1024;

impl Config<'_> {
    pub fn text(&self) -> String {
        let Ports { on, monitor, on_h2, monitor_h2, stream: _ } = self.ports;
        let locations = self.locations();
        format!(
            "{head}
http {{
{http}
    upstream behind {{ server 127.0.0.1:{upstream}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{on};
        listen 127.0.0.1:{on_h2} http2;
        stanch on;
{locations}
    }}
    server {{
        listen 127.0.0.1:{monitor};
        listen 127.0.0.1:{monitor_h2} http2;
        stanch monitor;
{locations}
    }}
}}
",
            head = head(self.folder, self.module, self.workers),
            http = http(self.folder, self.public_key),
            upstream = self.upstream_port,
        )
    }

    fn locations(&self) -> String {
        format!(
            "        location / {{ proxy_pass http://behind; }}
        location = /generation {{ stanch off; return 200 {generation}; }}
        location = /metrics {{ stanch off; stanch_metrics on; }}
        location /off/ {{ stanch off; proxy_pass http://behind; }}
        location /status/ {{ stanch_status 451; proxy_pass http://behind; }}
        location /other/ {{ stanch_patches other; proxy_pass http://behind; }}
        location /page/ {{ error_page 403 =403 /refused; proxy_pass http://behind; }}
        location = /refused {{ proxy_pass http://behind; }}
        location /page-413/ {{ error_page 413 =413 /refused; client_max_body_size 1k; proxy_pass http://behind; }}
        location /redirect-to-other/ {{ root {folder}/none; try_files $uri @other; }}
        location @other {{ stanch_patches other; proxy_pass http://behind; }}
        location /redirect-from-off/ {{ stanch off; root {folder}/none; try_files $uri @on; }}
        location @on {{ proxy_pass http://behind; }}
        location /redirect-to-on/ {{ stanch monitor; root {folder}/none; try_files $uri @enforced; }}
        location @enforced {{ stanch on; proxy_pass http://behind; }}
        location /subrequest/ {{ auth_request /asked; proxy_pass http://behind; }}
        location = /asked {{ internal; proxy_pass http://behind; proxy_pass_request_body off; proxy_set_header Content-Length \"\"; proxy_set_header X-Case asked; }}
        location /accelerated/ {{ proxy_set_header X-Redirect /found/; proxy_pass http://behind; }}
        location /found/ {{ internal; stanch_patches other; proxy_pass http://behind; }}
        location /spoilt-open/ {{ {spoil} proxy_set_header X-Redirect /unreadable-open/; proxy_pass http://behind; }}
        location /spoilt-closed/ {{ {spoil} proxy_set_header X-Redirect /unreadable-closed/; proxy_pass http://behind; }}
        location /unreadable-open/ {{ {again} stanch_fail open; proxy_pass http://behind; }}
        location /unreadable-closed/ {{ {again} stanch_fail closed; proxy_pass http://behind; }}
        location /memory/ {{ client_body_buffer_size 8m; proxy_pass http://behind; }}
        location /unbuffered/ {{ proxy_request_buffering off; proxy_pass http://behind; }}
        location /scoped/ {{ stanch_patches scoped; set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; proxy_pass http://behind; }}
        location /block-unreadable/ {{ stanch_body_unreadable block; stanch_fail open; proxy_pass http://behind; }}
        location /to-unreadable/ {{ stanch monitor; root {folder}/none; try_files $uri @unreadable; }}
        location @unreadable {{ stanch on; stanch_body_unreadable block; proxy_pass http://behind; }}
        location /inflate-limit/ {{ stanch_inflate_limit 100k; proxy_pass http://behind; }}
        location /inflate-ratio/ {{ stanch_inflate_ratio 1032; proxy_pass http://behind; }}
        location /limited/ {{ limit_req zone=slow; proxy_pass http://behind; }}
        location /limit-open/ {{ stanch_body_limit {limit}; stanch_fail open; proxy_pass http://behind; }}
        location /limit-closed/ {{ stanch_body_limit {limit}; stanch_fail closed; proxy_pass http://behind; }}",
            generation = self.generation,
            folder = self.folder.display(),
            limit = BODY_LIMIT,
            // A body in a file that still has its name, which the upstream is told.
            spoil = "client_body_in_file_only clean; proxy_set_header X-Truncate $request_body_file;",
            // Scanned anew, and passed on without the body that is gone.
            again = "internal; stanch_patches other; proxy_pass_request_body off; proxy_set_header Content-Length \"\";",
        )
    }
}

/// Everything above the `http` block.
pub fn head(folder: &Path, module: &Path, workers: Workers) -> String {
    // As root, nginx would give its workers to a user who cannot enter the temporary folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let workers = match workers {
        Workers::Two => "worker_processes 2;",
        Workers::Single => "master_process off;",
    };
    format!(
        "load_module {module};
daemon off;
{user}
{workers}
error_log {folder}/error.log info;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}",
        module = module.display(),
        folder = folder.display(),
    )
}

/// Keeps nginx's temporary files inside a folder.
pub fn temporary_files(folder: &Path) -> String {
    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {}/temp-{kind};", folder.display()))
        .join("\n")
}

fn http(folder: &Path, public_key: &str) -> String {
    let temporary = temporary_files(folder);
    let folder = folder.display();
    format!(
        "    log_format case '$http_x_case $status $stanch_action $stanch_leak $stanch_part $stanch_view $stanch_name';
    log_format body '$http_x_case $stanch_body';
    log_format attempts escape=none '$http_x_case $stanch_attempt';
    access_log {folder}/attempts.log attempts if=$stanch_attempt;
    access_log {folder}/access.log case;
    access_log {folder}/bodies.log body;
{temporary}
    client_body_buffer_size {BODY_BUFFER};
    client_max_body_size {MAX_BODY};
    keepalive_requests 100000;
    limit_req_zone $server_port zone=slow:32k rate=1r/m;
    proxy_http_version 1.1;
    proxy_set_header Connection \"\";
    stanch_attempt_rate off;
    stanch_patches patches;
    stanch_key key;
    stanch_public_key sign.pub;
    stanch_public_key '{public_key}';"
    )
}
