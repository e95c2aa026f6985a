//! Builds that later steps need, made while earlier ones wait.
//!
//! Tests wait for databases, browsers and proxies, and compiling one large crate keeps one core busy: what is left of the
//! processor then goes to the builds under the sanitizer and with the function that panics, which have folders of their own.

use std::thread;

use anyhow::Result;

use crate::{fuzz, library};

/// Begins to build, with the least priority. Steps that need a build ask for it all the same: they find it
/// made, wait for it, or make it, and it is there that a failure is told.
pub fn begin() {
    thread::spawn(|| -> Result<()> {
        // A thread has a priority of its own, which the programs that it starts inherit.
        rustix::process::setpriority_process(None, 19)?;
        fuzz::build_for_replay()?;
        library::build_sanitized_archive()?;
        library::build_panicking_folder()?;
        Ok(())
    });
}
