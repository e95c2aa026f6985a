//! A library that panics in the midst of a scan, in an Envoy of its own: the request fails, and nothing
//! else does.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{Bench, start};
use crate::proxy::Proxy as _;
use crate::proxy::client::exchange;
use crate::proxy::message::Message;
use crate::report::Report;

/// How often each kind of request makes it panic.
const ROUNDS: usize = 20;

pub fn run(report: &mut Report, envoy: &Path, panicking: &Path) -> Result<()> {
    let bench = start(envoy, panicking)?;
    let ports = bench.ports();
    let head = |target: &str| Message::get(target).header("X-Panic", "now");
    let body = |target: &str| Message::post(target, "panic!");
    let chunks = |target: &str| Message::chunked(target, vec![b"panic!".to_vec(); 3]);
    for (name, port, target, status) in [
        ("closed", ports.on, "/", 500),
        ("open", ports.on, "/fail-open/", 200),
        ("monitor", ports.monitor, "/", 200),
        ("streamed", ports.stream.unwrap_or_default(), "/", 500),
    ] {
        for (place, message) in
            [("head", head(target)), ("body", body(target)), ("chunks", chunks(target))]
        {
            report.case(
                &format!("{place}, {name}"),
                fault(&bench, &format!("fault-{place}-{name}"), port, &message, status),
            );
        }
    }
    report.case("Envoy goes on", {
        let message = Message::get("/").header("X-Key", &bench.material.blocked);
        let outcome = exchange(ports.on, "fault-after", &message)?;
        bench.check_refused(&outcome, 403)
    });
    let log = bench.server.stop()?;
    report.case("the log tells of each fault", {
        let said = log.matches("stanch: request not scanned: ").count();
        let expected = 12 * ROUNDS;
        if said == expected { Ok(()) } else { Err(anyhow::anyhow!("{said} instead of {expected}")) }
    });
    Ok(())
}

fn fault(bench: &Bench, case: &str, port: u16, message: &Message, status: u16) -> Result<()> {
    for round in 0..ROUNDS {
        let outcome = exchange(port, &format!("{case}-{round}"), message)?;
        ensure!(outcome.status == status, "round {round}: answered {}", outcome.status);
        if status == 200 {
            bench.check_passed(&outcome)?;
        } else {
            bench.check_refused(&outcome, status)?;
        }
        bench.check_logged(&outcome, &format!("{status} failed - - - -"))?;
    }
    Ok(())
}
