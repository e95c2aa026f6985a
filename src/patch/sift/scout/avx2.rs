//! Looks and sweeps with AVX2.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_srli_epi16,
};

use super::sweep::{self, Place, Seen};
use super::{LOOK, Leads, Map, Scout};

/// For each upper half of a byte below 0x80, its bit in [`Scout::halves`].
const COLUMNS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0];

/// 64 bytes, ready to be classified.
struct Word {
    bytes: [__m256i; 2],
    /// The bits of their upper halves.
    columns: [__m256i; 2],
}

/// See [`Scout::look`]: of a text that starts where the look does.
#[target_feature(enable = "avx2")]
pub(super) fn look(scout: &Scout, text: &[u8], inner: bool) -> Leads {
    let word = Word::new(text);
    let mut maps = [0; 8];
    // Not by `map`, into which this cannot be inlined.
    for (map, halves) in maps.iter_mut().zip(&scout.halves) {
        *map = word.map(halves);
    }
    let [letters @ .., escape, more] = maps;
    let escapes = escape | if inner { more } else { 0 };
    let mut digits = [0; 2];
    if scout.folds_case {
        let [digit, upper] = &scout.digit_halves;
        digits = [word.map(digit), word.map(upper)];
    }
    scout.leads(letters, escapes & inside(text), word.zero(), digits, text.len())
}

/// See [`Scout::seen`].
#[target_feature(enable = "avx2")]
pub(super) fn sweep(scout: &Scout, texts: &[&[u8]], inner: bool, from: Place) -> Option<Seen> {
    let [first, second, .., escape, more] = &scout.halves;
    let either: [u8; 16] = std::array::from_fn(|at| escape[at] | if inner { more[at] } else { 0 });
    scout.seen_by_words(texts, from, |text| classes(scout, text, [first, second, &either]))
}

/// What the first 64 bytes of `text` are; the last of `halves` are those of escapes.
#[inline]
#[target_feature(enable = "avx2")]
fn classes(scout: &Scout, text: &[u8], [first, second, escape]: [&[u8; 16]; 3]) -> sweep::Word {
    let word = Word::new(text);
    let [mut digit, mut upper] = [0; 2];
    if scout.folds_case {
        (digit, upper) = (word.map(&scout.digit_halves[0]), word.map(&scout.digit_halves[1]));
    }
    sweep::Word {
        first: word.map(first),
        second: word.map(second),
        zero: word.zero(),
        escapes: word.map(escape) & inside(text),
        digit,
        upper,
    }
}

impl Word {
    /// The first bytes of `text`; if there are not enough, NUL for the rest.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(text: &[u8]) -> Word {
        let mut padded = [0; 64];
        let bytes = match text.first_chunk::<64>() {
            Some(bytes) => bytes,
            None => {
                padded[..text.len()].copy_from_slice(text);
                &padded
            }
        };
        let (low, high) = bytes.split_at(32);
        // SAFETY: both read 32 bytes.
        let bytes = unsafe {
            [_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast())]
        };
        Word { bytes, columns: [columns(bytes[0]), columns(bytes[1])] }
    }

    /// Which of the bytes are in the class with these halves.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn map(&self, halves: &[u8; 16]) -> Map {
        let halves = both(halves);
        let mut map = 0;
        for (number, (bytes, column)) in self.bytes.into_iter().zip(self.columns).enumerate() {
            // A lookup gives zero for bytes beyond ASCII.
            let is = _mm256_and_si256(_mm256_shuffle_epi8(halves, bytes), column);
            let not = _mm256_cmpeq_epi8(is, _mm256_setzero_si256());
            map |= u64::from(!_mm256_movemask_epi8(not) as u32) << (32 * number);
        }
        map
    }

    /// Which of the bytes are the letter that stands for zero in base64.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn zero(&self) -> Map {
        let mut map = 0;
        for (number, bytes) in self.bytes.into_iter().enumerate() {
            let same = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'A' as i8));
            map |= u64::from(_mm256_movemask_epi8(same) as u32) << (32 * number);
        }
        map
    }
}

/// Which of 64 bytes are in `text`. Those behind its end are NUL, with which an escape may start.
#[inline]
fn inside(text: &[u8]) -> Map {
    Map::MAX.checked_shr((LOOK - text.len().min(LOOK)) as u32).unwrap_or(0)
}

/// The bits of the upper halves of `bytes`.
#[inline]
#[target_feature(enable = "avx2")]
fn columns(bytes: __m256i) -> __m256i {
    let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
    _mm256_shuffle_epi8(both(&COLUMNS), upper)
}

/// Sixteen bytes, twice.
#[inline]
#[target_feature(enable = "avx2")]
fn both(bytes: &[u8; 16]) -> __m256i {
    // SAFETY: it reads sixteen bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
}
