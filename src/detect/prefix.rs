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

/// All beginnings, found by their first two bytes.
pub(super) struct Prefixes {
    /// One bit for each pair of bytes that some beginning has.
    pairs: Box<[u64; 1024]>,
    /// In the order of their first two bytes.
    entries: Vec<Entry>,
}

impl Prefixes {
    pub(super) fn new(rules: &'static [Rule]) -> Prefixes {
        let mut pairs = Box::new([0; 1024]);
        let mut entries = Vec::new();
        for (rule, shape) in
            rules.iter().zip(0u16..).flat_map(|(rule, n)| rule.shapes().iter().map(move |s| (n, s)))
        {
            for (literal, lead) in
                shape.beginnings().filter(|(literal, _)| literal.iter().all(|b| runs::is_run(*b)))
            {
                if let Some(pair) = pair(&literal, 0) {
                    pairs[pair >> 6] |= 1 << (pair & 63);
                    entries.push(Entry {
                        lead,
                        prefix: literal.len() - lead,
                        literal,
                        rule,
                        shape,
                    });
                }
            }
        }
        entries.sort_by_key(|entry| pair(&entry.literal, 0));
        Prefixes { pairs, entries }
    }

    /// The shapes that begin at `at`.
    pub(super) fn at<'p>(&'p self, text: &'p [u8], at: usize) -> impl Iterator<Item = &'p Entry> {
        let wanted = pair(text, at).filter(|pair| self.pairs[pair >> 6] >> (pair & 63) & 1 == 1);
        let first = match wanted {
            Some(_) => self.entries.partition_point(|entry| pair(&entry.literal, 0) < wanted),
            None => self.entries.len(),
        };
        self.entries[first..]
            .iter()
            .take_while(move |entry| pair(&entry.literal, 0) == wanted)
            .filter(move |entry| text[at..].starts_with(&entry.literal))
    }
}

fn pair(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at..at + 2) {
        Some(&[a, b]) => Some(usize::from(a) << 8 | usize::from(b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::RULES;
    use super::*;

    #[test]
    fn every_prefix_of_every_rule_is_found() {
        let prefixes = Prefixes::new(RULES);
        for (rule, n) in RULES.iter().zip(0u16..) {
            for shape in rule.shapes() {
                for prefix in shape.prefixes {
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
        let prefixes = Prefixes::new(RULES);
        assert_eq!(
            prefixes.at(b"g", 0).count()
                + prefixes.at(b"gh", 2).count()
                + prefixes.at(b"", 0).count(),
            0
        );
    }
}
