//! Format and clippy, warnings as errors.

use crate::command::cargo;
use crate::report::Report;

pub fn run(report: &mut Report) {
    report.step("format", |_| cargo(&["fmt", "--check"]).show());
    // The fuzz targets are a workspace of their own, so they are asked for by name.
    report.step("format of the fuzz targets", |_| {
        cargo(&["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"]).show()
    });
    report.step("clippy", |_| {
        cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).show()
    });
}
