//! Marking 64 bytes at a time with AVX2, hashing one gram at a time with AES-NI, of which the
//! processor overlaps many, and testing four hashes at a time.

use std::arch::x86_64::{
    __m256i, _bzhi_u64, _mm_aesenc_si128, _mm_bsrli_si128, _mm_castpd_si128, _mm_cvtsi128_si64,
    _mm_extract_epi64, _mm_load_sd, _mm_loadh_pd, _mm_loadl_epi64, _mm_loadu_si128,
    _mm_storel_epi64, _mm_xor_si128, _mm256_and_si256, _mm256_broadcastsi128_si256,
    _mm256_castsi128_si256, _mm256_castsi256_pd, _mm256_castsi256_si128, _mm256_cmpeq_epi8,
    _mm256_cmpeq_epi64, _mm256_extracti128_si256, _mm256_inserti128_si256, _mm256_loadu_si256,
    _mm256_movemask_epi8, _mm256_movemask_pd, _mm256_mul_epu32, _mm256_or_si256, _mm256_set1_epi8,
    _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi64,
    _mm256_sllv_epi64, _mm256_srli_epi16, _mm256_srli_epi64, _mm256_storeu_si256,
};
use std::ptr::with_exposed_provenance;

use super::{Front, Places, ROOM, Sampler, starts_of_runs};
use crate::patch::filter::Filter;

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
        // No probe falls on an earlier byte.
        front.at = front.at.max(S - 1);
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

/// Hashes the grams at the marked places and keeps those that pass the filter.
///
/// # Safety
///
/// The first `places.len` items of `places.at` are written. Each has `Q` bytes behind it, and if `Q` is
/// 12 four bytes before it.
#[target_feature(enable = "aes,avx2,bmi2,popcnt")]
pub(super) unsafe fn probe<const Q: usize>(
    keys: &[u128; 5],
    filter: Filter<'_>,
    places: &mut Places<'_>,
) {
    // SAFETY: a `u128` is sixteen readable bytes.
    let keys =
        keys.each_ref().map(|key| unsafe { _mm_loadu_si128(std::ptr::from_ref(key).cast()) });
    let marked = places.len;
    let hashes = places.hash.as_mut_ptr().cast::<u64>();
    for turn in 0..marked {
        // SAFETY: the caller's promise; twelve bytes are read with the four before them, which are
        // shifted out.
        let gram = unsafe {
            let at = places.at.get_unchecked(turn).assume_init();
            match Q {
                8 => _mm_loadl_epi64(with_exposed_provenance(at)),
                12 => _mm_bsrli_si128::<4>(_mm_loadu_si128(with_exposed_provenance(at - 4))),
                _ => _mm_loadu_si128(with_exposed_provenance(at)),
            }
        };
        let whitened = _mm_xor_si128(gram, keys[0]);
        let mut state = whitened;
        for key in &keys[1..] {
            state = _mm_aesenc_si128(state, *key);
        }
        // SAFETY: there is room for a hash for each place.
        unsafe { _mm_storel_epi64(hashes.add(turn).cast(), _mm_xor_si128(state, whitened)) };
    }
    // The last four may be up to three too many.
    // SAFETY: there is room for `SLACK` hashes more than are marked.
    unsafe { _mm256_storeu_si256(hashes.add(marked).cast(), _mm256_setzero_si256()) };
    let blocks = _mm256_set1_epi64x(i64::from(filter.blocks()));
    let mut kept = 0;
    for four in (0..marked).step_by(4) {
        // SAFETY: four hashes are written from `four` on.
        let hash = unsafe { _mm256_loadu_si256(hashes.add(four).cast()) };
        let mut passed =
            passes_first(filter, blocks, hash) & _bzhi_u64(15, (marked - four).min(4) as u32);
        while passed != 0 {
            let turn = four + passed.trailing_zeros() as usize;
            passed &= passed - 1;
            // SAFETY: `turn` is below `marked`, and `kept` is at most `turn`.
            unsafe {
                let hash = *hashes.add(turn);
                *places.at.get_unchecked_mut(kept) = *places.at.get_unchecked(turn);
                *hashes.add(kept) = hash;
                kept += usize::from(filter.passes_second(hash));
            }
        }
    }
    places.len = kept;
}

/// Which of four hashes the first word of the filter lets pass, a bit each.
#[inline]
#[target_feature(enable = "avx2")]
fn passes_first(filter: Filter<'_>, blocks: __m256i, hash: __m256i) -> u64 {
    let and = |a, b| _mm256_and_si256(a, b);
    // The same arithmetic as `filter::first`, in words of eight bytes.
    let block = _mm256_srli_epi64::<32>(_mm256_mul_epu32(_mm256_srli_epi64::<32>(hash), blocks));
    let at = _mm256_or_si256(_mm256_slli_epi64::<3>(block), and(hash, _mm256_set1_epi64x(7)));
    let words = filter.bytes().as_ptr().cast::<f64>();
    // SAFETY: `block` is below `filter.blocks()`, so each of the four is below eight times that, the
    // number of words in the filter.
    let two = |at| unsafe {
        let first = words.add(_mm_cvtsi128_si64(at) as usize);
        let second = words.add(_mm_extract_epi64::<1>(at) as usize);
        _mm_castpd_si128(_mm_loadh_pd(_mm_load_sd(first), second))
    };
    let (low, high) = (_mm256_castsi256_si128(at), _mm256_extracti128_si256::<1>(at));
    let word = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(two(low)), two(high));
    let bit = |hash| {
        let place = and(hash, _mm256_set1_epi64x(63));
        _mm256_sllv_epi64(_mm256_set1_epi64x(1), place)
    };
    let need = _mm256_or_si256(
        _mm256_or_si256(bit(_mm256_srli_epi64::<5>(hash)), bit(_mm256_srli_epi64::<11>(hash))),
        bit(_mm256_srli_epi64::<17>(hash)),
    );
    let passed = _mm256_cmpeq_epi64(and(word, need), need);
    _mm256_movemask_pd(_mm256_castsi256_pd(passed)) as u64
}
