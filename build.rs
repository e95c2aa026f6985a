//! Turns the detector's rules into a static table.
//!
//! Reads `src/detect/rules/*.toml`, checks every rule, and writes `rules.rs` without the examples:
//! the library carries none, and there is nothing to parse at start-up. A malformed rule fails the
//! build and is named.

#[path = "src/detect/call.rs"]
mod call;
#[path = "src/detect/definition.rs"]
mod definition;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use definition::{Definition, File, PartDefinition, ShapeDefinition};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/detect/call.rs");
    println!("cargo::rerun-if-changed=src/detect/definition.rs");
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
        let mut file: File = toml::from_str(&text).map_err(|e| format!("{name}: {e}"))?;
        if !file.off.is_empty() {
            return Err(format!("{name}: built-in rules are not switched off, but left out"));
        }
        for rule in file.take_rules() {
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

fn rule_code(rule: &Definition) -> Result<String, String> {
    rule.check()?;
    if rule.pattern.is_some() {
        return Err("built-in rules have shapes: patterns are for rules of users".into());
    }
    // Who issues a token accepts it, unless the rule knows better.
    let by_provider = if rule.provider == "Any" { "unknown" } else { "stranger" };
    let issuer = rule.issuer().unwrap_or(by_provider);
    let mut code = String::new();
    let _ = writeln!(
        code,
        "Rule {{ id: {:?}, provider: {:?}, class: {:?}, privilege: Privilege::{}, \
         consequence: Consequence::{}, confidence: Confidence::{}, environment: Environment::{}, \
         family: Family::{}, issuer: Issuer::{}, source: {:?}, revoke: {:?}, revoke_call: {:?}, pair: {:?},",
        rule.id,
        rule.provider,
        rule.class,
        variant(&rule.privilege),
        variant(&rule.consequence),
        variant(&rule.confidence),
        variant(&rule.environment),
        variant(rule.family()),
        variant(issuer),
        rule.source,
        rule.revoke,
        rule.revoke_call,
        rule.pair
    );
    let groups: Vec<String> = rule.keywords.iter().map(|group| format!("&{group:?}")).collect();
    let look = match rule.look.as_deref() {
        None => {
            let shapes: Result<Vec<_>, _> = rule.shapes.iter().map(shape_code).collect();
            format!("Look::Shapes(&[{}])", shapes?.join(", "))
        }
        Some("pem") => format!("Look::Pem(&{:?})", rule.labels),
        Some(look) => format!("Look::{}", variant(look)),
    };
    let _ = writeln!(code, "keywords: &[{}], look: {look} }},", groups.join(", "));
    Ok(code)
}

/// The name in Rust of what is written in kebab-case: `SupplyChain` for `supply-chain`.
fn variant(name: &str) -> String {
    let capitalised = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(capitalised).collect()
}

fn shape_code(shape: &ShapeDefinition) -> Result<String, String> {
    let checksum = match &shape.checksum {
        None => "None".to_string(),
        Some(kind) => format!("Some(Checksum::{})", variant(kind)),
    };
    let prefixes: Vec<String> =
        shape.prefixes.iter().map(|prefix| format!("b{prefix:?}")).collect();
    Ok(format!(
        "Shape {{ lead: b{:?}, head: &[{}], prefixes: &[{}], parts: &[{}], checksum: {checksum}, \
         mixed: {}, shortest: {} }}",
        shape.lead,
        parts_code(&shape.head)?,
        prefixes.join(", "),
        parts_code(&shape.parts)?,
        shape.mixed,
        shape.shortest()?,
    ))
}

fn parts_code(parts: &[PartDefinition]) -> Result<String, String> {
    let mut out = String::new();
    for part in parts {
        match part {
            PartDefinition::Literal(text) => {
                let _ = write!(out, "Part::Literal(b{text:?}), ");
            }
            PartDefinition::Class(class) => {
                let (min, max) = class.lengths()?;
                let mut words = [0u64; 4];
                for byte in
                    class.set()?.iter().zip(0usize..).filter_map(|(in_it, b)| in_it.then_some(b))
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
