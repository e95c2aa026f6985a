//! Which sets are taken, and the public keys that say so.

use super::boundary::{array, bytes, exclusive, guard_with, shared, sized};
use super::set::{file, key_failure, stanch_set};
use super::status::{Failure, STANCH_ERROR_ARGUMENT, STANCH_ERROR_KEY, stanch_error};
use super::types::{stanch_public_key, stanch_slice, stanch_trust};
use crate::patch::Trust;
use crate::secret::PublicKey;

/// Reads the public key in the file `path`, which anybody may read. On failure `*out` is left alone,
/// and `error`, unless it is NULL, says why.
///
/// # Safety
///
/// The slice and the pointers are valid for this call; `error->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_public_key_open(
    path: stanch_slice,
    error: *mut stanch_error,
    out: *mut stanch_public_key,
) -> i32 {
    let open = || {
        // SAFETY: the caller's promise.
        let (out, path) = unsafe { (exclusive(out)?, file(path)?) };
        *out = PublicKey::open(&path).map_err(key_failure)?.into();
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, open) }
}

/// Reads the public key in `text`: the line that its file holds, the word `stanch-public-key-v1`, a
/// space, and 64 hexadecimal digits. On failure `*out` is left alone, and `error`, unless it is NULL,
/// says why.
///
/// # Safety
///
/// The slice and the pointers are valid for this call; `error->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_public_key_parse(
    text: stanch_slice,
    error: *mut stanch_error,
    out: *mut stanch_public_key,
) -> i32 {
    let parse = || {
        // SAFETY: the caller's promise.
        let (out, text) = unsafe { (exclusive(out)?, bytes(text)?) };
        let text = str::from_utf8(text)
            .map_err(|_| Failure::new(STANCH_ERROR_KEY, "not a public key: it is not UTF-8"))?;
        let key: PublicKey = text.parse().map_err(|error| Failure::new(STANCH_ERROR_KEY, error))?;
        *out = key.into();
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, parse) }
}

/// What a caller trusts.
///
/// # Safety
///
/// `trust` and what it points to are valid for this call; its `size` is set.
pub(super) unsafe fn read(trust: *const stanch_trust) -> Result<Trust, Failure> {
    // SAFETY: the caller's promise.
    let given = unsafe { shared(trust)? };
    sized::<stanch_trust>(given.size)?;
    if given.size > size_of::<stanch_trust>() {
        let text = "the trust has conditions that this library does not know";
        return Err(Failure::new(STANCH_ERROR_ARGUMENT, text));
    }
    // SAFETY: the caller's promise.
    let keys = unsafe { array(given.keys, given.key_count)? };
    let keys: Result<Vec<PublicKey>, Failure> = keys
        .iter()
        .map(|key| PublicKey::from_bytes(key.bytes))
        .map(|key| key.map_err(|error| Failure::new(STANCH_ERROR_KEY, error)))
        .collect();
    let mut trust = Trust::signed_by(keys?).not_before(given.serial);
    if !given.replaces.is_null() {
        // SAFETY: the caller's promise.
        let stanch_set(held) = unsafe { shared(given.replaces)? };
        trust = trust.replacing(held);
    }
    Ok(if given.now > 0 { trust.at(given.now) } else { trust })
}

impl From<PublicKey> for stanch_public_key {
    fn from(key: PublicKey) -> stanch_public_key {
        stanch_public_key { bytes: *key.as_bytes() }
    }
}
