//! Many who write at once: threads that share a ledger, threads that have opened their own, and processes.

use std::collections::HashMap;
use std::thread;

use stanch::leak::{LeakId, TenantId};
use stanch_store::Store;

use crate::child::{Kept, Writer, check};
use crate::fixture::{Fixture, all, ann, both, found};
use crate::sample::COMMON;

both!(threads_that_share_a_ledger, threads_with_their_own, processes, a_reader_sees_one_state);

fn write_in_threads(stores: &[&Store]) {
    thread::scope(|scope| {
        for (thread, store) in (0u64..).zip(stores) {
            scope.spawn(move || {
                for number in 0..25 {
                    // Every thread finds the same tokens, and one of its own.
                    let own = 1000 + thread * 100 + number;
                    let batch =
                        vec![found(&[number], &format!("{thread}.env")), found(&[own], "own.env")];
                    store.register(&ann(), batch).unwrap();
                }
            });
        }
    });
}

fn check_threads(store: &Store, threads: u64) {
    let list = all(store);
    assert_eq!(list.total, 25 + threads * 25);
    let ids: Vec<u64> = (1..=list.total).collect();
    let mut seen: Vec<u64> = list.leaks.iter().map(|leak| leak.id.0).collect();
    seen.sort_unstable();
    assert_eq!(seen, ids, "numbers have no gaps");
    let shared = list.leaks.iter().filter(|leak| leak.sources == threads).count();
    assert_eq!(shared, 25, "each common token is one leak, found by every thread");
    let verified = store.verify(&ann().who).unwrap();
    assert_eq!(verified.entries, threads * 50);
}

fn threads_that_share_a_ledger(fixture: &Fixture) {
    write_in_threads(&[&fixture.store; 4]);
    check_threads(&fixture.store, 4);
}

fn threads_with_their_own(fixture: &Fixture) {
    let stores = [(); 4].map(|()| fixture.open());
    write_in_threads(&stores.each_ref());
    check_threads(&fixture.store, 4);
}

fn processes(fixture: &Fixture) {
    let writers: Vec<Writer> =
        (0..4).map(|n| Writer::start(&fixture.address, 100 + n * 1000, 40, true)).collect();
    let mut leaks: HashMap<u64, LeakId> = HashMap::new();
    for writer in writers {
        let (kept, ended_well, said) = writer.finish();
        assert!(ended_well, "{said}");
        assert_eq!(kept.iter().filter(|kept| matches!(kept, Kept::Token(..))).count(), 50);
        check(&fixture.store, &kept);
        for kept in &kept {
            if let Kept::Token(number, id) = kept {
                assert_eq!(
                    leaks.insert(*number, *id).unwrap_or(*id),
                    *id,
                    "token {number} is one leak"
                );
            }
        }
    }
    assert_eq!(all(&fixture.store).total, 4 * 40 + 1);
    let common = fixture.store.leak(&ann().who, leaks[&COMMON]).unwrap();
    assert_eq!(common.history().len(), 40);
    fixture.store.verify(&ann().who).unwrap();
}

/// While somebody writes, each list is of a moment between two batches.
fn a_reader_sees_one_state(fixture: &Fixture) {
    let (reader, store) = (fixture.open(), &fixture.store);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for batch in 0..30u64 {
                let sightings = (0..7).map(|n| found(&[batch * 7 + n], "a.env")).collect();
                store.register(&ann(), sightings).unwrap();
            }
        });
        while !writer.is_finished() {
            let list = all(&reader);
            assert_eq!((list.total % 7, list.leaks.len() as u64), (0, list.total));
            reader.nodes(&ann().who, &TenantId::default()).unwrap();
        }
    });
    assert_eq!(all(&reader).total, 210);
}
