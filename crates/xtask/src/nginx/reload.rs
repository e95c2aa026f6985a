//! Reloads while requests come in, and reloads that fail.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use super::Bench;
use super::client::{Client, exchange};
use super::material::{FLIPPING_LEAK, Untaken};
use super::message::{Message, filler_with};
use crate::clock;
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
    let port = server.ports.on;
    let body = |token: &str| filler_with(50_000, 20_000, token);
    let clean = Message::get("/").header("X-Key", &material.clean);
    let clean_body = Message::post("/", body(&material.clean));
    let blocked = Message::get("/").header("X-Key", &material.blocked);
    let blocked_body = Message::post("/", body(&material.blocked));
    let flipping = Message::get("/").header("X-Key", &material.flipping);

    let (stop, changed) = (AtomicBool::new(false), AtomicBool::new(false));
    let load = Load { port, stop: &stop };
    // A retiring worker may still answer by the old set, but none may know the new one early.
    let flip = |status| status == 403 || (status == 200 && changed.load(Ordering::SeqCst));

    let answered = std::thread::scope(|scope| -> Result<Vec<usize>> {
        let threads = [
            scope.spawn(|| load.fresh(&clean, |status| status == 200)),
            scope.spawn(|| load.fresh(&clean_body, |status| status == 200)),
            scope.spawn(|| load.fresh(&blocked, |status| status == 403)),
            scope.spawn(|| load.fresh(&flipping, flip)),
            scope.spawn(|| load.kept_alive(&clean, |status| status == 200)),
            scope.spawn(|| load.kept_alive(&clean_body, |status| status == 200)),
            scope.spawn(|| load.kept_alive(&blocked_body, |status| status == 403)),
        ];
        let reloaded = (|| {
            for i in 0..RELOADS {
                if i == RELOADS / 2 {
                    changed.store(true, Ordering::SeqCst);
                    material.save_patches(false)?;
                }
                server.reload()?;
                std::thread::sleep(Duration::from_millis(50));
            }
            anyhow::Ok(())
        })();
        stop.store(true, Ordering::SeqCst);
        let mut answered = Vec::new();
        for thread in threads {
            answered.push(thread.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        reloaded?;
        Ok(answered)
    })?;

    println!("      {RELOADS} reloads; requests answered, by client: {answered:?}");
    ensure!(answered.iter().all(|count| *count >= RELOADS), "the load was none: {answered:?}");
    for i in 0..20 {
        let outcome = exchange(port, &format!("flipped-{i}"), &flipping)?;
        bench.check_passed(&outcome)?;
    }
    Ok(())
}

/// One kind of client under load. Each returns how many of its requests were answered.
pub struct Load<'a> {
    pub port: u16,
    pub stop: &'a AtomicBool,
}

impl Load<'_> {
    /// A new connection for each request: every single one must be answered as expected.
    pub fn fresh(&self, message: &Message, expected: impl Fn(u16) -> bool) -> Result<usize> {
        let mut answered = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let outcome = exchange(self.port, "load", message)
                .with_context(|| format!("request {answered} on a new connection"))?;
            ensure!(expected(outcome.status), "request {answered}: status {}", outcome.status);
            answered += 1;
        }
        Ok(answered)
    }

    /// One connection for many requests. A worker that retires closes idle connections, so, as
    /// RFC 9112 (section 9.3.1) has it, a request that finds its connection closed before any
    /// byte of an answer goes out once more on a new connection, and must be answered there.
    pub fn kept_alive(&self, message: &Message, expected: impl Fn(u16) -> bool) -> Result<usize> {
        let mut answered = 0;
        let mut client = Client::connect(self.port)?;
        let mut used = false;
        while !self.stop.load(Ordering::SeqCst) {
            let outcome = match client.exchange("load", message) {
                Err(_) if used && client.was_closed_unanswered() => {
                    client = Client::connect(self.port)?;
                    client.exchange("load", message).context("on the new connection")
                }
                outcome => outcome,
            }
            .with_context(|| format!("request {answered} on a kept connection"))?;
            ensure!(expected(outcome.status), "request {answered}: status {}", outcome.status);
            answered += 1;
            used = true;
        }
        Ok(answered)
    }
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
