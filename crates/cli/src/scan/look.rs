//! A look at one file.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch::class::Facts;
use stanch::detect::{Budget, Confidence, Detector, Encoding, Finding, Rule, Step};
use stanch::secret::{Preview, Secret};
use zeroize::Zeroizing;

use super::baseline::{Mark, Salt};
use super::{Trouble, allow, archive};
use crate::input;
use crate::outcome::reason;

/// A file is held in memory up to this many bytes. A larger one is looked at in pieces.
const PIECE: usize = 32 << 20;

/// Bytes before and behind a place that may matter to what is found there, and more than the
/// longest token and the context that rules look at.
const MARGIN: usize = 64 << 10;

/// A NUL among this many first bytes makes a file a binary one, as it does for git.
const HEAD: usize = 8000;

/// How to look.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    /// Whether to keep the tokens themselves.
    pub(super) keeps_secrets: bool,
    /// Whether to look at archives as they are, without opening them.
    pub(super) keeps_closed: bool,
    /// What marks of findings are made with, if they are wanted.
    pub(super) salt: Option<Salt>,
}

/// Looks at files, one after the other, in a buffer that it keeps.
pub(super) struct Looker<'d> {
    detector: &'d Detector,
    options: &'d Options,
    piece: usize,
    margin: usize,
    /// Written up to its length; only a part of it may be in use. Holds tokens, so it is zeroed.
    buffer: Zeroizing<Vec<u8>>,
}

/// Something that was looked at, or tried to.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The file; of what is in an archive, the archive's path and the names that lead to it, with
    /// `!` between them.
    pub(crate) path: PathBuf,
    /// What is in it.
    pub(crate) look: Result<Look, Trouble>,
}

/// What is in a file, or in several that have nothing in them.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The findings, by place.
    pub(crate) findings: Vec<Found>,
    /// How many findings the text itself allows.
    pub(crate) allowed: u64,
    /// How many files these are; several only where there are no findings.
    pub(crate) files: u64,
    /// How many of them are no texts.
    pub(crate) binaries: u64,
    /// Their length.
    pub(crate) bytes: u64,
    /// The commit that they are from.
    pub(crate) origin: Option<Arc<Origin>>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its name, in hexadecimal digits.
    pub(crate) commit: String,
    /// When its author wrote it, as RFC 3339 has it, in UTC.
    pub(crate) time: String,
}

impl Look {
    /// Takes in another look that found nothing either.
    pub(super) fn merge(&mut self, other: &Look) {
        self.allowed += other.allowed;
        self.files += other.files;
        self.binaries += other.binaries;
        self.bytes += other.bytes;
    }

    /// Whether the one file is no text.
    pub(crate) fn is_binary(&self) -> bool {
        self.binaries > 0
    }
}

/// A finding with its place in the whole file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rule: &'static Rule,
    pub(crate) confidence: Confidence,
    /// Whether it is half of a pair whose other half is missing.
    pub(crate) half: bool,
    pub(crate) preview: Preview,
    /// The token itself, if it is to be shown.
    pub(crate) secret: Option<Secret>,
    /// What a baseline knows the token by, if there is one.
    pub(crate) mark: Option<Mark>,
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
    /// What is known of the token, to be kept with its imprint.
    pub(crate) fn facts(&self) -> Facts {
        Facts { confidence: self.confidence, half: self.half, ..self.rule.facts() }
    }

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
    /// Looks with `detector`.
    pub(super) fn new(detector: &'d Detector, options: &'d Options) -> Looker<'d> {
        Looker { detector, options, piece: PIECE, margin: MARGIN, buffer: Zeroizing::default() }
    }

    /// Looks at the file at `path`, or at standard input if that is `-`, and at what is packed in
    /// it.
    pub(super) fn look(&mut self, path: &Path) -> Vec<Seen> {
        if input::is_standard(path) {
            return self.stream(path, io::stdin().lock(), 0);
        }
        let opened = File::open(path).and_then(|file| {
            let len = file.metadata()?.len();
            Ok((file, len))
        });
        let (mut file, len) = match opened {
            Ok(opened) => opened,
            Err(error) => return vec![failed(path, &error)],
        };
        // Where the length is known, the end needs no further read to show.
        let known = if len > 0 { len } else { u64::MAX };
        let (filled, ended) = match self.begin(&mut (&file).take(known), len) {
            Ok(begun) => begun,
            Err(error) => return vec![failed(path, &error)],
        };
        // A pipe cannot be rewound.
        match self.is_packed(filled) && file.rewind().is_ok() {
            true => archive::open(self, path, BufReader::new(file)),
            false => self.go_on(path, file, filled, ended),
        }
    }

    /// Looks at what `reader` gives, `len` bytes as far as is known, and at what is packed in it.
    pub(super) fn stream(&mut self, path: &Path, mut reader: impl Read, len: u64) -> Vec<Seen> {
        match self.begin(&mut reader, len) {
            Ok((filled, ended)) => self.go_on(path, reader, filled, ended),
            Err(error) => vec![failed(path, &error)],
        }
    }

    /// Goes on after the first piece of something that cannot be rewound.
    fn go_on(&mut self, path: &Path, reader: impl Read, filled: usize, ended: bool) -> Vec<Seen> {
        let packed = self.is_packed(filled);
        if packed && ended {
            let held = std::mem::take(&mut self.buffer);
            let seen = archive::open(self, path, Cursor::new(&held[..filled]));
            self.buffer = held;
            return seen;
        }
        let look = self.rest(reader, filled, ended);
        let look = look.map_err(|error| Trouble { path: path.to_owned(), why: reason(&error) });
        let mut seen = vec![Seen { path: path.to_owned(), look }];
        if packed {
            let why = format!("a stream of more than {} MiB; not opened", self.piece >> 20);
            seen.push(Trouble { path: path.to_owned(), why }.seen());
        }
        seen
    }

    /// Whether what the buffer begins with is to be opened.
    fn is_packed(&self, filled: usize) -> bool {
        !self.options.keeps_closed && stanch_unpack::is_container(&self.buffer[..filled])
    }

    /// Looks at what `reader` gives as bytes, whatever it is.
    pub(super) fn read(&mut self, mut reader: impl Read, len: u64) -> io::Result<Look> {
        let (filled, ended) = self.begin(&mut reader, len)?;
        self.rest(reader, filled, ended)
    }

    /// Reads the first piece. Says how long it is, and whether that is all.
    fn begin(&mut self, reader: &mut impl Read, len: u64) -> io::Result<(usize, bool)> {
        // One byte more than the file has, so that its end shows without a second buffer.
        let wanted = usize::try_from(len).unwrap_or(usize::MAX).saturating_add(1);
        self.grow(wanted);
        let mut filled = 0;
        let ended = self.fill(reader, &mut filled)?;
        Ok((filled, ended))
    }

    /// Looks at the first piece, and at those behind it.
    fn rest(&mut self, mut reader: impl Read, filled: usize, ended: bool) -> io::Result<Look> {
        let (mut filled, mut ended) = (filled, ended);
        let binary = self.buffer[..filled.min(HEAD)].contains(&0);
        let mut look = Look { files: 1, binaries: binary.into(), ..Look::default() };
        let mut owned = 0;
        let mut base = 0;
        let mut reported = 0;
        let mut place = Place { line: 1, column: 1, character: 1 };
        loop {
            let behind = if ended { filled } else { filled - self.margin };
            let text = &self.buffer[..filled];
            let mut cursor = Way::new(text, place);
            for finding in self.detector.scan_decoded(text, &Budget::default()) {
                let Range { start, end } = finding.range();
                // What is decoded may share its place with others.
                let raw = finding.trail().is_empty();
                if !(owned..behind).contains(&start) || raw && base + (start as u64) < reported {
                    continue;
                }
                reported = if raw { base + end as u64 } else { reported };
                if allow::is_allowed(text, finding.range(), finding.rule().id()) {
                    look.allowed += 1;
                } else {
                    look.findings.push(self.found(&finding, text, base, &mut cursor));
                }
            }
            if ended {
                look.bytes = base + filled as u64;
                return Ok(look);
            }
            // The next piece begins with the margin before what is still to be looked at.
            let kept = behind - self.margin;
            place = Way::new(text, place).advance(kept);
            self.buffer.copy_within(kept..filled, 0);
            filled -= kept;
            base += kept as u64;
            owned = self.margin;
            ended = self.fill(&mut reader, &mut filled)?;
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

    fn found(&self, finding: &Finding, text: &[u8], base: u64, cursor: &mut Way<'_>) -> Found {
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
            half: finding.rule().pair().is_some() && finding.partner().is_none(),
            preview: finding.preview(text),
            secret: self.options.keeps_secrets.then(|| finding.secret(text)),
            mark: self.options.salt.as_ref().map(|salt| salt.mark(finding.secret(text).expose())),
            start: base + range.start as u64,
            end: base + range.end as u64,
            place,
            end_place: cursor.beyond(range.end),
            trail: finding.trail().iter().enumerate().map(step).collect(),
        }
    }
}

/// What is said of a file that cannot be read.
fn failed(path: &Path, error: &io::Error) -> Seen {
    Trouble { path: path.to_owned(), why: reason(error) }.seen()
}

/// Counts lines and columns on the way through a text.
struct Way<'t> {
    text: &'t [u8],
    at: usize,
    place: Place,
    /// The last place that was asked for ahead of the way.
    ahead: (usize, Place),
}

impl Way<'_> {
    fn new(text: &[u8], place: Place) -> Way<'_> {
        Way { text, at: 0, place, ahead: (0, place) }
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

    const OPTIONS: Options = Options { keeps_secrets: true, keeps_closed: false, salt: None };

    fn looker(detector: &Detector, piece: usize, margin: usize) -> Looker<'_> {
        Looker { detector, options: &OPTIONS, piece, margin, buffer: Zeroizing::default() }
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
        assert!(look.is_binary());
        assert_eq!(look.findings.iter().map(|found| found.start).collect::<Vec<_>>(), [3000]);
        let empty = looker(&detector, 1 << 20, 1 << 10).read(&b""[..], 0).unwrap();
        assert_eq!((empty.bytes, empty.is_binary(), empty.findings.len()), (0, false, 0));
    }

    #[test]
    fn a_buffer_does_not_show_what_the_file_before_held() {
        let detector = Detector::new();
        let mut looker = looker(&detector, 1 << 20, 1 << 10);
        assert_eq!(looker.read(TOKEN.as_bytes(), 0).unwrap().findings.len(), 1);
        assert_eq!(looker.read(&b"x"[..], 0).unwrap().findings.len(), 0);
    }
}
