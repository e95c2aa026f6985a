//! Finds the tokens of a set in a text: sift, then confirm.

use std::ops::ControlFlow;

use super::filter::Filter;
use super::set::{PatchSet, PreparedTier};
use super::sift::{Front, Places};
use super::table::Entry;
use super::tier::{MAX_STRIDE, MAX_TIERS, Tier};

/// How far a search has come: for each tier, where the next probe falls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    next: [usize; MAX_TIERS],
}

/// The text, the token and the place that were looked at last.
type Seen = Option<(usize, usize, usize)>;

/// A token of the set, confirmed by its digest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence {
    /// What the set knows of it.
    pub(super) entry: Entry,
    /// Its first byte.
    pub(super) start: usize,
}

impl Cursor {
    /// The start of a text. Every window holds exactly one of the bytes `stride - 1`,
    /// `2 * stride - 1`, … A tier that is not there is never probed.
    pub(super) fn new(tiers: impl Iterator<Item = Tier>) -> Cursor {
        let mut cursor = Cursor { next: [usize::MAX; MAX_TIERS] };
        for (next, tier) in cursor.next.iter_mut().zip(tiers) {
            *next = tier.stride - 1;
        }
        cursor
    }

    /// The first byte that is probed next.
    pub(super) fn first(&self) -> usize {
        self.next.iter().copied().min().unwrap_or(usize::MAX)
    }

    /// The same places in a text that starts `by` bytes later.
    pub(super) fn forget(&mut self, by: usize) {
        let there = self.next.iter_mut().filter(|next| **next != usize::MAX);
        there.for_each(|next| *next = next.saturating_sub(by));
    }
}

impl PatchSet {
    /// Looks for tokens in `text` from `cursor` on, and moves it on.
    ///
    /// Stops before the first probe that does not have `ahead` bytes of text from its place on:
    /// with the length of the longest token, no token that a probe finds reaches beyond the text.
    /// With zero the text is at its end. `found` gets every occurrence, and may end the search.
    pub(super) fn search(
        &self,
        text: &[u8],
        cursor: &mut Cursor,
        ahead: usize,
        found: &mut impl FnMut(Occurrence) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut places = Places::new();
        for (tier, next) in self.tiers().iter().zip(&mut cursor.next) {
            let Some(last) = text.len().checked_sub(ahead.max(tier.hasher.size())) else {
                continue;
            };
            let mut front = Front { text: 0, at: *next };
            while front.text == 0 {
                let found = &mut |_, occurrence| found(occurrence);
                let flow = self.turn(tier, &mut places, &[text], &mut front, last, found);
                *next = front.at;
                flow?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Looks for tokens in each of `texts`, all of which are there as a whole. `found` gets the
    /// number of the text with every occurrence, and may end the search.
    pub(super) fn search_all<'t>(
        &self,
        texts: &[&'t [u8]],
        found: &mut impl FnMut(usize, Occurrence) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut places: Places<'t> = Places::new();
        for tier in self.tiers() {
            let mut front = Front { text: 0, at: tier.layout.tier.stride - 1 };
            while front.text < texts.len() {
                self.turn(tier, &mut places, texts, &mut front, usize::MAX, found)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Sifts one turn of `texts` and confirms what is left of it.
    #[inline]
    fn turn<'t>(
        &self,
        tier: &PreparedTier,
        places: &mut Places<'t>,
        texts: &[&'t [u8]],
        front: &mut Front,
        last: usize,
        found: &mut impl FnMut(usize, Occurrence) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(filter) = self.filter(tier) else { return ControlFlow::Continue(()) };
        places.sift(&tier.hasher, &tier.sampler, filter, texts, front, last);
        // What was confirmed or ruled out last: neighbouring places lead to the same token.
        let mut seen = None;
        for (place, _) in places.iter() {
            // Texts may share bytes, so that more than one of them holds the place.
            for (number, text) in texts.iter().enumerate() {
                let at = place.wrapping_sub(text.as_ptr().addr());
                if at < text.len() {
                    let found = &mut |occurrence| found(number, occurrence);
                    confirm((self, tier, filter), text, at, (number, &mut seen), found)?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Looks at the windows that hold the gram at byte `at` of `text`.
///
/// If the gram is a token's, all the grams of the token's window stand around it and pass the
/// filter; that is seldom so by chance. The token's anchor is then one of these, and no hash between
/// the two is smaller than the anchor's: only such places are looked up, two or three on average.
#[cold]
#[inline(never)]
fn confirm(
    (set, tier, filter): (&PatchSet, &PreparedTier, Filter<'_>),
    text: &[u8],
    at: usize,
    (text_number, seen): (usize, &mut Seen),
    found: &mut impl FnMut(Occurrence) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let stride = tier.layout.tier.stride;
    let from = at.saturating_sub(stride - 1);
    let to = (at + stride - 1 + tier.hasher.size()).min(text.len());
    let mut hashes = [0; 2 * MAX_STRIDE - 1];
    let count = tier.hasher.each(&text[from..to], &mut hashes);
    let middle = at - from;
    if middle >= count {
        // The gram stands half in this text and half in another one that shares bytes with it.
        return ControlFlow::Continue(());
    }
    let passes = |hash: &&u64| filter.passes(**hash);
    let before = hashes[..middle].iter().rev().take_while(passes).count();
    let behind = hashes[middle + 1..count].iter().take_while(passes).count();
    if before + 1 + behind < stride {
        return ControlFlow::Continue(());
    }
    let mut lookup = |places: &mut dyn Iterator<Item = usize>| {
        let mut smallest = u64::MAX;
        for place in places {
            if hashes[place] <= smallest {
                smallest = hashes[place];
                candidates(set, tier, text, from + place, smallest, (text_number, seen), found)?;
            }
        }
        ControlFlow::Continue(())
    };
    lookup(&mut (middle..=middle + behind))?;
    lookup(&mut (middle - before..=middle).rev())
}

/// Confirms the tokens whose anchor may be the gram at byte `anchor` of `text`.
fn candidates(
    set: &PatchSet,
    tier: &PreparedTier,
    text: &[u8],
    anchor: usize,
    hash: u64,
    (text_number, seen): (usize, &mut Seen),
    found: &mut impl FnMut(Occurrence) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for (number, entry) in set.table(tier).candidates(hash) {
        let Some(start) = anchor.checked_sub(entry.anchor.into()) else { continue };
        let Some(token) = text.get(start..start + usize::from(entry.len)) else { continue };
        let this = (text_number, number, start);
        if seen.replace(this) == Some(this) {
            continue;
        }
        if set.confirms(&entry, token) {
            found(Occurrence { entry, start })?;
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::patch::{Patch, PatchSetBuilder};
    use crate::secret::{Engine, ImprintKey, Secret};

    proptest! {
        /// Every engine finds every token of every tier, wherever it stands, and nothing else.
        #[test]
        fn every_engine_finds_every_token(
            tokens in prop::collection::btree_set("[a-zA-Z0-9_-]{8,70}", 1..12),
            texts in prop::collection::vec(
                ("[ -~]{0,200}", any::<prop::sample::Index>(), any::<bool>(), "[ -~]{0,200}"),
                1..6,
            ),
        ) {
            let key = ImprintKey::from_bytes([9; 32]);
            let mut builder = PatchSetBuilder::new(&key).floor(0);
            // Some of them are too easy to guess.
            let mut known = Vec::new();
            for token in &tokens {
                if let Ok(imprint) = key.imprint(&Secret::new("test", token.as_str())) {
                    builder.add(&imprint, Patch::block(known.len() as u64)).unwrap();
                    known.push(token.as_str());
                }
            }
            prop_assume!(!known.is_empty());
            let set = builder.build().unwrap();
            let texts: Vec<String> = texts
                .iter()
                .map(|(before, token, whole, after)| {
                    let token = known[token.index(known.len())];
                    format!("{before}{}{after}", if *whole { token } else { &token[1..] })
                })
                .collect();
            let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            let mut expected = Vec::new();
            for (number, text) in texts.iter().enumerate() {
                for (leak, token) in known.iter().enumerate() {
                    let places = text.windows(token.len()).enumerate();
                    let places = places.filter(|(_, place)| *place == token.as_bytes());
                    expected.extend(places.map(|(start, _)| (number, leak as u64, start)));
                }
            }
            expected.sort_unstable();
            let bytes = set.as_bytes().to_vec();
            for engine in Engine::available() {
                let set = PatchSet::from_bytes(&bytes, &key).unwrap().with(engine);
                let mut found = Vec::new();
                let _ = set.search_all(&texts, &mut |number, occurrence| {
                    found.push((number, occurrence.entry.leak, occurrence.start));
                    ControlFlow::Continue(())
                });
                found.sort_unstable();
                found.dedup();
                prop_assert_eq!(&found, &expected, "{:?}", engine);
            }
        }
    }
}
