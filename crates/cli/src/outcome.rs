//! How a command ends, and how it says what went wrong.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use stanch::leak::{Denied, Refusal};
use stanch::patch::{BuildError, OpenError, SaveError, ScanError};
use stanch::secret::KeyError;
use stanch_store::StoreError;
use thiserror::Error;

/// How a command ends, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// All is well: no findings, nothing to block.
    Clean = 0,
    /// There are findings, or requests to block.
    Found = 1,
    /// Something went wrong.
    Failed = 2,
    /// There is no such leak, place, node or tenant.
    Unknown = 3,
    /// The role does not allow it, or the module is off.
    Forbidden = 4,
    /// The leak does not allow it as things are.
    Refused = 5,
    /// The key is not the one that the ledger's tokens were imprinted with, or are sealed to.
    WrongKey = 6,
    /// The ledger was written by a newer version of the command.
    Newer = 7,
    /// There is nothing to report.
    Empty = 8,
    /// The ledger cannot be used: damaged, unreachable, full, or exposed to others.
    Unusable = 9,
    /// A server did not answer, or not to the end.
    Unanswered = 10,
    /// A server answered with something else than what was asked for.
    Declined = 11,
    /// A patch set that came is not taken.
    Untrusted = 12,
}

/// What keeps a command from going on. Never holds a token.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// A file, or something else with a name, and what is wrong with it.
    #[error("{what}: {why}")]
    Named { what: String, why: String },
    /// The same, where the command ends in a way of its own by it.
    #[error("{what}: {why}")]
    Ended { what: String, why: String, outcome: Outcome },
    /// Something is wrong with a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A patch set cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A patch set cannot be written.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// Patches cannot be compiled.
    #[error("patch set: {0}")]
    Build(#[from] BuildError),
    /// A scan cannot begin.
    #[error("patch set: {0}")]
    Scan(#[from] ScanError),
    /// The ledger does not do it.
    #[error("{}{}", .0, advice(.0))]
    Store(#[from] StoreError),
    /// A key is not the ledger's.
    #[error(
        "{file}: the wrong key: the ledger's tokens were imprinted with key {known}, this is key {held}"
    )]
    WrongKey { file: String, held: String, known: String },
    /// There is nothing to report.
    #[error("the ledger holds no leak of this tenant: there is nothing to report")]
    Empty,
    /// The output cannot be written.
    #[error("standard output: {}", reason(.0))]
    Output(#[from] io::Error),
}

impl Failure {
    /// The failure of `what` for the reason `why`.
    pub(crate) fn named(what: impl Display, why: impl Display) -> Failure {
        Failure::Named { what: what.to_string(), why: why.to_string() }
    }

    /// How the command ends by it.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Failure::Store(error) => match error {
                StoreError::UnknownLeak(_) | StoreError::Unknown(_) => Outcome::Unknown,
                StoreError::Denied(_) => Outcome::Forbidden,
                StoreError::Refused(_) => Outcome::Refused,
                StoreError::Newer { .. } => Outcome::Newer,
                StoreError::OtherKey { .. } => Outcome::WrongKey,
                StoreError::Seal(_) | StoreError::ExposedKey { .. } | StoreError::Address(_) => {
                    Outcome::Failed
                }
                _ => Outcome::Unusable,
            },
            Failure::WrongKey { .. } => Outcome::WrongKey,
            Failure::Empty => Outcome::Empty,
            Failure::Ended { outcome, .. } => *outcome,
            _ => Outcome::Failed,
        }
    }

    /// Whether nobody reads the output any more: nothing to complain of.
    pub(crate) fn is_closed_output(&self) -> bool {
        matches!(self, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What to do about an error of the ledger, where the command knows.
fn advice(error: &StoreError) -> &'static str {
    match error {
        StoreError::Denied(Denied::ModuleOff(_)) => ": stanch tenant enable",
        StoreError::Refused(Refusal::DetectOnly) => ", or decide it --anyway",
        _ => "",
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(outcome as u8)
    }
}

/// Writes a complaint to stderr: `stanch: what: why`.
pub(crate) fn complain(failure: &dyn Display) {
    // Where stderr is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "stanch: {failure}");
}

/// So many of something: `1 leak`, `2 leaks`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A path as it may be shown on a terminal: one line, no control characters.
pub(crate) fn shown(path: &Path) -> String {
    let mut shown = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// What the operating system said, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_draw_on_the_terminal() {
        assert_eq!(shown(Path::new("a\x1b[2J\nb/ü")), "a\\u{1b}[2J\\nb/ü");
    }

    #[test]
    fn a_closed_pipe_is_no_complaint() {
        assert!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_closed_output());
        assert!(!Failure::from(io::Error::from(io::ErrorKind::StorageFull)).is_closed_output());
    }
}
