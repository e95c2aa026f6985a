//! `stanch patch`: builds, compiles, inspects, verifies and fetches patch sets.

mod build;
mod compile;
mod inspect;
mod output;
mod pull;
mod record;
mod tokens;
mod verify;

pub(crate) use build::{BuildArguments, build};
pub(crate) use compile::{CompileArguments, compile};
pub(crate) use inspect::{InspectArguments, inspect};
pub(crate) use pull::{PullArguments, pull};
pub(crate) use verify::{VerifyArguments, verify};
