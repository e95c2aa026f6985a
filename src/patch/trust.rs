//! Which sets a node takes.

use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

use super::container::{FormatError, Layout};
use super::set::{PatchSet, SetInfo};
use crate::secret::{KeyId, PublicKey};

/// Which sets a node takes: signed by whom, and not older than which.
///
/// The default takes any sound set that has not expired, signed or not. A node that is given a
/// public key should also say what it has ([`replacing`](Trust::replacing)): without that, whoever can
/// put files in its way can give it an old set, which a signature does not forbid.
///
/// ```
/// use stanch::patch::{FormatError, Patch, PatchSet, PatchSetBuilder, Trust, TrustError};
/// use stanch::secret::{ImprintKey, Secret, SigningKey};
///
/// let (key, signing) = (ImprintKey::generate()?, SigningKey::generate()?);
/// let token = Secret::new("github-pat", *b"ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi");
/// let mut builder = PatchSetBuilder::new(&key).serial(3);
/// builder.add(&key.imprint(&token)?, Patch::block(7))?;
/// let unsigned = builder.build()?;
///
/// let trust = Trust::signed_by([signing.public()]).not_before(2);
/// let refused = PatchSet::from_bytes_trusted(unsigned.as_bytes(), &key, &trust);
/// assert_eq!(refused.unwrap_err(), FormatError::Refused(TrustError::Unsigned));
/// let signed = unsigned.sign(&signing)?;
/// let set = PatchSet::from_bytes_trusted(signed.as_bytes(), &key, &trust)?;
/// assert_eq!(set.info().signer, Some(signing.public()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Empty if a set need not be signed.
    keys: Vec<PublicKey>,
    /// The lowest serial number.
    serial: u64,
    /// Serial number and content hash of the set that is in use.
    held: Option<(u64, [u8; 32])>,
    /// The time, if it is not the system's.
    now: Option<u64>,
}

/// Why a sound set is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// It has no signature, and must have one.
    #[error("not signed, and only signed sets are taken here")]
    Unsigned,
    /// Its signature is not that of the key that it names: the file was changed, or made up.
    #[error("the signature is not one of key {signer}, which the set names as its signer")]
    Signature {
        /// The public key that the set names.
        signer: KeyId,
    },
    /// It was signed, by somebody else.
    #[error("signed with key {signer}, which is not trusted here")]
    Signer {
        /// The public key whose signature it has.
        signer: KeyId,
    },
    /// Its time is over.
    #[error("expired at {expires}, now is {now} (seconds since 1970)")]
    Expired {
        /// When, in seconds since 1970-01-01 UTC.
        expires: u64,
        /// What time it is, likewise.
        now: u64,
    },
    /// It is older than the set that is in use, or than what was asked for.
    #[error("serial {serial} is older than {lowest}, the lowest that is taken")]
    Older {
        /// Its serial number.
        serial: u64,
        /// The lowest that would be taken.
        lowest: u64,
    },
    /// It has the number of the set that is in use, and is another set.
    #[error(
        "serial {serial} is that of the set in use, but the content differs; give the newer one a higher number"
    )]
    SameSerial {
        /// The serial number of both.
        serial: u64,
    },
}

impl Trust {
    /// Any sound set that has not expired.
    pub fn new() -> Trust {
        Trust::default()
    }

    /// Only sets that one of `keys` signed: several while one key takes the place of another. No
    /// keys at all ask for no signature.
    pub fn signed_by(keys: impl IntoIterator<Item = PublicKey>) -> Trust {
        Trust { keys: keys.into_iter().collect(), ..Trust::default() }
    }

    /// Only sets with this serial number or a higher one, say the last that a node remembers.
    #[must_use]
    pub fn not_before(mut self, serial: u64) -> Trust {
        self.serial = self.serial.max(serial);
        self
    }

    /// Only `held`, which is in use, or sets with a higher serial number. Two different sets of one
    /// number are somebody's mistake, or somebody's game.
    #[must_use]
    pub fn replacing(mut self, held: &PatchSet) -> Trust {
        let layout = held.layout();
        self.held = Some((layout.serial, layout.hash));
        self.not_before(layout.serial)
    }

    /// As [`replacing`](Trust::replacing), for a set of which only this much is known: who passes sets on
    /// has no key to open them with.
    #[must_use]
    pub fn following(mut self, held: &SetInfo) -> Trust {
        self.held = Some((held.serial, held.content));
        self.not_before(held.serial)
    }

    /// Takes this for the time, in seconds since 1970-01-01 UTC, instead of asking the system.
    #[must_use]
    pub fn at(mut self, now: u64) -> Trust {
        self.now = Some(now);
        self
    }

    /// Whether the set with this header, whose signature is right if it has one, is taken.
    pub(super) fn check(&self, layout: &Layout) -> Result<(), FormatError> {
        if !self.keys.is_empty() {
            let signer = layout.signer.ok_or(TrustError::Unsigned)?;
            if !self.keys.contains(&signer) {
                return Err(TrustError::Signer { signer: signer.id() }.into());
            }
        }
        if let Some(expires) = layout.expires {
            let now = self.now.unwrap_or_else(now);
            if now >= expires {
                return Err(TrustError::Expired { expires, now }.into());
            }
        }
        let serial = layout.serial;
        if serial < self.serial {
            return Err(TrustError::Older { serial, lowest: self.serial }.into());
        }
        match self.held {
            Some((held, hash)) if held == serial && hash != layout.hash => {
                Err(TrustError::SameSerial { serial }.into())
            }
            _ => Ok(()),
        }
    }
}

/// The system's time in seconds since 1970-01-01 UTC; 0 if its clock stands before that.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}
