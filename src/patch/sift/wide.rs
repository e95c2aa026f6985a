//! Marking 64 bytes and probing eight grams at a time, with AVX-512 and VAES.

use std::arch::x86_64::{
    __m128i, __m512i, _bzhi_u64, _mm_loadl_epi64, _mm_loadu_si128, _mm_maskz_loadu_epi32,
    _mm512_add_epi64, _mm512_aesenc_epi128, _mm512_and_si512, _mm512_andnot_si512,
    _mm512_broadcast_i32x4, _mm512_castsi128_si512, _mm512_i64gather_epi64, _mm512_loadu_si512,
    _mm512_mask_broadcast_i32x4, _mm512_maskz_compress_epi64, _mm512_maskz_loadu_epi8,
    _mm512_movepi8_mask, _mm512_mul_epu32, _mm512_or_si512, _mm512_permutex2var_epi8,
    _mm512_rolv_epi64, _mm512_set1_epi64, _mm512_slli_epi64, _mm512_srli_epi64,
    _mm512_storeu_si512, _mm512_testn_epi64_mask, _mm512_unpacklo_epi64, _mm512_xor_si512,
    _pext_u64,
};
use std::ptr::with_exposed_provenance;

use super::{Front, Places, ROOM, SLACK, Sampler, lanes, starts_of_runs};
use crate::patch::filter::Filter;

/// How many grams are hashed at a time.
const LANES: usize = 8;

/// Adds the probes of `texts` whose grams are of the alphabet to `places`, from `front` on, up to byte
/// `last` of each text, as far as there is room, and moves `front` on.
///
/// # Safety
///
/// `places` are not full.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2,popcnt")]
pub(super) unsafe fn mark(
    sampler: &Sampler,
    texts: &[&[u8]],
    front: &mut Front,
    last: usize,
    places: &mut Places<'_>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match (sampler.ascii, sampler.tier.size(), sampler.tier.stride) {
            (true, 16, 17) => mark_tier::<true, 16, 17>(sampler, texts, front, last, places),
            (true, 12, 9) => mark_tier::<true, 12, 9>(sampler, texts, front, last, places),
            (true, 8, 9) => mark_tier::<true, 8, 9>(sampler, texts, front, last, places),
            (true, 8, 5) => mark_tier::<true, 8, 5>(sampler, texts, front, last, places),
            (true, ..) => mark_tier::<true, 8, 1>(sampler, texts, front, last, places),
            (false, 16, 17) => mark_tier::<false, 16, 17>(sampler, texts, front, last, places),
            (false, 12, 9) => mark_tier::<false, 12, 9>(sampler, texts, front, last, places),
            (false, 8, 9) => mark_tier::<false, 8, 9>(sampler, texts, front, last, places),
            (false, 8, 5) => mark_tier::<false, 8, 5>(sampler, texts, front, last, places),
            (false, ..) => mark_tier::<false, 8, 1>(sampler, texts, front, last, places),
        }
    }
}

/// # Safety
///
/// As for `mark`; the tier of `sampler` has grams of `Q` bytes and stride `S`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2,popcnt")]
unsafe fn mark_tier<const ASCII: bool, const Q: usize, const S: usize>(
    sampler: &Sampler,
    texts: &[&[u8]],
    front: &mut Front,
    last: usize,
    places: &mut Places<'_>,
) {
    // SAFETY: each of the four reads 64 bytes of the 256.
    let class = |at: usize| unsafe { _mm512_loadu_si512(sampler.classes.as_ptr().add(at).cast()) };
    let (low, high) = ([class(0), class(64)], [class(128), class(192)]);
    let ats = places.at.as_mut_ptr();
    let mut len = places.len;
    // Lists those of the probes in `starts` whose gram is in the alphabet; the first one is at `base`,
    // where `bytes` were read.
    let mut list = |base: *const u8, bytes: __m512i, inside: u64, starts: u64| {
        // The table look-up goes by the lower seven bits, the upper one says in which half.
        let lower = _mm512_permutex2var_epi8(low[0], bytes, low[1]);
        let mut class = _mm512_movepi8_mask(_mm512_andnot_si512(bytes, lower));
        if !ASCII {
            let upper = _mm512_permutex2var_epi8(high[0], bytes, high[1]);
            class |= _mm512_movepi8_mask(_mm512_and_si512(bytes, upper));
        }
        let whole = starts_of_runs::<Q>(class & inside);
        let mut kept = _pext_u64(whole & starts, sampler.starts);
        let base = _mm512_set1_epi64(base.expose_provenance() as i64);
        for group in 0..lanes::<Q, S>().div_ceil(LANES) {
            // SAFETY: `offsets` has 64 items, and there are at most 64 lanes. There is room for 64
            // places beyond those that count, as `len` is at most `ROOM`.
            unsafe {
                let offsets =
                    _mm512_loadu_si512(sampler.offsets.as_ptr().add(group * LANES).cast());
                let some = _mm512_maskz_compress_epi64(kept as u8, _mm512_add_epi64(base, offsets));
                _mm512_storeu_si512(ats.add(len).cast(), some);
            }
            len += (kept as u8).count_ones() as usize;
            kept >>= LANES;
        }
        len <= ROOM - SLACK
    };
    let step = lanes::<Q, S>() * S;
    let mut room = true;
    while let (Some(text), true) = (texts.get(front.text), room) {
        let mut at = front.at;
        // No probe fits a text that is shorter than a gram: then the end is before the start.
        let end = (text.len() + 1).saturating_sub(Q).min(last.saturating_add(1));
        // Loads that lie within the text and of which all probes count.
        while at + step < end && at + 64 <= text.len() && room {
            let base = text.as_ptr().wrapping_add(at);
            // SAFETY: the 64 bytes lie within the text.
            let bytes = unsafe { _mm512_loadu_si512(base.cast()) };
            room = list(base, bytes, u64::MAX, sampler.starts);
            at += step;
        }
        while at < end && room {
            let base = text.as_ptr().wrapping_add(at);
            let inside = _bzhi_u64(u64::MAX, (text.len() - at).min(64) as u32);
            // SAFETY: only bytes of the text are read, those in the mask; `at` is within it.
            let bytes = unsafe { _mm512_maskz_loadu_epi8(inside, base.cast()) };
            let starts = _bzhi_u64(sampler.starts, (end - at).min(64) as u32);
            room = list(base, bytes, inside, starts);
            at += starts.count_ones() as usize * S;
        }
        front.at = at;
        if at >= end {
            front.advance(texts.len(), S);
        }
    }
    places.len = len;
}

/// Hashes the grams at the marked places and keeps those that pass the first word of the filter.
///
/// # Safety
///
/// The first `places.len` items of `places.at` are written, at least one and no more than leaves
/// room for eight more, and each has `Q` bytes behind it.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,vaes,bmi2,popcnt"
)]
pub(super) unsafe fn probe<const Q: usize>(
    keys: &[u128; 5],
    filter: Filter<'_>,
    places: &mut Places<'_>,
) {
    // SAFETY: a `u128` is sixteen readable bytes.
    let keys = keys.each_ref().map(|key| unsafe {
        _mm512_broadcast_i32x4(_mm_loadu_si128(std::ptr::from_ref(key).cast()))
    });
    let blocks = _mm512_set1_epi64(i64::from(filter.blocks()));
    let (seven, one) = (_mm512_set1_epi64(7), _mm512_set1_epi64(1));
    let marked = places.len;
    let ats = places.at.as_mut_ptr().cast::<usize>();
    let hashes = places.hash.as_mut_ptr().cast::<u64>();
    // The last turn may look at up to seven items too many: the first place again.
    // SAFETY: there is room for eight more than are marked, and the first is written.
    unsafe { _mm512_storeu_si512(ats.add(marked).cast(), _mm512_set1_epi64(*ats as i64)) };
    // SAFETY: each of these places has `Q` bytes behind it.
    let gram = |lane: usize| unsafe {
        let bytes = with_exposed_provenance::<u8>(*ats.add(lane));
        match Q {
            8 => _mm_loadl_epi64(bytes.cast()),
            12 => _mm_maskz_loadu_epi32(0b111, bytes.cast()),
            _ => _mm_loadu_si128(bytes.cast()),
        }
    };
    let (mut kept, mut turn) = (0, 0);
    while turn < marked {
        // Unpacking puts the first four into the even lanes and the others into the odd ones; so
        // they are taken in the order that leaves all in their places.
        let even = four([gram(turn), gram(turn + 2), gram(turn + 4), gram(turn + 6)]);
        let odd = four([gram(turn + 1), gram(turn + 3), gram(turn + 5), gram(turn + 7)]);
        let hash = _mm512_unpacklo_epi64(hash(&keys, even), hash(&keys, odd));
        // The same arithmetic as `filter::first`, in words of eight bytes.
        let block =
            _mm512_srli_epi64::<32>(_mm512_mul_epu32(_mm512_srli_epi64::<32>(hash), blocks));
        let word_at = _mm512_or_si512(_mm512_slli_epi64::<3>(block), _mm512_and_si512(hash, seven));
        // SAFETY: `block` is below `blocks`, so each index is below `blocks * 8` words, which is the
        // length of the filter.
        let word = unsafe { _mm512_i64gather_epi64::<8>(word_at, filter.bytes().as_ptr().cast()) };
        let bit = |count: __m512i| _mm512_rolv_epi64(one, count);
        let need = _mm512_or_si512(
            _mm512_or_si512(bit(_mm512_srli_epi64::<5>(hash)), bit(_mm512_srli_epi64::<11>(hash))),
            bit(_mm512_srli_epi64::<17>(hash)),
        );
        let missing = _mm512_andnot_si512(word, need);
        let left = (marked - turn).min(LANES) as u32;
        let pass = _mm512_testn_epi64_mask(missing, missing) & _bzhi_u64(0xff, left) as u8;
        // SAFETY: `kept` is at most `turn`, so this overwrites no place that is still to be looked
        // at, and eight more items fit into both arrays.
        unsafe {
            let lanes = _mm512_loadu_si512(ats.add(turn).cast());
            _mm512_storeu_si512(ats.add(kept).cast(), _mm512_maskz_compress_epi64(pass, lanes));
            _mm512_storeu_si512(hashes.add(kept).cast(), _mm512_maskz_compress_epi64(pass, hash));
        }
        kept += pass.count_ones() as usize;
        turn += LANES;
    }
    places.len = kept;
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
