//! The entries are the truth: what was changed behind the ledger's back is found, and what follows from
//! the entries can be made anew.

use ::postgres::{Client, NoTls};
use stanch::leak::{Decision, Mode, TenantId, Time};
use stanch::risk::{Policy, Weights};
use stanch_store::{Store, StoreError};

use crate::fixture::{Fixture, NOW, all, ann, both, register};

both!(
    what_is_changed_behind_its_back_is_found,
    lists_are_made_anew_from_the_entries,
    lists_of_version_2_are_made_anew,
    a_server_is_told_to_sweep_often,
    another_policy_rates_all_of_it_anew,
    a_newer_ledger_is_refused_and_left_alone,
    a_foreign_database_is_told,
);

/// Takes the lists away.
const DROPS: &str =
    "DROP TABLE projection; DROP TABLE leak; DROP TABLE search; DROP TABLE token; DROP TABLE place";

/// The lists of version 2.
const VERSION_2: &str = include_str!("../../migrations/0002_projection.sql");

/// Runs statements as somebody who has the database, but not the ledger.
fn behind(fixture: &Fixture, sql: &str) {
    if fixture.is_file {
        rusqlite::Connection::open(&fixture.address).unwrap().execute_batch(sql).unwrap();
    } else {
        Client::connect(&fixture.address, NoTls).unwrap().batch_execute(sql).unwrap();
    }
}

fn fill(fixture: &Fixture) {
    let store = &fixture.store;
    store.enrol(&ann(), &TenantId::default(), &["edge".into()]).unwrap();
    for number in 0..5 {
        let id = register(store, &[2 * number, 2 * number + 1], "a.env");
        store.note(&ann(), id, "seen").unwrap();
    }
    store
        .decide(&ann(), stanch::leak::LeakId(2), Decision::Patch(Mode::Block), false, None)
        .unwrap();
    let place = stanch::leak::Place { host: "h".into(), part: "body".into(), ..Default::default() };
    store.learn(&ann(), stanch::leak::LeakId(2), stanch_store::Learned::Place(place)).unwrap();
}

/// Whether a ledger is new or comes from version 2.
fn a_server_is_told_to_sweep_often(fixture: &Fixture) {
    if fixture.is_file {
        return;
    }
    let told = |fixture: &Fixture| -> i64 {
        let mut client = Client::connect(&fixture.address, NoTls).unwrap();
        let sql = "SELECT count(*) FROM pg_class WHERE relname IN ('leak', 'search') \
                   AND 'autovacuum_vacuum_insert_scale_factor=0.02' = ANY(reloptions) \
                   AND 'autovacuum_vacuum_scale_factor=0.02' = ANY(reloptions)";
        client.query_one(sql, &[]).unwrap().get(0)
    };
    assert_eq!(told(fixture), 2);
    behind(fixture, DROPS);
    behind(fixture, VERSION_2);
    behind(fixture, "UPDATE ledger SET version = 2");
    drop(Store::open(&fixture.address).unwrap());
    assert_eq!(told(fixture), 2);
}

fn what_is_changed_behind_its_back_is_found(fixture: &Fixture) {
    fill(fixture);
    let verified = fixture.store.verify(&ann().who).unwrap();
    assert_eq!((verified.entries, verified.leaks), (12, 5));
    // What is done, how it is undone, and what is said of it.
    let changes = [
        (
            "UPDATE event SET event = replace(event, 'seen', 'sewn') WHERE seq = 2",
            "UPDATE event SET event = replace(event, 'sewn', 'seen') WHERE seq = 2",
            "entry 2",
        ),
        (
            "UPDATE event SET at = at + 1 WHERE seq = 3",
            "UPDATE event SET at = at - 1 WHERE seq = 3",
            "entry 3",
        ),
        (
            "UPDATE event SET seq = 100 WHERE seq = 12",
            "UPDATE event SET seq = 12 WHERE seq = 100",
            "entry 12",
        ),
        ("UPDATE ledger SET events = 13", "UPDATE ledger SET events = 12", "not 13"),
        ("UPDATE ledger SET leaks = 6", "UPDATE ledger SET leaks = 5", "leaks"),
        (
            "UPDATE leak SET score = score + 1 WHERE id = 4",
            "UPDATE leak SET score = score - 1 WHERE id = 4",
            "leak 4",
        ),
        (
            "UPDATE leak SET status = 1 WHERE id = 5",
            "UPDATE leak SET status = 0 WHERE id = 5",
            "leak 5",
        ),
        (
            "UPDATE token SET class = 'x' WHERE leak = 1",
            "UPDATE token SET class = 'github-pat' WHERE leak = 1",
            "leak 1",
        ),
        (
            "UPDATE search SET ending = ending + 1 WHERE leak = 3",
            "UPDATE search SET ending = ending - 1 WHERE leak = 3",
            "leak 3",
        ),
        ("UPDATE place SET ticked = 1", "UPDATE place SET ticked = 0", "leak 2"),
        (
            "INSERT INTO search VALUES (9, 1, 'target', 'x')",
            "DELETE FROM search WHERE leak = 9",
            "search",
        ),
    ];
    for (change, back, told) in changes {
        behind(fixture, change);
        let error = fixture.store.verify(&ann().who).unwrap_err();
        assert!(matches!(error, StoreError::Corrupted(_)), "{change}: {error}");
        assert!(error.to_string().contains(told), "{change}: {error}");
        behind(fixture, back);
        fixture.store.verify(&ann().who).unwrap_or_else(|error| panic!("{back}: {error}"));
    }
}

fn lists_are_made_anew_from_the_entries(fixture: &Fixture) {
    fill(fixture);
    let before = all(&fixture.store);
    // As it was when there were entries only: version 1.
    behind(fixture, &format!("{DROPS}; UPDATE ledger SET version = 1"));
    let store = fixture.open();
    assert_eq!(all(&store), before);
    store.verify(&ann().who).unwrap();
    assert_eq!(store.patches(&ann().who, None).unwrap().len(), 1);
    assert_eq!(register(&store, &[77], "b.env").0, 6);
}

/// Version 2 had a table of places, and searched for texts in that of leaks.
fn lists_of_version_2_are_made_anew(fixture: &Fixture) {
    fill(fixture);
    let before = all(&fixture.store);
    behind(fixture, &format!("{DROPS}; {}; UPDATE ledger SET version = 2", VERSION_2));
    // As such a ledger is found: with lists of its own, of the policy that is asked for.
    behind(
        fixture,
        "INSERT INTO projection VALUES (1, 'x');
         INSERT INTO token VALUES ('default', 'x', 1, 'old', 'x');
         INSERT INTO source VALUES (1, 1, 'file', 'old'); INSERT INTO place VALUES (1, '', '', '', '', '', '', 0)",
    );
    let store = fixture.open();
    assert_eq!(all(&store), before);
    store.verify(&ann().who).unwrap();
    drop(store);
    assert_eq!(all(&fixture.open()), before, "once is enough");
}

fn another_policy_rates_all_of_it_anew(fixture: &Fixture) {
    fill(fixture);
    let before = all(&fixture.store);
    let mut weights: Weights = *Policy::default().weights();
    weights.channel.private += 1;
    let policy = Policy::new(weights).unwrap();
    let other = Store::open_with(&fixture.address, policy).unwrap();
    let after = all(&other);
    for (before, after) in before.leaks.iter().zip(&after.leaks) {
        assert_eq!((before.id, before.score + 1), (after.id, after.score));
    }
    other.verify(&ann().who).unwrap();
    let back = fixture.open();
    assert_eq!(all(&back), before);
    assert_eq!(back.refresh(&ann().who, Time(NOW)).unwrap(), 0);
}

fn a_newer_ledger_is_refused_and_left_alone(fixture: &Fixture) {
    fill(fixture);
    behind(fixture, "UPDATE ledger SET version = 99");
    let error = Store::open(&fixture.address).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    behind(fixture, "UPDATE ledger SET version = 3");
    fixture.open().verify(&ann().who).unwrap();
}

fn a_foreign_database_is_told(fixture: &Fixture) {
    behind(fixture, "DROP TABLE ledger; CREATE TABLE ledger (amount BIGINT)");
    let error = Store::open(&fixture.address).unwrap_err();
    assert!(matches!(error, StoreError::Database(_) | StoreError::NotALedger(_)), "{error:?}");
}
