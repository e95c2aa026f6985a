//! Marking 64 bytes at a time and probing eight grams at a time, with AVX-512 and VAES.
//!
//! A turn takes up to [`WORDS`] words of 64 bytes, each of one text, and goes through them in four
//! loops that keep the processor's window short and its loads many: one sees which bytes are of the
//! alphabet, one lists the places whose whole gram is, one hashes the grams there, and one tests the
//! filter.

use std::arch::x86_64::{
    __m256i, __m512i, _MM_HINT_T0, _bzhi_u64, _mm_castpd_si128, _mm_castsi128_pd,
    _mm_cvtsi128_si64, _mm_extract_epi64, _mm_loadh_pd, _mm_loadl_epi64, _mm_loadu_si128,
    _mm_prefetch, _mm_set1_epi16, _mm_storeu_si128, _mm256_aesenc_epi128,
    _mm256_bitshuffle_epi64_mask, _mm256_broadcastsi128_si256, _mm256_bsrli_epi128,
    _mm256_castsi128_si256, _mm256_castsi256_si128, _mm256_cmpeq_epi64_mask,
    _mm256_extracti128_si256, _mm256_inserti128_si256, _mm256_loadu_si256, _mm256_movm_epi8,
    _mm256_mul_epu32, _mm256_multishift_epi64_epi8, _mm256_set1_epi64x, _mm256_srli_epi64,
    _mm256_storeu_si256, _mm256_ternarylogic_epi64, _mm256_unpacklo_epi64, _mm256_xor_si256,
    _mm512_add_epi16, _mm512_and_si512, _mm512_andnot_si512, _mm512_castsi512_si256,
    _mm512_cvtepu8_epi16, _mm512_extracti64x4_epi64, _mm512_loadu_si512,
    _mm512_mask_bitshuffle_epi64_mask, _mm512_maskz_compress_epi16, _mm512_maskz_loadu_epi8,
    _mm512_movepi8_mask, _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_permutexvar_epi64,
    _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_shrdi_epi64, _mm512_srli_epi64, _mm512_storeu_si512,
};
use std::mem::MaybeUninit;
use std::ptr::with_exposed_provenance;

use super::{Front, Places, ROOM, SELECTORS, Sampler, WORDS, selectors};
use crate::patch::filter::Filter;

/// How many grams are hashed at a time.
const LANES: usize = 8;

/// What a turn knows of its words, in the order of their bytes.
struct Turn {
    /// Which bytes of each word are of the alphabet. Behind each text at least one bit is zero.
    classes: [MaybeUninit<u64>; WORDS + 16],
    /// The selectors of each word.
    selectors: [MaybeUninit<u8>; SELECTORS + 64],
    /// For each word, what a place in it, counted from the turn's first word, lacks to its address.
    bases: [MaybeUninit<usize>; WORDS + 8],
    /// How many words there are.
    words: usize,
    /// The marked places, counted from the turn's first word.
    places: [MaybeUninit<u16>; ROOM + 64],
    /// How many there are.
    marked: usize,
}

/// Does a turn: see [`Places::sift`].
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512bitalg,vaes,bmi2,popcnt"
)]
pub(super) fn sift(
    keys: &[u128; 5],
    sampler: &Sampler,
    filter: Filter<'_>,
    texts: &[&[u8]],
    front: &mut Front,
    last: usize,
    places: &mut Places<'_>,
) {
    match (sampler.tier.size(), sampler.tier.stride) {
        (16, 17) => sift_tier::<16, 17, 8>(keys, sampler, filter, texts, front, last, places),
        (12, 9) => sift_tier::<12, 9, 8>(keys, sampler, filter, texts, front, last, places),
        (8, 9) => sift_tier::<8, 9, 8>(keys, sampler, filter, texts, front, last, places),
        (8, 5) => sift_tier::<8, 5, 16>(keys, sampler, filter, texts, front, last, places),
        _ => sift_tier::<8, 1, 64>(keys, sampler, filter, texts, front, last, places),
    }
}

/// A turn for a tier with grams of `Q` bytes and stride `S`, and `L` selectors for each word.
#[target_feature(
    enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512bitalg,vaes,bmi2,popcnt"
)]
fn sift_tier<const Q: usize, const S: usize, const L: usize>(
    keys: &[u128; 5],
    sampler: &Sampler,
    filter: Filter<'_>,
    texts: &[&[u8]],
    front: &mut Front,
    last: usize,
    places: &mut Places<'_>,
) {
    // The places of so many words fit.
    let limit = const {
        let limit = ROOM / 64usize.div_ceil(S);
        let limit = if limit < WORDS { limit } else { WORDS };
        assert!(L == selectors(S) && limit * L <= SELECTORS - 64);
        limit
    };
    let mut turn = Turn {
        classes: [const { MaybeUninit::uninit() }; WORDS + 16],
        selectors: [const { MaybeUninit::uninit() }; SELECTORS + 64],
        bases: [const { MaybeUninit::uninit() }; WORDS + 8],
        words: 0,
        places: [const { MaybeUninit::uninit() }; ROOM + 64],
        marked: 0,
    };
    while let Some(text) = texts.get(front.text)
        && turn.words < limit
    {
        // No probe falls on an earlier byte.
        let at = front.at.max(S - 1);
        // No gram of a probe that counts reaches further.
        let left = text.len().min(last.saturating_add(Q)).saturating_sub(at);
        let take = left.min((limit - turn.words) * 64 - 1);
        if take >= Q {
            turn.add::<L>(sampler, &text[at..at + take]);
            front.at = at + ((take - Q) / S + 1) * S;
        }
        if take < left {
            fetch(&text[at + take..]);
            break;
        }
        front.advance(texts.len(), S);
    }
    turn.mark::<Q, L>();
    if turn.marked > 0 {
        turn.hash::<Q>(keys, places);
        turn.test(filter, places);
    }
}

impl Turn {
    /// Adds the words of `text`, of which the first byte is probed.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    fn add<const L: usize>(&mut self, sampler: &Sampler, text: &[u8]) {
        let whole = text.len() / 64;
        let base = text.as_ptr().expose_provenance().wrapping_sub(self.words * 64);
        let base = _mm512_set1_epi64(base as i64);
        for word in (0..=whole).step_by(8) {
            // SAFETY: the text was cut so that its last word is within the turn's `WORDS`, and so is
            // this one; there is room for eight more.
            unsafe {
                _mm512_storeu_si512(self.bases.as_mut_ptr().add(self.words + word).cast(), base);
            }
        }
        for at in (0..(whole + 1) * L).step_by(64) {
            // SAFETY: a turn's words have no more than `SELECTORS - 64` selectors, as `sift_tier`
            // asserts. So 64 more than start before their end are in the sampler's, and fit here.
            unsafe {
                let selectors = _mm512_loadu_si512(sampler.selectors.as_ptr().add(at).cast());
                let to = self.selectors.as_mut_ptr().add(self.words * L + at);
                _mm512_storeu_si512(to.cast(), selectors);
            }
        }
        // SAFETY: all words of the text are within the turn's `WORDS`.
        unsafe {
            let classes = self.classes.as_mut_ptr().add(self.words).cast();
            if sampler.ascii {
                classify::<true>(sampler, text, classes);
            } else {
                classify::<false>(sampler, text, classes);
            }
        }
        self.words += whole + 1;
    }

    /// Lists the places at which a gram of `Q` bytes of the alphabet stands.
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512bitalg,popcnt"
    )]
    fn mark<const Q: usize, const L: usize>(&mut self) {
        // What stands behind the last word counts as zero.
        // SAFETY: there is room for eight words more than a turn has, and for 64 selectors.
        unsafe {
            let zero = _mm512_setzero_si512();
            _mm512_storeu_si512(self.classes.as_mut_ptr().add(self.words).cast(), zero);
            _mm512_storeu_si512(self.selectors.as_mut_ptr().add(self.words * L).cast(), zero);
        }
        let numbers = Numbers::of::<L>();
        // SAFETY: each of the three reads 64 bytes of the 192.
        let [spread, low, high] =
            [0, 64, 128].map(|at| unsafe { _mm512_loadu_si512(numbers.0.as_ptr().add(at).cast()) });
        let out = self.places.as_mut_ptr();
        let mut marked = 0;
        for word in (0..self.words).step_by(64 / L) {
            // SAFETY: `word` is within the turn's words, of whose classes eight more are written, and 64
            // more of the selectors.
            let (mut one, mut next, selectors) = unsafe {
                let classes = self.classes.as_ptr().add(word);
                (
                    _mm512_loadu_si512(classes.cast()),
                    _mm512_loadu_si512(classes.add(1).cast()),
                    _mm512_loadu_si512(self.selectors.as_ptr().add(word * L).cast()),
                )
            };
            if L > 8 {
                one = _mm512_permutexvar_epi64(spread, one);
                next = _mm512_permutexvar_epi64(spread, next);
            }
            let starts = starts_of_runs::<Q>(one, next);
            let some = _mm512_movepi8_mask(selectors);
            let marks = _mm512_mask_bitshuffle_epi64_mask(some, starts, selectors);
            let within = _mm512_and_si512(selectors, _mm512_set1_epi8(63));
            let base = _mm512_set1_epi16((word * 64) as i16);
            let place = |half: __m256i, numbers: __m512i| {
                _mm512_add_epi16(_mm512_add_epi16(base, numbers), _mm512_cvtepu8_epi16(half))
            };
            let first = place(_mm512_castsi512_si256(within), low);
            let second = place(_mm512_extracti64x4_epi64::<1>(within), high);
            let (first_marks, second_marks) = (marks as u32, (marks >> 32) as u32);
            // SAFETY: no more places are marked than fall in the turn's words, which is `ROOM` at
            // most, and there is room for 64 more.
            unsafe {
                let first = _mm512_maskz_compress_epi16(first_marks, first);
                _mm512_storeu_si512(out.add(marked).cast(), first);
                marked += first_marks.count_ones() as usize;
                let second = _mm512_maskz_compress_epi16(second_marks, second);
                _mm512_storeu_si512(out.add(marked).cast(), second);
                marked += second_marks.count_ones() as usize;
            }
        }
        self.marked = marked;
    }

    /// Hashes the grams at the marked places, eight at a time.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,vaes")]
    fn hash<const Q: usize>(&mut self, keys: &[u128; 5], places: &mut Places<'_>) {
        // SAFETY: a `u128` is sixteen readable bytes.
        let keys = keys.each_ref().map(|key| unsafe {
            _mm256_broadcastsi128_si256(_mm_loadu_si128(std::ptr::from_ref(key).cast()))
        });
        let ats = self.places.as_mut_ptr().cast::<u16>();
        let bases = self.bases.as_ptr().cast::<usize>();
        // The last eight may be up to seven too many: the first place again.
        // SAFETY: there is room for eight more than are marked, and the first is written.
        unsafe { _mm_storeu_si128(ats.add(self.marked).cast(), _mm_set1_epi16(*ats as i16)) };
        let hashes = places.hash.as_mut_ptr();
        for eight in (0..self.marked).step_by(LANES) {
            // SAFETY: eight places are written from `eight` on. Each is in one of the turn's words,
            // where the `Q` bytes from it on are of the alphabet, so they are of the word's text. That
            // has at least four bytes before it if `Q` is 12: no probe falls on an earlier byte than
            // `S - 1`, which is 8.
            let pair = |one: usize, other: usize| unsafe {
                let gram = |lane: usize| {
                    let at = usize::from(*ats.add(eight + lane));
                    let gram = (*bases.add(at / 64)).wrapping_add(at);
                    match Q {
                        8 => _mm_loadl_epi64(with_exposed_provenance(gram)),
                        // Twelve bytes are read with the four before them, which are shifted out.
                        _ => _mm_loadu_si128(with_exposed_provenance(gram - (16 - Q))),
                    }
                };
                let both =
                    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(gram(one)), gram(other));
                let both = if Q == 12 { _mm256_bsrli_epi128::<4>(both) } else { both };
                let whitened = _mm256_xor_si256(both, keys[0]);
                let mut state = whitened;
                for key in &keys[1..] {
                    state = _mm256_aesenc_epi128(state, *key);
                }
                _mm256_xor_si256(state, whitened)
            };
            // Unpacking takes from its two sides in turn.
            let low = _mm256_unpacklo_epi64(pair(0, 2), pair(1, 3));
            let high = _mm256_unpacklo_epi64(pair(4, 6), pair(5, 7));
            // SAFETY: there is room for eight more hashes than `ROOM`.
            unsafe {
                _mm256_storeu_si256(hashes.add(eight).cast(), low);
                _mm256_storeu_si256(hashes.add(eight + 4).cast(), high);
            }
        }
    }

    /// Keeps the places whose hashes pass the filter.
    #[inline]
    #[target_feature(
        enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512bitalg,bmi2,popcnt"
    )]
    fn test(&self, filter: Filter<'_>, places: &mut Places<'_>) {
        let blocks = _mm256_set1_epi64x(i64::from(filter.blocks()));
        let (seven, all) = (_mm256_set1_epi64x(7), _mm256_set1_epi64x(-1));
        // Where in a hash the numbers of the three bits start; the last is asked for six times.
        let bits = _mm256_set1_epi64x(0x1111_1111_1111_0b05);
        let words = filter.bytes().as_ptr().cast::<f64>();
        let hashes = places.hash.as_mut_ptr().cast::<u64>();
        // SAFETY: four hashes are written from `four` on. `block` is below `filter.blocks()`, so `at` is
        // below eight times that, the number of words in the filter.
        let pass = |four: usize| unsafe {
            let hash = _mm256_loadu_si256(hashes.add(four).cast());
            // The same arithmetic as `filter::first`, in words of eight bytes.
            let block = _mm256_mul_epu32(_mm256_srli_epi64::<32>(hash), blocks);
            let at = _mm256_ternarylogic_epi64::<0xd8>(_mm256_srli_epi64::<29>(block), hash, seven);
            let (low, high) = (_mm256_castsi256_si128(at), _mm256_extracti128_si256::<1>(at));
            // A gather would take longer than the eight loads.
            let two = |at| {
                let first = words.add(_mm_cvtsi128_si64(at) as usize);
                let second = words.add(_mm_extract_epi64::<1>(at) as usize);
                let one = _mm_castsi128_pd(_mm_loadl_epi64(first.cast()));
                _mm_castpd_si128(_mm_loadh_pd(one, second))
            };
            let word = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(two(low)), two(high));
            let has = _mm256_bitshuffle_epi64_mask(word, _mm256_multishift_epi64_epi8(bits, hash));
            u64::from(_mm256_cmpeq_epi64_mask(_mm256_movm_epi8(has), all))
        };
        let mut passed = [0; ROOM / 64 + 1];
        let mut bits = 0;
        for eight in (0..self.marked).step_by(LANES) {
            bits = if eight % 64 == 0 { 0 } else { bits };
            bits |= (pass(eight) | pass(eight + 4) << 4) << (eight % 64);
            passed[eight / 64] = bits;
        }
        let mut kept = 0;
        for (number, passed) in passed[..self.marked.div_ceil(64)].iter().enumerate() {
            let mut passed = _bzhi_u64(*passed, (self.marked - number * 64).min(64) as u32);
            while passed != 0 {
                let turn = number * 64 + passed.trailing_zeros() as usize;
                passed &= passed - 1;
                // SAFETY: `turn` is below `marked`, so the place is written, and its hash, and it is in
                // one of the words. `kept` is at most `turn`.
                unsafe {
                    let at = usize::from(self.places.get_unchecked(turn).assume_init());
                    let base = self.bases.get_unchecked(at / 64).assume_init();
                    let hash = *hashes.add(turn);
                    places.at.get_unchecked_mut(kept).write(base.wrapping_add(at));
                    *hashes.add(kept) = hash;
                    kept += usize::from(filter.passes_second(hash));
                }
            }
        }
        places.len = kept;
    }
}

/// Writes down which bytes of each word of `text` are of the alphabet, with at least one zero bit
/// behind them.
///
/// # Safety
///
/// There is room at `out` for one word more than there are whole ones in the text.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
unsafe fn classify<const ASCII: bool>(sampler: &Sampler, text: &[u8], out: *mut u64) {
    // SAFETY: each of the four reads 64 bytes of the 256.
    let class = |at: usize| unsafe { _mm512_loadu_si512(sampler.classes.as_ptr().add(at).cast()) };
    let (low, high) = ([class(0), class(64)], [class(128), class(192)]);
    let classes = |bytes: __m512i| {
        // The table look-up goes by the lower seven bits, the upper one says in which half.
        let lower = _mm512_permutex2var_epi8(low[0], bytes, low[1]);
        let class = _mm512_andnot_si512(bytes, lower);
        if ASCII {
            return _mm512_movepi8_mask(class);
        }
        let upper = _mm512_permutex2var_epi8(high[0], bytes, high[1]);
        _mm512_movepi8_mask(_mm512_or_si512(class, _mm512_and_si512(bytes, upper)))
    };
    let whole = text.len() / 64;
    let tail = _bzhi_u64(u64::MAX, (text.len() % 64) as u32);
    // SAFETY: only bytes of the text are read, of the last word those in the mask; the rest is the
    // caller's promise.
    unsafe {
        for word in 0..whole {
            let bytes = _mm512_loadu_si512(text.as_ptr().add(word * 64).cast());
            out.add(word).write(classes(bytes));
        }
        let bytes = _mm512_maskz_loadu_epi8(tail, text.as_ptr().add(whole * 64).cast());
        out.add(whole).write(classes(bytes) & tail);
    }
}

/// Has the start of `text` brought into the cache: as much as the next turn will look at.
#[inline]
#[target_feature(enable = "sse")]
fn fetch(text: &[u8]) {
    for line in (0..text.len().min(WORDS * 64)).step_by(64) {
        // SAFETY: fetching reads nothing that the program sees, and the address is in the text.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(text.as_ptr().add(line).cast()) };
    }
}

/// The bits at which `Q` set bits in a row start, in words and those that follow them.
#[inline]
#[target_feature(enable = "avx512f,avx512vbmi2")]
fn starts_of_runs<const Q: usize>(one: __m512i, next: __m512i) -> __m512i {
    // Where two, four, … in a row start. What is right of the next words are only the lower bits; no
    // others are needed.
    let and = |a, b| _mm512_and_si512(a, b);
    let two = and(one, _mm512_shrdi_epi64::<1>(one, next));
    let two_next = and(next, _mm512_srli_epi64::<1>(next));
    let four = and(two, _mm512_shrdi_epi64::<2>(two, two_next));
    let four_next = and(two_next, _mm512_srli_epi64::<2>(two_next));
    let eight = and(four, _mm512_shrdi_epi64::<4>(four, four_next));
    match Q {
        8 => eight,
        12 => and(eight, _mm512_shrdi_epi64::<8>(four, four_next)),
        _ => {
            let eight_next = and(four_next, _mm512_srli_epi64::<4>(four_next));
            and(eight, _mm512_shrdi_epi64::<8>(eight, eight_next))
        }
    }
}

/// For rows of 64 selectors, of which a word has `L`: the word of each eight as numbers of eight
/// bytes, and where the word of each starts as numbers of two.
#[repr(align(64))]
struct Numbers([u8; 192]);

impl Numbers {
    #[inline(always)]
    fn of<const L: usize>() -> &'static Numbers {
        const {
            let mut numbers = Numbers([0; 192]);
            let mut at = 0;
            while at < 64 {
                if at % 8 == 0 {
                    numbers.0[at] = (at / L) as u8;
                }
                let start = (at / L * 64).to_le_bytes();
                numbers.0[64 + at * 2] = start[0];
                numbers.0[64 + at * 2 + 1] = start[1];
                at += 1;
            }
            &Numbers(numbers.0)
        }
    }
}
