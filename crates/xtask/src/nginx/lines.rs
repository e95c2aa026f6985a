//! The log of attempts: how many lines it gets, that it can be rotated, and syslog.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::front::Front;
use super::metrics;
use super::server;
use super::stand::Directives;
use crate::command::both;
use crate::proxy::client::{Client, exchange};
use crate::proxy::load;
use crate::proxy::material::{BLOCKED_LEAK, MONITORED_LEAK, Material};
use crate::proxy::message::Message;
use crate::report::Report;

/// What is waited for a line, which nginx writes after the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The rate that is set, and how many hits come at once.
const RATE: usize = 5;
const BURST: usize = 20;
const HITS: usize = 300;

const CLIENTS: usize = 3;

pub fn run(report: &mut Report, module: &Path) -> Result<()> {
    let mut desk = Desk::new(module)?;
    report.case("syslog gets the line", desk.syslog());
    report.case("a rate for all workers, and what was left out is told", desk.capped());
    report.case("an attack after a rotation: `nginx -s reopen`", desk.reopen());
    report.case("a reload keeps the count of what was left out", desk.reload());
    report.case("without a rate every attempt has a line", desk.uncapped());
    let log = desk.front.stand.stop()?;
    report.case("no token in the error log", desk.front.material.check_absent(&log));
    Ok(())
}

/// An nginx that logs attempts to a file and to this process.
struct Desk {
    front: Front,
    syslog: UdpSocket,
}

impl Desk {
    fn new(module: &Path) -> Result<Desk> {
        let syslog = UdpSocket::bind("127.0.0.1:0")?;
        syslog.set_read_timeout(Some(PATIENCE))?;
        let rate = format!("stanch_attempt_rate {RATE}r/s burst={BURST};");
        let http = http(syslog.local_addr()?.port(), &rate);
        let directives = Directives { http: &http, server: "" };
        Ok(Desk { front: Front::start(module, Material::create()?, directives)?, syslog })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.front.material.folder().join(name)
    }

    /// The lines of a log, each of which must be an attempt.
    fn lines(&self, name: &str) -> Result<Vec<Value>> {
        let path = self.file(name);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = std::fs::read_to_string(path)?;
        self.front.material.check_absent(&text)?;
        text.lines().map(parsed).collect()
    }

    /// Waits until the log tells of so many attempts, left out ones included; gives its lines.
    fn wait_for(&self, name: &str, attempts: u64) -> Result<Vec<Value>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.lines(name)?;
            let told = told(&lines);
            if told == attempts {
                return Ok(lines);
            }
            ensure!(Instant::now() < deadline, "{name} tells of {told} instead of {attempts}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn hit(&self) -> Result<()> {
        let message = Message::get("/a?page=2").header("X-Key", &self.front.material.monitored);
        let status = exchange(self.front.stand.port, "load", &message)?.status;
        ensure!(status == 200, "answered {status}");
        Ok(())
    }

    /// Many hits at once, over many connections.
    fn attack(&self) -> Result<()> {
        let message = Message::get("/a?page=2").header("X-Key", &self.front.material.blocked);
        load::at_once(self.front.stand.port, CLIENTS, HITS / CLIENTS, &message, 403)
    }

    fn syslog(&self) -> Result<()> {
        self.hit()?;
        let mut datagram = [0; 4096];
        let length = self.syslog.recv(&mut datagram).context("no line came")?;
        let text = str::from_utf8(&datagram[..length])?;
        self.front.material.check_absent(text)?;
        // RFC 3164: local7 (23) and warning (4), a time, a tag.
        ensure!(text.starts_with("<188>"), "{text}");
        let (_, line) = text.split_once(" stanch: ").with_context(|| text.to_owned())?;
        let attempt = parsed(line)?;
        ensure!(attempt["leak"] == MONITORED_LEAK, "{attempt}");
        ensure!(attempt["path"] == "/a" && attempt["action"] == "monitor", "{attempt}");
        let lines = self.wait_for("attempts.jsonl", 1)?;
        ensure!(lines == [attempt], "the file has {lines:?}");
        Ok(())
    }

    fn capped(&self) -> Result<()> {
        let started = Instant::now();
        self.attack()?;
        let most = BURST + RATE + RATE * started.elapsed().as_millis() as usize / 1000;
        std::thread::sleep(Duration::from_secs(1));
        self.hit()?;
        let lines = self.wait_for("attempts.jsonl", 2 + HITS as u64)?;
        println!("      {} lines for {HITS} attempts", lines.len() - 2);
        ensure!((BURST / 2..=most).contains(&(lines.len() - 2)), "{} lines", lines.len());
        let last = lines.last().context("no line")?;
        ensure!(last["leak"] == MONITORED_LEAK, "{last}");
        ensure!(last["left_out"].as_u64().is_some_and(|count| count > 100), "{last}");
        self.counted(lines.len(), 2 + HITS)
    }

    /// What the page says of lines, and of attempts in all.
    fn counted(&self, logged: usize, all: usize) -> Result<()> {
        metrics::wait_for(self.front.stand.port, |page| {
            metrics::expect(page, "stanch_attempts_logged_total", &[], logged as f64)?;
            let left_out = (all - logged) as f64;
            metrics::expect(page, "stanch_attempts_left_out_total", &[], left_out)
        })?;
        Ok(())
    }

    fn reopen(&self) -> Result<()> {
        std::thread::sleep(Duration::from_secs(1));
        let [old, new] = ["attempts.jsonl", "attempts.jsonl.1"].map(|name| self.file(name));
        let before = self.lines("attempts.jsonl")?.len();
        std::fs::rename(old, new)?;
        let output =
            server::nginx(self.front.material.folder(), &[]).args(["-s", "reopen"]).output()?;
        ensure!(output.status.success(), "{}", both(&output));
        // Each worker reopens by itself.
        let deadline = Instant::now() + PATIENCE;
        while !self.file("attempts.jsonl").exists() {
            ensure!(Instant::now() < deadline, "the log was not opened again");
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_secs(1));
        self.attack()?;
        std::thread::sleep(Duration::from_secs(1));
        self.hit()?;
        let lines = self.wait_for("attempts.jsonl", 1 + HITS as u64)?;
        ensure!(lines[0]["leak"] == BLOCKED_LEAK, "{}", lines[0]);
        let old = self.lines("attempts.jsonl.1")?.len();
        ensure!(old == before, "{} lines went to the old file", old - before);
        Ok(())
    }

    fn reload(&mut self) -> Result<()> {
        std::fs::remove_file(self.file("attempts.jsonl"))?;
        self.configure(&format!("stanch_attempt_rate {RATE}r/s burst={BURST};"))?;
        std::thread::sleep(Duration::from_secs(1));
        self.attack()?;
        self.configure(&format!("stanch_attempt_rate {RATE}r/s burst={BURST};"))?;
        std::thread::sleep(Duration::from_secs(1));
        self.hit()?;
        self.wait_for("attempts.jsonl", 1 + HITS as u64).map(drop)
    }

    fn uncapped(&mut self) -> Result<()> {
        std::fs::remove_file(self.file("attempts.jsonl"))?;
        self.configure("stanch_attempt_rate off;")?;
        self.attack()?;
        let lines = self.wait_for("attempts.jsonl", HITS as u64)?;
        ensure!(lines.len() == HITS, "{} lines", lines.len());
        // Many on one connection, too.
        let message = Message::get("/a").header("X-Key", &self.front.material.monitored);
        let mut client = Client::connect(self.front.stand.port)?;
        for _ in 0..50 {
            client.exchange("load", &message)?;
        }
        self.wait_for("attempts.jsonl", HITS as u64 + 50).map(drop)
    }

    fn configure(&mut self, rate: &str) -> Result<()> {
        let http = http(self.syslog.local_addr()?.port(), rate);
        self.front.reload(Directives { http: &http, server: "" })
    }
}

/// A line, if it is an attempt.
fn parsed(line: &str) -> Result<Value> {
    let attempt: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
    if attempt["type"] != "vpatch" {
        bail!("no attempt: {line}");
    }
    Ok(attempt)
}

/// How many attempts these lines tell of.
fn told(lines: &[Value]) -> u64 {
    let left_out = lines.iter().filter_map(|line| line["left_out"].as_u64());
    lines.len() as u64 + left_out.sum::<u64>()
}

/// The directives of `http`.
fn http(syslog: u16, rate: &str) -> String {
    format!(
        "    log_format attempts escape=none '$stanch_attempt';
    access_log attempts.jsonl attempts if=$stanch_attempt;
    access_log syslog:server=127.0.0.1:{syslog},facility=local7,severity=warn,tag=stanch,nohostname attempts if=$stanch_attempt;
    {rate}"
    )
}
