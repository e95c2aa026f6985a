//! Leaks: what was found, where, and what was decided about it.
//!
//! A [`Leak`] is a set of tokens that were found together, with the [`Source`]s that they were found
//! in, the [`Target`] that they endanger, and a history. It is `Opened` until somebody decides
//! otherwise: nothing happens without a [`Decision`]. A [`Registry`] turns findings into leaks, so
//! that the same token found twice is one leak that was seen twice.
//!
//! Everything here is pure: the time and the actor are handed in, and only imprints are kept.

mod decision;
mod record;
mod registry;
mod source;

pub use decision::{Actor, Decision, DecisionError, Event, Mode, Status, Time};
pub use record::{Leak, LeakId, Token};
pub use registry::{Registration, Registry};
pub use source::{Locator, Source, SourceKind, Target};
