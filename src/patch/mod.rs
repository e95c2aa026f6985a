//! The request path: patch sets, and what they say of a request.
//!
//! A [`PatchSetBuilder`] turns imprints into a [`PatchSet`], which is immutable, holds no plaintext
//! and may be shared by threads and forked processes. A [`Scan`] looks at one request and comes to
//! a [`Verdict`]. It works in memory that the caller owns, never allocates, never panics, and its
//! cost is linear in the bytes it is fed.
//!
//! `docs/matcher.md` explains the idea, `docs/patch-set-format.md` the file.

mod body;
mod builder;
mod container;
mod content;
mod context;
mod filter;
mod guard;
mod inflate;
#[cfg(test)]
mod lengths;
mod locate;
mod network;
mod normal;
mod policy;
mod scan;
mod scope;
mod search;
mod set;
mod sift;
mod signature;
mod state;
mod stream;
mod swap;
mod table;
mod tier;
mod trust;
mod verdict;
mod views;

pub use builder::{
    BuildError, DEFAULT_FLOOR, MAX_ALIKE, Patch, PatchSetBuilder, Placement, Survey,
};
pub use container::{FORMAT_VERSION, FormatError};
pub use context::Context;
pub use guard::{Guard, GuardInfo, News, Refusal};
pub use inflate::{BodyState, InflateLimits, Inflater};
pub use network::{Network, NetworkError};
pub use scan::{Header, Scan, ScanError};
pub use scope::{Rule, Scope, ScopeError};
pub use set::{OpenError, PatchSet, SaveError, SetInfo, put};
pub use trust::{Trust, TrustError};
pub use verdict::{Action, Hit, Name, Part, Verdict, View, Views};
