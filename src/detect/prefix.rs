//! From the first bytes of a word to the shapes that begin so.

use super::rule::Rule;
use super::runs;
use super::shape::Shape;
use super::start::{Starts, eight};

/// A shape and how it begins.
pub(super) struct Entry {
    /// Lead and prefix.
    literal: Vec<u8>,
    pub(super) lead: usize,
    pub(super) prefix: usize,
    pub(super) rule: u16,
    pub(super) shape: &'static Shape,
}

impl AsRef<[u8]> for Entry {
    fn as_ref(&self) -> &[u8] {
        &self.literal
    }
}

/// All beginnings.
pub(super) struct Prefixes {
    starts: Starts,
    entries: Vec<Entry>,
}

impl Prefixes {
    pub(super) fn new(rules: &[&'static Rule]) -> Prefixes {
        let mut entries = Vec::new();
        let shapes = rules
            .iter()
            .zip(0u16..)
            .flat_map(|(rule, n)| rule.shapes().iter().map(move |s| (n, s)));
        for (rule, shape) in shapes {
            for (literal, lead) in
                shape.beginnings().filter(|(literal, _)| literal.iter().all(|b| runs::is_run(*b)))
            {
                entries.push(Entry { lead, prefix: literal.len() - lead, literal, rule, shape });
            }
        }
        Prefixes { starts: Starts::new(&entries), entries }
    }

    /// Gives the shapes that begin at `at` to `visit`.
    #[inline]
    pub(super) fn at(&self, text: &[u8], at: usize, mut visit: impl FnMut(&Entry)) {
        let rest = text.get(at..).unwrap_or_default();
        self.starts.find(eight(rest), |number| {
            let entry = &self.entries[number];
            if rest.starts_with(&entry.literal) {
                visit(entry);
            }
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::RULES;
    use super::*;

    /// Rule and prefix of the shapes that begin at `place`.
    fn at(prefixes: &Prefixes, text: &[u8], place: usize) -> Vec<(u16, usize)> {
        let mut all = Vec::new();
        prefixes.at(text, place, |entry| all.push((entry.rule, entry.prefix)));
        all
    }

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
                    let own = |entry: &&(u16, usize)| entry.0 == n && entry.1 == prefix.len();
                    assert!(at(&prefixes, &text, 1).iter().any(|entry| own(&entry)));
                    assert!(!at(&prefixes, &text, 0).iter().any(|entry| entry.0 == n));
                }
            }
        }
    }

    #[test]
    fn the_end_of_the_text_has_no_prefix() {
        let prefixes = Prefixes::new(&RULES.iter().collect::<Vec<_>>());
        for (text, place) in [(&b"gh"[..], 0), (b"gh", 2), (b"", 0)] {
            assert_eq!(at(&prefixes, text, place), []);
        }
    }
}
