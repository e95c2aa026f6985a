//! Bodies that cannot be read, also after a redirect.

use anyhow::Result;

use super::Bench;
use crate::proxy::unreadable::{self, Body, bodies, each};
use crate::report::Report;

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    unreadable::run(report, bench)?;
    report.case("refused after a redirect out of monitor", redirect(bench, &bodies(bench)?));
    Ok(())
}

fn redirect(bench: &Bench, bodies: &[Body]) -> Result<()> {
    each(bench, bench.server.ports.on, "/to-unreadable/", bodies, |outcome, body| {
        bench.check_refused(outcome, body.status)
    })
}
