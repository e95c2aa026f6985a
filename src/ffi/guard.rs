//! Guards in C: sets that are exchanged when their file is.

use std::mem::offset_of;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::boundary::{exclusive, guard, guard_with, shared, sized};
use super::set::{file, key_failure, open_code, open_failure, stanch_set};
use super::status::{STANCH_OK, stanch_error};
use super::trust;
use super::types::{
    STANCH_NEWS_NONE, STANCH_NEWS_REFUSED, STANCH_NEWS_SWAPPED, stanch_guard_info, stanch_slice,
    stanch_trust,
};
use crate::patch::{Guard, News, PatchSet};
use crate::secret::ImprintKey;

/// Holds a patch set, and takes the next one when another file is put in the place of its own. May be
/// shared by threads, and by processes that were forked after it was opened.
#[allow(non_camel_case_types)]
pub struct stanch_guard(Guard);

// The sets that a guard hands out are a `stanch_set` for C: the same memory under another name.
const _: () = assert!(offset_of!(stanch_set, 0) == 0);
const _: () = assert!(size_of::<stanch_set>() == size_of::<PatchSet>());
const _: () = assert!(align_of::<stanch_set>() == align_of::<PatchSet>());

/// Opens a guard over the set in the file `path`, with the key in the file `key_path`, if `trust` takes
/// the set. The key is read here, once, and kept; `trust` decides about each set that comes, and nothing
/// else is kept of it. On success `*out` is to be freed with `stanch_guard_free`; on failure it is left
/// alone, and `error`, unless it is NULL, says which file is at fault and why.
///
/// # Safety
///
/// The slices and pointers are valid for this call, and so is what `trust` points to; `error->size` and
/// `trust->size` are set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_guard_open(
    path: stanch_slice,
    key_path: stanch_slice,
    trust: *const stanch_trust,
    error: *mut stanch_error,
    out: *mut *mut stanch_guard,
) -> i32 {
    let open = || {
        // SAFETY: the caller's promise.
        let (out, path, key_path) = unsafe { (exclusive(out)?, file(path)?, file(key_path)?) };
        // SAFETY: the caller's promise.
        let trust = unsafe { trust::read(trust)? };
        let key = ImprintKey::open(&key_path).map_err(key_failure)?;
        let guard = Guard::open(&path, key, trust).map_err(open_failure)?;
        *out = Box::into_raw(Box::new(stanch_guard(guard)));
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, open) }
}

/// Lets the guard look at its file when the last look is this long ago, instead of a second; with zero,
/// each time that a set is acquired. The next look is then due at once.
///
/// # Safety
///
/// `handle` was opened and not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_guard_set_interval(
    handle: *const stanch_guard,
    milliseconds: u64,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        unsafe { shared(handle)? }.0.set_interval(Duration::from_millis(milliseconds));
        Ok(())
    })
}

/// Looks at the guard's file if that is due and no other thread does, takes the set in it if it is a
/// new one, and writes to `*out` the set to scan with. It stays as it is until it is given to
/// `stanch_guard_release`, whatever the guard does meanwhile, and must not be freed otherwise. `*news`,
/// unless `news` is NULL, is then a `STANCH_NEWS_` number: whether this call, and no other, exchanged the
/// set or refused a file. Neither waits for other threads; unless a look is due, it makes no system call
/// but for the clock, and does not allocate.
///
/// # Safety
///
/// `handle` was opened and not freed; `news` is NULL or valid; `out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_guard_acquire(
    handle: *const stanch_guard,
    news: *mut u32,
    out: *mut *const stanch_set,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (handle, out) = unsafe { (shared(handle)?, exclusive(out)?) };
        let mut none = STANCH_NEWS_NONE;
        // SAFETY: the caller's promise.
        let news = if news.is_null() { &mut none } else { unsafe { exclusive(news)? } };
        *news = match handle.0.check() {
            None => STANCH_NEWS_NONE,
            Some(News::Swapped) => STANCH_NEWS_SWAPPED,
            Some(News::Refused) => STANCH_NEWS_REFUSED,
        };
        *out = Arc::into_raw(handle.0.held()).cast();
        Ok(())
    })
}

/// Gives back a set that was acquired, once for each time that it was. No scan may use it any more; it is
/// freed if it was replaced and nobody else has it. May be called after the guard was freed. NULL is fine.
///
/// # Safety
///
/// `set` is NULL or came from `stanch_guard_acquire` and was not given back since.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_guard_release(set: *const stanch_set) {
    guard(|| {
        if !set.is_null() {
            // SAFETY: it came from `Arc::into_raw` in `stanch_guard_acquire`, and the caller promises
            // not to use it again.
            drop(unsafe { Arc::from_raw(set.cast::<PatchSet>()) });
        }
        Ok(())
    });
}

/// Writes to `*out` what the guard did so far. Does not look at the file.
///
/// # Safety
///
/// `handle` was opened and not freed; `out` is valid and `out->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_guard_describe(
    handle: *const stanch_guard,
    out: *mut stanch_guard_info,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (handle, out) = unsafe { (shared(handle)?, exclusive(out)?) };
        sized::<stanch_guard_info>(out.size)?;
        let info = handle.0.info();
        *out = stanch_guard_info {
            size: out.size,
            swaps: info.swaps,
            refusals: info.refusals,
            serial: info.serial,
            checked: seconds(info.checked),
            taken: seconds(info.taken),
            refused: info.refusal.map_or(0, |refusal| seconds(refusal.at)),
            is_refusing: info.is_refusing.into(),
            reserved: 0,
        };
        Ok(())
    })
}

/// Writes to `*out` why a file was refused the last time that one was: the status that opening it would
/// have had, and the reason; `STANCH_OK` if none ever was.
///
/// # Safety
///
/// `handle` was opened and not freed; `out` is valid and `out->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_guard_refusal(
    handle: *const stanch_guard,
    out: *mut stanch_error,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (handle, out) = unsafe { (shared(handle)?, exclusive(out)?) };
        sized::<stanch_error>(out.size)?;
        match handle.0.refusal() {
            Some(refusal) => out.fill(open_code(&refusal.error), &refusal.error.to_string()),
            None => out.fill(STANCH_OK, ""),
        }
        Ok(())
    })
}

/// Frees a guard, and its set as soon as nobody has it any more. NULL is fine.
///
/// # Safety
///
/// `handle` is NULL or was opened and not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_guard_free(handle: *mut stanch_guard) {
    guard(|| {
        if !handle.is_null() {
            // SAFETY: it came from `Box::into_raw` in `stanch_guard_open`, and the caller promises not
            // to use it again.
            drop(unsafe { Box::from_raw(handle) });
        }
        Ok(())
    });
}

/// Seconds since 1970-01-01 UTC; 0 for what lies before that.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
