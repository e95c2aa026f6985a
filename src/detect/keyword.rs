//! Words close before a candidate.
//!
//! Only the [`WINDOW`] bytes before a candidate are read. At most places in them no word begins, which
//! the first bytes show.

use std::ops::Range;

use super::rule::Rule;
use super::shape;
use super::start::{Starts, eight};

/// Bytes before a candidate in which its words are looked for.
pub(super) const WINDOW: usize = 80;

/// Names no longer than this must not be a part of a longer word: `fb`, `aws`.
const SHORT_NAME: usize = 3;
/// Names no longer than this must not end with another word's hump: `acme` in `acmEvent`.
const BRIEF_NAME: usize = 5;

/// The words of all rules.
pub(super) struct Keywords {
    starts: Starts,
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

impl AsRef<[u8]> for Word {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// The words that one window shows.
#[derive(Default)]
pub(super) struct Seen(Vec<u16>);

impl Seen {
    fn note(&mut self, word: usize) {
        let Ok(word) = u16::try_from(word) else { return };
        if !self.0.contains(&word) {
            self.0.push(word);
        }
    }

    /// The words, each once.
    pub(super) fn words(&self) -> &[u16] {
        &self.0
    }
}

impl Keywords {
    pub(super) fn new(rules: &[&'static Rule]) -> Keywords {
        let word = |group: usize, text: &'static str| Word { text, name: group == 0 };
        let all = |rule: &'static Rule| {
            let groups = rule.keywords().iter().enumerate();
            groups.flat_map(move |(n, group)| group.iter().map(move |text| word(n, text)))
        };
        let mut words: Vec<Word> = rules.iter().copied().flat_map(all).collect();
        words.sort_unstable();
        words.dedup();
        let number =
            |word: Word| words.binary_search(&word).ok().and_then(|n| u16::try_from(n).ok());
        let indices = |(n, group): (usize, &&'static [&'static str])| {
            group.iter().filter_map(|text| number(word(n, text))).collect()
        };
        let groups = rules
            .iter()
            .map(|rule| rule.keywords().iter().enumerate().map(indices).collect())
            .collect();
        let starts = Starts::new(&words);
        Keywords { starts, words, groups }
    }

    /// The words of the rule's first group: one of them must be seen.
    pub(super) fn names(&self, rule: u16) -> &[u16] {
        let groups = self.groups.get(usize::from(rule));
        groups.and_then(|groups| groups.first()).map_or(&[], Vec::as_slice)
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Notes in `seen` the words before `at`; `false` if there are none.
    pub(super) fn look(&self, text: &[u8], at: usize, seen: &mut Seen) -> bool {
        seen.0.clear();
        let window = &text[at.saturating_sub(WINDOW)..at];
        // Behind the window's end, zeros: a word of two letters may stand there.
        let mut lowered = [0; WINDOW + 8];
        lowered[..window.len()].copy_from_slice(window);
        lowered.make_ascii_lowercase();
        for (start, first) in lowered.windows(8).take(window.len()).enumerate() {
            self.starts.find(eight(first), |n| {
                let word = self.words[n];
                let range = start..start + word.text.len();
                if range.end <= window.len()
                    && lowered[range.clone()] == *word.text.as_bytes()
                    && (!word.name || stands_alone(window, range))
                {
                    seen.note(n);
                }
                false
            });
        }
        !seen.0.is_empty()
    }

    /// Whether every group of the rule has a word in `seen`.
    pub(super) fn fit(&self, rule: u16, seen: &Seen) -> bool {
        let groups = self.groups.get(usize::from(rule));
        groups.is_some_and(|groups| {
            groups.iter().all(|group| group.iter().any(|word| seen.0.contains(word)))
        })
    }
}

/// Whether the name at `range` is a word, or begins one, rather than letters that others happen to
/// make.
pub(super) fn stands_alone(text: &[u8], range: Range<usize>) -> bool {
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
    hump(first) || shape::open_before(text, first)
}

#[cfg(test)]
mod tests {
    use super::super::rule::*;
    use super::*;

    static RULES: &[Rule] =
        &[rule(&[&["acme", "quarrystone"], &["token", "key"]]), rule(&[&["ac"]]), rule(&[])];

    const fn rule(keywords: &'static [&'static [&'static str]]) -> Rule {
        Rule {
            id: "r",
            provider: "p",
            class: "c",
            privilege: Privilege::Write,
            consequence: Consequence::Breach,
            confidence: Confidence::Low,
            environment: Environment::Unknown,
            family: Family::Other,
            issuer: Issuer::Unknown,
            source: "",
            revoke: None,
            revoke_call: None,
            keywords,
            pair: None,
            look: Look::Generic,
        }
    }

    fn fits(text: &str) -> Vec<bool> {
        let keywords = Keywords::new(&RULES.iter().collect::<Vec<_>>());
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
        assert_eq!(fits("myAcmeKey="), [true, false, true]);
        assert_eq!(fits("acmEvent key="), [false, false, true]);
    }

    #[test]
    fn long_names_begin_a_word() {
        for text in ["QUARRYSTONE_KEY=", "getQuarrystoneKey=", "quarrystones.key="] {
            assert_eq!(fits(text), [true, false, true], "{text}");
        }
        for text in ["getquarrystone_key=", "3quarrystone_key="] {
            assert_eq!(fits(text), [false, false, true], "{text}");
        }
    }

    #[test]
    fn only_the_window_is_read() {
        let far = format!("acme key{}", " ".repeat(WINDOW));
        assert_eq!(fits(&far), [false, false, true]);
    }
}
