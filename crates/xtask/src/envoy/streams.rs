//! What is passed on before a body has ended, and what Envoy itself does about bodies and trailers.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Bench;
use super::config::BUFFER;
use crate::proxy::bodies::sized_and_chunked;
use crate::proxy::client::{Client, Outcome, exchange};
use crate::proxy::material::{BLOCKED_LEAK, MONITORED_LEAK};
use crate::proxy::message::{Message, filler_with};
use crate::report::Report;

/// What is waited before something is taken not to have happened.
const PAUSE: Duration = Duration::from_millis(200);

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    report.case("buffered: nothing is passed on before the end", held_back(bench));
    report.case("streamed: what was scanned is passed on", passed_on(bench));
    report.case("monitored: the same", monitored(bench));
    report.case("broken off in the midst: what was found is told", broken_off(bench));
    report.case("a body that Envoy cannot buffer: 413 from Envoy", oversize(bench));
    report.case("the same streamed and monitored: passed", oversize_streamed(bench));
    report.case("a token in a trailer", trailer(bench));
    report.case("a token across body and trailer is none", across(bench));
    report.case("refused for its head after 100 Continue", unasked(bench));
    report.case("an upgrade does not wait for its end", upgrade(bench));
    report.case("a name that a client made up is escaped", made_up(bench));
    Ok(())
}

/// Sends the head and the first half of a body; then says whether the upstream saw any of it.
fn half(bench: &Bench, port: u16, case: &str, message: &Message) -> Result<(Client, bool)> {
    let mut client = Client::connect(port)?;
    client.send(&message.head(case))?;
    let body = message.body();
    client.send(&body[..body.len() / 2])?;
    std::thread::sleep(PAUSE);
    Ok((client, bench.upstream.has_begun(case)))
}

fn other_half(client: &mut Client, case: &str, message: &Message) -> Result<Outcome> {
    let body = message.body();
    let response = client.ask(&body[body.len() / 2..])?;
    Ok(Outcome::new(case, message, response.status))
}

fn tokens(bench: &Bench) -> [(&'static str, Message); 2] {
    [("clean", &bench.material.clean), ("leaked", &bench.material.blocked)]
        .map(|(name, token)| (name, Message::post("/", filler_with(50_000, 25_000 - 20, token))))
}

fn held_back(bench: &Bench) -> Result<()> {
    for (name, message) in tokens(bench) {
        let case = format!("held-back-{name}");
        let (mut client, begun) = half(bench, bench.server.ports.on, &case, &message)?;
        ensure!(!begun, "{name}: the upstream saw it before its end");
        let outcome = other_half(&mut client, &case, &message)?;
        if name == "clean" {
            bench.check_passed(&outcome)?;
        } else {
            bench.check_refused(&outcome, 403)?;
            ensure!(!bench.upstream.has_begun(&case), "the upstream saw what was refused");
        }
    }
    Ok(())
}

/// The upstream has the head and the first half, but never the whole of what is refused.
fn passed_on(bench: &Bench) -> Result<()> {
    let port = bench.ports().stream.unwrap_or_default();
    for (name, message) in tokens(bench) {
        let case = format!("passed-on-{name}");
        let (mut client, begun) = half(bench, port, &case, &message)?;
        ensure!(begun, "{name}: the upstream did not see it before its end");
        let outcome = other_half(&mut client, &case, &message)?;
        if name == "clean" {
            bench.check_passed(&outcome)?;
        } else {
            bench.check_refused(&outcome, 403)?;
        }
    }
    Ok(())
}

fn monitored(bench: &Bench) -> Result<()> {
    for (name, message) in tokens(bench) {
        let case = format!("monitored-stream-{name}");
        let (mut client, begun) = half(bench, bench.server.ports.monitor, &case, &message)?;
        ensure!(begun, "{name}: the upstream did not see it before its end");
        bench.check_passed(&other_half(&mut client, &case, &message)?)?;
    }
    Ok(())
}

/// A hit in what was passed on is an attempt, whatever became of the rest; nothing else is.
fn broken_off(bench: &Bench) -> Result<()> {
    let ports = bench.ports();
    let stream = ports.stream.unwrap_or_default();
    for (name, port, token, leak) in [
        ("stream", stream, &bench.material.monitored, MONITORED_LEAK),
        ("monitor", ports.monitor, &bench.material.blocked, BLOCKED_LEAK),
    ] {
        let case = format!("broken-off-hit-{name}");
        let message = Message::post("/", filler_with(2_000, 0, "x")).header("X-Key", token);
        let (client, begun) = half(bench, port, &case, &message)?;
        ensure!(begun, "{name}: the upstream did not see it before its end");
        drop(client);
        let line = bench.attempt_line(&case)?;
        ensure!(line.contains(&format!("\"action\":\"monitor\",\"leak\":{leak}")), "{line}");
        let line = bench.access_line(&case)?;
        ensure!(line == format!("0 monitor {leak} header raw x-key"), "logged `{line}`");
    }
    for (name, port) in [("stream", stream), ("on", ports.on)] {
        let case = format!("broken-off-clean-{name}");
        let message = Message::post("/", filler_with(2_000, 0, "x"));
        let (client, _) = half(bench, port, &case, &message)?;
        drop(client);
        let line = bench.access_line(&case)?;
        ensure!(line == "0 - - - - -", "logged `{line}`");
    }
    Ok(())
}

fn oversize(bench: &Bench) -> Result<()> {
    let body = filler_with(BUFFER + 1_000_000, 0, &bench.material.clean);
    for (name, message) in sized_and_chunked("/", &body) {
        let case = format!("oversize-{name}");
        let outcome = exchange(bench.server.ports.on, &case, &message)?;
        bench.check_refused(&outcome, 413)?;
        bench.check_logged(&outcome, "413 - - - - -")?;
    }
    Ok(())
}

fn oversize_streamed(bench: &Bench) -> Result<()> {
    let ports = bench.ports();
    let body = filler_with(BUFFER + 1_000_000, 0, &bench.material.clean);
    for (port, mode) in [(ports.stream.unwrap_or_default(), "stream"), (ports.monitor, "monitor")] {
        for (name, message) in sized_and_chunked("/", &body) {
            let outcome = exchange(port, &format!("oversize-{mode}-{name}"), &message)?;
            bench.check_passed(&outcome)?;
            bench.check_logged(&outcome, "200 pass - - - -")?;
        }
    }
    Ok(())
}

/// A chunked request with a trailer, byte for byte.
fn with_trailer(case: &str, body: &str, trailer: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: t\r\nX-Case: {case}\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\nX-Key: {trailer}\r\n\r\n",
        body.len(),
    )
    .into_bytes()
}

fn trailer(bench: &Bench) -> Result<()> {
    let (clean, blocked) = (&bench.material.clean, &bench.material.blocked);
    for (port, mode) in [
        (Some(bench.server.ports.on), "on"),
        (bench.server.ports.stream, "stream"),
        (Some(bench.server.ports.monitor), "monitor"),
    ] {
        for (name, token) in [("clean", clean), ("leaked", blocked)] {
            let case = format!("trailer-{mode}-{name}");
            let message = Message::post("/", "body");
            let mut client = Client::connect(port.unwrap_or_default())?;
            let response = client.ask(&with_trailer(&case, "body", token))?;
            let outcome = Outcome::new(&case, &message, response.status);
            if name == "clean" {
                bench.check_passed(&outcome)?;
                bench.check_logged(&outcome, "200 pass - - - -")?;
            } else if mode == "monitor" {
                bench.check_passed(&outcome)?;
                let logged = format!("200 monitor {BLOCKED_LEAK} header raw X-Key");
                bench.check_logged(&outcome, &logged)?;
            } else {
                bench.check_refused(&outcome, 403)?;
                let logged = format!("403 block {BLOCKED_LEAK} header raw X-Key");
                bench.check_logged(&outcome, &logged)?;
            }
        }
    }
    Ok(())
}

fn across(bench: &Bench) -> Result<()> {
    let (body, trailer) = bench.material.blocked.split_at(20);
    let mut client = Client::connect(bench.server.ports.on)?;
    let response = client.ask(&with_trailer("across", body, trailer))?;
    bench.check_passed(&Outcome::new("across", &Message::post("/", body), response.status))
}

/// Envoy itself gives leave to send a body, before any filter sees the head.
fn unasked(bench: &Bench) -> Result<()> {
    let message = Message::post("/", bench.material.clean.as_str())
        .header("Expect", "100-continue")
        .header("X-Key", &bench.material.blocked);
    let mut client = Client::connect(bench.server.ports.on)?;
    let interim = client.ask(&message.head("expect-leaked-head"))?;
    ensure!(interim.status == 100, "answered {} instead of 100", interim.status);
    let response = client.response()?;
    bench.check_refused(&Outcome::new("expect-leaked-head", &message, response.status), 403)
}

fn upgrade(bench: &Bench) -> Result<()> {
    let ask = |token: &str| {
        Message::get("/socket")
            .header("Connection", "keep-alive, Upgrade")
            .header("Upgrade", "websocket")
            .header("X-Key", token)
    };
    let message = ask(&bench.material.blocked);
    let outcome = exchange(bench.server.ports.on, "upgrade-leaked", &message)?;
    bench.check_refused(&outcome, 403)?;

    let mut client = Client::connect(bench.server.ports.on)?;
    client.send(&ask(&bench.material.clean).head("upgrade-clean"))?;
    std::thread::sleep(PAUSE);
    ensure!(bench.upstream.has_begun("upgrade-clean"), "the upgrade was not passed on");
    Ok(())
}

fn made_up(bench: &Bench) -> Result<()> {
    let message =
        Message::get("/").header("Cookie", format!("a b\\\u{e9}={}", bench.material.blocked));
    let outcome = exchange(bench.server.ports.on, "made-up", &message)?;
    bench.check_refused(&outcome, 403)?;
    let logged = format!("403 block {BLOCKED_LEAK} cookie raw a\\x20b\\x5C\\xC3\\xA9");
    bench.check_logged(&outcome, &logged)
}
