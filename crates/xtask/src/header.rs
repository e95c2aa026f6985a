//! The C header: generated from `src/ffi` by the cbindgen that this crate pins, and committed.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Writes `include/stanch.h` and returns its path.
pub fn write() -> Result<PathBuf> {
    let path = path();
    std::fs::write(&path, generate()?).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Fails when the committed header is not what `src/ffi` says, naming the first line that differs.
pub fn check() -> Result<()> {
    let path = path();
    let committed = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let generated = String::from_utf8(generate()?)?;
    if let Some((line, old, new)) = first_difference(&committed, &generated) {
        bail!(
            "include/stanch.h:{line} is out of date; run `cargo xtask header`\n  committed: {old}\n  generated: {new}"
        );
    }
    Ok(())
}

fn path() -> PathBuf {
    workspace::root().join("include/stanch.h")
}

fn generate() -> Result<Vec<u8>> {
    let root = workspace::root();
    let settings = root.join("cbindgen.toml");
    let config = cbindgen::Config::from_file(&settings)
        .map_err(|error| anyhow::anyhow!("{}: {error}", settings.display()))?;
    // Only these files: what else is public in the crate is for Rust. Not the room's own file, from
    // which cbindgen would find the others a second time.
    let mut builder = cbindgen::Builder::new().with_config(config);
    let files = workspace::rust_files(&root.join("src/ffi"))?;
    for file in files.iter().filter(|file| !file.ends_with("mod.rs")) {
        builder = builder.with_src(file);
    }
    let bindings = builder.generate().context("cbindgen cannot read src/ffi")?;
    let mut header = Vec::new();
    bindings.write(&mut header);
    Ok(header)
}

/// The first line that differs, counted from 1, as it stands in each text.
fn first_difference(old: &str, new: &str) -> Option<(usize, String, String)> {
    if old == new {
        return None;
    }
    let (mut old, mut new) = (old.split('\n'), new.split('\n'));
    for line in 1.. {
        let (a, b) = (old.next(), new.next());
        if a != b {
            let show = |text: Option<&str>| text.unwrap_or("(end of file)").to_owned();
            return Some((line, show(a), show(b)));
        }
        if a.is_none() {
            break;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn equal_texts_do_not_differ() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        let found = first_difference("a\nb\nc\n", "a\nx\nc\n");
        assert_eq!(found, Some((2, "b".to_owned(), "x".to_owned())));
    }

    #[test]
    fn a_missing_end_differs() {
        assert_eq!(first_difference("a\n", "a").map(|found| found.0), Some(2));
    }
}
