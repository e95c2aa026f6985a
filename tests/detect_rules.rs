//! Every rule proves itself: its positives are found by it, exactly; its negatives are not.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use serde::Deserialize;
use stanch::detect::Detector;

#[derive(Deserialize)]
struct File {
    rule: Vec<Example>,
}

/// What a rule file says beside the form.
#[derive(Deserialize)]
struct Example {
    id: String,
    positives: Vec<String>,
    negatives: Vec<String>,
}

fn examples() -> Vec<Example> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/detect/rules");
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("the rules' folder") {
        let path = entry.expect("an entry of the rules' folder").path();
        let text = fs::read_to_string(&path).expect("a rule file");
        let file: Result<File, _> = toml::from_str(&text);
        all.extend(file.unwrap_or_else(|error| panic!("{}: {error}", path.display())).rule);
    }
    all
}

/// The example's text, and where in it the secret stands.
fn marked(positive: &str) -> (String, Range<usize>) {
    let start = positive.find('«').expect("a positive marks its secret");
    let end = positive.find('»').expect("a positive marks its secret") - '«'.len_utf8();
    (positive.replace(['«', '»'], ""), start..end)
}

/// Whether the rule, and no other, claims the secret, and nothing but the secret.
fn judge(detector: &Detector, id: &str, text: &str, secret: Range<usize>) -> Result<(), String> {
    let found: Vec<_> = detector
        .scan(text.as_bytes())
        .into_iter()
        .filter(|finding| finding.range().start < secret.end && secret.start < finding.range().end)
        .map(|finding| (finding.rule().id(), finding.range()))
        .collect();
    if found == [(id, secret.clone())] {
        Ok(())
    } else {
        Err(format!("{id}: {secret:?} of {text:?}: {found:?}"))
    }
}

#[test]
fn every_rule_has_two_positives_and_two_negatives() {
    let examples = examples();
    for example in &examples {
        assert!(example.positives.len() >= 2, "{} has too few positives", example.id);
        assert!(example.negatives.len() >= 2, "{} has too few negatives", example.id);
    }
    let files: BTreeSet<&str> = examples.iter().map(|example| example.id.as_str()).collect();
    let detector = Detector::new();
    let table: BTreeSet<&str> = detector.rules().iter().map(|rule| rule.id()).collect();
    assert_eq!(files, table);
    assert!(table.len() >= 70);
}

#[test]
fn every_positive_is_found_by_its_rule_alone() {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    for example in examples() {
        for positive in &example.positives {
            let (text, secret) = marked(positive);
            wrong.extend(judge(&detector, &example.id, &text, secret).err());
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_negative_is_left_alone_by_its_rule() {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    for example in examples() {
        for negative in &example.negatives {
            let found = detector.scan(negative.as_bytes());
            if found.iter().any(|finding| finding.rule().id() == example.id) {
                wrong.push(format!("{}: {negative:?}", example.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn surroundings_change_nothing() {
    let detector = Detector::new();
    let mut wrong = Vec::new();
    let surroundings = [
        ("\n", ""),
        ("", "\n"),
        ("\"", "\""),
        ("'", "',"),
        ("{\"a\": \"", "\", \"b\": 1}"),
        ("A=", "\nB=2\n"),
        ("a:\n  - ", "\n  - c\n"),
        ("GET https://host.invalid/?a=", "&b=c HTTP/1.1\r\n"),
        ("let a = f(\"", "\", 1);"),
        ("<a>", "</a>"),
        ("the token is `", "`."),
        ("x\\n", "\\n"),
    ];
    for example in examples() {
        for positive in &example.positives {
            let (text, secret) = marked(positive);
            for (before, after) in surroundings {
                let whole = [before, &text, after].concat();
                let range = secret.start + before.len()..secret.end + before.len();
                wrong.extend(judge(&detector, &example.id, &whole, range).err());
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
