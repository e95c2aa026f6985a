//! Reloads while requests come in, and reloads that fail. Between these, a proxy may have cases of its own.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::client::exchange;
use super::material::{FLIPPING_LEAK, Untaken};
use super::message::Message;
use super::{Bench, load};
use crate::clock;
use crate::report::Report;

/// How often a proxy is told to reload under load; the set changes in the middle.
const RELOADS: usize = 24;

/// Long enough for a proxy to look at a set's file by itself, which it does once a second.
pub const LOOK: Duration = Duration::from_millis(1_100);

/// Reloads under load, with a set that changes.
pub fn under_load(report: &mut Report, bench: &mut Bench) {
    report.case("under load, with a change of the set", loaded(bench));
}

/// What must not be taken. The set in force is the one without the flipping token.
pub fn refused(report: &mut Report, bench: &mut Bench) {
    report.case("with a bad set: the old one keeps serving", bad_set(bench));
    report.case("with a bad key: the old one keeps serving", bad_key(bench));
    for (name, reason, complaint) in UNTAKEN {
        let name = format!("with {name}: the old one keeps serving");
        report.case(&name, untaken(bench, reason, complaint));
    }
}

/// Sets that a node must not take: what they are called, and what is said of each.
pub const UNTAKEN: [(&str, Untaken, &str); 6] = [
    ("an unsigned set", Untaken::Unsigned, "refused: not signed, and only signed sets are taken"),
    ("a set that a stranger signed", Untaken::Stranger, "which is not trusted here"),
    ("a set with a wrong signature", Untaken::Forged, "the signature is not one of key"),
    ("an older set", Untaken::Older, "is older than"),
    ("another set of the same number", Untaken::SameSerial, "but the content differs"),
    ("an expired set", Untaken::Expired, "refused: expired at"),
];

/// What must be taken after all that, and what a set does that expires.
pub fn restored(report: &mut Report, bench: &mut Bench) {
    report.case("with all in order again", good_again(bench, "good-again"));
    report.case("with a set that the next key signed", next_key(bench));
    report.case("a set that expires goes on serving, and is not taken again", expiring(bench));
}

/// The set in force is the one before: the flipping token is not in it.
pub fn still_serving(bench: &Bench, name: &str) -> Result<()> {
    let (port, material) = (bench.ports().on, &bench.material);
    for i in 0..10 {
        let blocked = Message::get("/").header("X-Key", &material.blocked);
        let outcome = exchange(port, &format!("{name}-blocked-{i}"), &blocked)?;
        bench.check_refused(&outcome, 403)?;
        for (what, token) in [("clean", &material.clean), ("flipping", &material.flipping)] {
            let message = Message::get("/").header("X-Key", token);
            let outcome = exchange(port, &format!("{name}-{what}-{i}"), &message)?;
            bench.check_passed(&outcome)?;
        }
    }
    Ok(())
}

fn loaded(bench: &mut Bench) -> Result<()> {
    let Bench { server, material, .. } = bench;
    load::during(server.ports().on, material, |changed| {
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
        let outcome = exchange(bench.ports().on, &format!("flipped-{i}"), &flipping)?;
        bench.check_passed(&outcome)?;
    }
    Ok(())
}

fn bad_set(bench: &mut Bench) -> Result<()> {
    let good = std::fs::read(bench.material.patches())?;
    bench.material.replace("patches", &good[..good.len() / 2])?;
    in_vain(bench, "truncated")?;
    std::thread::sleep(LOOK);
    still_serving(bench, "bad-set")?;
    bench.material.replace("patches", &good)
}

fn bad_key(bench: &mut Bench) -> Result<()> {
    let key = bench.material.folder().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))?;
    in_vain(bench, "key")?;
    still_serving(bench, "bad-key")?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// What a node must not take, in the place of what it has.
fn untaken(bench: &mut Bench, reason: Untaken, complaint: &str) -> Result<()> {
    bench.material.save_untaken("patches", reason)?;
    in_vain(bench, complaint)?;
    std::thread::sleep(LOOK);
    still_serving(bench, &format!("untaken-{}", reason as u32))
}

/// The proxy refuses the next configuration, and says why.
fn in_vain(bench: &mut Bench, complaint: &str) -> Result<()> {
    let line = bench.server.reload_in_vain()?;
    ensure!(line.contains(complaint), "the log does not say `{complaint}`: {line}");
    Ok(())
}

/// A reload works, and the set in force is the one with the flipping token.
fn good_again(bench: &mut Bench, case: &str) -> Result<()> {
    bench.material.save_patches(true)?;
    bench.server.reload()?;
    let message = Message::get("/").header("X-Key", &bench.material.flipping);
    let outcome = exchange(bench.ports().on, case, &message)?;
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
    in_vain(bench, "refused: expired at")?;
    still_serving(bench, "expired-again")?;
    good_again(bench, "after-expiry")
}
