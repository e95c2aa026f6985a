//! Detection in C.

use std::ffi::c_void;
use std::ops::ControlFlow;

use super::boundary::{bytes, exclusive, guard, guard_with, shared};
use super::status::{STANCH_ERROR_NULL, STANCH_ERROR_STOPPED, stanch_error};
use super::types::{
    STANCH_CONFIDENCE_HIGH, STANCH_CONFIDENCE_LOW, STANCH_CONFIDENCE_MEDIUM, stanch_finding,
    stanch_slice,
};
use crate::detect::{Confidence, Detector};

/// A detector of tokens: immutable, may be shared by threads.
#[allow(non_camel_case_types)]
pub struct stanch_detector(Detector);

/// Gets each finding; the finding is valid until it returns. Zero goes on, anything else stops.
#[allow(non_camel_case_types)]
pub type stanch_finding_fn =
    Option<unsafe extern "C" fn(context: *mut c_void, finding: *const stanch_finding) -> i32>;

/// Makes a detector with the built-in rules. On success `*out` is to be freed with
/// `stanch_detector_free`.
///
/// # Safety
///
/// `error` is NULL or valid with its `size` set; `out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_detector_new(
    error: *mut stanch_error,
    out: *mut *mut stanch_detector,
) -> i32 {
    let make = || {
        // SAFETY: the caller's promise.
        let out = unsafe { exclusive(out)? };
        *out = Box::into_raw(Box::new(stanch_detector(Detector::new())));
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, make) }
}

/// Looks for tokens in `text` and calls `callback` with `context` for each, in the order of their
/// places. Returns `STANCH_ERROR_STOPPED` if the callback stopped it. The callback must return: it
/// must not jump or throw out of the call.
///
/// # Safety
///
/// `detector` was made and not freed; `text` is valid for this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_detector_scan(
    detector: *const stanch_detector,
    text: stanch_slice,
    callback: stanch_finding_fn,
    context: *mut c_void,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (detector, text) = unsafe { (shared(detector)?, bytes(text)?) };
        let callback = callback.ok_or(STANCH_ERROR_NULL)?;
        let mut flow = ControlFlow::Continue(());
        detector.0.each(text, |finding| {
            let rule = finding.rule().id().as_bytes();
            let range = finding.range();
            let finding = stanch_finding {
                size: size_of::<stanch_finding>(),
                rule: stanch_slice { data: rule.as_ptr(), len: rule.len() },
                start: range.start,
                end: range.end,
                line: finding.line(),
                column: finding.column(),
                confidence: match finding.confidence() {
                    Confidence::Low => STANCH_CONFIDENCE_LOW,
                    Confidence::Medium => STANCH_CONFIDENCE_MEDIUM,
                    Confidence::High => STANCH_CONFIDENCE_HIGH,
                },
                reserved: 0,
            };
            // SAFETY: the caller gave the function for this, and the finding outlives the call.
            if unsafe { callback(context, &finding) } != 0 {
                flow = ControlFlow::Break(());
            }
            flow
        });
        if flow.is_break() { Err(STANCH_ERROR_STOPPED.into()) } else { Ok(()) }
    })
}

/// Frees a detector. NULL is fine.
///
/// # Safety
///
/// `detector` is NULL or was made and not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_detector_free(detector: *mut stanch_detector) {
    guard(|| {
        if !detector.is_null() {
            // SAFETY: it came from `Box::into_raw` in `stanch_detector_new`, and the caller
            // promises not to use it again.
            drop(unsafe { Box::from_raw(detector) });
        }
        Ok(())
    });
}
