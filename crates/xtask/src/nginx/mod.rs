//! The nginx module of `examples/nginx` against a real nginx on loopback.
//!
//! One nginx with two workers and a configuration of its own stands in a temporary folder,
//! between a client and an upstream that both live in this process. It listens on free ports of
//! 127.0.0.1, and the nginx that the system may run is never touched.

mod bodies;
pub mod build;
pub mod config;
mod exposition;
mod front;
mod lines;
mod locations;
mod metrics;
mod refusals;
mod reload;
pub mod server;
pub mod stand;
mod swaps;
mod unreadable;
mod whole;

use std::path::Path;

use anyhow::{Result, ensure};

use crate::proxy::logs::{self, Log};
use crate::proxy::{Proxy as _, attempts, h2, requests, scopes};
use crate::report::Report;
use config::Workers;
use server::Server;

pub use build::module;

/// Builds the module and runs every case.
pub fn run(report: &mut Report) {
    let mut module = None;
    report.step("nginx module: build", |_| {
        module = Some(build::module()?);
        Ok(())
    });
    let Some(module) = module else { return };

    report.step("nginx module: configurations that must be refused", |report| {
        refusals::run(report, &module)
    });

    let mut bench = None;
    report.step("nginx module: start", |_| {
        bench = Some(start(&module, Workers::Two)?);
        Ok(())
    });
    let Some(mut bench) = bench else { return };

    report.step("nginx module: requests", |report| requests::run(report, &bench));
    report.step("nginx module: HTTP/2 without TLS", |report| h2::run(report, &bench));
    report.step("nginx module: bodies", |report| bodies::run(report, &bench));
    report.step("nginx module: locations", |report| locations::run(report, &bench));
    report.step("nginx module: attempts", |report| attempts::run(report, &bench));
    report.step("nginx module: scopes", |report| scopes::run(report, &bench));
    report
        .step("nginx module: bodies that cannot be read", |report| unreadable::run(report, &bench));
    report.step("nginx module: reload", |report| reload::run(report, &mut bench));
    report.step("nginx module: stop and logs", |report| logs::run(report, bench, &LOG));

    report.step("nginx module: metrics", |report| metrics::run(report, &module));
    report.step("nginx module: the log of attempts", |report| lines::run(report, &module));
    report.step("nginx module: new sets without a reload", |report| swaps::run(report, &module));
    report.step("the whole loop, with the command and nginx", |report| whole::run(report, &module));

    report.step("nginx module: under valgrind", |report| {
        let bench = start(&module, Workers::Single)?;
        requests::run(report, &bench)?;
        locations::run(report, &bench)?;
        attempts::run(report, &bench)?;
        scopes::run(report, &bench)?;
        unreadable::run(report, &bench)?;
        report.case("the page of metrics", metrics::page(bench.server.ports.on).map(drop));
        report.case("memory is used as it may be", bench.server.stop().map(drop));
        Ok(())
    });
}

/// nginx between a client and an upstream.
type Bench = crate::proxy::Bench<Server>;

fn start(module: &Path, workers: Workers) -> Result<Bench> {
    Bench::start(|material, upstream| Server::start(module, material, upstream, workers))
}

const LOG: Log<'_> = Log {
    warning: "[warn]",
    clean: clean_log,
    more: &[
        (
            "[error]",
            "stanch: request not scanned: the body exceeds stanch_body_limit, client 127.0.0.1",
        ),
        (
            "[error]",
            "stanch: request not scanned: the body cannot be read or scanned, client 127.0.0.1",
        ),
    ],
};

fn clean_log(log: &str) -> Result<()> {
    let bad: Vec<&str> = log
        .lines()
        .filter(|line| {
            let expected = line.contains(reload::EXPECTED_EMERGENCY)
                || line.contains(reload::EXPECTED_KEY_EMERGENCY);
            let marked = ["[alert]", "[emerg]", "[crit]", "exited on signal", "exited with code 2"]
                .iter()
                .any(|mark| line.contains(mark));
            marked && !expected
        })
        .collect();
    ensure!(bad.is_empty(), "{}", bad.join("\n"));
    Ok(())
}
