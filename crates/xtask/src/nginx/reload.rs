//! Reloads while requests come in, and reloads that fail.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};

use super::Bench;
use super::client::{Client, exchange};
use super::material::FLIPPING_LEAK;
use super::message::{Message, filler_with};
use crate::report::Report;

/// How often nginx is told to reload under load; the set changes in the middle.
const RELOADS: usize = 24;

/// In every emergency that the suite causes in the running nginx: what the module says of a set
/// or key that cannot be opened.
pub const EXPECTED_EMERGENCY: &str = "(stanch_patches in ";

pub fn run(report: &mut Report, bench: &mut Bench) -> Result<()> {
    report.case("under load, with a change of the set", under_load(bench));
    report.case("with a bad set: the old configuration keeps serving", bad_set(bench));
    report.case("with a bad key: the old configuration keeps serving", bad_key(bench));
    report.case("with both in order again", good_again(bench));
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
struct Load<'a> {
    port: u16,
    stop: &'a AtomicBool,
}

impl Load<'_> {
    /// A new connection for each request: every single one must be answered as expected.
    fn fresh(&self, message: &Message, expected: impl Fn(u16) -> bool) -> Result<usize> {
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
    fn kept_alive(&self, message: &Message, expected: impl Fn(u16) -> bool) -> Result<usize> {
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
    std::fs::write(bench.material.patches(), &good[..good.len() / 2])?;
    bench.server.reload_in_vain(EXPECTED_EMERGENCY)?;
    still_serving(bench, "bad-set")
}

fn bad_key(bench: &mut Bench) -> Result<()> {
    bench.material.save_patches(true)?;
    let key = bench.material.folder().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))?;
    bench.server.reload_in_vain(EXPECTED_EMERGENCY)?;
    still_serving(bench, "bad-key")?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
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
    bench.server.reload()?;
    let message = Message::get("/").header("X-Key", &bench.material.flipping);
    let outcome = exchange(bench.server.ports.on, "good-again", &message)?;
    bench.check_refused(&outcome, 403)?;
    bench.check_logged(&outcome, &format!("403 block {FLIPPING_LEAK} header raw X-Key"))
}
