//! A list of tokens, one a line.

use std::path::Path;

use zeroize::Zeroizing;

use crate::input;
use crate::outcome::Failure;

/// The mark of UTF-8 that some editors write at the start of a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A list of tokens. Its bytes are zeroed when it is dropped.
pub(super) struct TokenList {
    /// What to call the list in messages.
    pub(super) name: String,
    bytes: Zeroizing<Vec<u8>>,
}

impl TokenList {
    /// Reads the file at `path`, or standard input if that is `-`.
    pub(super) fn read(path: &Path) -> Result<TokenList, Failure> {
        Ok(TokenList { name: input::name(path), bytes: input::read(path, u64::MAX)? })
    }

    /// The tokens with the numbers of their lines, from 1, without the space around them. Blank
    /// lines have a number but no token.
    pub(super) fn tokens(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let bytes = self.bytes.strip_prefix(MARK).unwrap_or(&self.bytes);
        bytes
            .split(|byte| *byte == b'\n')
            .zip(1..)
            .map(|(line, number)| (number, line.trim_ascii()))
            .filter(|(_, token)| !token.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &[u8]) -> Vec<(u64, String)> {
        let list = TokenList { name: "list".into(), bytes: Zeroizing::new(text.to_vec()) };
        list.tokens().map(|(line, token)| (line, String::from_utf8_lossy(token).into())).collect()
    }

    #[test]
    fn lines_are_counted_and_blank_ones_skipped() {
        let expected = [(1, "one".to_owned()), (4, "two".to_owned()), (5, "three".to_owned())];
        assert_eq!(tokens(b"one\n\n  \ntwo\nthree"), expected);
        assert_eq!(tokens(b"one\r\n\r\n\t\r\n two \r\nthree\r\n"), expected);
        assert_eq!(tokens(b"\xef\xbb\xbfone\n\n\ntwo\nthree\n"), expected);
        assert_eq!(tokens(b"\n \n"), []);
    }
}
