//! The public interface of the crate `stanch` as a list, `docs/api.txt`: what is added, changed or taken away shows
//! in a commit.
//!
//! rustdoc knows it, and tells it in a form that is not stable yet: it takes the switch that a compiler is built
//! with, and a reader for the form that this rustdoc writes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::command::cargo;
use crate::dist::{set_mode, write as put};
use crate::workspace;

const FILE: &str = "docs/api.txt";

/// All that a user may switch on. `test-panic` is no part of the interface.
const FEATURES: &str = "risk-policy,rule-files,serde";

const HEAD: &str = "\
# The public interface of the crate stanch with all its features: written by `cargo xtask api`, compared by
# `cargo xtask test`. What changes here belongs into CHANGELOG.md. C's is include/stanch.h.
";

/// Writes the list and returns its path.
pub fn write() -> Result<PathBuf> {
    let path = workspace::root().join(FILE);
    std::fs::write(&path, list()?)?;
    Ok(path)
}

/// Fails if the committed list is another.
pub fn check() -> Result<()> {
    let committed = std::fs::read_to_string(workspace::root().join(FILE)).context(FILE)?;
    let now = list()?;
    if committed == now {
        println!("    {} items", now.lines().count() - HEAD.lines().count());
        return Ok(());
    }
    let changes = changes(&committed, &now);
    bail!("the interface is not what {FILE} says (`cargo xtask api` writes it):\n{changes}")
}

fn list() -> Result<String> {
    let items = public_api::Builder::from_rustdoc_json(described()?)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .context("this rustdoc's description cannot be read: another compiler than usual?")?;
    Ok(format!("{HEAD}{items}"))
}

/// The interface as rustdoc describes it.
fn described() -> Result<PathBuf> {
    // The switch must reach rustdoc alone: build scripts look at it, too, and everything would be built twice.
    let rustdoc = std::env::var("RUSTDOC").unwrap_or_else(|_| "rustdoc".to_owned());
    let script = workspace::target().join("api/rustdoc");
    put(&script, format!("#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec '{rustdoc}' \"$@\"\n"))?;
    set_mode(&script, 0o755)?;
    cargo(&["rustdoc", "--package", "stanch", "--lib", "--features", FEATURES])
        .args(&["--", "-Zunstable-options", "--output-format", "json"])
        .env("RUSTDOC", &script)
        .capture()?;
    Ok(workspace::target().join("doc/stanch.json"))
}

/// The lines that only one of two lists has.
fn changes(old: &str, new: &str) -> String {
    let (before, after): (BTreeSet<&str>, BTreeSet<&str>) =
        (old.lines().collect(), new.lines().collect());
    let gone = before.difference(&after).map(|line| format!("- {line}\n"));
    let come = after.difference(&before).map(|line| format!("+ {line}\n"));
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn changes_are_what_went_and_what_came() {
        assert_eq!(changes("a\nb\n", "b\nc\n"), "- a\n+ c\n");
    }
}
