//! The form of a token, declared piece by piece and matched without backtracking.
//!
//! A shape reads: after `lead` (not part of the secret) and `head`, one of the `prefixes`, then all
//! `parts` in their order. The build refuses a shape whose parts could share a byte in two ways, so
//! that one greedy walk over at most the shape's length decides.

use std::ops::Range;

use super::checksum::Checksum;

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteSet(pub(super) [u64; 4]);

impl ByteSet {
    pub(super) const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }
}

impl std::fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries((0..=255u8).filter(|b| self.contains(*b)).map(char::from)).finish()
    }
}

/// One piece of a shape.
#[derive(Debug)]
pub(super) enum Part {
    /// These bytes.
    Literal(&'static [u8]),
    /// `min..=max` bytes of the set, as many as there are.
    Class { set: ByteSet, min: u16, max: u16 },
}

impl Part {
    fn shortest(&self) -> usize {
        match self {
            Part::Literal(bytes) => bytes.len(),
            Part::Class { min, .. } => usize::from(*min),
        }
    }

    /// Where the part ends if it begins at `at`.
    fn forward(&self, text: &[u8], at: usize) -> Option<usize> {
        match self {
            Part::Literal(bytes) => text.get(at..)?.starts_with(bytes).then(|| at + bytes.len()),
            Part::Class { set, min, max } => {
                let rest = text.get(at..)?;
                let limit = rest.len().min(usize::from(*max));
                let taken = rest[..limit].iter().take_while(|b| set.contains(**b)).count();
                (taken >= usize::from(*min)).then_some(at + taken)
            }
        }
    }

    /// Where the part begins if it ends at `end`.
    fn backward(&self, text: &[u8], end: usize) -> Option<usize> {
        let before = text.get(..end)?;
        match self {
            Part::Literal(bytes) => before.ends_with(bytes).then(|| end - bytes.len()),
            Part::Class { set, min, max } => {
                let limit = before.len().min(usize::from(*max));
                let taken =
                    before.iter().rev().take(limit).take_while(|b| set.contains(**b)).count();
                (taken >= usize::from(*min)).then_some(end - taken)
            }
        }
    }
}

/// The form of a token.
#[derive(Debug)]
pub(super) struct Shape {
    /// Stands before the token without belonging to it.
    pub(super) lead: &'static [u8],
    /// Belongs to the token and stands before the prefix.
    pub(super) head: &'static [Part],
    /// How the token (after its head) begins; empty if it has no beginning of its own.
    pub(super) prefixes: &'static [&'static [u8]],
    /// What follows.
    pub(super) parts: &'static [Part],
    /// What the token's last characters are computed from.
    pub(super) checksum: Option<Checksum>,
    /// Whether it holds lower case, upper case and digits: a hash in hexadecimal does not.
    pub(super) mixed: bool,
    /// The fewest bytes from the prefix to the end.
    pub(super) shortest: u16,
}

impl Shape {
    /// Each literal with which the shape begins, and how much of it is lead.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = (Vec<u8>, usize)> {
        const ALONE: &[&[u8]] = &[b""];
        let prefixes = match self.prefixes {
            [] if self.lead.is_empty() => &[],
            [] => ALONE,
            prefixes => prefixes,
        };
        prefixes.iter().map(|prefix| ([self.lead, prefix].concat(), self.lead.len()))
    }

    /// Whether the token has no beginning of its own.
    pub(super) fn is_bare(&self) -> bool {
        self.lead.is_empty() && self.prefixes.is_empty()
    }

    /// The fewest bytes of the head.
    pub(super) fn head_len(&self) -> usize {
        self.head.iter().map(Part::shortest).sum()
    }

    /// The token's range if its prefix begins at `at`, `prefix` bytes long.
    ///
    /// `at` is behind the lead. Looks at no more bytes than the shape is long, and three before it.
    pub(super) fn matches(&self, text: &[u8], at: usize, prefix: usize) -> Option<Range<usize>> {
        let mut start = at;
        for part in self.head.iter().rev() {
            start = part.backward(text, start)?;
        }
        let outside = &text[..start - self.lead.len()];
        // What follows a name and a full stop is a part of that name: a file's ending, a field.
        let field = matches!(outside, [.., before, b'.'] if before.is_ascii_alphanumeric());
        if field || !open_before(text, outside.len()) {
            return None;
        }
        let mut end = at + prefix;
        for part in self.parts {
            end = part.forward(text, end)?;
        }
        match self.parts.last() {
            Some(Part::Class { set, .. }) => {
                if set.contains(b'.') {
                    // A full stop at the end belongs to the sentence.
                    while end > at && text[end - 1] == b'.' {
                        end -= 1;
                    }
                }
                if end - at < usize::from(self.shortest) || !closed_after(text, end, set) {
                    return None;
                }
            }
            _ => {
                let letters = text[..end].last().is_some_and(u8::is_ascii_alphanumeric);
                if letters && text.get(end).is_some_and(u8::is_ascii_alphanumeric) {
                    return None;
                }
            }
        }
        if self.mixed && !is_mixed(&text[start..end]) {
            return None;
        }
        Some(start..end)
    }
}

fn is_mixed(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_lowercase)
        && token.iter().any(u8::is_ascii_uppercase)
        && token.iter().any(u8::is_ascii_digit)
}

/// Whether a token may begin at `at`: no letter or digit stands before it, unless an escape ends
/// there.
pub(super) fn open_before(text: &[u8], at: usize) -> bool {
    let before = &text[..at.min(text.len())];
    let [.., last] = before else { return true };
    if !last.is_ascii_alphanumeric() {
        return true;
    }
    match before {
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [.., b'\\', b'u', b'0', b'0', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        _ => false,
    }
}

/// Whether a token of the alphabet `set` may end at `end`: what follows does not continue it.
fn closed_after(text: &[u8], end: usize, set: &ByteSet) -> bool {
    match text.get(end) {
        None => true,
        Some(next) if next.is_ascii_alphanumeric() => false,
        Some(b'=') => true,
        Some(next) if set.contains(*next) => {
            // A separator that nothing follows is punctuation.
            !text.get(end + 1).is_some_and(u8::is_ascii_alphanumeric)
        }
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: ByteSet = ByteSet([0x03ff_0000_0000_0000, 0, 0, 0]);
    const FOUR: &[Part] = &[Part::Class { set: DIGITS, min: 4, max: 4 }];

    fn shape(head: &'static [Part]) -> Shape {
        Shape {
            lead: b"",
            head,
            prefixes: &[b"no_"],
            parts: FOUR,
            checksum: None,
            mixed: false,
            shortest: 7,
        }
    }

    #[test]
    fn a_prefix_and_its_digits() {
        let text = b"x no_1234.";
        assert_eq!(shape(&[]).matches(text, 2, 3), Some(2..9));
    }

    #[test]
    fn too_long_too_short_and_glued() {
        assert_eq!(shape(&[]).matches(b"no_12345", 0, 3), None);
        assert_eq!(shape(&[]).matches(b"no_123", 0, 3), None);
        assert_eq!(shape(&[]).matches(b"xno_1234", 1, 3), None);
        assert_eq!(shape(&[]).matches(b"x.no_1234", 2, 3), None);
    }

    #[test]
    fn an_escape_before_the_token_is_no_letter() {
        assert_eq!(shape(&[]).matches(b"a\\nno_1234", 3, 3), Some(3..10));
        assert_eq!(shape(&[]).matches(b"a%3Dno_1234", 4, 3), Some(4..11));
        assert_eq!(shape(&[]).matches(b"\\u003dno_1234", 6, 3), Some(6..13));
    }

    #[test]
    fn a_head_is_read_backwards() {
        const HEAD: &[Part] = &[Part::Class { set: DIGITS, min: 2, max: 3 }, Part::Literal(b":")];
        assert_eq!(shape(HEAD).matches(b"(12:no_1234)", 4, 3), Some(1..11));
        assert_eq!(shape(HEAD).matches(b"(1:no_1234)", 3, 3), None);
        assert_eq!(shape(HEAD).matches(b"1234:no_1234", 5, 3), None);
    }
}
