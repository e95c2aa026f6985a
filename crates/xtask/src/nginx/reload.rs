//! Reloads while requests come in, and reloads that fail.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Bench;
use crate::clock;
use crate::proxy::Proxy;
use crate::proxy::client::exchange;
use crate::proxy::load;
use crate::proxy::material::{FLIPPING_LEAK, Untaken};
use crate::proxy::message::Message;
use crate::report::Report;

/// How often nginx is told to reload under load; the set changes in the middle.
const RELOADS: usize = 24;

/// In every emergency that the suite causes in the running nginx: what the module says of a set
/// or key that cannot be opened.
pub const EXPECTED_EMERGENCY: &str = "(stanch_patches in ";
/// The same for a public key.
pub const EXPECTED_KEY_EMERGENCY: &str = "(stanch_public_key in ";

pub fn run(report: &mut Report, bench: &mut Bench) -> Result<()> {
    report.case("under load, with a change of the set", under_load(bench));
    report.case("with a bad set: the old configuration keeps serving", bad_set(bench));
    report.case("with a bad key: the old configuration keeps serving", bad_key(bench));
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
        let name = format!("with {name}: the old configuration keeps serving");
        report.case(&name, untaken(bench, reason, complaint));
    }
    report.case("with a public key that is none", bad_public_key(bench));
    report.case("with all in order again", good_again(bench));
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
        let outcome = exchange(bench.ports().on, &format!("flipped-{i}"), &flipping)?;
        bench.check_passed(&outcome)?;
    }
    Ok(())
}

fn bad_set(bench: &mut Bench) -> Result<()> {
    let good = std::fs::read(bench.material.patches())?;
    bench.material.replace("patches", &good[..good.len() / 2])?;
    bench.server.reload_in_vain(EXPECTED_EMERGENCY)?;
    still_serving(bench, "bad-set")?;
    bench.material.replace("patches", &good)
}

fn bad_key(bench: &mut Bench) -> Result<()> {
    let key = bench.material.folder().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))?;
    bench.server.reload_in_vain(EXPECTED_EMERGENCY)?;
    still_serving(bench, "bad-key")?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    Ok(())
}

/// What a node must not take, in the place of what it has.
fn untaken(bench: &mut Bench, reason: Untaken, complaint: &str) -> Result<()> {
    bench.material.save_untaken("patches", reason)?;
    bench.server.reload_in_vain(complaint)?;
    let log = bench.server.error_log()?;
    let line = log.lines().rfind(|line| line.contains(complaint)).unwrap_or_default();
    ensure!(line.contains("[emerg]") && line.contains(EXPECTED_EMERGENCY), "{line}");
    still_serving(bench, &format!("untaken-{}", reason as u32))
}

fn bad_public_key(bench: &mut Bench) -> Result<()> {
    bench.material.save_patches(false)?;
    let path = bench.material.folder().join("sign.pub");
    let good = std::fs::read(&path)?;
    std::fs::write(&path, &good[..good.len() - 2])?;
    bench.server.reload_in_vain(EXPECTED_KEY_EMERGENCY)?;
    still_serving(bench, "bad-public-key")?;
    std::fs::write(&path, good)?;
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

fn good_again(bench: &mut Bench) -> Result<()> {
    bench.material.save_patches(true)?;
    good_again_as(bench, "good-again")
}

/// A reload works, and the set in force is the one with the flipping token.
fn good_again_as(bench: &mut Bench, case: &str) -> Result<()> {
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
    bench.server.reload_in_vain("refused: expired at")?;
    still_serving(bench, "expired-again")?;
    bench.material.save_patches(true)?;
    good_again_as(bench, "after-expiry")
}
