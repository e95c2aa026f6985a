//! The hot kernel: probes a text at every stride-th byte and keeps the few places that a token of
//! the set may stand at.
//!
//! There are three engines, and they keep the same places: one that hashes eight grams at a time
//! with AVX-512 and VAES, one that uses AES-NI, and a portable one. None branches on the text: a
//! place is always written and the count moves on only if the filter let it pass. So many probes
//! are in flight at a time, which hides the latency of the AES rounds and of the filter's cache
//! misses.

use super::filter::{self, Filter};
use super::tier::MAX_STRIDE;
use crate::secret::{Engine, GramHasher};

/// How many probes one call makes at most.
pub(super) const BATCH: usize = 64;

/// How many places the widest engine writes at a time, be they kept or not.
const LANES: usize = 8;

/// Places are counted in 16 bits.
const _: () = assert!(BATCH * MAX_STRIDE <= u16::MAX as usize);

/// The places of a batch that passed the filter's first word.
pub(super) struct Places {
    hash: [u64; BATCH + LANES],
    /// Counted from the first probe.
    at: [u16; BATCH + LANES],
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
        Places { hash: [0; BATCH + LANES], at: [0; BATCH + LANES], len: 0 }
    }

    /// How many places there are.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Each place, counted from the first probe, and its gram's hash.
    #[inline(always)]
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
    if !(1..=MAX_STRIDE).contains(&probes.stride) {
        return;
    }
    let fitting = span / probes.stride + 1;
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
    let rounds = hasher.rounds();
    match rounds.engine() {
        // SAFETY: for both, the rounds say that this processor has what the engine needs, and
        // `sift` cut `count` to `BATCH` and so that every probe has `Q` bytes of text behind it,
        // and saw that `stride` is at most `MAX_STRIDE`.
        #[cfg(target_arch = "x86_64")]
        Engine::Wide => unsafe { wide::sift::<Q>(rounds.keys(), filter, text, probes, places) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Engine::Aes => unsafe { aes::sift::<Q>(rounds.keys(), filter, text, probes, places) },
        _ => {
            for from_first in (0..probes.count).map(|turn| turn * probes.stride) {
                let at = probes.first + from_first;
                let mut hash = [0];
                rounds.each_gram::<Q>(&text[at..at + Q], &mut hash);
                let need = filter::first(filter.blocks(), hash[0]);
                let word =
                    filter.bytes()[need.at..].first_chunk().map_or(0, |w| u64::from_le_bytes(*w));
                places.at[places.len] = from_first as u16;
                places.hash[places.len] = hash[0];
                places.len += usize::from(word & need.bits == need.bits);
            }
        }
    }
}

/// One probe at a time, with AES-NI.
#[cfg(target_arch = "x86_64")]
mod aes {
    use std::arch::x86_64::{
        __m128i, _mm_aesenc_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_xor_si128,
    };

    use super::{Filter, Places, Probes, filter};
    use crate::secret::gram_block;

    /// # Safety
    ///
    /// For every probe, `at + Q <= text.len()`, and there are at most `BATCH` of them.
    #[target_feature(enable = "aes,sse2,bmi2")]
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

/// Eight probes at a time, with AVX-512 and VAES.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m128i, __m512i, _mm_add_epi16, _mm_loadu_si128, _mm_maskz_compress_epi16, _mm_set1_epi16,
        _mm_setr_epi16, _mm_storeu_si128, _mm512_aesenc_epi128, _mm512_and_si512,
        _mm512_andnot_si512, _mm512_broadcast_i32x4, _mm512_i64gather_epi64, _mm512_loadu_si512,
        _mm512_mask_broadcast_i32x4, _mm512_maskz_compress_epi64, _mm512_maskz_loadu_epi8,
        _mm512_maskz_permutexvar_epi8, _mm512_mul_epu32, _mm512_or_si512, _mm512_rolv_epi64,
        _mm512_set1_epi64, _mm512_slli_epi64, _mm512_srli_epi64, _mm512_storeu_si512,
        _mm512_testn_epi64_mask, _mm512_unpacklo_epi64, _mm512_xor_si512,
    };

    use super::{Filter, LANES, MAX_STRIDE, Places, Probes};

    /// # Safety
    ///
    /// For every probe, `at + Q <= text.len()`, there are at most `BATCH` of them, and the stride
    /// is at most `MAX_STRIDE`.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,vaes,bmi2,popcnt"
    )]
    pub(super) unsafe fn sift<const Q: usize>(
        keys: &[u128; 5],
        filter: Filter<'_>,
        text: &[u8],
        probes: Probes,
        places: &mut Places,
    ) {
        let stride = probes.stride;
        // SAFETY: a `u128` is sixteen readable bytes.
        let keys = keys.each_ref().map(|key| {
            _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(std::ptr::from_ref(key).cast()) })
        });
        let blocks = _mm512_set1_epi64(i64::from(filter.blocks()));
        let (seven, one) = (_mm512_set1_epi64(7), _mm512_set1_epi64(1));
        // Four grams at a time come from one load of 64 bytes, if they lie within that.
        let together = stride * 3 + Q <= 64;
        // SAFETY: 64 readable bytes.
        let pick = unsafe { _mm512_loadu_si512(PICKS[stride].as_ptr().cast()) };
        // The lanes of the hashes, in the order that unpacking leaves them in.
        let step = stride as i16;
        let lanes =
            _mm_setr_epi16(0, 4 * step, step, 5 * step, 2 * step, 6 * step, 3 * step, 7 * step);
        let mut len = 0;
        let mut turn = 0;
        while turn < probes.count {
            let at = probes.first + turn * stride;
            let grams = |from: usize| {
                if together {
                    let kept = text.len().saturating_sub(from).min(64) as u32;
                    let mask = std::arch::x86_64::_bzhi_u64(u64::MAX, kept);
                    // SAFETY: only the bytes in the mask are read, those from `from` to the text's
                    // end at the most; none if `from` is beyond it.
                    let bytes = unsafe {
                        _mm512_maskz_loadu_epi8(mask, text.as_ptr().wrapping_add(from).cast())
                    };
                    _mm512_maskz_permutexvar_epi8(gram_mask::<Q>(), pick, bytes)
                } else {
                    // SAFETY: `gram` reads within the text or not at all.
                    unsafe {
                        let first = _mm512_broadcast_i32x4(gram(text, from));
                        let second =
                            _mm512_mask_broadcast_i32x4(first, 0x00f0, gram(text, from + stride));
                        let third = _mm512_mask_broadcast_i32x4(
                            second,
                            0x0f00,
                            gram(text, from + 2 * stride),
                        );
                        _mm512_mask_broadcast_i32x4(third, 0xf000, gram(text, from + 3 * stride))
                    }
                }
            };
            let hash =
                _mm512_unpacklo_epi64(hash(&keys, grams(at)), hash(&keys, grams(at + 4 * stride)));
            // The same arithmetic as `filter::first`, in words of eight bytes.
            let block =
                _mm512_srli_epi64::<32>(_mm512_mul_epu32(_mm512_srli_epi64::<32>(hash), blocks));
            let word_at =
                _mm512_or_si512(_mm512_slli_epi64::<3>(block), _mm512_and_si512(hash, seven));
            // SAFETY: `block` is below `blocks`, so each index is below `blocks * 8` words, which is
            // the length of the filter; lanes beyond the last probe hash other bytes, to indices
            // below that bound, too.
            let word =
                unsafe { _mm512_i64gather_epi64::<8>(word_at, filter.bytes().as_ptr().cast()) };
            let bit = |count: __m512i| _mm512_rolv_epi64(one, count);
            let need = _mm512_or_si512(
                _mm512_or_si512(
                    bit(_mm512_srli_epi64::<5>(hash)),
                    bit(_mm512_srli_epi64::<11>(hash)),
                ),
                bit(_mm512_srli_epi64::<17>(hash)),
            );
            let missing = _mm512_andnot_si512(word, need);
            let pass = _mm512_testn_epi64_mask(missing, missing) & valid(probes.count - turn);
            let lanes = _mm_add_epi16(lanes, _mm_set1_epi16((turn * stride) as i16));
            // SAFETY: `len` is at most `turn`, which is below `BATCH`, so eight more fit into both
            // arrays, which have `BATCH + LANES` items.
            unsafe {
                let hashes = places.hash.as_mut_ptr().add(len);
                _mm512_storeu_si512(hashes.cast(), _mm512_maskz_compress_epi64(pass, hash));
                let ats = places.at.as_mut_ptr().add(len);
                _mm_storeu_si128(ats.cast(), _mm_maskz_compress_epi16(pass, lanes));
            }
            len += pass.count_ones() as usize;
            turn += LANES;
        }
        places.len = len;
    }

    /// The hashes of four grams, each in the lower half of its sixteen bytes.
    #[inline]
    #[target_feature(enable = "avx512f,vaes")]
    fn hash(keys: &[__m512i; 5], grams: __m512i) -> __m512i {
        let whitened = _mm512_xor_si512(grams, keys[0]);
        let mut state = whitened;
        for key in &keys[1..] {
            state = _mm512_aesenc_epi128(state, *key);
        }
        _mm512_xor_si512(state, whitened)
    }

    /// Sixteen bytes of text, or nothing where there are fewer.
    ///
    /// # Safety
    ///
    /// None is needed of the caller; it is unsafe for its pointer alone.
    #[inline]
    #[target_feature(enable = "sse2")]
    unsafe fn gram(text: &[u8], at: usize) -> __m128i {
        match text.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            // SAFETY: sixteen readable bytes.
            Some(bytes) => unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) },
            None => std::arch::x86_64::_mm_setzero_si128(),
        }
    }

    /// The bytes of the four grams of sixteen bytes that hold text.
    const fn gram_mask<const Q: usize>() -> u64 {
        let one = u16::MAX as u64 >> (16 - Q);
        one | one << 16 | one << 32 | one << 48
    }

    /// For each stride and each byte of four grams, the byte of the load that it is.
    static PICKS: [[u8; 64]; MAX_STRIDE + 1] = {
        let mut picks = [[0; 64]; MAX_STRIDE + 1];
        let mut stride = 0;
        while stride <= MAX_STRIDE {
            let mut byte = 0;
            while byte < 64 {
                picks[stride][byte] = ((byte / 16) * stride + byte % 16) as u8;
                byte += 1;
            }
            stride += 1;
        }
        picks
    };

    /// The lanes of the first `count` probes, in the order that unpacking leaves them in: the first
    /// four in the even lanes, the others in the odd ones.
    fn valid(count: usize) -> u8 {
        const VALID: [u8; LANES + 1] = [0x00, 0x01, 0x05, 0x15, 0x55, 0x57, 0x5f, 0x7f, 0xff];
        VALID[if count < LANES { count } else { LANES }]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::{GRAM_SIZES, ImprintKey};

    proptest! {
        /// Every gram that is in the filter is kept, at its place, with its hash; and all engines
        /// keep the same.
        #[test]
        fn keeps_every_gram_of_the_filter(
            text in prop::collection::vec(any::<u8>(), 0..400),
            size in 0..3usize,
            stride in 1..=MAX_STRIDE,
            first in 0..40usize,
            blocks in 1..20usize,
        ) {
            let key = ImprintKey::from_bytes([3; 32]);
            let hasher = GramHasher::new(&key, GRAM_SIZES[size]);
            let mut hashes = [0; 400];
            let count = hasher.each(&text, &mut hashes);
            let mut bytes = vec![0; blocks * filter::BLOCK];
            for hash in hashes[..count].iter().step_by(3) {
                filter::insert(&mut bytes, blocks as u32, *hash);
            }
            let filter = Filter::new(&bytes).unwrap();
            let kept = |hasher: &GramHasher| {
                let mut places = Places::new();
                sift(hasher, filter, &text, Probes { first, stride, count: 1000 }, &mut places);
                let mut kept: Vec<_> = places.iter().map(|(at, hash)| (first + at, hash)).collect();
                kept.sort_unstable();
                kept
            };
            let all = kept(&hasher);
            prop_assert!(all.iter().all(|(at, hash)| hashes[*at] == *hash));
            let probed = (first..count).step_by(stride).take(BATCH);
            prop_assert!(all.iter().all(|(at, _)| probed.clone().any(|p| p == *at)));
            for at in probed.filter(|at| at % 3 == 0) {
                prop_assert!(all.contains(&(at, hashes[at])));
            }
            for engine in Engine::available() {
                prop_assert_eq!(&kept(&GramHasher::new(&key, GRAM_SIZES[size]).with(engine)), &all);
            }
        }
    }
}
