//! Keyed one-way hashing of 16-byte blocks with a few AES rounds.
//!
//! `hash(x) = low 64 bits of R(x ⊕ k₀) ⊕ x ⊕ k₀`, where `R` is four AES rounds (SubBytes, ShiftRows,
//! MixColumns, AddRoundKey as in FIPS 197) under the keys k₁…k₄. Without the keys the values look
//! random. With them the rounds alone could be run backwards, so the input is folded back in
//! (Davies–Meyer) and half of the result is dropped.
//!
//! The hardware's AES instructions and the portable path give the same values, so a set that was
//! compiled on one machine serves on every other.

use aes::Block;
use zeroize::Zeroize;

/// How many AES rounds a block goes through.
pub(crate) const ROUNDS: usize = 4;

/// What a machine hashes with. All give the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// No special instructions.
    Portable,
    /// AVX2 and AES-NI: Intel since Haswell, AMD since Excavator.
    Avx2,
    /// AVX-512 with VAES: Intel since Ice Lake, AMD since Zen 4.
    Wide,
}

/// The keys of the rounds, k₀…k₄, and what this machine hashes with.
pub(crate) struct Rounds {
    keys: [u128; ROUNDS + 1],
    engine: Engine,
}

impl Engine {
    /// The engines that this machine can use, the best one last.
    pub(crate) fn available() -> impl Iterator<Item = Engine> {
        [Engine::Portable, Engine::Avx2, Engine::Wide]
            .into_iter()
            .filter(|engine| engine.is_available())
    }

    #[cfg(target_arch = "x86_64")]
    fn is_available(self) -> bool {
        use std::arch::is_x86_feature_detected as has;
        let avx2 = has!("aes") && has!("avx2") && has!("bmi2") && has!("popcnt");
        match self {
            Engine::Portable => true,
            Engine::Avx2 => avx2,
            Engine::Wide => {
                avx2 && has!("vaes")
                    && has!("avx512f")
                    && has!("avx512bw")
                    && has!("avx512vl")
                    && has!("avx512dq")
                    && has!("avx512vbmi")
                    && has!("avx512vbmi2")
                    && has!("avx512bitalg")
            }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_available(self) -> bool {
        self == Engine::Portable
    }
}

impl Rounds {
    /// The hash under `keys`, with the best engine that this machine has.
    pub(super) fn new(keys: [u128; ROUNDS + 1]) -> Rounds {
        Rounds { keys, engine: Engine::available().last().unwrap_or(Engine::Portable) }
    }

    /// The keys k₀…k₄, each as a little-endian number.
    pub(crate) fn keys(&self) -> &[u128; ROUNDS + 1] {
        &self.keys
    }

    /// What this machine hashes with.
    #[inline(always)]
    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// Hashes every gram of `Q` bytes in `text`, the one at byte `i` into `out[i]`.
    ///
    /// Fills as much of `out` as `text` has grams for and returns how many that is.
    pub(crate) fn each_gram<const Q: usize>(&self, text: &[u8], out: &mut [u64]) -> usize {
        let count = (text.len() + 1).saturating_sub(Q).min(out.len());
        let out = &mut out[..count];
        #[cfg(target_arch = "x86_64")]
        if self.engine != Engine::Portable {
            // SAFETY: the other engines are only chosen where the processor reports AES.
            unsafe { hardware::each_gram::<Q>(&self.keys, text, out) };
            return count;
        }
        for (gram, out) in text.windows(Q).zip(out) {
            *out = portable(&self.keys, gram_block::<Q>(gram));
        }
        count
    }

    /// The same hash with another engine.
    #[cfg(test)]
    pub(super) fn with(&self, engine: Engine) -> Rounds {
        Rounds { keys: self.keys, engine }
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

/// The first `Q` bytes of `text` as a little-endian number, the rest of the block zero.
///
/// `Q` is 8, 12 or 16, and `text` is at least as long; a shorter text gives zero.
#[inline(always)]
fn gram_block<const Q: usize>(text: &[u8]) -> u128 {
    match Q {
        8 => text.first_chunk().map_or(0, |b| u128::from(u64::from_le_bytes(*b))),
        12 => match (text.first_chunk(), text.get(8..).and_then(|rest| rest.first_chunk())) {
            (Some(low), Some(high)) => {
                u128::from(u64::from_le_bytes(*low)) | u128::from(u32::from_le_bytes(*high)) << 64
            }
            _ => 0,
        },
        _ => text.first_chunk().map_or(0, |b| u128::from_le_bytes(*b)),
    }
}

fn portable(keys: &[u128; ROUNDS + 1], block: u128) -> u64 {
    let whitened = block ^ keys[0];
    let mut state = Block::from(whitened.to_le_bytes());
    for key in &keys[1..] {
        aes::hazmat::cipher_round(&mut state, &Block::from(key.to_le_bytes()));
    }
    (u128::from_le_bytes(state.into()) ^ whitened) as u64
}

#[cfg(target_arch = "x86_64")]
mod hardware {
    use std::arch::x86_64::{
        __m128i, _mm_aesenc_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_xor_si128,
    };

    use super::{ROUNDS, gram_block};

    #[target_feature(enable = "aes,sse2")]
    pub(super) fn each_gram<const Q: usize>(
        keys: &[u128; ROUNDS + 1],
        text: &[u8],
        out: &mut [u64],
    ) {
        let keys = keys.map(|key| vector(key));
        for (gram, out) in text.windows(Q).zip(out) {
            let whitened = _mm_xor_si128(vector(gram_block::<Q>(gram)), keys[0]);
            let mut state = whitened;
            for key in &keys[1..] {
                state = _mm_aesenc_si128(state, *key);
            }
            *out = _mm_cvtsi128_si64(_mm_xor_si128(state, whitened)) as u64;
        }
    }

    #[target_feature(enable = "sse2")]
    fn vector(number: u128) -> __m128i {
        _mm_set_epi64x((number >> 64) as i64, number as i64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rounds() -> Rounds {
        Rounds::new([1, 2 << 70, 3 << 100, 0x55 << 33, u128::MAX / 7])
    }

    proptest! {
        #[test]
        fn hardware_and_portable_agree(text in prop::collection::vec(any::<u8>(), 0..80)) {
            let (fast, slow) = (rounds(), rounds().with(Engine::Portable));
            fn all<const Q: usize>(rounds: &Rounds, text: &[u8]) -> Vec<u64> {
                let mut out = [0; 80];
                let count = rounds.each_gram::<Q>(text, &mut out);
                out[..count].to_vec()
            }
            prop_assert_eq!(all::<8>(&fast, &text), all::<8>(&slow, &text));
            prop_assert_eq!(all::<12>(&fast, &text), all::<12>(&slow, &text));
            prop_assert_eq!(all::<16>(&fast, &text), all::<16>(&slow, &text));
            prop_assert_eq!(all::<12>(&fast, &text).len(), (text.len() + 1).saturating_sub(12));
        }
    }

    /// One AES round of the example in FIPS 197, appendix B: round 1's start and result.
    #[test]
    fn a_round_is_the_standards() {
        let block = |hex: &str| {
            let mut bytes = [0u8; 16];
            for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            }
            Block::from(bytes)
        };
        let mut state = block("193de3bea0f4e22b9ac68d2ae9f84808");
        aes::hazmat::cipher_round(&mut state, &block("a0fafe1788542cb123a339392a6c7605"));
        assert_eq!(state, block("a49c7ff2689f352b6b5bea43026a5049"));
    }

    #[test]
    fn every_input_bit_and_every_key_bit_counts() {
        let hash = |rounds: &Rounds, block: u128| {
            let mut out = [0];
            rounds.each_gram::<16>(&block.to_le_bytes(), &mut out);
            out[0]
        };
        let plain = hash(&rounds(), 0);
        for bit in 0..128 {
            let differing = (hash(&rounds(), 1 << bit) ^ plain).count_ones();
            assert!((12..=52).contains(&differing), "input bit {bit}: {differing}");
            for key in 0..=ROUNDS {
                let mut other = rounds();
                other.keys[key] ^= 1 << bit;
                let differs = hash(&other, 0) != plain;
                // The upper half of the result is cut off, and with it the upper half of the last
                // key and what the one before it puts into those columns: half of its bytes.
                let byte = bit / 8;
                let kept = match key {
                    4 => byte < 8,
                    3 => (byte / 4 + 4 - byte % 4) % 4 < 2,
                    _ => true,
                };
                assert_eq!(differs, kept, "key {key} bit {bit}");
            }
        }
    }
}
