//! HTTP/2 in clear text with prior knowledge, spoken by curl: with and without a content length.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use super::client::Outcome;
use super::material::BLOCKED_LEAK;
use super::message::{Message, filler_with};
use crate::report::Report;

/// Whether curl tells the length of the body before it sends it.
#[derive(Clone, Copy, PartialEq)]
enum Length {
    Told,
    Untold,
}

/// The answer that comes before all of a body was sent, together with the end of the stream, is lost on
/// this curl in most cases; what the proxy did is then for its access log to say.
const UNHEARD: u16 = 0;

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    let get = |token: &str| Message::get("/").header("x-key", token);
    report.case("header", run_case(bench, "h2-header", get, Length::Told, "header raw x-key"));
    let query = |token: &str| Message::get(format!("/q?key={token}"));
    report.case("query", run_case(bench, "h2-query", query, Length::Told, "query raw key"));
    let cookie = |token: &str| Message::get("/").header("cookie", format!("a=b; c={token}"));
    report.case("cookie", run_case(bench, "h2-cookie", cookie, Length::Told, "cookie raw c"));

    let small = |token: &str| Message::post("/", format!("{{\"key\":\"{token}\"}}"));
    let large = |token: &str| Message::post("/", filler_with(1_000_000, 65_536 - 20, token));
    for (name, length) in [("with", Length::Told), ("without", Length::Untold)] {
        let case = format!("h2-small-{name}");
        report.case(
            &format!("small body {name} content-length"),
            run_case(bench, &case, small, length, "body raw -"),
        );
        let case = format!("h2-large-{name}");
        report.case(
            &format!("1 MB body {name} content-length"),
            run_case(bench, &case, large, length, "body raw -"),
        );
    }
    Ok(())
}

fn run_case(
    bench: &Bench,
    name: &str,
    message: impl Fn(&str) -> Message,
    length: Length,
    logged: &str,
) -> Result<()> {
    let ports = bench.ports();
    let (clean, leaked) = (message(&bench.material.clean), message(&bench.material.blocked));

    let stream = ports.stream.map(|port| (port, "stream"));
    let refusing = [(ports.on_h2, "on")].into_iter().chain(stream);

    for (port, mode) in refusing.clone().chain([(ports.monitor_h2, "monitor")]) {
        let outcome = curl(port, &format!("{name}-{mode}-clean"), &clean, length)?;
        bench.check_passed(&outcome)?;
        bench.check_logged(&outcome, "200 pass - - - -")?;
    }
    for (port, mode) in refusing {
        let mut outcome = curl(port, &format!("{name}-{mode}-leaked"), &leaked, length)?;
        if outcome.status == UNHEARD && !bench.server.reads_refused_bodies() {
            outcome.status = 403;
        }
        bench.check_refused(&outcome, 403)?;
        bench.check_logged(&outcome, &format!("403 block {BLOCKED_LEAK} {logged}"))?;
    }

    let outcome = curl(ports.monitor_h2, &format!("{name}-monitor-leaked"), &leaked, length)?;
    bench.check_passed(&outcome)?;
    bench.check_logged(&outcome, &format!("200 monitor {BLOCKED_LEAK} {logged}"))
}

fn curl(port: u16, case: &str, message: &Message, length: Length) -> Result<Outcome> {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--http2-prior-knowledge", "--max-time", "30"])
        .args(["--output", "/dev/null", "--write-out", "%{http_version} %{http_code}"])
        .args(["--header", &format!("x-case: {case}")]);
    for (name, value) in message.headers() {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    let body = message.body();
    if !body.is_empty() {
        match length {
            Length::Told => command.args(["--data-binary", "@-"]),
            // An upload of unknown length: HTTP/2 has no other way to say so than to say nothing.
            Length::Untold => command.args(["--request", "POST", "--upload-file", "-"]),
        };
    }
    command
        .arg(format!("http://127.0.0.1:{port}{}", message.target()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot run curl")?;
    let mut input = child.stdin.take().context("curl has no standard input")?;
    // curl stops reading when the answer comes early; what it answered is checked below.
    let _ = input.write_all(&body);
    drop(input);
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    let (version, status) = text.split_once(' ').context("curl printed no status")?;
    ensure!(version == "2" || status == "000", "curl spoke HTTP/{version}");
    Ok(Outcome::new(case, message, status.parse()?))
}
