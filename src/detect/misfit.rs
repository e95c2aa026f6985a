//! Values that nearly have a known form: cut off, or with a beginning that is misspelt.
//!
//! Whoever writes `acme_key = …` means a token of Acme, and if the rules say what those look like, a
//! value that is nearly such a token is a mutilated one: it opens nothing. A value that is quite
//! different may be of a form that no rule knows, and stays.

use std::ops::Range;
use std::sync::OnceLock;

use super::context;
use super::name;
use super::prefix::Prefixes;
use super::rule::{Look, Rule};
use super::shape::{ByteSet, Part, Shape};

/// Shorter words name nobody: they stand in other words.
const SHORTEST_NAME: usize = 4;
/// A name of an issuer is made of no more words: `have_i_been_pwned`.
const MOST_WORDS: usize = 4;
/// Shorter beginnings are met by chance.
const SHORTEST_PREFIX: usize = 3;
/// As many bytes of a beginning show whose form it is, whatever the name says.
const TELLING_PREFIX: usize = 4;

/// The issuers by their names, gathered when first asked for.
#[derive(Default)]
pub(super) struct Misfits {
    names: OnceLock<Vec<(String, u16)>>,
}

impl Misfits {
    /// Whether the value at `range` nearly has a form of the issuer whose name it is assigned to, or
    /// begins as tokens of a rule do and ends too early.
    pub(super) fn hold(
        &self,
        rules: &[&'static Rule],
        prefixes: &Prefixes,
        text: &[u8],
        range: Range<usize>,
    ) -> bool {
        let value = &text[range.clone()];
        if is_cut(prefixes, text, range.clone()) {
            return true;
        }
        let Some(assigned) = context::assignment(text, range.start) else { return false };
        let names = self.names.get_or_init(|| names(rules));
        let mut forms = Vec::new();
        for word in spoken(&text[assigned.name]) {
            let first = names.partition_point(|(name, _)| *name < word);
            let same = names[first..].iter().take_while(|(name, _)| *name == word);
            // Some rules go by words such as `secret_key`, which name nobody.
            let same = same.filter(|_| !name::is_secret(word.as_bytes()));
            let found = same.filter_map(|(_, n)| rules.get(usize::from(*n)));
            forms.extend(found.flat_map(|rule| rule.shapes()));
        }
        nearly(&forms, value)
    }
}

/// The names of issuers, ascending, each with the rules that it is a name of.
fn names(rules: &[&'static Rule]) -> Vec<(String, u16)> {
    let mut all = Vec::new();
    for (rule, n) in rules.iter().zip(0u16..) {
        if !matches!(rule.look, Look::Shapes(_)) || rule.provider() == "Any" {
            continue;
        }
        let words = rule.keywords().first().copied().unwrap_or_default();
        for word in words.iter().chain([&rule.provider()]) {
            // Some are called as their site: `bunny.net`.
            let word = word.rsplit_once('.').map_or(*word, |(name, _)| name);
            let plain: String = word
                .bytes()
                .filter(u8::is_ascii_alphanumeric)
                .map(|b| char::from(b.to_ascii_lowercase()))
                .collect();
            if plain.len() >= SHORTEST_NAME {
                all.push((plain, n));
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// What neighbouring words of `name` spell together: of `acmeApiKey` it is `acme`, `acmeapi`, `api`…
fn spoken(name: &[u8]) -> Vec<String> {
    let words = name::words(name);
    let mut all = Vec::new();
    for start in 0..words.len() {
        let mut word = String::new();
        for part in words.iter().skip(start).take(MOST_WORDS) {
            word.push_str(part);
            if word.len() >= SHORTEST_NAME {
                all.push(word.clone());
            }
        }
    }
    all
}

/// Whether the value begins as tokens of some rule do that are all longer, but not twice as long: what
/// is shorter still is of another kind.
fn is_cut(prefixes: &Prefixes, text: &[u8], range: Range<usize>) -> bool {
    let telling = |prefix: usize| {
        prefix >= TELLING_PREFIX
            && text[range.start..range.start + prefix]
                .last()
                .is_some_and(|b| matches!(b, b'_' | b'-' | b'.'))
    };
    let mut shortest: Option<usize> = None;
    prefixes.at(text, range.start, |entry| {
        if entry.lead == 0 && telling(entry.prefix) {
            let least = usize::from(entry.shape.shortest);
            shortest = Some(shortest.map_or(least, |known| known.min(least)));
        }
    });
    shortest.is_some_and(|shortest| range.len() < shortest && 2 * range.len() >= shortest)
}

/// Whether `value` nearly has one of the forms.
fn nearly(forms: &[&Shape], value: &[u8]) -> bool {
    let known = |shape: &&Shape| drawn(shape).is_some_and(|(_, length)| length == value.len());
    if forms.iter().any(known) {
        return false;
    }
    let begun = || {
        let begun = forms.iter().filter(|shape| shape.lead.is_empty() && shape.head.is_empty());
        let all = begun.flat_map(|shape| shape.prefixes.iter().map(move |prefix| (shape, *prefix)));
        all.filter(|(_, prefix)| prefix.len() >= SHORTEST_PREFIX)
    };
    // Where beginnings differ by one character, as `ghp_` and `gho_` do, another may be a new sibling.
    let sibling = |prefix: &[u8]| begun().any(|(_, other)| is_misspelt(prefix, other));
    forms.iter().any(|shape| is_short(shape, value))
        || begun().any(|(shape, prefix)| is_off(shape, prefix, value))
        || begun().any(|(_, prefix)| is_misspelt(prefix, value) && !sibling(prefix))
}

/// Whether the value is drawn from the form's alphabet, and shorter by a fifth at least, but not by
/// more than half. What is nearly as long may be of an older make.
fn is_short(shape: &Shape, value: &[u8]) -> bool {
    drawn(shape).is_some_and(|(set, length)| {
        5 * value.len() <= 4 * length
            && 2 * value.len() >= length
            && value.iter().all(|b| set.contains(*b))
    })
}

/// The alphabet and the length of a form that is nothing else.
fn drawn(shape: &Shape) -> Option<(&ByteSet, usize)> {
    match shape.parts {
        [Part::Class { set, min, max }] if shape.is_bare() && min == max => {
            Some((set, usize::from(*min)))
        }
        _ => None,
    }
}

/// Whether the value begins with `prefix` and is too short, or in the wrong case.
fn is_off(shape: &Shape, prefix: &[u8], value: &[u8]) -> bool {
    if !value.starts_with(prefix) {
        return false;
    }
    let shortest = usize::from(shape.shortest);
    let short = value.len() < shortest && 2 * value.len() >= shortest;
    let recast = |case: fn(&u8) -> u8| {
        let body = value[prefix.len()..].iter().map(case);
        let value: Vec<u8> = prefix.iter().copied().chain(body).collect();
        shape.matches(&value, 0, prefix.len()) == Some(0..value.len())
    };
    short || recast(u8::to_ascii_lowercase) || recast(u8::to_ascii_uppercase)
}

/// Whether `value` begins with `prefix` but for one character, which is another or not there.
fn is_misspelt(prefix: &[u8], value: &[u8]) -> bool {
    let same = prefix.iter().zip(value).take_while(|(a, b)| a == b).count();
    if same == prefix.len() || same == 0 {
        return false;
    }
    let rest = &prefix[same + 1..];
    let another = value.get(same + 1..).is_some_and(|value| value.starts_with(rest));
    let missing = !rest.is_empty() && value[same..].starts_with(rest);
    another || missing
}

#[cfg(test)]
mod tests {
    use super::super::Detector;
    use super::*;

    const HEX: &str = "4f5c1a7e9d3b2c8806af1e5d7b9c3a2e4f60718293a4b5c6d7e8f90a1b2c3d4e";
    const BODY: &str = "w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";

    fn found(name: &str, value: &str) -> bool {
        let text = format!("{name} = \"{value}\"");
        !Detector::new().scan(text.as_bytes()).is_empty()
    }

    /// Deepgram's keys are forty hexadecimal digits.
    #[test]
    fn too_short_for_the_issuer() {
        for name in ["deepgram_key", "DEEPGRAM_API_KEY", "myDeepgramApiKey"] {
            assert!(!found(name, &HEX[..32]) && !found(name, &HEX[..24]), "{name}");
            assert!(found(name, &HEX[..40]) && found(name, &HEX[..36]), "{name}");
        }
        assert!(found("acme_key", &HEX[..32]));
        assert!(found("deepgram_key", &BODY[..32]));
    }

    #[test]
    fn too_short_for_the_beginning() {
        assert!(!found("acme_token", &format!("ghp_{}", &BODY[..30])));
        assert!(found("acme_token", &format!("ghp_{BODY}")));
        assert!(found("acme_token", &format!("ghp_{BODY}q2W8")));
        assert!(found("acme_token", &format!("ghp_{}", &BODY[..14])));
    }

    #[test]
    fn a_beginning_misspelt() {
        for prefix in ["pplz-", "ppx-", "plx-", "pplx_"] {
            assert!(!found("perplexity_key", &format!("{prefix}{BODY}")), "{prefix}");
            assert!(found("acme_key", &format!("{prefix}{BODY}")), "{prefix}");
        }
        assert!(found("perplexity_key", &format!("q{BODY}")));
        // A new sibling of `ghp_` and `gho_`.
        assert!(found("github_token", &format!("ghq_{BODY}")));
    }

    /// Sentry writes hexadecimal in lower case.
    #[test]
    fn the_other_case() {
        let upper = format!("sntryu_{}", HEX.to_ascii_uppercase());
        assert!(!found("sentry_token", &upper));
        assert!(found("acme_token", &upper));
        assert!(found("sentry_token", &format!("sntryu_{HEX}")));
    }

    #[test]
    fn one_character_another_or_missing() {
        let misspelt = |value: &str| is_misspelt(b"key_", value.as_bytes());
        assert!(misspelt("kay_1") && misspelt("ky_1") && misspelt("key-1"));
        assert!(!misspelt("key_1") && !misspelt("abc_1") && !misspelt("k") && !misspelt(""));
    }
}
