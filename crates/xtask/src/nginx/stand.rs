//! An nginx of one server for a step that needs a configuration of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::config::{self, Workers};
use super::server;

/// A running nginx; it ends with the value.
pub struct Stand {
    child: Child,
    folder: PathBuf,
    module: PathBuf,
    generation: u32,
    pub port: u16,
}

/// What a step's configuration has beside what all of them have: the directives of `http`, and those of its
/// server.
#[derive(Clone, Copy)]
pub struct Directives<'a> {
    pub http: &'a str,
    pub server: &'a str,
}

impl Stand {
    /// Starts nginx with two workers in a folder.
    pub fn start(folder: &Path, module: &Path, directives: Directives<'_>) -> Result<Stand> {
        let port = server::free_port()?;
        write(folder, module, port, 1, directives)?;
        let child = server::nginx(folder, &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run nginx")?;
        let (folder, module) = (folder.to_owned(), module.to_owned());
        let mut stand = Stand { child, folder, module, generation: 1, port };
        stand.wait()?;
        Ok(stand)
    }

    /// Asks for a reload, and waits until the new configuration serves.
    pub fn reload(&mut self, directives: Directives<'_>) -> Result<()> {
        self.generation += 1;
        write(&self.folder, &self.module, self.port, self.generation, directives)?;
        self.signal(Signal::HUP)?;
        self.wait()
    }

    /// Signals the master.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal).context("cannot signal nginx")
    }

    pub fn error_log(&self) -> Result<String> {
        let bytes = std::fs::read(self.folder.join("error.log"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Stops it gracefully and returns its error log.
    pub fn stop(mut self) -> Result<String> {
        self.signal(Signal::QUIT)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "nginx ended with {status}");
        self.error_log()
    }

    fn wait(&mut self) -> Result<()> {
        server::wait_for_generation(&mut self.child, self.port, self.generation)
            .with_context(|| self.error_log().unwrap_or_default())
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // The master takes its workers along.
            let _ = self.signal(Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

fn write(
    folder: &Path,
    module: &Path,
    port: u16,
    generation: u32,
    directives: Directives<'_>,
) -> Result<()> {
    let Directives { http, server } = directives;
    let text = format!(
        "{head}
http {{
{temporary}
{http}
    server {{
        listen 127.0.0.1:{port};
        location = /generation {{ stanch off; access_log off; return 200 {generation}; }}
{server}
    }}
}}
",
        head = config::head(folder, module, Workers::Two),
        temporary = config::temporary_files(folder),
    );
    Ok(std::fs::write(folder.join("nginx.conf"), text)?)
}
