//! Laws of the ledger, on random entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::class::{Breadth, Facts};
use crate::secret::{Imprint, ImprintKey, Secret};

/// Some tokens: the first two are those of the leak, the others may be added.
static IMPRINTS: LazyLock<Vec<Imprint>> = LazyLock::new(|| {
    let key = ImprintKey::from_bytes([6; 32]);
    let tokens = [
        "7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA",
        "Vn9Tz3Rw6Yb1Cd5Fg0Hp",
        "AKIAQ7ZR3KW9MX4TN8BL",
        "glpat-8sJ2kQx7Lm4Vn9Tz3Rw6",
        "xW3nKd8QzR5tYb2VcM7pLs9G",
    ];
    tokens.iter().map(|token| key.imprint(&Secret::new("test", *token)).unwrap()).collect()
});

fn token(number: usize) -> (Imprint, Facts) {
    let half = number == 1;
    (IMPRINTS[number].clone(), Facts { half, ..Facts::reported() })
}

fn place(number: u8) -> Place {
    Place { host: "api.invalid".into(), path: format!("/{number}"), ..Place::default() }
}

fn registered() -> Event {
    Event::Registered {
        tenant: TenantId::default(),
        manual: false,
        source: Source::file("first", 1),
        target: None,
        tokens: vec![token(0), token(1), token(0)],
    }
}

fn entry(at: i64, by: Actor, event: Event) -> Entry {
    Entry { leak: LeakId(1), at: Time(at), by, event }
}

fn ann() -> Actor {
    Actor::Person("ann".into())
}

fn mode() -> impl Strategy<Value = Mode> {
    select(vec![Mode::Block, Mode::Monitor])
}

fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        mode().prop_map(Decision::Patch),
        Just(Decision::MarkFalse),
        Just(Decision::Close),
        Just(Decision::Reopen),
    ]
}

fn node() -> impl Strategy<Value = String> {
    select(vec!["east".to_owned(), "west".to_owned()])
}

/// Events of which none needs another one, on a patched leak with the first two tokens and three
/// places.
fn independent() -> impl Strategy<Value = Event> {
    let digest = || (0..2usize).prop_map(|number| *IMPRINTS[number].digest());
    let validity = select(vec![Validity::Valid, Validity::Invalid]);
    let rotation = select(vec![Rotation::Rotated, Rotation::InTime, Rotation::Overdue]);
    let breadth = select(vec![Breadth::Narrow, Breadth::Some, Breadth::Wide]);
    prop_oneof![
        (0..4u8).prop_map(|n| Event::SeenAgain { source: Source::file(format!("{n}"), 1) }),
        digest().prop_map(|digest| Event::PairFound { digest }),
        "[a-c]{1,2}".prop_map(Event::Noted),
        (0..3u8).prop_map(|n| Event::PlaceSeen(place(n))),
        (0..3u8).prop_map(|n| Event::PlaceTicked(place(n))),
        (0..3u8).prop_map(|n| Event::PlaceUnticked(place(n))),
        (node(), mode(), prop_oneof![1..5u64, Just(u64::MAX)], any::<bool>()).prop_map(
            |(node, mode, count, accepted)| Event::Attempted { node, mode, count, accepted }
        ),
        "[ab]".prop_map(|corpus| Event::BreachSeen { corpus }),
        (digest(), validity)
            .prop_map(|(digest, validity)| Event::ValidityLearned { digest, validity }),
        (digest(), rotation).prop_map(|(digest, rotation)| Event::Rotated { digest, rotation }),
        (digest(), breadth, "[ab]").prop_map(|(digest, breadth, evidence)| Event::ScopeLearned {
            digest,
            breadth,
            evidence
        }),
        (node(), mode()).prop_map(|(node, mode)| Event::Acknowledged { node, mode }),
        (digest(), "[ab]").prop_map(|(digest, recipient)| Event::Unsealed { digest, recipient }),
    ]
}

/// Any event at all, fitting or not.
fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => independent(),
        3 => (decision(), any::<bool>()).prop_map(|(decision, anyway)| {
            Event::Decided { decision, anyway, note: None }
        }),
        2 => (0..5usize).prop_map(|number| Event::TokenAdded { token: token(number) }),
        1 => Just(registered()),
        1 => Just(Event::PlaceTicked(place(9))),
        1 => Just(Event::Noted(String::new())),
        1 => Just(Event::BreachSeen { corpus: "x".repeat(MAX_NAME + 1) }),
        1 => Just(Event::ValidityLearned {
            digest: *IMPRINTS[4].digest(),
            validity: Validity::Unverified,
        }),
    ]
}

fn any_actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        3 => Just(ann()),
        2 => Just(Actor::System),
        2 => Just(Actor::Policy("block all".into())),
        1 => Just(Actor::Person(String::new())),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    (1..3u64, 0..20i64, any_actor(), any_event()).prop_map(|(leak, at, by, event)| {
        // Mostly about the leak at hand.
        Entry { leak: LeakId(if leak == 2 && at < 17 { 1 } else { leak }), ..entry(at, by, event) }
    })
}

fn shuffled<T: Clone>(all: &[T], picks: &[Index]) -> Vec<T> {
    let mut rest = all.to_vec();
    picks.iter().take(all.len()).map(|pick| rest.remove(pick.index(rest.len()))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes, an entry is taken in whole or changes nothing; and those that were taken in make
    /// the same leak.
    #[test]
    fn replay_equals_state_and_refusals_change_nothing(
        entries in prop::collection::vec(any_entry(), 0..40),
    ) {
        let mut leak = Leak::begin(&entry(5, Actor::System, registered())).unwrap();
        let mut refused = 0;
        for entry in &entries {
            let before = leak.clone();
            let said = leak.check(entry);
            prop_assert_eq!(leak.apply(entry), said.clone());
            match said {
                Ok(()) => prop_assert_eq!(leak.history().last(), Some(entry)),
                Err(_) => {
                    refused += 1;
                    prop_assert_eq!(&leak, &before);
                }
            }
            // Nothing but a decision moves it, and nobody but somebody decides.
            if !matches!(entry.event, Event::Decided { .. }) || entry.by == Actor::System {
                prop_assert_eq!((leak.status(), leak.patch()), (before.status(), before.patch()));
            }
        }
        prop_assert_eq!(leak.history().len() + refused, entries.len() + 1);
        prop_assert_eq!(Leak::replay(leak.history()).unwrap(), leak);
    }

    /// The fold says what the entries say, asked one question at a time.
    #[test]
    fn the_fold_agrees_with_the_entries(entries in prop::collection::vec(any_entry(), 0..40)) {
        let mut leak = Leak::begin(&entry(5, Actor::System, registered())).unwrap();
        for entry in &entries {
            let _ = leak.apply(entry);
        }
        let all = leak.history();
        let last_decision = all.iter().rev().find_map(|entry| match entry.event {
            Event::Decided { decision, .. } => Some(decision),
            _ => None,
        });
        let (status, patch) = match last_decision {
            None | Some(Decision::Reopen) => (Status::Opened, None),
            Some(Decision::Patch(mode)) => (Status::Opened, Some(mode)),
            Some(Decision::Close) => (Status::Closed, None),
            Some(Decision::MarkFalse) => (Status::False, None),
        };
        prop_assert_eq!((leak.status(), leak.patch()), (status, patch));

        let seen = |entry: &&Entry| {
            matches!(entry.event, Event::Registered { .. } | Event::SeenAgain { .. })
        };
        let times: Vec<Time> = all.iter().filter(seen).map(|entry| entry.at).collect();
        prop_assert_eq!(Some(leak.first_seen()), times.iter().min().copied());
        prop_assert_eq!(Some(leak.last_seen()), times.iter().max().copied());

        let attempts = all.iter().filter_map(|entry| match entry.event {
            Event::Attempted { count, accepted, .. } => Some((count, accepted)),
            _ => None,
        });
        let (mut count, mut accepted) = (0u64, 0u64);
        for (some, were_accepted) in attempts {
            count = count.saturating_add(some);
            accepted = accepted.saturating_add(if were_accepted { some } else { 0 });
        }
        prop_assert_eq!((leak.attempts().count, leak.attempts().accepted), (count, accepted));

        for token in leak.tokens() {
            let learned = all.iter().filter_map(|entry| match entry.event {
                Event::ValidityLearned { digest, validity }
                    if digest == *token.imprint().digest() => Some((entry.at, validity)),
                _ => None,
            });
            let latest = learned.max().map_or(Validity::Unverified, |(_, validity)| validity);
            prop_assert_eq!(token.validity(), latest);
        }
        for usage in leak.places() {
            let about = |event: &Event| match event {
                Event::PlaceSeen(place) if place == usage.place => Some(1),
                Event::PlaceTicked(place) if place == usage.place => Some(0),
                Event::PlaceUnticked(place) if place == usage.place => Some(2),
                _ => None,
            };
            let said = |what| {
                let told = all.iter().filter(|entry| about(&entry.event) == Some(what));
                told.map(|entry| entry.at).max()
            };
            let (ticked, seen, unticked) = (said(0), said(1), said(2));
            prop_assert_eq!(usage.ticked, ticked.is_some() && ticked >= seen && ticked > unticked);
        }
        let notes = all.iter().filter(|entry| matches!(entry.event, Event::Noted(_))).count();
        prop_assert_eq!(leak.notes().len(), notes);
        prop_assert!(leak.notes().is_sorted());
    }

    /// In which order independent entries become known does not matter.
    #[test]
    fn independent_entries_commute(
        events in prop::collection::vec((5..15i64, independent()), 0..12),
        picks in prop::collection::vec(any::<Index>(), 15),
        is_patched in any::<bool>(),
    ) {
        let mut start = Leak::begin(&entry(5, Actor::System, registered())).unwrap();
        for number in 0..3 {
            start.apply(&entry(4, Actor::System, Event::PlaceSeen(place(number)))).unwrap();
        }
        let mut entries: Vec<Entry> =
            events.into_iter().map(|(at, event)| entry(at, ann(), event)).collect();
        if is_patched {
            let decision = Decision::Patch(Mode::Block);
            let decided = Event::Decided { decision, anyway: false, note: None };
            start.apply(&entry(5, ann(), decided)).unwrap();
        } else {
            // Before anything is decided tokens may be added, but no node can have anything to say.
            entries.retain(|entry| {
                !matches!(entry.event, Event::Attempted { .. } | Event::Acknowledged { .. })
            });
            for number in 2..5usize {
                let event = Event::TokenAdded { token: token(number) };
                entries.push(entry(10 - number as i64 / 3, Actor::System, event));
            }
        }
        let fold = |entries: &[Entry]| {
            let mut leak = start.clone();
            entries.iter().try_for_each(|entry| leak.apply(entry)).map(|()| leak.without_history())
        };
        let folded = fold(&entries);
        prop_assert!(folded.is_ok(), "{:?}", folded);
        prop_assert_eq!(fold(&shuffled(&entries, &picks)), folded);
    }

    /// What happens to one leak does not matter to another.
    #[test]
    fn leaks_do_not_know_each_other(
        entries in prop::collection::vec((any_entry(), any::<bool>()), 0..30),
    ) {
        let begin = |leak| Entry { leak, ..entry(5, Actor::System, registered()) };
        let (one, two) = (LeakId(1), LeakId(2));
        let mut registry = Registry::replay(&[begin(one), begin(two)]).unwrap();
        let mut alone = [one, two].map(|id| Leak::begin(&begin(id)).unwrap());
        for (entry, is_first) in entries {
            let entry = Entry { leak: if is_first { one } else { two }, ..entry };
            let leak = &mut alone[usize::from(!is_first)];
            prop_assert_eq!(registry.apply(&entry), leak.apply(&entry));
        }
        prop_assert!(registry.leaks().eq(&alone));
    }

    /// However tokens are found and whatever is decided in between: each belongs to one leak of its tenant,
    /// none joins a leak about which something was decided, and nothing is raised again.
    #[test]
    fn registration_keeps_its_rules(
        steps in prop::collection::vec(
            (prop::collection::vec(0..5usize, 0..4), any::<bool>(), decision(), any::<Index>()),
            1..25,
        ),
    ) {
        let mut registry = Registry::new();
        let nodes = ["gateway".to_owned()];
        let circumstances = Circumstances { nodes: &nodes, anyway: false };
        let mut found = BTreeSet::new();
        for (at, (tokens, is_shop, decision, which)) in (0i64..).zip(steps) {
            let tenant = TenantId(if is_shop { "shop" } else { "default" }.into());
            let before: BTreeMap<LeakId, Leak> =
                registry.leaks().map(|leak| (leak.id(), leak.clone())).collect();
            for number in &tokens {
                found.insert((tenant.clone(), *IMPRINTS[*number].digest()));
            }
            let sighting = Sighting::new(Source::file(format!("{at}"), 1), tokens.into_iter().map(token))
                .tenant(tenant);
            let registration = registry.register(sighting, Time(at), &Actor::System).unwrap();
            for leak in registry.leaks() {
                let Some(before) = before.get(&leak.id()) else {
                    prop_assert_eq!(registration.new, Some(leak.id()));
                    prop_assert_eq!((leak.status(), leak.patch()), (Status::Opened, None));
                    continue;
                };
                prop_assert_eq!((leak.status(), leak.patch()), (before.status(), before.patch()));
                let is_settled = (before.status(), before.patch()) != (Status::Opened, None);
                prop_assert!(!is_settled || leak.tokens().len() == before.tokens().len());
                let is_seen = registration.seen_again.contains(&leak.id());
                prop_assert_eq!(is_seen, leak.history().len() > before.history().len());
            }
            let held: Vec<_> = registry
                .leaks()
                .flat_map(|leak| leak.tokens().iter().map(|token| {
                    (leak.tenant().clone(), *token.imprint().digest())
                }))
                .collect();
            prop_assert_eq!(held.len(), found.len());
            prop_assert_eq!(held.into_iter().collect::<BTreeSet<_>>(), found.clone());

            let ids: Vec<LeakId> = registry.leaks().map(Leak::id).collect();
            if !ids.is_empty() {
                let leak = registry.leak(ids[which.index(ids.len())]).unwrap();
                let decided = leak.decide(decision, None, &circumstances, Time(at), ann());
                if let Ok(entry) = decided {
                    registry.apply(&entry).unwrap();
                }
            }
        }
    }
}
