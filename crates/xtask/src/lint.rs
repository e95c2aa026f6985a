//! Format and clippy, warnings as errors.

use anyhow::Result;

use crate::command::cargo;
use crate::report::Report;

pub fn run(report: &mut Report) {
    report.step("format", |_| format());
    report.step("clippy", |_| {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
        .show()
    });
}

/// The fuzz targets are a workspace of their own, so they are asked for by name.
fn format() -> Result<()> {
    cargo(&["fmt", "--check"]).show()?;
    cargo(&["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"]).show()
}
