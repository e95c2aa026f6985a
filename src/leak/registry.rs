//! Turns tokens that were found into leaks.

use std::collections::{BTreeMap, HashMap};

use super::decision::{Actor, Status, Time};
use super::record::{Leak, LeakId};
use super::source::{Source, Target};
use crate::secret::{Digest, Imprint};

/// All leaks that are known.
///
/// Tokens of one document are one leak. A token that is known already makes its leak *seen again*
/// instead of a new one, wherever it was found; its new companions join that leak, unless it is not
/// open any more: then they are a leak of their own, because a decision must not cover what was not
/// there when it was made.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    leaks: BTreeMap<LeakId, Leak>,
    known: HashMap<Digest, LeakId>,
}

/// What registering a document's tokens did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// The leak that was made.
    pub new: Option<LeakId>,
    /// The leaks that were seen again.
    pub seen_again: Vec<LeakId>,
}

impl Registry {
    /// A registry without leaks.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Registers the tokens that were found together in `source`.
    ///
    /// Does nothing if there are none.
    pub fn register(
        &mut self,
        tokens: impl IntoIterator<Item = Imprint>,
        source: Source,
        target: Option<Target>,
        at: Time,
        by: Actor,
    ) -> Registration {
        let (known, unknown): (Vec<_>, Vec<_>) =
            tokens.into_iter().partition(|token| self.known.contains_key(token.digest()));
        let mut seen_again: Vec<LeakId> =
            known.iter().filter_map(|token| self.known.get(token.digest()).copied()).collect();
        seen_again.sort_unstable();
        seen_again.dedup();
        for id in &seen_again {
            if let Some(leak) = self.leaks.get_mut(id) {
                leak.see_again(&source, at, by.clone());
            }
        }
        let mut registration = Registration { new: None, seen_again };
        if unknown.is_empty() {
            return registration;
        }
        let open = registration.seen_again.iter().copied().find(|id| self.is_open(*id));
        let id = open.unwrap_or_else(|| self.next_id());
        let leak = self.leaks.entry(id).or_insert_with(|| {
            registration.new = Some(id);
            Leak::new(id, target, source, at, by.clone())
        });
        for imprint in unknown {
            self.known.insert(*imprint.digest(), id);
            match registration.new {
                Some(_) => leak.add(imprint),
                None => leak.add_later(imprint, at, by.clone()),
            }
        }
        registration
    }

    /// The leaks, by number.
    pub fn leaks(&self) -> impl Iterator<Item = &Leak> {
        self.leaks.values()
    }

    /// The leak with this number.
    pub fn leak(&self, id: LeakId) -> Option<&Leak> {
        self.leaks.get(&id)
    }

    /// The leak with this number, to decide about it.
    pub fn leak_mut(&mut self, id: LeakId) -> Option<&mut Leak> {
        self.leaks.get_mut(&id)
    }

    fn is_open(&self, id: LeakId) -> bool {
        self.leak(id).is_some_and(|leak| leak.status() == Status::Opened)
    }

    fn next_id(&self) -> LeakId {
        LeakId(self.leaks.last_key_value().map_or(0, |(last, _)| last.0).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::decision::{Decision, Event, Mode};
    use super::*;
    use crate::secret::{ImprintKey, Secret};

    const A: &str = "7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA";
    const B: &str = "Vn9Tz3Rw6Yb1Cd5Fg0Hp";
    const C: &str = "AKIAQ7ZR3KW9MX4TN8BL";

    fn see(registry: &mut Registry, tokens: &[&str], place: &str, at: i64) -> Registration {
        let key = ImprintKey::from_bytes([4; 32]);
        let imprints =
            tokens.iter().map(|token| key.imprint(&Secret::new("test", *token)).unwrap());
        registry.register(imprints, Source::file(place, 1), None, Time(at), Actor::System)
    }

    fn new(id: u64) -> Registration {
        Registration { new: Some(LeakId(id)), seen_again: vec![] }
    }

    fn again(ids: &[u64]) -> Registration {
        Registration { new: None, seen_again: ids.iter().copied().map(LeakId).collect() }
    }

    fn decide(registry: &mut Registry, id: u64, decision: Decision) {
        let leak = registry.leak_mut(LeakId(id)).unwrap();
        leak.decide(decision, Time(9), Actor::Person("ann".into())).unwrap();
    }

    #[test]
    fn tokens_of_one_document_are_one_leak() {
        let mut registry = Registry::new();
        assert_eq!(see(&mut registry, &[A, B, C, A], "gist", 5), new(1));
        let leak = registry.leak(LeakId(1)).unwrap();
        assert_eq!((leak.tokens().len(), leak.status(), leak.patch()), (3, Status::Opened, None));
        assert_eq!(see(&mut registry, &[], "empty", 6), Registration::default());
    }

    #[test]
    fn the_same_token_elsewhere_is_the_same_leak() {
        let mut registry = Registry::new();
        see(&mut registry, &[A], "one", 5);
        assert_eq!(see(&mut registry, &[A], "two", 7), again(&[1]));
        assert_eq!(see(&mut registry, &[A, B], "two", 3), again(&[1]));
        let leak = registry.leak(LeakId(1)).unwrap();
        assert_eq!((leak.sources().len(), leak.tokens().len()), (2, 2));
        assert_eq!((leak.first_seen(), leak.last_seen()), (Time(3), Time(7)));
        assert_eq!(leak.history().last().unwrap().2, Event::TokenAdded);
    }

    #[test]
    fn a_false_one_is_not_raised_again_but_its_new_companions_are() {
        let mut registry = Registry::new();
        see(&mut registry, &[A], "one", 5);
        decide(&mut registry, 1, Decision::MarkFalse);
        assert_eq!(see(&mut registry, &[A], "one", 6), again(&[1]));
        assert_eq!(registry.leak(LeakId(1)).unwrap().status(), Status::False);
        let both = see(&mut registry, &[A, B], "one", 7);
        assert_eq!((both.new, both.seen_again), (Some(LeakId(2)), vec![LeakId(1)]));
        assert_eq!(registry.leak(LeakId(2)).unwrap().tokens().len(), 1);
    }

    #[test]
    fn reopening_does_not_protect() {
        let mut registry = Registry::new();
        see(&mut registry, &[A], "one", 5);
        decide(&mut registry, 1, Decision::Patch(Mode::Block));
        assert_eq!(registry.leak(LeakId(1)).unwrap().patch(), Some(Mode::Block));
        decide(&mut registry, 1, Decision::Close);
        decide(&mut registry, 1, Decision::Reopen);
        let leak = registry.leak(LeakId(1)).unwrap();
        assert_eq!((leak.status(), leak.patch()), (Status::Opened, None));
        assert_eq!(leak.history().len(), 4);
    }

    #[test]
    fn the_system_decides_nothing() {
        let mut registry = Registry::new();
        see(&mut registry, &[A], "one", 5);
        let leak = registry.leak_mut(LeakId(1)).unwrap();
        let error = leak.decide(Decision::Patch(Mode::Block), Time(6), Actor::System).unwrap_err();
        assert_eq!(error, crate::leak::DecisionError::NobodyDecided);
        assert_eq!(leak.patch(), None);
    }
}
