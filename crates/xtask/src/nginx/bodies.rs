//! Bodies that are too large for nginx, and bodies whose temporary file cannot be read.

use anyhow::{Result, ensure};

use super::Bench;
use super::config::MAX_BODY;
use crate::proxy::bodies::{self, sized_and_chunked};
use crate::proxy::client::{Client, Outcome, exchange};
use crate::proxy::message::{Message, filler_with};
use crate::proxy::requests::BODY_BUFFER;
use crate::report::Report;

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    report.case("oversize body: 413 from nginx", oversize(bench));
    report.case("refused for its head before it is asked for its body", unasked(bench));
    report.case("body that cannot be read, fail open and closed, and monitor", unreadable(bench));
    bodies::run(report, bench)
}

fn oversize(bench: &Bench) -> Result<()> {
    let body = filler_with(MAX_BODY + 1, 0, &bench.material.clean);
    for (name, message) in sized_and_chunked("/", &body) {
        for (port, mode) in [(bench.server.ports.on, "on"), (bench.server.ports.monitor, "monitor")]
        {
            let outcome = exchange(port, &format!("oversize-{name}-{mode}"), &message)?;
            bench.check_refused(&outcome, 413)?;
        }
    }
    // nginx makes the answer by an internal redirect, before the scan has seen a body.
    for (name, message) in sized_and_chunked("/page-413/", &body[..3000]) {
        let outcome = exchange(bench.server.ports.on, &format!("oversize-page-{name}"), &message)?;
        ensure!(outcome.status == 413, "{name}: answered {} instead of 413", outcome.status);
        let pages = bench.upstream.count(&outcome.case);
        ensure!(pages == 1, "{name}: the error page was asked for {pages} times");
    }
    Ok(())
}

/// A client that waits for leave to send its body.
fn unasked(bench: &Bench) -> Result<()> {
    let message = Message::post("/", bench.material.clean.as_str())
        .header("Expect", "100-continue")
        .header("X-Key", &bench.material.blocked);
    let mut client = Client::connect(bench.server.ports.on)?;
    let answer = client.ask(&message.head("expect-leaked-head"))?;
    bench.check_refused(&Outcome::new("expect-leaked-head", &message, answer.status), 403)
}

/// The file that a body was spooled to is cut off between two scans.
fn unreadable(bench: &Bench) -> Result<()> {
    let ports = bench.server.ports;
    let body = filler_with(2 * BODY_BUFFER, 100, &bench.material.clean);
    for (name, port, policy, status) in [
        ("open", ports.on, "open", 200),
        ("closed", ports.on, "closed", 500),
        ("monitor", ports.monitor, "closed", 200),
    ] {
        let message = Message::post(format!("/spoilt-{policy}/"), body.clone());
        let outcome = exchange(port, &format!("unreadable-{name}"), &message)?;
        ensure!(outcome.status == status, "{name}: answered {}", outcome.status);
        bench.check_logged(&outcome, &format!("{status} failed - - - -"))?;
        let asked = bench.upstream.count(&outcome.case);
        let expected = if status == 200 { 2 } else { 1 };
        ensure!(asked == expected, "{name}: the upstream was asked {asked} times");
    }
    Ok(())
}
