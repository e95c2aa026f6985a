//! What shows itself by a word and not by a run: PEM blocks, passwords in URLs, Basic credentials,
//! assigned passwords.
//!
//! Marks (`marks.rs`) show where one of a few words may begin. Each that does is looked at within its
//! own bounded window.

use std::ops::Range;

use super::candidate::Candidate;
use super::rule::{Confidence, Look, Rule};
use super::shape::Shape;
use super::start::{Starts, eight};
use super::{entropy, keyword, password, runs};

/// A PEM block is no longer; a 16,384-bit RSA key takes some 13 KiB.
const LONGEST_PEM: usize = 32 * 1024;

#[derive(Clone, Copy)]
enum Needle {
    /// A shape begins so: its rule, and how much of the word is lead.
    Shape(u16, &'static Shape, usize),
    Pem,
    Url,
    Basic,
    Password,
}

/// A needle, and where in the word it stands: a word may hold others.
struct Hidden {
    at: Range<usize>,
    needle: Needle,
}

const WORDS: [(&str, Needle); 19] = [
    ("-----BEGIN ", Needle::Pem),
    ("://", Needle::Url),
    ("Basic ", Needle::Basic),
    ("basic ", Needle::Basic),
    ("passw", Needle::Password),
    ("Passw", Needle::Password),
    ("PASS", Needle::Password),
    ("passph", Needle::Password),
    ("Passph", Needle::Password),
    ("pass=", Needle::Password),
    ("pass\"", Needle::Password),
    ("pass'", Needle::Password),
    ("pass:", Needle::Password),
    ("pwd", Needle::Password),
    ("Pwd", Needle::Password),
    ("PWD", Needle::Password),
    ("secret", Needle::Password),
    ("Secret", Needle::Password),
    ("SECRET", Needle::Password),
];

/// What a word shows.
pub(super) enum Shown {
    Candidate(Candidate),
    /// A shape's token; its keywords are still to be looked for.
    Shape(u16, &'static Shape, Range<usize>),
}

/// A word that is searched for.
struct Word {
    text: Vec<u8>,
    /// What it may show.
    hidden: Vec<Hidden>,
}

/// What was looked at already.
#[derive(Default)]
pub(super) struct Heed {
    /// Where the last word ends: words share no bytes.
    word: usize,
    /// Where the last password ends: its name may hold two words, and it is judged once.
    password: usize,
}

/// The words, and the rules that what they show belongs to.
pub(super) struct Needles {
    starts: Starts,
    words: Vec<Word>,
    /// Label, rule, and the words that must stand before; those with words first.
    pem: Vec<(&'static str, u16, &'static [&'static [&'static str]])>,
    url: Option<u16>,
    basic: Option<u16>,
    password: Option<u16>,
}

impl AsRef<[u8]> for Word {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Needles {
    pub(super) fn new(rules: &[&'static Rule]) -> Needles {
        let mut all: Vec<(Vec<u8>, Needle)> =
            WORDS.iter().map(|(word, needle)| (word.as_bytes().to_vec(), *needle)).collect();
        for (rule, n) in rules.iter().zip(0u16..) {
            for shape in rule.shapes() {
                for (literal, lead) in
                    shape.beginnings().filter(|(word, _)| !word.iter().all(|b| runs::is_run(*b)))
                {
                    all.push((literal, Needle::Shape(n, shape, lead)));
                }
            }
        }
        let mut words: Vec<&[u8]> = all.iter().map(|(word, _)| word.as_slice()).collect();
        words.sort_unstable();
        words.dedup();
        // The search says the longest word at a place, and goes on behind it.
        let hidden = |word: &[u8]| -> Vec<Hidden> {
            let within = |(inner, needle): &(Vec<u8>, Needle)| {
                let found = memchr::memmem::find(word, inner)?;
                Some(Hidden { at: found..found + inner.len(), needle: *needle })
            };
            all.iter().filter_map(within).collect()
        };
        let word = |word: &&[u8]| Word { text: word.to_vec(), hidden: hidden(word) };
        let words: Vec<Word> = words.iter().map(word).collect();
        let starts = Starts::new(&words);
        let mut needles =
            Needles { starts, words, pem: Vec::new(), url: None, basic: None, password: None };
        for (rule, n) in rules.iter().zip(0u16..) {
            match rule.look {
                Look::Pem(labels) => {
                    needles.pem.extend(labels.iter().map(|label| (*label, n, rule.keywords())))
                }
                Look::Url => needles.url = Some(n),
                Look::Basic => needles.basic = Some(n),
                Look::Password => needles.password = Some(n),
                #[cfg(feature = "rule-files")]
                Look::Pattern(_) => {}
                Look::Shapes(_) | Look::Bearer | Look::Generic => {}
            }
        }
        needles.pem.sort_by_key(|(_, _, keywords)| keywords.is_empty());
        needles
    }

    /// What is searched for.
    pub(super) fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.words.iter().map(|word| word.text.as_slice())
    }

    /// Gives what the longest word at `at`, if there is one, shows to `found`, and moves `heed` on.
    pub(super) fn look(
        &self,
        text: &[u8],
        at: usize,
        heed: &mut Heed,
        mut found: impl FnMut(Shown),
    ) {
        if at < heed.word {
            return;
        }
        let Some(found_word) = self.word(text, at) else { return };
        heed.word = at + found_word.text.len();
        for Hidden { at: within, needle } in &found_word.hidden {
            let word = at + within.start..at + within.end;
            let shown = match needle {
                Needle::Shape(rule, shape, lead) => {
                    let at = word.start + lead;
                    let range = shape.matches(text, at, word.end - at);
                    if let Some(range) = range {
                        found(Shown::Shape(*rule, shape, range));
                    }
                    None
                }
                Needle::Pem => self.pem(text, word.start, word.end),
                Needle::Url => self.url.zip(password::in_url(text, word.start)),
                Needle::Basic => self.basic.zip(password::in_basic(text, word.end)),
                Needle::Password if word.start < heed.password => None,
                Needle::Password => {
                    let password = password::assigned(text, word);
                    heed.password = password.as_ref().map_or(heed.password, |(range, _)| range.end);
                    self.password.zip(password)
                }
            };
            if let Some((rule, (range, confidence))) = shown {
                found(Shown::Candidate(Candidate { rule, range, confidence, literal: 0 }));
            }
        }
    }

    /// The longest word at `at`.
    fn word(&self, text: &[u8], at: usize) -> Option<&Word> {
        let rest = text.get(at..)?;
        let is_it = |number: usize| rest.starts_with(&self.words[number].text);
        self.starts.find(eight(rest), is_it).map(|number| &self.words[number])
    }

    /// The block whose header begins at `start`; its label begins at `label`.
    fn pem(
        &self,
        text: &[u8],
        start: usize,
        label: usize,
    ) -> Option<(u16, (Range<usize>, Confidence))> {
        let window = &text[..text.len().min(start + LONGEST_PEM)];
        let before = text[start.saturating_sub(keyword::WINDOW)..start].to_ascii_lowercase();
        let has = |word: &&str| memchr::memmem::find(&before, word.as_bytes()).is_some();
        let (name, rule, _) = self.pem.iter().find(|(name, _, keywords)| {
            window[label..]
                .strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.starts_with(b"-----"))
                && keywords.iter().all(|group| group.iter().any(has))
        })?;
        let body = label + name.len() + 5;
        let inside = &window[body..];
        let (inside, end) = match memchr::memmem::find(inside, b"-----") {
            Some(dashes) => {
                let footer = [b"-----END ", name.as_bytes(), b"-----"].concat();
                inside[dashes..]
                    .starts_with(&footer)
                    .then_some((&inside[..dashes], body + dashes + footer.len()))?
            }
            None => {
                let taken = inside.iter().take_while(|b| pem_byte(**b)).count();
                let taken = inside[..taken].trim_ascii_end().len();
                (&inside[..taken], body + taken)
            }
        };
        let letters = inside.iter().filter(|b| b.is_ascii_alphanumeric()).count();
        (letters >= 40 && entropy::distinct(inside) >= 16)
            .then_some((*rule, (start..end, Confidence::High)))
    }
}

fn pem_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte.is_ascii_whitespace()
        || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b':' | b',' | b'-')
}

#[cfg(test)]
mod tests {
    use super::super::Detector;

    /// Words of rules that hold other words hide nothing.
    #[test]
    fn a_word_in_a_word_is_seen() {
        let detector = Detector::new();
        let cases = [
            ("https://deploy:kV9-tr4in-Lq8@db.invalid/main", "url-password"),
            ("db_password=https://deploy:kV9-tr4in-Lq8@db.invalid/main", "url-password"),
        ];
        first_found(&detector, &cases);
    }

    #[test]
    fn words_that_name_passwords() {
        let cases = [
            ("db_passwd = 'kV9-tr4in'", "password"),
            ("vaultPassphrase = 'kV9-tr4in'", "password"),
            ("key.passphrase: kV9-tr4in", "password"),
            ("DB_PWD=kV9-tr4in", "password"),
        ];
        first_found(&Detector::new(), &cases);
    }

    fn first_found(detector: &Detector, cases: &[(&str, &str)]) {
        for (text, rule) in cases {
            let found = detector.scan(text.as_bytes());
            assert_eq!(found.first().map(|finding| finding.rule().id()), Some(*rule), "{text}");
        }
    }
}
