//! What a proxy's own log holds once it has stopped.

use anyhow::{Result, anyhow, ensure};

use super::{Bench, Proxy};
use crate::report::Report;

/// What differs from one proxy's log to the next.
pub struct Log<'a> {
    /// How a line of the level "warning" is marked.
    pub warning: &'a str,
    /// Fails when there is something in it that must not be.
    pub clean: fn(&str) -> Result<()>,
    /// The marks and ends of lines that it must have beside those of every proxy.
    pub more: &'a [(&'a str, &'a str)],
}

/// Stops a proxy and looks at all that it left behind.
pub fn run<P: Proxy>(report: &mut Report, bench: Bench<P>, expected: &Log<'_>) -> Result<()> {
    let Bench { upstream, material, server } = bench;
    let upstream = upstream.blocked_but_seen();
    report.case("no refused request reached the upstream", {
        if upstream.is_empty() { Ok(()) } else { Err(anyhow!("{upstream:?}")) }
    });
    let log = server.stop()?;
    report.case("no crash, alert or emergency in the log", (expected.clean)(&log));
    report.case("no token in the log", material.check_absent(&log));
    report.case("every kind of event in the log", events(&log, expected));
    Ok(())
}

/// A line for a block, for a hit that was only monitored, for a request that was not scanned, and for a
/// body that could not be read.
fn events(log: &str, expected: &Log<'_>) -> Result<()> {
    let warning = expected.warning;
    let of_all = [
        (warning, "stanch: block leak 1101 part header view raw client 127.0.0.1"),
        ("[info]", "stanch: monitor leak 1101 part body view raw client 127.0.0.1"),
        ("[info]", "stanch: monitor leak 2202 part header view raw client 127.0.0.1"),
        (warning, "stanch: body unreadable: damaged, client 127.0.0.1"),
        (warning, "stanch: body unreadable: ratio, client 127.0.0.1"),
        (warning, "stanch: body unreadable: total, client 127.0.0.1"),
        (warning, "stanch: body unreadable: unsupported, client 127.0.0.1"),
        (warning, "stanch: block leak 1101 part body view json+gzip client 127.0.0.1"),
    ];
    for (level, event) in of_all.iter().chain(expected.more) {
        let found = log.lines().any(|line| line.contains(level) && line.ends_with(event));
        ensure!(found, "no line `{level} … {event}`");
    }
    Ok(())
}
