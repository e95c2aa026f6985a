//! Stops leaked API tokens from being used.

pub mod secret;
