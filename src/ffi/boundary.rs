//! Where C calls in: every pointer is checked here, and no panic gets out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use super::status::{
    Failure, STANCH_ERROR_ARGUMENT, STANCH_ERROR_NULL, STANCH_ERROR_PANIC, STANCH_OK, stanch_error,
    text,
};
use super::types::stanch_slice;

/// Runs `call` and turns its outcome, a panic included, into a status code.
pub(super) fn guard(call: impl FnOnce() -> Result<(), Failure>) -> i32 {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => STANCH_OK,
        Ok(Err(failure)) => failure.code,
        Err(_) => STANCH_ERROR_PANIC,
    }
}

/// Like [`guard`], and writes what went wrong to `error` unless that is NULL.
///
/// # Safety
///
/// `error` is NULL or points to a `stanch_error` whose `size` is set.
pub(super) unsafe fn guard_with(
    error: *mut stanch_error,
    call: impl FnOnce() -> Result<(), Failure>,
) -> i32 {
    // SAFETY: the caller's promise.
    let error = match unsafe { optional(error) } {
        Some(error) if error.size < size_of::<stanch_error>() => return STANCH_ERROR_ARGUMENT,
        error => error,
    };
    let failure = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return STANCH_OK,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::from(STANCH_ERROR_PANIC),
    };
    if let Some(error) = error {
        let short = text(failure.code).to_str().unwrap_or_default();
        error.fill(failure.code, if failure.text.is_empty() { short } else { &failure.text });
    }
    failure.code
}

/// What `pointer` points to, or a failure if it is NULL or misaligned.
///
/// # Safety
///
/// `pointer` is NULL or points to a valid `T` that nothing writes to during the call.
pub(super) unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, Failure> {
    if !pointer.is_aligned() {
        return Err(STANCH_ERROR_ARGUMENT.into());
    }
    // SAFETY: aligned, and the caller's promise.
    unsafe { pointer.as_ref() }.ok_or(STANCH_ERROR_NULL.into())
}

/// What `pointer` points to, to be written to, or a failure if it is NULL or misaligned.
///
/// # Safety
///
/// `pointer` is NULL or points to a valid `T` that nothing else uses during the call.
pub(super) unsafe fn exclusive<'a, T>(pointer: *mut T) -> Result<&'a mut T, Failure> {
    if !pointer.is_aligned() {
        return Err(STANCH_ERROR_ARGUMENT.into());
    }
    // SAFETY: aligned, and the caller's promise.
    unsafe { pointer.as_mut() }.ok_or(STANCH_ERROR_NULL.into())
}

/// The bytes of `slice`; it may be empty with a NULL pointer.
///
/// # Safety
///
/// `slice.data` points to `slice.len` bytes that nothing writes to during the call.
pub(super) unsafe fn bytes<'a>(slice: stanch_slice) -> Result<&'a [u8], Failure> {
    // SAFETY: the caller's promise.
    unsafe { array(slice.data, slice.len) }
}

/// The `count` items at `data`, which may be NULL if there are none.
///
/// # Safety
///
/// `data` points to `count` valid items that nothing writes to during the call.
pub(super) unsafe fn array<'a, T>(data: *const T, count: usize) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(STANCH_ERROR_NULL.into());
    }
    let fits =
        count.checked_mul(size_of::<T>()).is_some_and(|bytes| isize::try_from(bytes).is_ok());
    if !fits || !data.is_aligned() {
        return Err(STANCH_ERROR_ARGUMENT.into());
    }
    // SAFETY: not NULL, aligned, no longer than a slice may be, and the caller's promise.
    Ok(unsafe { slice::from_raw_parts(data, count) })
}

/// A failure unless `size`, which a caller wrote into a struct, is at least that of `T`.
pub(super) fn sized<T>(size: usize) -> Result<(), Failure> {
    if size < size_of::<T>() { Err(STANCH_ERROR_ARGUMENT.into()) } else { Ok(()) }
}

/// # Safety
///
/// `pointer` is NULL or points to a valid `T` that nothing else uses during the call.
unsafe fn optional<'a, T>(pointer: *mut T) -> Option<&'a mut T> {
    // SAFETY: aligned, and the caller's promise.
    if pointer.is_aligned() { unsafe { pointer.as_mut() } } else { None }
}
