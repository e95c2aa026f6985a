//! Reports of a sample snapshot: what they say, that they agree, that they can be verified, and how
//! they behave in a browser.

mod agree;
mod browser;
mod hostile;
mod page;
mod sample;
mod verified;
