//! A look at one file.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use stanch::detect::{Budget, Confidence, Detector, Encoding, Finding, Rule, Step};
use stanch::secret::{Preview, Secret};
use zeroize::Zeroizing;

use super::Trouble;
use crate::input;
use crate::outcome::reason;

/// A file is held in memory up to this many bytes. A larger one is looked at in pieces.
const PIECE: usize = 32 << 20;

/// Bytes before and behind a place that may matter to what is found there, and more than the
/// longest token and the context that rules look at.
const MARGIN: usize = 64 << 10;

/// A NUL among this many first bytes makes a file a binary one, as it does for git.
const HEAD: usize = 8000;

/// Looks at files, one after the other, in a buffer that it keeps.
pub(super) struct Looker<'d> {
    detector: &'d Detector,
    keeps_secrets: bool,
    piece: usize,
    margin: usize,
    /// Written up to its length; only a part of it may be in use. Holds tokens, so it is zeroed.
    buffer: Zeroizing<Vec<u8>>,
}

/// What is in a file.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The findings, by place.
    pub(crate) findings: Vec<Found>,
    /// The length of the file.
    pub(crate) bytes: u64,
    /// Whether it is no text.
    pub(crate) binary: bool,
}

/// A finding with its place in the whole file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rule: &'static Rule,
    pub(crate) confidence: Confidence,
    pub(crate) preview: Preview,
    /// The token itself, if it is to be shown.
    pub(crate) secret: Option<Secret>,
    /// The token's first byte, and the one behind its last.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Where it begins.
    pub(crate) place: Place,
    /// Where the byte behind its last stands.
    pub(crate) end_place: Place,
    /// What was decoded to come by it, and which bytes: those of the file, then those that the step
    /// before gave.
    pub(crate) trail: Vec<(Encoding, Range<u64>)>,
}

impl Found {
    /// The names of what it is encoded in, outermost first: `gzip > base64`.
    pub(crate) fn trail(&self) -> String {
        self.trail.iter().map(|(encoding, _)| encoding.as_str()).collect::<Vec<_>>().join(" > ")
    }
}

/// A place in a text. All numbers count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    /// In bytes.
    pub(crate) column: u64,
    /// The column in characters of UTF-8; a byte that is not UTF-8 counts as one or none.
    pub(crate) character: u64,
}

impl<'d> Looker<'d> {
    /// Looks with `detector`, and keeps the tokens themselves if asked to.
    pub(super) fn new(detector: &'d Detector, keeps_secrets: bool) -> Looker<'d> {
        Looker {
            detector,
            keeps_secrets,
            piece: PIECE,
            margin: MARGIN,
            buffer: Zeroizing::default(),
        }
    }

    /// Looks at the file at `path`, or at standard input if that is `-`.
    pub(super) fn look(&mut self, path: &Path) -> Result<Look, Trouble> {
        let look = if input::is_standard(path) {
            self.read(io::stdin().lock(), 0)
        } else {
            File::open(path).and_then(|file| {
                let len = file.metadata()?.len();
                self.read(file, len)
            })
        };
        look.map_err(|error| Trouble { path: path.to_owned(), why: reason(&error) })
    }

    /// Looks at what `reader` gives, which is `len` bytes long as far as is known.
    fn read(&mut self, mut reader: impl Read, len: u64) -> io::Result<Look> {
        let mut look = Look::default();
        // One byte more than the file has, so that its end shows without a second buffer.
        let wanted = usize::try_from(len).unwrap_or(usize::MAX).saturating_add(1);
        self.grow(wanted);
        let mut filled = 0;
        let mut owned = 0;
        let mut base = 0;
        let mut reported = 0;
        let mut place = Place { line: 1, column: 1, character: 1 };
        loop {
            let ended = self.fill(&mut reader, &mut filled)?;
            if base == 0 {
                look.binary = self.buffer[..filled.min(HEAD)].contains(&0);
            }
            let behind = if ended { filled } else { filled - self.margin };
            let text = &self.buffer[..filled];
            let mut cursor = Cursor::new(text, place);
            for finding in self.detector.scan_decoded(text, &Budget::default()) {
                let Range { start, end } = finding.range();
                // What is decoded may share its place with others.
                let raw = finding.trail().is_empty();
                if (owned..behind).contains(&start) && (!raw || base + start as u64 >= reported) {
                    look.findings.push(self.found(&finding, text, base, &mut cursor));
                    reported = if raw { base + end as u64 } else { reported };
                }
            }
            if ended {
                look.bytes = base + filled as u64;
                return Ok(look);
            }
            // The next piece begins with the margin before what is still to be looked at.
            let kept = behind - self.margin;
            place = Cursor::new(text, place).advance(kept);
            self.buffer.copy_within(kept..filled, 0);
            filled -= kept;
            base += kept as u64;
            owned = self.margin;
        }
    }

    /// Reads until the buffer holds a whole piece, and says whether the end came before that.
    fn fill(&mut self, reader: &mut impl Read, filled: &mut usize) -> io::Result<bool> {
        while *filled < self.piece {
            if *filled == self.buffer.len() {
                self.grow(*filled * 2);
            }
            match reader.read(&mut self.buffer[*filled..]) {
                Ok(0) => return Ok(true),
                Ok(read) => *filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn grow(&mut self, wanted: usize) {
        let wanted = wanted.max(4096).min(self.piece);
        if self.buffer.len() < wanted {
            self.buffer = input::grown(std::mem::take(&mut self.buffer), wanted);
        }
    }

    fn found(&self, finding: &Finding, text: &[u8], base: u64, cursor: &mut Cursor<'_>) -> Found {
        let range = finding.range();
        let place = cursor.advance(range.start);
        let first = |n: usize| if n == 0 { base } else { 0 };
        let step = |(n, step): (usize, &Step)| {
            let Range { start, end } = step.range();
            (step.encoding(), first(n) + start as u64..first(n) + end as u64)
        };
        Found {
            rule: finding.rule(),
            confidence: finding.confidence(),
            preview: finding.preview(text),
            secret: self.keeps_secrets.then(|| finding.secret(text)),
            start: base + range.start as u64,
            end: base + range.end as u64,
            place,
            end_place: cursor.beyond(range.end),
            trail: finding.trail().iter().enumerate().map(step).collect(),
        }
    }
}

/// Counts lines and columns on the way through a text.
struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
    place: Place,
    /// The last place that was asked for ahead of the way.
    ahead: (usize, Place),
}

impl Cursor<'_> {
    fn new(text: &[u8], place: Place) -> Cursor<'_> {
        Cursor { text, at: 0, place, ahead: (0, place) }
    }

    /// Says the place of the byte `to`, ahead of the way, and stays.
    fn beyond(&mut self, to: usize) -> Place {
        // All that a compressed file holds ends where the file does.
        if self.ahead.0 != to {
            let (at, place) = (self.at, self.place);
            self.ahead = (to, self.advance(to));
            (self.at, self.place) = (at, place);
        }
        self.ahead.1
    }

    /// Goes on to the byte `to`, and says its place.
    fn advance(&mut self, to: usize) -> Place {
        for byte in self.text.get(self.at..to).unwrap_or_default() {
            match byte {
                b'\n' => {
                    self.place = Place { line: self.place.line + 1, column: 1, character: 1 };
                }
                _ => {
                    self.place.column += 1;
                    // The bytes 10xxxxxx go on a character.
                    self.place.character += u64::from(byte & 0xc0 != 0x80);
                }
            }
        }
        self.at = self.at.max(to);
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";

    fn looker(detector: &Detector, piece: usize, margin: usize) -> Looker<'_> {
        Looker { detector, keeps_secrets: true, piece, margin, buffer: Zeroizing::default() }
    }

    fn places(look: &Look) -> Vec<(u64, u64, Place)> {
        look.findings.iter().map(|found| (found.start, found.end, found.place)).collect()
    }

    /// Gives its bytes one by one, and is interrupted now and then.
    struct Slow<'b>(&'b [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.0.read(&mut buffer[..1])
        }
    }

    #[test]
    fn a_file_in_pieces_gives_what_it_gives_as_a_whole() {
        let detector = Detector::new();
        let mut text = String::new();
        for n in 0..60usize {
            text.push_str(&"lorem ipsum ü\n".repeat(n % 7));
            text.push_str(&"wörter ".repeat(n % 11));
            text.push_str(&format!("t = '{TOKEN}'"));
            text.push_str(if n.is_multiple_of(3) { " " } else { "\n" });
        }
        let whole = looker(&detector, 1 << 20, 1 << 10).read(text.as_bytes(), 7).unwrap();
        assert_eq!(whole.findings.len(), 60);
        for piece in [1024, 1025, 1100, 1337, 2000] {
            for len in [0, text.len() as u64] {
                let mut looker = looker(&detector, piece, 256);
                let look = looker.read(Slow(text.as_bytes(), false), len).unwrap();
                assert_eq!(places(&look), places(&whole), "pieces of {piece}");
                assert_eq!(look.bytes, text.len() as u64);
                assert!(looker.buffer.len() <= piece);
            }
        }
    }

    #[test]
    fn places_count_lines_bytes_and_characters() {
        let detector = Detector::new();
        let text = format!("a\nüü '{TOKEN}' é {TOKEN}\n");
        let look = looker(&detector, 1 << 20, 1 << 10).read(text.as_bytes(), 0).unwrap();
        let place = |line, column, character| Place { line, column, character };
        assert_eq!(places(&look), [(8, 48, place(2, 7, 5)), (53, 93, place(2, 52, 49))]);
        assert_eq!(look.findings[1].end_place, place(2, 92, 89));
        assert_eq!(look.findings[0].secret.as_ref().unwrap().expose(), TOKEN.as_bytes());
    }

    #[test]
    fn bytes_of_any_kind_are_looked_at() {
        let detector = Detector::new();
        let mut bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        bytes.extend_from_slice(TOKEN.as_bytes());
        bytes.extend(std::iter::repeat_n(0, 100));
        let look = looker(&detector, 1 << 20, 1 << 10).read(&bytes[..], 0).unwrap();
        assert!(look.binary);
        assert_eq!(look.findings.iter().map(|found| found.start).collect::<Vec<_>>(), [3000]);
        let empty = looker(&detector, 1 << 20, 1 << 10).read(&b""[..], 0).unwrap();
        assert_eq!((empty.bytes, empty.binary, empty.findings.len()), (0, false, 0));
    }

    #[test]
    fn a_buffer_does_not_show_what_the_file_before_held() {
        let detector = Detector::new();
        let mut looker = looker(&detector, 1 << 20, 1 << 10);
        assert_eq!(looker.read(TOKEN.as_bytes(), 0).unwrap().findings.len(), 1);
        assert_eq!(looker.read(&b"x"[..], 0).unwrap().findings.len(), 0);
    }
}
