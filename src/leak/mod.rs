//! Leaks: what was found, where, what became of it, and who decided so.
//!
//! A [`Leak`] is a set of tokens that were found together. All that ever happened to it is a list of
//! [`Entry`]s, which is only added to; what it is now is those entries folded, one after the other.
//! Whoever keeps leaks keeps the entries.
//!
//! Tokens that were found go through [`assign()`], which says which leaks they belong to, so that the
//! same token found twice is one leak that was seen twice. A [`Registry`] does so in memory. A leak is
//! `Opened` until somebody decides otherwise: nothing happens without a [`Decision`]. [`permit`] says
//! who may do what.
//!
//! Everything here is pure: the time and the actor are handed in, and only imprints are kept.
//! `docs/leaks.md` tells the whole life of a leak.

mod assign;
mod checklist;
mod decision;
mod event;
#[cfg(test)]
mod laws;
mod protection;
mod record;
mod refusal;
mod registry;
mod role;
#[cfg(test)]
mod sample;
mod seen;
mod source;
mod token;

pub use assign::{Assignment, Known, Sighting, assign};
pub use checklist::{Progress, Step, Task};
pub use decision::{Actor, Circumstances, Decision, Mode, Status, Time};
pub use event::{Entry, Event, MAX_NAME, MAX_PLACE, MAX_TEXT, Place};
pub use record::{Leak, LeakId, MAX_PLACES, TenantId};
pub use refusal::Refusal;
pub use registry::{Registration, Registry};
pub use role::{Act, Denied, Role, Tenant, User, permit};
pub use seen::{Acknowledgement, Attempts, Note, Seen, Usage};
pub use source::{Locator, Source, SourceKind, Target, Visibility};
pub use token::{Rotation, Scope, Token, Validity};

pub use crate::class::{Facts, Issuer};
