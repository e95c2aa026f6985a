//! How long it takes until the next fetch.

use std::time::Duration;

/// However often it went wrong, no more than this lies in between, unless the interval is longer.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// However long a server asks to wait, it is asked again after this.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

/// Counts failures. After each the time doubles, and it is never the same for two nodes: those that went
/// down together must not come back together.
pub(super) struct Pace {
    interval: Duration,
    failures: u32,
    random: fn() -> f64,
}

impl Pace {
    pub(super) fn new(interval: Duration) -> Pace {
        Pace { interval, failures: 0, random }
    }

    /// The interval, give or take a tenth.
    pub(super) fn after_success(&mut self) -> Duration {
        self.failures = 0;
        self.interval.mul_f64(0.9 + 0.2 * (self.random)())
    }

    /// Between one half and all of the time that doubles with each failure; longer if the server asked for
    /// that.
    pub(super) fn after_failure(&mut self, asked: Option<Duration>) -> Duration {
        let longest = self.interval.max(LONGEST);
        let wait = self.interval.saturating_mul(1 << self.failures.min(20)).min(longest);
        self.failures = self.failures.saturating_add(1);
        let random = (self.random)();
        match asked.map(|asked| asked.min(LONGEST_ASKED)) {
            Some(asked) if asked > wait => asked.mul_f64(1.0 + 0.1 * random),
            _ => wait.mul_f64(0.5 + 0.5 * random),
        }
    }
}

/// From 0 to 1. Without random bytes, all wait as long as they may.
fn random() -> f64 {
    getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn failures_double_the_time_up_to_a_bound() {
        let mut pace = Pace { interval: seconds(30), failures: 0, random: || 1.0 };
        let waits: Vec<u64> = (0..8).map(|_| pace.after_failure(None).as_secs()).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(pace.after_success(), seconds(33));
        assert_eq!(pace.after_failure(None), seconds(30));
        let mut rare = Pace { interval: seconds(86_400), failures: 99, random: || 1.0 };
        assert_eq!(rare.after_failure(None), seconds(86_400));
    }

    #[test]
    fn a_server_is_left_alone_for_as_long_as_it_asks_but_not_for_good() {
        let mut pace = Pace { interval: seconds(30), failures: 0, random: || 0.0 };
        assert_eq!(pace.after_failure(Some(seconds(120))), seconds(120));
        assert_eq!(pace.after_failure(Some(seconds(1))), seconds(30));
        assert_eq!(pace.after_failure(Some(seconds(u64::MAX))), seconds(3600));
    }

    #[test]
    fn no_two_nodes_keep_time() {
        let random = random();
        assert!((0.0..=1.0).contains(&random));
        let pace = |random| Pace { interval: seconds(100), failures: 0, random };
        assert_eq!(pace(|| 0.0).after_success(), seconds(90));
        assert_eq!(pace(|| 0.0).after_failure(None), seconds(50));
    }
}
