//! Attempts to use leaked tokens, as a node logs them.
//!
//! An [`Attempt`] becomes one line of JSON, the same from every host, which `stanch attempts import`
//! reads. A [`Cap`] keeps an attack from filling the disk: it bounds the lines in time and counts what
//! was left out. Neither allocates, waits or locks.

mod cap;
mod line;

pub use cap::Cap;
pub use line::Attempt;
