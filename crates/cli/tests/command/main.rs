//! The command from outside: the real binary, its output, its exit status.

mod demo;
mod key;
mod match_requests;
mod patch;
mod place;
mod scan;
