//! What a location may set for itself, and what redirects and subrequests make of a request.

use anyhow::{Result, ensure};

use super::Bench;
use crate::proxy::client::{Client, exchange};
use crate::proxy::material::BLOCKED_LEAK;
use crate::proxy::message::{Message, filler_with};
use crate::proxy::routes;
use crate::report::Report;

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    routes::run(report, bench)?;
    report.case("error page for a refusal", error_page(bench));
    report.case("redirect to a location with another set", redirect_to_other(bench));
    report.case("redirect out of `stanch off`", redirect_from_off(bench));
    report.case("redirect from monitor to on", redirect_to_on(bench));
    report.case("redirect by the upstream, with the body", accelerated(bench));
    report.case("subrequests are not scanned again", subrequest(bench));
    report.case("limits count a request before it is scanned", limited(bench));
    Ok(())
}

/// The page is made by an internal redirect through the phases: it must not be refused again.
fn error_page(bench: &Bench) -> Result<()> {
    for (case, message) in [
        ("page-head", Message::get("/page/").header("X-Key", &bench.material.blocked)),
        ("page-body", Message::post("/page/", bench.material.blocked.as_str())),
    ] {
        let mut client = Client::connect(bench.server.ports.on)?;
        let response = client.ask(&message.wire(case).segments.concat())?;
        ensure!(response.status == 403, "{case}: answered {}", response.status);
        ensure!(response.body == b"ok\n", "{case}: the page did not come from the upstream");
        let pages = bench.upstream.count(case);
        ensure!(pages == 1, "{case}: the page was asked for {pages} times");
        let line = bench.access_line(case)?;
        ensure!(line.starts_with(&format!("403 block {BLOCKED_LEAK} ")), "logged `{line}`");
    }
    Ok(())
}

fn redirect_to_other(bench: &Bench) -> Result<()> {
    let port = bench.server.ports.on;
    let at = "/redirect-to-other/";
    for (case, token, refused) in [
        ("redirect-other-clean", &bench.material.clean, false),
        ("redirect-other-usual", &bench.material.blocked, true),
        ("redirect-other-other", &bench.material.other, true),
    ] {
        let message = Message::post(at, token.as_str());
        check(bench, port, case, &message, refused)?;
    }
    Ok(())
}

fn redirect_from_off(bench: &Bench) -> Result<()> {
    let port = bench.server.ports.on;
    let at = "/redirect-from-off/";
    let (clean, blocked) = (&bench.material.clean, &bench.material.blocked);
    check(bench, port, "redirect-off-clean", &Message::post(at, clean.as_str()), false)?;
    check(bench, port, "redirect-off-body", &Message::post(at, blocked.as_str()), true)?;
    let message = Message::get(at).header("X-Key", blocked);
    check(bench, port, "redirect-off-head", &message, true)
}

fn redirect_to_on(bench: &Bench) -> Result<()> {
    let port = bench.server.ports.on;
    let at = "/redirect-to-on/";
    let (clean, blocked) = (&bench.material.clean, &bench.material.blocked);
    check(bench, port, "redirect-on-clean", &Message::post(at, clean.as_str()), false)?;
    check(bench, port, "redirect-on-body", &Message::post(at, blocked.as_str()), true)
}

/// The body is scanned again, by another set, after it went upstream. In memory and in a file.
fn accelerated(bench: &Bench) -> Result<()> {
    for length in [1_000, 100_000] {
        for (name, token, status, logged) in [
            ("clean", &bench.material.clean, 200, "200 pass - - - -"),
            ("other", &bench.material.other, 403, "403 block 4404 body raw -"),
        ] {
            let case = format!("accelerated-{name}-{length}");
            let message = Message::post("/accelerated/", filler_with(length, length / 2, token));
            let outcome = exchange(bench.server.ports.on, &case, &message)?;
            ensure!(outcome.status == status, "{case}: answered {}", outcome.status);
            bench.check_logged(&outcome, logged)?;
            let asked = bench.upstream.count(&case);
            let expected = if status == 200 { 2 } else { 1 };
            ensure!(asked == expected, "{case}: the upstream was asked {asked} times");
        }
    }
    Ok(())
}

fn check(bench: &Bench, port: u16, case: &str, message: &Message, refused: bool) -> Result<()> {
    let outcome = exchange(port, case, message)?;
    if refused { bench.check_refused(&outcome, 403) } else { bench.check_passed(&outcome) }
}

fn subrequest(bench: &Bench) -> Result<()> {
    let port = bench.server.ports.on;
    let message = Message::post("/subrequest/", bench.material.clean.as_str());
    let asked = bench.upstream.count("asked");
    let outcome = exchange(port, "subrequest-clean", &message)?;
    bench.check_passed(&outcome)?;
    bench.check_logged(&outcome, "200 pass - - - -")?;
    ensure!(bench.upstream.count("asked") == asked + 1, "the subrequest was not made once");
    // Whoever checks credentials must not see a leaked one.
    let message = Message::get("/subrequest/").header("X-Key", &bench.material.blocked);
    bench.check_refused(&exchange(port, "subrequest-leaked", &message)?, 403)?;
    ensure!(bench.upstream.count("asked") == asked + 1, "a refused request made its subrequest");
    Ok(())
}

/// The first of two requests in a minute is refused for its token, the second for being too early.
fn limited(bench: &Bench) -> Result<()> {
    let message = Message::get("/limited/").header("X-Key", &bench.material.blocked);
    let outcome = exchange(bench.server.ports.on, "limited-1", &message)?;
    bench.check_refused(&outcome, 403)?;
    let outcome = exchange(bench.server.ports.on, "limited-2", &message)?;
    bench.check_refused(&outcome, 503)?;
    bench.check_logged(&outcome, "503 - - - - -")
}
