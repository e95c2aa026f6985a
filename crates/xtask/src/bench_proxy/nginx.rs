//! nginx with one worker, alone or with a module.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::site::Configuration;
use crate::nginx::build;
use crate::workspace;

/// Where Debian's package puts ModSecurity for nginx.
const MODSECURITY: &str = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";

/// A module and what is said of it.
pub struct Nginx {
    module: Option<PathBuf>,
    /// In the location whose requests are measured.
    directives: String,
}

impl Nginx {
    pub fn plain() -> Nginx {
        Nginx { module: None, directives: String::new() }
    }

    /// With a module that reads bodies as stanch has to, and does nothing with them.
    pub fn reader() -> Result<Nginx> {
        let sources = workspace::root().join("crates/xtask/src/bench_proxy/reader");
        let module = build::built("ngx_http_reader_module.so", &sources, None)?;
        Ok(Nginx { module: Some(module), directives: String::new() })
    }

    pub fn stanch(module: &Path, set: &Path, key: &Path) -> Nginx {
        let (set, key) = (set.display(), key.display());
        Nginx {
            module: Some(module.to_owned()),
            directives: format!("stanch on; stanch_patches {set}; stanch_key {key};"),
        }
    }

    /// With rules that look for the lines of a file in what stanch looks at: request line, headers and body.
    pub fn modsecurity(folder: &Path, tokens: &Path) -> Result<Nginx> {
        let module = PathBuf::from(MODSECURITY);
        ensure!(module.exists(), "libnginx-mod-http-modsecurity is missing");
        let tokens = tokens.display();
        let rules = format!(
            "SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess Off
SecAuditEngine Off
SecRule REQUEST_URI_RAW|REQUEST_HEADERS \"@pmFromFile {tokens}\" \"id:1,phase:1,deny,status:403,t:none,nolog\"
SecRule REQUEST_BODY \"@pmFromFile {tokens}\" \"id:2,phase:2,deny,status:403,t:none,nolog\"
"
        );
        let file = folder.join("rules.conf");
        std::fs::write(&file, rules)?;
        let directives = format!("modsecurity on; modsecurity_rules_file {};", file.display());
        Ok(Nginx { module: Some(module), directives })
    }
}

impl Configuration for Nginx {
    fn write(&self, folder: &Path, port: u16, generation: u32) -> Result<()> {
        // As root, nginx would give its worker to a user who cannot enter the temporary folder.
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let load = match &self.module {
            Some(module) => format!("load_module {};", module.display()),
            None => String::new(),
        };
        // What answers must come behind the phase in which modules look at a request, take any method, and
        // cost little: a look-up of a file that is known not to be there.
        let text = format!(
            "{load}
daemon off;
{user}
worker_processes 1;
error_log {folder}/error.log error;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
{temporary}
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=16 inactive=1h;
    open_file_cache_valid 1h;
    open_file_cache_errors on;
    server {{
        listen 127.0.0.1:{port};
        location = /generation {{ return 200 {generation}; }}
        location / {{ root {folder}; try_files /none =204; {directives} }}
    }}
}}
",
            temporary = crate::nginx::config::temporary_files(folder),
            folder = folder.display(),
            directives = self.directives,
        );
        Ok(std::fs::write(folder.join("nginx.conf"), text)?)
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
        command.arg("-e").arg(folder.join("error.log"));
        command
    }

    fn reload_signal(&self) -> Option<Signal> {
        Some(Signal::HUP)
    }
}
