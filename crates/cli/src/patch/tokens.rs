//! A list of tokens, one a line.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::outcome::{Failure, reason, shown};

/// How much is read of a list whose length is not known before.
const FIRST: usize = 64 << 10;

/// The mark of UTF-8 that some editors write at the start of a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A list of tokens. Its bytes are zeroed when it is dropped, and so was every buffer that held
/// them.
pub(super) struct TokenList {
    /// What to call the list in messages.
    pub(super) name: String,
    bytes: Zeroizing<Vec<u8>>,
}

impl TokenList {
    /// Reads the file at `path`, or standard input if that is `-`.
    pub(super) fn read(path: &Path) -> Result<TokenList, Failure> {
        let (name, bytes) = if path.as_os_str() == "-" {
            ("standard input".to_owned(), drain(io::stdin().lock(), FIRST))
        } else {
            let bytes = File::open(path).and_then(|file| {
                let len = file.metadata()?.len();
                // One byte more, so that the end of the file shows without a second buffer.
                drain(file, usize::try_from(len).unwrap_or(FIRST).saturating_add(1))
            });
            (shown(path), bytes)
        };
        match bytes {
            Ok(bytes) => Ok(TokenList { name, bytes }),
            Err(error) => Err(Failure::named(name, reason(&error))),
        }
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

/// Reads everything into buffers that are zeroed when they are too small and at the end.
fn drain(mut reader: impl Read, first: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; first.max(1)]);
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            let mut larger = Zeroizing::new(vec![0; filled * 2]);
            larger[..filled].copy_from_slice(&bytes);
            bytes = larger;
        }
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => {
                bytes.truncate(filled);
                return Ok(bytes);
            }
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
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

    #[test]
    fn everything_is_read_whatever_was_expected() {
        let text: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        for first in [0, 1, 1000, 100_000, 100_001, 300_000] {
            assert_eq!(*drain(&text[..], first).unwrap(), text);
        }
    }
}
