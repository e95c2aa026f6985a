//! `stanch scan`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::place::{GITHUB, GITLAB, PASSWORD, Place, Run};

const RULE: &str = "github-personal-access-token";

fn tree() -> Place {
    let place = Place::new();
    place.write("src/b.py", format!("# wörter\nT = 'é {GITHUB}'\n"));
    place.write("src/a.py", format!("# nothing\n\nx = '{GITLAB}' # {GITHUB}\n"));
    place.write("src/clean.rs", "fn main() {}\n");
    place.write(".env", format!("DB=postgres://shop:{PASSWORD}@db.invalid/shop\n"));
    place
}

fn found(run: &Run) -> Vec<(String, u64)> {
    let place =
        |line: &Value| (line["path"].as_str().unwrap().into(), line["start"].as_u64().unwrap());
    run.lines().iter().map(place).collect()
}

#[test]
fn lines_of_json_have_the_fields_that_were_promised() {
    let place = tree();
    let run = place.run(&["scan", "--format", "jsonl", "src/b.py"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let mut expected = json!({
        "path": "src/b.py", "line": 2, "column": 9, "start": 18, "end": 58, "rule": RULE,
        "confidence": "high", "preview": "ghp_…(40)",
    });
    assert_eq!(run.lines(), [expected.clone()]);
    run.hides(GITHUB);

    let run = place.run(&["scan", "--format", "jsonl", "--show-secrets", "src/b.py"]);
    expected["secret"] = GITHUB.into();
    assert_eq!((run.code, run.lines()), (1, vec![expected]));
    let text = place.read("src/b.py");
    assert_eq!(&text[18..58], GITHUB.as_bytes());
}

#[test]
fn encoded_tokens_come_with_the_way_to_them() {
    let place = Place::new();
    let encoded = BASE64_STANDARD.encode(format!("token: {GITHUB}"));
    place.write("a", format!("x\ndata: {encoded}\n"));
    let wide: Vec<u8> = encoded.bytes().flat_map(|byte| [byte, 0]).collect();
    place.write("b", wide);
    let run = place.run(&["scan", "--format", "jsonl", "--show-secrets", "a", "b"]);
    let (len, at) = (encoded.len(), 8);
    let step =
        |encoding: &str, start, end| json!({ "encoding": encoding, "start": start, "end": end });
    let [a, b] = &run.lines()[..] else { panic!("{}", run.stdout) };
    assert_eq!((&a["secret"], &b["secret"]), (&json!(GITHUB), &json!(GITHUB)));
    assert_eq!((&a["line"], &a["preview"]), (&json!(2), &json!("ghp_…(40)")));
    assert_eq!(a["trail"], json!([step("base64", at, at + len)]));
    assert_eq!(b["trail"], json!([step("utf16", 0, 2 * len), step("base64", 0, len)]));
    // The token's own digits, seven bytes behind the first.
    assert_eq!(a["start"], json!(at + 7 * 8 / 6));

    let table = place.run(&["scan", "b"]);
    assert!(table.stdout.contains("in utf16 > base64"), "{}", table.stdout);
    let sarif = place.run(&["scan", "--format", "sarif", "b"]);
    let log = sarif.sarif();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["properties"]["trail"][1]["encoding"], "base64");
    assert!(result["message"]["text"].as_str().unwrap().contains("Within utf16 > base64."));
}

#[test]
fn findings_come_by_path_and_place_whatever_the_number_of_workers() {
    let place = tree();
    for n in 0..300 {
        place.write(&format!("many/{:03}", n * 7 % 300), format!("{}{GITHUB}", "x ".repeat(n * n)));
    }
    let one = place.run(&["scan", "--format", "jsonl", "--jobs", "1", "."]);
    assert_eq!(one.code, 1);
    assert_eq!(one.lines().len(), 304);
    let order = found(&one);
    assert_eq!(order[0].0, "./.env");
    assert_eq!(order[1].0, "./many/000");
    assert_eq!(
        &order[301..].iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        &["./src/a.py", "./src/a.py", "./src/b.py"]
    );
    for jobs in ["2", "7"] {
        let many = place.run(&["scan", "--format", "jsonl", "--jobs", jobs, "."]);
        assert_eq!(many.stdout, one.stdout);
    }
    place.run(&["scan", "--jobs", "0", "."]).hides("panicked");
    assert_eq!(place.run(&["scan", "--jobs", "0", "."]).code, 2);
}

#[test]
fn the_table_is_grouped_and_summed_up() {
    let place = tree();
    let run = place.run(&["scan", "."]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "./.env");
    assert!(lines[1].trim_start().starts_with("1:20  medium  url-password"), "{}", lines[1]);
    assert!(lines[1].ends_with("m7T…(15)"));
    assert_eq!((lines[3], lines[7]), ("./src/a.py", "./src/b.py"));
    let summary = lines.last().unwrap();
    assert!(
        summary.starts_with("4 findings in 3 files: 3 high, 1 medium, 0 low; looked at 4 files, ")
    );
    for token in [GITHUB, GITLAB, PASSWORD] {
        run.hides(token);
    }
    assert!(!run.stdout.contains('\x1b'), "colours where there is no terminal");
    let shown = place.run(&["scan", "--show-secrets", "."]);
    assert_eq!(shown.stdout.matches(GITHUB).count(), 2);

    let clean = place.run(&["scan", "src/clean.rs"]);
    assert_eq!((clean.code, clean.stderr.as_str()), (0, ""));
    assert!(clean.stdout.starts_with("no findings; looked at 1 file, "));
    let clean = place.run(&["scan", "--format", "jsonl", "src/clean.rs"]);
    assert_eq!((clean.code, clean.stdout.as_str()), (0, ""));
}

#[test]
fn standard_input_is_a_path_like_others() {
    let place = tree();
    let input = format!("a\nb {GITHUB}\n");
    let run = place.run_with(&["scan", "--format", "jsonl", "-", "src/b.py"], &input);
    assert_eq!(run.code, 1);
    assert_eq!(found(&run), [("-".into(), 4), ("src/b.py".into(), 18)]);
    assert_eq!(place.run_with(&["scan", "-"], "nothing").code, 0);
    assert_eq!(place.run_with(&["scan", "-"], "").code, 0);
}

#[test]
fn what_git_ignores_is_left_out_and_hidden_files_are_not() {
    let place = tree();
    place.write(".git/config", format!("url = https://x:{GITHUB}@github.com/a/b\n"));
    place.write(".gitignore", "*.log\n");
    place.write("x.log", GITHUB);
    let files = |arguments: &[&str]| -> BTreeSet<String> {
        let run = place.run(&[&["scan", "--format", "jsonl"], arguments].concat());
        found(&run).into_iter().map(|(path, _)| path).collect()
    };
    assert_eq!(files(&["."]), ["./.env", "./src/a.py", "./src/b.py"].map(String::from).into());
    assert!(files(&["--no-ignore", "."]).contains("./x.log"));
    assert_eq!(files(&["x.log"]), ["x.log".to_owned()].into());
}

#[test]
fn a_binary_file_is_looked_at_as_bytes_and_never_shown() {
    let place = Place::new();
    let mut bytes: Vec<u8> = (0..=255).cycle().take(512).collect();
    bytes.extend_from_slice(format!(" {GITHUB} ").as_bytes());
    bytes.extend((0..=255).rev());
    place.write("image.bin", &bytes);
    let run = place.run(&["scan", "image.bin"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert!(run.stdout.starts_with("image.bin (binary)\n"), "{run:?}");
    assert!(run.stdout.contains("byte 513"));
    assert!(run.stdout.contains("(1 binary)"));
    for run in [run, place.run(&["scan", "--show-secrets", "image.bin"])] {
        let printable = |character: char| character == '\n' || !character.is_control();
        assert!(run.stdout.chars().all(printable), "{:?}", run.stdout);
    }
    let run = place.run(&["scan", "--format", "jsonl", "image.bin"]);
    assert_eq!((&run.lines()[0]["start"], &run.lines()[0]["end"]), (&json!(513), &json!(553)));
}

#[test]
fn a_directory_loop_is_told_and_everything_else_searched() {
    let place = tree();
    symlink("..", place.path("src/up")).unwrap();
    for follow in [&[][..], &["--follow"]] {
        let run = place.run(&[&["scan", "--format", "jsonl"], follow, &["."]].concat());
        assert_eq!(run.code, 2);
        run.told(&["./src/up", "directory loop"]);
        assert_eq!(run.lines().len(), 4);
        let run = place.run(&[&["scan"], follow, &["."]].concat());
        assert_eq!(run.code, 2);
        assert!(run.stdout.trim_end().ends_with("; 1 error"), "{run:?}");
    }
    symlink("knot", place.path("knot")).unwrap();
    let run = place.run(&["scan", "--format", "jsonl", "knot", "src/b.py"]);
    assert_eq!((run.code, run.lines().len()), (2, 1));
    run.told(&["knot", "directory loop"]);
}

#[test]
fn what_cannot_be_read_is_told_and_everything_else_searched() {
    let place = tree();
    // Nobody can read this file from its start, not even the superuser.
    symlink("/proc/self/mem", place.path("src/memory")).unwrap();
    let run = place.run(&["scan", "--format", "jsonl", "--follow", "src", "nothing"]);
    assert_eq!((run.code, run.lines().len()), (2, 3));
    run.told(&["src/memory", "error"]);
    run.told(&["nothing", "No such file"]);
    assert_eq!(run.stderr.lines().count(), 2);

    place.write("a\nb\x1b[31m", GITHUB);
    fs::remove_file(place.path("src/memory")).unwrap();
    let run = place.run(&["scan", "."]);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains('\x1b'));
    assert!(run.stdout.contains("a\\nb\\u{1b}[31m"));
}

#[test]
fn a_large_file_is_looked_at_in_pieces() {
    let place = Place::new();
    let line = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor\n";
    let mut text = line.repeat((70 << 20) / line.len());
    let mut expected = Vec::new();
    // Around the ends of the pieces, and elsewhere.
    for at in [1 << 20, (32 << 20) - 20, (32 << 20) - (64 << 10) - 20, 48 << 20, 64 << 20] {
        let at = at - at % line.len();
        text.replace_range(at..at + GITHUB.len() + 2, &format!(" {GITHUB} "));
        expected.push(at as u64 + 1);
    }
    expected.sort_unstable();
    place.write("large", &text);
    let run = place.run(&["scan", "--format", "jsonl", "large"]);
    assert_eq!(run.code, 1);
    let starts: Vec<u64> = found(&run).into_iter().map(|(_, start)| start).collect();
    assert_eq!(starts, expected);
    for (finding, start) in run.lines().iter().zip(expected) {
        assert_eq!(finding["line"], start / line.len() as u64 + 1);
        assert_eq!(finding["column"], 2);
    }
    let piped = place.run_with(&["scan", "--format", "jsonl", "-"], &text);
    assert_eq!(found(&piped).into_iter().map(|(_, start)| start).collect::<Vec<_>>(), starts);
}

#[test]
fn sarif_has_what_the_standard_asks_for() {
    let place = tree();
    place.write("with space/data.bin", format!("\0\0 {GITHUB}"));
    let run = place.run(&["scan", "--format", "sarif", ".", "nothing"]);
    assert_eq!(run.code, 2);
    for token in [GITHUB, GITLAB, PASSWORD] {
        run.hides(token);
    }
    let log = run.sarif();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let driver = &runs[0]["tool"]["driver"];
    assert_eq!(driver["name"], "stanch");
    let rules = driver["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 3);
    for rule in rules {
        assert!(rule["helpUri"].as_str().unwrap().starts_with("https://"));
        assert!(!rule["shortDescription"]["text"].as_str().unwrap().is_empty());
    }
    let results = runs[0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    let mut prints = BTreeSet::new();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        prints.insert(result["partialFingerprints"]["stanchFinding/v1"].as_str().unwrap());
    }
    assert_eq!(prints.len(), 5);
    let location = |number: usize| &results[number]["locations"][0]["physicalLocation"];
    assert_eq!(location(3)["artifactLocation"]["uri"], "src/b.py");
    assert_eq!(runs[0]["columnKind"], "unicodeCodePoints");
    assert_eq!(
        location(3)["region"],
        json!({
            "startLine": 2, "startColumn": 8, "endLine": 2, "endColumn": 48,
            "byteOffset": 18, "byteLength": 40,
        })
    );
    assert_eq!(location(4)["artifactLocation"]["uri"], "with%20space/data.bin");
    assert_eq!(location(4)["region"], json!({ "byteOffset": 3, "byteLength": 40 }));
    let invocation = &runs[0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notification = &invocation["toolExecutionNotifications"][0];
    assert!(notification["message"]["text"].as_str().unwrap().starts_with("nothing: "));

    // Moved down by two lines, a finding keeps its fingerprint.
    let old = results[3]["partialFingerprints"].clone();
    let text = place.read("src/b.py");
    place.write("src/b.py", [b"\n\n", &text[..]].concat());
    let run = place.run(&["scan", "--format", "sarif", "."]);
    let log = run.sarif();
    assert_eq!(log["runs"][0]["results"][3]["partialFingerprints"], old);

    let clean = place.run(&["scan", "--format", "sarif", "src/clean.rs"]);
    assert_eq!(clean.code, 0);
    let log = clean.sarif();
    assert_eq!(log["runs"][0]["results"], json!([]));
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn sarif_never_holds_tokens() {
    let run = tree().run(&["scan", "--format", "sarif", "--show-secrets", "."]);
    run.failed(&["--show-secrets", "SARIF"]);
    run.hides(GITHUB);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let place = Place::new();
    place.write("many", format!("x = '{GITHUB}'\n").repeat(20_000));
    for format in ["table", "jsonl", "sarif"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stanch"))
            .args(["scan", "--format", format])
            .arg(place.path("many"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn nothing_to_do_is_an_error_that_teaches() {
    let place = Place::new();
    for (arguments, word) in [
        (&["scan"][..], "PATH"),
        (&[], "stanch demo"),
        (&["scan", "--format", "xml", "."], "sarif"),
    ] {
        let run = place.run(arguments);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(word), "{run:?}");
    }
    let version = place.run(&["--version"]);
    assert_eq!((version.code, version.stdout.as_str()), (0, "stanch 0.1.0\n"));
    for verb in [
        &[][..],
        &["scan"],
        &["key", "new"],
        &["patch", "compile"],
        &["patch", "inspect"],
        &["match"],
        &["demo"],
    ] {
        let run = place.run(&[verb, &["--help"]].concat());
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("Exit status") || verb == ["key", "new"], "{run:?}");
    }
}
