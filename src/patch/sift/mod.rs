//! The hot kernel: probes texts at every stride-th byte and keeps the few places that a token of
//! the set may stand at.
//!
//! It works in two steps, over many texts at once if they are short. *Marking* lists the places to
//! probe. A gram can only be a token's if all of its bytes are of the kinds that tokens of the set
//! are made of, its *alphabet*; many bytes of a request stand in words too short for that, so many
//! places are never hashed. *Probing* hashes the grams at the marked places and drops those that the
//! filter turns away.
//!
//! The loops do not branch on the text: a place is always written and the count moves on only if it
//! is kept. So many probes are in flight at a time, which hides the latency of the AES rounds and of
//! the filter's cache misses. `wide` does both steps with AVX-512 and VAES, `avx2` with
//! AVX2 and AES-NI, and what is here needs neither. All keep every place that a token can stand at.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod escapes;
mod letters;
mod scout;
#[cfg(target_arch = "x86_64")]
mod wide;

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::with_exposed_provenance;

pub(super) use self::escapes::{Undone, undo_escapes};
pub(super) use self::letters::{decode_groups, text_groups};
pub(super) use self::scout::{Leads, Map, Marks, Scout};
use super::filter::Filter;
use super::tier::Tier;
use crate::secret::{Alphabet, Engine, GramHasher};

/// How many places are marked at most before they are probed.
const ROOM: usize = 256;

/// How many places may be written beyond those that count.
const SLACK: usize = 8;

/// How many words of 64 bytes are marked at most before their places are probed.
const WORDS: usize = 32;

/// How many selectors the words of a turn have at most, rounded up to whole vectors.
const SELECTORS: usize = 384;

/// Marks a selector.
const SOME: u8 = 0x80;

/// How many selectors each word has: at least as many as probes fall in 64 bytes, and a power of two.
const fn selectors(stride: usize) -> usize {
    match stride {
        8.. => 8,
        4..8 => 16,
        _ => 64,
    }
}

/// Places in texts that live as long as `'t`: room for what one turn marks, probes and keeps.
pub(super) struct Places<'t> {
    /// The addresses at which the grams start. The first `len` are written, and each is in a text that
    /// was marked, whose provenance was exposed, with a whole gram of it behind.
    at: [MaybeUninit<usize>; ROOM + SLACK],
    /// The hashes of the grams that were kept: the first `len` are written once the places are probed.
    hash: [MaybeUninit<u64>; ROOM + SLACK],
    len: usize,
    texts: PhantomData<&'t [u8]>,
}

/// How far marking has come in a list of texts: the next probe falls on byte `at` of the text with
/// this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Front {
    pub(super) text: usize,
    pub(super) at: usize,
}

/// What is known of a tier before any text is there.
#[repr(align(64))]
pub(super) struct Sampler {
    /// For each byte, 0x80 if it is in the alphabet, and 0 otherwise.
    classes: [u8; 256],
    /// For each lower half of a byte below 0x80, the upper halves with which it is in the alphabet, a
    /// bit each.
    rows: [u8; 16],
    /// Where probes fall in each word of a text from the first probe on, as many places for a word as
    /// [`selectors`] says, each with [`SOME`] added; the rest is zero.
    selectors: [u8; SELECTORS],
    /// Whether no byte above 0x7f is in the alphabet.
    ascii: bool,
    tier: Tier,
}

impl Sampler {
    /// The sampler for a tier whose tokens are of the kinds in `alphabet`.
    pub(super) fn new(tier: Tier, alphabet: Alphabet) -> Sampler {
        let mut sampler = Sampler {
            classes: [0; 256],
            rows: [0; 16],
            selectors: [0; SELECTORS],
            ascii: true,
            tier,
        };
        for (byte, class) in (0..=255).zip(&mut sampler.classes) {
            *class = if alphabet.contains(byte) { 0x80 } else { 0 };
            sampler.ascii &= byte.is_ascii() || *class == 0;
            if byte.is_ascii() && *class != 0 {
                sampler.rows[usize::from(byte & 15)] |= 1 << (byte >> 4);
            }
        }
        let of_word = selectors(tier.stride);
        for (word, selectors) in sampler.selectors.chunks_exact_mut(of_word).enumerate() {
            let first = (word * 64).next_multiple_of(tier.stride) - word * 64;
            for (selector, place) in selectors.iter_mut().zip((first..64).step_by(tier.stride)) {
                *selector = SOME | place as u8;
            }
        }
        sampler
    }

    /// Whether the first, middle and last byte of `gram` are in the alphabet.
    fn admits(&self, gram: &[u8]) -> bool {
        let class = |at: usize| gram.get(at).map_or(0, |byte| self.classes[usize::from(*byte)]);
        class(0) & class(gram.len() / 2) & class(gram.len().wrapping_sub(1)) != 0
    }
}

impl Front {
    /// Moves on to the next of `texts` texts. Behind the last one, `at` stays what it was.
    #[inline(always)]
    fn advance(&mut self, texts: usize, stride: usize) {
        self.text += 1;
        if self.text < texts {
            self.at = stride - 1;
        }
    }
}

impl<'t> Places<'t> {
    /// No places.
    #[inline(always)]
    pub(super) const fn new() -> Places<'t> {
        Places {
            at: [const { MaybeUninit::uninit() }; ROOM + SLACK],
            hash: [const { MaybeUninit::uninit() }; ROOM + SLACK],
            len: 0,
            texts: PhantomData,
        }
    }

    /// Looks at `texts` from `front` on, up to the probe at byte `last` of each, and moves `front`
    /// on: behind the last text, or less far if there is no more room. Then `front.at` is where the next
    /// probe of the last text would fall. Probes that do not fit a text are not made.
    ///
    /// What is left are the places that pass `filter`. They replace those that were there before.
    #[inline]
    pub(super) fn sift(
        &mut self,
        hasher: &GramHasher,
        sampler: &Sampler,
        filter: Filter<'_>,
        texts: &[&'t [u8]],
        front: &mut Front,
        last: usize,
    ) {
        self.len = 0;
        #[cfg(target_arch = "x86_64")]
        if hasher.rounds().engine() == Engine::Wide {
            // SAFETY: the rounds say that this processor has what the engine needs.
            return unsafe {
                wide::sift(hasher.rounds().keys(), sampler, filter, texts, front, last, self)
            };
        }
        self.mark(hasher, sampler, texts, front, last);
        if self.len > 0 {
            match hasher.size() {
                8 => self.probe::<8>(hasher, filter),
                12 => self.probe::<12>(hasher, filter),
                _ => self.probe::<16>(hasher, filter),
            }
        }
    }

    /// The addresses of the places that were kept, each with its gram's hash.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let places = self.at[..self.len].iter().zip(&self.hash[..self.len]);
        // SAFETY: there are none, or they were probed; then the first `len` items of both arrays are
        // written.
        places.map(|(at, hash)| unsafe { (at.assume_init(), hash.assume_init()) })
    }

    /// Adds the places to probe.
    #[inline(always)]
    fn mark(
        &mut self,
        hasher: &GramHasher,
        sampler: &Sampler,
        texts: &[&'t [u8]],
        front: &mut Front,
        last: usize,
    ) {
        #[cfg(target_arch = "x86_64")]
        if hasher.rounds().engine() == Engine::Avx2 {
            // SAFETY: the rounds say that this processor has what the engine needs.
            return unsafe { avx2::mark(sampler, texts, front, last, self) };
        }
        let (size, stride) = (sampler.tier.size(), sampler.tier.stride);
        while let Some(text) = texts.get(front.text) {
            while front.at <= last
                && let Some(gram) = text.get(front.at..).and_then(|rest| rest.get(..size))
            {
                let Some(place) = self.at[..ROOM].get_mut(self.len) else { return };
                if sampler.admits(gram) {
                    place.write(gram.as_ptr().expose_provenance());
                    self.len += 1;
                }
                front.at += stride;
            }
            front.advance(texts.len(), stride);
        }
    }

    /// Hashes the grams at the marked places and keeps those that pass the filter.
    #[inline(always)]
    fn probe<const Q: usize>(&mut self, hasher: &GramHasher, filter: Filter<'_>) {
        let rounds = hasher.rounds();
        match rounds.engine() {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the rounds say that this processor has what the engine needs, and each of the
            // first `len` places has `Q` bytes behind it, as `mark` saw to, and as many before it as
            // lie before the first probe of a text: eight if `Q` is 12.
            Engine::Avx2 => unsafe { avx2::probe::<Q>(rounds.keys(), filter, self) },
            _ => {
                let mut kept = 0;
                for turn in 0..self.len {
                    // SAFETY: the first `len` places are written and have `Q` bytes behind them.
                    let gram = unsafe {
                        &*with_exposed_provenance::<[u8; Q]>(self.at[turn].assume_init())
                    };
                    let mut hash = [0];
                    rounds.each_gram::<Q>(gram, &mut hash);
                    self.at[kept] = self.at[turn];
                    self.hash[kept].write(hash[0]);
                    kept += usize::from(filter.passes(hash[0]));
                }
                self.len = kept;
            }
        }
    }
}

/// The bits at which `Q` set bits in a row start: the grams of the alphabet.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn starts_of_runs<const Q: usize>(bits: u64) -> u64 {
    let two = bits & (bits >> 1);
    let four = two & (two >> 2);
    let eight = four & (four >> 4);
    match Q {
        8 => eight,
        12 => eight & (four >> 8),
        _ => eight & (eight >> 8),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::patch::filter;
    use crate::secret::{GRAM_SIZES, ImprintKey};

    /// The places in `texts` that a tier keeps, as (text, byte, hash).
    fn kept(
        hasher: &GramHasher,
        sampler: &Sampler,
        filter: Filter<'_>,
        texts: &[Vec<u8>],
        last: usize,
    ) -> Vec<(usize, usize, u64)> {
        let (mut places, mut kept) = (Places::new(), Vec::new());
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let mut front = Front { text: 0, at: sampler.tier.stride - 1 };
        while front.text < texts.len() {
            let before = front;
            places.sift(hasher, sampler, filter, &texts, &mut front, last);
            assert_ne!(front, before);
            kept.extend(places.iter().map(|(place, hash)| {
                let within = |text: &&[u8]| place.wrapping_sub(text.as_ptr().addr());
                let text = texts.iter().position(|text| within(text) < text.len()).unwrap();
                (text, within(&texts[text]), hash)
            }));
        }
        let ends = texts
            .last()
            .map_or(0, |text| (text.len() + 1).saturating_sub(hasher.size()).min(last + 1));
        assert!(front.at >= ends && (front.at + 1).is_multiple_of(sampler.tier.stride));
        assert!(front.at < ends.max(1) + sampler.tier.stride);
        kept
    }

    proptest! {
        /// Whatever the engine: every probed gram that is in the filter and in the alphabet is kept,
        /// with its place and hash, and nothing that the filter turns away.
        #[test]
        fn keeps_every_gram_of_the_filter(
            texts in prop::collection::vec(
                prop::collection::vec(prop_oneof![20 => b'0'..=b'z', 1 => any::<u8>()], 0..2600),
                1..5,
            ),
            geometry in prop::sample::select(vec![(0, 8), (0, 12), (0, 16), (1, 20), (2, 32)]),
            last in 0..2600usize,
            blocks in 1..20usize,
            kinds in prop::sample::select(vec!["aA0", "aA0:;<=>?@[\\]^_`", "aA0:;<=>?@[\\]^_`é"]),
        ) {
            let tier = Tier::for_shortest(geometry.0, geometry.1);
            let key = ImprintKey::from_bytes([3; 32]);
            let hasher = GramHasher::new(&key, GRAM_SIZES[geometry.0]);
            let alphabet = Alphabet::of(kinds.as_bytes());
            let mut bytes = vec![0; blocks * filter::BLOCK];
            let mut hashes = Vec::new();
            for text in &texts {
                let mut of_text = vec![0; text.len()];
                let count = hasher.each(text, &mut of_text);
                of_text.truncate(count);
                of_text.iter().step_by(3).for_each(|hash| filter::insert(&mut bytes, blocks as u32, *hash));
                hashes.push(of_text);
            }
            let (sampler, filter) = (Sampler::new(tier, alphabet), Filter::new(&bytes).unwrap());
            for engine in Engine::available() {
                let hasher = GramHasher::new(&key, GRAM_SIZES[geometry.0]).with(engine);
                let kept = kept(&hasher, &sampler, filter, &texts, last);
                for (text, at, hash) in &kept {
                    prop_assert_eq!(hashes[*text][*at], *hash);
                    prop_assert_eq!((at + 1) % tier.stride, 0);
                    prop_assert!(*at <= last && filter.passes(*hash));
                }
                for (number, text) in texts.iter().enumerate() {
                    let probed = (tier.stride - 1..hashes[number].len()).step_by(tier.stride);
                    for at in probed.filter(|at| *at <= last && at % 3 == 0) {
                        let gram = &text[at..at + tier.size()];
                        let admitted = gram.iter().all(|b| alphabet.contains(*b));
                        let is_kept = kept.contains(&(number, at, hashes[number][at]));
                        prop_assert!(!admitted || is_kept, "{engine:?} {at}");
                    }
                }
            }
        }
    }
}
