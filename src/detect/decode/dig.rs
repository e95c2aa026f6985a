//! Digging: what a text holds, what its views hold, and so on down.

use std::ops::Range;
use std::sync::Arc;

use super::super::candidate::Candidate;
use super::super::detector::Detector;
use super::super::rule::Rule;
use super::budget::Meter;
use super::digits::Spots;
use super::trail::{Encoding, Step};
use super::view::{Piece, View};
use super::views;
use crate::secret::Secret;

/// The rank from which a rule's form, or its words, speak for a token.
const SPECIFIC: u8 = 3;
/// The rank from which its form alone does.
const FORMED: u8 = 4;
/// Of findings at one place no more are compared with each other.
const QUARRELLERS: usize = 32;

/// A candidate that has won its place, and the way to it.
#[derive(Debug)]
pub(in crate::detect) struct Hit {
    /// Its range is a place in the text in hand.
    pub(in crate::detect) candidate: Candidate,
    /// The index of its other half in the same list.
    pub(in crate::detect) partner: Option<usize>,
    pub(in crate::detect) trail: Vec<Step>,
    /// The token, if it does not stand in the text in hand.
    pub(in crate::detect) secret: Option<Arc<Secret>>,
}

impl Hit {
    /// Whether its place is its own: not shared by all that a compressed piece holds.
    fn is_placed(&self) -> bool {
        !self.trail.iter().any(|step| step.encoding.is_packed())
    }

    fn is_escaped(&self) -> bool {
        self.trail.iter().all(|step| step.encoding.is_escape())
    }

    fn token<'h>(&'h self, text: &'h [u8]) -> &'h [u8] {
        match &self.secret {
            Some(secret) => secret.expose(),
            None => text.get(self.candidate.range.clone()).unwrap_or_default(),
        }
    }

    fn len(&self) -> usize {
        self.candidate.range.len()
    }
}

/// One scan with its decoders.
pub(super) struct Dig<'d> {
    pub(super) detector: &'d Detector,
    pub(super) meter: Meter,
    /// Whether the text in hand begins where it is cut out: what is compressed is known by its first bytes.
    pub(super) begins: bool,
    /// Gets the bytes of the text in hand that were recognised or decoded, if that is asked for.
    pub(super) taken: Option<Vec<Range<usize>>>,
}

impl Dig<'_> {
    /// All that `text` holds, as it is or encoded, by place.
    pub(super) fn text(&mut self, text: &[u8]) -> Vec<Hit> {
        if self.meter.depth == 0 {
            return self.detector.hits(text, None, self.taken.as_mut());
        }
        let mut spots = Spots::default();
        let raw = self.detector.hits(text, Some(&mut spots), self.taken.as_mut());
        let (mut decoded, mut told) = (Vec::new(), Vec::new());
        let Dig { detector, meter, begins, taken } = self;
        meter.depth -= 1;
        views::each(text, *begins, spots, meter, &mut |view, meter| {
            if let Some(taken) = taken {
                taken.extend(view.taken());
            }
            let left = std::mem::replace(meter, Meter { depth: 0, left: 0 });
            let mut deeper = Dig { detector, meter: left, begins: true, taken: None };
            let inner = deeper.text(&view.text);
            deeper.raise(text, &view, inner, &mut decoded);
            if view.framed {
                told.extend(view.pieces.into_iter().map(|piece| piece.outer));
            }
            *meter = deeper.meter;
        });
        meter.depth += 1;
        if decoded.is_empty() && told.is_empty() {
            return raw;
        }
        self.merge(text, raw, decoded, &told)
    }

    fn rule(&self, hit: &Hit) -> Option<&'static Rule> {
        self.detector.rules().get(usize::from(hit.candidate.rule)).copied()
    }

    fn rank(&self, hit: &Hit) -> u8 {
        self.rule(hit).map_or(0, Rule::rank)
    }

    /// Appends to `to`, as hits in `text`, those of the `inner` ones that what was decoded in the
    /// view has brought to light.
    fn raise(&self, text: &[u8], view: &View, inner: Vec<Hit>, to: &mut Vec<Hit>) {
        let first = to.len();
        let mut places = vec![None; inner.len()];
        let mut back = view.way_back(text);
        for (hit, place) in inner.into_iter().zip(0usize..) {
            let range = hit.candidate.range.clone();
            let Some(piece) = view.piece(&range) else { continue };
            let Some(rule) = self.rule(&hit) else { continue };
            let inflated = hit.trail.first().is_some_and(|step| step.encoding.is_packed());
            let reads_as_text = piece.plain || inflated;
            let framing = range.start < piece.inner.start || range.end > piece.inner.end;
            if view.framed && framing
                || is_cut(text, view, &range)
                || !reads_as_text && rule.rank() < SPECIFIC
            {
                continue;
            }
            let mut trail = vec![Step { encoding: piece.encoding, range: piece.outer.clone() }];
            trail.extend(hit.trail);
            if let Some(second) = trail.get_mut(1) {
                let within =
                    |at: usize| at.clamp(piece.inner.start, piece.inner.end) - piece.inner.start;
                second.range = within(second.range.start)..within(second.range.end);
            }
            let secret = hit.secret.or_else(|| {
                Some(Arc::new(Secret::new(rule.class(), view.text.get(range.clone())?)))
            });
            let candidate = Candidate { range: back.outer(&range), ..hit.candidate };
            if let Some(place) = places.get_mut(place) {
                *place = Some(to.len());
            }
            to.push(Hit { candidate, partner: hit.partner, trail, secret });
        }
        for hit in &mut to[first..] {
            hit.partner = hit.partner.and_then(|partner| places.get(partner).copied().flatten());
        }
    }

    /// One list of what stands in `text` as it is and of what was decoded, by place, each token once.
    /// At the places `told`, which are in order, stands nothing but what is encoded.
    fn merge(
        &self,
        text: &[u8],
        mut all: Vec<Hit>,
        decoded: Vec<Hit>,
        told: &[Range<usize>],
    ) -> Vec<Hit> {
        let raw = all.len();
        all.extend(
            decoded
                .into_iter()
                .map(|hit| Hit { partner: hit.partner.map(|partner| partner + raw), ..hit }),
        );
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|n| {
            let hit = &all[*n];
            (hit.candidate.range.start, hit.trail.len(), hit.candidate.range.end, *n)
        });
        let is_told = |range: &Range<usize>| {
            let next = told.partition_point(|place| place.end <= range.start);
            told.get(next).is_some_and(|place| place.start < range.end)
        };
        let mut lost: Vec<bool> = all
            .iter()
            .map(|hit| {
                hit.trail.is_empty() && self.rank(hit) < FORMED && is_told(&hit.candidate.range)
            })
            .collect();
        let mut near: Vec<usize> = Vec::new();
        for &n in order.iter().filter(|n| all[**n].is_placed()) {
            if lost[n] {
                continue;
            }
            let start = all[n].candidate.range.start;
            near.retain(|other| all[*other].candidate.range.end > start && !lost[*other]);
            for &other in near.iter().take(QUARRELLERS) {
                match self.loser(text, &all[other], &all[n]) {
                    Some(Loser::First) => lost[other] = true,
                    Some(Loser::Second) => lost[n] = true,
                    None => {}
                }
                if lost[n] {
                    break;
                }
            }
            if !lost[n] {
                near.push(n);
            }
        }
        order.retain(|n| !lost[*n]);
        let mut places = vec![None; all.len()];
        for (place, n) in order.iter().enumerate() {
            places[*n] = Some(place);
        }
        let mut all: Vec<Option<Hit>> = all.into_iter().map(Some).collect();
        let kept = order.iter().filter_map(|n| all.get_mut(*n).and_then(Option::take));
        kept.map(|hit| Hit { partner: hit.partner.and_then(|partner| places[partner]), ..hit })
            .collect()
    }

    /// Which of two hits that share bytes goes, if one does.
    fn loser(&self, text: &[u8], first: &Hit, second: &Hit) -> Option<Loser> {
        if first.trail.is_empty() && second.trail.is_empty() {
            return None;
        }
        let further =
            if first.trail.len() > second.trail.len() { Loser::First } else { Loser::Second };
        if first.token(text) == second.token(text) {
            return Some(further);
        }
        let ranks = (self.rank(first), self.rank(second));
        let escaped = first.is_escaped() && second.is_escaped();
        // A token of a form of its own may well be packed into another one.
        if !escaped && ranks.0.min(ranks.1) >= SPECIFIC {
            return None;
        }
        Some(match ranks.0.cmp(&ranks.1) {
            std::cmp::Ordering::Less => Loser::First,
            std::cmp::Ordering::Greater => Loser::Second,
            // An escape within a token may look like its end.
            std::cmp::Ordering::Equal if escaped && first.len() != second.len() => {
                if first.len() < second.len() { Loser::First } else { Loser::Second }
            }
            std::cmp::Ordering::Equal => further,
        })
    }
}

enum Loser {
    First,
    Second,
}

/// Whether the view may have cut the word off that begins or ends `inner`.
fn is_cut(text: &[u8], view: &View, inner: &Range<usize>) -> bool {
    let whole = |encoding: Encoding| encoding.is_packed() || encoding == Encoding::Utf16;
    if view.pieces.first().is_some_and(|piece| whole(piece.encoding)) {
        return false;
    }
    let glued = |at: usize| {
        let beside = [at.checked_sub(1).and_then(|before| text.get(before)), text.get(at)];
        beside.iter().all(|byte| byte.is_some_and(|byte| !byte.is_ascii_whitespace()))
    };
    let decoded = |at: usize| {
        let at_edge = |piece: &Piece| piece.inner.start <= at && at < piece.inner.end;
        view.pieces.iter().any(|piece| at_edge(piece) && !piece.encoding.is_escape())
    };
    inner.start == 0 && glued(view.outer.start) && !decoded(0)
        || inner.end == view.text.len() && glued(view.outer.end) && !decoded(inner.end - 1)
}
