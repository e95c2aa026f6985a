//! Words close before a candidate.
//!
//! The words of all rules stand in one automaton, which reads only the [`WINDOW`] bytes before a candidate.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::rule::Rule;
use super::shape;

/// Bytes before a candidate in which its words are looked for.
pub(super) const WINDOW: usize = 80;

/// Words no longer than this must not be part of a longer word: `fb`, `aws`.
const SHORT_WORD: usize = 3;

/// The words of all rules.
pub(super) struct Keywords {
    automaton: Option<AhoCorasick>,
    words: Vec<&'static str>,
    /// For each rule its groups, as indices into `words`.
    groups: Vec<Vec<Vec<u16>>>,
}

/// The words that one window shows.
#[derive(Default)]
pub(super) struct Seen(Vec<u64>);

impl Seen {
    fn has(&self, word: u16) -> bool {
        self.0.get(usize::from(word >> 6)).is_some_and(|bits| bits >> (word & 63) & 1 == 1)
    }
}

impl Keywords {
    pub(super) fn new(rules: &'static [Rule]) -> Keywords {
        let mut words: Vec<&'static str> =
            rules.iter().flat_map(|rule| rule.keywords()).copied().flatten().copied().collect();
        words.sort_unstable();
        words.dedup();
        let index =
            |word: &&str| words.binary_search(word).ok().and_then(|n| u16::try_from(n).ok());
        let groups = rules
            .iter()
            .map(|rule| {
                rule.keywords()
                    .iter()
                    .map(|group| group.iter().filter_map(index).collect())
                    .collect()
            })
            .collect();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&words)
            .ok();
        Keywords { automaton, words, groups }
    }

    /// Notes in `seen` the words before `at`; `false` if there are none.
    pub(super) fn look(&self, text: &[u8], at: usize, seen: &mut Seen) -> bool {
        seen.0.clear();
        seen.0.resize(self.words.len().div_ceil(64), 0);
        let Some(automaton) = &self.automaton else { return false };
        let window = &text[at.saturating_sub(WINDOW)..at];
        let mut any = false;
        for found in automaton.find_overlapping_iter(window) {
            let after = window.get(found.end()).is_some_and(u8::is_ascii_alphabetic);
            let glued = after || !shape::open_before(window, found.start());
            if found.len() > SHORT_WORD || !glued {
                let word = found.pattern().as_usize();
                seen.0[word >> 6] |= 1 << (word & 63);
                any = true;
            }
        }
        any
    }

    /// Whether every group of the rule has a word in `seen`.
    pub(super) fn fit(&self, rule: u16, seen: &Seen) -> bool {
        let groups = self.groups.get(usize::from(rule));
        groups.is_some_and(|groups| {
            groups.iter().all(|group| group.iter().any(|word| seen.has(*word)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::*;
    use super::*;

    static RULES: &[Rule] = &[rule(&[&["acme"], &["token", "key"]]), rule(&[&["ac"]]), rule(&[])];

    const fn rule(keywords: &'static [&'static [&'static str]]) -> Rule {
        Rule {
            id: "r",
            provider: "p",
            class: "c",
            privilege: Privilege::Write,
            consequence: Consequence::Breach,
            confidence: Confidence::Low,
            environment: Environment::Unknown,
            source: "",
            revoke: None,
            keywords,
            pair: None,
            look: Look::Generic,
        }
    }

    fn fits(text: &str) -> Vec<bool> {
        let keywords = Keywords::new(RULES);
        let mut seen = Seen::default();
        keywords.look(text.as_bytes(), text.len(), &mut seen);
        (0..3).map(|rule| keywords.fit(rule, &seen)).collect()
    }

    #[test]
    fn each_group_needs_a_word() {
        assert_eq!(fits("ACME_KEY = "), [true, false, true]);
        assert_eq!(fits("acme = "), [false, false, true]);
        assert_eq!(fits("key = "), [false, false, true]);
    }

    #[test]
    fn short_words_stand_alone() {
        assert_eq!(fits("AC_SECRET="), [false, true, true]);
        assert_eq!(fits("back="), [false, false, true]);
    }

    #[test]
    fn only_the_window_is_read() {
        let far = format!("acme key{}", " ".repeat(WINDOW));
        assert_eq!(fits(&far), [false, false, true]);
    }
}
