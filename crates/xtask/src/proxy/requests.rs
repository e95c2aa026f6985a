//! The table of requests: where a token may stand and how it may come. Each row runs with a clean
//! token and with a leaked one, where hits are blocked and where they are only monitored.

use anyhow::{Result, ensure};

use super::Bench;
use super::client::{Client, Outcome, exchange};
use super::encodings;
use super::material::BLOCKED_LEAK;
use super::message::{Message, filler_with};
use crate::encoded;
use crate::report::Report;

/// nginx keeps bodies above this in a temporary file.
pub const BODY_BUFFER: usize = 16 * 1024;

/// A way to send a token.
pub struct Row {
    name: String,
    /// Part, view and name as the access log has them.
    logged: &'static str,
    message: Box<dyn Fn(&str) -> Message>,
}

pub fn row(
    name: impl Into<String>,
    logged: &'static str,
    message: impl Fn(&str) -> Message + 'static,
) -> Row {
    Row { name: name.into(), logged, message: Box::new(message) }
}

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    for row in rows().into_iter().chain(encodings::rows()) {
        report.case(&row.name, run_row(bench, &row));
    }
    report.case("Expect: 100-continue", expect_continue(bench));
    report.case("keep-alive after a block", keep_alive(bench));
    report.case("two requests in one segment, the first blocked", pipelined(bench));
    Ok(())
}

fn rows() -> Vec<Row> {
    let mut rows = vec![
        row("header", "header raw Authorization", |token| {
            Message::get("/").header("Authorization", format!("Bearer {token}"))
        }),
        row("last of a hundred headers", "header raw X-Key", |token| {
            (0..100)
                .fold(Message::get("/"), |message, i| message.header(&format!("X-{i}"), "value"))
                .header("X-Key", token)
        }),
        row("header split over TCP segments", "header raw X-Key", |token| {
            Message::get("/").header("X-Key", token).cut_in(token)
        }),
        row("query", "query raw key", |token| Message::get(format!("/q?a=1&key={token}&b=2"))),
        row("query, percent-encoded", "query percent key", |token| {
            Message::get(format!("/q?a=1&key={}&b=2", encoded::percent(token)))
        }),
        row("path", "path raw -", |token| Message::get(format!("/api/{token}/items"))),
        row("path, percent-encoded", "path percent -", |token| {
            Message::get(format!("/api/{}/items", encoded::percent(token)))
        }),
        row("path split over TCP segments", "path raw -", |token| {
            Message::get(format!("/api/{token}/items")).cut_in(token)
        }),
        row("cookie", "cookie raw session", |token| {
            Message::get("/").header("Cookie", format!("theme=dark; session={token}"))
        }),
        row("Basic credentials", "header basic Authorization", |token| {
            let credentials = encoded::base64(format!("user:{token}").as_bytes());
            Message::get("/").header("Authorization", format!("Basic {credentials}"))
        }),
        row("small body", "body raw -", |token| {
            Message::post("/", format!("{{\"key\":\"{token}\"}}"))
        }),
        row("body split over TCP segments", "body raw -", |token| {
            Message::post("/", format!("{{\"key\":\"{token}\"}}")).cut_in(token)
        }),
        row("chunked body", "body raw -", |token| {
            Message::chunked("/", vec![format!("{{\"key\":\"{token}\"}}").into_bytes()])
        }),
        row("chunked body, token across chunks", "body raw -", |token| {
            let text = format!("{{\"key\":\"{token}\"}}");
            Message::chunked("/", text.as_bytes().chunks(7).map(<[u8]>::to_vec).collect())
        }),
        row("chunked body, one byte a chunk", "body raw -", |token| {
            Message::chunked("/", token.bytes().map(|byte| vec![byte]).collect())
        }),
        row("body without buffering by the proxy", "body raw -", |token| {
            Message::post("/unbuffered/", format!("{{\"key\":\"{token}\"}}"))
        }),
        row("body as large as its buffer", "body raw -", |token| {
            Message::post("/", filler_with(BODY_BUFFER, BODY_BUFFER - token.len(), token))
        }),
        row("1 MB body in a temporary file", "body raw -", |token| {
            Message::post("/", filler_with(1_000_000, 700_000, token))
        }),
        row("1 MB chunked body in a temporary file", "body raw -", |token| {
            let body = filler_with(1_000_000, 999_000, token);
            Message::chunked("/", body.chunks(8_191).map(<[u8]>::to_vec).collect())
        }),
    ];
    // The module reads 64 KiB at a time, and lets other connections in after 4 MiB.
    for (what, boundary) in
        [("file read", 65_536), ("third file read", 3 * 65_536), ("portion", 4 << 20)]
    {
        for before in [1, 22, 43] {
            let name = format!("token {before} bytes before the {what} boundary");
            rows.push(row(name, "body raw -", move |token| {
                Message::post("/", filler_with(boundary + 100_000, boundary - before, token))
            }));
        }
    }
    for before in [1, 22, 43] {
        let name = format!("token {before} bytes before the portion boundary, in memory");
        rows.push(row(name, "body raw -", move |token| {
            Message::post("/memory/", filler_with(5 << 20, (4 << 20) - before, token))
        }));
    }
    rows.push(row("token in the second portion, in memory", "body raw -", |token| {
        Message::post("/memory/", filler_with(5 << 20, (5 << 20) - 500_000, token))
    }));
    for at_end in [false, true] {
        let name = format!("token at the {} of a file", if at_end { "end" } else { "start" });
        rows.push(row(name, "body raw -", move |token| {
            let at = if at_end { 200_000 - token.len() } else { 0 };
            Message::post("/", filler_with(200_000, at, token))
        }));
    }
    rows
}

fn run_row(bench: &Bench, row: &Row) -> Result<()> {
    let id = row.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let clean = (row.message)(&bench.material.clean);
    let leaked = (row.message)(&bench.material.blocked);
    let ports = bench.ports();
    let stream = ports.stream.map(|port| (port, "stream"));
    let refusing = [(ports.on, "on")].into_iter().chain(stream);

    for (port, mode) in refusing.clone().chain([(ports.monitor, "monitor")]) {
        let outcome = exchange(port, &format!("{id}-{mode}-clean"), &clean)?;
        bench.check_passed(&outcome)?;
        bench.check_logged(&outcome, "200 pass - - - -")?;
    }

    for (port, mode) in refusing {
        let outcome = exchange(port, &format!("{id}-{mode}-leaked"), &leaked)?;
        bench.check_refused(&outcome, 403)?;
        bench.check_logged(&outcome, &format!("403 block {BLOCKED_LEAK} {}", row.logged))?;
    }

    let outcome = exchange(ports.monitor, &format!("{id}-monitor-leaked"), &leaked)?;
    bench.check_passed(&outcome)?;
    bench.check_logged(&outcome, &format!("200 monitor {BLOCKED_LEAK} {}", row.logged))
}

/// A client that waits for leave to send its body gets it, and is refused for what it then sends.
fn expect_continue(bench: &Bench) -> Result<()> {
    let material = &bench.material;
    for (case, token, status) in
        [("expect-clean", &material.clean, 200), ("expect-leaked", &material.blocked, 403)]
    {
        let message =
            Message::post("/", format!("{{\"key\":\"{token}\"}}")).header("Expect", "100-continue");
        let mut client = Client::connect(bench.ports().on)?;
        let interim = client.ask(&message.head(case))?;
        ensure!(interim.status == 100, "{case}: {} instead of 100", interim.status);
        let last = client.ask(&message.tail())?;
        let outcome = Outcome::new(case, &message, last.status);
        if status == 200 {
            bench.check_passed(&outcome)?;
        } else {
            bench.check_refused(&outcome, status)?;
        }
    }
    Ok(())
}

/// The connection of a refused request serves the next one, whatever was left of the body; or it is
/// closed, if there was much left and the proxy does not read it.
fn keep_alive(bench: &Bench) -> Result<()> {
    let material = &bench.material;
    let clean = Message::get(format!("/?key={}", material.clean));
    let large = filler_with(100_000, 50_000, &material.clean);
    let refused = [
        ("get", Message::get("/").header("X-Key", &material.blocked)),
        ("body", Message::post("/", material.blocked.as_str())),
        ("chunked", Message::chunked("/", vec![material.blocked.clone().into_bytes()])),
        ("head-and-body", Message::post("/", large.clone()).header("X-Key", &material.blocked)),
        ("spooled", Message::post("/", filler_with(100_000, 50_000, &material.blocked))),
    ];
    let mut client = Client::connect(bench.ports().on)?;
    for round in 0..2 {
        for (name, message) in &refused {
            let case = format!("keep-alive-{name}-{round}");
            let outcome = client.exchange(&case, message)?;
            bench.check_refused(&outcome, 403)?;
            if message.body().len() > BODY_BUFFER && !bench.server.reads_refused_bodies() {
                client = Client::connect(bench.ports().on)?;
            }
            let outcome = client.exchange(&format!("{case}-next"), &clean)?;
            bench.check_passed(&outcome)?;
        }
    }
    Ok(())
}

fn pipelined(bench: &Bench) -> Result<()> {
    let refused = Message::post("/", bench.material.blocked.as_str());
    let clean = Message::get("/after");
    let mut both = refused.wire("pipelined-1").segments.concat();
    both.extend(clean.wire("pipelined-2").segments.concat());
    let mut client = Client::connect(bench.ports().on)?;
    let first = client.ask(&both)?;
    ensure!(first.keeps_alive, "the connection ends with the refusal");
    bench.check_refused(&Outcome::new("pipelined-1", &refused, first.status), 403)?;
    let second = client.response()?;
    bench.check_passed(&Outcome::new("pipelined-2", &clean, second.status))
}
