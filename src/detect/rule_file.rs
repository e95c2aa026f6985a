//! Rules of users, in the form of the built-in ones.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use thiserror::Error;

use super::checksum::Checksum;
use super::definition::{self, Definition, File, PartDefinition, ShapeDefinition};
use super::detector::Detector;
use super::pattern::Pattern;
use super::rule::{Look, Rule};
use super::shape::{ByteSet, Part, Shape};
use super::table::{
    CONFIDENCES, CONSEQUENCES, ENVIRONMENTS, FAMILIES, ISSUERS, PRIVILEGES, RULES, kept,
};

/// No longer file is read, in bytes.
const LONGEST: usize = 4 << 20;
/// No file has more rules: together with the built-in ones they are counted in sixteen bits.
const MOST_RULES: usize = 10_000;

/// Rules that somebody wrote, and the built-in ones that they do without.
///
/// The form is that of the built-in rules (`docs/detector.md`), in TOML; `off` lists the ids of built-in
/// rules to leave out. A rule with the id of a built-in one takes its place.
///
/// The rules stay in memory for as long as the program runs, as the built-in ones do, whether or not
/// the `RuleFile` is dropped: read a file once.
///
/// ```
/// use stanch::detect::{Detector, RuleFile};
///
/// let file = RuleFile::parse(
///     r#"
///     off = ["jwt"]
///
///     [[rule]]
///     id = "acme-key"
///     provider = "Acme"
///     class = "Acme API key"
///     privilege = "write"
///     consequence = "breach"
///     confidence = "high"
///     source = "https://acme.example/docs/keys"
///     shapes = [{ prefixes = ["acme_"], parts = [{ alphabet = "base62", length = 16 }] }]
///     positives = ["key: «acme_q8Zr2LmX0vTc5NbW»", "ACME_KEY=«acme_7Kd0PzY4sHt9GaUe»"]
///     negatives = ["acme_q8Zr2LmX0vTc5Nb", "acme-q8Zr2LmX0vTc5NbW"]
///     "#,
/// )?;
/// assert!(file.prove().is_empty());
/// let findings = Detector::with_rules(&file).scan(b"ACME_KEY=acme_7Kd0PzY4sHt9GaUe");
/// assert_eq!(findings[0].rule().id(), "acme-key");
/// # Ok::<(), stanch::detect::RuleFileError>(())
/// ```
pub struct RuleFile {
    rules: Vec<&'static Rule>,
    off: BTreeSet<String>,
    examples: Vec<Examples>,
}

/// Why a file of rules cannot be used. No error holds an example of the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleFileError {
    /// It is not what a file of rules looks like.
    #[error("line {line}: {reason}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A rule is not as rules must be.
    #[error("rule {rule}: {reason}")]
    Rule {
        /// The rule's id.
        rule: String,
        /// What is wrong.
        reason: String,
    },
    /// `off` names what is no built-in rule.
    #[error("off: \"{0}\" is no built-in rule")]
    Off(String),
    /// There is more than anybody writes.
    #[error("a file of rules has no more than {MOST_RULES} rules and 4 MiB")]
    Size,
}

/// An example that a rule does not keep to. It names no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    rule: &'static str,
    /// The example's number among its kind, from 1.
    number: usize,
    is_positive: bool,
    /// What claims the marked bytes or some of them: the rules' ids.
    found: Vec<&'static str>,
}

/// The examples of one rule.
struct Examples {
    rule: &'static str,
    positives: Vec<String>,
    negatives: Vec<String>,
}

impl RuleFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// [`RuleFileError`], which names the line or the rule and the reason.
    pub fn parse(text: &str) -> Result<RuleFile, RuleFileError> {
        if text.len() > LONGEST {
            return Err(RuleFileError::Size);
        }
        let mut file: File = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
            RuleFileError::Syntax {
                line: before.matches('\n').count() + 1,
                reason: error.message().to_owned(),
            }
        })?;
        let definitions = file.take_rules();
        let off = file.off;
        if definitions.len() > MOST_RULES {
            return Err(RuleFileError::Size);
        }
        let is_built_in = |id: &str| RULES.iter().any(|rule| rule.id() == id);
        if let Some(id) = off.iter().find(|id| !is_built_in(id)) {
            return Err(RuleFileError::Off(id.clone()));
        }
        let off: BTreeSet<String> = off.into_iter().collect();
        let mut ids = BTreeSet::new();
        // Rules stay in memory, so none is made before all of them are known to be sound.
        let mut patterns = Vec::new();
        for definition in &definitions {
            let is_new = ids.insert(definition.id.as_str());
            let checked = match is_new {
                true => definition.check(),
                false => Err("the id is taken".into()),
            };
            let pattern = checked.and_then(|()| pattern(definition));
            patterns.push(pattern.map_err(|reason| refused(definition, reason))?);
        }
        let other = |id: &str| ids.contains(id) || is_built_in(id) && !off.contains(id);
        if let Some(alone) =
            definitions.iter().find(|one| one.pair.as_deref().is_some_and(|id| !other(id)))
        {
            return Err(refused(alone, "its pair is no rule".into()));
        }
        let mut file = RuleFile { rules: Vec::new(), off, examples: Vec::new() };
        for (definition, pattern) in definitions.into_iter().zip(patterns) {
            let rule = rule(&definition, pattern).map_err(|reason| refused(&definition, reason))?;
            let Definition { positives, negatives, .. } = definition;
            file.examples.push(Examples { rule: rule.id(), positives, negatives });
            file.rules.push(rule);
        }
        Ok(file)
    }

    /// The rules of the file, without the built-in ones.
    pub fn rules(&self) -> &[&'static Rule] {
        &self.rules
    }

    /// Tries the examples of the file on its rules together with the built-in ones: each positive must be
    /// found by its rule alone, and of it exactly the marked part, and no negative may be found by its
    /// rule. The result is what fails.
    pub fn prove(&self) -> Vec<Complaint> {
        let detector = Detector::with_rules(self);
        let mut complaints = Vec::new();
        for Examples { rule, positives, negatives } in &self.examples {
            let complaint = |number: usize, is_positive, found| Complaint {
                rule,
                number: number + 1,
                is_positive,
                found,
            };
            for (number, positive) in positives.iter().enumerate() {
                let (text, secret) = unmarked(positive);
                let touching: Vec<_> = detector
                    .scan(text.as_bytes())
                    .into_iter()
                    .map(|finding| (finding.rule().id(), finding.range()))
                    .filter(|(_, range)| range.start < secret.end && secret.start < range.end)
                    .collect();
                if touching != [(*rule, secret)] {
                    let found = touching.into_iter().map(|(id, _)| id).collect();
                    complaints.push(complaint(number, true, found));
                }
            }
            for (number, negative) in negatives.iter().enumerate() {
                let found = detector.scan(negative.as_bytes());
                if found.iter().any(|finding| finding.rule().id() == *rule) {
                    complaints.push(complaint(number, false, vec![rule]));
                }
            }
        }
        complaints
    }

    /// The file's rules, and those of `built_in` that it leaves.
    pub(super) fn over(&self, built_in: &'static [Rule]) -> Vec<&'static Rule> {
        let is_there = |rule: &&Rule| {
            !self.off.contains(rule.id()) && !self.rules.iter().any(|own| own.id() == rule.id())
        };
        self.rules.iter().copied().chain(built_in.iter().filter(is_there)).collect()
    }
}

impl fmt::Debug for RuleFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.rules.iter().map(|rule| rule.id()).collect();
        f.debug_struct("RuleFile")
            .field("rules", &ids)
            .field("off", &self.off)
            .finish_non_exhaustive()
    }
}

impl Complaint {
    /// The id of the rule whose example it is.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Complaint { rule, number, is_positive, found } = self;
        write!(f, "rule {rule}: ")?;
        match (is_positive, found.as_slice()) {
            (false, _) => write!(f, "negative {number} is found"),
            (true, []) => write!(f, "positive {number} is not found"),
            (true, [one]) if one == rule => {
                write!(f, "of positive {number} other bytes than the marked ones are found")
            }
            (true, others) => write!(f, "positive {number} is found as {}", others.join(", ")),
        }
    }
}

fn refused(definition: &Definition, reason: String) -> RuleFileError {
    RuleFileError::Rule { rule: definition.id.clone(), reason }
}

/// The example's text, and where in it the secret stands.
fn unmarked(positive: &str) -> (String, Range<usize>) {
    let start = positive.find('«').unwrap_or(0);
    let end = positive.find('»').unwrap_or(0).saturating_sub('«'.len_utf8());
    (positive.replace(['«', '»'], ""), start..end)
}

/// The pattern of a definition that has one in place of shapes.
fn pattern(definition: &Definition) -> Result<Option<Pattern>, String> {
    let text = definition.pattern.as_deref().filter(|_| definition.look.is_none());
    text.map(|text| Pattern::new(text, &definition.keywords)).transpose()
}

/// The rule, which stays in memory.
fn rule(definition: &Definition, pattern: Option<Pattern>) -> Result<&'static Rule, String> {
    let look = match definition.look.as_deref() {
        Some("pem") => Look::Pem(kept(definition.labels.iter().map(|label| text(label)).collect())),
        Some("url") => Look::Url,
        Some("basic") => Look::Basic,
        Some("bearer") => Look::Bearer,
        Some("password") => Look::Password,
        Some(_) => Look::Generic,
        None => match pattern {
            Some(pattern) => Look::Pattern(Box::leak(Box::new(pattern))),
            None => {
                let shapes: Result<Vec<Shape>, String> =
                    definition.shapes.iter().map(shape).collect();
                Look::Shapes(kept(shapes?))
            }
        },
    };
    let groups = definition.keywords.iter();
    let keywords =
        groups.map(|group| kept(group.iter().map(|word| text(word)).collect()) as &[_]);
    let named = |all: &[&str], name: &str| all.iter().position(|known| *known == name).unwrap_or(0);
    Ok(Box::leak(Box::new(Rule {
        id: text(&definition.id),
        provider: text(&definition.provider),
        class: text(&definition.class),
        privilege: PRIVILEGES[named(&definition::PRIVILEGES, &definition.privilege)],
        consequence: CONSEQUENCES[named(&definition::CONSEQUENCES, &definition.consequence)],
        confidence: CONFIDENCES[named(&definition::CONFIDENCES, &definition.confidence)],
        environment: ENVIRONMENTS[named(&definition::ENVIRONMENTS, &definition.environment)],
        family: FAMILIES[named(&definition::FAMILIES, definition.family())],
        // Whoever writes a rule may well issue the tokens.
        issuer: ISSUERS[named(&definition::ISSUERS, definition.issuer().unwrap_or_default())],
        source: text(&definition.source),
        revoke: definition.revoke.as_deref().map(text),
        revoke_call: definition.revoke_call.as_deref().map(text),
        keywords: kept(keywords.collect()),
        pair: definition.pair.as_deref().map(text),
        look,
    })))
}

fn shape(definition: &ShapeDefinition) -> Result<Shape, String> {
    let parts = |parts: &[PartDefinition]| -> Result<&'static [Part], String> {
        let parts: Result<Vec<Part>, String> = parts.iter().map(part).collect();
        Ok(kept(parts?))
    };
    Ok(Shape {
        lead: text(&definition.lead).as_bytes(),
        head: parts(&definition.head)?,
        prefixes: kept(definition.prefixes.iter().map(|prefix| text(prefix).as_bytes()).collect()),
        parts: parts(&definition.parts)?,
        checksum: definition.checksum.as_ref().map(|_| Checksum::Crc32),
        mixed: definition.mixed,
        shortest: definition.shortest()?,
    })
}

fn part(definition: &PartDefinition) -> Result<Part, String> {
    Ok(match definition {
        PartDefinition::Literal(literal) => Part::Literal(text(literal).as_bytes()),
        PartDefinition::Class(class) => {
            let mut set = [0u64; 4];
            for (byte, is_in) in class.set()?.into_iter().enumerate() {
                set[byte >> 6] |= u64::from(is_in) << (byte & 63);
            }
            let (min, max) = class.lengths()?;
            Part::Class { set: ByteSet(set), min, max }
        }
    })
}

fn text(text: &str) -> &'static str {
    Box::leak(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{Consequence, Family, Issuer, Privilege};

    const ACME: &str = r#"
        [[rule]]
        id = "acme-key"
        provider = "Acme"
        class = "Acme API key"
        privilege = "admin"
        consequence = "supply-chain"
        confidence = "high"
        source = "https://acme.example/docs/keys"
        shapes = [{ prefixes = ["acme_"], parts = [{ alphabet = "base62", length = 16 }] }]
        positives = ["key: «acme_q8Zr2LmX0vTc5NbW»", "ACME_KEY=«acme_7Kd0PzY4sHt9GaUe»"]
        negatives = ["acme_q8Zr2LmX0vTc5Nb", "acme-q8Zr2LmX0vTc5NbW"]
    "#;

    #[test]
    fn a_rule_is_read_and_proven() {
        let file = RuleFile::parse(ACME).unwrap();
        let rule = file.rules()[0];
        assert_eq!(
            (rule.id(), rule.privilege(), rule.consequence()),
            ("acme-key", Privilege::Admin, Consequence::SupplyChain)
        );
        assert_eq!((rule.family(), rule.issuer()), (Family::Other, Issuer::Unknown));
        assert_eq!(file.prove(), []);
        assert_eq!(Detector::with_rules(&file).rules().len(), RULES.len() + 1);
    }

    #[test]
    fn a_file_speaks_for_the_rules_that_say_nothing() {
        let all = format!("family = \"database\"\nissuer = \"own\"\n{ACME}");
        let rule = RuleFile::parse(&all).unwrap().rules()[0];
        assert_eq!((rule.family(), rule.issuer()), (Family::Database, Issuer::Own));
        let but =
            all.replace("privilege =", "family = \"code\"\nissuer = \"stranger\"\nprivilege =");
        let rule = RuleFile::parse(&but).unwrap().rules()[0];
        assert_eq!((rule.family(), rule.issuer()), (Family::Code, Issuer::Stranger));
    }

    #[test]
    fn examples_that_fail_are_named_without_their_text() {
        let wrong = ACME
            .replace("«acme_q8Zr2LmX0vTc5NbW»", "«ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo»")
            .replace("«acme_7Kd0PzY4sHt9GaUe»", "acme_«7Kd0PzY4sHt9GaUe»")
            .replace("acme-q8Zr2LmX0vTc5NbW", "acme_q8Zr2LmX0vTc5NbW");
        let said: Vec<String> =
            RuleFile::parse(&wrong).unwrap().prove().iter().map(Complaint::to_string).collect();
        assert_eq!(
            said,
            [
                "rule acme-key: positive 1 is found as github-personal-access-token",
                "rule acme-key: of positive 2 other bytes than the marked ones are found",
                "rule acme-key: negative 2 is found",
            ]
        );
    }

    #[test]
    fn built_in_rules_are_switched_off_and_replaced() {
        let token = b"ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";
        let off = RuleFile::parse("off = [\"github-personal-access-token\"]").unwrap();
        let found = |file: &RuleFile| -> Vec<&str> {
            Detector::with_rules(file)
                .scan(token)
                .iter()
                .map(|finding| finding.rule().class())
                .collect()
        };
        assert_eq!(found(&off), Vec::<&str>::new());
        let own = ACME
            .replace("acme-key", "github-personal-access-token")
            .replace("acme_", "ghp_")
            .replace("length = 16", "length = 36");
        assert_eq!(found(&RuleFile::parse(&own).unwrap()), ["Acme API key"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("off = [\"no-such-rule\"]", "off: \"no-such-rule\" is no built-in rule"),
            ("\n[[rule]]\nid = 7", "line 3: invalid type: integer `7`, expected a string"),
            (
                &ACME.replace("\"admin\"", "\"root\""),
                "rule acme-key: privilege is \"root\", not one of public, read, write, payment-or-deploy, admin",
            ),
            (
                &ACME.replace("base62", "base99"),
                "rule acme-key: \"base99\" is neither a known alphabet nor [in brackets]",
            ),
            (
                &ACME.replace("source", "pair = \"other\"\n source"),
                "rule acme-key: its pair is no rule",
            ),
            (
                &ACME.replace("source", "family = \"kin\"\n source"),
                "rule acme-key: family is \"kin\", not one of other, storage, database, cloud, code, messaging",
            ),
            (
                &["issuer = \"me\"", ACME].concat(),
                "rule acme-key: issuer is \"me\", not one of unknown, own, stranger",
            ),
            (&[ACME, ACME].concat(), "rule acme-key: the id is taken"),
        ];
        for (text, expected) in cases {
            let error = RuleFile::parse(text).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(expected), "{text}");
        }
    }
}
