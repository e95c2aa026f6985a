//! The module of `examples/envoy` in a real Envoy on loopback.
//!
//! One Envoy with two workers and a configuration of its own stands in a temporary folder, between a
//! client and an upstream that both live in this process. It listens on free ports of 127.0.0.1.

pub mod build;
pub mod config;
mod counters;
mod faults;
mod lifetimes;
mod refusals;
mod reload;
mod server;
mod streams;

use std::path::Path;

use anyhow::{Result, ensure};

use crate::proxy::logs::{self, Log};
use crate::proxy::{attempts, bodies, h2, requests, routes, scopes, unreadable};
use crate::report::Report;
use server::Server;

pub use build::module;

/// Builds the module, installs Envoy and runs every case.
pub fn run(report: &mut Report) {
    let mut built = None;
    report.step("Envoy module: build", |_| {
        built = Some((build::envoy()?, build::module()?));
        Ok(())
    });
    let Some((envoy, module)) = built else { return };

    report
        .step("Envoy module: under valgrind, in a host that takes back what it gives", |report| {
            lifetimes::run(report)
        });

    let mut bench = None;
    report.step("Envoy module: start", |_| {
        bench = Some(start(&envoy, &module)?);
        Ok(())
    });
    let Some(mut bench) = bench else { return };

    report.step("Envoy module: configurations that must be refused", |report| {
        refusals::run(report, &bench, &envoy, &module)
    });
    report.step("Envoy module: requests", |report| requests::run(report, &bench));
    report.step("Envoy module: HTTP/2 without TLS", |report| h2::run(report, &bench));
    report.step("Envoy module: bodies", |report| bodies::run(report, &bench));
    report.step("Envoy module: buffered and streamed", |report| streams::run(report, &bench));
    report.step("Envoy module: routes", |report| routes::run(report, &bench));
    report.step("Envoy module: attempts", |report| attempts::run(report, &bench));
    report.step("Envoy module: scopes", |report| scopes::run(report, &bench));
    report
        .step("Envoy module: bodies that cannot be read", |report| unreadable::run(report, &bench));
    report.step("Envoy module: counters", |report| counters::run(report, &mut bench));
    report.step("Envoy module: reload", |report| reload::run(report, &mut bench));
    report.step("Envoy module: stop and logs", |report| logs::run(report, bench, &LOG));

    let mut panicking = None;
    report.step("Envoy module: build with a library that panics", |_| {
        panicking = Some(build::panicking_module()?);
        Ok(())
    });
    let Some(panicking) = panicking else { return };
    report.step("Envoy module: a fault in the library", |report| {
        faults::run(report, &envoy, &panicking)
    });
}

/// Envoy between a client and an upstream.
type Bench = crate::proxy::Bench<Server>;

fn start(envoy: &Path, module: &Path) -> Result<Bench> {
    Bench::start(|material, upstream| Server::start(envoy, module, material, upstream))
}

const LOG: Log<'_> = Log {
    warning: "[warning]",
    clean: clean_log,
    more: &[(
        "[error]",
        "stanch: request not scanned: the body exceeds body_limit, client 127.0.0.1",
    )],
};

fn clean_log(log: &str) -> Result<()> {
    let bad: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("[critical]") || line.contains("Caught "))
        .collect();
    ensure!(bad.is_empty(), "{}", bad.join("\n"));
    // It only warns if not.
    ensure!(log.contains("ABI version v0.2.0 matched"), "Envoy's interface is another version");
    Ok(())
}
