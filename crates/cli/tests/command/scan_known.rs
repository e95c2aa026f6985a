//! `stanch scan` and the findings that are known or allowed.

use serde_json::Value;

use crate::place::{GITHUB, GITLAB, PASSWORD, Place};

const RULE: &str = "github-personal-access-token";

fn tree() -> Place {
    let place = Place::new();
    place.write("src/a.py", format!("x = '{GITHUB}'\n"));
    place.write("src/b.py", format!("x = '{GITLAB}'\n"));
    place
}

#[test]
fn what_a_baseline_knows_is_not_reported() {
    let place = tree();
    let run = place.run(&["scan", "--write-baseline", "known.json", "src"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    assert!(run.stdout.starts_with("no findings; "), "{run:?}");
    assert!(run.stdout.contains("2 findings known"), "{run:?}");
    let scan = ["scan", "--format", "jsonl", "--baseline", "known.json", "src"];
    let run = place.run(&scan);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));

    // Moved it is still known; another token, rule or path is not.
    place.write("src/a.py", format!("\n\n# moved\ny = '{GITHUB}'\n"));
    assert_eq!(place.run(&scan).code, 0);
    place.write("src/a.py", format!("x = '{GITHUB}'\ny = '{GITLAB}'\n"));
    place.write("src/c.py", format!("x = '{GITHUB}'\n"));
    let run = place.run(&scan);
    assert_eq!(run.code, 1);
    let places: Vec<(String, u64)> = run
        .lines()
        .iter()
        .map(|line| (line["path"].as_str().unwrap().into(), line["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("src/a.py".to_owned(), 2), ("src/c.py".to_owned(), 1)]);
    // However the path is written.
    assert_eq!(place.run(&["scan", "--baseline", "known.json", "./src/b.py"]).code, 0);
}

#[test]
fn a_baseline_holds_no_token_and_changes_where_findings_do() {
    let place = tree();
    place.write(".env", format!("DB=postgres://shop:{PASSWORD}@db.invalid/shop\n"));
    assert_eq!(place.run(&["scan", "--write-baseline", "known", ".env", "src"]).code, 0);
    let text = String::from_utf8(place.read("known")).unwrap();
    for token in [GITHUB, GITLAB, PASSWORD] {
        assert!(!text.contains(&token[..6]), "{text}");
    }
    let baseline: Value = serde_json::from_str(&text).unwrap();
    let known = baseline["known"].as_array().unwrap();
    assert_eq!(known.len(), 3);
    for entry in known {
        assert_eq!(entry["mark"].as_str().unwrap().len(), 4, "more than 16 bits");
    }
    assert_eq!(known[1]["rule"], RULE);

    // Written anew, the same findings make the same file; a new one adds a line.
    assert_eq!(place.run(&["scan", "--write-baseline", "known", ".env", "src"]).code, 0);
    assert_eq!(String::from_utf8(place.read("known")).unwrap(), text);
    place.write("src/c.py", format!("x = '{GITHUB}'\n"));
    let both = ["scan", "--baseline", "known", "--write-baseline", "known", ".env", "src"];
    assert_eq!(place.run(&both).code, 0);
    let new = String::from_utf8(place.read("known")).unwrap();
    assert_eq!(new.lines().count(), text.lines().count() + 1);
}

#[test]
fn what_is_no_baseline_is_an_error() {
    let place = tree();
    let run = place.run(&["scan", "--baseline", "nothing", "src"]);
    run.failed(&["nothing", "No such file"]);
    place.run(&["scan", "--baseline", "src/a.py", "src"]).failed(&["src/a.py", "no baseline"]);
    // Nor is another file overwritten.
    place.run(&["scan", "--write-baseline", "src/a.py", "src"]).failed(&["src/a.py"]);
    assert!(place.read("src/a.py").starts_with(b"x = "));
    place.run(&["scan", "--write-baseline", "no/such", "src"]).told(&["no/such", "No such file"]);
}

#[test]
fn a_comment_allows_a_finding() {
    let place = Place::new();
    place.write(
        "a.py",
        format!(
            "a = '{GITHUB}'  # stanch:allow\n\
             b = '{GITHUB}'  # stanch:allow {RULE} -- a sample\n\
             c = '{GITHUB}'  # stanch:allow gitlab-personal-access-token\n\
             d = '{GITHUB}'\n"
        ),
    );
    let run = place.run(&["scan", "--format", "jsonl", "a.py"]);
    let lines: Vec<u64> = run.lines().iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!((run.code, lines), (1, vec![3, 4]));
    let run = place.run(&["scan", "a.py"]);
    assert!(run.stdout.contains("2 findings allowed"), "{run:?}");
    place.write("a.py", format!("a = '{GITHUB}'  # stanch:allow\n"));
    assert_eq!(place.run(&["scan", "a.py"]).code, 0);
}
