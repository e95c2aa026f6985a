//! Eight clients that ask all the while, and whose every request must be answered as it should be.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::client::{Client, exchange};
use super::material::Material;
use super::message::{Message, filler_with};

/// How many answers each client must have got for this to have been a load.
const ANSWERS: usize = 24;

/// Runs `work` while requests come in. It sets its flag before the set without the flipping token is
/// there: from then on that token may pass.
pub fn during(
    port: u16,
    material: &Material,
    work: impl FnOnce(&AtomicBool) -> Result<()>,
) -> Result<()> {
    let body = |token: &str| filler_with(50_000, 20_000, token);
    let clean = Message::get("/").header("X-Key", &material.clean);
    let clean_body = Message::post("/", body(&material.clean));
    let blocked = Message::get("/").header("X-Key", &material.blocked);
    let blocked_body = Message::post("/", body(&material.blocked));
    let flipping = Message::get("/").header("X-Key", &material.flipping);
    let flipping_body = Message::post("/", body(&material.flipping));

    let (stop, changed) = (AtomicBool::new(false), AtomicBool::new(false));
    let load = Load { port, stop: &stop };
    // What retires may still answer by the old set, but nothing may know the new one early.
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
            scope.spawn(|| load.kept_alive(&flipping_body, flip)),
        ];
        let worked = work(&changed);
        stop.store(true, Ordering::SeqCst);
        let mut answered = Vec::new();
        for thread in threads {
            answered.push(thread.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        worked?;
        Ok(answered)
    })?;

    println!("      requests answered, by client: {answered:?}");
    ensure!(answered.iter().all(|count| *count >= ANSWERS), "the load was none: {answered:?}");
    Ok(())
}

/// Clients that each send a message so often, all at the same time, every time on a new connection; every
/// answer must have this status.
pub fn at_once(
    port: u16,
    clients: usize,
    each: usize,
    message: &Message,
    status: u16,
) -> Result<()> {
    std::thread::scope(|scope| -> Result<()> {
        let client = || -> Result<()> {
            for _ in 0..each {
                let answered = exchange(port, "load", message)?.status;
                ensure!(answered == status, "answered {answered} instead of {status}");
            }
            Ok(())
        };
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        for client in clients {
            client.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(())
    })
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

    /// One connection for as many requests as it serves. A proxy that reloads may close idle connections, so, as
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
            if client.is_closing {
                client = Client::connect(self.port)?;
                used = false;
            }
        }
        Ok(answered)
    }
}
