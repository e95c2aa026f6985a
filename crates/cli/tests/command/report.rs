//! `stanch report`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::place::{GITHUB, GITLAB, PASSWORD, Place, Run};

const REPORTS: [&str; 3] = ["executive", "technical", "prioritized"];
const FORMATS: [&str; 4] = ["html", "json", "md", "sarif"];

/// Runs the command as somebody with a name.
fn run(place: &Place, arguments: &[&str]) -> Run {
    Run::of(place.command().env("STANCH_BY", "ann").args(arguments))
}

#[track_caller]
fn done(place: &Place, arguments: &[&str]) -> Run {
    let run = run(place, arguments);
    assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
    run
}

/// A folder with an empty ledger.
fn empty() -> Place {
    let place = Place::new();
    done(&place, &["key", "new", "key"]);
    done(&place, &["tenant", "enable"]);
    place
}

/// A folder with a ledger of three leaks: one is open, one is blocked and was tried, one is false.
fn ledger() -> Place {
    let place = empty();
    let leaks = [
        (GITHUB, "repository", "https://git.example/shop/<script>"),
        (PASSWORD, "report", "a call from the hotline"),
        (GITLAB, "paste", "https://paste.example/x7"),
    ];
    for (token, kind, source) in leaks {
        place.write("token", token);
        let add = ["leak", "add", "--key", "key", "--kind", kind, "--source", source];
        done(&place, &[&add[..], &["--target", "shop.example", "token"]].concat());
    }
    done(&place, &["node", "enrol", "east", "west"]);
    done(&place, &["leak", "patch", "--anyway", "2"]);
    done(&place, &["node", "confirm", "east", "west"]);
    done(&place, &["leak", "false", "3"]);
    let attempt = serde_json::json!({
        "type": "vpatch", "time": "2020-01-02T03:04:05Z", "node": "east", "client": "192.0.2.7",
        "host": "api.shop.example", "method": "GET", "path": "/v1/orders", "part": "header",
        "name": "authorization", "view": "raw", "action": "block", "leak": 2,
    });
    place.write("log", format!("{attempt}\n"));
    done(&place, &["attempts", "import", "log"]);
    place
}

fn text(place: &Place, name: &str) -> String {
    String::from_utf8(place.read(name)).unwrap()
}

/// The totals of the table in Markdown, by their labels.
fn totals_in_markdown(text: &str) -> BTreeMap<String, u64> {
    let table = text.split("| Total | Count |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].replace('\\', ""), cells[1].parse().unwrap())
    })
    .collect()
}

/// The totals that a page shows, by their names.
fn totals_in_html(page: &str) -> BTreeMap<String, u64> {
    let shown = page.split("data-total=\"").skip(1).map(|part| {
        let (name, rest) = part.split_once("\">").unwrap();
        (name.to_owned(), rest.split_once('<').unwrap().0.replace(',', "").parse().unwrap())
    });
    shown.collect()
}

#[test]
fn all_reports_of_a_snapshot_agree_and_verify() {
    let place = ledger();
    done(&place, &["report", "technical", "--format", "json", "-o", "origin.json"]);
    let origin: Value = serde_json::from_str(&text(&place, "origin.json")).unwrap();
    let digest = origin["digest"].as_str().unwrap();
    let totals = &origin["snapshot"]["totals"];
    assert!(totals["leaks"] == 3 && totals["opened"] == 2 && totals["false"] == 1, "{totals}");
    assert!(totals["protected"] == 1 && totals["attempts"] == 1, "{totals}");

    for report in REPORTS {
        for format in FORMATS {
            let name = format!("{report}.{format}");
            let made = done(
                &place,
                &["report", report, "--format", format, "--from", "origin.json", "-o", &name],
            );
            assert_eq!(made.stdout, format!("{name}: {report} report, {digest}\n"));
            let mode = fs::metadata(place.path(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");

            let text = text(&place, &name);
            assert!(text.contains(digest), "{name}");
            for token in [GITHUB, GITLAB, PASSWORD] {
                assert!(!text.contains(token), "{token} shows in {name}");
            }
            let verify = ["report", "verify", "--with", "origin.json", &name];
            let verified = done(&place, &verify);
            assert!(verified.stdout.contains("as it was made"), "{verified:?}");
            assert!(verified.stdout.contains(digest), "{verified:?}");

            // Any byte that changes shows.
            for at in [text.len() / 3, text.len() / 2] {
                let at = (at..).find(|at| text.is_char_boundary(*at)).unwrap();
                let was = text[at..].chars().next().unwrap();
                let other = if was == 'x' { 'y' } else { 'x' };
                let rest = &text[at + was.len_utf8()..];
                place.write("changed", format!("{}{other}{rest}", &text[..at]));
                let refused =
                    run(&place, &["report", "verify", "--with", "origin.json", "changed"]);
                refused.failed(&["changed: "]);
            }
        }

        let page = totals_in_html(&text(&place, &format!("{report}.html")));
        assert!(page.len() >= 6, "{page:?}");
        for (name, total) in &page {
            assert_eq!(totals[name], *total, "{name} in {report}.html");
        }
        let markdown = totals_in_markdown(&text(&place, &format!("{report}.md")));
        for (label, name) in
            [("Leaks", "leaks"), ("Open", "opened"), ("False", "false"), ("Attempts", "attempts")]
        {
            assert_eq!(totals[name], markdown[label], "{name} in {report}.md");
        }
        let sarif: Value = serde_json::from_str(&text(&place, &format!("{report}.sarif"))).unwrap();
        assert_eq!(sarif["runs"][0]["properties"]["totals"], *totals);
    }
    // What somebody else chose the name of stays text.
    assert!(!text(&place, "technical.html").contains("shop/<script>"));
}

#[test]
fn a_report_tells_what_the_ledger_holds() {
    let place = ledger();
    let made = done(&place, &["report", "technical", "--format", "json"]);
    let document: Value = serde_json::from_str(&made.stdout).unwrap();
    let snapshot = &document["snapshot"];
    assert_eq!((&snapshot["tenant"], &snapshot["nodes"]), (&"default".into(), &2.into()));
    let [github, password, gitlab] = &snapshot["leaks"].as_array().unwrap()[..] else {
        panic!("{snapshot}");
    };
    for leak in [github, password, gitlab] {
        let id = leak["id"].as_u64().unwrap().to_string();
        let shown = done(&place, &["leak", "show", "--json", &id]);
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
        for field in ["score", "residual", "level", "critical"] {
            assert_eq!(leak[field], shown[field], "{field} of leak {id}");
        }
        assert_eq!(leak["tokens"][0]["preview"], shown["tokens"][0]["preview"]);
        assert_eq!(leak["target"], "shop.example");
    }
    assert_eq!(
        [github, password, gitlab].map(|leak| leak["status"].as_str().unwrap()),
        ["opened", "opened", "false"]
    );
    assert_eq!(github["sources"][0]["kind"], "repository");
    assert_eq!((&github["channel"], &github["patch"]), (&"repository".into(), &Value::Null));
    let step = &github["checklist"][0];
    assert!(step["text"].as_str().unwrap().starts_with("Revoke "), "{step}");
    assert!(step["link"].as_str().unwrap().starts_with("https://"), "{step}");
    let patch = &password["patch"];
    assert_eq!((&patch["mode"], &patch["confirmed"]), (&"block".into(), &2.into()));
    assert_eq!(patch["everywhere"], true);
    assert!(password["residual"].as_u64() < password["score"].as_u64());
    assert_eq!(password["attempts"]["count"], 1);
    assert_eq!(password["places"][0]["path"], "/v1/orders");
    assert_eq!(gitlab["checklist"], Value::Array(Vec::new()));

    let rating = &snapshot["ratings"]["nhi_exposure"];
    assert_eq!(rating["worst"], github["score"], "the worst token is not patched");
    assert_eq!(rating["drivers"][0], 1);
    assert_eq!(snapshot["before"], Value::Null, "nothing was known a month ago");

    // What happened until `since` is told as of then: nothing else happens within that second.
    let then = snapshot["at"].as_i64().unwrap();
    while Timestamp::now().as_second() <= then {
        thread::sleep(Duration::from_millis(50));
    }
    done(&place, &["leak", "close", "--yes", "1"]);
    let then = Timestamp::from_second(then).unwrap().to_string();
    let made = done(&place, &["report", "technical", "--format", "json", "--since", &then]);
    let document: Value = serde_json::from_str(&made.stdout).unwrap();
    let before = &document["snapshot"]["before"]["nhi_exposure"];
    assert_eq!(document["snapshot"]["leaks"][0]["status"], "closed");
    assert_eq!(document["snapshot"]["totals"]["closed_recently"], 1);
    assert_eq!(*before, *rating);
    assert!(
        document["snapshot"]["ratings"]["nhi_exposure"]["points"].as_u64()
            < before["points"].as_u64()
    );
}

#[test]
fn who_may_look_may_report() {
    let place = ledger();
    for (role, code) in [
        ("administrator", 0),
        ("global-administrator", 0),
        ("analyst", 0),
        ("global-analyst", 0),
        ("none", 4),
    ] {
        let made = run(&place, &["report", "executive", "--format", "md", "--as", role]);
        assert_eq!(made.code, code, "{role}: {made:?}");
        assert_eq!(made.stdout.is_empty(), code != 0, "{role}");
    }
    let other = run(&place, &["report", "executive", "--as", "analyst", "--tenant", "shop"]);
    assert_eq!(other.code, 4, "its module is off: {other:?}");
}

#[test]
fn a_tenant_without_leaks_has_nothing_to_report() {
    let place = empty();
    for report in REPORTS {
        let made = run(&place, &["report", report, "-o", "file"]);
        assert_eq!((made.code, made.stdout.as_str()), (8, ""), "{made:?}");
        made.told(&["nothing to report"]);
    }
    assert!(!place.path("file").exists());

    // Those of others are not its own, whoever asks.
    let place = ledger();
    done(&place, &["tenant", "enable", "shop", "--as", "global-administrator"]);
    let made = run(&place, &["report", "technical", "--tenant", "shop", "--as", "global-analyst"]);
    assert_eq!(made.code, 8, "{made:?}");
}

#[test]
fn what_is_no_report_is_neither_verified_nor_overwritten() {
    let place = ledger();
    place.write("notes", "shop\n");
    place.write("secret.json", format!("{{\"{PASSWORD}\": \"{GITHUB}\"}}"));
    place.write("bytes", [0xff, 0xfe]);
    fs::create_dir(place.path("folder")).unwrap();
    for name in ["notes", "secret.json", "bytes", "folder", "missing", "stanch.db"] {
        let refused = run(&place, &["report", "verify", name]);
        refused.failed(&[name]);
        refused.hides(PASSWORD);
        refused.hides(GITHUB);
    }
    for name in ["notes", "secret.json", "bytes", "folder", "stanch.db", "key"] {
        run(&place, &["report", "executive", "-o", name]).failed(&[name, "is there already"]);
    }
    assert_eq!(text(&place, "notes"), "shop\n");
    run(&place, &["report", "executive", "-o", "missing/file"]).failed(&["missing/file"]);

    place.write("report", "");
    for format in FORMATS {
        let make = ["report", "executive", "--format", format, "-o", "report"];
        done(&place, &make);
        assert!(!place.read("report").is_empty(), "an earlier report is replaced");
    }
    done(&place, &["report", "executive", "--format", "md", "-o", "md"]);
    run(&place, &["report", "verify", "md"]).failed(&["md", "--with"]);
    run(&place, &["report", "executive", "--from", "md"]).failed(&["md"]);

    // Another snapshot's report does not vouch for it.
    done(&place, &["leak", "close", "--yes", "1"]);
    done(&place, &["report", "executive", "--format", "json", "-o", "later"]);
    run(&place, &["report", "verify", "--with", "later", "md"]).failed(&["md", "digest"]);
    // One of another version can only be checked in part, which is not the same.
    let other = text(&place, "later").replacen("\"program\": \"", "\"program\": \"9.", 1);
    place.write("other", other);
    let part = run(&place, &["report", "verify", "other"]);
    assert!(part.code == 1 && part.stdout.contains("another version"), "{part:?}");
    let told = done(&place, &["report", "verify", "--json", "later"]).lines();
    assert_eq!((&told[0]["format"], &told[0]["whole"]), (&"json".into(), &true.into()));

    let future = run(&place, &["report", "executive", "--since", "9999-01-01"]);
    assert!(future.code == 2 && future.stderr.contains("not over yet"), "{future:?}");
}
