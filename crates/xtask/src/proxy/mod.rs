//! What every proxy with a module in it is tried with: cases that are data, a client and an upstream that
//! both live in this process, and the tokens of a run. What differs from one proxy to the next is in
//! [`Proxy`]; what only one of them has is in its own folder.

pub mod attempts;
pub mod bodies;
pub mod client;
pub mod encodings;
pub mod generation;
pub mod h2;
pub mod load;
pub mod logs;
pub mod material;
pub mod message;
pub mod reload;
pub mod requests;
pub mod routes;
pub mod scopes;
pub mod unreadable;
pub mod upstream;

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use client::Outcome;
use material::Material;
use upstream::Upstream;

/// What is waited for a proxy to start, reload or write a log line.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Where a proxy listens: refusing and monitoring, HTTP/1.1 and HTTP/2.
#[derive(Clone, Copy)]
pub struct Ports {
    pub on: u16,
    pub monitor: u16,
    pub on_h2: u16,
    pub monitor_h2: u16,
    /// Refusing, with bodies passed on while they are scanned, if the proxy can do that; HTTP/1.1 and
    /// HTTP/2.
    pub stream: Option<u16>,
}

/// In the folder of [`Material`], one line for each request: the case, the status, and action, leak, part,
/// view and name of its outcome.
const ACCESS_LOG: &str = "access.log";
/// The same with what became of the body.
const BODY_LOG: &str = "bodies.log";
/// The same with the attempt, for those requests alone that are one.
const ATTEMPT_LOG: &str = "attempts.log";

/// What differs from one proxy to the next.
pub trait Proxy {
    fn ports(&self) -> Ports;

    /// Lets it read its configuration anew, and waits until that serves every new connection.
    fn reload(&mut self) -> Result<()>;
    /// Lets it read a configuration that it is expected to refuse; the line of its log that says why.
    fn reload_in_vain(&mut self) -> Result<String>;
    /// Stops it gracefully; what its log holds.
    fn stop(self) -> Result<String>
    where
        Self: Sized;

    /// Whether names of headers are written in lower case, whatever they came in.
    fn lowers_names(&self) -> bool;
    /// Whether the rest of a refused request's body is read, so that the connection serves on.
    fn reads_refused_bodies(&self) -> bool;
}

/// A proxy that runs, what stands behind it, and the tokens it was told about.
pub struct Bench<P: Proxy + ?Sized = dyn Proxy> {
    pub upstream: Upstream,
    pub material: Material,
    pub server: P,
}

impl<P: Proxy> Bench<P> {
    /// Starts a proxy with material of its own, before an upstream of its own that listens on the port.
    pub fn start(server: impl FnOnce(&Material, u16) -> Result<P>) -> Result<Bench<P>> {
        let upstream = Upstream::start()?;
        let material = Material::create()?;
        let server = server(&material, upstream.port())?;
        Ok(Bench { upstream, material, server })
    }
}

impl<P: Proxy + ?Sized> Bench<P> {
    pub fn ports(&self) -> Ports {
        self.server.ports()
    }

    /// The request was answered with 200, and the upstream got exactly what was sent.
    pub fn check_passed(&self, outcome: &Outcome) -> Result<()> {
        ensure!(outcome.status == 200, "answered {} instead of 200", outcome.status);
        self.upstream.check_received(&outcome.case, &outcome.target, &outcome.body)
    }

    /// The request was answered with this status, and the upstream did not get it.
    pub fn check_refused(&self, outcome: &Outcome, status: u16) -> Result<()> {
        ensure!(outcome.status == status, "answered {} instead of {status}", outcome.status);
        self.upstream.must_not_see(&outcome.case)
    }

    /// The access log's line of this request: status, action, leak, part, view, name.
    pub fn check_logged(&self, outcome: &Outcome, expected: &str) -> Result<()> {
        let line = self.access_line(&outcome.case)?;
        let expected = match self.server.lowers_names() && expected.contains(" header ") {
            true => expected.to_lowercase(),
            false => expected.to_owned(),
        };
        ensure!(line == expected, "logged `{line}` instead of `{expected}`");
        Ok(())
    }

    /// What the access log says of a case.
    pub fn access_line(&self, case: &str) -> Result<String> {
        line_of(self.material.folder(), ACCESS_LOG, case)
    }

    /// What became of a case's body.
    pub fn body_line(&self, case: &str) -> Result<String> {
        line_of(self.material.folder(), BODY_LOG, case)
    }

    /// The attempt of a case.
    pub fn attempt_line(&self, case: &str) -> Result<String> {
        line_of(self.material.folder(), ATTEMPT_LOG, case)
    }

    /// All attempts.
    pub fn attempts(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.material.folder().join(ATTEMPT_LOG))?)
    }
}

/// What a log says of a case. A proxy writes it after the answer: it may take a moment.
fn line_of(folder: &Path, log: &str, case: &str) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    let wanted = format!("{case} ");
    loop {
        let bytes = std::fs::read(folder.join(log))?;
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        if let Some(line) = lines.find_map(|line| line.strip_prefix(&wanted)) {
            return Ok(line.trim_end().to_owned());
        }
        ensure!(Instant::now() < deadline, "{log} has no line of {case}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that nothing listens on.
pub fn free_port() -> Result<u16> {
    Ok(free_ports::<1>()?[0])
}

/// Several of them, no two the same.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All are held until all are known.
    let mut held = Vec::new();
    for _ in 0..N {
        held.push(TcpListener::bind("127.0.0.1:0")?);
    }
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
