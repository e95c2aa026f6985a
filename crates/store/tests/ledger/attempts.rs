//! Attempts to use leaked tokens.

use stanch::leak::{Decision, LeakId, Mode, TenantId, Time};
use stanch_store::{Attempt, Imported, Logged, StoreError};

use crate::fixture::{Fixture, NOW, all, ann, ann_at, both, register};

both!(
    attempts_raise_the_score_and_fill_the_places,
    the_same_line_counts_once,
    without_a_patch_there_are_no_attempts,
    an_accepted_use_is_the_worst,
    a_place_that_was_ticked_off_comes_back_when_it_is_used,
    a_line_that_cannot_be_takes_nothing_in,
    many_lines_at_once,
);

fn logged(leak: LeakId, second: i64, path: &str) -> Logged {
    let attempt = Attempt {
        leak,
        at: Time(NOW + second),
        node: "edge-1".into(),
        client: "192.0.2.7".into(),
        host: "api.shop.invalid".into(),
        method: "GET".into(),
        path: path.into(),
        part: "header".into(),
        name: "authorization".into(),
        view: "raw".into(),
        action: Mode::Block,
    };
    Logged { line: format!("{leak} {second} {path}"), attempt, accepted: false, left_out: 0 }
}

fn patched(fixture: &Fixture, number: u64) -> LeakId {
    let id = register(&fixture.store, &[number], "a.env");
    fixture.store.enrol(&ann(), &TenantId::default(), &["edge-1".into()]).unwrap();
    fixture.store.decide(&ann(), id, Decision::Patch(Mode::Block), false, None).unwrap();
    id
}

fn attempts_raise_the_score_and_fill_the_places(fixture: &Fixture) {
    let store = &fixture.store;
    let id = patched(fixture, 1);
    let before = all(store).leaks[0].score;
    let lines = [logged(id, 1, "/v1/a"), logged(id, 2, "/v1/a"), logged(id, 3, "/v1/b")];
    let imported = store.import_attempts(&ann_at(NOW + 9), &lines).unwrap();
    assert_eq!(imported, Imported { new: 3, places: 2, ..Imported::default() });
    let listed = all(store).leaks.remove(0);
    assert!(listed.score >= 70 && before < 70, "{before} {}", listed.score);
    assert_eq!((listed.attempts, listed.places), (3, 2));
    let leak = store.leak(&ann().who, id).unwrap();
    let attempts = leak.attempts();
    assert_eq!((attempts.count, attempts.accepted, attempts.last), (3, 0, Some(Time(NOW + 3))));
    let paths: Vec<_> = leak.places().map(|usage| usage.place.path.clone()).collect();
    assert_eq!(paths, ["/v1/a", "/v1/b"]);
    let told = store.attempts(&ann().who, id, 2).unwrap();
    assert_eq!(told, [lines[2].attempt.clone(), lines[1].attempt.clone()]);
    store.verify(&ann().who).unwrap();
}

fn the_same_line_counts_once(fixture: &Fixture) {
    let store = &fixture.store;
    let id = patched(fixture, 1);
    let lines = [logged(id, 1, "/a"), logged(id, 1, "/a"), logged(id, 2, "/a")];
    let lines = lines.map(|logged| Logged { left_out: 3, ..logged });
    let first = store.import_attempts(&ann(), &lines).unwrap();
    assert_eq!((first.new, first.known, first.left_out), (2, 1, 6));
    let entries = store.history(&ann().who, id).unwrap().len();
    let second = fixture.open().import_attempts(&ann(), &lines).unwrap();
    assert_eq!((second.new, second.known, second.places, second.left_out), (0, 3, 0, 0));
    assert_eq!(store.history(&ann().who, id).unwrap().len(), entries);
    assert_eq!(all(store).leaks[0].attempts, 2);
}

fn without_a_patch_there_are_no_attempts(fixture: &Fixture) {
    let store = &fixture.store;
    let bare = register(store, &[1], "a.env");
    let lines = [logged(bare, 1, "/a"), logged(LeakId(99), 1, "/a")];
    let imported = store.import_attempts(&ann(), &lines).unwrap();
    assert_eq!((imported.new, imported.unpatched, imported.strange), (0, 1, 1));
    assert!(store.attempts(&ann().who, bare, 9).unwrap().is_empty());
    assert_eq!(store.history(&ann().who, bare).unwrap().len(), 1);
    assert!(matches!(store.attempts(&ann().who, LeakId(99), 9), Err(StoreError::UnknownLeak(_))));
    // What was logged while the patch was in force counts also when it is known later.
    let closed = patched(fixture, 2);
    store.decide(&ann(), closed, Decision::Close, false, None).unwrap();
    assert_eq!(store.import_attempts(&ann(), &[logged(closed, 3, "/a")]).unwrap().new, 1);
}

fn an_accepted_use_is_the_worst(fixture: &Fixture) {
    let store = &fixture.store;
    let id = patched(fixture, 1);
    let mut passed = logged(id, 1, "/a");
    passed.attempt.action = Mode::Monitor;
    passed.accepted = true;
    store.import_attempts(&ann(), &[passed, logged(id, 2, "/a")]).unwrap();
    let listed = all(store).leaks.remove(0);
    assert!(listed.critical && listed.score >= 90, "{}", listed.score);
    let attempts = store.leak(&ann().who, id).unwrap().attempts();
    assert_eq!((attempts.count, attempts.accepted), (2, 1));
}

fn a_place_that_was_ticked_off_comes_back_when_it_is_used(fixture: &Fixture) {
    let store = &fixture.store;
    let id = patched(fixture, 1);
    store.import_attempts(&ann(), &[logged(id, 1, "/a")]).unwrap();
    let place = store.leak(&ann().who, id).unwrap().places().next().unwrap().place.clone();
    store.tick(&ann_at(NOW + 5), id, &place, true).unwrap();
    let ticked = || store.leak(&ann().who, id).unwrap().places().next().unwrap().ticked;
    assert!(ticked());
    // A line from before is no news, one from after is.
    store.import_attempts(&ann(), &[logged(id, 3, "/a")]).unwrap();
    assert!(ticked());
    store.import_attempts(&ann(), &[logged(id, 7, "/a")]).unwrap();
    assert!(!ticked());
    store.verify(&ann().who).unwrap();
}

fn a_line_that_cannot_be_takes_nothing_in(fixture: &Fixture) {
    let store = &fixture.store;
    let id = patched(fixture, 1);
    let mut long = logged(id, 2, "/b");
    long.attempt.path = "/".repeat(1 << 20);
    let error = store.import_attempts(&ann(), &[logged(id, 1, "/a"), long]).unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert_eq!(all(store).leaks[0].attempts, 0);
    assert!(store.attempts(&ann().who, id, 9).unwrap().is_empty());
}

fn many_lines_at_once(fixture: &Fixture) {
    let store = &fixture.store;
    let ids = [patched(fixture, 1), patched(fixture, 2)];
    let lines: Vec<Logged> =
        (0..5_000).map(|n| logged(ids[n % 2], n as i64, &format!("/{}", n % 40))).collect();
    let imported = store.import_attempts(&ann(), &lines).unwrap();
    assert_eq!((imported.new, imported.places), (5_000, 40));
    // Counted, not told one by one: the history stays short.
    for id in ids {
        assert_eq!(store.leak(&ann().who, id).unwrap().attempts().count, 2_500);
        assert!(store.history(&ann().who, id).unwrap().len() < 50);
    }
    let last = store.all_attempts(&ann().who, None, 3).unwrap();
    let told: Vec<_> = last.iter().map(|attempt| (attempt.leak, attempt.at.0 - NOW)).collect();
    assert_eq!(told, [(ids[1], 4_999), (ids[0], 4_998), (ids[1], 4_997)]);
    store.verify(&ann().who).unwrap();
}
