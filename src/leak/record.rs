//! A leak: its entries, folded.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use super::decision::{Mode, State, Status, Time};
use super::event::{Entry, Event, Place};
use super::refusal::Refusal;
use super::seen::{Acknowledgement, Attempts, Note, Seen, Tick, Usage, Uses};
use super::source::{Source, Target};
use super::token::{Latest, Scope, Token, learn};
use crate::class::{Consequence, Facts};
use crate::secret::{Digest, Imprint};

/// The most places that a leak keeps. Clients choose what they ask for, so there is an end to it.
pub const MAX_PLACES: usize = 10_000;

/// The number of a leak, unique in a ledger, whoever the tenant is. Verdicts name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct LeakId(pub u64);

/// Whose leak it is. `default` where nobody says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct TenantId(pub String);

/// Tokens that were found together, and what became of them.
///
/// Two leaks are equal if they have the same entries in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    id: LeakId,
    tenant: TenantId,
    manual: bool,
    target: Option<Target>,
    /// Those that it was registered with, in their order; behind them those that were added.
    pub(super) tokens: Vec<Token>,
    registered: usize,
    /// Each with when it was seen first and last.
    sources: BTreeMap<Source, (Time, Time)>,
    pub(super) state: State,
    was_patched: bool,
    notes: Vec<Note>,
    places: BTreeMap<Place, Uses>,
    attempts: Attempts,
    breaches: BTreeMap<String, Time>,
    /// What each node confirmed last, since the patch was decided.
    nodes: BTreeMap<String, Latest<Mode>>,
    history: Vec<Entry>,
}

impl Leak {
    /// The leak that begins with this entry.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the entry is not [`Event::Registered`], or not as entries must be.
    pub fn begin(entry: &Entry) -> Result<Leak, Refusal> {
        let Event::Registered { tenant, manual, source, target, tokens } = &entry.event else {
            return Err(Refusal::NotRegistered);
        };
        entry.check()?;
        let at = entry.at;
        let mut digests = HashSet::new();
        let tokens: Vec<Token> = tokens
            .iter()
            .filter(|(imprint, _)| digests.insert(*imprint.digest()))
            .map(|(imprint, facts)| Token::new(imprint.clone(), facts.clone(), at))
            .collect();
        Ok(Leak {
            id: entry.leak,
            tenant: tenant.clone(),
            manual: *manual,
            target: target.clone(),
            registered: tokens.len(),
            tokens,
            sources: BTreeMap::from([(source.clone(), (at, at))]),
            state: State::Opened { patch: None },
            was_patched: false,
            notes: Vec::new(),
            places: BTreeMap::new(),
            attempts: Attempts::default(),
            breaches: BTreeMap::new(),
            nodes: BTreeMap::new(),
            history: vec![entry.clone()],
        })
    }

    /// The leak that all its entries make, in their order.
    ///
    /// # Errors
    ///
    /// [`Refusal`] of the first entry that does not fit, or [`Refusal::NotRegistered`] if there is none.
    pub fn replay<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Result<Leak, Refusal> {
        let mut entries = entries.into_iter();
        let mut leak = Leak::begin(entries.next().ok_or(Refusal::NotRegistered)?)?;
        entries.try_for_each(|entry| leak.apply(entry))?;
        Ok(leak)
    }

    /// What [`apply`](Leak::apply) would say to this entry.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the entry does not fit.
    pub fn check(&self, entry: &Entry) -> Result<(), Refusal> {
        if entry.leak != self.id {
            return Err(Refusal::OtherLeak { leak: self.id, entry: entry.leak });
        }
        entry.check()?;
        match &entry.event {
            Event::Registered { .. } => Err(Refusal::AlreadyRegistered),
            Event::SeenAgain { .. } | Event::Noted(_) | Event::BreachSeen { .. } => Ok(()),
            Event::TokenAdded { token: (imprint, _) } => {
                match (self.state, self.holds(imprint.digest())) {
                    (_, true) => Err(Refusal::TokenKnown),
                    (State::Opened { patch: None }, false) => Ok(()),
                    _ => Err(Refusal::Settled),
                }
            }
            Event::PairFound { digest }
            | Event::ValidityLearned { digest, .. }
            | Event::Rotated { digest, .. }
            | Event::ScopeLearned { digest, .. }
            | Event::Unsealed { digest, .. } => match self.holds(digest) {
                true => Ok(()),
                false => Err(Refusal::UnknownToken(*digest)),
            },
            Event::Decided { decision, anyway, .. } => {
                self.state.after(*decision, *anyway, entry.at).map(drop)
            }
            Event::PlaceSeen(place) => {
                match self.places.len() < MAX_PLACES || self.places.contains_key(place) {
                    true => Ok(()),
                    false => Err(Refusal::TooManyPlaces),
                }
            }
            Event::PlaceTicked(place) | Event::PlaceUnticked(place) => {
                match self.places.contains_key(place) {
                    true => Ok(()),
                    false => Err(Refusal::UnknownPlace),
                }
            }
            Event::Attempted { .. } => match self.was_patched {
                true => Ok(()),
                false => Err(Refusal::NeverPatched),
            },
            Event::Acknowledged { .. } => match self.state.patch() {
                None => Err(Refusal::NoPatch),
                Some(patch) if entry.at < patch.since => Err(Refusal::Stale),
                Some(_) => Ok(()),
            },
        }
    }

    /// Takes the entry in.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if it does not fit; the leak is unchanged then.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Refusal> {
        self.check(entry)?;
        let at = entry.at;
        match &entry.event {
            // The history says it.
            Event::Registered { .. } | Event::Unsealed { .. } => {}
            Event::SeenAgain { source } => {
                let (first, last) = self.sources.entry(source.clone()).or_insert((at, at));
                (*first, *last) = (at.min(*first), at.max(*last));
            }
            Event::TokenAdded { token: (imprint, facts) } => self.add(imprint, facts, at),
            Event::PairFound { digest } => self.on_token(digest, |token| token.facts.half = false),
            Event::Decided { decision, anyway, .. } => {
                self.state = self.state.after(*decision, *anyway, at)?;
                self.was_patched |= self.state.patch().is_some();
                // What nodes confirmed was the patch before.
                self.nodes.clear();
            }
            Event::Noted(text) => {
                let note = Note { at, by: entry.by.clone(), text: text.clone() };
                let behind = self.notes.partition_point(|other| *other <= note);
                self.notes.insert(behind, note);
            }
            Event::PlaceSeen(place) => {
                let new = Uses { first: at, last: at, tick: None };
                let uses = self.places.entry(place.clone()).or_insert(new);
                (uses.first, uses.last) = (at.min(uses.first), at.max(uses.last));
            }
            Event::PlaceTicked(place) => self.tick(place, at, Tick::Ticked),
            Event::PlaceUnticked(place) => self.tick(place, at, Tick::Unticked),
            Event::Attempted { count, accepted, .. } => self.attempts.add(*count, *accepted, at),
            Event::BreachSeen { corpus } => {
                let first = self.breaches.entry(corpus.clone()).or_insert(at);
                *first = at.min(*first);
            }
            Event::ValidityLearned { digest, validity } => {
                self.on_token(digest, |token| learn(&mut token.validity, at, *validity));
            }
            Event::Rotated { digest, rotation } => {
                self.on_token(digest, |token| learn(&mut token.rotation, at, *rotation));
            }
            Event::ScopeLearned { digest, breadth, evidence } => {
                let scope = Scope { breadth: *breadth, evidence: evidence.clone() };
                self.on_token(digest, |token| learn(&mut token.scope, at, scope));
            }
            Event::Acknowledged { node, mode } => {
                let mut confirmed = self.nodes.remove(node);
                learn(&mut confirmed, at, *mode);
                self.nodes.extend(confirmed.map(|confirmed| (node.clone(), confirmed)));
            }
        }
        self.history.push(entry.clone());
        Ok(())
    }

    /// Its number.
    pub fn id(&self) -> LeakId {
        self.id
    }

    /// Whose it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Whether a person registered it by hand.
    pub fn is_manual(&self) -> bool {
        self.manual
    }

    /// Its tokens, each one once: those that it was registered with, then those that were added.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The token with this digest, if it is one of the leak's.
    pub fn token(&self, digest: &Digest) -> Option<&Token> {
        self.tokens.iter().find(|token| token.imprint.digest() == digest)
    }

    /// Whether the token with this digest belongs to it.
    pub fn holds(&self, digest: &Digest) -> bool {
        self.token(digest).is_some()
    }

    /// What the use of its tokens by a stranger leads to, each consequence once.
    pub fn consequences(&self) -> Vec<Consequence> {
        let mut all: Vec<_> = self.tokens.iter().map(|token| token.facts.consequence).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The places that it was found in, the first one first, each one once.
    pub fn sources(&self) -> Vec<Seen<'_>> {
        let seen = |(source, &(first, last))| Seen { source, first, last };
        let mut all: Vec<_> = self.sources.iter().map(seen).collect();
        all.sort_by_key(|seen| seen.first);
        all
    }

    /// Whom it endangers, if that is known.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// When it was found first.
    pub fn first_seen(&self) -> Time {
        self.sources.values().map(|(first, _)| *first).min().unwrap_or(Time(0))
    }

    /// When it was found last.
    pub fn last_seen(&self) -> Time {
        self.sources.values().map(|(_, last)| *last).max().unwrap_or(Time(0))
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// The patch that is in force: what becomes of requests with its tokens. `None` if no patch was
    /// decided, or not since the leak was reopened.
    pub fn patch(&self) -> Option<Mode> {
        self.state.patch().map(|patch| patch.mode)
    }

    /// When the patch that is in force was decided.
    pub fn patched_since(&self) -> Option<Time> {
        self.state.patch().map(|patch| patch.since)
    }

    /// What was said to it, the first one first.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Where its tokens are used, as far as seen.
    pub fn places(&self) -> impl ExactSizeIterator<Item = Usage<'_>> {
        self.places.iter().map(|(place, uses)| Usage {
            place,
            first: uses.first,
            last: uses.last,
            ticked: uses.is_ticked(),
        })
    }

    /// The attempts to use its tokens.
    pub fn attempts(&self) -> Attempts {
        self.attempts
    }

    /// The collections of breach data that hold one of its tokens, each with when that was seen first.
    pub fn breaches(&self) -> impl ExactSizeIterator<Item = (&str, Time)> {
        self.breaches.iter().map(|(corpus, first)| (corpus.as_str(), *first))
    }

    /// The nodes that confirmed the patch since it was decided.
    pub fn acknowledged(&self) -> impl ExactSizeIterator<Item = Acknowledgement<'_>> {
        self.nodes.iter().map(|(node, latest)| Acknowledgement {
            node,
            mode: latest.value,
            at: latest.at,
        })
    }

    /// What happened to it, in the order in which it became known: the entries that make it.
    pub fn history(&self) -> &[Entry] {
        &self.history
    }

    /// What it is, whatever the way to it.
    #[cfg(test)]
    pub(super) fn without_history(&self) -> Leak {
        Leak { history: Vec::new(), ..self.clone() }
    }

    /// Adds a token that it does not hold yet. Those that came later stand behind, whatever the order in
    /// which they became known.
    fn add(&mut self, imprint: &Imprint, facts: &Facts, at: Time) {
        let token = Token::new(imprint.clone(), facts.clone(), at);
        let rank = |token: &Token| (token.first_seen, *token.imprint.digest());
        let added = &self.tokens[self.registered..];
        let behind = added.partition_point(|other| rank(other) < rank(&token));
        self.tokens.insert(self.registered + behind, token);
    }

    fn on_token(&mut self, digest: &Digest, change: impl FnOnce(&mut Token)) {
        self.tokens.iter_mut().find(|token| token.imprint.digest() == digest).map(change);
    }

    fn tick(&mut self, place: &Place, at: Time, tick: Tick) {
        if let Some(uses) = self.places.get_mut(place) {
            learn(&mut uses.tick, at, tick);
        }
    }
}

impl Default for TenantId {
    fn default() -> TenantId {
        TenantId("default".into())
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LeakId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::decision::{Actor, Decision};
    use super::super::event::{MAX_PLACE, MAX_TEXT};
    use super::super::sample::{A, B, happens, leak, token};
    use super::super::token::{Rotation, Validity};
    use super::*;
    use crate::class::{Breadth, Issuer};

    /// What may not happen, and why.
    #[test]
    fn what_does_not_fit_is_refused() {
        let fresh = || leak(&[(A, Issuer::Own)]);
        let elsewhere = Place { host: "elsewhere".into(), ..Place::default() };
        let other = *token(B, Issuer::Own).0.digest();
        let own = *token(A, Issuer::Own).0.digest();
        let attempted = |count| Event::Attempted {
            node: "east".into(),
            mode: Mode::Block,
            count,
            accepted: false,
        };
        let rows = [
            (Event::TokenAdded { token: token(A, Issuer::Own) }, Refusal::TokenKnown),
            (Event::PairFound { digest: other }, Refusal::UnknownToken(other)),
            (
                Event::ValidityLearned { digest: other, validity: Validity::Valid },
                Refusal::UnknownToken(other),
            ),
            (
                Event::ValidityLearned { digest: own, validity: Validity::Unverified },
                Refusal::Missing("what the issuer says"),
            ),
            (
                Event::Rotated { digest: own, rotation: Rotation::Unknown },
                Refusal::Missing("what became of the token"),
            ),
            (Event::PlaceTicked(elsewhere.clone()), Refusal::UnknownPlace),
            (Event::PlaceUnticked(elsewhere), Refusal::UnknownPlace),
            (attempted(1), Refusal::NeverPatched),
            (attempted(0), Refusal::Missing("the number of attempts")),
            (Event::Acknowledged { node: "east".into(), mode: Mode::Block }, Refusal::NoPatch),
            (
                Event::Acknowledged { node: String::new(), mode: Mode::Block },
                Refusal::Missing("the node"),
            ),
            (Event::Noted(" ".into()), Refusal::Missing("the note")),
            (
                Event::Noted("x".repeat(MAX_TEXT + 1)),
                Refusal::TooLong { what: "the note", most: MAX_TEXT },
            ),
            (
                Event::PlaceSeen(Place { path: "x".repeat(MAX_PLACE + 1), ..Place::default() }),
                Refusal::TooLong { what: "the path", most: MAX_PLACE },
            ),
        ];
        for (event, refusal) in rows {
            let mut leak = fresh();
            assert_eq!(happens(&mut leak, 6, event), Err(refusal));
            assert_eq!(leak, fresh());
        }
        let mut leak = fresh();
        let event = Event::BreachSeen { corpus: "x".into() };
        let entry = Entry { leak: LeakId(2), at: Time(6), by: Actor::System, event };
        let refusal = Refusal::OtherLeak { leak: LeakId(1), entry: LeakId(2) };
        assert_eq!(leak.apply(&entry), Err(refusal));
        assert_eq!(Leak::begin(&entry), Err(Refusal::NotRegistered));
        assert_eq!(Leak::replay([]), Err(Refusal::NotRegistered));
    }

    #[test]
    fn only_somebody_decides_notes_and_ticks() {
        let place = Place::default();
        let mut leak = leak(&[(A, Issuer::Own)]);
        happens(&mut leak, 5, Event::PlaceSeen(place.clone())).unwrap();
        let events = [
            Event::Decided { decision: Decision::Close, anyway: true, note: None },
            Event::Noted("fine".into()),
            Event::PlaceTicked(place.clone()),
            Event::PlaceUnticked(place),
        ];
        for event in events {
            let entry = Entry { leak: LeakId(1), at: Time(6), by: Actor::System, event };
            assert_eq!(leak.apply(&entry), Err(Refusal::NobodyDecided));
        }
    }

    #[test]
    fn a_use_after_the_tick_takes_the_tick_away() {
        let place = || Place { host: "api.invalid".into(), path: "/v1".into(), ..Place::default() };
        let mut leak = leak(&[(A, Issuer::Own)]);
        let rows = [
            (5, Event::PlaceSeen(place()), false),
            (7, Event::PlaceTicked(place()), true),
            (6, Event::PlaceSeen(place()), true),
            (8, Event::PlaceSeen(place()), false),
            (9, Event::PlaceTicked(place()), true),
            (10, Event::PlaceUnticked(place()), false),
        ];
        for (at, event, ticked) in rows {
            happens(&mut leak, at, event).unwrap();
            let places: Vec<_> = leak.places().map(|usage| usage.ticked).collect();
            assert_eq!(places, [ticked], "at {at}");
        }
        let usage = leak.places().next().unwrap();
        assert_eq!((usage.first, usage.last), (Time(5), Time(8)));
    }

    #[test]
    fn places_come_to_an_end() {
        let mut leak = leak(&[(A, Issuer::Own)]);
        let place = |number: usize| Place { path: format!("/{number}"), ..Place::default() };
        for number in 0..MAX_PLACES {
            happens(&mut leak, 5, Event::PlaceSeen(place(number))).unwrap();
        }
        let more = Event::PlaceSeen(place(MAX_PLACES));
        assert_eq!(happens(&mut leak, 5, more), Err(Refusal::TooManyPlaces));
        happens(&mut leak, 6, Event::PlaceSeen(place(0))).unwrap();
        assert_eq!(leak.places().len(), MAX_PLACES);
    }

    #[test]
    fn what_was_learned_last_holds() {
        let mut leak = leak(&[(A, Issuer::Own)]);
        let digest = *leak.tokens()[0].imprint().digest();
        assert!(!leak.tokens()[0].is_dead());
        let learn = |leak: &mut Leak, at, validity| {
            happens(leak, at, Event::ValidityLearned { digest, validity }).unwrap();
            leak.tokens()[0].validity()
        };
        assert_eq!(learn(&mut leak, 8, Validity::Valid), Validity::Valid);
        assert_eq!(learn(&mut leak, 7, Validity::Invalid), Validity::Valid);
        assert_eq!(learn(&mut leak, 9, Validity::Invalid), Validity::Invalid);
        assert!(leak.tokens()[0].is_dead());
        let evidence = "repo, admin:org".to_owned();
        let breadth = Breadth::Wide;
        happens(&mut leak, 9, Event::ScopeLearned { digest, breadth, evidence }).unwrap();
        assert_eq!(leak.tokens()[0].breadth(), Breadth::Wide);
        assert_eq!(leak.tokens()[0].scope().unwrap().evidence, "repo, admin:org");
        happens(&mut leak, 9, Event::Rotated { digest, rotation: Rotation::Overdue }).unwrap();
        assert_eq!(leak.tokens()[0].rotation(), Rotation::Overdue);
    }
}
