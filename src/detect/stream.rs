//! A text that comes in pieces.
//!
//! What has come is held in a buffer. When that is full it is scanned, and what stands before a
//! *seam* is given and let go. A seam is a place near which nothing was recognised and no run of token
//! characters stands, so that no finding behind it depends on what was recognised before; what the
//! rules read before a token stays in the buffer.

use std::ops::Range;

use zeroize::Zeroizing;

use super::decode::Budget;
use super::detector::Detector;
use super::finding::Finding;
use super::{keyword, pair, runs};

/// The most bytes that a stream holds.
const ROOM: usize = 256 << 10;
/// What is recognised this close to the end of what has come may go on behind it: more than a PEM
/// block of 32 KiB, the longest that rules recognise.
const AHEAD: usize = 40 << 10;
/// As many bytes before a token are kept as rules look at: parts of a shape up to 4 KiB, names and
/// keywords.
const BEHIND: usize = 8 << 10;
/// On either side of a seam nothing is recognised within as many bytes: the halves of a pair stand
/// this far apart.
const QUIET: usize = pair::WINDOW + 2 * keyword::WINDOW;

/// A scan of a text that comes in pieces.
///
/// Its findings are those of [`Detector::scan`] or [`Detector::scan_decoded`] over the whole text, however
/// it is cut: the same rules, places, lines, columns, confidences, partners and trails. They come late,
/// when enough of the text behind them is known, and in order. However a text is cut, its findings
/// are the same in any case.
///
/// A stream holds no more than 256 KiB of the text, zeroed when it is dropped. So it cannot see the
/// whole of what is longer: in a run of token characters of more than 8 KiB without a gap, in something
/// encoded of more than 40 KiB, and where for more than 100 KiB no two of these stand a kibibyte and a half
/// apart, a finding may be missed, be one more, or lack its partner. What is compressed as a whole, from the
/// text's first byte on, is inflated as far as the first 256 KiB of it go.
///
/// ```
/// use stanch::detect::Detector;
///
/// let detector = Detector::new();
/// let mut stream = detector.stream();
/// let mut findings = Vec::new();
/// for piece in [&b"token = ghp_w3tR7kQx9ZbN4m"[..], b"Vc8YhD2pLs6JfG1a0ETuXo\n"] {
///     stream.feed(piece, |finding, _| findings.push(finding.range()));
/// }
/// stream.finish(|finding, token| {
///     assert_eq!(token.len(), 40);
///     findings.push(finding.range());
/// });
/// assert_eq!(findings, [8..48]);
/// ```
pub struct DetectorStream<'d> {
    detector: &'d Detector,
    budget: Budget,
    buffer: Zeroizing<Vec<u8>>,
    sizes: Sizes,
    /// Where in the buffer that begins of which the findings have not been given.
    fresh: usize,
    /// The place of the buffer's first byte in the text.
    base: usize,
    /// The lines that end before the buffer, and how many bytes of the buffer's first line do.
    lines: u64,
    columns: u64,
    /// How many findings have been given.
    given: usize,
}

#[derive(Clone, Copy)]
struct Sizes {
    room: usize,
    ahead: usize,
    behind: usize,
    quiet: usize,
}

impl Detector {
    /// A scan of a text that comes in pieces, as it stands: [`scan`](Detector::scan) in pieces.
    pub fn stream(&self) -> DetectorStream<'_> {
        self.stream_decoded(&Budget::default().depth(0))
    }

    /// A scan of a text that comes in pieces, and of what is encoded in it:
    /// [`scan_decoded`](Detector::scan_decoded) in pieces. `budget` is that of each 256 KiB of the text.
    pub fn stream_decoded(&self, budget: &Budget) -> DetectorStream<'_> {
        let sizes = Sizes { room: ROOM, ahead: AHEAD, behind: BEHIND, quiet: QUIET };
        DetectorStream::sized(self, *budget, sizes)
    }
}

impl<'d> DetectorStream<'d> {
    fn sized(detector: &'d Detector, budget: Budget, sizes: Sizes) -> DetectorStream<'d> {
        DetectorStream {
            detector,
            budget,
            buffer: Zeroizing::new(Vec::with_capacity(sizes.room)),
            sizes,
            fresh: 0,
            base: 0,
            lines: 0,
            columns: 0,
            given: 0,
        }
    }

    /// Goes on with `piece`. Gives to `visit` each finding that is certain by now, with its token, decoded:
    /// [`Finding::secret`] would want the whole text.
    pub fn feed(&mut self, mut piece: &[u8], mut visit: impl FnMut(Finding, &[u8])) {
        while !piece.is_empty() {
            let free = self.sizes.room - self.buffer.len();
            let (now, later) = piece.split_at(free.min(piece.len()));
            self.buffer.extend_from_slice(now);
            piece = later;
            if self.buffer.len() == self.sizes.room {
                self.settle(&mut visit);
            }
        }
    }

    /// Ends the text, and gives to `visit` the findings that are left.
    pub fn finish(mut self, mut visit: impl FnMut(Finding, &[u8])) {
        let (findings, _) = self.scan();
        let end = self.buffer.len();
        self.give(findings, end, &mut visit);
    }

    /// What is found in the buffer, and what of it was recognised or decoded.
    fn scan(&self) -> (Vec<Finding>, Vec<Range<usize>>) {
        self.detector.scan_noting(&self.buffer, &self.budget, self.base == 0)
    }

    /// Gives what stands before a seam, and makes room.
    fn settle(&mut self, visit: &mut impl FnMut(Finding, &[u8])) {
        let (findings, taken) = self.scan();
        let seam = self.seam(&taken);
        self.give(findings, seam, visit);
        let gone = seam.saturating_sub(self.sizes.behind);
        let text = &self.buffer[..gone];
        match memchr::memrchr(b'\n', text) {
            Some(last) => {
                self.lines += memchr::memchr_iter(b'\n', text).count() as u64;
                self.columns = (gone - last - 1) as u64;
            }
            None => self.columns += gone as u64,
        }
        self.base += gone;
        self.fresh = seam - gone;
        self.buffer.copy_within(gone.., 0);
        let left = self.buffer.len() - gone;
        self.buffer.truncate(left);
    }

    /// The last place before which everything is certain and may go. `taken` are the bytes of all
    /// that was recognised, by their first.
    fn seam(&self, taken: &[Range<usize>]) -> usize {
        let Sizes { room, ahead, quiet, .. } = self.sizes;
        let last = room - ahead;
        let mut end = last;
        for range in taken.iter().rev() {
            if range.start < end + quiet && range.end + quiet > end {
                end = range.start.saturating_sub(quiet);
            }
        }
        let calm = |at: &usize| self.buffer.get(*at).is_some_and(|b| !runs::is_run(*b));
        // Half of the buffer is to be free, lest it be scanned over and over.
        let found = (last / 2..=end).rev().find(calm);
        // Nowhere: then somewhere.
        let forced = || (last / 2..=last).rev().find(calm).unwrap_or(last);
        found.unwrap_or_else(forced)
    }

    fn give(
        &mut self,
        findings: Vec<Finding>,
        seam: usize,
        visit: &mut impl FnMut(Finding, &[u8]),
    ) {
        let before = findings.partition_point(|finding| finding.start < self.fresh);
        let mut count = 0;
        for mut finding in findings.into_iter().skip(before).take_while(|f| f.start < seam) {
            let token = finding.range();
            if finding.line == 1 {
                finding.column += self.columns;
            }
            finding.line += self.lines;
            finding.start += self.base;
            finding.end += self.base;
            let partner = |place: usize| (place + self.given).checked_sub(before);
            finding.partner = finding.partner.and_then(partner);
            count += 1;
            if let Some(step) = finding.trail.first_mut() {
                step.range.start += self.base;
                step.range.end += self.base;
            }
            match finding.decoded.clone() {
                Some(secret) => visit(finding, secret.expose()),
                None => visit(finding, self.buffer.get(token).unwrap_or_default()),
            }
        }
        self.given += count;
    }
}

impl std::fmt::Debug for DetectorStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DetectorStream")
            .field("at", &(self.base + self.buffer.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Sizes = Sizes { room: 8192, ahead: 2048, behind: 1024, quiet: QUIET };

    type Seen = (&'static str, Range<usize>, u64, u64, Option<usize>);

    fn raw() -> Budget {
        Budget::default().depth(0)
    }

    fn seen(finding: &Finding) -> Seen {
        (finding.rule().id(), finding.range(), finding.line(), finding.column(), finding.partner())
    }

    #[test]
    fn a_small_buffer_gives_what_the_whole_text_gives() {
        let detector = Detector::new();
        let mut text = Vec::new();
        for n in 0..300usize {
            text.extend(b"lorem ipsum\n".repeat(n * 7 % 131));
            text.extend(b"dolor sit amet ".repeat(n * 5 % 97));
            text.extend(match n % 4 {
                0 => &b"t = 'ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo'"[..],
                1 => b"id,secret\nAKIAQ7MZT4XKV2NDW5RJ,q8Zr2LmX0vTc5NbW9dKsH3jP/6yGfEaU1oRi+4Bn",
                2 => b"db = http://app:k9-Wq2mV@db.invalid ",
                _ => b"password = 'm0ss&Lz81!'\r\n",
            });
        }
        let whole: Vec<Seen> = detector.scan(&text).iter().map(seen).collect();
        assert!(whole.len() >= 300);
        for length in [1, 7, 1000, 8191, 8192, 8193, text.len()] {
            let mut stream = DetectorStream::sized(&detector, raw(), SMALL);
            let mut all = Vec::new();
            let mut note = |finding: Finding, token: &[u8]| {
                assert_eq!(token, &text[finding.range()]);
                all.push(seen(&finding));
            };
            for piece in text.chunks(length) {
                stream.feed(piece, &mut note);
                assert!(stream.buffer.len() < SMALL.room && stream.buffer.capacity() == SMALL.room);
            }
            stream.finish(&mut note);
            assert_eq!(all, whole, "pieces of {length}");
        }
    }

    #[test]
    fn without_a_seam_it_goes_on() {
        let detector = Detector::new();
        for unit in [&b"a"[..], b"password='k9-Wq2', ", b"http://a:k9-Wq2@b ", b"ghp_"] {
            let text = unit.repeat(100_000 / unit.len());
            let mut stream = DetectorStream::sized(&detector, raw(), SMALL);
            let mut end = 0;
            let mut note = |finding: Finding, _: &[u8]| {
                assert!(finding.range().start >= end, "findings are out of order");
                end = finding.range().start;
            };
            stream.feed(&text, &mut note);
            assert!(stream.buffer.len() < SMALL.room);
            stream.finish(note);
        }
    }
}
