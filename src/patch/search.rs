//! Finds the tokens of a set in a text: sift, then confirm.

use std::ops::ControlFlow;

use super::set::{PatchSet, TierView};
use super::sift::{Places, Probes, sift};
use super::table::Entry;
use super::tier::{MAX_STRIDE, MAX_TIERS};

/// A set, taken apart for searching.
pub(super) struct Finder<'s> {
    set: &'s PatchSet,
    tiers: [Option<TierView<'s>>; MAX_TIERS],
    start: Cursor,
    shortest: usize,
}

/// How far a search has come: for each tier, where the next probe falls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    next: [usize; MAX_TIERS],
}

/// A token of the set, confirmed by its digest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence {
    /// What the set knows of it.
    pub(super) entry: Entry,
    /// Its first byte.
    pub(super) start: usize,
}

impl Cursor {
    /// The first byte that is probed next.
    pub(super) fn first(&self) -> usize {
        self.next.iter().copied().min().unwrap_or(usize::MAX)
    }

    /// The same places in a text that starts `by` bytes later.
    pub(super) fn forget(&mut self, by: usize) {
        self.next.iter_mut().for_each(|next| *next = next.saturating_sub(by));
    }
}

impl<'s> Finder<'s> {
    /// A finder for the tokens of `set`.
    pub(super) fn new(set: &'s PatchSet) -> Finder<'s> {
        let tiers = [0, 1, 2].map(|number| set.tier(number));
        // Every window holds exactly one of the bytes `stride - 1`, `2 * stride - 1`, … A tier that
        // is not there is never probed.
        let next = tiers.map(|view| view.map_or(usize::MAX, |view| view.tier.stride - 1));
        let windows = tiers.iter().flatten().map(|view| view.tier.window());
        Finder { set, tiers, start: Cursor { next }, shortest: windows.min().unwrap_or(usize::MAX) }
    }

    /// The set.
    pub(super) fn set(&self) -> &'s PatchSet {
        self.set
    }

    /// The start of a text.
    pub(super) fn start(&self) -> Cursor {
        self.start
    }

    /// The length in bytes below which a text holds no token, however it is read.
    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    /// Looks for tokens in `text` from `cursor` on, and moves it on.
    ///
    /// Stops before the first probe that does not have `ahead` bytes of text from its place on:
    /// with the length of the longest token, no token that a probe finds reaches beyond the text.
    /// With zero the text is at its end. `found` gets every occurrence, and may end the search.
    #[inline]
    pub(super) fn search(
        &self,
        text: &[u8],
        cursor: &mut Cursor,
        ahead: usize,
        found: &mut impl FnMut(Occurrence) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut places = Places::new();
        for (view, next) in self.tiers.iter().zip(&mut cursor.next) {
            let Some(view) = view else { continue };
            let Some(last) = text.len().checked_sub(ahead.max(view.tier.size())) else { continue };
            // What was confirmed or ruled out last: neighbouring places lead to the same token.
            let mut seen = None;
            while *next <= last {
                let first = *next;
                let probes = Probes { first, last };
                *next = sift(view.hasher, view.sampler, view.filter, text, probes, &mut places);
                for (at, hash) in places.iter() {
                    if view.filter.passes_second(hash) {
                        confirm(self.set, view, text, first + at, &mut seen, found)?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Looks at the windows that hold the gram at byte `at` of `text`.
///
/// If the gram is a token's, the token's anchor is within `stride - 1` bytes, and no hash between
/// the two is smaller than the anchor's: only such places are looked up, two or three on average.
#[cold]
#[inline(never)]
fn confirm(
    set: &PatchSet,
    view: &TierView<'_>,
    text: &[u8],
    at: usize,
    seen: &mut Option<(usize, usize)>,
    found: &mut impl FnMut(Occurrence) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let reach = view.tier.stride - 1;
    let from = at.saturating_sub(reach);
    let to = (at + reach + view.tier.size()).min(text.len());
    let mut hashes = [0; 2 * MAX_STRIDE - 1];
    let count = view.hasher.each(&text[from..to], &mut hashes);
    let middle = at - from;
    let mut lookup = |places: &mut dyn Iterator<Item = usize>| {
        let mut smallest = u64::MAX;
        for place in places {
            if hashes[place] <= smallest {
                smallest = hashes[place];
                candidates(set, view, text, from + place, smallest, seen, found)?;
            }
        }
        ControlFlow::Continue(())
    };
    lookup(&mut (middle..count))?;
    lookup(&mut (0..=middle).rev())
}

/// Confirms the tokens whose anchor may be the gram at byte `anchor` of `text`.
fn candidates(
    set: &PatchSet,
    view: &TierView<'_>,
    text: &[u8],
    anchor: usize,
    hash: u64,
    seen: &mut Option<(usize, usize)>,
    found: &mut impl FnMut(Occurrence) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for (number, entry) in view.table.candidates(hash) {
        let Some(start) = anchor.checked_sub(entry.anchor.into()) else { continue };
        let Some(token) = text.get(start..start + usize::from(entry.len)) else { continue };
        if seen.replace((number, start)) == Some((number, start)) {
            continue;
        }
        if set.confirms(&entry, token) {
            found(Occurrence { entry, start })?;
        }
    }
    ControlFlow::Continue(())
}
