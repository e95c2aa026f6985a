//! One Envoy that this suite started, and the only one it ever signals.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::config::Config;
use crate::command::program;
use crate::proxy::generation;
use crate::proxy::material::Material;
use crate::proxy::{PATIENCE, Ports, Proxy, free_ports};

/// How often Envoy writes its access logs, in milliseconds; usually ten seconds.
const FLUSH: &str = "20";

pub struct Server {
    child: Child,
    folder: PathBuf,
    module: PathBuf,
    upstream_port: u16,
    admin_port: u16,
    public_key: String,
    generation: u32,
    pub ports: Ports,
    pub started: Instant,
}

impl Server {
    pub fn start(
        envoy: &Path,
        module: &Path,
        material: &Material,
        upstream_port: u16,
    ) -> Result<Server> {
        let folder = material.folder().to_owned();
        let [on, monitor, stream, admin_port] = free_ports()?;
        // Envoy tells HTTP/2 by its first bytes.
        let ports = Ports { on, monitor, on_h2: on, monitor_h2: monitor, stream: Some(stream) };
        let log = File::create(folder.join("envoy.log"))?;
        let mut command = Command::new(envoy);
        command
            .arg("-c")
            .arg(folder.join("envoy.json"))
            .args(["--concurrency", "2", "--disable-hot-restart", "--log-level", "info"])
            .args(["--file-flush-interval-msec", FLUSH])
            .stdout(log.try_clone()?)
            .stderr(log);
        let public_key = material.next_public_key();
        let config = Config {
            folder: &folder,
            module,
            upstream_port,
            admin_port,
            ports,
            public_key: &public_key,
        };
        fs::write(folder.join("envoy.json"), config.bootstrap().to_string())?;
        fs::write(folder.join("listeners.json"), config.listeners(1, &[]).to_string())?;
        let child = command.spawn().context("cannot run Envoy")?;
        let mut server = Server {
            child,
            folder,
            module: module.to_owned(),
            upstream_port,
            admin_port,
            public_key,
            generation: 1,
            ports,
            started: Instant::now(),
        };
        server.wait_for_generation()?;
        Ok(server)
    }

    fn config(&self) -> Config<'_> {
        Config {
            folder: &self.folder,
            module: &self.module,
            upstream_port: self.upstream_port,
            admin_port: self.admin_port,
            ports: self.ports,
            public_key: &self.public_key,
        }
    }

    /// Offers Envoy one more listener, with this configuration of the filter: whether it took it, and what
    /// its log said.
    pub fn offer(&self, port: u16, config: Value) -> Result<(bool, String)> {
        let before = self.log()?.len();
        let rejected = self.counter("listener_manager.lds.update_rejected")?;
        let taken = self.counter("listener_manager.lds.update_success")?;
        let own = self.config();
        let routes = vec![super::config::route("/")];
        let more = own.listener("offered", port, own.filter(config), routes);
        self.replace_listeners(self.generation, &[more])?;
        let mut was_taken = false;
        self.wait_for("the listener was neither taken nor rejected", |server| {
            was_taken = server.counter("listener_manager.lds.update_success")? > taken;
            Ok(was_taken || server.counter("listener_manager.lds.update_rejected")? > rejected)
        })?;
        Ok((was_taken, self.log()?[before..].to_owned()))
    }

    /// By renaming, as Envoy expects it.
    fn replace_listeners(&self, generation: u32, more: &[Value]) -> Result<()> {
        let new = self.folder.join("listeners.new");
        fs::write(&new, self.config().listeners(generation, more).to_string())?;
        Ok(fs::rename(new, self.folder.join("listeners.json"))?)
    }

    /// A counter of Envoy's.
    pub fn counter(&self, name: &str) -> Result<u64> {
        let wanted = format!("{name}: ");
        let stats = self.stats()?;
        let line = stats.lines().find_map(|line| line.strip_prefix(&wanted));
        Ok(line.with_context(|| format!("there is no counter {name}"))?.parse()?)
    }

    /// All counters that were ever counted.
    pub fn stats(&self) -> Result<String> {
        let url = format!("http://127.0.0.1:{}/stats", self.admin_port);
        let output = program("curl").args(&["--silent", "--show-error", &url]).capture()?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What Envoy wrote to its own log.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(self.folder.join("envoy.log"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Asks Envoy to open its access logs anew.
    pub fn reopen_logs(&self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::USR1).context("cannot signal Envoy")
    }

    fn end(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("cannot signal Envoy")?;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("Envoy did not stop")
    }

    fn wait_for_generation(&mut self) -> Result<()> {
        let Ports { on, monitor, stream, .. } = self.ports;
        let ports: Vec<u16> = [Some(on), Some(monitor), stream].into_iter().flatten().collect();
        generation::wait_for(&mut self.child, &ports, self.generation)
            .with_context(|| self.log().unwrap_or_default())
    }

    fn wait_for(
        &self,
        complaint: &str,
        mut done: impl FnMut(&Server) -> Result<bool>,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !done(self)? {
            ensure!(Instant::now() < deadline, "{complaint}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Proxy for Server {
    fn ports(&self) -> Ports {
        self.ports
    }

    /// Puts the next listeners in the place of those that are there.
    fn reload(&mut self) -> Result<()> {
        self.generation += 1;
        self.replace_listeners(self.generation, &[])?;
        self.wait_for_generation()
    }

    /// Offers Envoy the next listeners.
    fn reload_in_vain(&mut self) -> Result<String> {
        let before = self.log()?.len();
        let rejected = self.counter("listener_manager.lds.update_rejected")?;
        self.replace_listeners(self.generation + 1, &[])?;
        self.wait_for("the listeners were not rejected", |server| {
            Ok(server.counter("listener_manager.lds.update_rejected")? > rejected)
        })?;
        let log = &self.log()?[before..];
        let refused = |line: &&str| line.contains("configuration") && line.contains("refused: ");
        let line = log.lines().find(refused).with_context(|| log.to_owned())?;
        ensure!(line.contains("[error]"), "{line}");
        Ok(line.to_owned())
    }

    fn stop(mut self) -> Result<String> {
        let status = self.end()?;
        ensure!(status.success(), "Envoy ended with {status}");
        self.log()
    }

    fn lowers_names(&self) -> bool {
        true
    }

    fn reads_refused_bodies(&self) -> bool {
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && self.end().is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
