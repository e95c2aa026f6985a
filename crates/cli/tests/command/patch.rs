//! `stanch patch`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::place::{GITHUB, GITLAB, PASSWORD, Place, Run};

const COMPILE: [&str; 6] = ["patch", "compile", "--key", "key", "-o", "set"];

fn compile(place: &Place, more: &[&str]) -> Run {
    place.run(&[&COMPILE, more].concat())
}

fn inspect(place: &Place) -> serde_json::Value {
    let run = place.run(&["patch", "inspect", "--format", "json", "set"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    serde_json::from_str(&run.stdout).unwrap()
}

/// A token of 32 characters, another for each number.
fn invented(number: u64) -> String {
    let mut state = number;
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let draw = |_| {
        // The step and the shifts of SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        char::from(letters[((drawn ^ (drawn >> 31)) % letters.len() as u64) as usize])
    };
    (0..32).map(draw).collect()
}

fn keyed() -> Place {
    let place = Place::new();
    assert_eq!(place.run(&["key", "new", "key"]).code, 0);
    place
}

#[test]
fn a_list_becomes_a_set_and_the_set_holds_no_token() {
    let place = keyed();
    place.write("tokens", format!("{GITHUB}\r\n\r\n{GITLAB}\r\n{GITHUB}\n   \n"));
    let run = compile(&place, &["tokens"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.starts_with("set: 2 tokens, serial 1, "), "{run:?}");
    assert!(run.stdout.contains("1 repeated"));
    assert_eq!(fs::metadata(place.path("set")).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(place.names(), ["key", "set", "tokens"]);
    let set = place.read("set");
    for token in [GITHUB, GITLAB] {
        run.hides(token);
        for part in token.as_bytes().windows(8) {
            assert!(!set.windows(8).any(|window| window == part));
        }
    }

    let info = inspect(&place);
    let id = place.run(&["key", "id", "key"]).stdout;
    assert_eq!(info["key"], id.trim());
    assert_eq!((&info["tokens"], &info["leaks"]), (&2.into(), &2.into()));
    assert_eq!((&info["serial"], &info["longest_token"]), (&1.into(), &40.into()));
    assert_eq!((&info["format_version"], &info["bytes"]), (&2.into(), &set.len().into()));
    let created: jiff::Timestamp = info["created"].as_str().unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now() - created).get_seconds().abs() < 600);
    let tiers = info["tiers"].as_array().unwrap();
    assert_eq!(tiers.iter().map(|tier| tier["tokens"].as_u64().unwrap()).sum::<u64>(), 2);

    let table = place.run(&["patch", "inspect", "--key", "key", "set"]);
    assert_eq!(table.code, 0);
    for word in ["serial", "2, of 2 leaks", "40 bytes", id.trim()] {
        assert!(table.stdout.contains(word), "{word}: {table:?}");
    }
}

#[test]
fn serial_numbers_go_up_by_themselves() {
    let place = Place::with_set();
    assert_eq!(inspect(&place)["serial"], 1);
    assert_eq!(compile(&place, &["tokens"]).code, 0);
    assert_eq!(inspect(&place)["serial"], 2);
    assert_eq!(compile(&place, &["--serial", "40", "tokens"]).code, 0);
    assert_eq!(inspect(&place)["serial"], 40);
    assert_eq!(compile(&place, &["tokens"]).code, 0);
    assert_eq!(inspect(&place)["serial"], 41);
}

#[test]
fn tokens_come_from_standard_input_too() {
    let place = keyed();
    let run = place.run_with(&[&COMPILE[..], &["-"]].concat(), format!("\n{GITHUB}\n"));
    assert_eq!(run.code, 0);
    assert_eq!(inspect(&place)["tokens"], 1);
    let long: String = (0..9000u64).map(|n| format!("{}\n", invented(n))).collect();
    let run = place.run_with(&[&COMPILE[..], &["-"]].concat(), long);
    assert_eq!(run.code, 0, "{}", &run.stderr[..run.stderr.len().min(300)]);
    assert_eq!(inspect(&place)["tokens"], 9000);
    place
        .run_with(&[&COMPILE[..], &["-"]].concat(), "short\n")
        .failed(&["standard input:1", "5 bytes"]);
}

#[test]
fn an_empty_list_is_refused() {
    let place = keyed();
    for list in ["", "\n", " \r\n\t\r\n\n"] {
        place.write("tokens", list);
        compile(&place, &["tokens"]).failed(&["tokens", "no tokens"]);
        assert_eq!(place.names(), ["key", "tokens"]);
    }
}

#[test]
fn every_bad_line_is_named_and_nothing_is_written() {
    let place = Place::with_set();
    let before = place.read("set");
    let list = [
        GITHUB,
        "7charsX",
        "passwordpassword",
        "",
        GITLAB,
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        &"x7Rk2".repeat(1000),
        "with\0nul-byte-7Rk2mZ9qXc4TnW8b",
    ];
    place.write("bad", list.join("\n"));
    let run = compile(&place, &["bad"]);
    run.failed(&["bad:2:", "7 bytes"]);
    run.told(&["bad:3:", "too easy to guess"]);
    run.told(&["bad:6:", "too easy to guess"]);
    run.told(&["bad:7:", "5000 bytes"]);
    run.told(&["bad:8:", "control character"]);
    run.told(&["bad: 5 lines cannot be used", "nothing was written"]);
    let errors = run.stderr.lines().filter(|line| !line.contains("warning"));
    assert_eq!(errors.count(), 6);
    for token in ["7charsX", "passwordpassword", "aaaaaaaa", "x7Rk2x7Rk2", "nul-byte", GITHUB] {
        run.hides(token);
    }
    assert_eq!(place.read("set"), before);
    assert_eq!(place.names(), ["bad", "key", "set", "tokens"]);
}

#[test]
fn a_token_that_a_thief_could_recover_is_warned_of() {
    let place = keyed();
    place.write("tokens", format!("{}\nkW7mPq2x\n", invented(0)));
    let run = compile(&place, &["tokens"]);
    assert_eq!(run.code, 0);
    run.told(&["tokens:2:", "warning", "guesses"]);
    assert_eq!(run.stderr.lines().count(), 1);
    run.hides("kW7mPq2x");

    let many: String = (0..50).map(|n| format!("{}\n", &invented(n)[..9])).collect();
    place.write("tokens", many);
    let run = compile(&place, &["tokens"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.stderr.lines().count(), 11);
    run.told(&["tokens:10:", "warning"]);
    run.told(&["tokens:", "warning: 40 more lines"]);
}

#[test]
fn what_is_no_patch_set_is_not_overwritten() {
    let place = keyed();
    place.write("tokens", GITHUB);
    let run = place.run(&["patch", "compile", "--key", "key", "-o", "tokens", "tokens"]);
    run.failed(&["tokens", "no patch set"]);
    let run = place.run(&["patch", "compile", "--key", "key", "-o", "key", "tokens"]);
    run.failed(&["key", "no patch set"]);
    let run = place.run(&["patch", "compile", "--key", "key", "-o", "/dev/null", "tokens"]);
    run.failed(&["/dev/null", "no file"]);
    assert_eq!(place.read("tokens"), GITHUB.as_bytes());
    place
        .run(&["patch", "compile", "--key", "key", "-o", "no/folder/set", "tokens"])
        .failed(&["no/folder/set", "No such file"]);
    // An empty file, as mktemp makes it, and a damaged set are replaced.
    for content in [&b""[..], b"stanchPS, or what was left of it"] {
        place.write("set", content);
        assert_eq!(compile(&place, &["tokens"]).code, 0);
        assert_eq!(inspect(&place)["serial"], 1);
    }
}

#[test]
fn lists_that_cannot_be_read_are_named() {
    let place = keyed();
    compile(&place, &["nothing"]).failed(&["nothing", "No such file"]);
    compile(&place, &["."]).failed(&[".", "directory"]);
    symlink("loop", place.path("loop")).unwrap();
    compile(&place, &["loop"]).failed(&["loop", "symbolic links"]);
    assert_eq!(place.names(), ["key", "loop"]);
}

#[test]
fn a_set_that_is_not_whole_is_refused() {
    let place = Place::with_set();
    place.write("request", "GET / HTTP/1.1\r\n\r\n");
    let whole = place.read("set");
    let uses: [&[&str]; 3] = [
        &["patch", "inspect", "bad"],
        &["patch", "inspect", "--key", "key", "bad"],
        &["match", "--patches", "bad", "--key", "key", "request"],
    ];
    let check = |content: &[u8], words: &[&str]| {
        place.write("bad", content);
        for arguments in uses {
            place.run(arguments).failed(&[&["patch set bad"], words].concat());
        }
    };
    check(b"", &["not a patch set"]);
    check(b"GIF89a, certainly", &["not a patch set"]);
    for length in [10, 100, 383, whole.len() / 2, whole.len() - 1] {
        check(&whole[..length], &["truncated"]);
    }
    for at in (0..whole.len()).step_by(whole.len() / 23) {
        for bit in [0x01, 0x80] {
            let mut flipped = whole.clone();
            flipped[at] ^= bit;
            check(&flipped, &[]);
        }
    }
    let mut last = whole.clone();
    *last.last_mut().unwrap() ^= 1;
    check(&last, &["damaged"]);
    check(&[&whole[..], b"more"].concat(), &["overlong"]);
}

#[test]
fn a_set_of_another_key_is_refused() {
    let place = Place::with_set();
    place.write("request", "GET / HTTP/1.1\r\n\r\n");
    assert_eq!(place.run(&["key", "new", "other"]).code, 0);
    let ids = ["key", "other"].map(|key| place.run(&["key", "id", key]).stdout);
    let words = ["patch set set", "compiled with key", ids[0].trim(), ids[1].trim()];
    place.run(&["patch", "inspect", "--key", "other", "set"]).failed(&words);
    place.run(&["match", "--patches", "set", "--key", "other", "request"]).failed(&words);
    assert_eq!(place.run(&["patch", "inspect", "set"]).code, 0);
}

#[test]
fn a_monitored_set_lets_pass() {
    let place = Place::with_set();
    assert_eq!(compile(&place, &["--monitor", "tokens"]).code, 0);
    place.write("request", format!("GET /?a={PASSWORD} HTTP/1.1\r\n\r\n"));
    let run = place.run(&["match", "--patches", "set", "--key", "key", "request"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.lines()[0]["action"], "monitor");
    assert_eq!(run.lines()[0]["leak"], 3);
}
