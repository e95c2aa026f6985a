//! Attempts: one line of JSON for each hit, without a token.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Bench;
use super::client::exchange;
use super::material::{BLOCKED_LEAK, MONITORED_LEAK};
use super::message::Message;
use crate::report::Report;

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    let blocked = bench.material.blocked.as_str();
    let monitored = bench.material.monitored.as_str();
    let hit = |action, leak: u64, method, part: &str, view| {
        json!({
            "type": "vpatch", "client": "127.0.0.1", "host": "t", "method": method,
            "part": part, "view": view, "action": action, "leak": leak,
        })
    };
    let with = |mut attempt: Value, key: &str, value: &str| {
        attempt[key] = value.into();
        attempt
    };
    let block = |method, part: &str, view| hit("block", BLOCKED_LEAK, method, part, view);
    let at = |attempt, path: &str| with(attempt, "path", path);

    let (on, monitor) = (bench.ports().on, bench.ports().monitor);
    let escaped: String = blocked.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for (name, port, message, expected) in [
        (
            "header",
            on,
            Message::get("/a/b?page=2").header("X-Key", blocked),
            with(at(block("GET", "header", "raw"), "/a/b"), "name", "X-Key"),
        ),
        (
            "query, escaped",
            on,
            Message::get(format!("/%61?key={escaped}")),
            with(at(block("GET", "query", "percent"), "/%61"), "name", "key"),
        ),
        ("body", on, Message::post("/form", blocked), at(block("POST", "body", "raw"), "/form")),
        ("path", on, Message::get(format!("/x/{blocked}/y")), block("GET", "path", "raw")),
        (
            "a monitored token in the path, a blocked one elsewhere",
            on,
            Message::get(format!("/x/{monitored}/y?page=2")).header("X-Key", blocked),
            with(block("GET", "header", "raw"), "name", "X-Key"),
        ),
        (
            "monitored",
            on,
            Message::get("/m").header("X-Key", monitored),
            with(at(hit("monitor", MONITORED_LEAK, "GET", "header", "raw"), "/m"), "name", "X-Key"),
        ),
        (
            "blocked patch in monitor mode",
            monitor,
            Message::get("/m").header("X-Key", blocked),
            with(at(hit("monitor", BLOCKED_LEAK, "GET", "header", "raw"), "/m"), "name", "X-Key"),
        ),
        (
            "what JSON must escape",
            on,
            Message::get("/\"quoted\"\\").header("X-Key", blocked),
            with(at(block("GET", "header", "raw"), "/\"quoted\"\\"), "name", "X-Key"),
        ),
    ] {
        report.case(name, attempt(bench, name, port, &message, &expected));
    }
    report.case("a clean request is no attempt", none(bench, "clean", &bench.material.clean));
    Ok(())
}

fn attempt(
    bench: &Bench,
    name: &str,
    port: u16,
    message: &Message,
    expected: &Value,
) -> Result<()> {
    let case = case(name);
    exchange(port, &case, message)?;
    let line = bench.attempt_line(&case)?;
    bench.material.check_absent(&line)?;
    let mut attempt: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
    let members = attempt.as_object_mut().context("no object")?;
    let time = members.remove("time").context("no time")?;
    let time = time.as_str().context("the time is no text")?;
    ensure!(
        time.len() == 24 && time.starts_with("20") && time.ends_with('Z'),
        "the time is {time}"
    );
    let node = members.remove("node").context("no node")?;
    ensure!(node.as_str().is_some_and(|node| !node.is_empty()), "the node is {node}");
    let mut expected = expected.clone();
    if let (true, Some(name)) = (bench.server.lowers_names(), expected["name"].as_str()) {
        expected["name"] = name.to_lowercase().into();
    }
    ensure!(attempt == expected, "{attempt} instead of {expected}");
    Ok(())
}

fn none(bench: &Bench, name: &str, token: &str) -> Result<()> {
    let case = case(name);
    let message = Message::get("/").header("X-Key", token);
    let outcome = exchange(bench.ports().on, &case, &message)?;
    // Attempts are written before the access log's line, which this waits for.
    bench.check_logged(&outcome, "200 pass - - - -")?;
    ensure!(!bench.attempts()?.contains(&format!("{case} ")), "there is a line");
    Ok(())
}

fn case(name: &str) -> String {
    format!("attempt-{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
}
