//! Findings for code scanning services: SARIF 2.1.0.
//!
//! The format is the OASIS standard "Static Analysis Results Interchange Format (SARIF) Version
//! 2.1.0". A log never holds a token, and nothing that a token could be guessed by.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stanch::detect::{Confidence, Encoding, Rule};

use super::look::{Found, Look};
use super::{Report, Summary, Trouble};

/// Where the standard's schema lives.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What the path of a URI must escape: all but the unreserved characters (RFC 3986, section 2.3),
/// the slash, and what stands between an archive and what is in it.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'!');

/// A log with one run. A log is one document: it is written at the end.
pub(super) struct Log<W> {
    output: W,
    rules: Vec<&'static Rule>,
    numbers: HashMap<&'static str, usize>,
    results: Vec<Value>,
    notifications: Vec<Value>,
}

impl<W: Write> Log<W> {
    /// A log on `output`.
    pub(super) fn new(output: W) -> Log<W> {
        Log {
            output,
            rules: Vec::new(),
            numbers: HashMap::new(),
            results: Vec::new(),
            notifications: Vec::new(),
        }
    }

    /// The number of a rule in this log.
    fn number(&mut self, rule: &'static Rule) -> usize {
        *self.numbers.entry(rule.id()).or_insert_with(|| {
            self.rules.push(rule);
            self.rules.len() - 1
        })
    }
}

impl<W: Write> Report for Log<W> {
    fn file(&mut self, path: &Path, look: &Look) -> io::Result<()> {
        let uri = uri(path);
        // In a history, files of one path are different ones.
        let file = match &look.origin {
            Some(origin) => format!("{uri}@{}", origin.commit),
            None => uri.clone(),
        };
        let mut seen = HashMap::new();
        for found in &look.findings {
            let mut properties = properties(found);
            if let Some(origin) = &look.origin {
                properties["commit"] = origin.commit.as_str().into();
                properties["authorTime"] = origin.time.as_str().into();
            }
            let number = self.number(found.rule);
            let print = (found.rule.id(), found.preview.to_string());
            let nth: &mut u32 = seen.entry(print.clone()).or_default();
            *nth += 1;
            self.results.push(json!({
                "ruleId": found.rule.id(),
                "ruleIndex": number,
                "level": level(found.confidence),
                "message": { "text": format!(
                    "{}: {}. {}Confidence: {}.",
                    found.rule.class(), found.preview, within(found), found.confidence
                )},
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": { "uri": &uri },
                        "region": region(found, look.is_binary()),
                    }
                }],
                "partialFingerprints": { "stanchFinding/v1": fingerprint(&file, &print, *nth) },
                "properties": properties,
            }));
        }
        Ok(())
    }

    fn trouble(&mut self, trouble: &Trouble) {
        self.notifications.push(json!({
            "level": "error",
            "message": { "text": trouble.to_string() },
            "locations": [{
                "physicalLocation": { "artifactLocation": { "uri": uri(&trouble.path) } }
            }],
        }));
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        let log = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "stanch",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": self.rules.iter().map(|rule| describe(rule)).collect::<Vec<_>>(),
                }},
                "columnKind": "unicodeCodePoints",
                "invocations": [{
                    "executionSuccessful": self.notifications.is_empty(),
                    "toolExecutionNotifications": &self.notifications,
                }],
                "results": &self.results,
            }],
        });
        serde_json::to_writer_pretty(&mut self.output, &log)?;
        self.output.write_all(b"\n")?;
        self.output.flush()
    }
}

/// A rule as a reporting descriptor.
fn describe(rule: &Rule) -> Value {
    let place = match rule.revoke() {
        Some(revoke) => format!("Revoke the token: {revoke}."),
        None => "Revoke the token where it was issued.".to_owned(),
    };
    let call = match rule.revoke_call() {
        Some(call) => {
            format!(" With the token in the environment as TOKEN, this does it: {call} .")
        }
        None => String::new(),
    };
    let help = format!("{place}{call} Then remove it from the source.");
    json!({
        "id": rule.id(),
        "name": rule.class(),
        "shortDescription": { "text": format!("{} in the source", rule.class()) },
        "fullDescription": { "text": format!(
            "A token that {} issued. It lets its bearer act with privilege \"{}\".",
            rule.provider(), rule.privilege().as_str()
        )},
        "help": { "text": help },
        "helpUri": rule.source(),
        "defaultConfiguration": { "level": level(rule.confidence()) },
        "properties": { "tags": ["security", "secret"] },
    })
}

/// What else is known of a finding.
fn properties(found: &Found) -> Value {
    let mut properties = json!({ "confidence": found.confidence.as_str() });
    if !found.trail.is_empty() {
        let step = |(encoding, range): &(Encoding, Range<u64>)| json!({ "encoding": encoding.as_str(), "byteOffset": range.start, "byteLength": range.end - range.start });
        properties["trail"] = found.trail.iter().map(step).collect();
    }
    properties
}

/// What a finding is encoded in, as a sentence.
fn within(found: &Found) -> String {
    match found.trail() {
        trail if trail.is_empty() => trail,
        trail => format!("Within {trail}. "),
    }
}

/// How urgent a finding is.
fn level(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "error",
        Confidence::Medium => "warning",
        Confidence::Low => "note",
    }
}

/// Where a token stands: by line and column in a text, by bytes only elsewhere.
fn region(found: &Found, binary: bool) -> Value {
    let mut region = json!({
        "byteOffset": found.start,
        "byteLength": found.end - found.start,
    });
    if !binary {
        region["startLine"] = found.place.line.into();
        region["startColumn"] = found.place.character.into();
        region["endLine"] = found.end_place.line.into();
        region["endColumn"] = found.end_place.character.into();
    }
    region
}

/// What tells a finding from others when lines move: a hash of the file's name, the rule, the
/// preview, and the how-manieth alike it is in the file.
fn fingerprint(file: &str, (rule, preview): &(&str, String), nth: u32) -> String {
    let mut hash = Sha256::new();
    for part in [file.as_bytes(), rule.as_bytes(), preview.as_bytes(), &nth.to_le_bytes()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The path as a URI: relative ones stay relative.
fn uri(path: &Path) -> String {
    let plain: PathBuf = path.strip_prefix(".").unwrap_or(path).into();
    let escaped = percent_encode(plain.as_os_str().as_encoded_bytes(), ESCAPED);
    match plain.is_absolute() {
        true => format!("file://{escaped}"),
        false => escaped.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        let cases = [
            ("./a/b.rs", "a/b.rs"),
            ("a b/ü#1%.txt", "a%20b/%C3%BC%231%25.txt"),
            ("/tmp/x", "file:///tmp/x"),
            ("a:b", "a%3Ab"),
            ("-", "-"),
        ];
        for (path, expected) in cases {
            assert_eq!(uri(Path::new(path)), expected);
        }
    }

    #[test]
    fn fingerprints_tell_findings_apart_and_stay() {
        let print = |uri: &str, rule: &'static str, preview: &str, nth| {
            fingerprint(uri, &(rule, preview.to_owned()), nth)
        };
        let one = print("a", "rule", "ghp_…(40)", 1);
        assert_eq!(one, print("a", "rule", "ghp_…(40)", 1));
        assert_eq!(one.len(), 32);
        for other in [
            print("b", "rule", "ghp_…(40)", 1),
            print("a", "ruleg", "hp_…(40)", 1),
            print("a", "rule", "ghp_…(39)", 1),
            print("a", "rule", "ghp_…(40)", 2),
        ] {
            assert_ne!(one, other);
        }
    }
}
