//! `stanch match`.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::place::{GITHUB, GITLAB, PASSWORD, Place, Run};

fn matched(place: &Place, requests: &[&str]) -> Run {
    place.run(&[&["match", "--patches", "set", "--key", "key"], requests].concat())
}

/// What the set says of one request, and the exit status.
fn ask(place: &Place, request: impl AsRef<[u8]>) -> (Value, i32) {
    place.write("request", request);
    let run = matched(place, &["request"]);
    assert_eq!(run.stderr, "");
    let lines = run.lines();
    assert_eq!(lines.len(), 1);
    for token in [GITHUB, GITLAB, PASSWORD] {
        run.hides(token);
    }
    (lines[0].clone(), run.code)
}

fn hit(leak: u64, part: &str, name: Value, view: &str, offset: u64) -> Value {
    json!({
        "path": "request", "action": "block",
        "leak": leak, "part": part, "name": name, "view": view, "offset": offset,
    })
}

#[test]
fn a_clean_request_passes() {
    let place = Place::with_set();
    let near = GITHUB.replace("87r1", "87r2");
    let nothing = json!({
        "path": "request", "action": "pass",
        "leak": null, "part": null, "name": null, "view": null, "offset": null,
    });
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        format!("GET /?t={near} HTTP/1.1\r\nAuthorization: Bearer {near}\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\n{near}"),
    ] {
        assert_eq!(ask(&place, request), (nothing.clone(), 0));
    }
}

#[test]
fn a_token_is_found_wherever_it_stands() {
    let place = Place::with_set();
    let basic = "Basic c2hvcDptN1RvQ1M0VS0yOENlRjg=";
    let escaped = GITHUB.replace('_', "%5f");
    let body = format!("{{\"t\": \"{GITLAB}\"}}");
    let length = body.len();
    let cases = [
        (
            format!("GET /x HTTP/1.1\r\nX-Token: is {GITHUB}\r\n\r\n"),
            hit(1, "header", json!("X-Token"), "raw", 3),
        ),
        (format!("GET /x/{GITLAB}/y HTTP/1.1\r\n\r\n"), hit(2, "path", Value::Null, "raw", 3)),
        (
            format!("GET /?a=b&key={PASSWORD} HTTP/1.1\r\n\r\n"),
            hit(3, "query", json!("key"), "raw", 10),
        ),
        (
            format!("GET /?key={escaped} HTTP/1.1\r\n\r\n"),
            hit(1, "query", json!("key"), "percent", 6),
        ),
        (
            format!("GET / HTTP/1.1\r\nCookie: a=b; c={GITHUB}\r\n\r\n"),
            hit(1, "cookie", json!("c"), "raw", 7),
        ),
        (
            format!("GET / HTTP/1.1\nAuthorization: {basic}\n\n"),
            hit(3, "header", json!("Authorization"), "basic", 12),
        ),
        (
            format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"),
            hit(2, "body", Value::Null, "raw", 7),
        ),
        (
            format!(
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-End: {GITHUB}\r\n\r\n"
            ),
            hit(1, "header", json!("X-End"), "raw", 0),
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(ask(&place, &request), (expected, 1), "{request}");
    }
}

#[test]
fn a_chunked_body_may_be_split_anywhere_inside_the_token() {
    let place = Place::with_set();
    let body = format!("key={GITHUB}&more=1");
    for end in ["\r\n", "\n"] {
        for split in 1..body.len() {
            let (a, b) = body.split_at(split);
            let mut request = format!("POST / HTTP/1.1{end}Transfer-Encoding: chunked{end}{end}");
            for chunk in [a, b] {
                request += &format!("{:X};x=y{end}{chunk}{end}", chunk.len());
            }
            request += &format!("0{end}{end}");
            // Every place with one kind of line ends, a few with the other.
            if end == "\r\n" || split % 9 == 0 {
                let expected = (hit(1, "body", Value::Null, "raw", 4), 1);
                assert_eq!(ask(&place, request), expected, "{split}");
            }
        }
    }
    let mut request = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for byte in body.chars() {
        request += &format!("1\r\n{byte}\r\n");
    }
    request += "0\r\n\r\n";
    assert_eq!(ask(&place, request), (hit(1, "body", Value::Null, "raw", 4), 1));
}

#[test]
fn several_requests_get_a_line_each_and_the_worst_outcome_wins() {
    let place = Place::with_set();
    place.write("clean", "GET / HTTP/1.1\r\n\r\n");
    place.write("dirty", format!("GET /{GITHUB} HTTP/1.1\r\n\r\n"));
    place.write("broken", "GET / HTTP/1.1\r\nHost: a\r\n");
    let actions = |run: &Run| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        run.lines().iter().map(|line| (text(&line["path"]), text(&line["action"]))).collect()
    };
    let pair = |path: &str, action: &str| (path.to_owned(), action.to_owned());

    let run = matched(&place, &["clean", "dirty", "clean"]);
    assert_eq!(run.code, 1);
    let expected = [pair("clean", "pass"), pair("dirty", "block"), pair("clean", "pass")];
    assert_eq!(actions(&run), expected);

    let run = matched(&place, &["broken", "dirty", "nothing", "clean"]);
    assert_eq!(run.code, 2);
    assert_eq!(actions(&run), [pair("dirty", "block"), pair("clean", "pass")]);
    run.told(&["broken", "truncated"]);
    run.told(&["nothing", "No such file"]);
}

#[test]
fn a_request_comes_from_standard_input_too() {
    let place = Place::with_set();
    let arguments = ["match", "--patches", "set", "--key", "key", "-"];
    let run = place.run_with(&arguments, format!("GET /{GITHUB} HTTP/1.1\r\n\r\n"));
    assert_eq!(run.code, 1);
    assert_eq!((&run.lines()[0]["path"], &run.lines()[0]["leak"]), (&json!("-"), &json!(1)));
    place.run_with(&arguments, "nonsense").failed(&["standard input", "request"]);
}

#[test]
fn a_malformed_request_is_refused_with_its_reason() {
    let place = Place::with_set();
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases: [(String, &str); 12] = [
        (String::new(), "truncated"),
        (format!("{GITHUB}\r\n\r\n"), "malformed"),
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n".into(), "malformed"),
        ("GET / HTTP/1.1\r\nHost: a\r\n".into(), "truncated"),
        (
            format!("POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n{GITHUB}"),
            "Content-Length says 99",
        ),
        (format!("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{GITHUB}"), "Content-Length says 2"),
        ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n".into(), "Content-Length"),
        (format!("GET / HTTP/1.1\r\n\r\n{GITHUB}"), "40 bytes follow"),
        (format!("{chunked}zz\r\n{GITHUB}"), "chunk"),
        (format!("{chunked}28\r\n{GITHUB}\r\n"), "truncated"),
        (format!("{chunked}5\r\n{GITHUB}\r\n0\r\n\r\n"), "chunk"),
        (
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .into(),
            "both",
        ),
    ];
    for (request, reason) in cases {
        place.write("request", &request);
        let run = matched(&place, &["request"]);
        run.failed(&["request: ", reason]);
        run.hides(GITHUB);
    }
    place.write("bytes", (0..=255).cycle().take(4000).collect::<Vec<u8>>());
    matched(&place, &["bytes"]).failed(&["bytes", "malformed"]);
}

#[test]
fn a_hostile_name_cannot_break_a_line() {
    let place = Place::with_set();
    let (line, code) = ask(
        &place,
        [b"GET / HTTP/1.1\r\nCookie: a\"\x7f\xff=".as_slice(), GITHUB.as_bytes(), b"\r\n\r\n"]
            .concat()
            .iter()
            .copied()
            .filter(|byte| *byte != 0x7f)
            .collect::<Vec<u8>>(),
    );
    assert_eq!(code, 1);
    assert_eq!(line["name"], "a\\\"\\xff");
}

#[test]
fn content_encodings_are_undone() {
    let place = Place::with_set();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(format!("t={GITHUB}").as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let request = |encoding: &str, body: &[u8]| {
        let head = format!(
            "POST / HTTP/1.1\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let expected = hit(1, "body", Value::Null, "gzip", 2);
    assert_eq!(ask(&place, request("gzip", &body)), (expected, 1));

    let mut damaged = body.clone();
    damaged[2] += 1;
    for (encoding, body, why) in [("gzip", &damaged, "is not what"), ("br", &body, "is not undone")]
    {
        place.write("request", request(encoding, body));
        let run = matched(&place, &["request"]);
        let action = run.lines()[0]["action"].clone();
        assert_eq!((action, run.code), (json!("pass"), 2), "{encoding}: {run:?}");
        run.told(&["request: ", why]);
    }
}
