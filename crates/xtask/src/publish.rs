//! What `cargo publish` would hand out of the crate `stanch`.

use anyhow::{Context as _, Result, ensure};

use crate::command::{both, cargo};
use crate::dist::VERSION;
use crate::workspace;

/// The files beside `src`. Cargo adds those that it makes itself.
const FILES: &[&str] = &[
    ".cargo_vcs_info.json",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "build.rs",
    "include/stanch.h",
    "include/stanch.hpp",
];

/// The crate has the files that it needs, and no others.
pub fn list() -> Result<()> {
    let listed = cargo(&["package", "--package", "stanch", "--list", "--allow-dirty"]).capture()?;
    let listed = String::from_utf8(listed.stdout)?;
    let files: Vec<&str> = listed.lines().collect();
    for file in &files {
        let source = file.starts_with("src/") && (file.ends_with(".rs") || file.ends_with(".toml"));
        ensure!(source || FILES.contains(file), "{file} would be published");
    }
    for file in FILES {
        // Only a tree under version control has it.
        ensure!(files.contains(file) || *file == ".cargo_vcs_info.json", "{file} would be missing");
    }
    println!("    {} files", files.len());
    Ok(())
}

/// All of it but the upload; the crate is built from what would be published.
pub fn dry_run() -> Result<()> {
    let run = cargo(&["publish", "--dry-run", "--package", "stanch", "--allow-dirty"]);
    let said = both(&run.capture()?);
    ensure!(said.contains("aborting upload due to dry run"), "{said}");
    Ok(())
}

/// The changelog has a heading for what is not released yet and one for this version.
pub fn changelog() -> Result<()> {
    let text =
        std::fs::read_to_string(workspace::root().join("CHANGELOG.md")).context("CHANGELOG.md")?;
    for heading in ["## [Unreleased]".to_owned(), format!("## [{VERSION}]")] {
        ensure!(text.lines().any(|line| line.starts_with(&heading)), "no heading `{heading}`");
    }
    Ok(())
}
