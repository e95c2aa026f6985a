//! A ledger of 100,000 leaks, in either database: how long lists take, and registering 10,000 findings.
//!
//! `cargo bench -p stanch-store --bench ledger [-- --rounds 9] [--leaks 100000] [--only sqlite]`
//!
//! Each answer is proved first, then measured; medians are printed. It ends with an error if a median is
//! beyond its ceiling. What the rows mean is in `docs/store.md`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that reports on the terminal"
)]

#[allow(dead_code, reason = "the suite kills servers")]
mod server;

use std::time::{Duration, Instant};

use stanch::class::Privilege;
use stanch::leak::{
    Actor, Decision, Facts, Issuer, LeakId, Role, Sighting, Source, SourceKind, Status, Target,
    TenantId, Time, User,
};
use stanch::risk::Level;
use stanch::secret::{Imprint, ImprintKey, Secret};
use stanch_store::{By, Filter, Key, List, Page, Sort, Store};

/// What a page of a list may take.
const LIST: Duration = Duration::from_millis(50);

/// What registering 10,000 findings may take.
const REGISTER: Duration = Duration::from_secs(2);

const FINDINGS: u64 = 10_000;
const NOW: i64 = 1_760_000_000;
const CLASSES: [&str; 5] = ["github-pat", "stripe-key", "aws-secret", "slack-token", "jwt"];
const KINDS: [SourceKind; 3] = [SourceKind::File, SourceKind::Repository, SourceKind::Page];
const PRIVILEGES: [Privilege; 4] =
    [Privilege::Public, Privilege::Read, Privilege::Write, Privilege::Admin];
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn main() {
    let (mut rounds, mut leaks, mut only) = (9, 100_000, String::new());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.windows(2) {
        match pair[0].as_str() {
            "--rounds" => rounds = pair[1].parse().unwrap(),
            "--only" => only.clone_from(&pair[1]),
            "--leaks" => leaks = pair[1].parse().unwrap(),
            _ => {}
        }
    }
    let mut slow = Vec::new();
    if only.is_empty() || only == "sqlite" {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        slow.extend(measure("sqlite", path.to_str().unwrap(), leaks, rounds));
        println!("sqlite: {} MiB in the file\n", std::fs::metadata(&path).unwrap().len() >> 20);
    }
    if only.is_empty() || only == "postgresql" {
        let server = server::Server::start(true);
        slow.extend(measure("postgresql", &server.database(), leaks, rounds));
    }
    assert!(slow.is_empty(), "beyond their ceilings: {}", slow.join(", "));
}

/// Fills a ledger, proves and measures. Says what was beyond its ceiling.
fn measure(name: &str, address: &str, leaks: u64, rounds: usize) -> Vec<String> {
    let store = Store::open(address).unwrap();
    store.switch(&ann(), &TenantId::default(), true).unwrap();
    let began = Instant::now();
    for from in (0..leaks).step_by(FINDINGS as usize) {
        let sightings = (from..leaks.min(from + FINDINGS)).map(sighting).collect();
        store.register(&ann(), sightings).unwrap();
    }
    for number in (0..leaks).filter(|number| status(*number) != Status::Opened).take(2_000) {
        let decision = match status(number) {
            Status::Closed => Decision::Close,
            _ => Decision::MarkFalse,
        };
        store.decide(&ann(), LeakId(number + 1), decision, false, None).unwrap();
    }
    sweep(address);
    println!("{name}: {leaks} leaks in {:.1} s", began.elapsed().as_secs_f64());

    let mut slow = Vec::new();
    let mut row = |what: String, times: Vec<Duration>, ceiling: Duration| {
        let median = median(times);
        let mark = if median > ceiling { "  beyond its ceiling" } else { "" };
        println!("  {:>9.2} ms  {what}{mark}", median.as_secs_f64() * 1e3);
        if median > ceiling {
            slow.push(format!("{name}: {what}"));
        }
    };

    let mut worst: (Duration, String) = (Duration::ZERO, String::new());
    let mut pages = 0;
    println!(
        "  medians in ms of a page of 50 and the total, sorted by each key, the slower of both directions:"
    );
    println!("  the first page, and the one in the middle");
    print!("{:34}", "");
    KEYS.iter().for_each(|key| print!("{:>13}", format!("{key:?}")));
    println!();
    for (what, filter, expected) in filters(leaks) {
        print!("  {:32}", format!("{what}: {expected}"));
        for key in KEYS {
            let mut slowest = [Duration::ZERO; 2];
            for reverse in [false, true] {
                let sort = Sort { key, reverse };
                let total = prove(&store, &filter, sort, expected);
                for (slowest, offset) in slowest.iter_mut().zip([0, total / 2]) {
                    let page = Page { offset, limit: 50 };
                    let times =
                        (0..rounds.min(5)).map(|_| time(|| list(&store, &filter, sort, page)).0);
                    let median = median(times.collect());
                    *slowest = median.max(*slowest);
                    pages += 1;
                    if median > worst.0 {
                        let way = if reverse { " reversed" } else { "" };
                        worst = (median, format!("{what}, by {key:?}{way}, from {offset}"));
                    }
                }
            }
            let [first, middle] = slowest.map(|time| time.as_secs_f64() * 1e3);
            print!("{:>13}", format!("{first:.0} {middle:.0}"));
        }
        println!();
    }
    row(format!("the slowest of these {pages} pages: {}", worst.1), vec![worst.0], LIST);

    // Somebody who sees two tenants, of which the other has a tenth as many leaks.
    let other = TenantId("other".into());
    store.switch(&By { who: everywhere(), ..ann() }, &other, true).unwrap();
    let sightings = (leaks..leaks + FINDINGS).map(|number| sighting(number).tenant(other.clone()));
    store.register(&By { who: everywhere(), ..ann() }, sightings.collect()).unwrap();
    sweep(address);
    let mut worst: (Duration, String) = (Duration::ZERO, String::new());
    for key in KEYS {
        for (what, filter) in [
            ("all", Filter::default()),
            ("by text", Filter { text: Some("settings".into()), ..Filter::default() }),
        ] {
            let page = Page { offset: leaks / 2, limit: 50 };
            let asked = || store.list(&everywhere(), &filter, Sort::by(key), page).unwrap();
            assert_eq!(asked().total, leaks + FINDINGS);
            let median = median((0..rounds.min(5)).map(|_| time(asked).0).collect());
            if median > worst.0 {
                worst = (median, format!("{what}, by {key:?}"));
            }
        }
    }
    row(format!("the slowest of two tenants' pages: {}", worst.1), vec![worst.0], LIST);

    let mut next = leaks + FINDINGS;
    let mut times = Vec::new();
    for _ in 0..rounds.min(5) {
        let sightings: Vec<Sighting> = (next..next + FINDINGS).map(sighting).collect();
        let (took, done) = time(|| store.register(&ann(), sightings).unwrap());
        assert!(done.iter().zip(next + 1..).all(|(done, id)| done.new == Some(LeakId(id))));
        next += FINDINGS;
        times.push(took);
    }
    row(format!("register {FINDINGS} new findings"), times, REGISTER);
    let mut times = Vec::new();
    for round in 0..rounds.min(3) {
        let from = round as u64 * FINDINGS % leaks.saturating_sub(FINDINGS).max(1);
        let sightings: Vec<Sighting> = (from..from + FINDINGS).map(sighting).collect();
        let (took, done) = time(|| store.register(&ann_at(NOW + 60), sightings).unwrap());
        assert!(done.iter().zip(from + 1..).all(|(done, id)| done.seen_again == [LeakId(id)]));
        times.push(took);
    }
    row(format!("register {FINDINGS} known findings"), times, REGISTER);
    let (took, _) = time(|| Store::open(address).unwrap());
    row("open".to_owned(), vec![took], Duration::from_secs(5));
    let (took, refreshed) = time(|| store.refresh(&ann().who, Time(NOW)).unwrap());
    assert_eq!(refreshed, 0);
    row("refresh when nothing is due".to_owned(), vec![took], LIST);
    let (took, verified) = time(|| store.verify(&ann().who).unwrap());
    assert_eq!(verified.leaks, next);
    row(
        format!("verify all of it: {} entries", verified.entries),
        vec![took],
        Duration::from_secs(600),
    );
    slow
}

/// What a server does by itself within a minute or two of so many changes: [`store.md`](../../../../docs/store.md).
fn sweep(address: &str) {
    if let Ok(mut client) = postgres::Client::connect(address, postgres::NoTls) {
        client.batch_execute("VACUUM ANALYZE").unwrap();
    }
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

/// Filters, and how many leaks they describe by how these were made.
fn filters(leaks: u64) -> Vec<(&'static str, Filter, u64)> {
    let count =
        |is_in: &dyn Fn(u64) -> bool| (0..leaks).filter(|number| is_in(*number)).count() as u64;
    let none = Filter::default;
    let opened = |number: u64| status_of(number, leaks) == Status::Opened;
    vec![
        ("all", none(), leaks),
        ("by status", Filter { statuses: vec![Status::Opened], ..none() }, count(&opened)),
        (
            "by another status",
            Filter { statuses: vec![Status::Closed, Status::False], ..none() },
            count(&|number| !opened(number)),
        ),
        (
            "by level",
            Filter { levels: vec![Level::High], ..none() },
            count(&|number| is_high(number)),
        ),
        (
            "by class",
            Filter { class: Some("jwt".into()), ..none() },
            count(&|number| class(number) == "jwt"),
        ),
        (
            "by kind of source",
            Filter { kind: Some(SourceKind::Page), ..none() },
            count(&|number| kind(number) == SourceKind::Page),
        ),
        (
            "by source",
            Filter { source: Some("team-7/".into()), ..none() },
            count(&|number| place(number).contains("team-7/")),
        ),
        (
            "by target",
            Filter { target: Some("shop-3".into()), ..none() },
            count(&|number| target(number).contains("shop-3")),
        ),
        (
            "by text",
            Filter { text: Some("settings-77".into()), ..none() },
            count(&|number| place(number).contains("settings-77")),
        ),
        ("by text that is everywhere", Filter { text: Some("settings".into()), ..none() }, leaks),
        ("by a letter", Filter { text: Some("e".into()), ..none() }, leaks),
        (
            "by text that is nowhere",
            Filter { text: Some("nowhere to be found".into()), ..none() },
            0,
        ),
        (
            "by all of it",
            Filter {
                statuses: vec![Status::Opened],
                levels: vec![Level::High],
                class: Some("github-pat".into()),
                kind: Some(SourceKind::Repository),
                source: Some("team-".into()),
                target: Some("shop".into()),
                text: Some("settings".into()),
                ..none()
            },
            count(&|number| {
                opened(number)
                    && is_high(number)
                    && class(number) == "github-pat"
                    && kind(number) == SourceKind::Repository
            }),
        ),
    ]
}

/// Looks at the whole list: as many as expected, each once, in order.
fn prove(store: &Store, filter: &Filter, sort: Sort, expected: u64) -> u64 {
    let first = list(store, filter, sort, Page::first(Page::MOST));
    assert_eq!(first.total, expected, "{filter:?}");
    assert_eq!(first.leaks.len() as u64, expected.min(Page::MOST));
    let key = |leak: &stanch_store::Summary| -> (i64, String) {
        match sort.key {
            Key::Status => {
                (i64::from(leak.status as u8) * 1000 - i64::from(leak.score), String::new())
            }
            Key::Score => (-i64::from(leak.score), String::new()),
            Key::Residual => (-i64::from(leak.residual), String::new()),
            Key::FirstSeen => (-leak.first_seen.0, String::new()),
            Key::LastSeen => (-leak.last_seen.0, String::new()),
            Key::Attempts => (-(leak.attempts as i64), String::new()),
            Key::Class => (0, leak.class.clone()),
            Key::Source => (0, leak.source.clone()),
            Key::Target => (0, leak.target.to_lowercase()),
            _ => (0, String::new()),
        }
    };
    let in_order = first.leaks.windows(2).all(|pair| {
        let (one, two) = ((key(&pair[0]), pair[0].id), (key(&pair[1]), pair[1].id));
        if sort.reverse { one > two } else { one < two }
    });
    assert!(in_order, "{sort:?}");
    first.total
}

fn list(store: &Store, filter: &Filter, sort: Sort, page: Page) -> List {
    store.list(&ann().who, filter, sort, page).unwrap()
}

fn ann() -> By {
    ann_at(NOW)
}

/// Somebody who sees every tenant.
fn everywhere() -> User {
    User { role: Role::GlobalAdministrator, tenant: TenantId::default() }
}

fn ann_at(at: i64) -> By {
    let who = User { role: Role::Administrator, tenant: TenantId::default() };
    By { who, actor: Actor::Person("ann".into()), at: Time(at) }
}

/// What is wanted of a leak; only the first two thousand decisions are made.
fn status(number: u64) -> Status {
    match number % 10 {
        3 => Status::Closed,
        7 => Status::False,
        _ => Status::Opened,
    }
}

fn status_of(number: u64, leaks: u64) -> Status {
    // Two of ten are decided, and 2,000 at most.
    if number < leaks.min(10_000) { status(number) } else { Status::Opened }
}

fn class(number: u64) -> &'static str {
    CLASSES[(number % 5) as usize]
}

fn kind(number: u64) -> SourceKind {
    KINDS[(number / 5 % 3) as usize]
}

fn privilege(number: u64) -> Privilege {
    PRIVILEGES[(number / 15 % 4) as usize]
}

/// By the floor of 70 for what is privileged and exposed.
fn is_high(number: u64) -> bool {
    privilege(number) == Privilege::Admin && kind(number) != SourceKind::File
}

fn place(number: u64) -> String {
    format!("https://git.invalid/team-{}/service/deploy/settings-{number}.env", number % 97)
}

fn target(number: u64) -> String {
    format!("shop-{}.invalid", number % 31)
}

fn sighting(number: u64) -> Sighting {
    let facts = Facts {
        privilege: privilege(number),
        issuer: Issuer::Own,
        provider: "Any".into(),
        ..Facts::reported()
    };
    Sighting::new(
        Source::new(kind(number), place(number)).line(number % 900 + 1),
        [(imprint(number), facts)],
    )
    .target(Target(target(number)))
}

fn imprint(number: u64) -> Imprint {
    let hash = blake3::hash(format!("token {number}").as_bytes());
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 62)]);
    let text: String = hash.as_bytes().iter().map(letter).collect();
    ImprintKey::from_bytes([5; 32]).imprint(&Secret::new(class(number), text)).unwrap()
}

fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
