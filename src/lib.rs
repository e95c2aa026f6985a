//! Stops leaked API tokens from being used.

pub mod patch;
pub mod secret;
