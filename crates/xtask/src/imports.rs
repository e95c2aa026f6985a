//! Which room of the library may know which: `docs/architecture.md` draws it, this keeps it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// A room and the rooms it may import. `ffi` may import all of them, and nobody imports `ffi`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("class", &[]),
    ("secret", &[]),
    ("leak", &["class", "secret"]),
    ("risk", &["class"]),
    ("detect", &["class", "secret"]),
    ("patch", &["secret"]),
    ("attempt", &["patch"]),
    ("ffi", &["class", "secret", "leak", "risk", "detect", "patch", "attempt"]),
];

/// What code outside the library must not hold: ways round its public interface.
const DETOURS: &[&str] = &["stanch::ffi", "#[path", "../src/", "unsafe extern \"C\" {"];

pub fn check() -> Result<()> {
    let root = workspace::root();
    let mut complaints = Vec::new();
    let mut files = 0;

    for file in workspace::rust_files(&root.join("src"))? {
        let inside = file.strip_prefix(root.join("src"))?;
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        complaints.extend(complaints_about(inside, &text));
        files += 1;
    }
    for file in workspace::rust_files(&root.join("crates"))? {
        let inside = file.strip_prefix(root)?;
        // This file spells the detours out.
        if inside == Path::new("crates/xtask/src/imports.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        complaints.extend(detours_in(inside, &text));
        files += 1;
    }

    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    println!("    {files} files");
    Ok(())
}

/// What one file of `src/` imports that its room may not; `inside` is its path under `src/`.
fn complaints_about(inside: &Path, text: &str) -> Vec<String> {
    let Some(room) = room_of(inside) else {
        return Vec::new(); // lib.rs stands above the rooms
    };
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "src/{}: the room `{room}` has no row of allowed imports",
            inside.display()
        )];
    };
    rooms_named(&without_comments(text), depth_of(inside))
        .into_iter()
        .filter(|named| *named != room && !allowed.contains(named))
        .map(|named| format!("src/{}: `{room}` must not know `{named}`", inside.display()))
        .collect()
}

fn detours_in(inside: &Path, text: &str) -> Vec<String> {
    let text = without_comments(text);
    DETOURS
        .iter()
        .filter(|detour| text.contains(**detour))
        .map(|detour| format!("{}: `{detour}` goes round the public interface", inside.display()))
        .collect()
}

/// `secret/key.rs` and `secret.rs` belong to the room `secret`; `lib.rs` to none.
fn room_of(inside: &Path) -> Option<String> {
    let first = inside.iter().next()?.to_str()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (room != "lib").then(|| room.to_owned())
}

/// How many `super` lead from the file's module to the crate's root.
fn depth_of(inside: &Path) -> usize {
    let parts = inside.iter().count();
    if inside.ends_with("mod.rs") { parts - 1 } else { parts }
}

/// The rooms that a file names through `crate::` or through enough `super::`.
fn rooms_named(code: &str, depth: usize) -> BTreeSet<&'static str> {
    let code: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let code = code.replace(" ::", "::").replace(":: ", "::");
    let mut named = BTreeSet::new();
    for (at, marker) in code.match_indices("crate::") {
        if !is_word_end(&code[..at]) {
            named.extend(first_segments(&code[at + marker.len()..]));
        }
    }
    let root = "super::".repeat(depth);
    for (at, _) in code.match_indices(&root) {
        named.extend(first_segments(&code[at + root.len()..]));
    }
    named
}

fn is_word_end(before: &str) -> bool {
    before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// The rooms that a path may begin with: one segment, or those of a brace list.
fn first_segments(rest: &str) -> Vec<&'static str> {
    let Some(list) = rest.strip_prefix('{') else {
        return segment(rest).into_iter().collect();
    };
    let (mut level, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => level += 1,
            '}' if level > 0 => level -= 1,
            ',' | '}' if level == 0 => {
                found.extend(segment(list[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

fn segment(path: &str) -> Option<&'static str> {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    ALLOWED.iter().map(|(room, _)| *room).find(|room| *room == &path[..end])
}

/// The text without line comments: documentation may link to any room.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(inside: &str, text: &str) -> usize {
        complaints_about(Path::new(inside), text).len()
    }

    #[test]
    fn allowed_imports_pass() {
        assert_eq!(about("leak/mod.rs", "use crate::secret::Imprint;"), 0);
        assert_eq!(about("leak/mod.rs", "use crate::leak::Source;"), 0);
        assert_eq!(about("class.rs", "use std::fmt;"), 0);
        assert_eq!(about("risk/mod.rs", "use crate::class::Privilege;"), 0);
        assert_eq!(about("ffi/set.rs", "use crate::{patch::PatchSet, secret::ImprintKey};"), 0);
        assert_eq!(about("lib.rs", "pub use crate::ffi::X;"), 0);
        assert_eq!(about("patch/set.rs", "//! See [`crate::detect`]."), 0);
    }

    #[test]
    fn forbidden_imports_are_named() {
        assert_eq!(about("patch/set.rs", "use crate::detect::Finding;"), 1);
        assert_eq!(about("secret/key.rs", "fn f() { crate::leak::f() }"), 1);
        assert_eq!(about("class.rs", "use crate::secret::Secret;"), 1);
        assert_eq!(about("risk/mod.rs", "use crate::leak::Leak;"), 1);
        assert_eq!(about("detect/mod.rs", "use crate::{leak::{A, B}, ffi, secret};"), 2);
        assert_eq!(about("detect/mod.rs", "use crate::\n{\n patch::X };"), 1);
    }

    #[test]
    fn the_way_over_super_is_seen() {
        assert_eq!(about("patch/set.rs", "use super::super::detect::Finding;"), 1);
        assert_eq!(about("patch/mod.rs", "use super::detect::Finding;"), 1);
        assert_eq!(about("patch/set.rs", "use super::detect;"), 0);
    }

    #[test]
    fn an_unknown_room_is_named() {
        assert_eq!(about("attic/mod.rs", ""), 1);
    }

    #[test]
    fn detours_are_named() {
        let file = Path::new("crates/cli/src/main.rs");
        assert_eq!(detours_in(file, "use stanch::ffi::stanch_set_open;").len(), 1);
        assert!(detours_in(file, "use stanch::patch::PatchSet;").is_empty());
    }
}
