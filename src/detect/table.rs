//! The built-in rules, as the build made them from `src/detect/rules/*.toml`.
//!
//! They come as bytes, deflated (`build.rs` says why), and are inflated and made into rules when they are first
//! asked for. All numbers are little-endian, of 16 bits unless something else is said; lists have their length in front.
//!
//! - The texts, each with its length. Whoever has one names its number.
//! - The sets of bytes, of 32 bytes each, a bit for each byte from the lowest on.
//! - The rules: id, provider, class; privilege, consequence, confidence, environment, family and issuer, a
//!   byte each, by their places in the lists of `definition.rs`; source; where and by which call to revoke,
//!   and the rule of the other half, or 65,535; the groups of keywords; the look, a byte, and the labels
//!   of a look that has a name, or the shapes.
//! - A shape: lead, head, prefixes, parts; checksum and mixed, a byte each; the fewest bytes.
//! - A part: the number of its set and how many bytes of it, from and to; or 65,535 and a literal.

use std::io::Read as _;
use std::sync::LazyLock;

use flate2::bufread::ZlibDecoder;

use super::checksum::Checksum;
use super::rule::{Confidence, Consequence, Environment, Family, Issuer, Look, Privilege, Rule};
use super::shape::{ByteSet, Part, Shape};

/// The built-in rules, in the order of their files' names.
pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    // The build writes no other table than one that can be read to its end.
    Table::open(&BYTES).and_then(|mut table| table.each(Table::rule)).unwrap_or_default()
});

// What the lists of `definition.rs` name, in their order.
pub(super) const PRIVILEGES: [Privilege; 5] = [
    Privilege::Public,
    Privilege::Read,
    Privilege::Write,
    Privilege::PaymentOrDeploy,
    Privilege::Admin,
];
pub(super) const CONSEQUENCES: [Consequence; 4] =
    [Consequence::Breach, Consequence::Fraud, Consequence::SupplyChain, Consequence::Disruption];
pub(super) const CONFIDENCES: [Confidence; 3] =
    [Confidence::Low, Confidence::Medium, Confidence::High];
pub(super) const ENVIRONMENTS: [Environment; 3] =
    [Environment::Unknown, Environment::Test, Environment::Production];
pub(super) const FAMILIES: [Family; 6] = [
    Family::Other,
    Family::Storage,
    Family::Database,
    Family::Cloud,
    Family::Code,
    Family::Messaging,
];
pub(super) const ISSUERS: [Issuer; 3] = [Issuer::Unknown, Issuer::Own, Issuer::Stranger];

/// The table. What rules say lies in it, for as long as the process lives.
static BYTES: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    // Nothing but memory can be wrong with what the build itself has written.
    match ZlibDecoder::new(DEFLATED).read_to_end(&mut bytes) {
        Ok(_) => bytes.into_boxed_slice(),
        Err(_) => Box::default(),
    }
});

static DEFLATED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.zlib"));

/// Where no text and no set is named.
const NONE: u16 = u16::MAX;

/// A list that stays in memory, as rules do.
pub(super) fn kept<T>(all: Vec<T>) -> &'static [T] {
    if all.is_empty() { &[] } else { Box::leak(all.into_boxed_slice()) }
}

/// A table that is being read.
struct Table {
    texts: Vec<&'static str>,
    sets: Vec<ByteSet>,
    rest: &'static [u8],
}

impl Table {
    /// The texts and sets of a table; the rules are still to be read.
    fn open(bytes: &'static [u8]) -> Option<Table> {
        let mut table = Table { texts: Vec::new(), sets: Vec::new(), rest: bytes };
        table.texts = table.each(|table| {
            let len = table.number()?;
            str::from_utf8(table.bytes(len.into())?).ok()
        })?;
        table.sets = table.each(|table| {
            let (words, _) = table.bytes(32)?.as_chunks();
            let mut set = ByteSet([0; 4]);
            set.0.iter_mut().zip(words).for_each(|(to, from)| *to = u64::from_le_bytes(*from));
            Some(set)
        })?;
        Some(table)
    }

    fn rule(&mut self) -> Option<Rule> {
        Some(Rule {
            id: self.text()?,
            provider: self.text()?,
            class: self.text()?,
            privilege: self.named(PRIVILEGES)?,
            consequence: self.named(CONSEQUENCES)?,
            confidence: self.named(CONFIDENCES)?,
            environment: self.named(ENVIRONMENTS)?,
            family: self.named(FAMILIES)?,
            issuer: self.named(ISSUERS)?,
            source: self.text()?,
            revoke: self.some_text()?,
            revoke_call: self.some_text()?,
            pair: self.some_text()?,
            keywords: kept(self.each(|table| Some(kept(table.each(Table::text)?)))?),
            look: self.look()?,
        })
    }

    fn look(&mut self) -> Option<Look> {
        let kind = self.byte()?;
        if kind == 6 {
            return Some(Look::Shapes(kept(self.each(Table::shape)?)));
        }
        let labels = kept(self.each(Table::text)?);
        Some(match kind {
            0 => Look::Pem(labels),
            1 => Look::Url,
            2 => Look::Basic,
            3 => Look::Bearer,
            4 => Look::Password,
            5 => Look::Generic,
            _ => return None,
        })
    }

    fn shape(&mut self) -> Option<Shape> {
        Some(Shape {
            lead: self.text()?.as_bytes(),
            head: kept(self.each(Table::part)?),
            prefixes: kept(self.each(|table| Some(table.text()?.as_bytes()))?),
            parts: kept(self.each(Table::part)?),
            checksum: self.named([Some(Checksum::Crc32), None])?,
            mixed: self.named([false, true])?,
            shortest: self.number()?,
        })
    }

    fn part(&mut self) -> Option<Part> {
        Some(match self.number()? {
            NONE => Part::Literal(self.text()?.as_bytes()),
            set => Part::Class {
                set: *self.sets.get(usize::from(set))?,
                min: self.number()?,
                max: self.number()?,
            },
        })
    }

    /// The items of a list.
    fn each<T>(&mut self, one: impl Fn(&mut Table) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }

    fn named<T: Copy, const N: usize>(&mut self, all: [T; N]) -> Option<T> {
        let number = self.byte()?;
        all.get(usize::from(number)).copied()
    }

    fn text(&mut self) -> Option<&'static str> {
        let number = self.number()?;
        self.texts.get(usize::from(number)).copied()
    }

    fn some_text(&mut self) -> Option<Option<&'static str>> {
        match self.number()? {
            NONE => Some(None),
            number => Some(Some(*self.texts.get(usize::from(number))?)),
        }
    }

    fn number(&mut self) -> Option<u16> {
        let (number, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u16::from_le_bytes(*number))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn bytes(&mut self, len: usize) -> Option<&'static [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_to_its_end() {
        let mut table = Table::open(&BYTES).unwrap();
        let rules = table.each(Table::rule).unwrap();
        assert_eq!((rules.len(), table.rest.len()), (RULES.len(), 0));
        assert!(rules.len() > 2000);
    }

    /// A table that ends too early is none, wherever it ends.
    #[test]
    fn a_table_that_ends_early_is_none() {
        for len in (0..BYTES.len()).step_by(997).chain([BYTES.len() - 1]) {
            let read = Table::open(&BYTES[..len]).and_then(|mut table| table.each(Table::rule));
            assert!(read.is_none(), "{len}");
        }
    }

    /// What the build counts by is what is read by.
    #[cfg(feature = "rule-files")]
    #[test]
    fn numbers_mean_what_the_definitions_name() {
        use super::super::definition as named;

        assert_eq!(PRIVILEGES.map(Privilege::as_str), named::PRIVILEGES);
        assert_eq!(CONSEQUENCES.map(Consequence::as_str), named::CONSEQUENCES);
        assert_eq!(CONFIDENCES.map(Confidence::as_str), named::CONFIDENCES);
        assert_eq!(ENVIRONMENTS.map(Environment::as_str), named::ENVIRONMENTS);
        assert_eq!(FAMILIES.map(Family::as_str), named::FAMILIES);
        assert_eq!(ISSUERS.map(Issuer::as_str), named::ISSUERS);
        assert_eq!(named::LOOKS, ["pem", "url", "basic", "bearer", "password", "generic"]);
        assert_eq!(named::CHECKSUMS, ["crc32"]);
    }

    #[test]
    fn rules_are_what_their_files_say() {
        let rule = |id: &str| RULES.iter().find(|rule| rule.id() == id).unwrap();
        let github = rule("github-personal-access-token");
        assert_eq!(
            (github.privilege(), github.consequence(), github.confidence(), github.family()),
            (Privilege::Write, Consequence::SupplyChain, Confidence::High, Family::Code)
        );
        assert_eq!(github.shapes()[0].prefixes, [b"ghp_"]);
        assert_eq!(github.shapes()[0].checksum, Some(Checksum::Crc32));
        assert!(matches!(rule("password").look, Look::Password));
        assert!(matches!(
            rule("private-key").look,
            Look::Pem(["PRIVATE KEY", "RSA PRIVATE KEY", ..])
        ));
    }
}
