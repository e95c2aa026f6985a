//! What every proxy with a module in it is tried with: cases that are data, a client and an upstream that
//! both live in this process, and the tokens of a run. What differs from one proxy to the next is in
//! [`Proxy`]; what only one of them has is in its own folder.

pub mod attempts;
pub mod bodies;
pub mod client;
pub mod encodings;
pub mod h2;
pub mod load;
pub mod material;
pub mod message;
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

/// A proxy that runs, what stands behind it, and the tokens it was told about.
pub trait Proxy {
    fn ports(&self) -> Ports;
    fn material(&self) -> &Material;
    fn upstream(&self) -> &Upstream;

    /// The file, in the folder of [`Material`], that holds one line for each request: the case, the
    /// status, and action, leak, part, view and name of its outcome.
    fn access_log(&self) -> &'static str;
    /// The same with what became of the body.
    fn body_log(&self) -> &'static str;
    /// The same with the attempt, for those requests alone that are one.
    fn attempt_log(&self) -> &'static str;

    /// Whether names of headers are written in lower case, whatever they came in.
    fn lowers_names(&self) -> bool;
    /// Whether the rest of a refused request's body is read, so that the connection serves on.
    fn reads_refused_bodies(&self) -> bool;

    /// The request was answered with 200, and the upstream got exactly what was sent.
    fn check_passed(&self, outcome: &Outcome) -> Result<()> {
        ensure!(outcome.status == 200, "answered {} instead of 200", outcome.status);
        self.upstream().check_received(&outcome.case, &outcome.target, &outcome.body)
    }

    /// The request was answered with this status, and the upstream did not get it.
    fn check_refused(&self, outcome: &Outcome, status: u16) -> Result<()> {
        ensure!(outcome.status == status, "answered {} instead of {status}", outcome.status);
        self.upstream().must_not_see(&outcome.case)
    }

    /// The access log's line of this request: status, action, leak, part, view, name.
    fn check_logged(&self, outcome: &Outcome, expected: &str) -> Result<()> {
        let line = self.access_line(&outcome.case)?;
        let expected = match self.lowers_names() && expected.contains(" header ") {
            true => expected.to_lowercase(),
            false => expected.to_owned(),
        };
        ensure!(line == expected, "logged `{line}` instead of `{expected}`");
        Ok(())
    }

    /// What the access log says of a case.
    fn access_line(&self, case: &str) -> Result<String> {
        line_of(self.material().folder(), self.access_log(), case)
    }

    /// What became of a case's body.
    fn body_line(&self, case: &str) -> Result<String> {
        line_of(self.material().folder(), self.body_log(), case)
    }

    /// The attempt of a case.
    fn attempt_line(&self, case: &str) -> Result<String> {
        line_of(self.material().folder(), self.attempt_log(), case)
    }

    /// All attempts.
    fn attempts(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.material().folder().join(self.attempt_log()))?)
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
