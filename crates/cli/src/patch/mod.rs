//! `stanch patch`: compiles, inspects and verifies patch sets.

mod compile;
mod inspect;
mod record;
mod tokens;
mod verify;

pub(crate) use compile::{CompileArguments, compile};
pub(crate) use inspect::{InspectArguments, inspect};
pub(crate) use verify::{VerifyArguments, verify};
