//! A proxy under measurement: one that this task started, with one process or thread that does the work.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::process::{self, Memory};
use crate::proxy::PATIENCE;
use crate::proxy::client::Client;

/// What its configuration answers `/generation` with tells which one serves.
const GENERATION: &[u8] = b"GET /generation HTTP/1.1\r\nHost: t\r\n\r\n";

/// A running proxy; it ends with the value.
pub struct Site {
    pub name: String,
    pub port: u16,
    /// The set that it has mapped.
    pub set: Option<PathBuf>,
    child: Child,
    folder: PathBuf,
    configuration: Box<dyn Configuration>,
    generation: u32,
}

/// What differs between one kind of proxy and another.
pub trait Configuration {
    /// Writes the files of a generation, so that a running proxy never sees half of one.
    fn write(&self, folder: &Path, port: u16, generation: u32) -> Result<()>;

    /// What starts the proxy, once the files of the first generation are there.
    fn command(&self, folder: &Path) -> Command;

    /// The signal that a reload takes, unless the files alone are enough.
    fn reload_signal(&self) -> Option<Signal>;
}

/// What a reload took.
pub struct Reload {
    /// Until the new configuration served.
    pub took: Duration,
    /// Memory of all processes, before it and at most until the old configuration was gone, in KiB.
    pub steady: u64,
    pub peak: u64,
}

impl Site {
    /// Starts a proxy in a folder of its own.
    pub fn start(
        name: String,
        folder: PathBuf,
        port: u16,
        set: Option<PathBuf>,
        configuration: Box<dyn Configuration>,
    ) -> Result<Site> {
        configuration.write(&folder, port, 1)?;
        let log = std::fs::File::create(folder.join("output.log"))?;
        let child = configuration
            .command(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {name}"))?;
        let mut site = Site { name, port, set, child, folder, configuration, generation: 1 };
        let deadline = Instant::now() + PATIENCE;
        while !site.serves()? {
            ensure!(Instant::now() < deadline, "{}: {}", site.name, site.last_words());
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(site)
    }

    /// The process that answers requests.
    pub fn worker(&self) -> Result<u32> {
        match self.configuration.reload_signal() {
            Some(_) => {
                let children = process::children(self.child.id())?;
                ensure!(children.len() == 1, "{} has {} workers", self.name, children.len());
                Ok(children[0])
            }
            None => Ok(self.child.id()),
        }
    }

    pub fn memory(&self) -> Result<Memory> {
        process::memory(self.worker()?, self.set.as_deref())
    }

    /// Loads the configuration anew.
    pub fn reload(&mut self) -> Result<Reload> {
        let steady = self.share()?;
        let old = self.worker()?;
        self.generation += 1;
        let start = Instant::now();
        self.configuration.write(&self.folder, self.port, self.generation)?;
        if let Some(signal) = self.configuration.reload_signal() {
            kill_process(Pid::from_child(&self.child), signal).context("cannot signal it")?;
        }
        let (mut peak, mut served, mut settled) = (steady, None, None);
        loop {
            peak = peak.max(self.share()?);
            let elapsed = start.elapsed();
            ensure!(elapsed < PATIENCE * 2, "{} did not reload: {}", self.name, self.last_words());
            if served.is_none() && self.serves()? {
                served = Some(elapsed);
            }
            let Some(took) = served else { continue };
            // nginx' old worker ends; a process that stays drains its old listeners for a second.
            let gone = match self.configuration.reload_signal() {
                Some(_) => !process::children(self.child.id())?.contains(&old),
                None => elapsed > took + Duration::from_secs(3),
            };
            if gone {
                let since = *settled.get_or_insert(elapsed);
                if elapsed > since + Duration::from_millis(100) {
                    return Ok(Reload { took, steady, peak });
                }
            }
        }
    }

    /// The memory of all its processes in KiB. One that ends meanwhile has none.
    fn share(&self) -> Result<u64> {
        let main = self.child.id();
        let children = process::children(main)?;
        let of_children: u64 = children.iter().filter_map(|pid| process::share(*pid).ok()).sum();
        Ok(process::share(main)? + of_children)
    }

    fn serves(&mut self) -> Result<bool> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}: {}", self.name, self.last_words());
        }
        let wanted = self.generation.to_string();
        let ask = || Client::connect(self.port)?.ask(GENERATION);
        Ok(ask().is_ok_and(|response| response.body == wanted.as_bytes()))
    }

    fn last_words(&self) -> String {
        ["output.log", "error.log"]
            .iter()
            .filter_map(|log| std::fs::read(self.folder.join(log)).ok())
            .map(|bytes| {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let lines: Vec<&str> = text.lines().collect();
                lines[lines.len().saturating_sub(5)..].join("\n")
            })
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // nginx' master takes its workers along.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
