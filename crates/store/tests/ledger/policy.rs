//! Policies that decide, applied to a ledger.

use stanch::class::Facts;
use stanch::leak::{
    Actor, Decision, Issuer, LeakId, Mode, Role, Sighting, Source, Status, TenantId,
};
use stanch_store::{By, DecisionPolicy, Planned, Store, StoreError};

use crate::fixture::{Fixture, ann, both, own, register, token, user};

both!(
    a_policy_decides_about_each_leak_once,
    somebody_may_be_faster,
    who_may_not_decide_applies_nothing,
    more_leaks_than_go_into_one_transaction,
);

const BLOCK: &str =
    "name = 'ours'\n[[rule]]\nname = 'all'\ndecide = 'block'\nlevel = 'informational'";

fn policy(text: &str) -> DecisionPolicy {
    DecisionPolicy::parse(text).unwrap()
}

fn enrolled(fixture: &Fixture) -> &Store {
    fixture.store.enrol(&ann(), &TenantId::default(), &["edge".into()]).unwrap();
    &fixture.store
}

/// Which leaks it is about, and whether they refuse.
fn told(planned: &[Planned]) -> Vec<(u64, bool)> {
    planned.iter().map(|one| (one.leak.0, one.entry.is_err())).collect()
}

fn patches(store: &Store, leaks: u64) -> Vec<Option<Mode>> {
    (1..=leaks).map(|id| store.leak(&ann().who, LeakId(id)).unwrap().patch()).collect()
}

fn a_policy_decides_about_each_leak_once(fixture: &Fixture) {
    let store = enrolled(fixture);
    for number in 0..4 {
        register(store, &[number], "a.env");
    }
    let stranger = Facts { issuer: Issuer::Stranger, ..own() };
    let found = Sighting::new(Source::file("b.env", 1), [(token("stripe", 9), stranger)]);
    store.register(&ann(), vec![found]).unwrap();
    store.decide(&ann(), LeakId(2), Decision::Patch(Mode::Monitor), false, None).unwrap();
    store.decide(&ann(), LeakId(3), Decision::Close, false, None).unwrap();
    let policy = policy(BLOCK);

    let expected = [(1, false), (4, false), (5, true)];
    assert_eq!(told(&store.plan_policy(&ann(), None, &policy).unwrap()), expected);
    assert_eq!(patches(store, 5), [None, Some(Mode::Monitor), None, None, None]);
    assert_eq!(told(&store.apply_policy(&ann(), None, &policy).unwrap()), expected);
    let blocked = Some(Mode::Block);
    assert_eq!(patches(store, 5), [blocked, Some(Mode::Monitor), None, blocked, None]);
    let entry = store.history(&ann().who, LeakId(1)).unwrap().pop().unwrap();
    assert_eq!(entry.by, Actor::Policy("ours".into()));
    let entries = store.verify(&ann().who).unwrap().entries;
    assert_eq!(told(&store.apply_policy(&ann(), None, &policy).unwrap()), [(5, true)]);
    assert_eq!(store.verify(&ann().who).unwrap().entries, entries);
    // Another policy may decide anew what a policy has decided.
    let other = BLOCK.replace("'block'", "'close'").replace("ours", "other");
    let other = DecisionPolicy::parse(&other).unwrap();
    assert_eq!(told(&store.apply_policy(&ann(), None, &other).unwrap()).len(), 3);
    let leak = store.leak(&ann().who, LeakId(4)).unwrap();
    assert_eq!((leak.status(), leak.patch()), (Status::Closed, None));
}

/// Two apply the same policy at the same time: each leak is decided about once.
fn somebody_may_be_faster(fixture: &Fixture) {
    let store = enrolled(fixture);
    for number in 0..40 {
        register(store, &[number], "a.env");
    }
    let policy = policy(BLOCK);
    let others = [(); 3].map(|()| fixture.open());
    let done: usize = std::thread::scope(|scope| {
        let all = others
            .each_ref()
            .map(|store| scope.spawn(|| store.apply_policy(&ann(), None, &policy).unwrap().len()));
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(done, 40);
    assert_eq!(store.verify(&ann().who).unwrap().entries, 80);
}

fn who_may_not_decide_applies_nothing(fixture: &Fixture) {
    let store = enrolled(fixture);
    register(store, &[1], "a.env");
    let policy = policy(BLOCK);
    for (role, tenant, may_look) in [
        (Role::Analyst, "default", true),
        (Role::GlobalAnalyst, "other", true),
        (Role::Administrator, "other", false),
        (Role::None, "default", false),
    ] {
        let by = By { who: user(role, tenant), ..ann() };
        let asked = TenantId::default();
        assert_eq!(store.plan_policy(&by, Some(&asked), &policy).is_ok(), may_look, "{role}");
        let error = store.apply_policy(&by, Some(&asked), &policy).unwrap_err();
        assert!(matches!(error, StoreError::Denied(_)), "{role}: {error}");
        assert!(store.apply_policy(&by, None, &policy).is_err(), "{role}");
    }
    assert_eq!(patches(store, 1), [None]);
    // Each tenant is decided for by its own.
    store.switch(&ann(), &TenantId("shop".into()), true).unwrap();
    let shop = By { who: user(Role::Administrator, "shop"), ..ann() };
    assert_eq!(store.apply_policy(&shop, None, &policy).unwrap(), []);
    assert_eq!(patches(store, 1), [None]);
}

fn more_leaks_than_go_into_one_transaction(fixture: &Fixture) {
    let store = enrolled(fixture);
    let sightings = (0..1_050).map(|number| crate::fixture::found(&[number], "a.env")).collect();
    store.register(&ann(), sightings).unwrap();
    assert_eq!(store.apply_policy(&ann(), None, &policy(BLOCK)).unwrap().len(), 1_050);
    assert_eq!(store.patches(&ann().who, None).unwrap().len(), 1_050);
    assert_eq!(store.apply_policy(&ann(), None, &policy(BLOCK)).unwrap(), []);
}
