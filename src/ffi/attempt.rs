//! Attempts in C: lines of a log, and how many of them.

use std::ffi::c_char;
use std::time::{SystemTime, UNIX_EPOCH};

use super::boundary::{bytes, exclusive, guard, shared, sized};
use super::status::{Failure, STANCH_ERROR_ARGUMENT, STANCH_ERROR_NULL, STANCH_OK};
use super::types::{
    STANCH_ACTION_BLOCK, STANCH_ACTION_MONITOR, STANCH_ATTEMPT_LINE, STANCH_PART_BODY,
    STANCH_PART_COOKIE, STANCH_PART_HEADER, STANCH_PART_PATH, STANCH_PART_QUERY, stanch_attempt,
    stanch_attempt_cap, stanch_verdict,
};
use crate::attempt::{Attempt, Cap};
use crate::patch::{Action, Hit, Name, Part, Views};

// The cap of C is the one of Rust, whose numbers are atomic.
const _: () = assert!(size_of::<stanch_attempt_cap>() == size_of::<Cap>());
const _: () = assert!(STANCH_ATTEMPT_LINE == Attempt::LINE);

/// Writes an attempt to `buffer` as one line of JSON, without the line's end or a NUL, and its length to
/// `*len`. `size` is at least `STANCH_ATTEMPT_LINE`; a line is always shorter. Does not allocate.
///
/// # Safety
///
/// `attempt` and what it points to are valid for this call, and its `size` and that of its verdict are set;
/// `buffer` points to `size` bytes; `len` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_attempt_line(
    attempt: *const stanch_attempt,
    buffer: *mut c_char,
    size: usize,
    len: *mut usize,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (given, len) = unsafe { (shared(attempt)?, exclusive(len)?) };
        sized::<stanch_attempt>(given.size)?;
        // SAFETY: the caller's promise.
        let verdict = unsafe { shared(given.verdict)? };
        sized::<stanch_verdict>(verdict.size)?;
        if buffer.is_null() {
            return Err(STANCH_ERROR_NULL.into());
        }
        if size < STANCH_ATTEMPT_LINE {
            return Err(STANCH_ERROR_ARGUMENT.into());
        }
        // SAFETY: the caller's promise.
        let attempt = unsafe {
            Attempt {
                time: if given.time > 0 { given.time } else { now() },
                node: bytes(given.node)?,
                client: bytes(given.client)?,
                host: bytes(given.host)?,
                method: bytes(given.method)?,
                path: bytes(given.path)?,
                hit: hit(verdict)?,
                action: action(given.action)?,
                left_out: given.left_out,
            }
        };
        let mut line = [0; Attempt::LINE];
        let line = attempt.write(&mut line);
        // SAFETY: the buffer has room for more than any line, by the caller's promise, and the line is
        // not in it; a `c_char` is a byte.
        unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(line.as_ptr(), line.len()) };
        *len = line.len();
        Ok(())
    })
}

/// Says whether an attempt may be logged now: 1 if so, and `*left_out` is then how many were not since the
/// last one that was, for the line to tell; 0 if not, and the attempt is counted as left out; 0 also for a
/// pointer that is NULL or misaligned. `burst` lines pass at once, and `per_second` in the long run; under a
/// limit of zero none. `now` is in milliseconds, by a clock that all who share the cap have in common, and
/// that does not go back. Threads and processes may call this at the same time; nobody waits.
///
/// # Safety
///
/// `cap` was zeroed once, and nothing but this function writes to it; `left_out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_attempt_cap_take(
    cap: *mut stanch_attempt_cap,
    now: u64,
    per_second: u32,
    burst: u32,
    left_out: *mut u64,
) -> i32 {
    let mut may = 0;
    let code = guard(|| {
        // SAFETY: the caller's promise. A `Cap` is two atomic numbers where C has two plain ones, which
        // nobody reads or writes but through here.
        let (cap, left_out) = unsafe { (shared(cap.cast::<Cap>())?, exclusive(left_out)?) };
        if let Some(count) = cap.take(now, per_second, burst) {
            *left_out = count;
            may = 1;
        }
        Ok(())
    });
    if code == STANCH_OK { may } else { 0 }
}

fn hit(verdict: &stanch_verdict) -> Result<Hit, Failure> {
    let part = match verdict.part {
        STANCH_PART_PATH => Part::Path,
        STANCH_PART_QUERY => Part::Query,
        STANCH_PART_HEADER => Part::Header,
        STANCH_PART_COOKIE => Part::Cookie,
        STANCH_PART_BODY => Part::Body,
        _ => return Err(STANCH_ERROR_ARGUMENT.into()),
    };
    let name = verdict.name.get(..verdict.name_len as usize).ok_or(STANCH_ERROR_ARGUMENT)?;
    Ok(Hit {
        leak: verdict.leak,
        part,
        views: Views::from_bits(verdict.views),
        offset: verdict.offset,
        name: Name::new(name),
    })
}

fn action(number: u32) -> Result<Action, Failure> {
    match number {
        STANCH_ACTION_MONITOR => Ok(Action::Monitor),
        STANCH_ACTION_BLOCK => Ok(Action::Block),
        _ => Err(STANCH_ERROR_ARGUMENT.into()),
    }
}

/// The system's time in milliseconds since 1970-01-01 UTC.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
