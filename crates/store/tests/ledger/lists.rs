//! Lists, beside an oracle that looks at each leak.

use stanch::class::Privilege;
use stanch::leak::{
    Decision, Facts, Leak, LeakId, Mode, Sighting, Source, SourceKind, Status, Target, TenantId,
    Time,
};
use stanch::risk::Level;
use stanch_store::{Filter, Key, Page, Rated, Sort, Store};

use crate::fixture::{Fixture, NOW, all, ann, ann_at, both, own, token};

both!(
    every_filter_and_sort_agrees_with_the_oracle,
    pages_make_up_the_list,
    texts_are_found_among_many,
    an_empty_ledger_has_an_empty_list
);

const KINDS: [SourceKind; 4] =
    [SourceKind::File, SourceKind::Repository, SourceKind::Page, SourceKind::Bucket];
const CLASSES: [&str; 3] = ["github-pat", "stripe-key", "Slack-Token"];
const PRIVILEGES: [Privilege; 5] = [
    Privilege::Public,
    Privilege::Read,
    Privilege::Write,
    Privilege::PaymentOrDeploy,
    Privilege::Admin,
];

/// Leaks that differ in everything that can be asked for.
fn fill(store: &Store) {
    store.enrol(&ann(), &TenantId::default(), &["edge".into()]).unwrap();
    let mut state = 7u64;
    let mut draw = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for number in 0..120 {
        let kind = KINDS[draw(KINDS.len())];
        let facts = Facts { privilege: PRIVILEGES[draw(5)], ..own() };
        let tokens = (0..=draw(2))
            .map(|n| (token(CLASSES[(number + n) % 3], (number * 10 + n) as u64), facts.clone()));
        let place = format!("Repo-{}/Datei-{}.env", draw(9), ["ä", "B", "c"][draw(3)]);
        let mut sighting = Sighting::new(Source::new(kind, place), tokens);
        if draw(3) > 0 {
            sighting = sighting
                .target(Target(["shop.invalid", "Bank.invalid", "ÄRZTE.invalid"][draw(3)].into()));
        }
        let by = ann_at(NOW + draw(50) as i64);
        let id = store.register(&by, vec![sighting]).unwrap()[0].new.unwrap();
        let decision = match draw(6) {
            0 => Decision::Close,
            1 => Decision::MarkFalse,
            2 => Decision::Patch(Mode::Block),
            3 => Decision::Patch(Mode::Monitor),
            _ => continue,
        };
        store.decide(&ann_at(NOW + 60), id, decision, false, None).unwrap();
    }
    store.note(&ann(), LeakId(17), "Rotated by Überraschung").unwrap();
}

fn filters() -> Vec<Filter> {
    let none = Filter::default;
    let text = |text: &str| Filter { text: Some(text.into()), ..none() };
    vec![
        none(),
        Filter { statuses: vec![Status::Opened], ..none() },
        Filter { statuses: vec![Status::Closed, Status::False], ..none() },
        Filter { levels: vec![Level::High], ..none() },
        Filter { levels: vec![Level::Informational, Level::Low], ..none() },
        Filter { critical: Some(true), ..none() },
        Filter { critical: Some(false), ..none() },
        Filter { patch: Some(None), ..none() },
        Filter { patch: Some(Some(Mode::Block)), ..none() },
        Filter { class: Some("stripe-key".into()), ..none() },
        Filter { class: Some("stripe".into()), ..none() },
        Filter { kind: Some(SourceKind::Bucket), ..none() },
        Filter { source: Some("repo-3/".into()), ..none() },
        Filter { source: Some("Ä.ENV".into()), ..none() },
        Filter { target: Some("ärzte".into()), ..none() },
        Filter { target: Some("INVALID".into()), ..none() },
        Filter { tenant: Some(TenantId::default()), ..none() },
        text("überraschung"),
        text("slack"),
        text(""),
        text("e"),
        text("ä"),
        text("bucket"),
        Filter { source: Some(String::new()), ..none() },
        Filter { source: Some("bucket".into()), ..none() },
        Filter { source: Some("github".into()), ..none() },
        Filter {
            source: Some("e".into()),
            target: Some("n".into()),
            text: Some("a".into()),
            ..none()
        },
        Filter { class: Some("Slack-Token".into()), kind: Some(SourceKind::Page), ..none() },
        Filter { class: Some("nothing".into()), ..none() },
        text("%"),
        text("_"),
        text("'"),
        text("nowhere to be found"),
        Filter {
            statuses: vec![Status::Opened],
            levels: vec![Level::Medium, Level::High],
            class: Some("github-pat".into()),
            kind: Some(SourceKind::Repository),
            target: Some("bank".into()),
            text: Some("datei".into()),
            ..none()
        },
    ]
}

const KEYS: [Key; 10] = [
    Key::Status,
    Key::Id,
    Key::Score,
    Key::Residual,
    Key::FirstSeen,
    Key::LastSeen,
    Key::Attempts,
    Key::Class,
    Key::Source,
    Key::Target,
];

fn is_in(filter: &Filter, leak: &Leak, rated: &Rated) -> bool {
    let holds = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
    let target = leak.target().map_or("", |target| &target.0);
    let words = |part: &String| {
        holds(target, part)
            || leak.tokens().iter().any(|token| {
                holds(token.class(), part)
                    || holds(&token.facts().provider, part)
                    || holds(&token.preview().to_string(), part)
            })
            || leak.sources().iter().any(|seen| {
                holds(&seen.source.locator.to_string(), part)
                    || holds(seen.source.kind.as_str(), part)
            })
            || leak.notes().iter().any(|note| holds(&note.text, part))
    };
    (filter.statuses.is_empty() || filter.statuses.contains(&leak.status()))
        && (filter.levels.is_empty() || filter.levels.contains(&rated.assessment.level))
        && filter.critical.is_none_or(|critical| critical == rated.assessment.critical)
        && filter.patch.is_none_or(|patch| patch == leak.patch())
        && filter
            .class
            .as_ref()
            .is_none_or(|class| leak.tokens().iter().any(|t| t.class() == class))
        && filter.kind.is_none_or(|kind| leak.sources().iter().any(|seen| seen.source.kind == kind))
        && filter.source.as_ref().is_none_or(|part| {
            leak.sources().iter().any(|seen| holds(&seen.source.locator.to_string(), part))
        })
        && filter.target.as_ref().is_none_or(|part| holds(target, part))
        && filter.text.as_ref().is_none_or(words)
}

/// Sorts as people want it, most urgent first.
fn sort(leaks: &mut [(Leak, Rated)], by: Sort) {
    let target =
        |leak: &Leak| leak.target().map_or(String::new(), |target| target.0.to_lowercase());
    leaks.sort_by(|(a, ra), (b, rb)| {
        let order = match by.key {
            Key::Status => {
                a.status().cmp(&b.status()).then(rb.assessment.score.cmp(&ra.assessment.score))
            }
            Key::Score => rb.assessment.score.cmp(&ra.assessment.score),
            Key::Residual => rb.residual.cmp(&ra.residual),
            Key::FirstSeen => b.first_seen().cmp(&a.first_seen()),
            Key::LastSeen => b.last_seen().cmp(&a.last_seen()),
            Key::Attempts => b.attempts().count.cmp(&a.attempts().count),
            Key::Class => a.tokens()[0].class().cmp(b.tokens()[0].class()),
            Key::Source => {
                a.sources()[0].source.to_string().cmp(&b.sources()[0].source.to_string())
            }
            Key::Target => target(a).cmp(&target(b)),
            _ => a.id().cmp(&b.id()),
        };
        order.then(a.id().cmp(&b.id()))
    });
    if by.reverse {
        leaks.reverse();
    }
}

fn every_filter_and_sort_agrees_with_the_oracle(fixture: &Fixture) {
    let store = &fixture.store;
    fill(store);
    let now = Time(NOW + 60);
    let snapshot = store.snapshot(&ann().who, None, now).unwrap();
    assert_eq!(snapshot.leaks.len(), 120);
    for filter in filters() {
        let mut expected: Vec<_> = snapshot.leaks.clone();
        expected.retain(|(leak, rated)| is_in(&filter, leak, rated));
        for by in
            KEYS.into_iter().flat_map(|key| [false, true].map(|reverse| Sort { key, reverse }))
        {
            sort(&mut expected, by);
            let list = store.list(&ann().who, &filter, by, Page::first(1000)).unwrap();
            let ids: Vec<_> = list.leaks.iter().map(|leak| leak.id).collect();
            let expected: Vec<_> = expected.iter().map(|(leak, _)| leak.id()).collect();
            assert_eq!((list.total, ids), (expected.len() as u64, expected), "{filter:?} {by:?}");
        }
    }
    for (listed, (leak, rated)) in all(store).leaks.iter().map(|listed| {
        (listed, snapshot.leaks.iter().find(|(leak, _)| leak.id() == listed.id).unwrap())
    }) {
        assert_eq!(listed.class, leak.tokens()[0].class());
        assert_eq!(listed.source, leak.sources()[0].source.to_string());
        assert_eq!(listed.target, leak.target().map_or("", |target| &target.0));
        assert_eq!((listed.score, listed.residual), (rated.assessment.score, rated.residual));
        assert_eq!((listed.tokens, listed.sources), (leak.tokens().len() as u64, 1));
    }
}

fn pages_make_up_the_list(fixture: &Fixture) {
    let store = &fixture.store;
    fill(store);
    for by in KEYS.map(Sort::by) {
        let whole = store.list(&ann().who, &Filter::default(), by, Page::first(1000)).unwrap();
        let mut parts = Vec::new();
        for offset in (0..130).step_by(13) {
            let page = Page { offset, limit: 13 };
            let part = store.list(&ann().who, &Filter::default(), by, page).unwrap();
            assert_eq!(part.total, 120);
            parts.extend(part.leaks);
        }
        assert_eq!(parts, whole.leaks, "{by:?}");
    }
    let none = store.list(&ann().who, &Filter::default(), Sort::default(), Page::first(0)).unwrap();
    assert_eq!((none.total, none.leaks.len()), (120, 0));
}

/// So many that they are not asked one by one.
fn texts_are_found_among_many(fixture: &Fixture) {
    let store = &fixture.store;
    let sightings =
        (0..5_200u64).map(|number| crate::fixture::found(&[number], &format!("{number}.env")));
    store.register(&ann(), sightings.collect()).unwrap();
    for (text, expected) in [("777.env", vec![778, 1778, 2778, 3778, 4778]), ("nowhere", vec![])] {
        let text = || Some(text.to_owned());
        for filter in [
            Filter { text: text(), ..Filter::default() },
            Filter { source: text(), ..Filter::default() },
            Filter { text: text(), statuses: vec![Status::Opened], ..Filter::default() },
        ] {
            let list = store.list(&ann().who, &filter, Sort::by(Key::Id), Page::first(9)).unwrap();
            let ids: Vec<u64> = list.leaks.iter().map(|leak| leak.id.0).collect();
            assert_eq!((list.total, ids), (expected.len() as u64, expected.clone()), "{filter:?}");
        }
    }
}

fn an_empty_ledger_has_an_empty_list(fixture: &Fixture) {
    assert_eq!((all(&fixture.store).total, all(&fixture.store).leaks.len()), (0, 0));
    assert!(fixture.store.patches(&ann().who, None).unwrap().is_empty());
    assert!(fixture.store.snapshot(&ann().who, None, Time(NOW)).unwrap().leaks.is_empty());
    assert_eq!(fixture.store.verify(&ann().who).unwrap().entries, 0);
}
