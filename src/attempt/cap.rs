//! How many lines a second.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bounds the lines of a log in time, and counts those that are left out.
///
/// It lies in memory that processes may share, zeroed to begin with, and is nothing but atomic numbers: no
/// process that ends in the midst of it can leave it locked. A limit of so many lines a second lets a
/// burst of lines through at once, then one each time that a share of a second has gone by (the generic
/// cell rate algorithm of ITU-T I.371).
#[derive(Debug, Default)]
#[repr(C)]
pub struct Cap {
    /// When all lines so far would have been due one after the other, in nanoseconds.
    due: AtomicU64,
    /// How many attempts were left out since the last line.
    left_out: AtomicU64,
}

const NS_A_MS: u64 = 1_000_000;
const NS_A_SECOND: u64 = 1_000_000_000;

/// How far the clocks of those who share a cap may lie apart, or go back. What goes back further is
/// another clock, and the cap begins anew.
const DRIFT: u64 = 60 * NS_A_SECOND;

impl Cap {
    /// A cap under which nothing was written yet.
    pub const fn new() -> Cap {
        Cap { due: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Whether a line may be written now, `burst` at once and `per_second` in the long run: if so, how
    /// many attempts were left out since the last line, so that this one can tell. If not, or if either
    /// limit is zero, the attempt counts as left out.
    ///
    /// `now` is in milliseconds, by a clock that all who share the cap have in common.
    pub fn take(&self, now: u64, per_second: u32, burst: u32) -> Option<u64> {
        if self.is_room(now.saturating_mul(NS_A_MS), per_second, burst) {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn is_room(&self, now: u64, per_second: u32, burst: u32) -> bool {
        if per_second == 0 {
            return false;
        }
        let share = NS_A_SECOND.div_ceil(per_second.into());
        let ahead = share.saturating_mul(burst.into());
        let next = |due: u64| {
            let is_of_another_clock = due > now.saturating_add(ahead).saturating_add(DRIFT);
            let from = if is_of_another_clock { now } else { due.max(now) };
            let next = from.saturating_add(share);
            (next <= now.saturating_add(ahead)).then_some(next)
        };
        self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    /// A bucket of tokens, in whole numbers that leave nothing over: a line takes `NS_A_SECOND` parts.
    struct Bucket {
        parts: u128,
        last: u64,
        left_out: u64,
    }

    impl Bucket {
        fn take(&mut self, now: u64, per_second: u32, burst: u32) -> Option<u64> {
            let line = u128::from(NS_A_SECOND);
            let gone = u128::from(now.saturating_sub(self.last)) * u128::from(NS_A_MS);
            self.last = self.last.max(now);
            self.parts = (self.parts + gone * u128::from(per_second)).min(line * u128::from(burst));
            if per_second == 0 || self.parts < line {
                self.left_out += 1;
                return None;
            }
            self.parts -= line;
            Some(std::mem::take(&mut self.left_out))
        }
    }

    #[test]
    fn a_burst_passes_and_then_one_a_share() {
        let cap = Cap::new();
        let taken =
            |now, count: usize| (0..count).map(|_| cap.take(now, 10, 3)).collect::<Vec<_>>();
        let start = 1_795_450_373_000;
        assert_eq!(taken(start, 5), [Some(0), Some(0), Some(0), None, None]);
        assert_eq!(taken(start + 99, 1), [None]);
        assert_eq!(taken(start + 100, 2), [Some(3), None]);
        assert_eq!(taken(start + 250, 2), [Some(1), None]);
        assert_eq!(taken(start + 60_000, 4), [Some(1), Some(0), Some(0), None]);
        // A clock that goes back a little waits; one that goes back far is another one.
        assert_eq!(taken(start + 59_000, 1), [None]);
        assert_eq!(taken(500, 4), [Some(2), Some(0), Some(0), None]);
    }

    #[test]
    fn limits_of_zero_let_nothing_pass() {
        let cap = Cap::new();
        for (per_second, burst) in [(0, 5), (5, 0), (0, 0)] {
            assert_eq!(cap.take(1_000_000, per_second, burst), None);
        }
        assert_eq!(cap.take(1_000_000, 1, 1), Some(3));
    }

    #[test]
    fn the_ends_of_the_numbers_do_no_harm() {
        for now in [0, 1, u64::MAX / NS_A_MS, u64::MAX] {
            for (per_second, burst) in [(1, 1), (u32::MAX, u32::MAX), (1, u32::MAX), (u32::MAX, 1)]
            {
                let cap = Cap::new();
                for at in [now, 0, u64::MAX, now] {
                    cap.take(at, per_second, burst);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// Beside a bucket, at rates that divide a second without a rest.
        #[test]
        fn it_lets_pass_what_a_bucket_does(
            rate in prop::sample::select(vec![0, 1, 2, 4, 5, 8, 10, 100, 1_000, 1_000_000]),
            burst in 0..6_u32,
            steps in prop::collection::vec(prop_oneof![Just(0), 0..4_u64, 0..3_000_u64], 1..200),
        ) {
            let start = 1_795_450_373_000;
            let full = u128::from(NS_A_SECOND) * u128::from(burst);
            let mut bucket = Bucket { parts: full, last: start, left_out: 0 };
            let (cap, mut now) = (Cap::new(), start);
            for step in steps {
                now += step;
                prop_assert_eq!(cap.take(now, rate, burst), bucket.take(now, rate, burst));
            }
        }

        /// At any rate: never more in a stretch of time than the burst and what the rate brings.
        #[test]
        fn no_stretch_of_time_has_more_than_its_share(
            rate in 1..5_000_u32,
            burst in 1..20_u32,
            steps in prop::collection::vec(0..50_u64, 1..300),
        ) {
            let (cap, mut now, mut passed) = (Cap::new(), 1_000_000, Vec::new());
            for step in steps {
                now += step;
                if cap.take(now, rate, burst).is_some() {
                    passed.push(now);
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let most = u64::from(burst) + (to - from) * u64::from(rate) / 1000;
                    let before = (last - first) as u64;
                    prop_assert!(before < most);
                }
            }
        }
    }

    #[test]
    fn threads_share_one_limit_and_lose_no_count() {
        const TURNS: u64 = 20_000;
        let cap = Cap::new();
        let (lines, told) = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|thread| {
                    let cap = &cap;
                    scope.spawn(move || {
                        // The clocks of hosts are not quite the same.
                        let told = (0..TURNS)
                            .filter_map(|turn| cap.take(5_000 + turn / 10 + thread, 100, 7));
                        told.fold((0, 0), |(lines, sum), left_out| (lines + 1, sum + left_out))
                    })
                })
                .collect();
            let each = threads.into_iter().map(|thread| thread.join().unwrap());
            each.fold((0, 0), |(lines, told), (more, sum)| (lines + more, told + sum))
        });
        let rest = cap.left_out.load(Ordering::Relaxed);
        assert_eq!(lines + told + rest, 4 * TURNS, "each attempt is a line or left out");
        // Two seconds and three milliseconds.
        assert!((7..=7 + 200).contains(&lines), "{lines} lines");
    }
}
