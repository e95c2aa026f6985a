//! What a token becomes once it was seen.
//!
//! A token enters as a [`Secret`], which is zeroed when it is dropped and never shows itself. With
//! the installation's [`ImprintKey`] it is turned into an [`Imprint`]: keyed hashes that recognise
//! the token again and compile into patch sets, but do not contain it. Imprints are all that is
//! ever stored.
//!
//! `docs/threat-model.md` says what whoever steals imprints, a key, or both, learns.

mod alphabet;
mod guess;
mod hash;
mod imprint;
mod imprint_bytes;
#[cfg(feature = "serde")]
mod imprint_serde;
mod key;
mod key_file;
mod preview;
mod rounds;
mod signing;
mod token;

pub(crate) use alphabet::Alphabet;
pub(crate) use hash::{DigestHasher, GramHasher};
pub use imprint::{Digest, Imprint, ImprintError, MAX_TOKEN, MIN_TOKEN};
pub(crate) use imprint::{GRAM_SIZES, Gram, WINDOW_GRAMS};
pub use imprint_bytes::ImprintBytesError;
pub use key::{ImprintKey, KeyId};
pub use key_file::KeyError;
pub use preview::Preview;
pub(crate) use rounds::Engine;
pub(crate) use signing::SIGNATURE_LEN;
pub use signing::{PublicKey, PublicKeyError, SigningKey};
pub use token::Secret;
