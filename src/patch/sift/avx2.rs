//! Marking 64 bytes at a time with AVX2, and probing one gram at a time with AES-NI; the processor
//! overlaps many.

use std::arch::x86_64::{
    __m128i, __m256i, _bzhi_u64, _mm_aesenc_si128, _mm_cvtsi128_si64, _mm_loadu_si128,
    _mm_set_epi64x, _mm_xor_si128, _mm256_and_si256, _mm256_broadcastsi128_si256,
    _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
};
use std::ptr::with_exposed_provenance;

use super::{Front, Places, ROOM, Sampler, starts_of_runs};
use crate::patch::filter::{self, Filter};
use crate::secret::gram_block;

/// For each upper half of a byte below 0x80, its bit in a row of the sampler.
const COLUMNS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0];

/// Adds the probes of `texts` whose grams are of the alphabet to `places`, from `front` on, up to byte
/// `last` of each text, as far as there is room, and moves `front` on.
#[target_feature(enable = "avx2,bmi2,popcnt")]
pub(super) fn mark(
    sampler: &Sampler,
    texts: &[&[u8]],
    front: &mut Front,
    last: usize,
    places: &mut Places<'_>,
) {
    {
        match (sampler.tier.size(), sampler.tier.stride) {
            (16, 17) => mark_tier::<16, 17>(sampler, texts, front, last, places),
            (12, 9) => mark_tier::<12, 9>(sampler, texts, front, last, places),
            (8, 9) => mark_tier::<8, 9>(sampler, texts, front, last, places),
            (8, 5) => mark_tier::<8, 5>(sampler, texts, front, last, places),
            _ => mark_tier::<8, 1>(sampler, texts, front, last, places),
        }
    }
}

/// `mark` for a tier with grams of `Q` bytes and stride `S`.
#[inline]
#[target_feature(enable = "avx2,bmi2,popcnt")]
fn mark_tier<const Q: usize, const S: usize>(
    sampler: &Sampler,
    texts: &[&[u8]],
    front: &mut Front,
    last: usize,
    places: &mut Places<'_>,
) {
    let classes = Classes::new(sampler);
    let mut len = places.len;
    while let Some(text) = texts.get(front.text) {
        // No probe fits a text that is shorter than a gram: then the end is before the start.
        let end = (text.len() + 1).saturating_sub(Q).min(last.saturating_add(1));
        while front.at < end && len + lanes::<Q, S>() <= ROOM {
            let starts = _bzhi_u64(u64::MAX, (end - front.at).min(64) as u32);
            let kept = starts_of_runs::<Q>(classes.of(text, front.at)) & starts;
            let base = text.as_ptr().expose_provenance() + front.at;
            for lane in 0..lanes::<Q, S>() {
                // SAFETY: `len` grows by one for each lane at most, and there is room for all.
                unsafe { places.at.get_unchecked_mut(len).write(base + lane * S) };
                len += (kept >> (lane * S) & 1) as usize;
            }
            front.at += ((end - front.at - 1) / S + 1).min(lanes::<Q, S>()) * S;
        }
        if front.at < end {
            break;
        }
        front.advance(texts.len(), S);
    }
    places.len = len;
}

/// How many probes one look at 64 bytes serves.
const fn lanes<const Q: usize, const S: usize>() -> usize {
    (64 - Q) / S + 1
}

/// Says which of 64 bytes are in the alphabet.
struct Classes {
    rows: __m256i,
    columns: __m256i,
    /// All bits if the bytes above 0x7f are in the alphabet. They are of one kind: all or none are.
    above: u64,
}

impl Classes {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(sampler: &Sampler) -> Classes {
        // SAFETY: for both, sixteen readable bytes.
        let table = |bytes: &[u8; 16]| unsafe {
            _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast()))
        };
        Classes {
            rows: table(&sampler.rows),
            columns: table(&COLUMNS),
            above: if sampler.ascii { 0 } else { u64::MAX },
        }
    }

    /// A bit for each of the 64 bytes of `text` from `at` on; zero beyond its end.
    #[inline]
    #[target_feature(enable = "avx2,bmi2")]
    fn of(&self, text: &[u8], at: usize) -> u64 {
        if let Some(bytes) = text[at..].first_chunk() {
            return self.of_all(bytes);
        }
        let left = text.len() - at;
        match text.last_chunk() {
            // Looks at the text's last 64 bytes, and leaves out those before `at`.
            Some(bytes) => self.of_all(bytes) >> (64 - left),
            None => {
                let mut bytes = [0; 64];
                bytes[..left].copy_from_slice(&text[at..]);
                self.of_all(&bytes) & _bzhi_u64(u64::MAX, left as u32)
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn of_all(&self, bytes: &[u8; 64]) -> u64 {
        // SAFETY: for both, 32 bytes within the 64.
        let half =
            |at: usize| self.of_half(unsafe { _mm256_loadu_si256(bytes.as_ptr().add(at).cast()) });
        half(0) | half(32) << 32
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn of_half(&self, bytes: __m256i) -> u64 {
        // A shuffle goes by the lower half of each byte, and gives zero for a byte above 0x7f.
        let row = _mm256_shuffle_epi8(self.rows, bytes);
        let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
        let column = _mm256_shuffle_epi8(self.columns, upper);
        let outside = _mm256_cmpeq_epi8(_mm256_and_si256(row, column), _mm256_setzero_si256());
        let above = _mm256_movemask_epi8(bytes) as u32;
        u64::from(!_mm256_movemask_epi8(outside) as u32) | (u64::from(above) & self.above)
    }
}

/// Hashes the grams at the marked places and keeps those that pass the first word of the filter.
///
/// # Safety
///
/// The first `places.len` items of `places.at` are written, and each has `Q` bytes behind it.
#[target_feature(enable = "aes,sse2,bmi2")]
pub(super) unsafe fn probe<const Q: usize>(
    keys: &[u128; 5],
    filter: Filter<'_>,
    places: &mut Places<'_>,
) {
    let keys = keys.map(|key| vector(key));
    let mut kept = 0;
    for turn in 0..places.len {
        // SAFETY: the caller's promise.
        let (place, gram) = unsafe {
            let place = places.at.get_unchecked(turn).assume_init();
            (place, &*with_exposed_provenance::<[u8; Q]>(place))
        };
        let whitened = _mm_xor_si128(vector(gram_block::<Q>(gram)), keys[0]);
        let mut state = whitened;
        for key in &keys[1..] {
            state = _mm_aesenc_si128(state, *key);
        }
        let hash = _mm_cvtsi128_si64(_mm_xor_si128(state, whitened)) as u64;
        let need = filter::first(filter.blocks(), hash);
        // SAFETY: `need.at` is a multiple of eight below `blocks * BLOCK`, which is the length of
        // the filter's bytes (both are what `Filter` and `filter::first` guarantee).
        let word = unsafe { filter.bytes().as_ptr().add(need.at).cast::<u64>().read_unaligned() };
        // SAFETY: `kept` is at most `turn`, which is within both arrays.
        unsafe {
            places.at.get_unchecked_mut(kept).write(place);
            places.hash.get_unchecked_mut(kept).write(hash);
        }
        kept += usize::from(u64::from_le(word) & need.bits == need.bits);
    }
    let passed = kept;
    kept = 0;
    for turn in 0..passed {
        // SAFETY: `passed` places are written with their hashes, and `kept` is at most `turn`.
        unsafe {
            let hash = places.hash.get_unchecked(turn).assume_init();
            let place = *places.at.get_unchecked(turn);
            places.at.get_unchecked_mut(kept).write(place.assume_init());
            places.hash.get_unchecked_mut(kept).write(hash);
            kept += usize::from(filter.passes_second(hash));
        }
    }
    places.len = kept;
}

#[inline]
#[target_feature(enable = "sse2")]
fn vector(number: u128) -> __m128i {
    _mm_set_epi64x((number >> 64) as i64, number as i64)
}
