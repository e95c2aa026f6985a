//! What a rule file says, and whether it may.
//!
//! The build reads the built-in rules with this, and [`RuleFile`](super::RuleFile) reads those of users:
//! one form, one set of checks.

use serde::Deserialize;

use super::call;

/// Bytes that a run of token characters may hold; `src/detect/runs.rs` says the same.
const RUN_EXTRA: &[u8] = b"_-./+~$";
/// No shorter run is looked at.
const SHORTEST_RUN: usize = 14;
/// A shape's beginning that no run holds is no shorter.
const SHORTEST_WORD: usize = 4;
/// No token is longer; it bounds the look at each candidate.
const LONGEST_PART: u16 = 4096;

/// The kinds of look that need no shapes.
pub(crate) const LOOKS: [&str; 6] = ["pem", "url", "basic", "bearer", "password", "generic"];
/// Privileges, from least to most.
pub(crate) const PRIVILEGES: [&str; 5] = ["public", "read", "write", "payment-or-deploy", "admin"];
/// Consequences.
pub(crate) const CONSEQUENCES: [&str; 4] = ["breach", "fraud", "supply-chain", "disruption"];
/// Confidences, from least to most.
pub(crate) const CONFIDENCES: [&str; 3] = ["low", "medium", "high"];
/// Environments.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["unknown", "test", "production"];
/// Families of services; `other` where neither the rule nor its file says.
pub(crate) const FAMILIES: [&str; 6] =
    ["other", "storage", "database", "cloud", "code", "messaging"];
/// Who accepts a token.
pub(crate) const ISSUERS: [&str; 3] = ["unknown", "own", "stranger"];
/// Checksums.
pub(crate) const CHECKSUMS: [&str; 1] = ["crc32"];

/// A file of rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// The ids of built-in rules that are not wanted.
    #[serde(default)]
    pub(crate) off: Vec<String>,
    /// The family of those rules that name none.
    #[serde(default)]
    family: Option<String>,
    /// Who accepts the tokens of those rules that do not say so.
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    rule: Vec<Definition>,
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) class: String,
    pub(crate) privilege: String,
    pub(crate) consequence: String,
    pub(crate) confidence: String,
    #[serde(default = "unknown")]
    pub(crate) environment: String,
    #[serde(default)]
    family: Option<String>,
    #[serde(default)]
    issuer: Option<String>,
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) revoke: Option<String>,
    #[serde(default)]
    pub(crate) revoke_call: Option<String>,
    #[serde(default)]
    pub(crate) keywords: Vec<Vec<String>>,
    #[serde(default)]
    pub(crate) pair: Option<String>,
    #[serde(default)]
    pub(crate) look: Option<String>,
    #[serde(default)]
    pub(crate) labels: Vec<String>,
    #[serde(default)]
    pub(crate) shapes: Vec<ShapeDefinition>,
    #[serde(default)]
    pub(crate) pattern: Option<String>,
    pub(crate) positives: Vec<String>,
    pub(crate) negatives: Vec<String>,
}

/// A shape as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShapeDefinition {
    #[serde(default)]
    pub(crate) lead: String,
    #[serde(default)]
    pub(crate) head: Vec<PartDefinition>,
    #[serde(default)]
    pub(crate) prefixes: Vec<String>,
    #[serde(default)]
    pub(crate) parts: Vec<PartDefinition>,
    #[serde(default)]
    pub(crate) checksum: Option<String>,
    #[serde(default)]
    pub(crate) mixed: bool,
}

/// A part of a shape as it is written.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum PartDefinition {
    Literal(String),
    Class(Class),
}

/// So many characters of an alphabet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    pub(crate) alphabet: String,
    #[serde(default)]
    pub(crate) length: Option<u16>,
    #[serde(default)]
    pub(crate) min: Option<u16>,
    #[serde(default)]
    pub(crate) max: Option<u16>,
}

/// For each byte whether it is in it.
pub(crate) type Set = [bool; 256];

fn unknown() -> String {
    "unknown".into()
}

impl File {
    /// Takes the rules, each with what the file says of those that do not say it themselves.
    pub(crate) fn take_rules(&mut self) -> Vec<Definition> {
        let mut rules = std::mem::take(&mut self.rule);
        for rule in &mut rules {
            rule.family = rule.family.take().or_else(|| self.family.clone());
            rule.issuer = rule.issuer.take().or_else(|| self.issuer.clone());
        }
        rules
    }
}

impl Definition {
    /// The family of the service that its tokens open.
    pub(crate) fn family(&self) -> &str {
        self.family.as_deref().unwrap_or(FAMILIES[0])
    }

    /// Who accepts its tokens, if it says so.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Why the rule may not be as it is, if so. It says nothing of other rules.
    pub(crate) fn check(&self) -> Result<(), String> {
        let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if self.id.is_empty() || !self.id.bytes().all(kebab) {
            return Err("the id is not kebab-case".into());
        }
        if self.provider.is_empty() || self.class.is_empty() {
            return Err("provider or class is empty".into());
        }
        if self.positives.len() < 2 || self.negatives.len() < 2 {
            return Err("fewer than two positives or two negatives".into());
        }
        for positive in &self.positives {
            if positive.matches('«').count() != 1 || positive.matches('»').count() != 1 {
                return Err("a positive marks the secret in it: «…»".into());
            }
        }
        for link in [Some(&self.source), self.revoke.as_ref()].into_iter().flatten() {
            if !link.starts_with("https://") {
                return Err(format!("{link} is no https link"));
            }
        }
        self.revoke_call.as_deref().map_or(Ok(()), call::check)?;
        one_of("privilege", &self.privilege, &PRIVILEGES)?;
        one_of("consequence", &self.consequence, &CONSEQUENCES)?;
        one_of("confidence", &self.confidence, &CONFIDENCES)?;
        one_of("environment", &self.environment, &ENVIRONMENTS)?;
        one_of("family", self.family(), &FAMILIES)?;
        one_of("issuer", self.issuer().unwrap_or(ISSUERS[0]), &ISSUERS)?;
        let lower = |word: &String| word.len() > 1 && *word == word.to_ascii_lowercase();
        if self.keywords.iter().any(|group| group.is_empty() || !group.iter().all(lower)) {
            return Err("a keyword group is empty, or a keyword is shorter than two bytes or not \
                        in lower case"
                .into());
        }
        if let Some(look) = &self.look {
            one_of("look", look, &LOOKS)?;
        }
        let looks = [!self.shapes.is_empty(), self.look.is_some(), self.pattern.is_some()];
        if looks.into_iter().filter(|has| *has).count() != 1 {
            return Err("a rule has shapes, a look or a pattern, and one of them".into());
        }
        if self.labels.is_empty() == (self.look.as_deref() == Some("pem")) {
            return Err("labels belong to look = \"pem\" and are needed there".into());
        }
        self.shapes.iter().try_for_each(|shape| shape.check(&self.keywords))
    }
}

impl ShapeDefinition {
    fn check(&self, keywords: &[Vec<String>]) -> Result<(), String> {
        let shape = self;
        let prefixes: Vec<&str> = shape.prefixes.iter().map(String::as_str).collect();
        let starts: Vec<String> = match (shape.lead.is_empty(), prefixes.is_empty()) {
            (true, true) => Vec::new(),
            (false, true) => vec![shape.lead.clone()],
            _ => prefixes.iter().map(|prefix| format!("{}{prefix}", shape.lead)).collect(),
        };
        let bounds: Result<Vec<_>, _> = shape.parts.iter().map(PartDefinition::bounds).collect();
        let bounds = bounds?;
        if starts.is_empty() {
            let telling = shape.parts.iter().any(|part| matches!(part, PartDefinition::Literal(_)));
            if keywords.is_empty() && !telling {
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
                    PartDefinition::Literal(text) => text.bytes().all(run_byte),
                    PartDefinition::Class(_) => {
                        (0..=255u8).all(|b| !set[usize::from(b)] || run_byte(b))
                    }
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
        let head: Result<Vec<_>, _> = shape.head.iter().map(PartDefinition::bounds).collect();
        if head?.windows(2).any(|pair| ambiguous(&pair[1], &pair[0])) {
            return Err("a part of the head may swallow the end of the one before".into());
        }
        if let Some(checksum) = &self.checksum {
            one_of("checksum", checksum, &CHECKSUMS)?;
        }
        Ok(())
    }

    /// The fewest bytes from the prefix to the end.
    pub(crate) fn shortest(&self) -> Result<u16, String> {
        let mut shortest = self.prefixes.iter().map(String::len).min().unwrap_or(0);
        for part in &self.parts {
            shortest += part.bounds()?.1;
        }
        u16::try_from(shortest).map_err(|_| "a shape is longer than 65,535 bytes".into())
    }
}

impl PartDefinition {
    /// The bytes with which the part may begin, its least and its greatest length.
    pub(crate) fn bounds(&self) -> Result<(Set, usize, usize), String> {
        match self {
            PartDefinition::Literal(text) => {
                let mut set = [false; 256];
                let first = text.bytes().next().ok_or("a literal part is empty")?;
                set[usize::from(first)] = true;
                Ok((set, text.len(), text.len()))
            }
            PartDefinition::Class(class) => {
                let (min, max) = class.lengths()?;
                Ok((class.set()?, usize::from(min), usize::from(max)))
            }
        }
    }
}

impl Class {
    /// The fewest and the most characters.
    pub(crate) fn lengths(&self) -> Result<(u16, u16), String> {
        let (min, max) = match (self.length, self.min, self.max) {
            (Some(length), None, None) => (length, length),
            (None, Some(min), Some(max)) => (min, max),
            _ => {
                return Err(format!(
                    "alphabet {:?} needs either length or min and max",
                    self.alphabet
                ));
            }
        };
        if min > max || max == 0 || max > LONGEST_PART {
            return Err(format!("{min} to {max} is no range of lengths up to {LONGEST_PART}"));
        }
        Ok((min, max))
    }

    /// A named alphabet, or single characters and ranges in brackets: `[0-9a-f]`. A hyphen stands last.
    pub(crate) fn set(&self) -> Result<Set, String> {
        let name = self.alphabet.as_str();
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
}

fn one_of(field: &str, value: &str, known: &[&str]) -> Result<(), String> {
    match known.contains(&value) {
        true => Ok(()),
        false => Err(format!("{field} is {value:?}, not one of {}", known.join(", "))),
    }
}

/// Whether a greedy look at `first` may take what `second` needs.
fn ambiguous(first: &(Set, usize, usize), second: &(Set, usize, usize)) -> bool {
    first.1 != first.2 && (0..256).any(|b| first.0[b] && second.0[b])
}

fn run_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || RUN_EXTRA.contains(&byte)
}
