//! Stops leaked API tokens from being used.

pub mod detect;
mod ffi;
pub mod leak;
pub mod patch;
pub mod secret;
