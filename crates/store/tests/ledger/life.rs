//! What happens to leaks, from the first sighting to the last decision.

use stanch::leak::{
    Actor, Decision, Event, Facts, Issuer, LeakId, Mode, Place, Refusal, Registration, Rotation,
    Sighting, Source, SourceKind, Status, Target, TenantId, Time, Validity, Visibility,
};
use stanch_store::{Learned, StoreError};

use crate::fixture::{Fixture, NOW, all, ann, ann_at, both, found, own, register, token};

both!(
    tokens_of_one_document_are_one_leak,
    a_rescan_raises_nothing_that_is_decided,
    decisions_hold_and_are_told,
    refusals_say_why_and_change_nothing,
    what_is_learned_moves_the_score,
    a_confirmed_patch_lowers_what_is_left,
    a_node_that_comes_or_goes_changes_what_is_left,
    time_moves_the_score_when_it_is_refreshed,
    patches_are_those_that_are_decided,
    a_batch_is_kept_as_a_whole_or_not_at_all,
    texts_come_back_as_they_went_in,
    a_snapshot_holds_what_the_list_says,
);

const NODE: &str = "edge-1";

fn enrol(fixture: &Fixture, names: &[&str]) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    fixture.store.enrol(&ann(), &TenantId::default(), &names).unwrap();
}

fn new(id: u64) -> Registration {
    Registration { new: Some(LeakId(id)), seen_again: vec![] }
}

fn again(ids: &[u64]) -> Registration {
    Registration { new: None, seen_again: ids.iter().copied().map(LeakId).collect() }
}

fn tokens_of_one_document_are_one_leak(fixture: &Fixture) {
    let store = &fixture.store;
    let batch = vec![
        found(&[1, 2, 2], "a.env"),
        found(&[], "empty"),
        found(&[3], "b.env"),
        found(&[2, 4], "c.env"),
    ];
    let done = store.register(&ann(), batch).unwrap();
    assert_eq!(done, [new(1), Registration::default(), new(2), again(&[1])]);
    let leak = store.leak(&ann().who, LeakId(1)).unwrap();
    assert_eq!((leak.tokens().len(), leak.sources().len()), (3, 2));
    assert_eq!(leak.tokens()[0].imprint(), &token("github-pat", 1));
    let done = store.register(&ann_at(NOW + 60), vec![found(&[3, 1], "d.env")]).unwrap();
    assert_eq!(done, [again(&[1, 2])]);
    assert_eq!(store.leak(&ann().who, LeakId(2)).unwrap().last_seen(), Time(NOW + 60));
    assert_eq!(all(store).total, 2);
    store.verify(&ann().who).unwrap();
}

fn a_rescan_raises_nothing_that_is_decided(fixture: &Fixture) {
    let store = &fixture.store;
    for (number, decision) in [(1, Decision::MarkFalse), (2, Decision::Close)] {
        let id = register(store, &[number], "a.env");
        store.decide(&ann(), id, decision, false, None).unwrap();
    }
    let rescan = vec![found(&[1], "a.env"), found(&[2, 3], "b.env")];
    let done = fixture.open().register(&ann_at(NOW + 9), rescan).unwrap();
    assert_eq!(done[0], again(&[1]));
    // Its new companion is a leak of its own: what was decided does not cover it.
    assert_eq!(done[1], Registration { new: Some(LeakId(3)), seen_again: vec![LeakId(2)] });
    let status = |id| store.leak(&ann().who, LeakId(id)).unwrap().status();
    assert_eq!([status(1), status(2), status(3)], [Status::False, Status::Closed, Status::Opened]);
}

fn decisions_hold_and_are_told(fixture: &Fixture) {
    let store = &fixture.store;
    enrol(fixture, &[NODE]);
    let id = register(store, &[1], "a.env");
    let steps = [
        (Decision::Patch(Mode::Monitor), Status::Opened, Some(Mode::Monitor)),
        (Decision::Patch(Mode::Block), Status::Opened, Some(Mode::Block)),
        (Decision::Close, Status::Closed, None),
        (Decision::Reopen, Status::Opened, None),
        (Decision::MarkFalse, Status::False, None),
    ];
    for ((decision, status, patch), at) in steps.into_iter().zip(NOW..) {
        let leak = store.decide(&ann_at(at), id, decision, false, Some("as agreed")).unwrap();
        assert_eq!((leak.status(), leak.patch()), (status, patch));
        let listed = &all(&fixture.open()).leaks[0];
        assert_eq!((listed.status, listed.patch), (status, patch));
    }
    let history = store.history(&ann().who, id).unwrap();
    let told: Vec<_> =
        history.iter().skip(1).map(|entry| (entry.at.0 - NOW, entry.event.clone())).collect();
    for ((decision, ..), (at, (seconds, event))) in steps.iter().zip((0..).zip(told)) {
        let note = Some("as agreed".into());
        assert_eq!(
            (seconds, event),
            (at, Event::Decided { decision: *decision, anyway: false, note })
        );
    }
    assert!(history.iter().all(|entry| entry.by == Actor::Person("ann".into())));
}

fn refusals_say_why_and_change_nothing(fixture: &Fixture) {
    let store = &fixture.store;
    let id = register(store, &[1], "a.env");
    let stripe = Facts { issuer: Issuer::Stranger, ..own() };
    let stripe = Sighting::new(Source::file("b.env", 1), [(token("stripe-key", 2), stripe)]);
    let strangers = store.register(&ann(), vec![stripe]).unwrap()[0].new.unwrap();
    let block = Decision::Patch(Mode::Block);
    let refused = |id, decision| match store.decide(&ann(), id, decision, false, None) {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(id, block), Refusal::DetectOnly);
    enrol(fixture, &[NODE]);
    assert_eq!(refused(strangers, block), Refusal::NotApplicable);
    assert!(matches!(refused(id, Decision::Reopen), Refusal::Already { .. }));
    let nobody = stanch_store::By { actor: Actor::System, ..ann() };
    let error = store.decide(&nobody, id, Decision::Close, false, None).unwrap_err();
    assert!(matches!(error, StoreError::Refused(Refusal::NobodyDecided)));
    assert!(matches!(store.leak(&ann().who, LeakId(9)), Err(StoreError::UnknownLeak(LeakId(9)))));
    assert!(matches!(store.note(&ann(), LeakId(9), "?"), Err(StoreError::UnknownLeak(_))));
    for id in [id, strangers] {
        assert_eq!(store.history(&ann().who, id).unwrap().len(), 1);
    }
    // Unless told otherwise.
    let leak = store.decide(&ann(), strangers, block, true, None).unwrap();
    assert_eq!(leak.patch(), Some(Mode::Block));
    store.verify(&ann().who).unwrap();
}

fn what_is_learned_moves_the_score(fixture: &Fixture) {
    let store = &fixture.store;
    let id = register(store, &[1], "a.env");
    let digest = *token("github-pat", 1).digest();
    let score = || i32::from(all(store).leaks[0].score);
    let before = score();
    let public =
        Source::new(SourceKind::Repository, "https://git.invalid/r").visible(Visibility::Public);
    let seen = Sighting::new(public, [(token("github-pat", 1), own())]);
    store.register(&ann(), vec![seen]).unwrap();
    let exposed = score();
    assert_eq!(exposed, before + 18 + 1, "private 4 becomes public 22, and a second source 1");
    store.learn(&ann(), id, Learned::Breach("collection".into())).unwrap();
    assert!(score() >= exposed + 8);
    let wide = Learned::Scope(digest, stanch::class::Breadth::Wide, "repo, admin:org".into());
    store.learn(&ann(), id, wide).unwrap();
    store.learn(&ann(), id, Learned::Rotation(digest, Rotation::Overdue)).unwrap();
    store.learn(&ann(), id, Learned::Validity(digest, Validity::Invalid)).unwrap();
    assert_eq!(score(), 15, "nobody can use it any more");
    let stranger = *token("github-pat", 2).digest();
    let error = store.learn(&ann(), id, Learned::Validity(stranger, Validity::Valid)).unwrap_err();
    assert!(matches!(error, StoreError::Refused(Refusal::UnknownToken(_))));
    let place = Place {
        host: "api.invalid".into(),
        path: "/v1".into(),
        part: "header".into(),
        ..Place::default()
    };
    store.learn(&ann(), id, Learned::Place(place.clone())).unwrap();
    let leak = store.tick(&ann_at(NOW + 1), id, &place, true).unwrap();
    assert!(leak.places().all(|usage| usage.ticked));
    let leak = store.tick(&ann_at(NOW + 2), id, &place, false).unwrap();
    assert!(!leak.places().any(|usage| usage.ticked));
    let leak = store.note(&ann(), id, "asked the team").unwrap();
    assert_eq!(leak.notes()[0].text, "asked the team");
    store.verify(&ann().who).unwrap();
}

fn a_confirmed_patch_lowers_what_is_left(fixture: &Fixture) {
    let store = &fixture.store;
    enrol(fixture, &[NODE, "edge-2"]);
    let public = Source::new(SourceKind::Repository, "https://git.invalid/r");
    let facts = Facts { privilege: stanch::class::Privilege::Admin, ..own() };
    let id =
        store.register(&ann(), vec![Sighting::new(public, [(token("admin", 1), facts)])]).unwrap();
    let id = id[0].new.unwrap();
    let left = || (all(store).leaks[0].score, all(store).leaks[0].residual);
    let (score, whole) = left();
    assert!(score >= 70 && whole == score);
    store.decide(&ann(), id, Decision::Patch(Mode::Block), false, None).unwrap();
    assert_eq!(left(), (score, score), "nobody has confirmed it yet");
    store.acknowledge(&ann_at(NOW + 1), NODE, &[(id, Mode::Block)]).unwrap();
    assert_eq!(left(), (score, score), "the other node has not");
    store.acknowledge(&ann_at(NOW + 1), "edge-2", &[(id, Mode::Block)]).unwrap();
    assert_eq!(left(), (score, 44));
    let error = store.acknowledge(&ann(), "edge-3", &[(id, Mode::Block)]).unwrap_err();
    assert!(error.to_string().contains("edge-3"), "{error}");
    store.verify(&ann().who).unwrap();
}

fn a_node_that_comes_or_goes_changes_what_is_left(fixture: &Fixture) {
    let store = &fixture.store;
    a_confirmed_patch_lowers_what_is_left(fixture);
    enrol(fixture, &["edge-3"]);
    let left = || all(store).leaks[0].residual;
    assert!(left() >= 70, "a node that has not confirmed it lets requests pass");
    store.verify(&ann().who).unwrap();
    store.remove_node(&ann(), &TenantId::default(), "edge-3").unwrap();
    assert_eq!(left(), 44);
    assert_eq!(store.nodes(&ann().who, &TenantId::default()).unwrap(), [NODE, "edge-2"]);
    assert!(store.remove_node(&ann(), &TenantId::default(), "edge-3").is_err());
    store.verify(&ann().who).unwrap();
}

fn time_moves_the_score_when_it_is_refreshed(fixture: &Fixture) {
    const DAY: i64 = 86_400;
    let store = &fixture.store;
    let open = register(store, &[1], "a.env");
    let closed = register(store, &[2], "b.env");
    store.decide(&ann(), closed, Decision::Close, false, None).unwrap();
    let score = |id| all(store).leaks.iter().find(|leak| leak.id == id).unwrap().score;
    let (before, kept) = (score(open), score(closed));
    // After so many days, whether it is rated anew, and by how much it has risen.
    let table = [
        (0, 0, 0),
        (1, 1, 2),
        (1, 0, 2),
        (2, 1, 4),
        (3, 0, 4),
        (4, 1, 6),
        (15, 1, 8),
        (16, 1, 10),
        (31, 0, 10),
        (900, 1, 10),
    ];
    for (days, refreshed, risen) in table {
        let now = Time(NOW + days * DAY);
        assert_eq!(store.refresh(&ann().who, now).unwrap(), refreshed, "day {days}");
        assert_eq!(score(open), before + risen, "day {days}");
        assert_eq!(score(closed), kept);
        let (_, rated) = store.rated(&ann().who, open, now).unwrap();
        assert_eq!(rated.assessment.score, score(open), "day {days}");
        store.verify(&ann().who).unwrap();
    }
}

fn patches_are_those_that_are_decided(fixture: &Fixture) {
    let store = &fixture.store;
    enrol(fixture, &[NODE]);
    let ids: Vec<_> =
        (0..4).map(|n| register(store, &[10 * n, 10 * n + 1], &format!("{n}.env"))).collect();
    store.decide(&ann(), ids[0], Decision::Patch(Mode::Block), false, None).unwrap();
    store.decide(&ann(), ids[2], Decision::Patch(Mode::Monitor), false, None).unwrap();
    store.decide(&ann(), ids[3], Decision::Patch(Mode::Block), false, None).unwrap();
    store.decide(&ann(), ids[3], Decision::Close, false, None).unwrap();
    let patches = fixture.open().patches(&ann().who, None).unwrap();
    let told: Vec<_> = patches.iter().map(|p| (p.leak, p.mode, p.imprints.len())).collect();
    assert_eq!(told, [(ids[0], Mode::Block, 2), (ids[2], Mode::Monitor, 2)]);
    for number in [20, 21] {
        assert!(patches[1].imprints.contains(&token("github-pat", number)));
    }
    // What comes back compiles into a patch set that knows the token.
    let key = stanch::secret::ImprintKey::from_bytes([5; 32]);
    let mut builder = stanch::patch::PatchSetBuilder::new(&key);
    for imprint in patches.iter().flat_map(|patch| &patch.imprints) {
        builder.add(imprint, stanch::patch::Patch::block(1)).unwrap();
    }
    builder.build().unwrap();
}

fn a_batch_is_kept_as_a_whole_or_not_at_all(fixture: &Fixture) {
    let store = &fixture.store;
    register(store, &[1], "a.env");
    let mut facts = own();
    facts.rule = "x".repeat(1000);
    let wrong = Sighting::new(Source::file("w.env", 1), [(token("w", 9), facts)]);
    let batch = vec![found(&[2], "b.env"), found(&[1], "c.env"), wrong];
    assert!(matches!(
        store.register(&ann(), batch),
        Err(StoreError::Refused(Refusal::TooLong { .. }))
    ));
    assert_eq!(all(store).total, 1);
    assert_eq!(store.leak(&ann().who, LeakId(1)).unwrap().sources().len(), 1);
    assert_eq!(register(store, &[3], "d.env"), LeakId(2));
    store.verify(&ann().who).unwrap();
}

fn texts_come_back_as_they_went_in(fixture: &Fixture) {
    let store = &fixture.store;
    let odd =
        ["Grüße \u{1f511}\u{301}", "a'b\"c\\d;--%_", "null\0inside", "\n\r\t\u{7f}", "?1 $1 ?"];
    for (text, number) in odd.iter().zip(1u64..) {
        let sighting = found(&[number], text).target(Target((*text).to_owned()));
        let id = store.register(&ann(), vec![sighting]).unwrap()[0].new.unwrap();
        store.note(&ann(), id, text).unwrap();
        let leak = store.leak(&ann().who, id).unwrap();
        assert_eq!(leak.notes()[0].text, **text);
        assert_eq!(leak.target().unwrap().0, **text);
        assert_eq!(leak.sources()[0].source.locator.place, **text);
    }
    store.verify(&ann().who).unwrap();
}

fn a_snapshot_holds_what_the_list_says(fixture: &Fixture) {
    let store = &fixture.store;
    for number in 1..=7 {
        register(store, &[number], "a.env");
    }
    store.decide(&ann(), LeakId(3), Decision::Close, false, None).unwrap();
    let snapshot = store.snapshot(&ann().who, None, Time(NOW)).unwrap();
    let mut listed = all(store).leaks;
    listed.sort_by_key(|leak| leak.id);
    assert_eq!((snapshot.at, snapshot.tenants.len()), (Time(NOW), 1));
    let told = snapshot
        .leaks
        .iter()
        .map(|(leak, rated)| (leak.id(), leak.status(), rated.assessment.score));
    assert!(told.eq(listed.iter().map(|leak| (leak.id, leak.status, leak.score))));
}
