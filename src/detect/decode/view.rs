//! A text in which something has been decoded, and the way back from its bytes to the encoded ones.

use std::ops::Range;

use zeroize::Zeroizing;

use super::trail::Encoding;
use super::{digits, escape, utf16};

/// Something that was decoded, within a view.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) encoding: Encoding,
    /// For UTF-16: the big end first.
    pub(super) big: bool,
    /// Whether it reads as text throughout.
    pub(super) plain: bool,
    /// Its bytes in the text.
    pub(super) outer: Range<usize>,
    /// Its bytes in the view.
    pub(super) inner: Range<usize>,
}

/// A part of a text with pieces of it decoded; what stands around and between them stands for
/// itself. Holds tokens, so it is zeroed.
#[derive(Default)]
pub(super) struct View {
    pub(super) text: Zeroizing<Vec<u8>>,
    /// In the order of both texts.
    pub(super) pieces: Vec<Piece>,
    /// The part of the text; what is decoded of it may end earlier.
    pub(super) outer: Range<usize>,
    /// Whether what stands around the pieces is only a frame for them, and not of the text. Then the
    /// text says of the pieces that they are encoded, and they are nothing else.
    pub(super) framed: bool,
}

impl View {
    /// The bytes of the text that it depends on: all of its part, but for UTF-16, of which all that is in a
    /// text comes together.
    pub(super) fn taken(&self) -> Vec<Range<usize>> {
        match self.pieces.first() {
            Some(piece) if piece.encoding == Encoding::Utf16 => {
                self.pieces.iter().map(|piece| piece.outer.clone()).collect()
            }
            _ => vec![self.outer.clone()],
        }
    }

    /// The first piece that shares bytes with `inner`.
    pub(super) fn piece(&self, inner: &Range<usize>) -> Option<&Piece> {
        let first = self.pieces.partition_point(|piece| piece.inner.end <= inner.start);
        self.pieces.get(first).filter(|piece| piece.inner.start < inner.end)
    }

    /// A way back to `outer`, the text that the view is of.
    pub(super) fn way_back<'v>(&'v self, outer: &'v [u8]) -> WayBack<'v> {
        WayBack { view: self, outer, piece: usize::MAX, written: 0, given: 0 }
    }
}

/// Goes back from bytes of a view to those of its text. Quick if the places only grow.
pub(super) struct WayBack<'v> {
    view: &'v View,
    outer: &'v [u8],
    /// The piece in which the cursor stands, and where: after `written` of its bytes, which give
    /// `given` (for Base64: digits).
    piece: usize,
    written: usize,
    given: usize,
}

impl WayBack<'_> {
    /// The bytes of the text from which those at `inner` were made.
    pub(super) fn outer(&mut self, inner: &Range<usize>) -> Range<usize> {
        let start = self.edge(inner.start, false);
        let cursor = (self.piece, self.written, self.given);
        let end = self.edge(inner.end.max(inner.start + 1) - 1, true);
        (self.piece, self.written, self.given) = cursor;
        start..end.max(start)
    }

    /// Where that which makes the byte at `inner` begins, or, with `behind`, where it ends.
    fn edge(&mut self, inner: usize, behind: bool) -> usize {
        let pieces = &self.view.pieces;
        let next = pieces.partition_point(|piece| piece.inner.start <= inner);
        let Some(n) = next.checked_sub(1) else {
            return self.view.outer.start + inner + usize::from(behind);
        };
        let Some(piece) = pieces.get(n) else { return self.view.outer.start };
        if inner >= piece.inner.end {
            return piece.outer.end + (inner - piece.inner.end) + usize::from(behind);
        }
        let at = inner - piece.inner.start;
        let encoded = self.outer.get(piece.outer.clone()).unwrap_or_default();
        let wanted = match piece.encoding {
            Encoding::Gzip | Encoding::Zlib | Encoding::Deflate => {
                return if behind { piece.outer.end } else { piece.outer.start };
            }
            Encoding::Hex => return piece.outer.start + 2 * (at + usize::from(behind)),
            Encoding::Base64 | Encoding::Base64Url => (8 * at + if behind { 7 } else { 0 }) / 6,
            _ => at,
        };
        if n != self.piece || wanted < self.given {
            (self.piece, self.written, self.given) = (n, 0, 0);
        }
        while self.written < encoded.len() {
            let (written, given) = match piece.encoding {
                Encoding::Utf16 => {
                    let unit = utf16::unit(encoded, self.written, piece.big);
                    (unit.written, unit.bytes().len())
                }
                encoding if encoding.is_escape() => {
                    let unit = escape::unit(encoding, encoded, self.written);
                    (unit.written, unit.bytes().len())
                }
                _ => (1, usize::from(digits::is_digit(encoded[self.written]))),
            };
            if self.given + given > wanted {
                return piece.outer.start + self.written + if behind { written } else { 0 };
            }
            self.written += written;
            self.given += given;
        }
        piece.outer.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(encoding: Encoding, outer: Range<usize>, inner: Range<usize>, len: usize) -> View {
        let piece = Piece { encoding, big: false, plain: true, outer, inner };
        View { pieces: vec![piece], outer: 2..len, ..View::default() }
    }

    /// Encoding, text, the piece of it, its bytes in the view; then ranges of the view, each with that
    /// of the text.
    type Case = (Encoding, &'static [u8], Range<usize>, Range<usize>, &'static [[usize; 4]]);

    #[test]
    fn bytes_go_back_to_those_that_make_them() {
        let cases: [Case; 6] = [
            (
                Encoding::Hex,
                b"..k=676870.",
                4..10,
                2..5,
                &[[0, 1, 2, 3], [2, 4, 4, 8], [4, 6, 8, 11]],
            ),
            (
                Encoding::Base64,
                b"..Zm9v\n YmFy,",
                2..12,
                0..6,
                &[[0, 1, 2, 4], [1, 4, 3, 10], [6, 7, 12, 13]],
            ),
            (
                Encoding::Percent,
                b"..a%3Db",
                2..7,
                0..3,
                &[[0, 1, 2, 3], [1, 2, 3, 6], [2, 3, 6, 7]],
            ),
            (
                Encoding::Json,
                b"..\\u00fcb",
                2..9,
                0..3,
                &[[0, 2, 2, 8], [1, 2, 2, 8], [2, 3, 8, 9]],
            ),
            (
                Encoding::Utf16,
                b"..a\0\xfc\0b\0",
                2..8,
                0..4,
                &[[0, 1, 2, 4], [1, 3, 4, 6], [3, 4, 6, 8]],
            ),
            (Encoding::Gzip, b"........", 2..8, 0..90, &[[7, 9, 2, 8]]),
        ];
        for (encoding, text, outer, inner, pairs) in cases {
            let view = view(encoding, outer, inner, text.len());
            let mut back = view.way_back(text);
            for order in [pairs.to_vec(), pairs.iter().rev().copied().collect()] {
                for [from, to, start, end] in order {
                    assert_eq!(back.outer(&(from..to)), start..end, "{encoding} {from}..{to}");
                }
            }
        }
    }

    #[test]
    fn the_piece_that_a_range_touches() {
        let view = view(Encoding::Hex, 4..10, 2..5, 11);
        for (inner, touches) in [(0..2, false), (0..3, true), (4..9, true), (5..9, false)] {
            assert_eq!(view.piece(&inner).is_some(), touches, "{inner:?}");
        }
    }
}
