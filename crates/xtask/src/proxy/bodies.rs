//! Bodies beyond the limit of the scan, and bodies that never come.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Bench;
use super::client::{Client, Outcome, exchange};
use super::material::BLOCKED_LEAK;
use super::message::{Message, filler_with};
use crate::report::Report;

/// The limit at `/limit-open/` and `/limit-closed/`.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A live request takes about a millisecond; one that waits for a stalled one takes minutes.
const LIVELY: Duration = Duration::from_secs(5);

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    report.case("scan limit, fail open", limit_open(bench));
    report.case("scan limit, fail closed", limit_closed(bench));
    report.case("scan limit, monitor", limit_monitor(bench));
    report.case("50 stalled uploads beside live traffic", stalled(bench));
    report.case("50 uploads broken off", broken_off(bench));
    Ok(())
}

/// The same body with its length told, and in chunks.
pub fn sized_and_chunked(target: &str, body: &[u8]) -> [(&'static str, Message); 2] {
    [
        ("sized", Message::post(target, body)),
        ("chunked", Message::chunked(target, body.chunks(10_000).map(<[u8]>::to_vec).collect())),
    ]
}

/// Where a token may stand, and whether it is within the limit. The body's length is twice that.
fn places(length: usize) -> [(&'static str, usize, bool); 3] {
    [("first", 0, true), ("last-within", BODY_LIMIT - length, true), ("beyond", BODY_LIMIT, false)]
}

fn limit_open(bench: &Bench) -> Result<()> {
    let token = &bench.material.blocked;
    for (place, at, within) in places(token.len()) {
        let body = filler_with(2 * BODY_LIMIT, at, token);
        for (name, message) in sized_and_chunked("/limit-open/", &body) {
            let case = format!("limit-open-{place}-{name}");
            let outcome = exchange(bench.ports().on, &case, &message)?;
            if within {
                bench.check_refused(&outcome, 403)?;
                let logged = format!("403 block {BLOCKED_LEAK} body raw -");
                bench.check_logged(&outcome, &logged)?;
            } else {
                bench.check_passed(&outcome)?;
                bench.check_logged(&outcome, "200 failed - - - -")?;
            }
        }
    }
    Ok(())
}

fn limit_closed(bench: &Bench) -> Result<()> {
    let port = bench.ports().on;
    let clean = &bench.material.clean;
    for (name, message) in sized_and_chunked("/limit-closed/", &filler_with(BODY_LIMIT, 9, clean)) {
        let outcome = exchange(port, &format!("limit-closed-within-{name}"), &message)?;
        bench.check_passed(&outcome)?;
        bench.check_logged(&outcome, "200 pass - - - -")?;
    }
    for (name, message) in
        sized_and_chunked("/limit-closed/", &filler_with(BODY_LIMIT + 1, 9, clean))
    {
        let outcome = exchange(port, &format!("limit-closed-above-{name}"), &message)?;
        bench.check_refused(&outcome, 413)?;
        bench.check_logged(&outcome, "413 failed - - - -")?;
    }
    let leaked = filler_with(BODY_LIMIT, BODY_LIMIT - 44, &bench.material.blocked);
    for (name, message) in sized_and_chunked("/limit-closed/", &leaked) {
        let outcome = exchange(port, &format!("limit-closed-leaked-{name}"), &message)?;
        bench.check_refused(&outcome, 403)?;
    }
    Ok(())
}

/// Monitoring never refuses a request, not even where a failed scan would.
fn limit_monitor(bench: &Bench) -> Result<()> {
    let body = filler_with(2 * BODY_LIMIT, 9, &bench.material.clean);
    for (name, message) in sized_and_chunked("/limit-closed/", &body) {
        let case = format!("limit-monitor-{name}");
        let outcome = exchange(bench.ports().monitor, &case, &message)?;
        bench.check_passed(&outcome)?;
        bench.check_logged(&outcome, "200 failed - - - -")?;
    }
    Ok(())
}

/// Half of each upload is sent; others are served meanwhile; then the other half comes.
fn stalled(bench: &Bench) -> Result<()> {
    let port = bench.ports().on;
    let mut uploads = Vec::new();
    for i in 0..50 {
        let leaked = i % 2 == 1;
        let token = if leaked { &bench.material.blocked } else { &bench.material.clean };
        // Small ones wait in memory, large ones in a temporary file; the token comes in halves.
        let length = if i % 4 < 2 { 2_000 } else { 60_000 };
        let message = Message::post("/", filler_with(length, length / 2 - 20, token));
        let case = format!("stalled-{i}");
        let mut client = Client::connect(port)?;
        client.send(&message.head(&case))?;
        client.send(&message.body()[..length / 2])?;
        uploads.push((case, message, client, leaked));
    }

    for i in 0..200 {
        let message = Message::get("/live");
        let began = Instant::now();
        let outcome = exchange(port, &format!("stalled-live-{i}"), &message)?;
        bench.check_passed(&outcome)?;
        let took = began.elapsed();
        ensure!(took < LIVELY, "a live request took {took:?}");
    }

    for (case, message, client, leaked) in &mut uploads {
        let body = message.body();
        let response = client.ask(&body[body.len() / 2..])?;
        let outcome = Outcome::new(case, message, response.status);
        if *leaked {
            bench.check_refused(&outcome, 403)?;
        } else {
            bench.check_passed(&outcome)?;
        }
    }
    Ok(())
}

/// Clients that go away inside a body leave the proxy as it was.
fn broken_off(bench: &Bench) -> Result<()> {
    for i in 0..50 {
        let length = if i % 2 == 0 { 2_000 } else { 60_000 };
        let message = Message::post("/", filler_with(length, 100, &bench.material.clean));
        let case = format!("broken-off-{i}");
        let mut client = Client::connect(bench.ports().on)?;
        client.send(&message.head(&case))?;
        client.send(&message.body()[..length / 2])?;
        drop(client);
        bench.upstream.must_not_see(&case)?;
    }
    let outcome = exchange(bench.ports().on, "broken-off-after", &Message::get("/"))?;
    bench.check_passed(&outcome)
}
