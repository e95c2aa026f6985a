//! Who may do what: every call asks.

use stanch::leak::{Decision, Denied, LeakId, Place, Role, TenantId, Time, User};
use stanch_store::{By, Filter, Identity, Learned, Page, Sort, Store, StoreError};

use crate::fixture::{Fixture, NOW, all, ann, both, found, own, register, token, user};

both!(
    every_call_asks_whether_the_user_may,
    a_tenant_is_off_until_it_is_switched_on,
    tenants_do_not_see_each_other,
    global_roles_see_every_tenant,
);

type Call = fn(&Store, &By) -> Result<(), StoreError>;

/// Every public call that is about leaks, and whether it only looks.
const CALLS: &[(&str, bool, Call)] = &[
    ("leak", true, |store, by| store.leak(&by.who, LeakId(1)).map(drop)),
    ("rated", true, |store, by| store.rated(&by.who, LeakId(1), Time(NOW)).map(drop)),
    ("history", true, |store, by| store.history(&by.who, LeakId(1)).map(drop)),
    ("attempts", true, |store, by| store.attempts(&by.who, LeakId(1), 9).map(drop)),
    ("all attempts", true, |store, by| store.all_attempts(&by.who, None, 9).map(drop)),
    ("list", true, |store, by| {
        store.list(&by.who, &Filter::default(), Sort::default(), Page::first(9)).map(drop)
    }),
    ("snapshot", true, |store, by| store.snapshot(&by.who, None, Time(NOW)).map(drop)),
    ("refresh", true, |store, by| store.refresh(&by.who, Time(NOW)).map(drop)),
    ("verify", true, |store, by| store.verify(&by.who).map(drop)),
    ("nodes", true, |store, by| store.nodes(&by.who, &TenantId::default()).map(drop)),
    ("patches", false, |store, by| store.patches(&by.who, None).map(drop)),
    ("register", false, |store, by| store.register(by, vec![found(&[1], "a.env")]).map(drop)),
    ("note", false, |store, by| store.note(by, LeakId(1), "seen").map(drop)),
    ("learn", false, |store, by| {
        store.learn(by, LeakId(1), Learned::Breach("collection".into())).map(drop)
    }),
    ("tick", false, |store, by| store.tick(by, LeakId(1), &place(), true).map(drop)),
    ("unseal", false, |store, by| match store.unseal(by, LeakId(1), &nobody()) {
        // Nothing is sealed: whoever learns that was let in.
        Err(StoreError::Unknown(_)) => Ok(()),
        other => other.map(drop),
    }),
    ("import", false, |store, by| store.import_attempts(by, &[]).map(drop)),
    ("enrol", false, |store, by| store.enrol(by, &TenantId::default(), &["edge".into()])),
    ("remove", false, |store, by| {
        store.enrol(by, &TenantId::default(), &["old".into()])?;
        store.remove_node(by, &TenantId::default(), "old")
    }),
    ("close", false, |store, by| {
        store.decide(by, LeakId(1), Decision::Close, false, None).map(drop)
    }),
    ("reopen", false, |store, by| {
        store.decide(by, LeakId(1), Decision::Reopen, false, None).map(drop)
    }),
    ("false", false, |store, by| {
        store.decide(by, LeakId(1), Decision::MarkFalse, false, None).map(drop)?;
        store.decide(by, LeakId(1), Decision::Reopen, false, None).map(drop)
    }),
    ("switch", false, |store, by| store.switch(by, &TenantId::default(), true)),
];

/// An identity that nothing is sealed to.
fn nobody() -> Identity {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity");
    Identity::create(&path).unwrap();
    Identity::open(&path).unwrap()
}

fn place() -> Place {
    Place { host: "api.invalid".into(), part: "header".into(), ..Place::default() }
}

fn as_somebody(role: Role, tenant: &str) -> By {
    By { who: user(role, tenant), ..ann() }
}

fn every_call_asks_whether_the_user_may(fixture: &Fixture) {
    let store = &fixture.store;
    register(store, &[1], "a.env");
    store.learn(&ann(), LeakId(1), Learned::Place(place())).unwrap();
    for (name, only_looks, call) in CALLS {
        for role in Role::ALL {
            for tenant in ["default", "other"] {
                let own = tenant == "default";
                let allowed = match role {
                    Role::Administrator => own,
                    Role::GlobalAdministrator => true,
                    Role::Analyst => own && *only_looks,
                    Role::GlobalAnalyst => *only_looks,
                    Role::None => false,
                };
                let before = store.history(&ann().who, LeakId(1)).unwrap().len();
                let outcome = call(store, &as_somebody(role, tenant));
                let case = format!("{name} as {role} of {tenant}: {outcome:?}");
                if allowed {
                    // The leak may be so already: that is not for the user's sake.
                    let is_done = matches!(outcome, Ok(()) | Err(StoreError::Refused(_)));
                    assert!(is_done, "{case}");
                    continue;
                }
                let is_denied = matches!(
                    outcome,
                    Err(StoreError::Denied(_) | StoreError::UnknownLeak(LeakId(1)))
                );
                assert!(is_denied, "{case}");
                let after = store.history(&ann().who, LeakId(1)).unwrap().len();
                assert_eq!(before, after, "{case}");
            }
        }
    }
}

fn a_tenant_is_off_until_it_is_switched_on(fixture: &Fixture) {
    let store = &fixture.store;
    let tenant = TenantId("shop".into());
    let sighting = || vec![found(&[1], "a.env").tenant(TenantId("shop".into()))];
    let shop = as_somebody(Role::Administrator, "shop");
    let off = |outcome: Result<_, StoreError>| {
        matches!(outcome, Err(StoreError::Denied(Denied::ModuleOff(_))))
    };
    assert!(off(store.register(&shop, sighting()).map(drop)));
    assert!(off(store.register(&ann(), sighting()).map(drop)));
    assert!(off(store.snapshot(&shop.who, None, Time(NOW)).map(drop)));
    store.switch(&shop, &tenant, true).unwrap();
    store.register(&shop, sighting()).unwrap();
    store.switch(&shop, &tenant, false).unwrap();
    assert!(off(store.leak(&shop.who, LeakId(1)).map(drop)));
    let seen = store.tenants(&shop.who).unwrap();
    assert!(seen.len() == 1 && !seen[0].enabled);
    // What was registered is still there.
    store.switch(&shop, &tenant, true).unwrap();
    assert_eq!(store.leak(&shop.who, LeakId(1)).unwrap().tenant(), &tenant);
}

fn two_tenants(store: &Store) -> [User; 2] {
    ["left", "right"].map(|name| {
        let tenant = TenantId(name.into());
        store.switch(&ann(), &tenant, true).unwrap();
        let found = found(&[1, 2], "shared.env").tenant(tenant);
        store.register(&as_somebody(Role::Administrator, name), vec![found]).unwrap();
        user(Role::Administrator, name)
    })
}

fn tenants_do_not_see_each_other(fixture: &Fixture) {
    let store = &fixture.store;
    let [left, right] = two_tenants(store);
    // The same tokens are a leak of each.
    for (who, own, other) in [(&left, 1, 2), (&right, 2, 1)] {
        let list = store.list(who, &Filter::default(), Sort::default(), Page::first(9)).unwrap();
        assert_eq!((list.total, list.leaks[0].id), (1, LeakId(own)));
        assert_eq!(store.leak(who, LeakId(own)).unwrap().tenant(), &who.tenant);
        // Not even that it exists.
        let error = store.leak(who, LeakId(other)).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no leak {other}"));
        let filter = Filter { tenant: Some(TenantId("default".into())), ..Filter::default() };
        assert!(store.list(who, &filter, Sort::default(), Page::first(9)).is_err());
        assert_eq!(store.tenants(who).unwrap().len(), 1);
        assert_eq!(store.snapshot(who, None, Time(NOW)).unwrap().leaks.len(), 1);
    }
    let by = By { who: left, ..ann() };
    let stolen =
        stanch::leak::Sighting::new(stanch::leak::Source::file("x", 1), [(token("t", 1), own())])
            .tenant(TenantId("right".into()));
    assert!(matches!(store.register(&by, vec![stolen]), Err(StoreError::Denied(_))));
    assert!(matches!(store.note(&by, LeakId(2), "mine"), Err(StoreError::UnknownLeak(_))));
}

fn global_roles_see_every_tenant(fixture: &Fixture) {
    let store = &fixture.store;
    two_tenants(store);
    register(store, &[3], "own.env");
    assert_eq!(all(store).total, 3);
    let right = Filter { tenant: Some(TenantId("right".into())), ..Filter::default() };
    let analyst = user(Role::GlobalAnalyst, "nowhere");
    let list = store.list(&analyst, &right, Sort::default(), Page::first(9)).unwrap();
    assert_eq!((list.total, list.leaks[0].id), (1, LeakId(2)));
    assert_eq!(store.tenants(&analyst).unwrap().len(), 3);
}
