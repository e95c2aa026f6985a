//! Sets that are exchanged while requests come in: by new listeners, and by their file alone.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Bench;
use crate::clock;
use crate::proxy::client::exchange;
use crate::proxy::load;
use crate::proxy::material::{FLIPPING_LEAK, Untaken};
use crate::proxy::message::Message;
use crate::proxy::{PATIENCE, Proxy as _};
use crate::report::Report;

/// How often Envoy gets new listeners under load; the set changes in the middle.
const RELOADS: usize = 24;

/// A guard looks at its file once a second.
const GUARD: Duration = Duration::from_millis(1_100);

pub fn run(report: &mut Report, bench: &mut Bench) -> Result<()> {
    report.case("new listeners under load, with a change of the set", under_load(bench));
    report.case("a set that is replaced, under load, without new listeners", by_file(bench));
    report.case("attempts are bounded under load, and those left out counted", bounded(bench));
    report.case("with a bad set: the old one keeps serving", bad_set(bench));
    report.case("with a bad key: the old one keeps serving", bad_key(bench));
    for (name, reason, complaint) in [
        (
            "an unsigned set",
            Untaken::Unsigned,
            "refused: not signed, and only signed sets are taken",
        ),
        ("a set that a stranger signed", Untaken::Stranger, "which is not trusted here"),
        ("a set with a wrong signature", Untaken::Forged, "the signature is not one of key"),
        ("an older set", Untaken::Older, "is older than"),
        ("another set of the same number", Untaken::SameSerial, "but the content differs"),
        ("an expired set", Untaken::Expired, "refused: expired at"),
    ] {
        let name = format!("with {name}: the old one keeps serving");
        report.case(&name, untaken(bench, reason, complaint));
    }
    report.case("with both in order again", good_again(bench, "good-again"));
    report.case("with a set that the next key signed", next_key(bench));
    report.case("a set that expires goes on serving, and is not taken again", expiring(bench));
    Ok(())
}

fn under_load(bench: &mut Bench) -> Result<()> {
    let Bench { server, material, .. } = bench;
    load::during(server.ports.on, material, |changed| {
        for i in 0..RELOADS {
            if i == RELOADS / 2 {
                changed.store(true, Ordering::SeqCst);
                material.save_patches(false)?;
            }
            server.reload()?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    })?;
    let flipping = Message::get("/").header("X-Key", &material.flipping);
    for i in 0..20 {
        let outcome = exchange(bench.server.ports.on, &format!("flipped-{i}"), &flipping)?;
        bench.check_passed(&outcome)?;
    }
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
    still_serving(bench, "by-file")
}

/// Thousands of requests were blocked by now, and a second has passed since.
fn bounded(bench: &Bench) -> Result<()> {
    std::thread::sleep(GUARD);
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

fn await_flipping(
    port: u16,
    material: &crate::proxy::material::Material,
    status: u16,
) -> Result<()> {
    let message = Message::get("/").header("X-Key", &material.flipping);
    let deadline = Instant::now() + PATIENCE;
    while exchange(port, "load", &message)?.status != status {
        ensure!(Instant::now() < deadline, "the set was not exchanged");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn bad_set(bench: &mut Bench) -> Result<()> {
    let good = std::fs::read(bench.material.patches())?;
    bench.material.replace("patches", &good[..good.len() / 2])?;
    refused(bench, "truncated")?;
    std::thread::sleep(GUARD);
    still_serving(bench, "bad-set")?;
    let log = bench.server.log()?;
    ensure!(
        log.contains("stanch: set refused, the one in use stays: "),
        "the log does not tell that the file was refused"
    );
    bench.material.replace("patches", &good)
}

fn bad_key(bench: &mut Bench) -> Result<()> {
    let key = bench.material.folder().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))?;
    refused(bench, "key")?;
    still_serving(bench, "bad-key")?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// What a node must not take, in the place of what it has.
fn untaken(bench: &mut Bench, reason: Untaken, complaint: &str) -> Result<()> {
    bench.material.save_untaken("patches", reason)?;
    refused(bench, complaint)?;
    std::thread::sleep(GUARD);
    still_serving(bench, &format!("untaken-{}", reason as u32))
}

/// Envoy rejects the next listeners, and says why.
fn refused(bench: &mut Bench, complaint: &str) -> Result<()> {
    let log = bench.server.reload_in_vain()?;
    let line =
        log.lines().find(|line| line.contains("configuration") && line.contains("refused: "));
    let line = line.unwrap_or_default();
    ensure!(line.contains(complaint), "the log does not say `{complaint}`: {log}");
    ensure!(line.contains("[error]"), "{line}");
    Ok(())
}

/// The set in force is the one before: the flipping token is not in it.
fn still_serving(bench: &Bench, name: &str) -> Result<()> {
    let material = &bench.material;
    for i in 0..10 {
        let blocked = Message::get("/").header("X-Key", &material.blocked);
        let outcome = exchange(bench.server.ports.on, &format!("{name}-blocked-{i}"), &blocked)?;
        bench.check_refused(&outcome, 403)?;
        for (what, token) in [("clean", &material.clean), ("flipping", &material.flipping)] {
            let message = Message::get("/").header("X-Key", token);
            let case = format!("{name}-{what}-{i}");
            let outcome = exchange(bench.server.ports.on, &case, &message)?;
            bench.check_passed(&outcome)?;
        }
    }
    Ok(())
}

/// A reload works, and the set in force is the one with the flipping token.
fn good_again(bench: &mut Bench, case: &str) -> Result<()> {
    bench.material.save_patches(true)?;
    bench.server.reload()?;
    let message = Message::get("/").header("X-Key", &bench.material.flipping);
    let outcome = exchange(bench.server.ports.on, case, &message)?;
    bench.check_refused(&outcome, 403)?;
    bench.check_logged(&outcome, &format!("403 block {FLIPPING_LEAK} header raw X-Key"))
}

/// While one signing key takes the place of another, nodes trust both.
fn next_key(bench: &mut Bench) -> Result<()> {
    bench.material.save_patches_of_next_key(false)?;
    bench.server.reload()?;
    still_serving(bench, "next-key")
}

fn expiring(bench: &mut Bench) -> Result<()> {
    let expires = bench.material.save_patches_expiring(false)?;
    bench.server.reload()?;
    clock::wait_for(expires);
    still_serving(bench, "expired-in-use")?;
    refused(bench, "refused: expired at")?;
    still_serving(bench, "expired-again")?;
    good_again(bench, "after-expiry")
}
