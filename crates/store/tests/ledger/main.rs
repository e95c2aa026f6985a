//! One suite for both databases. PostgreSQL is the one that the system has installed; a server of its own
//! is started for the tests, and stopped with them.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod access;
mod attempts;
mod child;
mod damage;
mod durability;
mod encrypted;
mod fixture;
mod life;
mod lists;
mod policy;
mod sample;
mod sealing;
mod server;
mod together;
mod truth;
