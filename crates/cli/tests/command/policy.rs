//! `stanch policy`: rules that decide.

use serde_json::{Value, json};

use crate::place::{GITHUB, GITLAB, Place, Run};

/// A token of no known form, invented.
const OWN: &str = "q8Zr2LmX0vTc5NbW7Kd0PzY4sHt9GaUe";

const POLICY: &str = r#"name = "shop"

[[rule]]
name = "calls about nothing"
decide = "false"
kinds = ["paste"]
providers = ["Any"]

[[rule]]
name = "all else"
decide = "monitor"
level = "informational"
note = "look who uses it"
"#;

fn desk() -> Place {
    let place = Place::new();
    for done in [&["key", "new", "key"][..], &["tenant", "enable"], &["node", "enrol", "edge-1"]] {
        assert_eq!(place.run(done).code, 0);
    }
    place.write("shop.toml", POLICY);
    place
}

fn add(place: &Place, kind: &str, token: &str) {
    let add = ["leak", "add", "--key", "key", "--kind", kind, "--source", "somewhere", "-"];
    let run = place.run_with(&add, token);
    assert_eq!(run.code, 0, "{run:?}");
}

fn statuses(place: &Place) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let run = place.run(&["leak", "list", "--json", "--sort", "id"]);
    run.lines().iter().map(|leak| (text(&leak["status"]).unwrap(), text(&leak["patch"]))).collect()
}

fn apply(place: &Place, more: &[&str]) -> Run {
    place.run(&[&["policy", "apply"], more, &["shop.toml"]].concat())
}

#[test]
fn a_policy_decides_once_and_is_named() {
    let place = desk();
    add(&place, "report", OWN);
    add(&place, "paste", &OWN.to_lowercase());
    add(&place, "report", GITHUB);
    let opened = ("opened".to_owned(), None);
    let monitored = ("opened".to_owned(), Some("monitor".to_owned()));
    let is_false = ("false".to_owned(), None);

    let dry = apply(&place, &["--dry-run"]);
    assert_eq!(dry.code, 1, "{dry:?}");
    for words in [
        "calls about nothing",
        "marked false",
        "would be decided",
        "refused: not applicable",
        "2 leaks",
        "1 refused",
    ] {
        assert!(dry.stdout.contains(words), "{words}: {dry:?}");
    }
    assert_eq!(statuses(&place), [opened.clone(), opened.clone(), opened.clone()]);
    // Whoever may only look may look what would happen.
    assert_eq!(apply(&place, &["--dry-run", "--as", "analyst"]).code, 1);

    let done = apply(&place, &["--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let refused = "not applicable: revoke instead";
    let lines = done.lines();
    assert_eq!(
        lines[..2],
        [
            json!({ "leak": 1, "rule": "all else", "decision": "patched to monitor", "decided": true, "refused": null }),
            json!({ "leak": 2, "rule": "calls about nothing", "decision": "marked false", "decided": true, "refused": null }),
        ]
    );
    assert!(lines[2]["refused"].as_str().unwrap().contains(refused), "{done:?}");
    assert_eq!((lines.len(), &lines[2]["decided"]), (3, &json!(false)));
    assert_eq!(statuses(&place), [monitored.clone(), is_false.clone(), opened.clone()]);

    let shown = place.run(&["leak", "show", "--json", "1"]);
    let leak: Value = serde_json::from_str(&shown.stdout).unwrap();
    let last = leak["history"].as_array().unwrap().last().unwrap();
    assert!(last["by"].as_str().unwrap().contains("shop"), "{last}");
    let what =
        "decided: patched to monitor: rule \"all else\", applied by tester: look who uses it";
    assert_eq!(last["what"], what);

    // Once more there is nothing left but what is refused; a person has the last word.
    assert_eq!(apply(&place, &["--dry-run"]).code, 0);
    assert_eq!(place.run(&["leak", "reopen", "2"]).code, 0);
    assert_eq!(place.run(&["leak", "patch", "1"]).code, 0);
    let again = apply(&place, &["--json"]).lines();
    assert_eq!((again.len(), &again[0]["leak"]), (1, &json!(3)));
    let blocked = ("opened".to_owned(), Some("block".to_owned()));
    assert_eq!(statuses(&place), [blocked, opened.clone(), opened]);
    place.run(&["leak", "close", "3"]);
    assert_eq!(apply(&place, &[]).stdout, "nothing to decide\n");
}

#[test]
fn a_policy_is_refused_what_a_person_is() {
    let place = desk();
    add(&place, "report", OWN);
    assert_eq!(place.run(&["node", "remove", "edge-1"]).code, 0);
    let run = apply(&place, &[]);
    assert!(run.code == 0 && run.stdout.contains("only detects here"), "{run:?}");
    place.write("shop.toml", POLICY.replace("note =", "anyway = true\nnote ="));
    let run = apply(&place, &[]);
    assert!(run.stdout.contains("1 leak decided about, 0 refused"), "{run:?}");
}

/// Who may not, what is none: a status of its own and one line.
#[test]
fn what_goes_wrong_is_told() {
    let place = desk();
    add(&place, "report", OWN);
    place.write("typo.toml", POLICY.replace("level = \"informational\"", "level = \"hihg\""));
    place.write("bytes", [0xff, 0xfe]);
    let rows: &[(&[&str], i32, &[&str])] = &[
        (&["apply", "--as", "analyst", "shop.toml"], 4, &["forbidden", "policies"]),
        (&["apply", "--as", "none", "--dry-run", "shop.toml"], 4, &["forbidden"]),
        (&["apply", "--tenant", "bank", "shop.toml"], 4, &["stanch tenant enable"]),
        (&["apply", "typo.toml"], 2, &["typo.toml:12:", "level", "hihg", "critical"]),
        (&["check", "typo.toml"], 2, &["typo.toml:12:", "level"]),
        (&["check", "bytes"], 2, &["bytes: no UTF-8"]),
        (&["check", "nowhere"], 2, &["nowhere"]),
    ];
    for (arguments, code, words) in rows {
        let run = place.run(&[&["policy"], *arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (*code, ""), "{arguments:?}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        run.told(words);
    }
    assert_eq!(statuses(&place), [("opened".to_owned(), None)]);
    let run = place.run(&["policy", "check", "shop.toml"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "shop.toml: policy shop, 2 rules\n"));
    let lines = place.run_with(&["policy", "check", "--json", "-"], POLICY).lines();
    assert_eq!(
        lines[1],
        json!({ "number": 2, "rule": "all else", "decision": "patched to monitor" })
    );
}

/// Tenants are apart, and a global administrator decides for all of them.
#[test]
fn a_policy_is_applied_where_its_user_may() {
    let place = desk();
    add(&place, "report", OWN);
    assert_eq!(place.run(&["tenant", "enable", "--tenant", "bank"]).code, 0);
    assert_eq!(place.run(&["node", "enrol", "--tenant", "bank", "edge-9"]).code, 0);
    let add = ["leak", "add", "--key", "key", "--tenant", "bank", "--source", "x", "-"];
    assert_eq!(place.run_with(&add, GITLAB.to_lowercase()).code, 0);
    let own = apply(&place, &["--json"]).lines();
    assert_eq!((own.len(), &own[0]["leak"]), (1, &json!(1)));
    let all = apply(&place, &["--json", "--as", "global-administrator"]).lines();
    assert_eq!((all.len(), &all[0]["leak"]), (1, &json!(2)));
}
