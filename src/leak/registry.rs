//! Leaks in memory.

use std::collections::{BTreeMap, HashMap};

use super::assign::{Known, Sighting, assign};
use super::decision::{Actor, Time};
use super::event::{Entry, Event};
use super::record::{Leak, LeakId, TenantId};
use super::refusal::Refusal;
use crate::secret::{Digest, Imprint};

/// The leaks of all tenants, in memory: the ledger, folded.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    leaks: BTreeMap<LeakId, Leak>,
    known: HashMap<TenantId, HashMap<Digest, LeakId>>,
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

    /// The registry that these entries make, in their order.
    ///
    /// # Errors
    ///
    /// [`Refusal`] of the first entry that does not fit.
    pub fn replay<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Result<Registry, Refusal> {
        let mut registry = Registry::new();
        entries.into_iter().try_for_each(|entry| registry.apply(entry))?;
        Ok(registry)
    }

    /// Registers tokens that were found together, as [`assign`] says. Does nothing if there are none.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the sighting is not as entries must be; nothing is registered then.
    pub fn register(
        &mut self,
        sighting: Sighting,
        at: Time,
        by: &Actor,
    ) -> Result<Registration, Refusal> {
        let of_tenant = self.known.get(&sighting.tenant);
        let assignment = assign(sighting, |digest| {
            let leak = self.leaks.get(of_tenant?.get(digest)?)?;
            leak.token(digest).map(|token| Known::of(leak, token))
        });
        let id = self.next_id();
        let registration = Registration {
            new: assignment.is_new().then_some(id),
            seen_again: assignment.seen_again.clone(),
        };
        let entries = assignment.entries(id, at, by);
        entries.iter().try_for_each(|entry| self.check(entry))?;
        entries.iter().try_for_each(|entry| self.apply(entry))?;
        Ok(registration)
    }

    /// What [`apply`](Registry::apply) would say to this entry.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the entry does not fit.
    pub fn check(&self, entry: &Entry) -> Result<(), Refusal> {
        match (self.leaks.get(&entry.leak), &entry.event) {
            (Some(leak), _) => leak.check(entry),
            (None, Event::Registered { .. }) => Leak::begin(entry).map(drop),
            (None, _) => Err(Refusal::UnknownLeak(entry.leak)),
        }
    }

    /// Takes the entry in: it makes a leak, or something happens to one.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if it does not fit; nothing is changed then.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Refusal> {
        match (self.leaks.get_mut(&entry.leak), &entry.event) {
            (Some(leak), _) => leak.apply(entry)?,
            (None, Event::Registered { .. }) => {
                self.leaks.insert(entry.leak, Leak::begin(entry)?);
            }
            (None, _) => return Err(Refusal::UnknownLeak(entry.leak)),
        }
        match &entry.event {
            Event::Registered { tenant, tokens, .. } => {
                let imprints = tokens.iter().map(|(imprint, _)| imprint);
                self.remember(tenant.clone(), imprints, entry.leak);
            }
            Event::TokenAdded { token: (imprint, _) } => {
                if let Some(leak) = self.leaks.get(&entry.leak) {
                    self.remember(leak.tenant().clone(), [imprint], entry.leak);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The leaks, by number.
    pub fn leaks(&self) -> impl Iterator<Item = &Leak> {
        self.leaks.values()
    }

    /// The leak with this number.
    pub fn leak(&self, id: LeakId) -> Option<&Leak> {
        self.leaks.get(&id)
    }

    fn remember<'i>(
        &mut self,
        tenant: TenantId,
        imprints: impl IntoIterator<Item = &'i Imprint>,
        leak: LeakId,
    ) {
        let known = self.known.entry(tenant).or_default();
        for imprint in imprints {
            known.entry(*imprint.digest()).or_insert(leak);
        }
    }

    fn next_id(&self) -> LeakId {
        LeakId(self.leaks.last_key_value().map_or(0, |(last, _)| last.0).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Circumstances, Decision, Mode, Source, Status};
    use super::*;
    use crate::class::Facts;
    use crate::secret::{ImprintKey, Secret};

    const A: &str = "7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA";
    const B: &str = "Vn9Tz3Rw6Yb1Cd5Fg0Hp";
    const C: &str = "AKIAQ7ZR3KW9MX4TN8BL";

    fn sighting(tokens: &[&str], place: &str) -> Sighting {
        let key = ImprintKey::from_bytes([4; 32]);
        let imprint = |token: &&str| key.imprint(&Secret::new("test", *token)).unwrap();
        let tokens = tokens.iter().map(|token| (imprint(token), Facts::reported()));
        Sighting::new(Source::file(place, 1), tokens)
    }

    fn see(registry: &mut Registry, tokens: &[&str], place: &str, at: i64) -> Registration {
        registry.register(sighting(tokens, place), Time(at), &Actor::System).unwrap()
    }

    fn new(id: u64) -> Registration {
        Registration { new: Some(LeakId(id)), seen_again: vec![] }
    }

    fn again(ids: &[u64]) -> Registration {
        Registration { new: None, seen_again: ids.iter().copied().map(LeakId).collect() }
    }

    fn decide(registry: &mut Registry, id: u64, decision: Decision) {
        let nodes = ["gateway".to_owned()];
        let circumstances = Circumstances { nodes: &nodes, anyway: false };
        let leak = registry.leak(LeakId(id)).unwrap();
        let ann = Actor::Person("ann".into());
        let entry = leak.decide(decision, None, &circumstances, Time(9), ann).unwrap();
        registry.apply(&entry).unwrap();
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
        assert_eq!(leak.history().last().unwrap().event.name(), "token-added");
    }

    #[test]
    fn what_was_decided_about_is_not_raised_again_but_its_new_companions_are() {
        let cases = [
            (Decision::MarkFalse, Status::False, None),
            (Decision::Close, Status::Closed, None),
            (Decision::Patch(Mode::Block), Status::Opened, Some(Mode::Block)),
        ];
        for (decision, status, patch) in cases {
            let mut registry = Registry::new();
            see(&mut registry, &[A], "one", 5);
            decide(&mut registry, 1, decision);
            assert_eq!(see(&mut registry, &[A], "elsewhere", 6), again(&[1]));
            let both = see(&mut registry, &[A, B], "one", 7);
            assert_eq!((both.new, both.seen_again), (Some(LeakId(2)), vec![LeakId(1)]));
            let state = |id| {
                let leak = registry.leak(LeakId(id)).unwrap();
                (leak.status(), leak.patch(), leak.tokens().len())
            };
            assert_eq!(state(1), (status, patch, 1));
            assert_eq!(state(2), (Status::Opened, None, 1));
            // It is still listed, and it was seen twice since.
            assert_eq!(registry.leaks().count(), 2);
            assert_eq!(registry.leak(LeakId(1)).unwrap().last_seen(), Time(7));
        }
    }

    #[test]
    fn companions_join_the_first_leak_that_is_undecided() {
        let mut registry = Registry::new();
        see(&mut registry, &[A], "one", 1);
        see(&mut registry, &[B], "two", 2);
        decide(&mut registry, 1, Decision::Patch(Mode::Monitor));
        assert_eq!(see(&mut registry, &[A, B, C], "three", 3), again(&[1, 2]));
        let tokens = |id| registry.leak(LeakId(id)).unwrap().tokens().len();
        assert_eq!((tokens(1), tokens(2)), (1, 2));
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
        assert_eq!(
            (leak.status(), leak.patch(), leak.patched_since()),
            (Status::Opened, None, None)
        );
        assert_eq!(leak.history().len(), 4);
        decide(&mut registry, 1, Decision::Patch(Mode::Block));
        assert_eq!(registry.leak(LeakId(1)).unwrap().patch(), Some(Mode::Block));
    }

    #[test]
    fn tenants_have_leaks_of_their_own() {
        let mut registry = Registry::new();
        let shop = TenantId("shop".into());
        see(&mut registry, &[A], "one", 1);
        let of_shop = sighting(&[A, B], "one").tenant(shop.clone());
        let registered = registry.register(of_shop, Time(2), &Actor::System).unwrap();
        assert_eq!(registered, new(2));
        let tenants: Vec<_> = registry.leaks().map(|leak| leak.tenant().to_string()).collect();
        assert_eq!(tenants, ["default", "shop"]);
        assert_eq!(see(&mut registry, &[B], "one", 3), new(3));
    }

    #[test]
    fn the_other_half_makes_a_token_whole() {
        let mut registry = Registry::new();
        let with_half = |half: bool, tokens: &[&str]| {
            let mut sighting = sighting(tokens, "keys");
            sighting.tokens[0].1.half = half;
            sighting
        };
        let half = |registry: &Registry| registry.leak(LeakId(1)).unwrap().tokens()[0].facts().half;
        for (found, is_half, tokens) in
            [(true, true, 1), (true, true, 1), (false, false, 2), (true, false, 2)]
        {
            let found = match found {
                true => with_half(true, &[A]),
                false => with_half(false, &[A, B]),
            };
            registry.register(found, Time(1), &Actor::System).unwrap();
            assert_eq!(half(&registry), is_half);
            assert_eq!(registry.leak(LeakId(1)).unwrap().tokens().len(), tokens);
        }
    }

    #[test]
    fn the_entries_make_the_same_registry() {
        let mut registry = Registry::new();
        see(&mut registry, &[A], "one", 5);
        decide(&mut registry, 1, Decision::MarkFalse);
        see(&mut registry, &[A, B], "one", 7);
        let entries: Vec<Entry> =
            registry.leaks().flat_map(|leak| leak.history().to_vec()).collect();
        let mut again = Registry::replay(&entries).unwrap();
        assert!(again.leaks().eq(registry.leaks()));
        assert_eq!(
            see(&mut again, &[C, B], "two", 8),
            Registration { new: None, seen_again: vec![LeakId(2)] }
        );
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut registry = Registry::new();
        let nameless = Actor::Person(" ".into());
        let refused = registry.register(sighting(&[A], "one"), Time(1), &nameless);
        assert_eq!(refused, Err(Refusal::Nameless));
        assert_eq!(registry.leaks().count(), 0);
        let event = Event::BreachSeen { corpus: "x".into() };
        let entry = Entry { leak: LeakId(7), at: Time(1), by: Actor::System, event };
        assert_eq!(registry.apply(&entry), Err(Refusal::UnknownLeak(LeakId(7))));
    }
}
