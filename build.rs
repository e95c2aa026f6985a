//! Turns the detector's rules into a static table.
//!
//! Reads `src/detect/rules/*.toml`, checks every rule, and writes `rules.rs` without the examples:
//! the library carries none, and there is nothing to parse at start-up. A malformed rule fails the
//! build and is named.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use serde::Deserialize;

/// Bytes that a run of token characters may hold; `src/detect/runs.rs` says the same.
const RUN_EXTRA: &[u8] = b"_-./+~$";
/// No shorter run is looked at.
const SHORTEST_RUN: usize = 14;
/// A shape's beginning that no run holds is no shorter.
const SHORTEST_WORD: usize = 4;
/// No token is longer; it bounds the look at each candidate.
const LONGEST_PART: u16 = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    provider: String,
    class: String,
    privilege: String,
    consequence: String,
    confidence: String,
    #[serde(default)]
    environment: Option<String>,
    source: String,
    #[serde(default)]
    revoke: Option<String>,
    #[serde(default)]
    keywords: Vec<Vec<String>>,
    #[serde(default)]
    pair: Option<String>,
    #[serde(default)]
    look: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    shapes: Vec<Shape>,
    positives: Vec<String>,
    negatives: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    #[serde(default)]
    lead: String,
    #[serde(default)]
    head: Vec<Part>,
    #[serde(default)]
    prefixes: Vec<String>,
    #[serde(default)]
    parts: Vec<Part>,
    #[serde(default)]
    checksum: Option<String>,
    #[serde(default)]
    mixed: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Literal(String),
    Class(Class),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    alphabet: String,
    #[serde(default)]
    length: Option<u16>,
    #[serde(default)]
    min: Option<u16>,
    #[serde(default)]
    max: Option<u16>,
}

type Set = [bool; 256];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/detect/rules");
    if let Err(reason) = table() {
        println!("cargo::error={reason}");
        process::exit(1);
    }
}

fn table() -> Result<(), String> {
    let mut rules = Vec::new();
    for path in rule_files(Path::new("src/detect/rules"))? {
        let name = path.display();
        let text = fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
        let file: File = toml::from_str(&text).map_err(|e| format!("{name}: {e}"))?;
        for rule in file.rule {
            let code =
                rule_code(&rule).map_err(|reason| format!("{name}: rule {}: {reason}", rule.id))?;
            rules.push((rule, code));
        }
    }
    let mut ids = BTreeSet::new();
    for (rule, _) in &rules {
        if !ids.insert(rule.id.as_str()) {
            return Err(format!("rule {}: the id is taken", rule.id));
        }
    }
    for (rule, _) in &rules {
        if let Some(pair) = rule.pair.as_deref().filter(|pair| !ids.contains(pair)) {
            return Err(format!("rule {}: pair {pair} is no rule", rule.id));
        }
    }
    let mut out = String::from("pub(super) static RULES: &[Rule] = &[\n");
    for (_, code) in &rules {
        out.push_str(code);
    }
    out.push_str("];\n");
    let folder = env::var("OUT_DIR").map_err(|e| e.to_string())?;
    fs::write(Path::new(&folder).join("rules.rs"), out).map_err(|e| e.to_string())
}

fn rule_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn rule_code(rule: &Rule) -> Result<String, String> {
    let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if rule.id.is_empty() || !rule.id.bytes().all(kebab) {
        return Err("the id is not kebab-case".into());
    }
    if rule.provider.is_empty() || rule.class.is_empty() {
        return Err("provider or class is empty".into());
    }
    if rule.positives.len() < 2 || rule.negatives.len() < 2 {
        return Err("fewer than two positives or two negatives".into());
    }
    for link in [Some(&rule.source), rule.revoke.as_ref()].into_iter().flatten() {
        if !link.starts_with("https://") {
            return Err(format!("{link} is no https link"));
        }
    }
    let privilege = one_of(
        "privilege",
        &rule.privilege,
        &[
            ("public", "Public"),
            ("read", "Read"),
            ("write", "Write"),
            ("payment-or-deploy", "PaymentOrDeploy"),
            ("admin", "Admin"),
        ],
    )?;
    let consequence = one_of(
        "consequence",
        &rule.consequence,
        &[
            ("breach", "Breach"),
            ("fraud", "Fraud"),
            ("supply-chain", "SupplyChain"),
            ("disruption", "Disruption"),
        ],
    )?;
    let confidence = one_of(
        "confidence",
        &rule.confidence,
        &[("low", "Low"), ("medium", "Medium"), ("high", "High")],
    )?;
    let environment = one_of(
        "environment",
        rule.environment.as_deref().unwrap_or("unknown"),
        &[("unknown", "Unknown"), ("test", "Test"), ("production", "Production")],
    )?;
    let lower = |word: &String| word.len() > 1 && *word == word.to_ascii_lowercase();
    if rule.keywords.iter().any(|group| group.is_empty() || !group.iter().all(lower)) {
        return Err("a keyword group is empty, or a keyword is shorter than two bytes or not in \
                    lower case"
            .into());
    }
    let mut code = String::new();
    let _ = writeln!(
        code,
        "Rule {{ id: {:?}, provider: {:?}, class: {:?}, privilege: Privilege::{privilege}, \
         consequence: Consequence::{consequence}, confidence: Confidence::{confidence}, \
         environment: Environment::{environment}, source: {:?}, revoke: {:?}, pair: {:?},",
        rule.id, rule.provider, rule.class, rule.source, rule.revoke, rule.pair
    );
    let groups: Vec<String> = rule.keywords.iter().map(|group| format!("&{group:?}")).collect();
    let _ = writeln!(code, "keywords: &[{}], look: {} }},", groups.join(", "), look_code(rule)?);
    Ok(code)
}

fn one_of(
    field: &str,
    value: &str,
    known: &[(&str, &'static str)],
) -> Result<&'static str, String> {
    known.iter().find(|(name, _)| *name == value).map(|(_, variant)| *variant).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        format!("{field} is {value:?}, not one of {}", names.join(", "))
    })
}

fn look_code(rule: &Rule) -> Result<String, String> {
    let look = rule.look.as_deref().unwrap_or("shape");
    if rule.shapes.is_empty() == (look == "shape") {
        return Err("shapes belong to look = \"shape\", the default, and are needed there".into());
    }
    if rule.labels.is_empty() == (look == "pem") {
        return Err("labels belong to look = \"pem\" and are needed there".into());
    }
    let known = [
        ("shape", "Shapes"),
        ("pem", "Pem"),
        ("url", "Url"),
        ("basic", "Basic"),
        ("bearer", "Bearer"),
        ("password", "Password"),
        ("generic", "Generic"),
    ];
    let variant = one_of("look", look, &known)?;
    Ok(match variant {
        "Shapes" => {
            let shapes: Result<Vec<_>, _> =
                rule.shapes.iter().map(|shape| shape_code(rule, shape)).collect();
            format!("Look::Shapes(&[{}])", shapes?.join(", "))
        }
        "Pem" => format!("Look::Pem(&{:?})", rule.labels),
        _ => format!("Look::{variant}"),
    })
}

fn shape_code(rule: &Rule, shape: &Shape) -> Result<String, String> {
    let prefixes: Vec<&str> = shape.prefixes.iter().map(String::as_str).collect();
    let starts: Vec<String> = match (shape.lead.is_empty(), prefixes.is_empty()) {
        (true, true) => Vec::new(),
        (false, true) => vec![shape.lead.clone()],
        _ => prefixes.iter().map(|prefix| format!("{}{prefix}", shape.lead)).collect(),
    };
    let bounds: Result<Vec<_>, _> = shape.parts.iter().map(bounds).collect();
    let bounds = bounds?;
    let shortest = bounds.iter().map(|(_, min, _)| min).sum::<usize>()
        + prefixes.iter().map(|prefix| prefix.len()).min().unwrap_or(0);
    if starts.is_empty() {
        let telling = shape.parts.iter().any(|part| matches!(part, Part::Literal(_)));
        if rule.keywords.is_empty() && !telling {
            return Err("a shape without prefix or literal needs keywords".into());
        }
        if !shape.head.is_empty() {
            return Err("a head needs a prefix behind it".into());
        }
    }
    if !shape.head.is_empty() && !shape.lead.is_empty() {
        return Err("a shape has a head or a lead, not both".into());
    }
    for start in &starts {
        if !start.bytes().all(run_byte) {
            // Such a start is one of the words that are searched for in the whole text; a short one
            // would be everywhere.
            if start.len() < SHORTEST_WORD {
                return Err(format!(
                    "{start:?} holds bytes that are not of a run and is under {SHORTEST_WORD} long"
                ));
            }
            continue;
        }
        if start.len() < 2 || !start.as_bytes()[0].is_ascii_alphanumeric() {
            return Err(format!(
                "{start:?} (lead and prefix) must have two characters or more, the first a letter \
                 or digit"
            ));
        }
        let mut run = start.len();
        for (part, (set, min, _)) in shape.parts.iter().zip(&bounds) {
            let all = match part {
                Part::Literal(text) => text.bytes().all(run_byte),
                Part::Class(_) => (0..=255u8).all(|b| !set[usize::from(b)] || run_byte(b)),
            };
            run += if all { *min } else { 0 };
            if !all {
                break;
            }
        }
        if run < SHORTEST_RUN && !bounds.iter().any(|(_, min, _)| *min >= SHORTEST_RUN) {
            return Err(format!(
                "{start:?} and what follows may be a run of {run} only, under {SHORTEST_RUN}"
            ));
        }
    }
    let mut pieces = bounds.windows(2);
    if pieces.any(|pair| ambiguous(&pair[0], &pair[1])) {
        return Err("a part of variable length may swallow the beginning of the next".into());
    }
    let head: Result<Vec<_>, _> = shape.head.iter().map(self::bounds).collect();
    if head?.windows(2).any(|pair| ambiguous(&pair[1], &pair[0])) {
        return Err("a part of the head may swallow the end of the one before".into());
    }
    let checksum = match shape.checksum.as_deref() {
        None => "None".to_string(),
        Some(kind) => {
            format!("Some(Checksum::{})", one_of("checksum", kind, &[("crc32", "Crc32")])?)
        }
    };
    let prefixes: Vec<String> = prefixes.iter().map(|prefix| format!("b{prefix:?}")).collect();
    Ok(format!(
        "Shape {{ lead: b{:?}, head: &[{}], prefixes: &[{}], parts: &[{}], checksum: {checksum}, \
         mixed: {}, shortest: {shortest} }}",
        shape.lead,
        parts_code(&shape.head)?,
        prefixes.join(", "),
        parts_code(&shape.parts)?,
        shape.mixed,
    ))
}

/// Whether a greedy look at `first` may take what `second` needs.
fn ambiguous(first: &(Set, usize, usize), second: &(Set, usize, usize)) -> bool {
    first.1 != first.2 && (0..256).any(|b| first.0[b] && second.0[b])
}

/// The bytes with which a part may begin, its least and its greatest length.
fn bounds(part: &Part) -> Result<(Set, usize, usize), String> {
    match part {
        Part::Literal(text) => {
            let mut set = [false; 256];
            let first = text.bytes().next().ok_or("a literal part is empty")?;
            set[usize::from(first)] = true;
            Ok((set, text.len(), text.len()))
        }
        Part::Class(class) => {
            let (min, max) = lengths(class)?;
            Ok((alphabet(&class.alphabet)?, usize::from(min), usize::from(max)))
        }
    }
}

fn parts_code(parts: &[Part]) -> Result<String, String> {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Literal(text) => {
                let _ = write!(out, "Part::Literal(b{text:?}), ");
            }
            Part::Class(class) => {
                let (min, max) = lengths(class)?;
                let mut words = [0u64; 4];
                for byte in alphabet(&class.alphabet)?
                    .iter()
                    .zip(0usize..)
                    .filter_map(|(in_it, b)| in_it.then_some(b))
                {
                    words[byte >> 6] |= 1 << (byte & 63);
                }
                let _ = write!(
                    out,
                    "Part::Class {{ set: ByteSet({words:?}), min: {min}, max: {max} }}, "
                );
            }
        }
    }
    Ok(out)
}

fn lengths(class: &Class) -> Result<(u16, u16), String> {
    let (min, max) = match (class.length, class.min, class.max) {
        (Some(length), None, None) => (length, length),
        (None, Some(min), Some(max)) => (min, max),
        _ => {
            return Err(format!(
                "alphabet {:?} needs either length or min and max",
                class.alphabet
            ));
        }
    };
    if min > max || max == 0 || max > LONGEST_PART {
        return Err(format!("{min} to {max} is no range of lengths up to {LONGEST_PART}"));
    }
    Ok((min, max))
}

/// A named alphabet, or single characters and ranges in brackets: `[0-9a-f]`. A hyphen stands last.
fn alphabet(name: &str) -> Result<Set, String> {
    let ranges = match name {
        "digits" => "[0-9]",
        "hex" => "[0-9a-f]",
        "upper-hex" => "[0-9A-F]",
        "any-hex" => "[0-9a-fA-F]",
        "lower" => "[a-z]",
        "upper" => "[A-Z]",
        "lower-digits" => "[a-z0-9]",
        "upper-digits" => "[A-Z0-9]",
        "base32" => "[A-Z2-7]",
        "base62" => "[A-Za-z0-9]",
        "base64" => "[A-Za-z0-9+/]",
        "base64url" => "[A-Za-z0-9_-]",
        other => other,
    };
    let inside = ranges
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|inside| inside.is_ascii() && !inside.is_empty())
        .ok_or_else(|| format!("{name:?} is neither a known alphabet nor [in brackets]"))?
        .as_bytes();
    let mut set = [false; 256];
    let mut rest = inside;
    while let [first, tail @ ..] = rest {
        match tail {
            [b'-', last, after @ ..] => {
                if first >= last {
                    return Err(format!("{name:?}: a range must ascend"));
                }
                for byte in *first..=*last {
                    set[usize::from(byte)] = true;
                }
                rest = after;
            }
            _ => {
                set[usize::from(*first)] = true;
                rest = tail;
            }
        }
    }
    Ok(set)
}

fn run_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || RUN_EXTRA.contains(&byte)
}
