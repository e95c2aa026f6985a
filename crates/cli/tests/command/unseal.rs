//! Tokens that are kept sealed: `stanch key new --seal`, `scan --register --seal`, `leak add --seal`, `leak unseal`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::place::{GITHUB, GITLAB, Place, Run};

const UNSEAL: [&str; 4] = ["leak", "unseal", "--identity", "operator"];

/// A ledger, the installation's key, and an operator's pair.
fn desk() -> Place {
    let place = Place::new();
    for made in
        [&["key", "new", "key"][..], &["key", "new", "--seal", "operator"], &["tenant", "enable"]]
    {
        assert_eq!(place.run(made).code, 0, "{made:?}");
    }
    place
}

/// The public key that is in `file`.
fn public(place: &Place, file: &str) -> String {
    String::from_utf8(place.read(file)).unwrap().trim().to_owned()
}

fn scan(place: &Place, seal: &[&str]) -> Run {
    place.write("tree/a.env", format!("A={GITHUB}\nB={GITLAB}\n"));
    let run = place.run(&[&["scan", "--register", "--key", "key", "tree"], seal].concat());
    run.hides(GITHUB);
    run
}

fn history(place: &Place) -> Vec<Value> {
    let run = place.run(&["leak", "show", "--json", "1"]);
    serde_json::from_str::<Value>(&run.stdout).unwrap()["history"].as_array().unwrap().clone()
}

#[test]
fn an_operators_key_comes_as_a_pair() {
    let place = Place::new();
    let made = place.run(&["key", "new", "--seal", "operator"]);
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    assert_eq!(place.names(), ["operator", "operator.pub"]);
    let mode = fs::metadata(place.path("operator")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    let public = public(&place, "operator.pub");
    assert!(public.starts_with("age1") && made.stdout.contains(&public), "{made:?}");
    let secret = String::from_utf8(place.read("operator")).unwrap();
    made.hides(secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap());
    // Neither is overwritten, and no half of a pair is left behind.
    place.run(&["key", "new", "--seal", "operator"]).failed(&["operator", "exists"]);
    fs::remove_file(place.path("operator")).unwrap();
    place.run(&["key", "new", "--seal", "operator"]).failed(&["operator.pub", "exists"]);
    assert_eq!(place.names(), ["operator.pub"]);
    assert_eq!(place.run(&["key", "new", "--seal", "--sign", "both"]).code, 2);
}

#[test]
fn what_a_scan_seals_its_operator_opens() {
    let place = desk();
    let key = public(&place, "operator.pub");
    assert_eq!(scan(&place, &["--seal", &key]).code, 1);
    for token in [GITHUB, GITLAB] {
        let bytes = place.read("stanch.db");
        assert!(!bytes.windows(token.len()).any(|part| part == token.as_bytes()));
    }
    let open = |more: &[&str]| place.run(&[&UNSEAL[..], more, &["1"]].concat());
    // To whatever reads the output only if that is said.
    let refused = open(&[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    refused.told(&["standard output", "--show-secrets"]);
    assert_eq!(history(&place).len(), 1, "nothing was opened");

    let shown = open(&["--show-secrets"]);
    assert_eq!((shown.code, shown.stdout), (0, format!("{GITHUB}\n{GITLAB}\n")));
    let told = place.run(&[&UNSEAL[..], &["--show-secrets", "--json", "#1"]].concat()).lines();
    assert_eq!(
        told[1],
        json!({
            "leak": 1, "class": told[1]["class"], "preview": "glpa…(26)", "secret": GITLAB,
        })
    );

    let kept = open(&["-o", "tokens"]);
    assert_eq!((kept.code, kept.stdout.as_str()), (0, ""));
    kept.hides(GITHUB);
    assert_eq!(place.read("tokens"), format!("{GITHUB}\n{GITLAB}\n").into_bytes());
    let mode = fs::metadata(place.path("tokens")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    open(&["-o", "tokens"]).failed(&["tokens", "exists"]);

    // Each time and each token stands in the history, with whose key it was and who had it.
    let history = history(&place);
    let opened: Vec<&Value> =
        history.iter().filter(|entry| entry["what"].to_string().contains(&key)).collect();
    assert_eq!(opened.len(), 6);
    assert!(opened.iter().all(|entry| entry["by"] == "tester"));
}

/// On a terminal the tokens show; `script` has one.
#[test]
fn a_terminal_shows_them() {
    let place = desk();
    scan(&place, &["--seal", "operator.pub"]);
    let command =
        format!("{} leak unseal --identity operator --by tester 1", env!("CARGO_BIN_EXE_stanch"));
    let output = Command::new("script")
        .args(["-q", "-e", "-c", &command, "/dev/null"])
        .current_dir(place.path(""))
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && shown.contains(GITHUB) && shown.contains(GITLAB), "{shown}");
}

#[test]
fn what_is_reported_is_sealed_too_to_each_of_several() {
    let place = desk();
    assert_eq!(place.run(&["key", "new", "--seal", "second"]).code, 0);
    assert_eq!(place.run(&["key", "new", "--seal", "third"]).code, 0);
    let [first, second] = ["operator.pub", "second.pub"].map(|name| public(&place, name));
    place.write("recipients", format!("# who may\n{first}\n\n{second}\n"));
    let add = ["leak", "add", "--key", "key", "--source", "a call", "--seal", "recipients", "-"];
    assert_eq!(place.run_with(&add, GITHUB).code, 0);
    for (identity, code) in [("operator", 0), ("second", 0), ("third", 6)] {
        let run = place.run(&["leak", "unseal", "--identity", identity, "--show-secrets", "1"]);
        assert_eq!(run.code, code, "{run:?}");
        assert_eq!(run.stdout.contains(GITHUB), code == 0);
    }
}

/// Each failure: its status, one line, no token, and nothing in the history.
#[test]
fn what_cannot_be_opened_is_told() {
    let place = desk();
    scan(&place, &["--seal", "operator.pub"]);
    place.run_with(
        &["leak", "add", "--key", "key", "--source", "a call", "-"],
        "q8Zr2LmX0vTc5NbW7Kd0PzY4",
    );
    place.run(&["key", "new", "--seal", "other"]);
    place.run(&["key", "new", "--seal", "open"]);
    fs::set_permissions(place.path("open"), Permissions::from_mode(0o644)).unwrap();
    let rows: &[(&[&str], i32, &str)] = &[
        (&["--identity", "other", "1"], 6, "the wrong key: it was sealed to age1"),
        (&["--identity", "operator", "2"], 3, "no token of leak 2 is kept sealed"),
        (&["--identity", "operator", "7"], 3, "there is no leak 7"),
        (&["--identity", "operator", "--as", "analyst", "1"], 4, "forbidden"),
        (&["--identity", "operator", "--tenant", "shop", "1"], 3, "there is no leak 1"),
        (&["--identity", "operator.pub", "1"], 2, "others than the owner"),
        (&["--identity", "key", "1"], 2, "no X25519 identity"),
        (&["--identity", "open", "1"], 2, "0644"),
        (&["--identity", "nowhere", "1"], 2, "nowhere"),
        (&["--identity", "operator", "-o", "no/such/file", "1"], 2, "no/such/file"),
    ];
    for (more, code, words) in rows {
        let shows = if more.contains(&"-o") { &[][..] } else { &["--show-secrets"] };
        let run = place.run(&[&["leak", "unseal"], shows, more].concat());
        assert_eq!((run.code, run.stdout.as_str()), (*code, ""), "{more:?}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        run.told(&[words]);
        run.hides(GITHUB);
    }
    // A file that was to be made is not left behind.
    let run = place.run(&["leak", "unseal", "--identity", "other", "-o", "new", "1"]);
    assert!(run.code == 6 && !place.path("new").exists(), "{run:?}");
    assert_eq!(history(&place).len(), 1);
    for (seal, words) in
        [("age1nobody", "no X25519 public key"), ("nowhere", "nowhere"), ("key", "no X25519")]
    {
        let run = scan(&place, &["--seal", seal]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        run.told(&[words]);
    }
}
