//! Patches that act on some requests only: what the proxy knows of a request decides, not what that says.

use anyhow::Result;

use super::Bench;
use super::client::exchange;
use super::material::SCOPED_LEAK;
use super::message::Message;
use crate::report::Report;

const HOST: usize = 0;
const METHOD: usize = 1;
const PATH: usize = 2;
const PART: usize = 3;
const CLIENT: usize = 4;

pub fn run(report: &mut Report, bench: &Bench) -> Result<()> {
    let get = |target: &str| Message::get(target);
    let header = |token: &str| get("/scoped/").header("X-Key", token);
    let from = |client: &'static str| {
        move |token: &str| {
            Message::get("/scoped/").header("X-Key", token).header("X-Real-IP", client)
        }
    };
    type Make<'a> = &'a dyn Fn(&str) -> Message;
    // Each case: which token, the request, and the part that it is refused for.
    let cases: &[(&str, usize, Make<'_>, Option<&str>)] = &[
        ("host", HOST, &|token| header(token).host("api.example.com"), Some("header")),
        (
            "host in other letters",
            HOST,
            &|token| header(token).host("API.Example.com:80"),
            Some("header"),
        ),
        ("another host", HOST, &|token| header(token).host("www.example.com"), None),
        (
            "host in the target, another in the header",
            HOST,
            &|token| header(token).at("http://api.example.com/scoped/").host("www.example.com"),
            Some("header"),
        ),
        ("method", METHOD, &|token| header(token).method("PUT"), Some("header")),
        ("another method", METHOD, &header, None),
        ("path", PATH, &|token| get(&format!("/scoped/inner/x?key={token}")), Some("query")),
        (
            "path, escaped",
            PATH,
            &|token| get(&format!("/scoped/%69nner?key={token}")),
            Some("query"),
        ),
        (
            "path by a detour",
            PATH,
            &|token| get(&format!("/scoped/x/../inner?key={token}")),
            Some("query"),
        ),
        ("another path", PATH, &|token| get(&format!("/scoped/innermost?key={token}")), None),
        ("part", PART, &header, Some("header")),
        ("another part", PART, &|token| get(&format!("/scoped/?key={token}")), None),
        ("body, another part", PART, &|token| Message::post("/scoped/", token), None),
        ("client", CLIENT, &header, Some("header")),
        ("client behind a proxy", CLIENT, &from("192.0.2.1"), Some("header")),
        ("exempt client behind a proxy", CLIENT, &from("10.1.2.3"), None),
        ("exempt IPv6 client behind a proxy", CLIENT, &from("2001:db8::7"), None),
        ("IPv6 client behind a proxy", CLIENT, &from("2001:db9::7"), Some("header")),
        (
            "exempt client, body",
            CLIENT,
            &|token| Message::post("/scoped/", token).header("X-Real-IP", "10.1.2.3"),
            None,
        ),
    ];
    for (name, which, message, part) in cases {
        report.case(name, check(bench, name, &message(&bench.material.scoped[*which]), *part));
    }
    Ok(())
}

fn check(bench: &Bench, name: &str, message: &Message, part: Option<&str>) -> Result<()> {
    let case = format!("scope-{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    let outcome = exchange(bench.ports().on, &case, message)?;
    match part {
        Some(part) => {
            bench.check_refused(&outcome, 403)?;
            let name = if part == "header" { "X-Key" } else { "key" };
            bench.check_logged(&outcome, &format!("403 block {SCOPED_LEAK} {part} raw {name}"))
        }
        None => {
            bench.check_passed(&outcome)?;
            bench.check_logged(&outcome, "200 pass - - - -")
        }
    }
}
