//! Signed sets, scopes and floors: `stanch key new --sign`, `stanch patch`, `stanch match`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::place::{GITHUB, GITLAB, PASSWORD, Place, Run};

const COMPILE: [&str; 6] = ["patch", "compile", "--key", "key", "-o", "set"];
const VERIFY: [&str; 5] = ["patch", "verify", "--public-key", "sign.pub", "set"];

fn compile(place: &Place, more: &[&str]) -> Run {
    place.run(&[&COMPILE, more].concat())
}

fn inspect(place: &Place) -> Value {
    let run = place.run(&["patch", "inspect", "--format", "json", "set"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    serde_json::from_str(&run.stdout).unwrap()
}

/// A place with an imprint key, a pair of signing keys and a list of tokens.
fn signing() -> Place {
    let place = Place::with_set();
    assert_eq!(place.run(&["key", "new", "--sign", "sign"]).code, 0);
    place
}

#[test]
fn a_signing_key_comes_as_a_pair() {
    let place = Place::new();
    let made = place.run(&["key", "new", "--sign", "sign"]);
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    assert_eq!(place.names(), ["sign", "sign.pub"]);
    let mode = |name| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("sign"), mode("sign.pub") & 0o033), (0o600, 0));
    let ids = ["sign", "sign.pub"].map(|name| place.run(&["key", "id", name]).stdout);
    assert_eq!(ids[0], ids[1]);
    assert!(made.stdout.contains(ids[0].trim()));
    let secret = String::from_utf8(place.read("sign")).unwrap();
    made.hides(secret.split_whitespace().nth(1).unwrap());
    // Neither is overwritten, and no half of a pair is left behind.
    place.run(&["key", "new", "--sign", "sign"]).failed(&["sign", "exists"]);
    fs::remove_file(place.path("sign")).unwrap();
    place.run(&["key", "new", "--sign", "sign"]).failed(&["sign.pub", "exists"]);
    assert_eq!(place.names(), ["sign.pub"]);
}

#[test]
fn a_signed_set_says_so_and_is_taken() {
    let place = signing();
    let run = compile(&place, &["--sign", "sign", "--expires", "90d", "tokens"]);
    assert_eq!(run.code, 0, "{run:?}");
    let id = place.run(&["key", "id", "sign.pub"]).stdout.trim().to_owned();
    assert!(run.stdout.contains(&format!("signed with key {id}")), "{run:?}");
    let info = inspect(&place);
    let line = String::from_utf8(place.read("sign.pub")).unwrap();
    assert_eq!(info["signer"], json!({"id": id, "public_key": line.trim()}));
    let expires: jiff::Timestamp = info["expires"].as_str().unwrap().parse().unwrap();
    let days = (expires - jiff::Timestamp::now()).get_seconds() as f64 / 86_400.0;
    assert!((89.9..=90.0).contains(&days) && info["expired"] == false, "{info}");
    let run = place.run(&VERIFY);
    assert_eq!(run.code, 0, "{run:?}");
    for word in ["would be taken", "serial 2", &id, "expires 20"] {
        assert!(run.stdout.contains(word), "{word}: {run:?}");
    }
    let table = place.run(&["patch", "inspect", "set"]).stdout;
    assert!(table.contains(&id) && table.contains("guesses"), "{table}");
    place.write("request", format!("GET /?a={GITHUB} HTTP/1.1\r\n\r\n"));
    let arguments =
        ["match", "--patches", "set", "--key", "key", "--public-key", "sign.pub", "request"];
    assert_eq!(place.run(&arguments).code, 1);
}

#[test]
fn a_set_that_nobody_trusts_is_refused() {
    let place = signing();
    assert_eq!(place.run(&["key", "new", "--sign", "other"]).code, 0);
    place.write("request", format!("GET /?a={GITHUB} HTTP/1.1\r\n\r\n"));
    let matching =
        ["match", "--patches", "set", "--key", "key", "--public-key", "sign.pub", "request"];
    let refused = |words: &[&str]| {
        for arguments in [&VERIFY[..], &matching] {
            place.run(arguments).failed(&[&["patch set set", "refused"], words].concat());
        }
    };
    refused(&["not signed"]);
    assert_eq!(compile(&place, &["--sign", "other", "tokens"]).code, 0);
    let id = place.run(&["key", "id", "other"]).stdout;
    refused(&["not trusted", id.trim()]);
    // Both keys are trusted while one takes the place of the other.
    let both = [&VERIFY[..], &["--public-key", "other.pub"]].concat();
    assert_eq!(place.run(&both).code, 0);
    let older = [&both[..], &["--serial", "3"]].concat();
    place.run(&older).failed(&["serial 2 is older than 3"]);
    assert_eq!(compile(&place, &["--sign", "sign", "tokens"]).code, 0);
    let mut changed = place.read("set");
    changed[400] ^= 1;
    place.write("set", &changed);
    refused(&["the signature is not one of key"]);
    // A public key is no signing key, nor the other way round; a readable signing key is refused.
    place.write("set", "");
    compile(&place, &["--sign", "key", "tokens"]).failed(&["key", "stanch-signing-key-v1"]);
    fs::set_permissions(place.path("sign"), Permissions::from_mode(0o644)).unwrap();
    compile(&place, &["--sign", "sign", "tokens"]).failed(&["key file sign", "0644"]);
    place.run(&["patch", "verify", "--public-key", "key", "set"]).failed(&["stanch-public-key-v1"]);
}

#[test]
fn an_expired_set_is_not_opened() {
    let place = signing();
    for (time, words) in [("soon", "is no time"), ("2001-01-01", "is over"), ("-5d", "is over")] {
        let argument = format!("--expires={time}");
        compile(&place, &[&argument, "tokens"]).failed(&["--expires", words]);
    }
    assert_eq!(compile(&place, &["--expires", "1s", "tokens"]).code, 0);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.write("request", "GET / HTTP/1.1\r\n\r\n");
    let matching = ["match", "--patches", "set", "--key", "key", "request"];
    place.run(&matching).failed(&["patch set set", "expired"]);
    assert_eq!(inspect(&place)["expired"], true);
    assert!(place.run(&["patch", "inspect", "set"]).stdout.contains("which is over"));
    place.run(&["patch", "inspect", "--key", "key", "set"]).failed(&["expired"]);
}

#[test]
fn a_lower_serial_is_warned_of() {
    let place = Place::with_set();
    let run = compile(&place, &["--serial", "1", "tokens"]);
    assert_eq!(run.code, 0);
    run.told(&["set", "warning", "serial 1"]);
    assert!(!compile(&place, &["--serial", "2", "tokens"]).stderr.contains("serial"));
}

#[test]
fn records_say_where_and_when() {
    let place = Place::with_set();
    let scoped = json!({
        "token": GITHUB, "leak": 70, "hosts": ["api.example.com"], "methods": ["POST"],
        "paths": ["/v1"], "parts": ["header"], "except": ["10.0.0.0/8"],
        "not_before": "2020-01-01", "not_after": "2999-01-01T00:00:00Z",
    });
    let list = format!("{scoped}\n\n{}\n", json!({"token": GITLAB, "action": "monitor"}));
    place.write("list", list);
    let run = compile(&place, &["--list", "jsonl", "list"]);
    assert_eq!(run.code, 0, "{run:?}");
    run.hides(GITHUB);
    let info = inspect(&place);
    let rule = json!({
        "action": "block", "hosts": ["api.example.com"], "methods": ["POST"], "paths": ["/v1"],
        "parts": ["header"], "except": ["10.0.0.0/8"], "not_before": "2020-01-01T00:00:00Z",
        "not_after": "2999-01-01T00:00:00Z",
    });
    assert!(info["policies"].as_array().unwrap().contains(&json!([rule])), "{info}");
    let table = place.run(&["patch", "inspect", "set"]).stdout;
    assert!(table.contains("block, to api.example.com, with POST, under /v1"), "{table}");

    let request = |line: &str, host: &str, header: &str| {
        place.write(
            "request",
            format!("{line} HTTP/1.1\r\nHost: {host}\r\nX-Key: {header}\r\n\r\n"),
        );
    };
    let action = |more: &[&str]| {
        let arguments = ["match", "--patches", "set", "--key", "key", "request"];
        let run = place.run(&[&arguments, more].concat());
        let line = run.lines().remove(0);
        (line["action"].as_str().unwrap().to_owned(), line["leak"].as_u64())
    };
    let block = ("block".to_owned(), Some(70));
    let pass = ("pass".to_owned(), None);
    request("POST /v1/x", "api.example.com", GITHUB);
    assert_eq!(action(&[]), block);
    assert_eq!(action(&["--host", "www.example.com"]), pass);
    assert_eq!(action(&["--client", "10.1.2.3"]), pass);
    assert_eq!(action(&["--client", "192.0.2.1"]), block);
    request("GET /v1/x", "api.example.com", GITHUB);
    assert_eq!(action(&[]), pass);
    request("POST /v2", "api.example.com", GITHUB);
    assert_eq!(action(&[]), pass);
    request("POST /v1", "www.example.com", GITHUB);
    assert_eq!(action(&[]), pass);
    assert_eq!(action(&["--host", "api.example.com"]), block);
    request(&format!("POST /v1?t={GITHUB}"), "api.example.com", "none");
    assert_eq!(action(&[]), pass);
    request("POST /v1", "any.example", GITLAB);
    assert_eq!(action(&[]), ("monitor".to_owned(), Some(3)));
}

/// The host of a request is known before its target is looked at.
#[test]
fn the_host_counts_for_tokens_in_the_target() {
    let place = Place::with_set();
    place.write("list", json!({"token": GITHUB, "hosts": ["api.example.com"]}).to_string());
    assert_eq!(compile(&place, &["--list", "jsonl", "list"]).code, 0);
    for (host, code) in [("api.example.com", 1), ("www.example.com", 0)] {
        place.write("request", format!("GET /?t={GITHUB} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let run = place.run(&["match", "--patches", "set", "--key", "key", "request"]);
        assert_eq!(run.code, code, "{host}");
    }
}

#[test]
fn every_bad_record_is_named() {
    let place = Place::with_set();
    let before = place.read("set");
    let list = [
        json!({"token": GITHUB}).to_string(),
        GITLAB.to_owned(),
        json!({"token": PASSWORD, "host": "a"}).to_string(),
        json!({"token": PASSWORD, "paths": ["v1"]}).to_string(),
        json!({"token": "short"}).to_string(),
    ];
    place.write("list", list.join("\n"));
    let run = compile(&place, &["--list", "jsonl", "list"]);
    run.failed(&["list: 4 lines cannot be used"]);
    run.told(&["list:2:", "malformed JSON"]);
    run.told(&["list:3:", "hosts"]);
    run.told(&["list:4:", "no path"]);
    run.told(&["list:5:", "5 bytes"]);
    for token in [GITHUB, GITLAB, PASSWORD] {
        run.hides(token);
    }
    assert_eq!(place.read("set"), before);
}

#[test]
fn a_token_below_the_floor_is_refused() {
    let place = Place::with_set();
    let before = place.read("set");
    place.write("list", format!("{GITHUB}\n249582542748992\n90214299903304075\n"));
    let run = compile(&place, &["list"]);
    run.failed(&["list: 2 lines cannot be used"]);
    run.told(&["list:2:", "the floor is 2^32", "--floor"]);
    run.told(&["list:3:", "the floor is 2^32"]);
    run.hides("249582542748992");
    assert_eq!(place.read("set"), before);
    let run = compile(&place, &["--floor", "20", "list"]);
    assert_eq!(run.code, 0, "{run:?}");
    run.told(&["list:2:", "warning"]);
    let bits = inspect(&place)["recovery_bits"].as_u64().unwrap();
    assert!((20..32).contains(&bits) && run.stdout.contains(&format!("2^{bits} guesses")));
    compile(&place, &["--floor", "200", "tokens"]).failed(&["3 lines cannot be used"]);
}
