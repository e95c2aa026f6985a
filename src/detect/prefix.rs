//! From the first bytes of a word to the shapes that begin so.

use super::rule::Rule;
use super::runs;
use super::shape::Shape;

/// A shape and how it begins.
pub(super) struct Entry {
    /// Lead and prefix.
    literal: Vec<u8>,
    pub(super) lead: usize,
    pub(super) prefix: usize,
    pub(super) rule: u16,
    pub(super) shape: &'static Shape,
}

/// All beginnings, found by their first bytes.
pub(super) struct Prefixes {
    /// One bit for each hash of three bytes with which some beginning starts: what most words do
    /// not have.
    starts: Box<[u64; 1024]>,
    /// The first two bytes of each entry, ascending.
    pairs: Vec<u16>,
    /// In the order of `pairs`.
    entries: Vec<Entry>,
}

impl Prefixes {
    pub(super) fn new(rules: &[&'static Rule]) -> Prefixes {
        let mut starts = Box::new([0; 1024]);
        let mut entries = Vec::new();
        let shapes = rules
            .iter()
            .zip(0u16..)
            .flat_map(|(rule, n)| rule.shapes().iter().map(move |s| (n, s)));
        for (rule, shape) in shapes {
            for (literal, lead) in
                shape.beginnings().filter(|(literal, _)| literal.iter().all(|b| runs::is_run(*b)))
            {
                let mut note = |start: [u8; 3]| {
                    let hash = hash(start);
                    starts[hash >> 6] |= 1 << (hash & 63);
                };
                match *literal {
                    [a, b, c, ..] => note([a, b, c]),
                    [a, b] => (0..=255).for_each(|c| note([a, b, c])),
                    _ => continue,
                }
                entries.push(Entry { lead, prefix: literal.len() - lead, literal, rule, shape });
            }
        }
        entries.sort_by_key(|entry| pair(&entry.literal));
        let pairs = entries.iter().map(|entry| pair(&entry.literal)).collect();
        Prefixes { starts, pairs, entries }
    }

    /// The shapes that begin at `at`.
    pub(super) fn at<'p>(&'p self, text: &'p [u8], at: usize) -> impl Iterator<Item = &'p Entry> {
        let rest = text.get(at..).unwrap_or_default();
        let known = match *rest {
            [a, b, c, ..] => {
                let hash = hash([a, b, c]);
                self.starts[hash >> 6] >> (hash & 63) & 1 == 1
            }
            _ => false,
        };
        let entries = if known {
            let wanted = pair(rest);
            let first = self.pairs.partition_point(|pair| *pair < wanted);
            let count = self.pairs[first..].iter().take_while(|pair| **pair == wanted).count();
            &self.entries[first..first + count]
        } else {
            &[]
        };
        entries.iter().filter(move |entry| rest.starts_with(&entry.literal))
    }
}

/// The first two bytes, for sorting; no literal is shorter.
fn pair(text: &[u8]) -> u16 {
    match *text {
        [a, b, ..] => u16::from_be_bytes([a, b]),
        _ => 0,
    }
}

/// Sixteen bits of three bytes: multiplication by the golden ratio's odd 32-bit fraction.
fn hash([a, b, c]: [u8; 3]) -> usize {
    (u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9E37_79B1) >> 16) as usize
}

#[cfg(test)]
mod tests {
    use super::super::table::RULES;
    use super::*;

    #[test]
    fn every_prefix_of_every_rule_is_found() {
        // The others, such as `https://`, are searched for as words.
        let in_a_run = |text: &[u8]| text.iter().all(|byte| runs::is_run(*byte));
        let prefixes = Prefixes::new(&RULES.iter().collect::<Vec<_>>());
        for (rule, n) in RULES.iter().zip(0u16..) {
            for shape in rule.shapes() {
                for prefix in shape.prefixes {
                    if !in_a_run(&[shape.lead, prefix].concat()) {
                        continue;
                    }
                    let text = [b" ", shape.lead, prefix, b" "].concat();
                    assert!(
                        prefixes
                            .at(&text, 1)
                            .any(|entry| entry.rule == n && entry.prefix == prefix.len())
                    );
                    assert!(!prefixes.at(&text, 0).any(|entry| entry.rule == n));
                }
            }
        }
    }

    #[test]
    fn the_end_of_the_text_has_no_prefix() {
        let prefixes = Prefixes::new(&RULES.iter().collect::<Vec<_>>());
        assert_eq!(
            prefixes.at(b"gh", 0).count()
                + prefixes.at(b"gh", 2).count()
                + prefixes.at(b"", 0).count(),
            0
        );
    }
}
