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

use crate::proxy::material::Material;
use crate::proxy::upstream::Upstream;
use crate::proxy::{Ports, Proxy, attempts, bodies, h2, requests, routes, scopes, unreadable};
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
        bench = Some(Bench::start(&envoy, &module)?);
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
    report.step("Envoy module: stop and logs", |report| {
        let Bench { server, upstream, material } = bench;
        let upstream = upstream.blocked_but_seen();
        report.case("no refused request reached the upstream", {
            if upstream.is_empty() { Ok(()) } else { Err(anyhow::anyhow!("{upstream:?}")) }
        });
        let log = server.stop()?;
        report.case("no crash or critical message in the log", clean_log(&log));
        report.case("no token in the log", material.check_absent(&log));
        report.case("every kind of event in the log", events_logged(&log));
        Ok(())
    });

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

/// Envoy, what stands behind it, and the tokens it was told about.
pub struct Bench {
    pub server: Server,
    pub upstream: Upstream,
    pub material: Material,
}

impl Bench {
    fn start(envoy: &Path, module: &Path) -> Result<Bench> {
        let upstream = Upstream::start()?;
        let material = Material::create()?;
        let server = Server::start(envoy, module, &material, upstream.port())?;
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
        true
    }

    fn reads_refused_bodies(&self) -> bool {
        false
    }
}

/// A line for a block, for a hit that was only monitored, for a request that was not scanned, and for a
/// body that could not be read.
fn events_logged(log: &str) -> Result<()> {
    for (level, event) in [
        ("[warning]", "stanch: block leak 1101 part header view raw client 127.0.0.1"),
        ("[info]", "stanch: monitor leak 1101 part body view raw client 127.0.0.1"),
        ("[info]", "stanch: monitor leak 2202 part header view raw client 127.0.0.1"),
        ("[warning]", "stanch: body unreadable: damaged, client 127.0.0.1"),
        ("[warning]", "stanch: body unreadable: ratio, client 127.0.0.1"),
        ("[warning]", "stanch: body unreadable: total, client 127.0.0.1"),
        ("[warning]", "stanch: body unreadable: unsupported, client 127.0.0.1"),
        ("[warning]", "stanch: block leak 1101 part body view json+gzip client 127.0.0.1"),
        ("[error]", "stanch: request not scanned: the body exceeds body_limit, client 127.0.0.1"),
    ] {
        let found = log.lines().any(|line| line.contains(level) && line.ends_with(event));
        ensure!(found, "no line `{level} … {event}`");
    }
    Ok(())
}

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
