//! The hot kernel: probes texts at every stride-th byte and keeps the few places that a token of
//! the set may stand at.
//!
//! It works in two steps, over many texts at once if they are short. *Marking* lists the places to
//! probe. A gram can only be a token's if all of its bytes are of the kinds that tokens of the set
//! are made of, its *alphabet*; many bytes of a request stand in words too short for that, so many
//! places are never hashed. *Probing* hashes the grams at the marked places and drops those that the
//! filter's first word turns away.
//!
//! The loops do not branch on the text: a place is always written and the count moves on only if it
//! is kept. So many probes are in flight at a time, which hides the latency of the AES rounds and of
//! the filter's cache misses. `wide` does both steps with AVX-512 and VAES, `avx2` with
//! AVX2 and AES-NI, and what is here needs neither. All keep every place that a token can stand at.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod scout;
#[cfg(target_arch = "x86_64")]
mod wide;

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::with_exposed_provenance;

pub(super) use self::scout::{Leads, Scout};
use super::filter::Filter;
use super::tier::Tier;
use crate::secret::{Alphabet, Engine, GramHasher};

/// How many places are marked before they must be probed.
const ROOM: usize = 128;

/// How many places may be written beyond those that count: the lanes of one load, or of one turn.
const SLACK: usize = 64;

/// Places in texts that live as long as `'t`. First they are marked, then probed.
pub(super) struct Places<'t> {
    /// The addresses at which the grams start. The first `len` are written, and each is in a text that
    /// was marked, whose provenance was exposed, with a whole gram of it behind.
    at: [MaybeUninit<usize>; ROOM + SLACK],
    /// The grams' hashes, once they are probed.
    hash: [MaybeUninit<u64>; ROOM + SLACK],
    len: usize,
    probed: bool,
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
    /// The places of the probes that one load of 64 bytes serves, counted from the first.
    offsets: [u64; SLACK],
    /// The same places as bits. The last one's gram lies within the load.
    starts: u64,
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
            offsets: [0; SLACK],
            starts: 0,
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
        let places = (0..=64 - tier.size()).step_by(tier.stride);
        for (offset, place) in sampler.offsets.iter_mut().zip(places) {
            *offset = place as u64;
            sampler.starts |= 1 << place;
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
            probed: false,
            texts: PhantomData,
        }
    }

    /// Whether places must be probed before more can be marked.
    #[inline(always)]
    pub(super) fn are_full(&self) -> bool {
        self.len > ROOM - SLACK
    }

    /// Marks places of `texts` from `front` on, up to byte `last` of each, and moves `front` on: behind
    /// the last text, or less far if there is no more room. Then `front.at` is where the next probe
    /// of the last text would fall. Probes that do not fit a text are not made.
    #[inline]
    pub(super) fn mark(
        &mut self,
        hasher: &GramHasher,
        sampler: &Sampler,
        texts: &[&'t [u8]],
        front: &mut Front,
        last: usize,
    ) {
        if std::mem::take(&mut self.probed) {
            self.len = 0;
        }
        if self.are_full() {
            return;
        }
        #[cfg(target_arch = "x86_64")]
        match hasher.rounds().engine() {
            // SAFETY: for both, the rounds say that this processor has what the engine needs, and
            // the places are not full.
            Engine::Wide => return unsafe { wide::mark(sampler, texts, front, last, self) },
            // SAFETY: as above.
            Engine::Avx2 => return unsafe { avx2::mark(sampler, texts, front, last, self) },
            Engine::Portable => {}
        }
        let (size, stride) = (sampler.tier.size(), sampler.tier.stride);
        while let Some(text) = texts.get(front.text) {
            while front.at <= last
                && let Some(gram) = text.get(front.at..).and_then(|rest| rest.get(..size))
            {
                if self.are_full() {
                    return;
                }
                if let (true, Some(place)) = (sampler.admits(gram), self.at.get_mut(self.len)) {
                    place.write(gram.as_ptr().expose_provenance());
                    self.len += 1;
                }
                front.at += stride;
            }
            front.advance(texts.len(), stride);
        }
    }

    /// Probes the marked places and keeps those that pass the first word of `filter`. What is
    /// marked afterwards replaces them.
    #[inline]
    pub(super) fn probe(&mut self, hasher: &GramHasher, filter: Filter<'_>) {
        if !std::mem::replace(&mut self.probed, true) && self.len > 0 {
            match hasher.size() {
                8 => self.probe_size::<8>(hasher, filter),
                12 => self.probe_size::<12>(hasher, filter),
                _ => self.probe_size::<16>(hasher, filter),
            }
        }
    }

    /// The addresses of the places that were probed and kept, each with its gram's hash.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        let len = if self.probed { self.len } else { 0 };
        let places = self.at[..len].iter().zip(&self.hash[..len]);
        // SAFETY: once they are probed, the first `len` items of both arrays are written.
        places.map(|(at, hash)| unsafe { (at.assume_init(), hash.assume_init()) })
    }

    #[inline(always)]
    fn probe_size<const Q: usize>(&mut self, hasher: &GramHasher, filter: Filter<'_>) {
        let rounds = hasher.rounds();
        match rounds.engine() {
            // SAFETY: for both, the rounds say that this processor has what the engine needs, and
            // each of the first `len` places has `Q` bytes behind it, as `mark` saw to.
            #[cfg(target_arch = "x86_64")]
            Engine::Wide => unsafe { wide::probe::<Q>(rounds.keys(), filter, self) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
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
                    kept += usize::from(filter.passes_first(hash[0]));
                }
                self.len = kept;
            }
        }
    }
}

/// How many probes one load serves.
#[cfg(target_arch = "x86_64")]
const fn lanes<const Q: usize, const S: usize>() -> usize {
    (64 - Q) / S + 1
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
        let mut collect = |places: &mut Places<'_>| {
            places.probe(hasher, filter);
            kept.extend(places.iter().map(|(place, hash)| {
                let within = |text: &Vec<u8>| place.wrapping_sub(text.as_ptr().addr());
                let text = texts.iter().position(|text| within(text) < text.len()).unwrap();
                (text, within(&texts[text]), hash)
            }));
        };
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let mut front = Front { text: 0, at: sampler.tier.stride - 1 };
        while front.text < texts.len() {
            let before = front;
            places.mark(hasher, sampler, &texts, &mut front, last);
            assert_ne!(front, before);
            collect(&mut places);
        }
        let ends = texts
            .last()
            .map_or(0, |text| (text.len() + 1).saturating_sub(hasher.size()).min(last + 1));
        assert!(front.at >= ends && (front.at + 1).is_multiple_of(sampler.tier.stride));
        assert!(front.at < ends.max(1) + sampler.tier.stride);
        collect(&mut places);
        kept
    }

    proptest! {
        /// Whatever the engine: every probed gram that is in the filter and in the alphabet is kept,
        /// with its place and hash, and nothing that the filter's first word turns away.
        #[test]
        fn keeps_every_gram_of_the_filter(
            texts in prop::collection::vec(
                prop::collection::vec(prop_oneof![20 => b'0'..=b'z', 1 => any::<u8>()], 0..900),
                1..5,
            ),
            geometry in prop::sample::select(vec![(0, 8), (0, 12), (0, 16), (1, 20), (2, 32)]),
            last in 0..900usize,
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
                    prop_assert!(*at <= last && filter.passes_first(*hash));
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
