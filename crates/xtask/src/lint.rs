//! Format, clippy and rustdoc, warnings as errors.

use crate::command::cargo;
use crate::fuzz;
use crate::report::Report;
use crate::workspace;

pub fn run(report: &mut Report) {
    report.step("format", |_| cargo(&["fmt", "--check"]).show());
    // The fuzz targets are a workspace of their own, so they are asked for by name.
    report.step("format of the fuzz targets", |_| {
        cargo(&["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"]).show()
    });
    report.step("clippy", |_| {
        cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).show()
    });
    report.step("clippy of the fuzz targets", |_| {
        cargo(&["clippy", "--manifest-path", "fuzz/Cargo.toml", "--target-dir"])
            .arg(workspace::target().join("fuzz"))
            .args(&["--", "-D", "warnings"])
            // Nothing is linked, so neither the fuzzer nor what stands in for it need be built.
            .env("CUSTOM_LIBFUZZER_PATH", fuzz::replayer())
            .env("CUSTOM_LIBFUZZER_STD_CXX", "none")
            .show()
    });
    report.step("documentation", |_| {
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .show()
    });
}
