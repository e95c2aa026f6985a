//! `stanch patch`: builds, compiles, inspects and verifies patch sets.

mod build;
mod compile;
mod inspect;
mod output;
mod record;
mod tokens;
mod verify;

pub(crate) use build::{BuildArguments, build};
pub(crate) use compile::{CompileArguments, compile};
pub(crate) use inspect::{InspectArguments, inspect};
pub(crate) use verify::{VerifyArguments, verify};
