//! Scans in C: state in memory that the caller owns.

use std::ffi::c_void;
use std::slice;

use super::boundary::{array, bytes, exclusive, guard, shared, sized};
use super::set::stanch_set;
use super::status::{
    Failure, STANCH_ERROR_ARGUMENT, STANCH_ERROR_NULL, STANCH_ERROR_PANIC, STANCH_ERROR_STATE,
};
use super::types::{STANCH_PART_NONE, STANCH_VIEW_NONE};
use super::types::{stanch_header, stanch_slice, stanch_verdict};
use crate::patch::{Header, Scan, Verdict};

/// Marks memory in which a scan was set up.
const ALIVE: u64 = 0x7374_616e_6368_5363;

/// How many headers or pieces of a body are handed on at a time.
const BATCH: usize = 16;

/// A look at one request. Lives at the start of the memory that the caller gave it; the scan's
/// state follows in the same memory. Not for two threads at the same time.
#[allow(non_camel_case_types)]
pub struct stanch_scan {
    alive: u64,
    finished: bool,
    scan: Scan<'static>,
}

/// Writes to `*out` how many bytes of memory a scan over `set` needs. It depends on the longest
/// token of the set only.
///
/// # Safety
///
/// `set` is a set that was opened and not freed; `out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_size(set: *const stanch_set, out: *mut usize) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (set, out) = unsafe { (shared(set)?, exclusive(out)?) };
        *out = size_of::<stanch_scan>() + set.0.state_len();
        Ok(())
    })
}

/// The alignment, in bytes, of the memory of a scan: a power of two.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_scan_align() -> usize {
    align_of::<stanch_scan>()
}

/// Sets up a scan for one request in `size` bytes at `memory`, whatever they held before. `*out` is
/// then the scan; it needs no freeing, and must not outlive the memory or the set.
///
/// # Safety
///
/// `set` is a set that was opened and not freed; `memory` points to `size` bytes that nothing else
/// uses while the scan is in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_init(
    set: *const stanch_set,
    memory: *mut c_void,
    size: usize,
    out: *mut *mut stanch_scan,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (set, out) = unsafe { (shared::<'static>(set)?, exclusive(out)?) };
        if memory.is_null() {
            return Err(STANCH_ERROR_NULL.into());
        }
        let head = size_of::<stanch_scan>();
        let place = memory.cast::<stanch_scan>();
        let state_len = set.0.state_len();
        if size < head + state_len || !place.is_aligned() {
            return Err(STANCH_ERROR_ARGUMENT.into());
        }
        // SAFETY: the memory has `head + state_len` bytes and is aligned for the scan at its start.
        // The state behind it does not overlap with that, is made valid by writing zeroes first,
        // and nothing else uses it while the scan lives: the caller's promise.
        unsafe {
            let state = memory.cast::<u8>().add(head);
            state.write_bytes(0, state_len);
            let state = slice::from_raw_parts_mut(state, state_len);
            let scan = Scan::new(&set.0, state).map_err(|_| STANCH_ERROR_ARGUMENT)?;
            place.write(stanch_scan { alive: ALIVE, finished: false, scan });
        }
        *out = place;
        Ok(())
    })
}

/// Looks at the request line: the method, and the target as the client sent it.
///
/// # Safety
///
/// `scan` was set up by `stanch_scan_init`; the slices are valid for this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_request(
    scan: *mut stanch_scan,
    method: stanch_slice,
    target: stanch_slice,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        feed(scan, |scan| {
            scan.scan.request(bytes(method)?, bytes(target)?);
            Ok(())
        })
    }
}

/// Looks at `count` headers, or at trailers behind the body. May be called several times.
///
/// # Safety
///
/// `scan` was set up by `stanch_scan_init`; the array and what it points to are valid for this
/// call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_headers(
    scan: *mut stanch_scan,
    headers: *const stanch_header,
    count: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        feed(scan, |scan| {
            for batch in array(headers, count)?.chunks(BATCH) {
                let mut ready = [Header { name: b"", value: b"" }; BATCH];
                for (ready, header) in ready.iter_mut().zip(batch) {
                    *ready = Header { name: bytes(header.name)?, value: bytes(header.value)? };
                }
                scan.scan.headers(&ready[..batch.len()]);
            }
            Ok(())
        })
    }
}

/// Looks at the next `count` pieces of the body. A piece may end anywhere, and the function may be
/// called any number of times.
///
/// # Safety
///
/// `scan` was set up by `stanch_scan_init`; the array and what it points to are valid for this
/// call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_body(
    scan: *mut stanch_scan,
    pieces: *const stanch_slice,
    count: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        feed(scan, |scan| {
            for piece in array(pieces, count)? {
                scan.scan.body(&[bytes(*piece)?]);
            }
            Ok(())
        })
    }
}

/// Writes to `*out` what is known so far. `STANCH_ACTION_BLOCK` is final; anything else may still
/// become stronger.
///
/// # Safety
///
/// `scan` was set up by `stanch_scan_init`; `out` is valid and `out->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_verdict(
    scan: *const stanch_scan,
    out: *mut stanch_verdict,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (scan, out) = unsafe { (shared(scan)?, exclusive(out)?) };
        if scan.alive != ALIVE {
            return Err(STANCH_ERROR_STATE.into());
        }
        write(scan.scan.verdict(), out)
    })
}

/// Looks at what was carried over from the body, wipes it, and writes to `*out` what to do. After
/// that only `stanch_scan_verdict` takes the scan; anything else is `STANCH_ERROR_STATE`.
///
/// # Safety
///
/// `scan` was set up by `stanch_scan_init`; `out` is valid and `out->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_finish(
    scan: *mut stanch_scan,
    out: *mut stanch_verdict,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        feed(scan, |scan| {
            let out = exclusive(out)?;
            sized::<stanch_verdict>(out.size)?;
            scan.finished = true;
            write(&scan.scan.finish(), out)
        })
    }
}

/// Runs `call` on a scan that is set up. A panic in it leaves a scan that says so from then on: a
/// request must not pass because the look at it was cut short.
///
/// # Safety
///
/// `scan` was set up by `stanch_scan_init`, or is NULL.
unsafe fn feed(
    scan: *mut stanch_scan,
    call: impl FnOnce(&mut stanch_scan) -> Result<(), Failure>,
) -> i32 {
    let code = guard(|| {
        // SAFETY: the caller's promise.
        let scan = unsafe { exclusive(scan)? };
        if scan.alive != ALIVE || scan.finished {
            return Err(STANCH_ERROR_STATE.into());
        }
        call(scan)
    });
    if code == STANCH_ERROR_PANIC {
        // SAFETY: the call got as far as using it, and the reference it had is gone.
        unsafe { (*scan).alive = 0 };
    }
    code
}

fn write(verdict: &Verdict, out: &mut stanch_verdict) -> Result<(), Failure> {
    sized::<stanch_verdict>(out.size)?;
    let mut written = stanch_verdict {
        size: out.size,
        action: verdict.action as u32,
        part: STANCH_PART_NONE,
        views: STANCH_VIEW_NONE,
        name_len: 0,
        leak: 0,
        offset: 0,
        name: [0; 64],
    };
    if let Some(hit) = verdict.hit {
        let name = hit.name.as_bytes();
        written.part = hit.part as u32;
        written.views = hit.views.bits();
        written.leak = hit.leak;
        written.offset = hit.offset;
        written.name_len = name.len() as u32;
        written.name[..name.len()].copy_from_slice(name);
    }
    *out = written;
    Ok(())
}
