//! `stanch patch`: compiles and inspects patch sets.

mod compile;
mod inspect;
mod tokens;

pub(crate) use compile::{CompileArguments, compile};
pub(crate) use inspect::{InspectArguments, inspect};
