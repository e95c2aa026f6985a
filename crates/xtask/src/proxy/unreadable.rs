//! Bodies with a content encoding that cannot be undone, or not in full.

use anyhow::{Result, ensure};

use super::Bench;
use super::client::{Outcome, exchange};
use super::material::{BLOCKED_LEAK, MONITORED_LEAK};
use super::message::Message;
use crate::encoded;
use crate::report::Report;

/// Zeroes come to about a thousand for each byte.
const BOMB: usize = 8 << 20;

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    let bodies = bodies(bench)?;
    report.case("pass by default", default(bench, &bodies));
    report.case("refused where that is asked for", block(bench, &bodies));
    report.case("only noted under monitor", monitor(bench, &bodies));
    report.case("a token in it is found as far as it can be read", token(bench));
    report.case("a monitored token in it, and refused", monitored(bench));
    report.case("the limit of what comes out", limit(bench));
    report.case("the limit of what comes out for each byte", ratio(bench));
    report.case("bodies that can be read, and requests without one", whole(bench));
    Ok(())
}

/// A body with a content encoding, what is the matter with it, and the status that refuses it.
pub struct Body {
    encoding: &'static str,
    bytes: Vec<u8>,
    state: &'static str,
    pub status: u16,
}

pub fn bodies(bench: &Bench) -> Result<Vec<Body>> {
    let text = format!("{{\"key\":\"{}\"}}", bench.material.clean);
    let gzip = encoded::gzip(text.as_bytes())?;
    let zlib = encoded::zlib(text.as_bytes())?;
    let bomb = encoded::gzip(&vec![0; BOMB])?;
    let body = |encoding, bytes: &[u8], state, status| Body {
        encoding,
        bytes: bytes.to_vec(),
        state,
        status,
    };
    Ok(vec![
        body("gzip", &gzip[..gzip.len() - 9], "damaged", 400),
        body("gzip", &[&gzip[..], b"more"].concat(), "damaged", 400),
        body("deflate", &zlib[..zlib.len() / 2], "damaged", 400),
        body("gzip", text.as_bytes(), "damaged", 400),
        body("gzip", &bomb, "ratio", 413),
        body("br", text.as_bytes(), "unsupported", 415),
        body("gzip, gzip", &encoded::gzip(&gzip)?, "unsupported", 415),
    ])
}

/// Sends each body in one piece and in chunks.
pub fn each(
    bench: &Bench,
    port: u16,
    target: &str,
    bodies: &[Body],
    check: impl Fn(&Outcome, &Body) -> Result<()>,
) -> Result<()> {
    for (number, body) in bodies.iter().enumerate() {
        let chunks = body.bytes.chunks(100).map(<[u8]>::to_vec).collect();
        for (how, message) in [
            ("sized", Message::post(target, body.bytes.clone())),
            ("chunked", Message::chunked(target, chunks)),
        ] {
            let place = target.trim_matches('/');
            let case = format!("unreadable-{place}-{port}-{number}-{how}");
            let message = message.header("Content-Encoding", body.encoding);
            let outcome = exchange(port, &case, &message)?;
            check(&outcome, body)?;
            check_state(bench, &outcome, body.state)?;
        }
    }
    Ok(())
}

fn check_state(bench: &Bench, outcome: &Outcome, state: &str) -> Result<()> {
    let line = bench.body_line(&outcome.case)?;
    ensure!(line == state, "{}: the body was `{line}` instead of `{state}`", outcome.case);
    Ok(())
}

fn default(bench: &Bench, bodies: &[Body]) -> Result<()> {
    each(bench, bench.ports().on, "/", bodies, |outcome, _| {
        bench.check_passed(outcome)?;
        bench.check_logged(outcome, "200 pass - - - -")
    })
}

/// Failing open does not matter: who asks for this means it.
fn block(bench: &Bench, bodies: &[Body]) -> Result<()> {
    each(bench, bench.ports().on, "/block-unreadable/", bodies, |outcome, body| {
        bench.check_refused(outcome, body.status)?;
        bench.check_logged(outcome, &format!("{} failed - - - -", body.status))
    })
}

fn monitor(bench: &Bench, bodies: &[Body]) -> Result<()> {
    each(bench, bench.ports().monitor, "/block-unreadable/", bodies, |outcome, _| {
        bench.check_passed(outcome)?;
        bench.check_logged(outcome, "200 failed - - - -")
    })
}

fn token(bench: &Bench) -> Result<()> {
    let token = bench.material.blocked.as_bytes();
    let gzip = encoded::gzip(token)?;
    let bomb = encoded::gzip(&[token, &vec![0; BOMB]].concat())?;
    for (name, encoding, body, view) in [
        ("damaged", "gzip", gzip[..gzip.len() - 5].to_vec(), "gzip"),
        ("bomb", "gzip", bomb, "gzip"),
        ("unsupported", "br", token.to_vec(), "raw"),
    ] {
        for target in ["/", "/block-unreadable/"] {
            let message = Message::post(target, body.clone()).header("Content-Encoding", encoding);
            let case = format!("unreadable-token-{name}-{}", target.trim_matches('/'));
            let outcome = exchange(bench.ports().on, &case, &message)?;
            bench.check_refused(&outcome, 403)?;
            bench.check_logged(&outcome, &format!("403 block {BLOCKED_LEAK} body {view} -"))?;
        }
    }
    Ok(())
}

fn monitored(bench: &Bench) -> Result<()> {
    let gzip = encoded::gzip(bench.material.monitored.as_bytes())?;
    let body = &gzip[..gzip.len() - 5];
    for (target, status, action) in [("/", 200, "monitor"), ("/block-unreadable/", 400, "failed")] {
        let message = Message::post(target, body).header("Content-Encoding", "gzip");
        let case = format!("unreadable-monitored-{status}");
        let outcome = exchange(bench.ports().on, &case, &message)?;
        ensure!(outcome.status == status, "answered {} instead of {status}", outcome.status);
        let logged = format!("{status} {action} {MONITORED_LEAK} body gzip -");
        bench.check_logged(&outcome, &logged)?;
    }
    Ok(())
}

fn limit(bench: &Bench) -> Result<()> {
    sized(bench, "/inflate-limit/", &[(100 * 1024, "whole"), (100 * 1024 + 1, "total")])
}

/// By the usual ratio, the second one is a bomb.
fn ratio(bench: &Bench) -> Result<()> {
    sized(bench, "/inflate-ratio/", &[(1000, "whole"), (BOMB, "whole")])?;
    sized(bench, "/", &[(1000, "whole"), (BOMB, "ratio")])
}

/// Sends zeroes in gzip.
fn sized(bench: &Bench, target: &str, rows: &[(usize, &str)]) -> Result<()> {
    for (length, state) in rows {
        let message = Message::post(target, encoded::gzip(&vec![0; *length])?)
            .header("Content-Encoding", "gzip");
        let case = format!("inflated-{}-{length}", target.trim_matches('/'));
        let outcome = exchange(bench.ports().on, &case, &message)?;
        bench.check_passed(&outcome)?;
        check_state(bench, &outcome, state)?;
    }
    Ok(())
}

fn whole(bench: &Bench) -> Result<()> {
    let plain = bench.material.clean.as_str();
    for (name, message, state) in [
        ("plain", Message::post("/", plain), "whole"),
        ("identity", Message::post("/", plain).header("Content-Encoding", "identity"), "whole"),
        ("none", Message::get("/"), "-"),
        ("none-encoded", Message::get("/").header("Content-Encoding", "br"), "-"),
        ("off", Message::post("/off/", plain), "-"),
    ] {
        let outcome = exchange(bench.ports().on, &format!("whole-{name}"), &message)?;
        bench.check_passed(&outcome)?;
        check_state(bench, &outcome, state)?;
    }
    Ok(())
}
