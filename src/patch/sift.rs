//! The hot kernel: probes a text at every stride-th byte and keeps the few places that a token of
//! the set may stand at.
//!
//! The loop has no branches that depend on the text: a place is always written and the count moves
//! on only if the filter let it pass. So many probes are in flight at a time, which is what hides
//! the latency of the AES rounds and of the filter's cache misses.

use super::filter::{self, Filter};
use super::tier::MAX_STRIDE;
use crate::secret::{GramHasher, gram_block};

/// How many probes one call makes at most.
pub(super) const BATCH: usize = 64;
const _: () = assert!(BATCH * MAX_STRIDE <= u16::MAX as usize);

/// The places of a batch that passed the filter's first word.
pub(super) struct Places {
    /// Counted from the first probe.
    at: [u16; BATCH],
    hash: [u64; BATCH],
    len: usize,
}

/// Where to probe: at `first`, `first + stride`, …, `count` times (at most [`BATCH`]), each time
/// with a whole gram of text left.
#[derive(Clone, Copy)]
pub(super) struct Probes {
    pub(super) first: usize,
    pub(super) stride: usize,
    pub(super) count: usize,
}

impl Places {
    /// No places.
    pub(super) const fn new() -> Places {
        Places { at: [0; BATCH], hash: [0; BATCH], len: 0 }
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Each place, counted from the first probe, and its gram's hash.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let at = self.at.iter().map(|at| usize::from(*at));
        at.zip(self.hash.iter().copied()).take(self.len)
    }
}

/// Probes `text` and leaves in `places` what passes the first word of `filter`.
///
/// Probes that do not fit the text are not made.
#[inline]
pub(super) fn sift(
    hasher: &GramHasher,
    filter: Filter<'_>,
    text: &[u8],
    mut probes: Probes,
    places: &mut Places,
) {
    places.len = 0;
    let last = text.len().checked_sub(hasher.size());
    let Some(span) = last.and_then(|last| last.checked_sub(probes.first)) else { return };
    let fitting = span / probes.stride.max(1) + 1;
    probes.count = probes.count.min(BATCH).min(fitting);
    match hasher.size() {
        8 => sift_size::<8>(hasher, filter, text, probes, places),
        12 => sift_size::<12>(hasher, filter, text, probes, places),
        _ => sift_size::<16>(hasher, filter, text, probes, places),
    }
}

#[inline(always)]
fn sift_size<const Q: usize>(
    hasher: &GramHasher,
    filter: Filter<'_>,
    text: &[u8],
    probes: Probes,
    places: &mut Places,
) {
    #[cfg(target_arch = "x86_64")]
    if hasher.rounds().hardware() {
        // SAFETY: the hasher says that this processor has AES instructions, and `sift` cut
        // `count` so that every probe has `Q` bytes of text behind it.
        unsafe { hardware::sift::<Q>(hasher.rounds().keys(), filter, text, probes, places) };
        return;
    }
    for turn in 0..probes.count {
        let from_first = turn * probes.stride;
        let at = probes.first + from_first;
        let mut hash = [0];
        hasher.rounds().each_gram::<Q>(&text[at..at + Q], &mut hash);
        let need = filter::first(filter.blocks(), hash[0]);
        let word =
            filter.bytes()[need.at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        places.at[places.len] = from_first as u16;
        places.hash[places.len] = hash[0];
        places.len += usize::from(word & need.bits == need.bits);
    }
}

#[cfg(target_arch = "x86_64")]
mod hardware {
    use std::arch::x86_64::{
        __m128i, _mm_aesenc_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_xor_si128,
    };

    use super::{Filter, Places, Probes, filter, gram_block};

    /// # Safety
    ///
    /// For every probe, `at + Q <= text.len()`, and there are at most `BATCH` of them.
    #[target_feature(enable = "aes,sse2,sse4.1,bmi2")]
    pub(super) unsafe fn sift<const Q: usize>(
        keys: &[u128; 5],
        filter: Filter<'_>,
        text: &[u8],
        probes: Probes,
        places: &mut Places,
    ) {
        let keys = keys.map(|key| vector(key));
        let mut len = 0;
        let mut at = probes.first;
        for _ in 0..probes.count {
            // SAFETY: the caller's promise.
            let gram = unsafe { text.get_unchecked(at..at + Q) };
            let whitened = _mm_xor_si128(vector(gram_block::<Q>(gram)), keys[0]);
            let mut state = whitened;
            for key in &keys[1..] {
                state = _mm_aesenc_si128(state, *key);
            }
            let hash = _mm_cvtsi128_si64(_mm_xor_si128(state, whitened)) as u64;
            let need = filter::first(filter.blocks(), hash);
            // SAFETY: `need.at` is a multiple of eight below `blocks * BLOCK`, which is the length
            // of the filter's bytes (both are what `Filter` and `filter::first` guarantee).
            let word =
                unsafe { filter.bytes().as_ptr().add(need.at).cast::<u64>().read_unaligned() };
            // SAFETY: `len` is at most the number of probes made before this one, below `BATCH`.
            unsafe {
                *places.at.get_unchecked_mut(len) = (at - probes.first) as u16;
                *places.hash.get_unchecked_mut(len) = hash;
            }
            len += usize::from(u64::from_le(word) & need.bits == need.bits);
            at += probes.stride;
        }
        places.len = len;
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn vector(number: u128) -> __m128i {
        _mm_set_epi64x((number >> 64) as i64, number as i64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::{GRAM_SIZES, ImprintKey};

    proptest! {
        /// Every gram that is in the filter is kept, at its place, with its hash.
        #[test]
        fn keeps_every_gram_of_the_filter(
            text in prop::collection::vec(any::<u8>(), 0..400),
            size in 0..3usize,
            stride in 1..18usize,
            first in 0..40usize,
            blocks in 1..20usize,
        ) {
            let hasher = GramHasher::new(&ImprintKey::from_bytes([3; 32]), GRAM_SIZES[size]);
            let mut hashes = [0; 400];
            let count = hasher.each(&text, &mut hashes);
            let mut bytes = vec![0; blocks * filter::BLOCK];
            for hash in hashes[..count].iter().step_by(3) {
                filter::insert(&mut bytes, blocks as u32, *hash);
            }
            let mut places = Places::new();
            let probes = Probes { first, stride, count: 1000 };
            sift(&hasher, Filter::new(&bytes).unwrap(), &text, probes, &mut places);
            let kept: Vec<_> = places.iter().map(|(at, hash)| (first + at, hash)).collect();
            prop_assert!(kept.iter().all(|(at, hash)| hashes[*at] == *hash));
            let probed = (first..count).step_by(stride).take(BATCH);
            prop_assert!(kept.iter().all(|(at, _)| probed.clone().any(|p| p == *at)));
            for at in probed.filter(|at| at % 3 == 0) {
                prop_assert!(kept.contains(&(at, hashes[at])));
            }
        }
    }
}
