//! Inflaters in C: what undoes the content encoding of a body.

use super::boundary::{exclusive, guard, guard_with, shared, sized};
use super::status::stanch_error;
use super::types::stanch_inflate_limits;
use crate::patch::{InflateLimits, Inflater};

/// Undoes the content encodings gzip and deflate, for one scan after the other. Takes some tens of
/// KiB. Not for two scans at the same time.
#[allow(non_camel_case_types)]
pub struct stanch_inflater(pub(super) Inflater);

/// Makes an inflater with `limits`, or with the usual ones if that is NULL. On success `*out` is to be
/// freed with `stanch_inflater_free`; on failure it is left alone.
///
/// # Safety
///
/// `limits` is NULL or valid with its `size` set, and so is `error`; `out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_inflater_new(
    limits: *const stanch_inflate_limits,
    error: *mut stanch_error,
    out: *mut *mut stanch_inflater,
) -> i32 {
    let make = || {
        // SAFETY: the caller's promise.
        let out = unsafe { exclusive(out)? };
        let mut usual = InflateLimits::default();
        if !limits.is_null() {
            // SAFETY: the caller's promise.
            let limits = unsafe { shared(limits)? };
            sized::<stanch_inflate_limits>(limits.size)?;
            for (to, from) in [(&mut usual.total, limits.total), (&mut usual.ratio, limits.ratio)] {
                *to = if from == 0 { *to } else { from };
            }
        }
        *out = Box::into_raw(Box::new(stanch_inflater(Inflater::with_limits(usual))));
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, make) }
}

/// Frees an inflater, which no scan may use any more, and wipes what it holds of a body. NULL is
/// fine.
///
/// # Safety
///
/// `inflater` is NULL or was made and not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_inflater_free(inflater: *mut stanch_inflater) {
    guard(|| {
        if !inflater.is_null() {
            // SAFETY: it came from `Box::into_raw` in `stanch_inflater_new`, and the caller
            // promises not to use it again.
            drop(unsafe { Box::from_raw(inflater) });
        }
        Ok(())
    });
}
