//! Why something could not be read, or not to its end.

use thiserror::Error;

/// Why a container, or a document inside, was not read, or not to its end. Holds none of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// Everything inside together is longer than [`Limits::total`](crate::Limits::total) allows.
    #[error("unpacks to more than {0} MiB, the most that is looked at; the rest is not")]
    Total(u64),
    /// More documents than [`Limits::entries`](crate::Limits::entries).
    #[error("holds more than {0} files, the most that are looked at; the rest is not")]
    Entries(u64),
    /// Grows faster than [`Limits::ratio`](crate::Limits::ratio).
    #[error("unpacks to more than {0} times its length, as a bomb does; the rest is not looked at")]
    Ratio(u64),
    /// Nested deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("nested more than {0} deep; not opened")]
    Depth(usize),
    /// Longer than [`Limits::held`](crate::Limits::held), and not readable as a stream.
    #[error("longer than {0} MiB, the most that is opened inside of another file; not opened")]
    Held(u64),
    /// Encrypted files in an archive.
    #[error("{0} encrypted; not looked at")]
    Encrypted(String),
    /// Made in a way that is not known here.
    #[error("{0}; not looked at")]
    Unsupported(String),
    /// Not what its format says; what was read until then has been handed over.
    #[error("damaged or cut off: {0}")]
    Damaged(String),
    /// There is more wrong with this file than is told.
    #[error("more than {0} errors; no more of them are told")]
    Many(u64),
}
