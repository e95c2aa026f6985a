//! Why something cannot happen to a leak.

use thiserror::Error;

use super::decision::{Decision, Status};
use super::record::{LeakId, MAX_PLACES};
use crate::secret::Digest;

/// Why an entry does not fit the leak, or a decision the circumstances. The leak is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The decision does not fit the leak's status.
    #[error("a leak that is {status} cannot be {}", decision.participle())]
    Status {
        /// The leak's status.
        status: Status,
        /// The decision.
        decision: Decision,
    },
    /// The leak is so already.
    #[error("the leak is {} already", decision.participle())]
    Already {
        /// The decision.
        decision: Decision,
    },
    /// The system decides nothing by itself.
    #[error("this needs a person, or a policy that a person wrote")]
    NobodyDecided,
    /// The person or policy has no name.
    #[error("a person or policy that does something has a name")]
    Nameless,
    /// No node could enforce the patch.
    #[error("no node is enrolled that could block or monitor it: stanch only detects here")]
    DetectOnly,
    /// The patch would stop nothing: requests with the tokens go to somebody else's API.
    #[error("not applicable: revoke instead (your own API accepts none of its tokens)")]
    NotApplicable,
    /// A leak begins with being registered.
    #[error("a leak begins with being registered")]
    NotRegistered,
    /// A leak is registered once.
    #[error("the leak is registered already")]
    AlreadyRegistered,
    /// The entry is about another leak.
    #[error("the entry is about leak {entry}, not about leak {leak}")]
    OtherLeak {
        /// The leak.
        leak: LeakId,
        /// The leak that the entry is about.
        entry: LeakId,
    },
    /// There is no such leak.
    #[error("there is no leak {0}")]
    UnknownLeak(LeakId),
    /// A leak has a token.
    #[error("a leak has at least one token")]
    NoToken,
    /// A leak has each of its tokens once.
    #[error("the leak has this token already")]
    TokenKnown,
    /// Something was decided about the leak: it must not cover what was not there then.
    #[error(
        "something was decided about the leak; a token that was found since is a leak of its own"
    )]
    Settled,
    /// The token is none of the leak's.
    #[error("the leak has no such token")]
    UnknownToken(Digest),
    /// The place is none of the leak's.
    #[error("nobody saw a token of the leak used at this place")]
    UnknownPlace,
    /// Attempts are seen by what enforces a patch.
    #[error("the leak was never patched, so no node can have seen an attempt to use it")]
    NeverPatched,
    /// There is no patch that a node could apply.
    #[error("the leak has no patch that a node could confirm")]
    NoPatch,
    /// What the node confirms is older than the patch.
    #[error("the node confirms what was before the patch was decided")]
    Stale,
    /// The entry does not say what it must.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A text is longer than anybody writes.
    #[error("{what} is longer than {most} bytes")]
    TooLong {
        /// Which one.
        what: &'static str,
        /// The most bytes.
        most: usize,
    },
    /// The leak has more places than anybody goes through.
    #[error("the leak has {MAX_PLACES} places where it is used; no more are kept")]
    TooManyPlaces,
}
