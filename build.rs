//! Turns the detector's rules into a table, and gives the shared library its name.
//!
//! Reads `src/detect/rules/*.toml`, checks every rule, and writes `rules.zlib` without the examples:
//! the library carries none. A malformed rule fails the build and is named.
//!
//! The table is bytes and not Rust: two thousand rules as constants take the compiler seconds in every
//! build, and in a shared library as much again for pointers that are set when it is loaded. What stands
//! where is said in `src/detect/table.rs`, which reads it. It is deflated, to a third: proxies carry the
//! library for its patch sets, and never ask for a rule.

#[path = "src/detect/call.rs"]
mod call;
#[path = "src/detect/definition.rs"]
mod definition;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use definition::{
    CHECKSUMS, CONFIDENCES, CONSEQUENCES, Definition, ENVIRONMENTS, FAMILIES, File, ISSUERS, LOOKS,
    PRIVILEGES, PartDefinition, ShapeDefinition,
};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/detect/call.rs");
    println!("cargo::rerun-if-changed=src/detect/definition.rs");
    println!("cargo::rerun-if-changed=src/detect/rules");
    println!("cargo::rerun-if-changed={ABI}");
    if let Err(reason) = table().and_then(|()| name()) {
        println!("cargo::error={reason}");
        process::exit(1);
    }
}

/// Where the versions of the C interface stand.
const ABI: &str = "src/ffi/version.rs";

/// Names the shared library after the oldest C interface that it still serves: what was linked against
/// `libstanch.so.2` runs with every library of that name, and with no other.
fn name() -> Result<(), String> {
    let system = env::var("CARGO_CFG_TARGET_OS").map_err(|e| e.to_string())?;
    if !matches!(system.as_str(), "linux" | "android" | "freebsd" | "netbsd" | "openbsd") {
        return Ok(());
    }
    let text = fs::read_to_string(ABI).map_err(|e| format!("{ABI}: {e}"))?;
    let oldest = text
        .split_once("const STANCH_ABI_VERSION_MINIMUM: u32 = ")
        .and_then(|(_, rest)| rest.split_once(';')?.0.parse::<u32>().ok())
        .ok_or_else(|| format!("{ABI} does not say the oldest version that is served"))?;
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libstanch.so.{oldest}");
    Ok(())
}

fn table() -> Result<(), String> {
    let mut rules = Vec::new();
    let mut table = Table::default();
    for path in rule_files(Path::new("src/detect/rules"))? {
        let name = path.display();
        let text = fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
        let mut file: File = toml::from_str(&text).map_err(|e| format!("{name}: {e}"))?;
        if !file.off.is_empty() {
            return Err(format!("{name}: built-in rules are not switched off, but left out"));
        }
        for rule in file.take_rules() {
            table.rule(&rule).map_err(|reason| format!("{name}: rule {}: {reason}", rule.id))?;
            rules.push(rule);
        }
    }
    let mut ids = BTreeSet::new();
    for rule in &rules {
        if !ids.insert(rule.id.as_str()) {
            return Err(format!("rule {}: the id is taken", rule.id));
        }
    }
    for rule in &rules {
        if let Some(pair) = rule.pair.as_deref().filter(|pair| !ids.contains(pair)) {
            return Err(format!("rule {}: pair {pair} is no rule", rule.id));
        }
    }
    let folder = env::var("OUT_DIR").map_err(|e| e.to_string())?;
    let deflated = deflated(&table.bytes(rules.len())?).map_err(|e| e.to_string())?;
    fs::write(Path::new(&folder).join("rules.zlib"), deflated).map_err(|e| e.to_string())
}

fn deflated(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
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

/// The table that is being written.
#[derive(Default)]
struct Table {
    /// Every text once, by its number.
    texts: Pool<String>,
    /// Every set of bytes once, by its number.
    sets: Pool<[u8; 32]>,
    rules: Vec<u8>,
}

/// Things that are written once and meant by number.
struct Pool<T> {
    numbers: BTreeMap<T, u16>,
    all: Vec<T>,
}

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        Pool { numbers: BTreeMap::new(), all: Vec::new() }
    }
}

impl<T: Clone + Ord> Pool<T> {
    /// The number of `thing`. No thing has the highest.
    fn number(&mut self, thing: T) -> Result<u16, String> {
        if let Some(number) = self.numbers.get(&thing) {
            return Ok(*number);
        }
        let number = u16::try_from(self.all.len()).ok().filter(|number| *number < u16::MAX);
        let number = number.ok_or("there are more texts or sets than the table can number")?;
        self.numbers.insert(thing.clone(), number);
        self.all.push(thing);
        Ok(number)
    }
}

impl Table {
    /// All of it: the texts, the sets, the rules.
    fn bytes(&self, rules: usize) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let count = |out: &mut Vec<u8>, count: usize| -> Result<(), String> {
            let count =
                u16::try_from(count).map_err(|_| "there is more than the table can hold")?;
            out.extend(count.to_le_bytes());
            Ok(())
        };
        count(&mut out, self.texts.all.len())?;
        for text in &self.texts.all {
            count(&mut out, text.len())?;
            out.extend(text.as_bytes());
        }
        count(&mut out, self.sets.all.len())?;
        self.sets.all.iter().for_each(|set| out.extend(set));
        count(&mut out, rules)?;
        out.extend(&self.rules);
        Ok(out)
    }

    fn rule(&mut self, rule: &Definition) -> Result<(), String> {
        rule.check()?;
        if rule.pattern.is_some() {
            return Err("built-in rules have shapes: patterns are for rules of users".into());
        }
        // Who issues a token accepts it, unless the rule knows better.
        let by_provider = if rule.provider == "Any" { "unknown" } else { "stranger" };
        let issuer = rule.issuer().unwrap_or(by_provider);
        self.text(&rule.id)?;
        self.text(&rule.provider)?;
        self.text(&rule.class)?;
        self.named(&PRIVILEGES, &rule.privilege)?;
        self.named(&CONSEQUENCES, &rule.consequence)?;
        self.named(&CONFIDENCES, &rule.confidence)?;
        self.named(&ENVIRONMENTS, &rule.environment)?;
        self.named(&FAMILIES, rule.family())?;
        self.named(&ISSUERS, issuer)?;
        self.text(&rule.source)?;
        self.some_text(rule.revoke.as_deref())?;
        self.some_text(rule.revoke_call.as_deref())?;
        self.some_text(rule.pair.as_deref())?;
        self.each(&rule.keywords, |table, group| {
            table.each(group, |table, word| table.text(word))
        })?;
        match rule.look.as_deref() {
            // One behind the looks that have names.
            None => {
                self.rules.push(LOOKS.len() as u8);
                self.each(&rule.shapes, Table::shape)
            }
            Some(look) => {
                self.named(&LOOKS, look)?;
                self.each(&rule.labels, |table, label| table.text(label))
            }
        }
    }

    fn shape(&mut self, shape: &ShapeDefinition) -> Result<(), String> {
        self.text(&shape.lead)?;
        self.each(&shape.head, Table::part)?;
        self.each(&shape.prefixes, |table, prefix| table.text(prefix))?;
        self.each(&shape.parts, Table::part)?;
        match &shape.checksum {
            None => self.rules.push(CHECKSUMS.len() as u8),
            Some(kind) => self.named(&CHECKSUMS, kind)?,
        }
        self.rules.push(shape.mixed.into());
        self.number(shape.shortest()?);
        Ok(())
    }

    /// A class has a set and how many bytes of it; a literal has no set.
    fn part(&mut self, part: &PartDefinition) -> Result<(), String> {
        match part {
            PartDefinition::Literal(text) => {
                self.number(u16::MAX);
                self.text(text)
            }
            PartDefinition::Class(class) => {
                let (min, max) = class.lengths()?;
                let mut set = [0; 32];
                for (byte, is_in) in class.set()?.into_iter().enumerate() {
                    set[byte >> 3] |= u8::from(is_in) << (byte & 7);
                }
                let set = self.sets.number(set)?;
                self.number(set);
                self.number(min);
                self.number(max);
                Ok(())
            }
        }
    }

    /// How many there are, and each of them.
    fn each<T>(
        &mut self,
        all: &[T],
        one: impl Fn(&mut Table, &T) -> Result<(), String>,
    ) -> Result<(), String> {
        self.number(u16::try_from(all.len()).map_err(|_| "a list is too long")?);
        all.iter().try_for_each(|item| one(self, item))
    }

    fn named(&mut self, names: &[&str], name: &str) -> Result<(), String> {
        let number = names.iter().position(|known| *known == name);
        self.rules.push(number.ok_or_else(|| format!("{name:?} is not known"))? as u8);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        let number = self.texts.number(text.to_owned())?;
        self.number(number);
        Ok(())
    }

    fn some_text(&mut self, text: Option<&str>) -> Result<(), String> {
        match text {
            Some(text) => self.text(text)?,
            None => self.number(u16::MAX),
        }
        Ok(())
    }

    fn number(&mut self, number: u16) {
        self.rules.extend(number.to_le_bytes());
    }
}
