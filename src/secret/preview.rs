//! What may be shown of a token.

use std::fmt;

/// The first characters and the length of a token: enough for a person to tell which one is meant,
/// not enough to use it.
///
/// At most four characters are shown and never more than a quarter of the token. A byte that is
/// not printable ASCII shows as `.`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Preview {
    start: [u8; Preview::SHOWN],
    shown: u8,
    len: u32,
}

impl Preview {
    /// How many characters are shown at most.
    pub const SHOWN: usize = 4;

    /// The preview of `token`.
    pub fn of(token: &[u8]) -> Preview {
        let mut start = [0; Preview::SHOWN];
        let shown = Preview::SHOWN.min(token.len() / 4);
        for (to, from) in start.iter_mut().zip(&token[..shown]) {
            *to = if from.is_ascii_graphic() { *from } else { b'.' };
        }
        Preview { start, shown: shown as u8, len: u32::try_from(token.len()).unwrap_or(u32::MAX) }
    }

    /// The preview that shows `shown` of a token of `len` bytes; none if no token has it.
    pub(super) fn from_shown(shown: &[u8], len: u32) -> Option<Preview> {
        let most = Preview::SHOWN.min(usize::try_from(len).unwrap_or(usize::MAX) / 4);
        if shown.len() != most || !shown.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut start = [0; Preview::SHOWN];
        start[..shown.len()].copy_from_slice(shown);
        Some(Preview { start, shown: shown.len() as u8, len })
    }

    /// The characters that are shown.
    pub(super) fn shown(&self) -> &[u8] {
        &self.start[..usize::from(self.shown)]
    }

    /// The length of the token in bytes.
    pub fn token_len(&self) -> u32 {
        self.len
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.shown() {
            write!(f, "{}", char::from(*byte))?;
        }
        write!(f, "…({})", self.len)
    }
}

impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_four_characters_and_never_more_than_a_quarter() {
        let cases: [(&[u8], &str); 5] = [
            (b"", "…(0)"),
            (b"abc", "…(3)"),
            (b"abcdefgh", "ab…(8)"),
            (b"sk_live_4eC39HqLyjWDarjt", "sk_l…(24)"),
            (b"a\nb\xffcdefghijklmnop", "a.b.…(18)"),
        ];
        for (token, shown) in cases {
            assert_eq!(Preview::of(token).to_string(), shown);
        }
    }
}
