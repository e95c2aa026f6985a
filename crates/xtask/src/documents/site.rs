//! A web server of sets with a certificate, on loopback: nginx, as a user might have it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::command::program;
use crate::nginx::{config, server};
use crate::proxy::free_port;

/// The token that the site asks for. Invented.
pub const TOKEN: &str = "pull_2Vq8Zr0LmX5vTc7NbWk3";

/// How long an authority and what it signed count, in days.
const DAYS: &str = "2";

pub struct Site {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Site {
    /// Starts it, with a certificate for this name.
    pub fn start(name: &str) -> Result<Site> {
        let folder = tempfile::Builder::new().prefix("stanch-site-").tempdir()?;
        let path = |name: &str| folder.path().join(name);
        authority(folder.path(), "authority")?;
        // What workers of another user must read.
        program("chmod").arg("755").arg(folder.path()).capture()?;
        certificate(folder.path(), "authority", name)?;
        fs::create_dir(path("www"))?;
        let port = free_port()?;
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        fs::write(
            path("nginx.conf"),
            format!(
                "daemon off;
{user}
error_log {folder}/error.log info;
pid {folder}/nginx.pid;
events {{ }}
http {{
{temporary}
    access_log {folder}/access.log;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/site.pem;
        ssl_certificate_key {folder}/site.key;
        root {folder}/www;
        if ($http_authorization != \"Bearer {TOKEN}\") {{ return 401; }}
    }}
}}
",
                folder = folder.path().display(),
                temporary = config::temporary_files(folder.path()),
            ),
        )?;
        let child = server::nginx(folder.path(), &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run nginx")?;
        let mut site = Site { child, folder, port };
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = site.child.try_wait()?;
            ensure!(ended.is_none(), "nginx ended: {ended:?}");
            ensure!(began.elapsed() < Duration::from_secs(20), "nginx does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(site)
    }

    /// Its address under a name.
    pub fn url(&self, name: &str) -> String {
        format!("https://{name}:{}", self.port)
    }

    /// What it serves stands here.
    pub fn served(&self, name: &str) -> PathBuf {
        self.folder.path().join("www").join(name)
    }

    /// The certificate of who signed the site's.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A stranger's.
    pub fn stranger(&self) -> Result<PathBuf> {
        authority(self.folder.path(), "stranger")?;
        Ok(self.folder.path().join("stranger.pem"))
    }

    /// The status codes of what was asked for.
    pub fn answers(&self) -> Result<Vec<String>> {
        let log = fs::read_to_string(self.folder.path().join("access.log"))?;
        let status = |line: &str| line.split("\" ").nth(1)?.split(' ').next().map(str::to_owned);
        Ok(log.lines().filter_map(status).collect())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn authority(folder: &Path, name: &str) -> Result<()> {
    let subject = format!("/CN=stanch test {name}");
    openssl(folder, name, &subject, &["-addext", "keyUsage=critical,keyCertSign"])
}

/// `site.pem` and `site.key`, for a host's name.
fn certificate(folder: &Path, authority: &str, host: &str) -> Result<()> {
    let names = format!("subjectAltName=DNS:{host}");
    let (ca, key) = (format!("{authority}.pem"), format!("{authority}.key"));
    let more = ["-CA", &ca, "-CAkey", &key, "-addext", &names];
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(folder, "site", &format!("/CN={host}"), &[&more[..], &leaf[..]].concat())
}

fn openssl(folder: &Path, name: &str, subject: &str, more: &[&str]) -> Result<()> {
    program("openssl")
        .args(&["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(&["-days", DAYS, "-subj", subject, "-out", &format!("{name}.pem")])
        .args(&["-keyout", &format!("{name}.key")])
        .args(more)
        .folder(folder)
        .capture()?;
    Ok(())
}
