//! Probing with AES-NI, one gram at a time; the processor overlaps many.

use std::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_xor_si128,
};
use std::ptr::with_exposed_provenance;

use super::Places;
use crate::patch::filter::{self, Filter};
use crate::secret::gram_block;

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
    places.len = kept;
}

#[inline]
#[target_feature(enable = "sse2")]
fn vector(number: u128) -> __m128i {
    _mm_set_epi64x((number >> 64) as i64, number as i64)
}
