//! Scans in C: state in memory that the caller owns.

use std::ffi::c_void;
use std::net::IpAddr;
use std::slice;

use super::boundary::{array, bytes, exclusive, guard, shared, sized};
use super::inflater::stanch_inflater;
use super::set::stanch_set;
use super::status::{
    Failure, STANCH_ERROR_ARGUMENT, STANCH_ERROR_NULL, STANCH_ERROR_PANIC, STANCH_ERROR_STATE,
};
use super::types::{STANCH_PART_NONE, STANCH_VIEW_NONE};
use super::types::{stanch_context, stanch_header, stanch_slice, stanch_verdict};
use crate::patch::{Context, Header, Scan, Verdict};

/// Marks memory in which a scan was set up.
const ALIVE: u64 = 0x7374_616e_6368_5363;

/// How many headers or pieces of a body are handed on at a time.
const BATCH: usize = 16;

/// A look at one request. Lives at the start of the memory that the caller gave it; the scan's
/// state follows in the same memory. Not for two threads at the same time.
#[allow(non_camel_case_types)]
pub struct stanch_scan {
    alive: u64,
    fed: Fed,
    finished: bool,
    scan: Scan<'static>,
}

/// What a scan was fed so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fed {
    Nothing,
    Head,
    Body,
}

/// Writes to `*out` how many bytes of memory a scan over `set` needs: some tens of KiB for ordinary
/// tokens, some hundreds for tokens of 4 KiB. It depends on the longest token of the set and on whether
/// it has scopes. A scan touches, and wipes, only what the request at hand makes it use.
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

/// Sets up a scan for one request in `size` bytes at `memory`, whatever they held before; it is not
/// cleared. `*out` is then the scan; it needs no freeing, and must not outlive the memory or the set.
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
        // The state behind it does not overlap with that, and nothing else uses it while the scan
        // lives: the caller's promise. Its bytes come from outside, so they may be any, and none is
        // read before it was written to: a scan's promise, which valgrind watches in the C tests.
        unsafe {
            let state = memory.cast::<u8>().add(head);
            let state = slice::from_raw_parts_mut(state, state_len);
            let scan = Scan::new(&set.0, state).map_err(|_| STANCH_ERROR_ARGUMENT)?;
            place.write(stanch_scan { alive: ALIVE, fed: Fed::Nothing, finished: false, scan });
        }
        *out = place;
        Ok(())
    })
}

/// Takes note of what the host knows of the request. Before anything is fed: after that it is
/// `STANCH_ERROR_STATE`.
///
/// # Safety
///
/// `scan` was set up by `stanch_scan_init`; `context` and what it points to are valid for this call,
/// and `context->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_context(
    scan: *mut stanch_scan,
    context: *const stanch_context,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        feed(scan, |scan| {
            let given = shared(context)?;
            sized::<stanch_context>(given.size)?;
            let (host, method) = (told(given.host)?, told(given.method)?);
            let (path, client) = (told(given.path)?, client(given)?);
            if scan.fed > Fed::Nothing {
                return Err(STANCH_ERROR_STATE.into());
            }
            let now = Some(given.now).filter(|now| *now > 0);
            scan.scan.context(&Context { host, method, path, client, now });
            Ok(())
        })
    }
}

/// Lets the scan undo the body's content encoding, if it is gzip or deflate, with `inflater`. Before
/// the first byte of the body: after that it is `STANCH_ERROR_STATE`. Until `stanch_scan_finish` the
/// inflater must not be freed, nor given to another scan. Without one, the verdict of a body with a
/// content encoding says `STANCH_BODY_UNSUPPORTED`. The body is looked at as it was sent in any case.
///
/// # Safety
///
/// `scan` was set up by `stanch_scan_init`; `inflater` was made and not freed, and no other scan that is
/// in use has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_scan_inflate(
    scan: *mut stanch_scan,
    inflater: *mut stanch_inflater,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        feed(scan, |scan| {
            let inflater = exclusive::<'static>(inflater)?;
            if scan.fed == Fed::Body {
                return Err(STANCH_ERROR_STATE.into());
            }
            scan.scan.inflate_with(&mut inflater.0);
            Ok(())
        })
    }
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
            let (method, target) = (bytes(method)?, bytes(target)?);
            scan.fed = scan.fed.max(Fed::Head);
            scan.scan.request(method, target);
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
                scan.fed = scan.fed.max(Fed::Head);
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
                let piece = bytes(*piece)?;
                scan.fed = Fed::Body;
                scan.scan.body(&[piece]);
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

/// The bytes of `slice`, unless it has no pointer: then something is not told.
///
/// # Safety
///
/// As for [`bytes`].
unsafe fn told<'a>(slice: stanch_slice) -> Result<Option<&'a [u8]>, Failure> {
    // SAFETY: the caller's promise.
    let text = unsafe { bytes(slice)? };
    Ok(Some(text).filter(|_| !slice.data.is_null()))
}

fn client(context: &stanch_context) -> Result<Option<IpAddr>, Failure> {
    let [a, b, c, d, ..] = context.client;
    match context.client_len {
        0 => Ok(None),
        4 => Ok(Some(IpAddr::from([a, b, c, d]))),
        16 => Ok(Some(IpAddr::from(context.client))),
        _ => Err(STANCH_ERROR_ARGUMENT.into()),
    }
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
        body: verdict.body as u32,
        reserved: 0,
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
