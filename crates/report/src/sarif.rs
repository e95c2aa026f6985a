//! The leaks for code scanning services and trackers: SARIF 2.1.0.
//!
//! One result for each leak and source. It is another list than that of `stanch scan --format sarif`,
//! which speaks of findings in files: here a result has a score, a status and a history, and its
//! place may be a page or a bucket. All they share is the standard, so each is written by itself.

use std::collections::HashMap;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::priority::prioritize;
use crate::shown::{armoured, shown};
use crate::snapshot::{Leak, Level, Snapshot, Source, Status, Token};
use crate::{PROGRAM, Report, words};

/// Where the standard's schema lives.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What the path of a URI must escape (RFC 3986, section 2.3).
const IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'!');

/// What no URI may hold (RFC 3986, appendix A). What is escaped already stays.
const IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The log. The open leaks come first, in the order of [`prioritize`]; the settled ones are suppressed.
pub(crate) fn log(snapshot: &Snapshot, report: Report) -> String {
    let order = prioritize(snapshot);
    let open = order.iter().filter_map(|item| snapshot.leak(item.leak));
    let settled = snapshot.leaks.iter().filter(|leak| !leak.is_open());
    let leaks: Vec<&Leak> = open.chain(settled).collect();
    let rules = Rules::of(&leaks);
    let results: Vec<Value> =
        leaks.iter().flat_map(|leak| results(snapshot, leak, &rules)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "stanch",
                "semanticVersion": PROGRAM,
                "rules": rules.descriptors,
            }},
            "automationDetails": { "id": format!("stanch-report/{}", utf8_percent_encode(&snapshot.tenant, IN_PATH)) },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": {
                "report": report.as_str(),
                "digest": snapshot.digest().to_string(),
                "at": snapshot.at,
                "tenant": snapshot.tenant,
                "ratings": snapshot.ratings,
                "totals": snapshot.totals,
            },
        }],
    });
    // Maps with names that are no strings are all that could fail, and there are none.
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    armoured(&text, &[])
}

/// The rules of the leaks' worst tokens.
struct Rules<'s> {
    numbers: HashMap<&'s str, usize>,
    descriptors: Vec<Value>,
}

impl<'s> Rules<'s> {
    fn of(leaks: &[&'s Leak]) -> Rules<'s> {
        let mut rules = Rules { numbers: HashMap::new(), descriptors: Vec::new() };
        let mut worst: HashMap<&str, u8> = HashMap::new();
        for leak in leaks {
            if let Some(token) = leak.tokens.first() {
                let score = worst.entry(&token.rule).or_default();
                *score = leak.score.max(*score);
            }
        }
        for token in leaks.iter().filter_map(|leak| leak.tokens.first()) {
            if !rules.numbers.contains_key(token.rule.as_str()) {
                rules.numbers.insert(&token.rule, rules.descriptors.len());
                let score = worst.get(token.rule.as_str()).copied().unwrap_or(0);
                rules.descriptors.push(describe(token, score));
            }
        }
        rules
    }
}

/// A rule as a reporting descriptor; the severity is the worst score of its leaks, from 0 to 10.
fn describe(token: &Token, worst: u8) -> Value {
    let class = shown(&token.class);
    json!({
        "id": token.rule,
        "name": class,
        "shortDescription": { "text": format!("Leaked {class}") },
        "fullDescription": { "text": format!(
            "A token that {} issued was found where it should not be.", shown(&token.provider)
        )},
        "properties": {
            "tags": ["security", "secret"],
            "security-severity": format!("{}.{}", worst / 10, worst % 10),
        },
    })
}

fn results(snapshot: &Snapshot, leak: &Leak, rules: &Rules<'_>) -> Vec<Value> {
    let mut seen: HashMap<(&str, &str, Option<&str>), u32> = HashMap::new();
    let mut results = Vec::new();
    for source in &leak.sources {
        let nth = seen.entry((&source.kind, &source.place, source.commit.as_deref())).or_default();
        *nth += 1;
        let print = fingerprint(&snapshot.tenant, leak.id, source, *nth);
        results.push(result(snapshot, leak, rules, Some(source), print));
    }
    if results.is_empty() {
        // Registered by hand, without a place.
        let source = Source {
            kind: String::new(),
            channel: leak.channel,
            place: String::new(),
            line: None,
            commit: None,
        };
        let print = fingerprint(&snapshot.tenant, leak.id, &source, 1);
        results.push(result(snapshot, leak, rules, None, print));
    }
    results
}

fn result(
    snapshot: &Snapshot,
    leak: &Leak,
    rules: &Rules<'_>,
    source: Option<&Source>,
    print: String,
) -> Value {
    let rule = leak.tokens.first().map_or("", |token| token.rule.as_str());
    let (kind, level) = severity(leak.level);
    let mut result = json!({
        "ruleId": rule,
        "ruleIndex": rules.numbers.get(rule),
        "kind": kind,
        "level": level,
        "rank": leak.residual,
        "message": { "text": message(leak, snapshot.nodes) },
        "partialFingerprints": { "stanchLeak/v1": print },
        "properties": {
            "leak": leak.id,
            "status": leak.status.as_str(),
            "risk": leak.level.as_str(),
            "critical": leak.critical,
            "score": leak.score,
            "residual": leak.residual,
            "consequence": leak.consequence.as_str(),
            "protected": leak.is_protected(),
        },
    });
    if let Some(target) = &leak.target {
        result["properties"]["target"] = target.as_str().into();
    }
    if let Some(source) = source {
        result["locations"] = json!([location(source)]);
        result["properties"]["source"] = source.kind.as_str().into();
        if let Some(commit) = &source.commit {
            result["properties"]["commit"] = commit.as_str().into();
        }
    }
    if leak.status != Status::Opened {
        let since = words::date(leak.status_since);
        let why = match leak.status {
            Status::False => format!("Marked false on {since}."),
            _ => format!("Closed on {since}."),
        };
        result["suppressions"] =
            json!([{ "kind": "external", "status": "accepted", "justification": why }]);
    }
    result
}

/// A level of risk as a kind and a level of SARIF (section 3.27.10): what is no problem has none.
fn severity(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::High => ("fail", "error"),
        Level::Medium => ("fail", "warning"),
        Level::Low => ("fail", "note"),
        Level::Informational => ("informational", "none"),
    }
}

fn message(leak: &Leak, nodes: u64) -> String {
    let previews: Vec<&str> = leak.tokens.iter().map(|token| token.preview.as_str()).collect();
    format!(
        "Leak {}: {} ({}). Risk {} of 100, {}. A stranger can {}. {}.",
        leak.id,
        shown(&leak.in_words()),
        shown(&previews.join(", ")),
        leak.score,
        leak.level.as_str(),
        words::harm(leak.consequence),
        words::protection(leak, nodes),
    )
}

fn location(source: &Source) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(&source.place) } });
    if let Some(line) = source.line.filter(|line| *line > 0) {
        place["region"] = json!({ "startLine": line });
    }
    json!({ "physicalLocation": place })
}

/// A place as a URI: a URL as it is, but for what no URI may hold; a path escaped.
fn uri(place: &str) -> String {
    let scheme = place.split_once("://").map(|(scheme, _)| scheme);
    let named = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    if scheme.is_some_and(named) {
        return utf8_percent_encode(place, IN_URI).to_string();
    }
    let escaped = utf8_percent_encode(place.strip_prefix("./").unwrap_or(place), IN_PATH);
    match place.starts_with('/') {
        true => format!("file://{escaped}"),
        false => escaped.to_string(),
    }
}

/// What tells a result from others when lines move: a hash of the tenant, the leak, the place, and the
/// how-manieth alike it is.
fn fingerprint(tenant: &str, leak: u64, source: &Source, nth: u32) -> String {
    let mut hash = Sha256::new();
    let commit = source.commit.as_deref().unwrap_or("");
    for part in [tenant, &leak.to_string(), &source.kind, &source.place, commit, &nth.to_string()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_uris() {
        let cases = [
            ("src/app.rs", "src/app.rs"),
            ("./a b/ü#1%.txt", "a%20b/%C3%BC%231%25.txt"),
            ("/etc/x", "file:///etc/x"),
            ("a:b", "a%3Ab"),
            ("https://example.com/a?b=c#L3", "https://example.com/a?b=c#L3"),
            ("s3://bucket/a b", "s3://bucket/a%20b"),
            (
                "https://e.example/\"><script>\u{202e}\n",
                "https://e.example/%22%3E%3Cscript%3E%E2%80%AE%0A",
            ),
            ("not a scheme://x", "not%20a%20scheme%3A//x"),
        ];
        for (place, expected) in cases {
            assert_eq!(uri(place), expected);
        }
    }
}
