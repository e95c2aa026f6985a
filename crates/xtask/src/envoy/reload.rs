//! Sets that are exchanged while requests come in: by new listeners, and by their file alone.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Bench;
use crate::proxy::client::exchange;
use crate::proxy::material::Material;
use crate::proxy::message::Message;
use crate::proxy::reload::UNTAKEN;
use crate::proxy::{PATIENCE, load, reload};
use crate::report::Report;

pub fn run(report: &mut Report, bench: &mut Bench) -> Result<()> {
    reload::under_load(report, bench);
    report.case("a set that is replaced, under load, without new listeners", by_file(bench));
    report.case("attempts are bounded under load, and those left out counted", bounded(bench));
    reload::refused(report, bench);
    report.case("the log tells of files that were refused without new listeners", told(bench));
    reload::restored(report, bench);
    Ok(())
}

/// The set comes and goes with its file alone; nobody tells Envoy.
fn by_file(bench: &mut Bench) -> Result<()> {
    let Bench { server, material, .. } = bench;
    let port = server.ports.on;
    material.save_patches(true)?;
    await_flipping(port, material, 403)?;
    load::during(port, material, |changed| {
        changed.store(true, Ordering::SeqCst);
        for with_flipping in [false, true, false] {
            material.save_patches(with_flipping)?;
            await_flipping(port, material, if with_flipping { 403 } else { 200 })?;
        }
        Ok(())
    })?;
    let log = server.log()?;
    ensure!(log.contains("stanch: set exchanged: "), "the log does not tell of it");
    reload::still_serving(bench, "by-file")
}

/// Thousands of requests were blocked by now, and a second has passed since.
fn bounded(bench: &Bench) -> Result<()> {
    std::thread::sleep(reload::LOOK);
    let message = Message::get("/").header("X-Key", &bench.material.blocked);
    exchange(bench.server.ports.on, "bounded", &message)?;
    bench.attempt_line("bounded")?;
    let attempts = bench.attempts()?;
    let lines = u64::try_from(attempts.lines().count())?;
    let most = 1_001 + 100 * bench.server.started.elapsed().as_secs();
    let left_out = bench.server.counter("dynamicmodulescustom.stanch_left_out")?;
    let told: u64 = attempts
        .lines()
        .filter_map(|line| {
            line.split_once("\"left_out\":")?.1.strip_suffix('}')?.parse::<u64>().ok()
        })
        .sum();
    println!("      {lines} attempts have a line, {left_out} have none");
    ensure!(lines <= most, "{lines} lines instead of {most}");
    ensure!(left_out > 0 && told == left_out, "the lines tell of {told} instead of {left_out}");
    Ok(())
}

fn await_flipping(port: u16, material: &Material, status: u16) -> Result<()> {
    let message = Message::get("/").header("X-Key", &material.flipping);
    let deadline = Instant::now() + PATIENCE;
    while exchange(port, "load", &message)?.status != status {
        ensure!(Instant::now() < deadline, "the set was not exchanged");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Its guard looked at each file that the listeners were refused for.
fn told(bench: &Bench) -> Result<()> {
    let log = bench.server.log()?;
    for complaint in UNTAKEN.map(|(_, _, complaint)| complaint).iter().chain(&["truncated"]) {
        let refused = "stanch: set refused, the one in use stays: ";
        let told = log.lines().any(|line| line.contains(refused) && line.contains(complaint));
        ensure!(told, "the log does not tell that a file was refused: {complaint}");
    }
    Ok(())
}
