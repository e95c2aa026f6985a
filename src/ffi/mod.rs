//! The C ABI, and nothing else. `include/stanch.h` is generated from these files.
//!
//! - Handles are opaque. A set is immutable and may be shared by threads and forked workers. A scan
//!   lives in memory that the caller owns.
//! - Functions that can fail return a status code, [`status::STANCH_OK`] or one of the others in
//!   [`status`]; what they give back goes to the last parameter.
//! - Bytes come as pointer and length, and nothing is kept of them after a call returns, except
//!   that a scan keeps a pointer to its set.
//! - No panic crosses the boundary: it becomes [`status::STANCH_ERROR_PANIC`].

#![allow(unreachable_pub, reason = "what is public here is public to C")]

mod attempt;
mod boundary;
mod detector;
mod guard;
mod inflater;
mod risk;
mod risk_policy;
mod risk_types;
mod scan;
mod set;
mod status;
mod trust;
mod types;
mod version;
