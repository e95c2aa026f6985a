//! A list of tokens, one a line.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use stanch::secret::Secret;
use zeroize::Zeroizing;

use crate::input;
use crate::outcome::{Failure, reason};

/// The class of tokens of which nothing else is known.
const CLASS: &str = "listed";

/// How much is read of a list at a time.
const PIECE: usize = 64 << 10;

/// The mark of UTF-8 that some editors write at the start of a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A list of tokens that can be read more than once. Every buffer that held some of it is zeroed.
pub(super) struct TokenList {
    /// What to call the list in messages.
    pub(super) name: String,
    content: Content,
}

enum Content {
    /// A file, read piece by piece.
    File(File),
    /// What can be read only once.
    Held(Zeroizing<Vec<u8>>),
}

/// The tokens of a list with the numbers of their lines, from 1, without the space around them.
/// Blank lines have a number but no token.
pub(super) struct Tokens<'l> {
    name: &'l str,
    reader: Box<dyn Read + 'l>,
    /// What was read and not yet taken is `bytes[from..to]`.
    bytes: Zeroizing<Vec<u8>>,
    from: usize,
    to: usize,
    line: u64,
}

impl TokenList {
    /// Opens the file at `path`, or reads standard input if that is `-`.
    pub(super) fn open(path: &Path) -> Result<TokenList, Failure> {
        let name = input::name(path);
        // Only what is a file can be read again.
        let is_file = !input::is_standard(path) && fs::metadata(path).is_ok_and(|it| it.is_file());
        let content = match is_file {
            true => File::open(path)
                .map(Content::File)
                .map_err(|error| Failure::named(&name, reason(&error)))?,
            false => Content::Held(input::read(path, u64::MAX)?),
        };
        Ok(TokenList { name, content })
    }

    /// How many lines there are, blank ones among them.
    pub(super) fn lines(&self) -> Result<usize, Failure> {
        let mut tokens = self.tokens()?;
        let mut lines = 1;
        while tokens.fill()? {
            lines += tokens.bytes[..tokens.to].iter().filter(|byte| **byte == b'\n').count();
            tokens.from = tokens.to;
        }
        Ok(lines)
    }

    /// The tokens, from the first one on.
    pub(super) fn tokens(&self) -> Result<Tokens<'_>, Failure> {
        let reader: Box<dyn Read> = match &self.content {
            Content::Held(bytes) => Box::new(&bytes[..]),
            Content::File(file) => {
                let mut file = file;
                file.rewind().map_err(|error| Failure::named(&self.name, reason(&error)))?;
                Box::new(file)
            }
        };
        let bytes = Zeroizing::new(vec![0; PIECE]);
        Ok(Tokens { name: &self.name, reader, bytes, from: 0, to: 0, line: 0 })
    }
}

impl Tokens<'_> {
    /// Reads on, and says whether there was more. The buffer grows if nothing of it was taken.
    fn fill(&mut self) -> Result<bool, Failure> {
        self.bytes.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        if self.to == self.bytes.len() {
            let larger = 2 * self.bytes.len();
            self.bytes = input::grown(std::mem::take(&mut self.bytes), larger);
        }
        match read(&mut self.reader, &mut self.bytes[self.to..]) {
            Ok(read) => {
                self.to += read;
                Ok(read > 0)
            }
            Err(error) => Err(Failure::named(self.name, reason(&error))),
        }
    }

    /// The next line as a token; `None` behind the last one.
    fn line(&mut self) -> Result<Option<Secret>, Failure> {
        let mut looked = 0;
        let end = loop {
            let rest = &self.bytes[self.from..self.to];
            match rest[looked..].iter().position(|byte| *byte == b'\n') {
                Some(at) => break looked + at,
                None => looked = rest.len(),
            }
            if !self.fill()? {
                break looked;
            }
        };
        if self.from + end == self.to && end == 0 {
            return Ok(None);
        }
        self.line += 1;
        let line = &self.bytes[self.from..self.from + end];
        let line = if self.line == 1 { line.strip_prefix(MARK).unwrap_or(line) } else { line };
        let token = Secret::new(CLASS, line.trim_ascii());
        self.from = (self.from + end + 1).min(self.to);
        Ok(Some(token))
    }
}

impl Iterator for Tokens<'_> {
    type Item = Result<(u64, Secret), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.line() {
                Ok(Some(token)) if token.is_empty() => {}
                Ok(token) => return token.map(|token| Ok((self.line, token))),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Reads once, however often a signal interrupts that.
fn read(reader: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn list(text: &[u8]) -> TokenList {
        TokenList { name: "list".into(), content: Content::Held(Zeroizing::new(text.to_vec())) }
    }

    fn tokens(list: &TokenList) -> Vec<(u64, String)> {
        let tokens = list.tokens().unwrap().map(|token| {
            let (line, token) = token.unwrap();
            (line, String::from_utf8_lossy(token.expose()).into())
        });
        tokens.collect()
    }

    #[test]
    fn lines_are_counted_and_blank_ones_skipped() {
        let expected = [(1, "one".to_owned()), (4, "two".to_owned()), (5, "three".to_owned())];
        for text in [
            "one\n\n  \ntwo\nthree",
            "one\r\n\r\n\t\r\n two \r\nthree\r\n",
            "\u{feff}one\n\n\ntwo\nthree\n",
        ] {
            let list = list(text.as_bytes());
            assert_eq!(tokens(&list), expected);
            assert_eq!(tokens(&list), expected, "a second time");
        }
        assert_eq!(tokens(&list(b"\n \n")), []);
        assert_eq!(tokens(&list(b"")), []);
        assert_eq!(list(b"one\n\ntwo").lines().unwrap(), 3);
    }

    #[test]
    fn a_file_gives_the_lines_that_its_content_has() {
        let lengths = [20, 0, PIECE - 22, 3, PIECE, 5 * PIECE + 1, 1, 40, PIECE - 1, 7];
        let lines = lengths.map(|len| "x".repeat(len));
        let text = lines.join("\n");
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let expected: Vec<(u64, String)> =
            (1..).zip(lines).filter(|(_, line)| !line.is_empty()).collect();
        let list = TokenList::open(file.path()).unwrap();
        for _ in 0..2 {
            assert_eq!(list.lines().unwrap(), lengths.len());
            assert!(tokens(&list) == expected);
        }
    }
}
