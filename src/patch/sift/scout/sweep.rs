//! Goes fast through whole texts, to see which have leads and where the next one is.
//!
//! Every row has certain bytes at certain distances from its end: two of the four letters of each of
//! its groups. A sweep asks for no more than these, which takes little more than an intersection for
//! each distance; rows that only seem to be some are rare. It goes on with what it knows of the word
//! of 64 bytes before, so that rows go over the ends of words.

use super::{DIGIT, ESCAPE, FIRST, INNER, Map, SECOND, Scout, UPPER};
#[cfg(target_arch = "x86_64")]
use super::{avx2, wide};
use crate::secret::Engine;

/// How far the start of a lead is at most before the byte at which it is seen.
const ROW: usize = 23;

// What a sweep knows of a byte: classes of `Scout`, and these. The bit of `SECOND` is the one behind that
// of `FIRST`.
/// The letter that stands for zero in base64.
pub(super) const ZERO: u8 = 4;
pub(super) const SWEEP_DIGIT: u8 = 8;
pub(super) const SWEEP_UPPER: u8 = 16;

/// A byte of a list of texts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) text: usize,
    pub(super) at: usize,
}

/// What is seen in a word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Where the word starts.
    pub(super) place: Place,
    /// Where rows end.
    pub(super) rows: Map,
    /// Where escapes may start.
    pub(super) escapes: Map,
}

/// The classes of 64 bytes, a bit for each byte.
#[derive(Clone, Copy, Default)]
pub(super) struct Word {
    pub(super) first: Map,
    pub(super) second: Map,
    pub(super) zero: Map,
    pub(super) escapes: Map,
    pub(super) digit: Map,
    pub(super) upper: Map,
}

impl Scout {
    /// A byte at or behind `from` before which `text` has no lead; none if there is no lead at all.
    /// `inner` as for [`look`](Scout::look).
    #[inline]
    pub(in crate::patch) fn find(&self, text: &[u8], from: usize, inner: bool) -> Option<usize> {
        let Seen { place, rows, escapes } =
            self.seen(&[text.get(from..)?], inner, Place::default())?;
        let row = (place.at + rows.trailing_zeros() as usize).saturating_sub(ROW);
        let escape = place.at + escapes.trailing_zeros() as usize;
        let first = match (rows, escapes) {
            (0, _) => escape,
            (_, 0) => row,
            _ => row.min(escape),
        };
        Some(from + first)
    }

    /// Which of `texts`, of which there are no more than 64, may have a lead: a bit for each. What an
    /// escape may start with counts if `is_escape` says so of the text with this number and of the
    /// place in it, which moves on in each text.
    #[inline]
    pub(in crate::patch) fn sweep(
        &self,
        texts: &[&[u8]],
        is_escape: &mut dyn FnMut(usize, usize) -> bool,
    ) -> u64 {
        let mut found = 0;
        let mut from = Place::default();
        while let Some(Seen { place, rows, mut escapes }) = self.seen(texts, false, from) {
            let mut is_lead = rows != 0;
            while escapes != 0 && !is_lead {
                is_lead = is_escape(place.text, place.at + escapes.trailing_zeros() as usize);
                escapes &= escapes - 1;
            }
            found |= u64::from(is_lead) << place.text;
            from = match is_lead {
                true => Place { text: place.text + 1, at: 0 },
                false => Place { at: place.at + 64, ..place },
            };
        }
        found
    }

    /// What is seen in the first word of `texts` in which a row ends or an escape may start, of those
    /// that start at `from` or behind it. `from` is where a word starts.
    #[inline]
    fn seen(&self, texts: &[&[u8]], inner: bool, from: Place) -> Option<Seen> {
        match self.engine {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the engine says that this processor has what it needs.
            Engine::Wide => unsafe {
                match self.folds_case {
                    true => wide::sweep::<true>(self, texts, inner, from),
                    false => wide::sweep::<false>(self, texts, inner, from),
                }
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Engine::Avx2 => unsafe { avx2::sweep(self, texts, inner, from) },
            _ => self.seen_by_words(texts, from, |text| self.word(text, inner)),
        }
    }

    /// As [`seen`](Scout::seen): `classify` gets the rest of a text and says what its first 64 bytes are.
    #[inline(always)]
    pub(super) fn seen_by_words(
        &self,
        texts: &[&[u8]],
        from: Place,
        classify: impl Fn(&[u8]) -> Word,
    ) -> Option<Seen> {
        let mut first = from.at;
        for (number, text) in texts.iter().enumerate().skip(from.text) {
            let mut before = Word::default();
            // What stands before the first byte counts, too.
            for at in (first.saturating_sub(64)..text.len()).step_by(64) {
                let word = classify(&text[at..]);
                let (rows, escapes) = (self.rows(before, word), word.escapes);
                if rows | escapes != 0 && at >= first {
                    return Some(Seen { place: Place { text: number, at }, rows, escapes });
                }
                before = word;
            }
            first = 0;
        }
        None
    }

    fn word(&self, text: &[u8], inner: bool) -> Word {
        let escape = ESCAPE | if inner { INNER } else { 0 };
        let mut word = Word::default();
        for (bit, byte) in text.iter().take(64).enumerate() {
            let Some(class) = self.classes.get(usize::from(*byte)) else { continue };
            word.first |= u64::from(class & FIRST != 0) << bit;
            word.second |= u64::from(class & SECOND != 0) << bit;
            word.zero |= u64::from(*byte == b'A') << bit;
            word.escapes |= u64::from(class & escape != 0) << bit;
            if self.folds_case {
                let class = self.digit_classes[usize::from(*byte)];
                word.digit |= u64::from(class & DIGIT != 0) << bit;
                word.upper |= u64::from(class & UPPER != 0) << bit;
            }
        }
        word
    }

    /// Where rows end in `word`, which follows `before`.
    #[inline(always)]
    fn rows(&self, before: Word, word: Word) -> Map {
        let pair = |of: fn(&Word) -> Map| u128::from(of(&before)) | u128::from(of(&word)) << 64;
        // As many groups as rows have at least, of one, two, four and six.
        let one = pair(|word| word.second) & pair(|word| word.first) << 1;
        let mut row = one;
        if self.groups >= 2 {
            row = one & one << 4;
        }
        if self.groups >= 4 {
            let two = row;
            row &= two << 8;
            if self.groups >= 6 {
                row &= two << 16;
            }
        }
        if self.wide > 0 {
            let zero = pair(|word| word.zero);
            row |= (1..self.wide).fold(zero, |wide, number| wide & zero << (8 * number));
        }
        if self.folds_case {
            let (mut digits, mut upper) = (pair(|word| word.digit), pair(|word| word.upper));
            for by in [1, 2, 4, 8] {
                if self.digits_seen() > by {
                    digits &= digits << by;
                    upper |= upper << by;
                }
            }
            row |= digits & upper;
        }
        (row >> 64) as Map
    }

    /// How many of the digits of a row a sweep asks for: 16, 8 or 1.
    #[inline(always)]
    pub(super) fn digits_seen(&self) -> usize {
        match self.digits {
            16.. => 16,
            8.. => 8,
            _ => 1,
        }
    }

    /// What a sweep knows of each byte of ASCII.
    pub(super) fn sweep_classes(classes: &[u8; 128], digit_classes: &[u8; 128]) -> [u8; 128] {
        std::array::from_fn(|byte| {
            let is = |table: &[u8; 128], class: u8, as_class: u8| {
                if table[byte] & class == 0 { 0 } else { as_class }
            };
            (classes[byte] & (FIRST | SECOND | ESCAPE | INNER))
                | is(digit_classes, DIGIT, SWEEP_DIGIT)
                | is(digit_classes, UPPER, SWEEP_UPPER)
                | if byte == usize::from(b'A') { ZERO } else { 0 }
        })
    }
}
