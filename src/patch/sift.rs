//! The hot kernel: probes a text at every stride-th byte and keeps the few places that a token of
//! the set may stand at.
//!
//! A gram can only be a token's if all of its bytes occur in tokens of the set: the set's *alphabet*.
//! Most bytes of a request stand in words too short for that, so looking at the alphabet first saves
//! most of the hashing.
//!
//! There are three engines, and each keeps every gram that is in the filter: one that looks at 64
//! bytes and hashes eight grams at a time with AVX-512 and VAES, one that uses AES-NI, and a
//! portable one. Their loops do not branch on the text: a place is always written and the count
//! moves on only if it is kept. So many probes are in flight at a time, which hides the latency of
//! the AES rounds and of the filter's cache misses.

use std::mem::MaybeUninit;

use super::filter::{self, Filter};
use super::tier::{MAX_STRIDE, Tier};
use crate::secret::{Alphabet, Engine, GramHasher};

/// How many probes one call makes at most.
pub(super) const BATCH: usize = 256;

/// How many places the widest engine writes at a time, be they kept or not.
const SLACK: usize = 32;

/// Places are counted in 16 bits.
const _: () = assert!((BATCH + SLACK) * MAX_STRIDE <= u16::MAX as usize);

/// The places of a batch that passed the filter's first word. The first `len` items of both arrays
/// are written.
pub(super) struct Places {
    hash: [MaybeUninit<u64>; BATCH + SLACK],
    /// Counted from the first probe.
    at: [MaybeUninit<u16>; BATCH + SLACK],
    len: usize,
}

/// Where to probe: at `first`, `first + stride`, …, up to `last`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probes {
    pub(super) first: usize,
    pub(super) last: usize,
}

/// What is known of a tier before any text is there.
#[repr(align(64))]
pub(super) struct Sampler {
    /// For each byte, 0x80 if it is in the alphabet, and 0 otherwise.
    classes: [u8; 256],
    /// The places of the probes that one load of 64 bytes serves, counted from its start.
    offsets: [u16; SLACK],
    /// The same places as bits.
    starts: u64,
    /// How many there are.
    lanes: usize,
    stride: usize,
}

impl Sampler {
    /// The sampler for a tier whose windows hold only bytes of `alphabet`.
    pub(super) fn new(tier: Tier, alphabet: Alphabet) -> Sampler {
        let lanes = ((64 - tier.size()) / tier.stride + 1).min(SLACK);
        let mut sampler = Sampler {
            classes: [0; 256],
            offsets: [0; SLACK],
            starts: 0,
            lanes,
            stride: tier.stride,
        };
        for (byte, class) in (0..=255).zip(&mut sampler.classes) {
            *class = if alphabet.contains(byte) { 0x80 } else { 0 };
        }
        for (lane, offset) in sampler.offsets[..lanes].iter_mut().enumerate() {
            *offset = (lane * tier.stride) as u16;
            sampler.starts |= 1 << *offset;
        }
        sampler
    }

    /// Whether all of `gram` is in the alphabet.
    fn admits(&self, gram: &[u8]) -> bool {
        gram.iter().rev().all(|byte| self.classes[usize::from(*byte)] != 0)
    }
}

impl Places {
    /// No places.
    #[inline(always)]
    pub(super) const fn new() -> Places {
        Places {
            hash: [const { MaybeUninit::uninit() }; BATCH + SLACK],
            at: [const { MaybeUninit::uninit() }; BATCH + SLACK],
            len: 0,
        }
    }

    /// Each place, counted from the first probe, and its gram's hash.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let places = self.at[..self.len].iter().zip(&self.hash[..self.len]);
        // SAFETY: the first `len` items of both arrays are written.
        places.map(|(at, hash)| unsafe { (usize::from(at.assume_init()), hash.assume_init()) })
    }

    fn push(&mut self, at: usize, hash: u64) {
        if let (Some(to_at), Some(to_hash)) =
            (self.at.get_mut(self.len), self.hash.get_mut(self.len))
        {
            to_at.write(at as u16);
            to_hash.write(hash);
            self.len += 1;
        }
    }
}

/// Probes `text`, at most [`BATCH`] times, and leaves in `places` what passes the first word of
/// `filter`. Returns where the next probe falls.
///
/// Probes that do not fit the text are not made.
#[inline]
pub(super) fn sift(
    hasher: &GramHasher,
    sampler: &Sampler,
    filter: Filter<'_>,
    text: &[u8],
    mut probes: Probes,
    places: &mut Places,
) -> usize {
    places.len = 0;
    let Some(last) = text.len().checked_sub(hasher.size()) else { return probes.first };
    probes.last = probes.last.min(last);
    if probes.first > probes.last {
        return probes.first;
    }
    match hasher.size() {
        8 => sift_size::<8>(hasher, sampler, filter, text, probes, places),
        12 => sift_size::<12>(hasher, sampler, filter, text, probes, places),
        _ => sift_size::<16>(hasher, sampler, filter, text, probes, places),
    }
}

#[inline(always)]
fn sift_size<const Q: usize>(
    hasher: &GramHasher,
    sampler: &Sampler,
    filter: Filter<'_>,
    text: &[u8],
    probes: Probes,
    places: &mut Places,
) -> usize {
    let rounds = hasher.rounds();
    match rounds.engine() {
        // SAFETY: for both, the rounds say that this processor has what the engine needs, and
        // `sift` saw to it that the last probe has `Q` bytes of text behind it, and that the first
        // one is not behind it.
        #[cfg(target_arch = "x86_64")]
        Engine::Wide => unsafe {
            wide::sift::<Q>(rounds.keys(), sampler, filter, text, probes, places)
        },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Engine::Aes => unsafe {
            aes::sift::<Q>(rounds.keys(), sampler, filter, text, probes, places)
        },
        _ => {
            let mut at = probes.first;
            let mut left = BATCH;
            while at <= probes.last && left > 0 {
                let (gram, from_first) = (&text[at..][..Q], at - probes.first);
                at += sampler.stride;
                left -= 1;
                if !sampler.admits(gram) {
                    continue;
                }
                let mut hash = [0];
                rounds.each_gram::<Q>(gram, &mut hash);
                let need = filter::first(filter.blocks(), hash[0]);
                let word =
                    filter.bytes()[need.at..].first_chunk().map_or(0, |w| u64::from_le_bytes(*w));
                if word & need.bits == need.bits {
                    places.push(from_first, hash[0]);
                }
            }
            at
        }
    }
}

/// One probe at a time, with AES-NI.
#[cfg(target_arch = "x86_64")]
mod aes {
    use std::arch::x86_64::{
        __m128i, _mm_aesenc_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_xor_si128,
    };

    use super::{BATCH, Filter, Places, Probes, Sampler, filter};
    use crate::secret::gram_block;

    /// # Safety
    ///
    /// `probes.first <= probes.last` and `probes.last + Q <= text.len()`.
    #[target_feature(enable = "aes,sse2,bmi2")]
    pub(super) unsafe fn sift<const Q: usize>(
        keys: &[u128; 5],
        sampler: &Sampler,
        filter: Filter<'_>,
        text: &[u8],
        probes: Probes,
        places: &mut Places,
    ) -> usize {
        let keys = keys.map(|key| vector(key));
        let mut len = 0;
        let mut at = probes.first;
        let last = probes.last.min(probes.first + (BATCH - 1) * sampler.stride);
        while at <= last {
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
                places.at.get_unchecked_mut(len).write((at - probes.first) as u16);
                places.hash.get_unchecked_mut(len).write(hash);
            }
            len += usize::from(u64::from_le(word) & need.bits == need.bits);
            at += sampler.stride;
        }
        places.len = len;
        at
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn vector(number: u128) -> __m128i {
        _mm_set_epi64x((number >> 64) as i64, number as i64)
    }
}

/// Sixty-four bytes and eight grams at a time, with AVX-512 and VAES.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m128i, __m512i, _bzhi_u64, _mm_loadl_epi64, _mm_loadu_si128, _mm_maskz_compress_epi16,
        _mm_maskz_loadu_epi32, _mm_storeu_si128, _mm512_add_epi16, _mm512_aesenc_epi128,
        _mm512_and_si512, _mm512_andnot_si512, _mm512_broadcast_i32x4, _mm512_castsi128_si512,
        _mm512_i64gather_epi64, _mm512_loadu_si512, _mm512_mask_broadcast_i32x4,
        _mm512_maskz_compress_epi16, _mm512_maskz_compress_epi64, _mm512_maskz_loadu_epi8,
        _mm512_movepi8_mask, _mm512_mul_epu32, _mm512_or_si512, _mm512_permutex2var_epi8,
        _mm512_rolv_epi64, _mm512_set1_epi16, _mm512_set1_epi64, _mm512_slli_epi64,
        _mm512_srli_epi64, _mm512_storeu_si512, _mm512_testn_epi64_mask, _mm512_unpacklo_epi64,
        _mm512_xor_si512, _pext_u64,
    };

    use super::{BATCH, Filter, Places, Probes, SLACK, Sampler};

    /// How many grams are hashed at a time.
    const LANES: usize = 8;

    /// # Safety
    ///
    /// `probes.first <= probes.last` and `probes.last + Q <= text.len()`.
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,vaes,bmi2,popcnt"
    )]
    pub(super) unsafe fn sift<const Q: usize>(
        keys: &[u128; 5],
        sampler: &Sampler,
        filter: Filter<'_>,
        text: &[u8],
        probes: Probes,
        places: &mut Places,
    ) -> usize {
        // SAFETY: the caller's promise.
        unsafe {
            let (marked, next) = mark::<Q>(sampler, text, probes, places);
            if marked > 0 {
                probe::<Q>(keys, filter, text, probes.first, marked, places);
            }
            next
        }
    }

    /// Writes to `places.at` where all of a gram is in the alphabet. Returns how often that is, and
    /// where the next probe falls.
    ///
    /// # Safety
    ///
    /// As for `sift`; `marked` is at most `BATCH`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2,popcnt")]
    unsafe fn mark<const Q: usize>(
        sampler: &Sampler,
        text: &[u8],
        probes: Probes,
        places: &mut Places,
    ) -> (usize, usize) {
        // SAFETY: each of the four reads 64 bytes of the 256.
        let class =
            |at: usize| unsafe { _mm512_loadu_si512(sampler.classes.as_ptr().add(at).cast()) };
        let (low, high) = ([class(0), class(64)], [class(128), class(192)]);
        // SAFETY: 64 readable bytes.
        let offsets = unsafe { _mm512_loadu_si512(sampler.offsets.as_ptr().cast()) };
        let (mut marked, mut made, mut at) = (0, 0, probes.first);
        while at <= probes.last && made <= BATCH - SLACK {
            let inside = _bzhi_u64(u64::MAX, (text.len() - at).min(64) as u32);
            // SAFETY: only bytes of the text are read, those in the mask; `at` is within it.
            let bytes = unsafe { _mm512_maskz_loadu_epi8(inside, text.as_ptr().add(at).cast()) };
            let ascii = _mm512_movepi8_mask(_mm512_permutex2var_epi8(low[0], bytes, low[1]));
            let other = _mm512_movepi8_mask(_mm512_permutex2var_epi8(high[0], bytes, high[1]));
            let above = _mm512_movepi8_mask(bytes);
            let one = ((ascii & !above) | (other & above)) & inside;
            // Bit i of `four` says that bytes i to i + 3 are in the alphabet, and so on.
            let two = one & (one >> 1);
            let four = two & (two >> 2);
            let eight = four & (four >> 4);
            let whole = match Q {
                8 => eight,
                12 => eight & (four >> 8),
                _ => eight & (eight >> 8),
            };
            let starts = _bzhi_u64(sampler.starts, (probes.last - at + 1).min(64) as u32);
            let kept = _pext_u64(whole & starts, sampler.starts) as u32;
            let base = _mm512_set1_epi16((at - probes.first) as i16);
            let ats = _mm512_add_epi16(_mm512_maskz_compress_epi16(kept, offsets), base);
            // SAFETY: `marked` is at most `made`, which is at most `BATCH - SLACK`, and `SLACK`
            // items are written.
            unsafe { _mm512_storeu_si512(places.at.as_mut_ptr().add(marked).cast(), ats) };
            marked += kept.count_ones() as usize;
            made += starts.count_ones() as usize;
            at += starts.count_ones() as usize * sampler.stride;
        }
        (marked, at)
    }

    /// Hashes the grams at the first `marked` of `places.at` and keeps those that pass the filter.
    ///
    /// # Safety
    ///
    /// `marked` is at least one and at most `BATCH`; each of these places, counted from `first`, has
    /// `Q` bytes of text behind it.
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,vaes,bmi2,popcnt"
    )]
    unsafe fn probe<const Q: usize>(
        keys: &[u128; 5],
        filter: Filter<'_>,
        text: &[u8],
        first: usize,
        marked: usize,
        places: &mut Places,
    ) {
        // SAFETY: a `u128` is sixteen readable bytes.
        let keys = keys.each_ref().map(|key| unsafe {
            _mm512_broadcast_i32x4(_mm_loadu_si128(std::ptr::from_ref(key).cast()))
        });
        let blocks = _mm512_set1_epi64(i64::from(filter.blocks()));
        let (seven, one) = (_mm512_set1_epi64(7), _mm512_set1_epi64(1));
        let ats = places.at.as_mut_ptr().cast::<u16>();
        let hashes = places.hash.as_mut_ptr().cast::<u64>();
        // The last turn may look at up to seven items too many: the first place again.
        // SAFETY: `marked` is at most `BATCH`, so `SLACK` more items fit; the first is written.
        unsafe { std::slice::from_raw_parts_mut(ats.add(marked), LANES - 1).fill(*ats) };
        // SAFETY: each place in `ats` has `Q` bytes of text behind it.
        let gram = |lane: usize| unsafe {
            let bytes = text.as_ptr().add(first + usize::from(*ats.add(lane)));
            match Q {
                8 => _mm_loadl_epi64(bytes.cast()),
                12 => _mm_maskz_loadu_epi32(0b111, bytes.cast()),
                _ => _mm_loadu_si128(bytes.cast()),
            }
        };
        let mut len = 0;
        let mut turn = 0;
        while turn < marked {
            // Unpacking puts the first four into the even lanes and the others into the odd ones;
            // so they are taken in the order that leaves all in their places.
            let even = four([gram(turn), gram(turn + 2), gram(turn + 4), gram(turn + 6)]);
            let odd = four([gram(turn + 1), gram(turn + 3), gram(turn + 5), gram(turn + 7)]);
            let hash = _mm512_unpacklo_epi64(hash(&keys, even), hash(&keys, odd));
            // The same arithmetic as `filter::first`, in words of eight bytes.
            let block =
                _mm512_srli_epi64::<32>(_mm512_mul_epu32(_mm512_srli_epi64::<32>(hash), blocks));
            let word_at =
                _mm512_or_si512(_mm512_slli_epi64::<3>(block), _mm512_and_si512(hash, seven));
            // SAFETY: `block` is below `blocks`, so each index is below `blocks * 8` words, which is
            // the length of the filter.
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
            let left = (marked - turn).min(LANES) as u32;
            let pass = _mm512_testn_epi64_mask(missing, missing) & _bzhi_u64(0xff, left) as u8;
            // SAFETY: `len` is at most `turn`, so this overwrites no place that is still to be
            // looked at, and eight more items fit into both arrays.
            unsafe {
                let lanes = _mm_loadu_si128(ats.add(turn).cast());
                _mm_storeu_si128(ats.add(len).cast(), _mm_maskz_compress_epi16(pass, lanes));
                _mm512_storeu_si512(
                    hashes.add(len).cast(),
                    _mm512_maskz_compress_epi64(pass, hash),
                );
            }
            len += pass.count_ones() as usize;
            turn += LANES;
        }
        places.len = len;
    }

    /// Four blocks beside each other.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn four(blocks: [__m128i; 4]) -> __m512i {
        let one = _mm512_castsi128_si512(blocks[0]);
        let two = _mm512_mask_broadcast_i32x4(one, 0x00f0, blocks[1]);
        let three = _mm512_mask_broadcast_i32x4(two, 0x0f00, blocks[2]);
        _mm512_mask_broadcast_i32x4(three, 0xf000, blocks[3])
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::{GRAM_SIZES, ImprintKey};

    proptest! {
        /// Whatever the engine: every gram of the alphabet that is in the filter is kept, at its
        /// place, with its hash, and nothing that the filter's first word turns away.
        #[test]
        fn keeps_every_gram_of_the_filter(
            text in prop::collection::vec(prop_oneof![9 => b'0'..=b'z', 1 => any::<u8>()], 0..4000),
            geometry in prop::sample::select(vec![(0, 8), (0, 12), (0, 16), (1, 20), (2, 32)]),
            first in 0..40usize,
            limit in 0..4000usize,
            blocks in 1..20usize,
            high in any::<bool>(),
        ) {
            let (key, tier) = (ImprintKey::from_bytes([3; 32]), Tier::for_shortest(geometry.0, geometry.1));
            let hasher = GramHasher::new(&key, GRAM_SIZES[geometry.0]);
            let alphabet = Alphabet::of(if high { "aA0-_é".as_bytes() } else { b"aA0" });
            let mut hashes = vec![0; text.len()];
            let count = hasher.each(&text, &mut hashes);
            let mut bytes = vec![0; blocks * filter::BLOCK];
            for hash in hashes[..count].iter().step_by(3) {
                filter::insert(&mut bytes, blocks as u32, *hash);
            }
            let (sampler, filter) = (Sampler::new(tier, alphabet), Filter::new(&bytes).unwrap());
            let all: Vec<usize> = (first..count.min(limit)).step_by(tier.stride).collect();
            for engine in Engine::available() {
                let hasher = GramHasher::new(&key, GRAM_SIZES[geometry.0]).with(engine);
                let mut places = Places::new();
                let (mut kept, mut probed) = (Vec::new(), first);
                while let Some(last) = limit.checked_sub(1).filter(|last| probed <= (*last).min(count.saturating_sub(1)) && count > 0) {
                    let probes = Probes { first: probed, last };
                    let next = sift(&hasher, &sampler, filter, &text, probes, &mut places);
                    prop_assert!(next > probed && next <= probed + BATCH * tier.stride);
                    kept.extend(places.iter().map(|(at, hash)| (probed + at, hash)));
                    probed = next;
                }
                prop_assert_eq!(probed, all.last().map_or(first, |last| last + tier.stride));
                for (at, hash) in &kept {
                    prop_assert!(all.contains(at) && hashes[*at] == *hash);
                    let need = filter::first(blocks as u32, *hash);
                    let word = u64::from_le_bytes(bytes[need.at..need.at + 8].try_into().unwrap());
                    prop_assert_eq!(word & need.bits, need.bits);
                }
                for at in all.iter().filter(|at| *at % 3 == 0) {
                    let admitted = text[*at..at + hasher.size()].iter().all(|b| alphabet.contains(*b));
                    prop_assert!(!admitted || kept.contains(&(*at, hashes[*at])), "{engine:?} {at}");
                }
            }
        }
    }
}
