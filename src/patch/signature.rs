//! The signature in a set's header: 32 bytes of public key, 64 of signature, zeroes.
//!
//! It covers the header before it, and with the content hash in that everything else.

use std::ops::Range;

use super::container::FormatError;
use super::trust::TrustError;
use crate::secret::{PublicKey, SIGNATURE_LEN, SigningKey};

/// Where the public key stands; it is signed, too.
const KEY: Range<usize> = 320..352;
/// Where the signature stands.
const SIGNATURE: Range<usize> = 352..416;
/// All of it, and what is left of the header.
pub(super) const ROOM: Range<usize> = 320..448;

/// What is signed begins with this, so that a signature means nothing anywhere else.
const PURPOSE: &[u8] = b"stanch patch set 2\0";

/// Signs the finished file `bytes`.
pub(super) fn sign(bytes: &mut [u8], key: &SigningKey) {
    bytes[ROOM].fill(0);
    bytes[KEY].copy_from_slice(key.public().as_bytes());
    let signature = key.sign(&message(bytes));
    bytes[SIGNATURE].copy_from_slice(&signature);
}

/// Who signed the file `bytes`, which has a whole header and the right content hash; `None` if
/// nobody did.
pub(super) fn signer(bytes: &[u8]) -> Result<Option<PublicKey>, FormatError> {
    if bytes[SIGNATURE.end..ROOM.end].iter().any(|byte| *byte != 0) {
        return Err(FormatError::Malformed("there is something behind the signature"));
    }
    if bytes[ROOM].iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let (mut key, mut signature) = ([0; KEY.end - KEY.start], [0; SIGNATURE_LEN]);
    key.copy_from_slice(&bytes[KEY]);
    signature.copy_from_slice(&bytes[SIGNATURE]);
    let key = PublicKey::from_bytes(key)
        .map_err(|_| FormatError::Malformed("what signed it is no public key"))?;
    match key.verifies(&message(bytes), &signature) {
        true => Ok(Some(key)),
        false => Err(TrustError::Signature { signer: key.id() }.into()),
    }
}

fn message(bytes: &[u8]) -> Vec<u8> {
    [PURPOSE, &bytes[..KEY.end]].concat()
}
