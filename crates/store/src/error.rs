//! Why the ledger cannot do what was asked.

use std::path::PathBuf;

use stanch::leak::{Denied, LeakId, Refusal};
use thiserror::Error;

/// Why the ledger cannot do what was asked. Holds no token, no password, and nothing of a URL but
/// its kind.
///
/// Whatever the error, nothing of the call has been written; but where the connection broke in the
/// very moment of a commit ([`StoreError::Unreachable`]), all of it may have been.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The address names no ledger.
    #[error("{0}")]
    Address(String),
    /// A file cannot be read or written.
    #[error("{}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Others than its owner can read or write the ledger's file.
    #[error(
        "{}: others than the owner can read or write it (mode {mode:04o}); a ledger has mode 0600",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Others than its owner can read or write a file with private keys.
    #[error(
        "{}: others than the owner can read or write it (mode {mode:04o}); chmod 600 it, and make a new pair if it \
         may have been read",
        path.display()
    )]
    ExposedKey {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is a file or database of something else. It was not touched.
    #[error("{0} is no ledger")]
    NotALedger(String),
    /// The ledger is damaged or cut off. It was not touched.
    #[error("the ledger is damaged: {0}")]
    Corrupted(String),
    /// The ledger was written by a newer version of the program. It was not touched.
    #[error("the ledger has version {found}; this program knows versions up to {known}")]
    Newer {
        /// Its version.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// Somebody else writes, and does not end.
    #[error("somebody else has been writing to the ledger for too long; try again")]
    Busy,
    /// There is no room for what is to be written.
    #[error("the disk is full: nothing was written")]
    Full,
    /// The database's server cannot be reached, or the connection to it broke.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The database refuses, for a reason of its own.
    #[error("the database refuses: {0}")]
    Database(String),
    /// There is no leak with that number, or none that this user may know of.
    #[error("there is no leak {0}")]
    UnknownLeak(LeakId),
    /// The leak has no such token, or nothing is sealed of it.
    #[error("{0}")]
    Unknown(String),
    /// The user may not do that.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The leak does not allow it as things are.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A token was sealed to other keys than that which is to open it.
    #[error("the wrong key: it was sealed to {recipients}")]
    OtherKey {
        /// The public keys that it was sealed to.
        recipients: String,
    },
    /// A token cannot be sealed or unsealed.
    #[error("{0}")]
    Seal(String),
}
