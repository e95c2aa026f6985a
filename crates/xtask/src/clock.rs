//! Waiting for a time to come: sets that have expired cannot be compiled, only waited for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time that is not here yet when a set was compiled, and soon after that: in seconds since
/// 1970-01-01 UTC.
pub fn soon() -> u64 {
    now() + 3
}

/// Returns when this time has come.
pub fn wait_for(time: u64) {
    while now() < time {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}
