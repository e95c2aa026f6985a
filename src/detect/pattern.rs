//! Patterns: regular expressions, for forms that shapes cannot say.
//!
//! A pattern is tried near a word of its rule's first group and nowhere else: around the end of each such
//! word lies a *window*, bounded in bytes and by the words that stand around it. So a text without the
//! words costs no more than the search for them, and a text full of them costs a bounded number of
//! looks at each byte. A window depends on nothing but what stands near by, so neither do findings.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look as Border};

use super::candidate::Candidate;
use super::rule::{Confidence, Look, Rule};
use super::{keyword, value};

/// No pattern is longer, in bytes.
const LONGEST: usize = 1024;
/// No pattern is heavier, in bytes and classes that it may match one after the other, repetitions written
/// out.
const HEAVIEST: usize = 2000;
/// Groups in groups: a bound on the depth of what reads a pattern.
const DEEPEST: u32 = 32;
/// What the heaviest pattern compiles to has room in it, in bytes; a test says so.
const COMPILED: usize = 2 << 20;

/// A window begins so many bytes before the end of its word, and ends so many bytes behind it.
const BEFORE: usize = 256;
const BEHIND: usize = 512;
/// A window holds no more than so many other words on either side. So a byte is in twice as many windows
/// at most.
const NEIGHBOURS: usize = 2;
/// In one window no more matches are looked for. So a byte is given to a pattern 32 times at most.
const MATCHES: usize = 8;
/// The words that lead to a pattern are so long, in bytes.
const WORD: Range<usize> = 3..65;

/// One rule's pattern, compiled when it is needed for the first time.
pub(super) struct Pattern {
    text: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The pattern that `text` is, of a rule with these words.
    ///
    /// # Errors
    ///
    /// Why it may not be, in a sentence's part.
    pub(super) fn new(text: &str, words: &[Vec<String>]) -> Result<Pattern, String> {
        let names = words.first().ok_or("a pattern needs keywords")?;
        if let Some(word) = names.iter().find(|word| !WORD.contains(&word.len())) {
            let (least, most) = (WORD.start, WORD.end - 1);
            return Err(format!(
                "a pattern's first keywords have {least} to {most} bytes, unlike {word:?}"
            ));
        }
        check(text)?;
        Ok(Pattern { text: text.to_owned(), regex: OnceLock::new() })
    }

    /// What is matched with. `check` has let through only what compiles.
    fn regex(&self) -> Option<&Regex> {
        let compile = || {
            RegexBuilder::new(&self.text)
                .unicode(false)
                .multi_line(true)
                .nest_limit(DEEPEST)
                .size_limit(COMPILED)
                .build()
                .ok()
        };
        self.regex.get_or_init(compile).as_ref()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

/// The rules that have patterns, and the search for their words.
pub(super) struct Patterns {
    /// Nothing if no rule has a pattern.
    words: Option<AhoCorasick>,
    /// For each word those of `all` that it leads to.
    users: Vec<Vec<usize>>,
    all: Vec<Entry>,
}

/// A rule with a pattern, and its number.
struct Entry {
    number: u16,
    rule: &'static Rule,
    pattern: &'static Pattern,
}

impl Patterns {
    pub(super) fn new(rules: &[&'static Rule]) -> Patterns {
        let entry = |(rule, number): (&&'static Rule, u16)| match rule.look {
            Look::Pattern(pattern) => Some(Entry { number, rule, pattern }),
            _ => None,
        };
        let all: Vec<Entry> = rules.iter().zip(0..).filter_map(entry).collect();
        let mut words: Vec<&str> = all.iter().flat_map(Entry::names).copied().collect();
        words.sort_unstable();
        words.dedup();
        let users = |word: &&str| {
            let uses = |(at, entry): (usize, &Entry)| entry.names().contains(word).then_some(at);
            all.iter().enumerate().filter_map(uses).collect()
        };
        let users = words.iter().map(users).collect();
        let automaton = || {
            AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .ascii_case_insensitive(true)
                .build(&words)
                .ok()
        };
        Patterns { words: (!words.is_empty()).then(automaton).flatten(), users, all }
    }

    /// Gives what the patterns match in `text` to `found`.
    pub(super) fn look(&self, text: &[u8], mut found: impl FnMut(Candidate)) {
        let Some(words) = &self.words else { return };
        let mut places: Vec<Places> = self.all.iter().map(|_| Places::default()).collect();
        for hit in words.find_overlapping_iter(text) {
            if !keyword::stands_alone(text, hit.range()) {
                continue;
            }
            for user in self.users.get(hit.pattern().as_usize()).into_iter().flatten() {
                if let (Some(places), Some(entry)) = (places.get_mut(*user), self.all.get(*user))
                    && let Some(window) = places.next(hit.end())
                {
                    entry.look(text, window, &mut found);
                }
            }
        }
        for (places, entry) in places.iter_mut().zip(&self.all) {
            while let Some(window) = places.rest() {
                entry.look(text, window, &mut found);
            }
        }
    }
}

impl Entry {
    fn names(&self) -> &'static [&'static str] {
        self.rule.keywords().first().copied().unwrap_or_default()
    }

    /// Gives what the pattern matches in `window` of `text` to `found`.
    fn look(&self, text: &[u8], window: Range<usize>, found: &mut impl FnMut(Candidate)) {
        let window = window.start..window.end.min(text.len());
        let inside = &text[window.clone()];
        let Some(regex) = self.pattern.regex().filter(|_| self.has_words(inside)) else { return };
        for captures in regex.captures_iter(inside).take(MATCHES) {
            let (Some(whole), Some(token)) = (captures.get(0), captures.iter().last().flatten())
            else {
                continue;
            };
            // What touches the border of a window may go on behind it.
            let is_cut = whole.start() == 0 && window.start > 0
                || whole.end() == inside.len() && window.end < text.len();
            if is_cut || token.is_empty() || value::is_filler(token.as_bytes()) {
                continue;
            }
            let confidence = match value::is_documentation(token.as_bytes()) {
                true => Confidence::Low,
                false => self.rule.confidence(),
            };
            let range = window.start + token.start()..window.start + token.end();
            found(Candidate { rule: self.number, range, confidence, literal: 0 });
        }
    }

    /// Whether each group of words but the first, which has led here, has one in the window.
    fn has_words(&self, window: &[u8]) -> bool {
        let [_, further @ ..] = self.rule.keywords() else { return true };
        if further.is_empty() {
            return true;
        }
        let lowered = window.to_ascii_lowercase();
        let has = |word: &&str| memchr::memmem::find(&lowered, word.as_bytes()).is_some();
        further.iter().all(|group| group.iter().any(has))
    }
}

/// Where words of one rule have ended so far: as many as a window can depend on.
#[derive(Default)]
struct Places {
    ends: VecDeque<usize>,
    /// How many of them have had their windows.
    done: usize,
}

impl Places {
    /// Takes the end of a word; the window that is certain by now, if one is.
    fn next(&mut self, end: usize) -> Option<Range<usize>> {
        // Words that end at one place are one.
        if self.ends.back() != Some(&end) {
            self.ends.push_back(end);
        }
        (self.ends.len() - self.done > NEIGHBOURS).then(|| self.window()).flatten()
    }

    /// The next of the windows that are left when the text has ended.
    fn rest(&mut self) -> Option<Range<usize>> {
        self.window()
    }

    fn window(&mut self) -> Option<Range<usize>> {
        let end = *self.ends.get(self.done)?;
        let mut window = end.saturating_sub(BEFORE)..end.saturating_add(BEHIND);
        if let Some(before) = self.done.checked_sub(NEIGHBOURS).and_then(|at| self.ends.get(at)) {
            window.start = window.start.max(*before);
        }
        if let Some(behind) = self.ends.get(self.done + NEIGHBOURS) {
            window.end = window.end.min(*behind);
        }
        self.done += 1;
        while self.done > NEIGHBOURS {
            self.ends.pop_front();
            self.done -= 1;
        }
        Some(window)
    }
}

/// Why `text` may not be a pattern, if so.
fn check(text: &str) -> Result<(), String> {
    if text.len() > LONGEST {
        return Err(format!("a pattern has no more than {LONGEST} bytes"));
    }
    let mut parser = ParserBuilder::new();
    parser.unicode(false).utf8(false).multi_line(true).nest_limit(DEEPEST);
    let pattern = parser.build().parse(text).map_err(|error| match error {
        regex_syntax::Error::Parse(error) => {
            format!("pattern, byte {}: {}", error.span().start.offset, error.kind())
        }
        regex_syntax::Error::Translate(error) => {
            format!("pattern, byte {}: {}", error.span().start.offset, error.kind())
        }
        _ => "it is no pattern".to_owned(),
    })?;
    if pattern.properties().explicit_captures_len() > 1 {
        return Err("a pattern has one group that captures, the token, or none".into());
    }
    match group(&pattern).unwrap_or(&pattern).properties().minimum_len() {
        None => return Err("a pattern that nothing matches".into()),
        Some(0) => return Err("what a pattern finds must not be empty".into()),
        Some(_) => {}
    }
    match weight(&pattern)? {
        weight if weight > HEAVIEST => Err(format!(
            "a pattern may match {HEAVIEST} characters one after the other at most, repetitions written \
             out; this is {weight}"
        )),
        _ => Ok(()),
    }
}

/// What the group that captures holds.
fn group(pattern: &Hir) -> Option<&Hir> {
    match pattern.kind() {
        HirKind::Capture(capture) => Some(&capture.sub),
        HirKind::Repetition(repetition) => group(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(group),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

/// How much a pattern is once its repetitions are written out.
fn weight(pattern: &Hir) -> Result<usize, String> {
    const UNICODE: &str = "a pattern is of bytes: Unicode's classes and borders are not there";
    let sum = |parts: &[Hir]| -> Result<usize, String> {
        parts.iter().try_fold(0, |all: usize, part| Ok(all.saturating_add(weight(part)?)))
    };
    Ok(match pattern.kind() {
        HirKind::Empty => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => 1 + class.ranges().len() / 8,
        // Single characters between which there is a choice become such a class.
        HirKind::Class(Class::Unicode(class)) if class.is_ascii() => 1 + class.ranges().len() / 8,
        HirKind::Class(Class::Unicode(_)) => return Err(UNICODE.into()),
        HirKind::Look(
            Border::WordUnicode
            | Border::WordUnicodeNegate
            | Border::WordStartUnicode
            | Border::WordEndUnicode
            | Border::WordStartHalfUnicode
            | Border::WordEndHalfUnicode,
        ) => return Err(UNICODE.into()),
        HirKind::Look(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            weight(&repetition.sub)?.saturating_mul(usize::try_from(times).unwrap_or(usize::MAX))
        }
        HirKind::Capture(capture) => weight(&capture.sub)?.saturating_add(1),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Detector, RuleFile};
    use super::*;

    fn words(names: &[&str]) -> Vec<Vec<String>> {
        vec![names.iter().map(|name| (*name).to_owned()).collect()]
    }

    /// A detector with one rule more, and the rule's pattern.
    fn detector(pattern: &str, keywords: &str) -> (Detector, &'static Pattern) {
        let file = RuleFile::parse(&format!(
            "[[rule]]\nid = \"acme-key\"\nprovider = \"Acme\"\nclass = \"Acme key\"\n\
             privilege = \"write\"\nconsequence = \"breach\"\nconfidence = \"high\"\n\
             source = \"https://acme.example\"\nkeywords = {keywords}\npattern = '''{pattern}'''\n\
             positives = [\"«a»\", \"«b»\"]\nnegatives = [\"a\", \"b\"]\n"
        ))
        .unwrap();
        let Look::Pattern(pattern) = file.rules()[0].look else { panic!("no pattern") };
        (Detector::with_rules(&file), pattern)
    }

    fn found(detector: &Detector, text: &str) -> Vec<String> {
        let own = |finding: &super::super::Finding| finding.rule().id() == "acme-key";
        let all = detector.scan(text.as_bytes()).into_iter().filter(own);
        all.map(|finding| text[finding.range()].to_owned()).collect()
    }

    #[test]
    fn the_group_or_the_whole_is_the_token() {
        let (whole, _) = detector(r"\b[a-z]{4}(?:-[0-9]{3}){2}\b", r#"[["acme"]]"#);
        assert_eq!(found(&whole, "acme id: qwer-123-456, else"), ["qwer-123-456"]);
        assert_eq!(found(&whole, "id: qwer-123-456 of ACME"), ["qwer-123-456"]);
        assert_eq!(found(&whole, "acmes qwer-123-4567"), Vec::<String>::new());
        let (group, _) = detector(r"^acme:(?:\w+):([0-9a-f]{4,8})$", r#"[["acme"]]"#);
        assert_eq!(found(&group, "a\nacme:me:0a1b2c\nacme:you:0a1b2\n"), ["0a1b2c", "0a1b2"]);
        assert_eq!(found(&group, "a acme:me:0a1b2c"), Vec::<String>::new());
    }

    #[test]
    fn without_a_word_nothing_is_compiled() {
        let (detector, pattern) = detector("[a-z]{4}-[0-9]{4}", r#"[["acme"]]"#);
        for text in ["qwer-1234", "acm qwer-1234", "pacmen qwer-1234"] {
            assert_eq!(found(&detector, text), Vec::<String>::new());
            assert!(pattern.regex.get().is_none());
        }
        assert_eq!(found(&detector, "Acme: qwer-1234"), ["qwer-1234"]);
        assert!(pattern.regex.get().is_some());
    }

    #[test]
    fn each_further_group_needs_a_word_in_the_window() {
        let (detector, _) = detector("[a-z]{4}-[0-9]{4}", r#"[["acme"], ["vault", "safe"]]"#);
        assert_eq!(found(&detector, "acme qwer-1234"), Vec::<String>::new());
        assert_eq!(found(&detector, "acme qwer-1234 is for the Safe"), ["qwer-1234"]);
    }

    #[test]
    fn a_window_ends() {
        let (detector, _) = detector("[a-z]{4}-[0-9]{4}", r#"[["acme"]]"#);
        let behind = |far: usize| format!("acme{}qwer-1234 ", " ".repeat(far));
        assert_eq!(found(&detector, &behind(BEHIND - 10)), ["qwer-1234"]);
        // What touches the border is not looked at, even if it would be whole.
        assert_eq!(found(&detector, &behind(BEHIND - 9)), Vec::<String>::new());
        let before = |far: usize| format!(" qwer-1234{}acme", " ".repeat(far));
        assert_eq!(found(&detector, &before(BEFORE - 14)), ["qwer-1234"]);
        assert_eq!(found(&detector, &before(BEFORE - 13)), Vec::<String>::new());
        // At the text's own borders there is nothing behind.
        assert_eq!(found(&detector, "qwer-1234 acme"), ["qwer-1234"]);
        assert_eq!(found(&detector, "acme qwer-1234"), ["qwer-1234"]);
    }

    #[test]
    fn many_words_and_many_matches() {
        let (detector, _) = detector("[a-z]{4}-[0-9]{4}", r#"[["acme"]]"#);
        assert_eq!(found(&detector, &format!("{}qwer-1234 ", "acme ".repeat(50))), ["qwer-1234"]);
        assert_eq!(found(&detector, &"acme qwer-1234 ".repeat(30)).len(), 30);
        assert_eq!(found(&detector, &format!("acme {}", "qwer-1234 ".repeat(30))).len(), MATCHES);
    }

    #[test]
    fn a_byte_is_in_a_bounded_number_of_windows() {
        for step in [1, 3, 40, 100, 1000] {
            let mut places = Places::default();
            let mut windows = Vec::new();
            for end in (1..200usize).map(|n| n * step) {
                windows.extend(places.next(end));
                windows.extend(places.next(end));
                assert!(places.ends.len() <= 2 * NEIGHBOURS + 1);
            }
            windows.extend(std::iter::from_fn(|| places.rest()));
            assert_eq!(windows.len(), 199);
            for byte in 0..200 * step {
                let holding = windows.iter().filter(|window| window.contains(&byte)).count();
                assert!(holding <= 2 * NEIGHBOURS, "{holding} windows hold {byte} of {step}");
            }
        }
    }

    #[test]
    fn filler_is_dropped_and_documentation_is_unsure() {
        let (detector, _) = detector("acme-([a-z]{10,})", r#"[["acme"]]"#);
        assert_eq!(found(&detector, "acme-xxxxxxxxxxxxxxxx"), Vec::<String>::new());
        let text = "acme-qjexampleqzu";
        let sure: Vec<_> = detector.scan(text.as_bytes()).iter().map(|f| f.confidence()).collect();
        assert_eq!(sure, [Confidence::Low]);
    }

    #[test]
    fn what_may_be_a_pattern() {
        let cases = [
            ("acme-(", "pattern, byte 5: unclosed group"),
            ("(a)(b)", "one group that captures"),
            ("a*", "must not be empty"),
            (r"\b", "must not be empty"),
            ("a|", "must not be empty"),
            ("acme([0-9]*)", "must not be empty"),
            ("[a&&b]", "nothing matches"),
            ("a{2001}", "this is 2001"),
            ("(?:[a-f]{60}){60}", "this is 3600"),
            ("(?u)é.", "Unicode"),
            (r"(?u:a\b)", "nicode"),
            (r"\p{Greek}", "nicode"),
            (&"(?:".repeat(40), "byte"),
            (&format!("{}a{}", "(?:".repeat(40), ")".repeat(40)), "nest"),
            (&"a".repeat(LONGEST + 1), "no more than 1024 bytes"),
        ];
        for (text, expected) in cases {
            let said = check(text).err().unwrap_or_default();
            assert!(said.contains(expected), "{text}: {said:?}");
        }
        assert!(Pattern::new("abc", &[]).is_err());
        assert!(Pattern::new("abc", &words(&["ab"])).is_err());
        assert!(Pattern::new("abc", &words(&["abc", &"a".repeat(65)])).is_err());
        assert!(Pattern::new("abc", &words(&["abc"])).is_ok());
    }

    #[test]
    fn what_may_be_compiles() {
        let heavy = [
            "a{2000}".to_owned(),
            "[a-zA-Z0-9_.~+/=-]{2000}".to_owned(),
            format!(
                "[{}]{{100}}",
                (b'!'..=b'z').step_by(2).map(|b| format!("\\x{b:x}")).collect::<String>()
            ),
            "(?:a?b?c?d?e?f?g?h?i?j?){199}k".to_owned(),
            "(?:(?:a|b|c|d){1,20}-){25}".to_owned(),
            r"(?i)\bacme[\w-]{1,1900}\b".to_owned(),
            "(?s:.{1,1999})".to_owned(),
        ];
        for text in heavy {
            check(&text).unwrap_or_else(|said| panic!("{text}: {said}"));
            let pattern = Pattern { text, regex: OnceLock::new() };
            assert!(pattern.regex().is_some(), "{pattern:?}");
        }
    }
}
