//! Nothing that was acknowledged is lost: a thousand times a writer or its server is killed at a random
//! moment, and everything that it acknowledged must be there afterwards.

use std::thread;
use std::time::{Duration, Instant};

use stanch_store::Store;

use crate::child::{Kept, Writer, check};
use crate::fixture::{Fixture, ann};
use crate::server::Server;

/// Draws how long a writer may live.
struct Draw(u64);

impl Draw {
    fn millis(&mut self, most: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(self.0 % (most * 1000))
    }
}

/// Kills writers of one ledger after the other. Says how much was acknowledged.
fn kill_writers(fresh: impl Fn() -> Fixture, kills: u64, ledger_lasts: u64, seed: u64) -> usize {
    let mut draw = Draw(seed);
    let mut acknowledged = 0;
    let mut fixture = fresh();
    let mut kept: Vec<Kept> = Vec::new();
    for kill in 0..kills {
        let mut writer =
            Writer::start(&fixture.address, 10 + kill * 1_000_000, u64::MAX / 2, false);
        // Most at work, some while they open the ledger.
        if kill % 4 > 0 {
            writer.begin();
        }
        thread::sleep(draw.millis(25));
        let now = writer.kill();
        acknowledged += now.len();
        let store = fixture.open();
        check(&store, &now);
        kept.extend(now);
        if kill % ledger_lasts == ledger_lasts - 1 {
            // What one writer left must also outlive the kills that came after it.
            check(&store, &kept);
            store.verify(&ann().who).unwrap_or_else(|error| panic!("kill {kill}: {error}"));
            kept.clear();
            fixture = fresh();
        }
    }
    acknowledged
}

#[test]
fn eight_hundred_killed_writers_lose_nothing_in_sqlite() {
    let halves = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03]
        .map(|seed| thread::spawn(move || kill_writers(Fixture::sqlite, 400, 20, seed)));
    let acknowledged: usize = halves.into_iter().map(|half| half.join().unwrap()).sum();
    // Otherwise nothing was under load when it was killed.
    assert!(acknowledged > 600, "{acknowledged} acknowledged");
}

#[test]
fn a_hundred_and_seventy_killed_writers_lose_nothing_in_postgresql() {
    let acknowledged = kill_writers(Fixture::postgres, 170, 34, 0x2545_f491_4f6c_dd1d);
    assert!(acknowledged > 120, "{acknowledged} acknowledged");
}

/// The whole server dies, as in a power cut but for the disk: all its processes at once, under the
/// hands of two writers.
#[test]
fn thirty_killed_servers_lose_nothing() {
    let mut server = Server::start(false);
    let address = server.database();
    let store = Store::open(&address).unwrap();
    store.switch(&ann(), &stanch::leak::TenantId::default(), true).unwrap();
    let mut draw = Draw(0x1234_5678_9abc_def1);
    let mut kept: Vec<Kept> = Vec::new();
    for kill in 0..30u64 {
        let mut writers = [0, 1]
            .map(|n| Writer::start(&address, 10 + (2 * kill + n) * 1_000_000, u64::MAX / 2, true));
        writers.iter_mut().for_each(Writer::begin);
        thread::sleep(draw.millis(50));
        server.kill();
        for writer in writers {
            // It ends by itself, with an error: nobody acknowledges what is not kept.
            let (now, ended_well, said) = writer.finish();
            assert!(!ended_well && said.contains("the writer ends"), "{said}");
            kept.extend(now);
        }
        server.run();
        // The connection of the test itself broke too, and is made anew.
        let began = Instant::now();
        while store.tenants(&ann().who).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20));
        }
        check(&store, &kept);
    }
    assert!(kept.len() > 100, "{} acknowledged", kept.len());
    store.verify(&ann().who).unwrap();
}
