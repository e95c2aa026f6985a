//! One nginx process that this suite started, and the only one it ever signals.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::config::{Config, Workers};
use super::reload::EXPECTED_EMERGENCY;
use crate::proxy::generation;
use crate::proxy::material::Material;
use crate::proxy::{PATIENCE, Ports, Proxy, free_ports};

pub struct Server {
    child: Child,
    folder: PathBuf,
    module: PathBuf,
    upstream_port: u16,
    workers: Workers,
    public_key: String,
    generation: u32,
    pub ports: Ports,
}

impl Server {
    /// Starts it; a single process runs under valgrind.
    pub fn start(
        module: &Path,
        material: &Material,
        upstream_port: u16,
        workers: Workers,
    ) -> Result<Server> {
        let folder = material.folder().to_owned();
        let [on, monitor, on_h2, monitor_h2] = free_ports()?;
        let ports = Ports { on, monitor, on_h2, monitor_h2, stream: None };
        let public_key = material.next_public_key();
        let config = Config {
            folder: &folder,
            module,
            upstream_port,
            ports,
            generation: 1,
            workers,
            public_key: &public_key,
        };
        std::fs::write(folder.join("nginx.conf"), config.text())?;
        let tested = check(&folder)?;
        ensure!(tested.status.success(), "nginx -t: {}", crate::command::both(&tested));

        let mut command = match workers {
            Workers::Two => nginx(&folder, &[]),
            // nginx never frees some of its own at the end: only errors count here.
            Workers::Single => {
                let options = ["valgrind", "--quiet", "--leak-check=no", "--error-exitcode=99"];
                nginx(&folder, &options)
            }
        };
        let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
        let mut server = Server {
            child,
            folder,
            module: module.to_owned(),
            upstream_port,
            workers,
            public_key,
            generation: 1,
            ports,
        };
        server.wait_for_generation()?;
        Ok(server)
    }

    /// Asks for a reload that is expected to fail, and waits until nginx has said so once more: the line
    /// that does.
    pub fn refuses_reload(&self, complaint: &str) -> Result<String> {
        let said = |log: &str| log.matches(complaint).count();
        let before = said(&self.error_log()?);
        self.hang_up()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.error_log()?;
            if said(&log) > before {
                let line = log.lines().rfind(|line| line.contains(complaint)).unwrap_or_default();
                ensure!(line.contains("[emerg]"), "{line}");
                return Ok(line.to_owned());
            }
            ensure!(Instant::now() < deadline, "the error log never said `{complaint}`");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn error_log(&self) -> Result<String> {
        let bytes = std::fs::read(self.folder.join("error.log"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Signals it until it has ended. A single process that is about to wait for events can miss
    /// a signal; a master cannot, and does not mind another.
    fn end(&mut self, signal: Signal) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            self.signal(signal)?;
            for _ in 0..50 {
                if let Some(status) = self.child.try_wait()? {
                    return Ok(status);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        bail!("nginx did not stop")
    }

    fn hang_up(&self) -> Result<()> {
        self.signal(Signal::HUP)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal).context("cannot signal nginx")
    }

    fn wait_for_generation(&mut self) -> Result<()> {
        generation::wait_for(&mut self.child, &[self.ports.on], self.generation)
            .with_context(|| self.error_log().unwrap_or_default())
    }
}

impl Proxy for Server {
    fn ports(&self) -> Ports {
        self.ports
    }

    fn reload(&mut self) -> Result<()> {
        self.generation += 1;
        let config = Config {
            folder: &self.folder,
            module: &self.module,
            upstream_port: self.upstream_port,
            ports: self.ports,
            generation: self.generation,
            workers: self.workers,
            public_key: &self.public_key,
        };
        std::fs::write(self.folder.join("nginx.conf"), config.text())?;
        self.hang_up()?;
        self.wait_for_generation()
    }

    fn reload_in_vain(&mut self) -> Result<String> {
        self.refuses_reload(EXPECTED_EMERGENCY)
    }

    fn stop(mut self) -> Result<String> {
        let status = self.end(Signal::QUIT)?;
        ensure!(status.success(), "nginx ended with {status}");
        self.error_log()
    }

    fn lowers_names(&self) -> bool {
        false
    }

    fn reads_refused_bodies(&self) -> bool {
        true
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // TERM lets the master take its workers along, which a kill would not.
        if matches!(self.child.try_wait(), Ok(None)) && self.end(Signal::TERM).is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// `nginx -t` with the `nginx.conf` of a folder.
pub fn check(folder: &Path) -> Result<Output> {
    nginx(folder, &[]).arg("-t").output().context("cannot run nginx")
}

/// nginx with the `nginx.conf` of a folder, started by another program if one is given.
pub fn nginx(folder: &Path, under: &[&str]) -> Command {
    // Debian puts it where only root's search path looks.
    let usual = Path::new("/usr/sbin/nginx");
    let nginx = if usual.exists() { usual } else { Path::new("nginx") };
    let mut command = match under {
        [program, options @ ..] => {
            let mut command = Command::new(program);
            command.args(options).arg(nginx);
            command
        }
        [] => Command::new(nginx),
    };
    command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    // The log that is written before the configuration is read.
    command.arg("-e").arg(folder.join("early.log"));
    command
}
