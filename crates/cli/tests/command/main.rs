//! The command from outside: the real binary, its output, its exit status.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod demo;
mod key;
mod leak;
mod match_requests;
mod patch;
mod place;
mod policy;
mod pull;
mod report;
mod rules;
mod scan;
mod scan_git;
mod scan_known;
mod scan_packed;
mod shell;
mod trust;
mod unseal;
