//! Threads that scan over one set, while it is exchanged for another again and again.
//!
//! A host that reloads holds its set in an `Arc`, and each request keeps the set it began with. So the
//! verdict of a request must be that set's, whatever has become current since.

#[allow(dead_code, reason = "each test program uses its share of the oracle")]
mod oracle;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use oracle::compare::{key, set};
use oracle::draw::{BASE62, Draw, changed};
use oracle::{Request, Token};
use stanch::patch::{Action, Header, PatchSet, Scan};

const THREADS: usize = 4;
const SWAPS: usize = 300;

/// The token of the generation: its set blocks this one and no other.
fn token(generation: u64) -> Token {
    let len = 20 + (generation as usize * 7) % 90;
    Token { bytes: Draw(generation).text(len, BASE62), leak: generation, action: Action::Block }
}

/// A set and the generation that it is of.
struct Current {
    generation: u64,
    set: PatchSet,
}

impl Current {
    fn new(generation: u64) -> Arc<Current> {
        Arc::new(Current { generation, set: set(&[token(generation)]) })
    }
}

/// The action and leak that the set of `current` comes to for a request with the token of `generation`
/// in a header or, cut in two, in the body. Between the pieces `pause` runs.
fn scan(current: &Current, generation: u64, pause: &dyn Fn()) -> (Action, Option<u64>) {
    let token = token(generation).bytes;
    let mut state = vec![0xa5; current.set.state_len()];
    let mut scan = Scan::new(&current.set, &mut state).expect("as much state as the set asks for");
    if generation.is_multiple_of(3) {
        scan.headers(&[Header { name: b"x-key", value: &token }]);
    } else {
        let (left, right) = token.split_at(token.len() / 2);
        scan.body(&[left]);
        pause();
        scan.body(&[right]);
    }
    let verdict = scan.finish();
    (verdict.action, verdict.hit.map(|hit| hit.leak))
}

#[test]
fn scans_keep_their_set_while_it_is_exchanged() {
    let current = Mutex::new(Current::new(1));
    let (over, scans, under_old) =
        (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let retired: Vec<Weak<Current>> = thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let mine = Arc::clone(&current.lock().unwrap());
                    let own = mine.generation;
                    let hit = scan(&mine, own, &thread::yield_now);
                    assert_eq!(hit, (Action::Block, Some(own)));
                    for other in [own + 1, own - 1] {
                        assert_eq!(scan(&mine, other, &thread::yield_now), (Action::Pass, None));
                    }
                    scans.fetch_add(3, Ordering::Relaxed);
                    let is_old = current.lock().unwrap().generation != own;
                    under_old.fetch_add(usize::from(is_old), Ordering::Relaxed);
                }
            });
        }
        // Until every thread may have had its turn, and a set was exchanged under a scan.
        let count = |what: &AtomicUsize| what.load(Ordering::Relaxed);
        let mut retired = Vec::new();
        let enough = || count(&scans) >= 100 && count(&under_old) > 0;
        while retired.len() < SWAPS || (!enough() && retired.len() < 100 * SWAPS) {
            let next = Current::new(retired.len() as u64 + 2);
            let old = std::mem::replace(&mut *current.lock().unwrap(), next);
            retired.push(Arc::downgrade(&old));
        }
        over.store(true, Ordering::Relaxed);
        retired
    });
    assert!(under_old.into_inner() > 0, "no set was exchanged under a scan");
    assert!(
        retired.iter().all(|set| set.strong_count() == 0),
        "a set that nobody uses is still there"
    );
}

/// What one thread's scan carries over from piece to piece shows in no other's: all of them are fed
/// the pieces of their own request in turn.
#[test]
fn scans_over_one_set_do_not_see_each_other() {
    let tokens: Vec<Token> = (1..=8).map(token).collect();
    let shared = set(&tokens);
    let key = key();
    let reopened = PatchSet::from_bytes(shared.as_bytes(), &key).unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (tokens, shared, reopened) = (&tokens, &shared, &reopened);
            scope.spawn(move || {
                for turn in 0..200 {
                    let token = &tokens[(turn + thread) % tokens.len()];
                    let mut draw = Draw((turn * THREADS + thread) as u64);
                    let leaked = draw.below(2) == 0;
                    let before = draw.below(300);
                    let mut text = draw.text(before, BASE62);
                    match leaked {
                        true => text.extend(&token.bytes),
                        false => text.extend(changed(&token.bytes, 11)),
                    }
                    let body = draw.cut(&text, 9);
                    let request = Request { body, ..Request::default() };
                    let set = if turn % 2 == 0 { shared } else { reopened };
                    let verdict = oracle::compare::agree(set, tokens, &request, "a shared set");
                    assert_eq!(verdict.action == Action::Block, leaked);
                }
            });
        }
    });
}
