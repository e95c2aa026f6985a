//! The nginx module of `examples/nginx` against a real nginx on loopback.
//!
//! One nginx with two workers and a configuration of its own stands in a temporary folder,
//! between a client and an upstream that both live in this process. It listens on free ports of
//! 127.0.0.1, and the nginx that the system may run is never touched.

mod bodies;
pub mod build;
pub mod config;
mod exposition;
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

use crate::proxy::material::Material;
use crate::proxy::upstream::Upstream;
use crate::proxy::{Ports, Proxy, attempts, h2, requests, scopes};
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
        bench = Some(Bench::start(&module, Workers::Two)?);
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
    report.step("nginx module: stop and logs", |report| {
        let Bench { server, upstream, material } = bench;
        let upstream = upstream.blocked_but_seen();
        report.case("no refused request reached the upstream", {
            if upstream.is_empty() { Ok(()) } else { Err(anyhow::anyhow!("{upstream:?}")) }
        });
        let log = server.stop()?;
        report.case("no crash, alert or emergency in the error log", clean_log(&log));
        report.case("no token in the error log", material.check_absent(&log));
        report.case("every kind of event in the error log", events_logged(&log));
        Ok(())
    });

    report.step("nginx module: metrics", |report| metrics::run(report, &module));
    report.step("nginx module: the log of attempts", |report| lines::run(report, &module));
    report.step("nginx module: new sets without a reload", |report| swaps::run(report, &module));
    report.step("the whole loop, with the command and nginx", |report| whole::run(report, &module));

    report.step("nginx module: under valgrind", |report| {
        let bench = Bench::start(&module, Workers::Single)?;
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

/// nginx, what stands behind it, and the tokens it was told about.
pub struct Bench {
    pub server: Server,
    pub upstream: Upstream,
    pub material: Material,
}

impl Bench {
    fn start(module: &Path, workers: Workers) -> Result<Bench> {
        let upstream = Upstream::start()?;
        let material = Material::create()?;
        let server = Server::start(module, &material, upstream.port(), workers)?;
        Ok(Bench { server, upstream, material })
    }
}

impl Proxy for Bench {
    fn ports(&self) -> Ports {
        self.server.ports
    }

    fn material(&self) -> &Material {
        &self.material
    }

    fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    fn access_log(&self) -> &'static str {
        "access.log"
    }

    fn body_log(&self) -> &'static str {
        "bodies.log"
    }

    fn attempt_log(&self) -> &'static str {
        "attempts.log"
    }

    fn lowers_names(&self) -> bool {
        false
    }

    fn reads_refused_bodies(&self) -> bool {
        true
    }
}

/// A line for a block, for a hit that was only monitored, for a request that was not scanned, and for a
/// body that could not be read.
fn events_logged(log: &str) -> Result<()> {
    for (level, event) in [
        ("[warn]", "stanch: block leak 1101 part header view raw client 127.0.0.1"),
        ("[info]", "stanch: monitor leak 1101 part body view raw client 127.0.0.1"),
        ("[info]", "stanch: monitor leak 2202 part header view raw client 127.0.0.1"),
        ("[warn]", "stanch: body unreadable: damaged, client 127.0.0.1"),
        ("[warn]", "stanch: body unreadable: ratio, client 127.0.0.1"),
        ("[warn]", "stanch: body unreadable: total, client 127.0.0.1"),
        ("[warn]", "stanch: body unreadable: unsupported, client 127.0.0.1"),
        ("[warn]", "stanch: block leak 1101 part body view json+gzip client 127.0.0.1"),
        (
            "[error]",
            "stanch: request not scanned: the body exceeds stanch_body_limit, client 127.0.0.1",
        ),
        (
            "[error]",
            "stanch: request not scanned: the body cannot be read or scanned, client 127.0.0.1",
        ),
    ] {
        let found = log.lines().any(|line| line.contains(level) && line.ends_with(event));
        ensure!(found, "no line `{level} … {event}`");
    }
    Ok(())
}

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
