//! Words close before a candidate.
//!
//! The words of all rules stand in one automaton, which reads only the [`WINDOW`] bytes before a
//! candidate.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::rule::Rule;
use super::shape;

/// Bytes before a candidate in which its words are looked for.
pub(super) const WINDOW: usize = 80;

/// Names no longer than this must not be a part of a longer word: `fb`, `aws`.
const SHORT_NAME: usize = 3;
/// Names no longer than this must not stand at a longer word's end: `etsy` in `getSystem`.
const BRIEF_NAME: usize = 5;

/// The words of all rules.
pub(super) struct Keywords {
    automaton: Option<AhoCorasick>,
    words: Vec<Word>,
    /// For each rule its groups, as indices into `words`.
    groups: Vec<Vec<Vec<u16>>>,
}

/// A word, and whether it is a name (of a rule's first group) that must not be a part of another
/// word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    text: &'static str,
    name: bool,
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
        let word = |group: usize, text: &'static str| Word { text, name: group == 0 };
        let all = |rule: &'static Rule| {
            let groups = rule.keywords().iter().enumerate();
            groups.flat_map(move |(n, group)| group.iter().map(move |text| word(n, text)))
        };
        let mut words: Vec<Word> = rules.iter().flat_map(all).collect();
        words.sort_unstable();
        words.dedup();
        let index =
            |word: Word| words.binary_search(&word).ok().and_then(|n| u16::try_from(n).ok());
        let indices = |(n, group): (usize, &&'static [&'static str])| {
            group.iter().filter_map(|text| index(word(n, text))).collect()
        };
        let groups = rules
            .iter()
            .map(|rule| rule.keywords().iter().enumerate().map(indices).collect())
            .collect();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(words.iter().map(|word| word.text))
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
            let n = found.pattern().as_usize();
            if !self.words[n].name || stands_alone(window, found.range()) {
                seen.0[n >> 6] |= 1 << (n & 63);
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

/// Whether the name at `range` is a word, or begins one, rather than letters that others happen to
/// make.
fn stands_alone(text: &[u8], range: Range<usize>) -> bool {
    let letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphabetic);
    let lower = |at: usize| text.get(at).is_some_and(u8::is_ascii_lowercase);
    let upper = |at: usize| text.get(at).is_some_and(u8::is_ascii_uppercase);
    let (first, last, length) = (range.start, range.end - 1, range.len());
    let hump = |at: usize| at > 0 && upper(at) && lower(at - 1);
    if length <= SHORT_NAME && letter(range.end) && !hump(range.end)
        || length <= BRIEF_NAME && hump(last) && lower(range.end)
    {
        return false;
    }
    length > BRIEF_NAME || hump(first) || shape::open_before(text, first)
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
    fn short_names_stand_alone() {
        assert_eq!(fits("AC_SECRET="), [false, true, true]);
        assert_eq!(fits("back="), [false, false, true]);
        assert_eq!(fits("myAcKey="), [false, true, true]);
        assert_eq!(fits("HIACME_KEY="), [false, false, true]);
        assert_eq!(fits("acmEvent key="), [false, false, true]);
    }

    #[test]
    fn only_the_window_is_read() {
        let far = format!("acme key{}", " ".repeat(WINDOW));
        assert_eq!(fits(&far), [false, false, true]);
    }
}
