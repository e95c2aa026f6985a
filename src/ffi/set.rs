//! Patch sets in C.

#[cfg(unix)]
use std::ffi::OsStr;
use std::path::PathBuf;

use super::boundary::{bytes, exclusive, guard, guard_with, shared, sized};
use super::status::{
    Failure, STANCH_ERROR_ARGUMENT, STANCH_ERROR_EXPIRED, STANCH_ERROR_FORMAT, STANCH_ERROR_IO,
    STANCH_ERROR_KEY, STANCH_ERROR_ROLLBACK, STANCH_ERROR_SIGNATURE, STANCH_ERROR_SIGNER,
    STANCH_ERROR_UNSIGNED, STANCH_ERROR_VERSION, STANCH_ERROR_WRONG_KEY, stanch_error,
};
use super::trust;
use super::types::{stanch_set_info, stanch_slice, stanch_trust};
use crate::patch::{FormatError, OpenError, PatchSet, Trust, TrustError};
use crate::secret::{ImprintKey, KeyError};

/// A compiled patch set: immutable, holds no plaintext, may be shared by threads and by processes
/// that were forked after it was opened.
#[allow(non_camel_case_types)]
pub struct stanch_set(pub(super) PatchSet);

/// Opens the set in the file `path` with the key in the file `key_path`, signed or not, if it has not
/// expired. On success `*out` is to be freed with `stanch_set_free`; on failure it is left alone, and
/// `error`, unless it is NULL, says which file is at fault and why.
///
/// # Safety
///
/// The slices and pointers are valid for this call; `error->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_set_open(
    path: stanch_slice,
    key_path: stanch_slice,
    error: *mut stanch_error,
    out: *mut *mut stanch_set,
) -> i32 {
    let open = || {
        // SAFETY: the caller's promise.
        unsafe { open_file(path, key_path, &Trust::new(), out) }
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, open) }
}

/// As `stanch_set_open`, if `trust` takes the set. Nothing is kept of `trust`.
///
/// # Safety
///
/// The slices and pointers are valid for this call, and so is what `trust` points to; `error->size` and
/// `trust->size` are set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_set_open_trusted(
    path: stanch_slice,
    key_path: stanch_slice,
    trust: *const stanch_trust,
    error: *mut stanch_error,
    out: *mut *mut stanch_set,
) -> i32 {
    let open = || {
        // SAFETY: the caller's promise.
        unsafe { open_file(path, key_path, &trust::read(trust)?, out) }
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, open) }
}

/// Opens the set in `content`, the bytes of a patch set file, with the 32 bytes of `key`, signed or
/// not, if it has not expired. Nothing is kept of either.
///
/// # Safety
///
/// The slices and pointers are valid for this call; `error->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_set_from_memory(
    content: stanch_slice,
    key: stanch_slice,
    error: *mut stanch_error,
    out: *mut *mut stanch_set,
) -> i32 {
    let open = || {
        // SAFETY: the caller's promise.
        unsafe { open_memory(content, key, &Trust::new(), out) }
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, open) }
}

/// As `stanch_set_from_memory`, if `trust` takes the set. Nothing is kept of `trust`.
///
/// # Safety
///
/// The slices and pointers are valid for this call, and so is what `trust` points to; `error->size` and
/// `trust->size` are set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_set_from_memory_trusted(
    content: stanch_slice,
    key: stanch_slice,
    trust: *const stanch_trust,
    error: *mut stanch_error,
    out: *mut *mut stanch_set,
) -> i32 {
    let open = || {
        // SAFETY: the caller's promise.
        unsafe { open_memory(content, key, &trust::read(trust)?, out) }
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, open) }
}

/// Writes to `*out` what the set says of itself.
///
/// # Safety
///
/// `set` is a set that was opened and not freed; `out` is valid and `out->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_set_describe(
    set: *const stanch_set,
    out: *mut stanch_set_info,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (set, out) = unsafe { (shared(set)?, exclusive(out)?) };
        sized::<stanch_set_info>(out.size)?;
        let info = set.0.info();
        *out = stanch_set_info {
            size: out.size,
            tokens: info.tokens,
            serial: info.serial,
            created: info.created,
            bytes: info.bytes,
            longest_token: info.longest_token as u32,
            format_version: info.format_version,
            key_id: info.key.0,
            leaks: info.leaks,
            expires: info.expires.unwrap_or(0),
            recovery_bits: info.recovery_bits,
            is_signed: info.signer.is_some().into(),
            signer_id: info.signer.map_or([0; 8], |signer| signer.id().0),
        };
        Ok(())
    })
}

/// Frees a set. Scans over it must not be used any more. NULL is fine.
///
/// # Safety
///
/// `set` is NULL or a set that was opened and not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_set_free(set: *mut stanch_set) {
    guard(|| {
        if !set.is_null() {
            // SAFETY: it came from `Box::into_raw` in one of the functions above, and the caller
            // promises not to use it again.
            drop(unsafe { Box::from_raw(set) });
        }
        Ok(())
    });
}

/// # Safety
///
/// The slices and `out` are valid for this call.
unsafe fn open_file(
    path: stanch_slice,
    key_path: stanch_slice,
    trust: &Trust,
    out: *mut *mut stanch_set,
) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    let (out, path, key_path) = unsafe { (exclusive(out)?, file(path)?, file(key_path)?) };
    let key = ImprintKey::open(&key_path).map_err(key_failure)?;
    let set = PatchSet::open_trusted(&path, &key, trust).map_err(open_failure)?;
    *out = Box::into_raw(Box::new(stanch_set(set)));
    Ok(())
}

/// # Safety
///
/// The slices and `out` are valid for this call.
unsafe fn open_memory(
    content: stanch_slice,
    key: stanch_slice,
    trust: &Trust,
    out: *mut *mut stanch_set,
) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    let (out, content, key) = unsafe { (exclusive(out)?, bytes(content)?, bytes(key)?) };
    let key: &[u8; ImprintKey::LEN] = key
        .try_into()
        .map_err(|_| Failure::new(STANCH_ERROR_ARGUMENT, "the key is not 32 bytes long"))?;
    let set = PatchSet::from_bytes_trusted(content, &ImprintKey::from_bytes(*key), trust)
        .map_err(|error| Failure::new(format_code(&error), format!("patch set: {error}")))?;
    *out = Box::into_raw(Box::new(stanch_set(set)));
    Ok(())
}

/// # Safety
///
/// `path` is valid for this call.
pub(super) unsafe fn file(path: stanch_slice) -> Result<PathBuf, Failure> {
    // SAFETY: the caller's promise.
    let path = unsafe { bytes(path)? };
    if path.is_empty() || path.contains(&0) {
        return Err(Failure::new(STANCH_ERROR_ARGUMENT, "a path is empty or holds a NUL byte"));
    }
    #[cfg(unix)]
    let path: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(path);
    #[cfg(not(unix))]
    let path = std::str::from_utf8(path)
        .map_err(|_| Failure::new(STANCH_ERROR_ARGUMENT, "a path is not UTF-8"))?;
    Ok(PathBuf::from(path))
}

pub(super) fn key_failure(error: KeyError) -> Failure {
    let code = match error {
        KeyError::Io { .. } => STANCH_ERROR_IO,
        _ => STANCH_ERROR_KEY,
    };
    Failure::new(code, error)
}

pub(super) fn open_failure(error: OpenError) -> Failure {
    Failure::new(open_code(&error), error)
}

pub(super) fn open_code(error: &OpenError) -> i32 {
    match error {
        OpenError::Io { .. } => STANCH_ERROR_IO,
        OpenError::Format { error, .. } => format_code(error),
    }
}

fn format_code(error: &FormatError) -> i32 {
    match error {
        FormatError::Version(_) => STANCH_ERROR_VERSION,
        FormatError::WrongKey { .. } => STANCH_ERROR_WRONG_KEY,
        FormatError::Refused(error) => match error {
            TrustError::Unsigned => STANCH_ERROR_UNSIGNED,
            TrustError::Signature { .. } => STANCH_ERROR_SIGNATURE,
            TrustError::Signer { .. } => STANCH_ERROR_SIGNER,
            TrustError::Expired { .. } => STANCH_ERROR_EXPIRED,
            TrustError::Older { .. } | TrustError::SameSerial { .. } => STANCH_ERROR_ROLLBACK,
        },
        _ => STANCH_ERROR_FORMAT,
    }
}
