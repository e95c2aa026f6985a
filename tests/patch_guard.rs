//! A guard serves the last good set that stood in its file, and never anything else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use stanch::patch::{
    Action, FormatError, Guard, Header, News, OpenError, Patch, PatchSet, PatchSetBuilder, Refusal,
    Scan, Trust, TrustError,
};
use stanch::secret::{ImprintKey, Secret, SigningKey};
use tempfile::TempDir;

fn key() -> ImprintKey {
    ImprintKey::from_bytes([5; 32])
}

fn signing() -> SigningKey {
    SigningKey::from_bytes([6; 32])
}

fn trust() -> Trust {
    Trust::signed_by([signing().public()])
}

/// The token that the set with this serial number blocks, and no other set does. Invented.
fn token(serial: u64) -> String {
    format!("tst_{serial:06}q8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi")
}

fn builder(key: &ImprintKey, serial: u64, token: String) -> PatchSetBuilder<'_> {
    let mut builder = PatchSetBuilder::new(key).serial(serial);
    let imprint = key.imprint(&Secret::new("test", token)).unwrap();
    builder.add(&imprint, Patch::block(serial)).unwrap();
    builder
}

/// A set that blocks its token. It was compiled once: a set holds the time.
fn unsigned(serial: u64) -> PatchSet {
    static COMPILED: Mutex<BTreeMap<u64, Vec<u8>>> = Mutex::new(BTreeMap::new());
    let compile = || builder(&key(), serial, token(serial)).build().unwrap().as_bytes().to_vec();
    let mut compiled = COMPILED.lock().unwrap();
    PatchSet::from_bytes(compiled.entry(serial).or_insert_with(compile), &key()).unwrap()
}

fn signed_by(signing: &SigningKey, set: PatchSet) -> Vec<u8> {
    set.sign(signing).unwrap().as_bytes().to_vec()
}

fn signed(serial: u64) -> Vec<u8> {
    signed_by(&signing(), unsigned(serial))
}

/// Another set with this serial number; its token is that of no other.
fn twin(serial: u64) -> Vec<u8> {
    static COMPILED: Mutex<BTreeMap<u64, Vec<u8>>> = Mutex::new(BTreeMap::new());
    let compile = || {
        let set = builder(&key(), serial, token(serial + 500_000)).build().unwrap();
        signed_by(&signing(), set)
    };
    COMPILED.lock().unwrap().entry(serial).or_insert_with(compile).clone()
}

/// The action and leak that `set` comes to for a request with the token of `serial`, whose body comes
/// in two pieces with `pause` between them.
fn scan(set: &PatchSet, serial: u64, pause: impl Fn()) -> (Action, Option<u64>) {
    let token = token(serial);
    let (left, right) = token.as_bytes().split_at(17);
    let mut state = vec![0xa5; set.state_len()];
    let mut scan = Scan::new(set, &mut state).unwrap();
    scan.headers(&[Header { name: b"x-key", value: b"none" }]);
    scan.body(&[left]);
    pause();
    scan.body(&[right]);
    let verdict = scan.finish();
    (verdict.action, verdict.hit.map(|hit| hit.leak))
}

/// A folder with the file of a guard in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(content: &[u8]) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.put(content);
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("patches")
    }

    /// Puts another file in the place of the one that is there.
    fn put(&self, content: &[u8]) {
        let next = self.folder.path().join("next");
        fs::write(&next, content).unwrap();
        fs::rename(&next, self.path()).unwrap();
    }

    fn guard(&self) -> Guard {
        self.patient_guard().with_interval(Duration::ZERO)
    }

    fn patient_guard(&self) -> Guard {
        Guard::open(&self.path(), key(), trust()).unwrap()
    }
}

fn serial(set: &PatchSet) -> u64 {
    set.info().serial
}

#[test]
fn a_new_set_is_taken_and_the_old_one_goes_with_its_last_scan() {
    let place = Place::new(&signed(1));
    let guard = place.guard();
    let [first, again] = [guard.current(), guard.current()];
    assert!(Arc::ptr_eq(&first, &again));
    drop(again);
    assert_eq!(guard.check(), None);

    place.put(&signed(2));
    assert_eq!(serial(&guard.held()), 1);
    assert_eq!(guard.check(), Some(News::Swapped));
    assert_eq!(guard.check(), None);
    assert_eq!(serial(&guard.current()), 2);
    assert_eq!(scan(&first, 1, || ()), (Action::Block, Some(1)));
    assert_eq!(scan(&guard.current(), 1, || ()), (Action::Pass, None));
    assert_eq!(scan(&guard.current(), 2, || ()), (Action::Block, Some(2)));

    let old = Arc::downgrade(&first);
    assert_eq!(old.strong_count(), 1);
    drop(first);
    assert_eq!(old.strong_count(), 0);
    let info = guard.info();
    assert_eq!((info.swaps, info.refusals, info.serial, info.is_refusing), (1, 0, 2, false));
    assert!(info.refusal.is_none() && info.taken <= info.checked);
}

#[test]
fn a_guard_needs_a_good_set_to_begin_with() {
    let place = Place::new(unsigned(1).as_bytes());
    let open = |path: &Path, key: [u8; 32], trust: Trust| {
        Guard::open(path, ImprintKey::from_bytes(key), trust).map(drop)
    };
    let refused = |error| Err(OpenError::Format { path: place.path(), error });
    let same = |found: Result<(), OpenError>, expected: Result<(), OpenError>| {
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    };
    same(open(&place.path(), [5; 32], Trust::new()), Ok(()));
    same(open(&place.path(), [5; 32], trust()), refused(TrustError::Unsigned.into()));
    let wrong =
        FormatError::WrongKey { set: key().id(), key: ImprintKey::from_bytes([4; 32]).id() };
    same(open(&place.path(), [4; 32], Trust::new()), refused(wrong));
    let older = TrustError::Older { serial: 1, lowest: 2 };
    same(open(&place.path(), [5; 32], Trust::new().not_before(2)), refused(older.into()));
    for none in ["", "absent", "patches/under-a-file"] {
        let path = place.folder.path().join(none);
        let error = open(&path, [5; 32], Trust::new()).unwrap_err();
        assert!(matches!(&error, OpenError::Io { path: named, .. } if *named == path), "{error}");
    }
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let stranger = SigningKey::from_bytes([7; 32]);
    let expired = builder(&key(), 9, token(9)).expires(1_000).build().unwrap();
    let foreign = builder(&ImprintKey::from_bytes([4; 32]), 9, token(9)).build().unwrap();
    let good = signed(9);
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let rows: &[(&str, Vec<u8>, &str)] = &[
        ("nothing", Vec::new(), "not a patch set"),
        ("text", b"not a set".to_vec(), "not a patch set"),
        ("cut off", good[..good.len() - 1].to_vec(), "truncated or overlong"),
        ("damaged", changed(good.len() - 1), "damaged"),
        ("forged", changed(352), "the signature is not one of key"),
        ("unsigned", unsigned(9).as_bytes().to_vec(), "not signed"),
        ("a stranger's", signed_by(&stranger, unsigned(9)), "which is not trusted here"),
        ("another key's", signed_by(&signing(), foreign), "compiled with key"),
        ("expired", signed_by(&signing(), expired), "expired at 1000"),
        ("older", signed(2), "serial 2 is older than 3"),
        ("of the same number", twin(3), "serial 3 is that of the set in use"),
    ];
    let place = Place::new(&signed(3));
    let guard = place.guard();
    for (number, (name, content, why)) in rows.iter().enumerate() {
        place.put(content);
        assert_eq!(guard.check(), Some(News::Refused), "{name}");
        let refusal = guard.refusal().unwrap();
        assert!(refusal.error.to_string().contains(why), "{name}: {}", refusal.error);
        assert!(refusal.error.to_string().contains("patches"), "{name}: {}", refusal.error);
        // As long as the file stays the same, that is all.
        for _ in 0..3 {
            assert_eq!(guard.check(), None, "{name}");
        }
        assert!(Arc::ptr_eq(&refusal, &guard.refusal().unwrap()), "{name}");
        let info = guard.info();
        assert_eq!((info.swaps, info.refusals), (0, number as u64 + 1), "{name}");
        assert!(info.is_refusing && info.serial == 3, "{name}");
        assert_eq!(scan(&guard.current(), 3, || ()), (Action::Block, Some(3)), "{name}");
    }
    place.put(&good);
    assert_eq!(guard.check(), Some(News::Swapped));
    let info = guard.info();
    assert!(!info.is_refusing && info.refusal.is_some(), "the last refusal is kept");
    assert_eq!((info.swaps, info.refusals, info.serial), (1, rows.len() as u64, 9));
}

#[test]
fn a_file_that_is_away_for_a_moment_is_missed_once_and_taken_when_it_is_back() {
    let place = Place::new(&signed(1));
    let guard = place.guard();
    let away = place.folder.path().join("away");
    fs::rename(place.path(), &away).unwrap();
    assert_eq!(guard.check(), Some(News::Refused));
    assert_eq!(guard.check(), None);
    let refusal = guard.refusal().unwrap();
    assert!(
        matches!(&*refusal, Refusal { error: OpenError::Io { path, .. }, .. } if *path == place.path())
    );
    // The same file comes back: no other set, so no news.
    fs::rename(&away, place.path()).unwrap();
    assert_eq!(guard.check(), None);
    let info = guard.info();
    assert_eq!((info.swaps, info.refusals, info.is_refusing), (0, 1, false));

    fs::remove_file(place.path()).unwrap();
    assert_eq!(guard.check(), Some(News::Refused));
    // Nobody writes to the pipe: to open it would take for ever.
    make_pipe(&place.path());
    assert_eq!(guard.check(), Some(News::Refused));
    assert_eq!(guard.check(), None);
    place.put(&signed(2));
    assert_eq!(guard.check(), Some(News::Swapped));
    assert_eq!(guard.info().refusals, 3);
}

/// Makes a pipe with a name.
fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn a_file_that_is_written_in_place_is_taken_once_it_is_whole() {
    // The guard must not have the file mapped that is written to: so a refused one is.
    let place = Place::new(&signed(1));
    let guard = place.guard();
    let content = signed(2);
    fs::remove_file(place.path()).unwrap();
    for end in [0, 100, content.len() - 1] {
        fs::write(place.path(), &content[..end]).unwrap();
        assert_eq!(guard.check(), Some(News::Refused), "{end} bytes");
    }
    fs::write(place.path(), &content).unwrap();
    assert_eq!(guard.check(), Some(News::Swapped));
}

#[test]
fn the_same_content_in_another_file_is_no_news_but_another_signature_is() {
    let next_signing = SigningKey::from_bytes([8; 32]);
    let both = Trust::signed_by([signing().public(), next_signing.public()]);
    let place = Place::new(&signed(1));
    let guard = Guard::open(&place.path(), key(), both).unwrap().with_interval(Duration::ZERO);
    let before = guard.current();
    place.put(&signed(1));
    assert_eq!(guard.check(), None);
    assert!(Arc::ptr_eq(&before, &guard.current()));
    place.put(&signed_by(&next_signing, unsigned(1)));
    assert_eq!(guard.check(), Some(News::Swapped));
    assert_eq!(guard.current().info().signer, Some(next_signing.public()));
}

#[test]
fn the_file_is_looked_at_once_an_interval() {
    let place = Place::new(&signed(1));
    let patient = place.patient_guard();
    place.put(&signed(2));
    assert_eq!((patient.check(), serial(&patient.current())), (None, 1));
    patient.set_interval(Duration::from_secs(3_600));
    assert_eq!(patient.check(), Some(News::Swapped), "a new interval begins with a look");
    place.put(&signed(3));
    assert_eq!((patient.check(), serial(&patient.current())), (None, 2));

    let guard = place.patient_guard();
    place.put(&signed(4));
    let opened = Instant::now();
    while guard.check().is_none() {
        assert!(opened.elapsed() < Duration::from_secs(60), "never looked at");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(opened.elapsed() > Guard::INTERVAL / 2, "looked at after {:?}", opened.elapsed());
}

#[test]
fn each_change_is_told_to_one_caller() {
    let place = Place::new(&signed(1));
    let guard = place.guard();
    let (news, start, done) = (AtomicU64::new(0), Barrier::new(5), Barrier::new(5));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 2..40 {
                    start.wait();
                    for _ in 0..20 {
                        news.fetch_add(u64::from(guard.check().is_some()), Ordering::Relaxed);
                    }
                    done.wait();
                }
            });
        }
        for number in 2..40 {
            match number % 2 {
                0 => place.put(&signed(number)),
                _ => place.put(b"no set"),
            }
            start.wait();
            done.wait();
            assert_eq!(news.load(Ordering::Relaxed), number - 1);
        }
    });
    assert_eq!((guard.info().swaps, guard.info().refusals), (19, 19));
}

#[test]
fn what_replaced_means_at_the_start_holds_for_the_sets_that_follow() {
    let place = Place::new(&signed(5));
    let held = PatchSet::from_bytes(&signed(4), &key()).unwrap();
    let open = |trust: Trust| Guard::open(&place.path(), key(), trust);
    assert!(open(trust().replacing(&PatchSet::from_bytes(&signed(6), &key()).unwrap())).is_err());
    let guard = open(trust().replacing(&held)).unwrap().with_interval(Duration::ZERO);
    place.put(&signed(4));
    assert_eq!(guard.check(), Some(News::Refused));
    place.put(&signed(6));
    assert_eq!(guard.check(), Some(News::Swapped));
    place.put(&signed(5));
    assert_eq!(guard.check(), Some(News::Refused));
    assert_eq!(guard.info().serial, 6);
}

/// What may happen to the file, and what it holds then.
#[derive(Clone, Debug)]
enum Step {
    Good(u64),
    Twin(u64),
    Unsigned(u64),
    Foreign(u64),
    Damaged(u64, usize),
    CutOff(u64, usize),
    Gone,
    Touched,
    Nothing,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let serial = || 1..12_u64;
    let at = || 0..100_000_usize;
    let step = prop_oneof![
        4 => serial().prop_map(Step::Good),
        1 => serial().prop_map(Step::Twin),
        1 => serial().prop_map(Step::Unsigned),
        1 => serial().prop_map(Step::Foreign),
        2 => (serial(), at()).prop_map(|(serial, at)| Step::Damaged(serial, at)),
        1 => (serial(), at()).prop_map(|(serial, at)| Step::CutOff(serial, at)),
        1 => Just(Step::Gone),
        1 => Just(Step::Touched),
        2 => Just(Step::Nothing),
    ];
    prop::collection::vec(step, 1..25)
}

/// What the file holds, as far as the model of the guard cares.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    /// The serial number, and whether it is the twin.
    Good((u64, bool)),
    Bad,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Beside a model that knows which files are good: after any changes the set that serves is the
    /// last one that was good and had a higher number than those before it.
    #[test]
    fn only_good_sets_serve(steps in steps()) {
        let place = Place::new(&signed(1));
        let guard = place.guard();
        let (mut serves, mut holds) = ((1, false), Holds::Good((1, false)));
        let (mut swaps, mut refusals) = (0, 0);
        for step in &steps {
            let was = holds;
            let mut put = |content: &[u8], is: Holds| {
                place.put(content);
                holds = is;
                true
            };
            let changed = match step {
                Step::Good(serial) => put(&signed(*serial), Holds::Good((*serial, false))),
                Step::Twin(serial) => put(&twin(*serial), Holds::Good((*serial, true))),
                Step::Unsigned(serial) => put(unsigned(*serial).as_bytes(), Holds::Bad),
                Step::Foreign(serial) => {
                    let stranger = SigningKey::from_bytes([7; 32]);
                    put(&signed_by(&stranger, unsigned(*serial)), Holds::Bad)
                }
                Step::Damaged(serial, at) => {
                    let mut content = signed(*serial);
                    let at = at % content.len();
                    content[at] ^= 1 << (at % 8);
                    put(&content, Holds::Bad)
                }
                Step::CutOff(serial, at) => {
                    let content = signed(*serial);
                    put(&content[..at % content.len()], Holds::Bad)
                }
                Step::Gone => {
                    holds = Holds::Bad;
                    fs::remove_file(place.path()).is_ok()
                }
                Step::Touched => fs::read(place.path()).is_ok_and(|content| put(&content, was)),
                Step::Nothing => false,
            };
            let expected = match holds {
                _ if !changed => None,
                Holds::Good(good) if good == serves => None,
                Holds::Good(good) if good.0 > serves.0 => {
                    serves = good;
                    swaps += 1;
                    Some(News::Swapped)
                }
                _ => {
                    refusals += 1;
                    Some(News::Refused)
                }
            };
            prop_assert_eq!(guard.check(), expected, "{:?}", step);
            let (set, info) = (guard.current(), guard.info());
            prop_assert_eq!((info.swaps, info.refusals, info.serial), (swaps, refusals, serves.0));
            prop_assert_eq!(serial(&set), serves.0);
            let blocked = if serves.1 { (Action::Pass, None) } else { (Action::Block, Some(serves.0)) };
            prop_assert_eq!(scan(&set, serves.0, || ()), blocked);
        }
    }
}

/// How long the file is replaced under the load.
const STRESS: Duration = Duration::from_secs(3);
const THREADS: usize = 4;

/// Every millisecond another file: a good set, now and then a bad one or none.
fn replace_for_a_while(place: &Place, over: &AtomicBool) -> u64 {
    let start = Instant::now();
    let mut last = 1_u64;
    for turn in 1.. {
        match turn % 7 {
            0 => place.put(b"stanchPS but no more"),
            3 => drop(fs::remove_file(place.path())),
            5 => place.put(&signed(last - 1)),
            _ => {
                last += 1;
                place.put(&signed(last));
            }
        }
        if start.elapsed() > STRESS {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    last += 1;
    place.put(&signed(last));
    over.store(true, Ordering::Relaxed);
    last
}

#[test]
fn scans_agree_with_their_set_while_the_file_is_replaced_every_millisecond() {
    let place = Place::new(&signed(1));
    let guard = place.guard();
    let over = AtomicBool::new(false);
    let (scans, under_old) = (AtomicU64::new(0), AtomicU64::new(0));
    let seen: Mutex<Vec<(u64, Weak<PatchSet>)>> = Mutex::new(Vec::new());
    let last = thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut last = 0;
                while !over.load(Ordering::Relaxed) {
                    let set = guard.current();
                    let own = serial(&set);
                    assert!(own >= last, "{own} after {last}");
                    if own > last {
                        seen.lock().unwrap().push((own, Arc::downgrade(&set)));
                    }
                    last = own;
                    assert_eq!(scan(&set, own, thread::yield_now), (Action::Block, Some(own)));
                    for other in [own - 1, own + 1] {
                        assert_eq!(scan(&set, other, thread::yield_now), (Action::Pass, None));
                    }
                    scans.fetch_add(3, Ordering::Relaxed);
                    let is_old = !Arc::ptr_eq(&set, &guard.held());
                    under_old.fetch_add(u64::from(is_old), Ordering::Relaxed);
                }
            });
        }
        replace_for_a_while(&place, &over)
    });
    guard.check();
    assert_eq!(serial(&guard.current()), last);
    let info = guard.info();
    assert!(info.swaps > 50 && info.refusals > 20, "{info:?}");
    assert!(scans.into_inner() > 300);
    assert!(under_old.into_inner() > 0, "no set was exchanged under a scan");
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() > 50);
    // One more look lets go of what a reader was just taking when it was replaced.
    guard.check();
    for (serial, set) in seen {
        assert_eq!(set.strong_count(), usize::from(serial == last), "set {serial}");
    }
    assert_eq!(mapped(&place.path()), 1);
}

/// How many mappings of the file, replaced ones among them, this process has.
fn mapped(path: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let folder = path.parent().unwrap().to_str().unwrap();
    maps.lines().filter(|line| line.contains(folder)).count()
}

#[test]
fn times_are_told() {
    let before = SystemTime::now();
    let place = Place::new(&signed(1));
    let guard = place.guard();
    place.put(&[]);
    guard.check();
    let info = guard.info();
    let refused = info.refusal.unwrap().at;
    assert!(before <= info.taken && info.taken <= refused && refused <= info.checked);
    assert!(refused > UNIX_EPOCH);
}
