//! Stops leaked API tokens from being used.

pub mod detect;
pub mod patch;
pub mod secret;
