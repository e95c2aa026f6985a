//! What may be set for one route alone, and which of several tokens decides.

use anyhow::{Result, ensure};

use super::Bench;
use super::client::{Client, exchange};
use super::material::{BLOCKED_LEAK, MONITORED_LEAK, OTHER_LEAK};
use super::message::Message;
use crate::report::Report;

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    report.case("off", off(bench));
    report.case("another status", status(bench));
    report.case("a monitored patch passes", monitored_patch(bench));
    report.case("the worst of several tokens decides", several(bench));
    report.case("another set", other_set(bench));
    report.case("HEAD and a body of no length are not waited for", no_body(bench));
    Ok(())
}

fn off(bench: &Bench) -> Result<()> {
    let message = Message::post("/off/", bench.material.blocked.as_str());
    let outcome = exchange(bench.ports().on, "off", &message)?;
    bench.check_passed(&outcome)?;
    bench.check_logged(&outcome, "200 - - - - -")
}

fn status(bench: &Bench) -> Result<()> {
    let message = Message::get("/status/").header("X-Key", &bench.material.blocked);
    bench.check_refused(&exchange(bench.ports().on, "status", &message)?, 451)
}

fn monitored_patch(bench: &Bench) -> Result<()> {
    let token = &bench.material.monitored;
    for (case, message, logged) in [
        ("monitored-head", Message::get("/").header("X-Key", token), "header raw X-Key"),
        ("monitored-body", Message::post("/", token.as_str()), "body raw -"),
    ] {
        let outcome = exchange(bench.ports().on, case, &message)?;
        bench.check_passed(&outcome)?;
        bench.check_logged(&outcome, &format!("200 monitor {MONITORED_LEAK} {logged}"))?;
    }
    Ok(())
}

fn several(bench: &Bench) -> Result<()> {
    let (monitored, blocked) = (&bench.material.monitored, &bench.material.blocked);
    let message = Message::post("/", blocked.as_str()).header("X-Key", monitored);
    let outcome = exchange(bench.ports().on, "several", &message)?;
    bench.check_refused(&outcome, 403)?;
    bench.check_logged(&outcome, &format!("403 block {BLOCKED_LEAK} body raw -"))
}

fn other_set(bench: &Bench) -> Result<()> {
    let port = bench.ports().on;
    let other = Message::get("/other/").header("X-Key", &bench.material.other);
    let outcome = exchange(port, "other-set", &other)?;
    bench.check_refused(&outcome, 403)?;
    bench.check_logged(&outcome, &format!("403 block {OTHER_LEAK} header raw X-Key"))?;
    bench.check_passed(&exchange(port, "other-set-elsewhere", &other.at("/"))?)?;
    let usual = Message::get("/other/").header("X-Key", &bench.material.blocked);
    bench.check_passed(&exchange(port, "usual-token-in-other", &usual)?)
}

fn no_body(bench: &Bench) -> Result<()> {
    let port = bench.ports().on;
    let mut client = Client::connect(port)?;
    for (case, message) in [
        ("empty-post", Message::post("/", "")),
        ("get-with-length-0", Message::get("/").header("Content-Length", "0")),
        ("empty-chunked", Message::chunked("/", Vec::new())),
    ] {
        let outcome = client.exchange(case, &message)?;
        bench.check_passed(&outcome)?;
        bench.check_logged(&outcome, "200 pass - - - -")?;
    }
    let head = format!("HEAD / HTTP/1.1\r\nHost: t\r\nX-Key: {}\r\n\r\n", bench.material.blocked);
    client.send(head.as_bytes())?;
    let status = client.status_of_head()?;
    ensure!(status == 403, "HEAD was answered with {status}");
    Ok(())
}
