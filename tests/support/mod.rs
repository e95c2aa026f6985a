//! The examples of the rules, as the rule files have them.

use std::fs;
use std::ops::Range;

use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    rule: Vec<Example>,
}

/// What a rule file says beside the form.
#[derive(Deserialize)]
pub struct Example {
    pub id: String,
    pub positives: Vec<String>,
}

/// The examples of all rules, in the order of the files' names.
pub fn examples() -> Vec<Example> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/detect/rules");
    let entries = fs::read_dir(folder).expect("the rules' folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a rule file");
        let file: Result<File, _> = toml::from_str(&text);
        all.extend(file.unwrap_or_else(|error| panic!("{}: {error}", path.display())).rule);
    }
    all
}

/// The example's text, and where in it the secret stands.
pub fn marked(positive: &str) -> (String, Range<usize>) {
    let start = positive.find('«').expect("a positive marks its secret");
    let end = positive.find('»').expect("a positive marks its secret") - '«'.len_utf8();
    (positive.replace(['«', '»'], ""), start..end)
}
