//! An nginx of one server for a step that needs a configuration of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::config::{self, Workers};
use super::server;
use crate::proxy::{free_port, generation};

/// A running nginx; it ends with the value.
pub struct Stand {
    child: Child,
    place: Place,
    pub port: u16,
}

/// What a step's configuration has beside what all of them have: the directives of `http`, and those of its
/// server.
#[derive(Clone, Copy)]
pub struct Directives<'a> {
    pub http: &'a str,
    pub server: &'a str,
}

/// What is the same in all configurations of a step, but for the number of the configuration.
struct Place {
    folder: PathBuf,
    module: PathBuf,
    port: u16,
    generation: u32,
    /// Whom the workers belong to, where that can be chosen.
    user: &'static str,
}

impl Stand {
    /// Starts nginx with two workers in a folder.
    pub fn start(folder: &Path, module: &Path, directives: Directives<'_>) -> Result<Stand> {
        let port = free_port()?;
        let (folder, module) = (folder.to_owned(), module.to_owned());
        let place = Place { folder, module, port, generation: 1, user: "root" };
        place.write(directives)?;
        let child = server::nginx(&place.folder, &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run nginx")?;
        let mut stand = Stand { child, place, port };
        stand.wait()?;
        Ok(stand)
    }

    /// Asks for a reload, and waits until the new configuration serves.
    pub fn reload(&mut self, directives: Directives<'_>) -> Result<()> {
        self.place.generation += 1;
        self.place.write(directives)?;
        self.signal(Signal::HUP)?;
        self.wait()
    }

    /// Where nginx runs as root, workers belong to this user from the next reload on.
    pub fn run_workers_as(&mut self, user: &'static str) {
        self.place.user = user;
    }

    /// Signals the master.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal).context("cannot signal nginx")
    }

    pub fn error_log(&self) -> Result<String> {
        let bytes = std::fs::read(self.place.folder.join("error.log"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What the error log says in the end.
    fn last_words(&self) -> String {
        let log = self.error_log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains("[info]")).collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Stops it gracefully and returns its error log.
    pub fn stop(mut self) -> Result<String> {
        self.signal(Signal::QUIT)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "nginx ended with {status}");
        self.error_log()
    }

    fn wait(&mut self) -> Result<()> {
        generation::wait_for(&mut self.child, &[self.port], self.place.generation)
            .with_context(|| self.last_words())
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

impl Place {
    fn write(&self, directives: Directives<'_>) -> Result<()> {
        let Place { folder, module, port, generation, user } = self;
        let Directives { http, server } = directives;
        let head = config::head(folder, module, Workers::Two);
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
            head = head.replace("user root;", &format!("user {user};")),
            temporary = config::temporary_files(folder),
        );
        Ok(std::fs::write(folder.join("nginx.conf"), text)?)
    }
}
