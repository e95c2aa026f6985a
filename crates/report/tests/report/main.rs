//! Reports of a sample snapshot: what they say, that they agree, that they can be verified, and how
//! they behave in a browser.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agree;
mod browser;
mod hostile;
mod page;
mod sample;
mod verified;
