//! `stanch tenant`, `node`, `leak`, `attempts`, `patch build` and `scan --register`: the ledger by the command.

use serde_json::{Value, json};

use crate::place::{GITHUB, GITLAB, PASSWORD, Place, Run};

/// A token of no known form, invented: whoever accepts it is not known, so that it may be patched.
const OWN: &str = "q8Zr2LmX0vTc5NbW7Kd0PzY4sHt9GaUe";

/// A place with a key, a ledger for the tenant `default`, and an enrolled node.
fn desk() -> Place {
    let place = Place::new();
    assert_eq!(place.run(&["key", "new", "key"]).code, 0);
    assert_eq!(place.run(&["tenant", "enable"]).code, 0);
    assert_eq!(place.run(&["node", "enrol", "edge-1"]).code, 0);
    place
}

/// Registers these tokens by hand as one leak.
fn add(place: &Place, source: &str, tokens: &[&str]) -> Run {
    place.run_with(&["leak", "add", "--key", "key", "--source", source, "-"], tokens.join("\n"))
}

fn show(place: &Place, leak: &str) -> Value {
    let run = place.run(&["leak", "show", "--json", leak]);
    assert_eq!(run.code, 0, "{run:?}");
    for token in [GITHUB, GITLAB, PASSWORD, OWN] {
        run.hides(token);
    }
    serde_json::from_str(&run.stdout).unwrap()
}

fn listed(place: &Place, filter: &[&str]) -> Vec<u64> {
    let run = place.run(&[&["leak", "list", "--json"], filter].concat());
    assert!(run.code <= 1, "{run:?}");
    run.lines().iter().map(|leak| leak["id"].as_u64().unwrap()).collect()
}

fn attempt(leak: u64, second: u8) -> String {
    format!(
        r#"{{"type":"vpatch","time":"2026-11-23T16:12:{second:02}+00:00","node":"edge-1","client":"203.0.113.7","host":"api.example","method":"GET","path":"/v1","part":"header","name":"Authorization","view":"raw","action":"block","leak":{leak}}}"#
    )
}

#[test]
fn a_scan_registers_once_what_it_finds() {
    let place = desk();
    place.write("tree/a.env", format!("A={GITHUB}\nB={GITLAB}\n"));
    place.write("tree/b.env", format!("A={GITHUB}\n"));
    let scan = ["scan", "--register", "--key", "key", "--target", "shop.example", "tree"];
    let run = place.run(&scan);
    assert_eq!(run.code, 1, "{run:?}");
    run.told(&["1 new leak, 1 seen again"]);
    run.hides(GITHUB);
    place.run(&scan).told(&["0 new leaks, 2 seen again"]);
    assert_eq!(listed(&place, &[]), [1]);
    let leak = show(&place, "1");
    assert_eq!(leak["target"], "shop.example");
    let places: Vec<&Value> =
        leak["sources"].as_array().unwrap().iter().map(|source| &source["place"]).collect();
    assert_eq!(places, ["tree/a.env:1", "tree/b.env:1"]);
    assert_eq!(leak["tokens"].as_array().unwrap().len(), 2);
    // What the ledger's file holds is no token.
    for token in [GITHUB, GITLAB] {
        let bytes = place.read("stanch.db");
        assert!(!bytes.windows(token.len()).any(|part| part == token.as_bytes()));
    }
}

#[test]
fn a_decision_goes_its_way() {
    let place = desk();
    assert_eq!(add(&place, "a call", &[OWN]).stdout, "leak 1: registered, 1 token\n");
    assert_eq!(add(&place, "another call", &[OWN]).stdout, "leak 1: seen again\n");
    let build = ["patch", "build", "--key", "key", "-o", "set"];
    let built = |leaks: &str| {
        let run = place.run(&build);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.contains(leaks), "{run:?}");
    };
    let passes = || {
        place.write("request", format!("GET / HTTP/1.1\r\nX-Key: {OWN}\r\n\r\n"));
        let run = place.run(&["match", "--patches", "set", "--key", "key", "request"]);
        run.lines()[0]["action"].clone()
    };
    built("0 leaks with 0 tokens");
    assert_eq!(passes(), "pass");
    let inspected = place.run(&["patch", "inspect", "--format", "json", "set"]).lines();
    assert_eq!(inspected[0]["tokens"], 0);

    assert_eq!(place.run(&["leak", "patch", "--monitor", "1"]).code, 0);
    built("1 leak with 1 token, 0 blocked, 1 monitored, serial 2");
    assert_eq!(passes(), "monitor");
    assert_eq!(place.run(&["leak", "patch", "#1"]).code, 0);
    assert_eq!(place.run(&["leak", "patch", "1"]).code, 5, "it is so already");
    built("1 blocked");
    assert_eq!(passes(), "block");
    let residual = |place: &Place| show(place, "1")["residual"].as_u64();
    let before = residual(&place);
    assert_eq!(place.run(&["node", "confirm", "edge-1"]).code, 0);
    assert!(residual(&place) <= before);

    assert_eq!(place.run(&["leak", "close", "--note", "replaced", "1"]).code, 0);
    built("0 leaks");
    assert_eq!(passes(), "pass");
    assert_eq!(listed(&place, &["--status", "closed"]), [1]);
    assert_eq!(place.run(&["leak", "reopen", "1"]).code, 0);
    assert_eq!(show(&place, "1")["patch"], Value::Null);
    built("0 leaks");
    assert_eq!(place.run(&["leak", "false", "1"]).code, 0);
    assert_eq!(add(&place, "a third call", &[OWN]).stdout, "leak 1: seen again\n");
    let leak = show(&place, "1");
    assert_eq!(leak["status"], "false");
    let history = leak["history"].as_array().unwrap();
    assert!(history.iter().all(|entry| entry["by"] == "tester"));
    assert!(history.iter().any(|entry| entry["what"] == "decided: closed: replaced"));
}

#[test]
fn attempts_raise_the_score_and_show_the_place() {
    let place = desk();
    add(&place, "a call", &[OWN]);
    place.write("log", [attempt(1, 1), attempt(1, 2), attempt(9, 3)].join("\n"));
    let never = place.run(&["attempts", "import", "log"]);
    assert!(never.stdout.contains("2 about leaks that never had a patch"), "{never:?}");
    place.run(&["leak", "patch", "1"]);
    let before = show(&place, "1")["score"].as_u64();
    let run = place.run(&["attempts", "import", "log"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "2 new attempts, 1 new place of use, 1 about leaks that are not here\n")
    );
    let again = place.run(&["attempts", "import", "log"]);
    assert!(again.stdout.starts_with("0 new attempts"), "{again:?}");
    let leak = show(&place, "1");
    assert!(leak["score"].as_u64() > before, "{leak}");
    assert_eq!(
        (&leak["attempts"]["count"], &leak["places"][0]["host"]),
        (&json!(2), &json!("api.example"))
    );
    let list = place.run(&["attempts", "list", "--json", "1"]).lines();
    assert_eq!((list.len(), &list[0]["time"]), (2, &json!("2026-11-23T16:12:02Z")));

    assert_eq!(place.run(&["leak", "place", "1", "--tick", "1"]).code, 0);
    assert_eq!(show(&place, "1")["places"][0]["ticked"], true);
    assert_eq!(place.run(&["leak", "place", "1", "--untick", "2"]).code, 3);

    place.write("log", format!("{}\nnothing\n{{\"type\":\"other\"}}\n", attempt(1, 4)));
    let run = place.run(&["attempts", "import", "log"]);
    assert_eq!(run.code, 2);
    assert!(run.stdout.starts_with("1 new attempt, 0 new places"), "{run:?}");
    run.told(&["log:2"]);
}

#[test]
fn a_set_is_built_without_tokens_that_are_too_easy_to_recover() {
    let place = desk();
    add(&place, "a call", &[OWN]);
    place.run(&["leak", "patch", "1"]);
    let run = place.run(&["patch", "build", "--floor", "9999", "--key", "key", "-o", "set"]);
    assert_eq!(run.code, 2, "{run:?}");
    run.told(&["leak 1", "left out"]);
    assert!(run.stdout.contains("1 leak with 0 tokens"), "{run:?}");
    let inspected = place.run(&["patch", "inspect", "--format", "json", "set"]).lines();
    assert_eq!(inspected[0]["tokens"], 0);
}

#[test]
fn attempts_that_a_node_left_out_are_told_and_are_no_leaks() {
    let place = desk();
    add(&place, "a call", &[OWN]);
    place.run(&["leak", "patch", "1"]);
    let left_out = |line: String, count: u64| {
        format!("{},\"left_out\":{count}}}", line.strip_suffix('}').unwrap())
    };
    let lines = [left_out(attempt(1, 1), 5), attempt(1, 2), left_out(attempt(1, 3), u64::MAX)];
    place.write("log", lines[..2].join("\n"));
    let run = place.run(&["attempts", "import", "log"]);
    let told =
        "2 new attempts, 1 new place of use, 5 more that the nodes counted and did not log\n";
    assert_eq!((run.code, run.stdout.as_str()), (0, told));
    assert_eq!(show(&place, "1")["attempts"]["count"], 2);
    // What was taken in before tells nothing again.
    place.write("log", lines.join("\n"));
    let again = place.run(&["attempts", "import", "--json", "log"]).lines();
    assert_eq!((&again[0]["new"], &again[0]["left_out"]), (&json!(1), &json!(u64::MAX)));
    assert_eq!(show(&place, "1")["attempts"]["count"], 3);
}

#[test]
fn what_is_done_is_told_as_json_too() {
    let place = desk();
    add(&place, "a call", &[OWN]);
    place.write("log", attempt(1, 1));
    let rows: &[(&[&str], Value)] = &[
        (&["tenant", "enable", "--json"], json!({ "tenant": "default", "enabled": true })),
        (&["node", "enrol", "--json", "edge-2"], json!({ "node": "edge-2", "done": "enrolled" })),
        (
            &["leak", "patch", "--json", "1"],
            json!({ "leak": 1, "status": "opened", "patch": "block" }),
        ),
        (
            &["patch", "build", "--json", "--key", "key", "-o", "set"],
            json!({
                "path": "set", "leaks": 1, "tokens": 1, "blocked": 1, "monitored": 0, "serial": 1,
                "expires": null,
            }),
        ),
        (
            &["attempts", "import", "--json", "log"],
            json!({ "new": 1, "places": 1, "known": 0, "strange": 0, "unpatched": 0, "left_out": 0 }),
        ),
        (
            &["leak", "close", "--json", "1"],
            json!({ "leak": 1, "status": "closed", "patch": null }),
        ),
    ];
    for (arguments, expected) in rows {
        let run = place.run(arguments);
        assert_eq!((run.code, run.lines()), (0, vec![expected.clone()]), "{arguments:?}");
    }
}

#[test]
fn lists_are_filtered_and_sorted() {
    let place = desk();
    add(&place, "first call", &[OWN]);
    add(&place, "second call", &[GITHUB]);
    add(&place, "third letter", &[GITLAB, PASSWORD]);
    place.run(&["leak", "patch", "1"]);
    place.run(&["leak", "close", "3"]);
    assert_eq!(listed(&place, &["--sort", "id"]), [1, 2, 3]);
    assert_eq!(listed(&place, &["--sort", "id", "--reverse", "--limit", "2"]), [3, 2]);
    assert_eq!(listed(&place, &["--source", "CALL", "--sort", "id"]), [1, 2]);
    assert_eq!(listed(&place, &["--patch", "block"]), [1]);
    assert_eq!(listed(&place, &["--class", "GitHub personal access token (classic)"]), [2]);
    assert_eq!(listed(&place, &["--text", "gitlab"]), [3]);
    assert_eq!(listed(&place, &[]).last(), Some(&3), "opened ones come first");
    assert_eq!(place.run(&["leak", "list", "--status", "closed"]).code, 0);
    let table = place.run(&["leak", "list"]);
    assert_eq!(table.code, 1);
    assert!(table.stdout.contains("report second call") && table.stdout.contains("3 leaks"));
}

/// Each kind of failure has its own status and one clear line.
#[test]
fn every_failure_has_its_own_status() {
    let place = desk();
    add(&place, "a call", &[OWN]);
    place.run(&["key", "new", "other"]);
    place.write("token", GITHUB);
    let rows: &[(&[&str], i32, &str)] = &[
        (&["leak", "show", "7"], 3, "there is no leak 7"),
        (&["leak", "close", "--as", "analyst", "1"], 4, "forbidden"),
        (&["leak", "list", "--as", "none"], 4, "forbidden"),
        (&["leak", "list", "--tenant", "nobody"], 4, "stanch tenant enable"),
        (&["leak", "reopen", "1"], 5, "opened already"),
        (&["leak", "note", "1", " "], 5, "missing"),
        (&["patch", "build", "--key", "other", "-o", "set"], 6, "the wrong key"),
        (&["leak", "add", "--key", "other", "--source", "x", "token"], 6, "the wrong key"),
        (&["leak", "list", "--store", "nowhere.db"], 2, "there is no ledger"),
        (&["leak", "list", "--store", "token"], 9, "token"),
        (&["node", "remove", "edge-7"], 3, "no node edge-7"),
    ];
    for (arguments, code, words) in rows {
        let run = place.run(arguments);
        assert_eq!(run.code, *code, "{arguments:?}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        run.told(&[words]);
        run.hides(GITHUB);
    }
    assert_eq!(place.read("token"), GITHUB.as_bytes(), "what is no ledger stays as it was");
    // An analyst may look, and a stranger's token is revoked instead of patched.
    assert_eq!(place.run(&["leak", "list", "--as", "analyst"]).code, 1);
    add(&place, "a call", &[GITHUB]);
    let run = place.run(&["leak", "patch", "2"]);
    assert_eq!(run.code, 5);
    run.told(&["not applicable: revoke instead"]);
    assert_eq!(place.run(&["leak", "patch", "--anyway", "2"]).code, 0);
    place.run(&["node", "remove", "edge-1"]);
    add(&place, "a call", &[GITLAB]);
    let run = place.run(&["leak", "patch", "3"]);
    assert_eq!(run.code, 5);
    run.told(&["only detects here"]);
}

/// A ledger of a newer version, and one that is damaged: each its status, one line, and the file as it was.
#[test]
fn a_ledger_that_cannot_be_used_is_told_and_left_alone() {
    let place = desk();
    add(&place, "a call", &[OWN]);
    let whole = place.read("stanch.db");
    let ledger = rusqlite::Connection::open(place.path("stanch.db")).unwrap();
    ledger
        .execute_batch("UPDATE ledger SET version = 99; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    ledger.close().unwrap();
    let newer = place.read("stanch.db");
    let rows =
        [(&newer[..], 7, "version 99"), (&whole[..5000], 9, "damaged"), (b"text", 9, "no ledger")];
    for (bytes, code, words) in rows {
        // In place, so that its mode stays.
        place.write("stanch.db", bytes);
        for arguments in [
            &["leak", "list"][..],
            &["leak", "close", "1"],
            &["report", "executive"],
            &["patch", "build", "--key", "key", "-o", "set"],
            &["node", "list"],
            &["tenant", "enable"],
        ] {
            let run = place.run(arguments);
            assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{arguments:?}: {run:?}");
            assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
            run.told(&[words]);
            assert!(place.read("stanch.db") == bytes, "{arguments:?} changed it");
        }
    }
}

#[test]
fn tenants_do_not_see_each_other() {
    let place = desk();
    add(&place, "a call", &[OWN]);
    let other = ["--tenant", "other"];
    assert_eq!(place.run(&["leak", "list", other[0], other[1]]).code, 4);
    assert_eq!(place.run(&["tenant", "enable", other[0], other[1]]).code, 0);
    assert_eq!(place.run(&["leak", "list", other[0], other[1]]).code, 0);
    let run = place.run(&["leak", "show", other[0], other[1], "1"]);
    assert_eq!(run.code, 3, "{run:?}");
    let all = ["leak", "list", "--as", "global-analyst"];
    assert_eq!(place.run(&all).code, 1);
    let listed = place.run(&["tenant", "list", "--as", "global-analyst", "--json"]).lines();
    let names: Vec<&Value> = listed.iter().map(|tenant| &tenant["tenant"]).collect();
    assert_eq!(names, ["default", "other"]);
}
