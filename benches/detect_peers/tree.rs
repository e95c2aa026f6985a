//! The files that are scanned: a copy of the text files of some tree, the same for every tool.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// No more bytes are copied: as much as seven middling projects have.
const MOST: u64 = 144_000_000;

/// Longer files are data.
const LONGEST: u64 = 1 << 20;

/// A tree of text files.
pub(crate) struct Tree {
    pub(crate) path: PathBuf,
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

/// Copies the text files below `from` into `folder`: without one, the sources of the crates that cargo
/// has unpacked, which are many, real and clean.
pub(crate) fn prepare(from: Option<&Path>, folder: &Path) -> Outcome<Tree> {
    let from = match from {
        Some(from) => from.to_path_buf(),
        None => registry()?,
    };
    let path = folder.join("tree");
    if path.exists() {
        fs::remove_dir_all(&path)?;
    }
    let mut tree = Tree { path, files: 0, bytes: 0 };
    tree.copy(&from, &tree.path.clone())?;
    match tree.files {
        0 => Err(format!("{}: no text file", from.display()).into()),
        _ => Ok(tree),
    }
}

impl Tree {
    /// `most` files of at least `shortest` bytes, from all over the tree.
    pub(crate) fn texts(&self, most: usize, shortest: u64) -> Outcome<Vec<Vec<u8>>> {
        let mut paths = Vec::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            for path in entries(&folder)? {
                if path.is_dir() {
                    folders.push(path);
                } else if fs::metadata(&path)?.len() >= shortest {
                    paths.push(path);
                }
            }
        }
        let step = (paths.len() / most).max(1);
        paths.iter().step_by(step).take(most).map(|path| Ok(fs::read(path)?)).collect()
    }

    fn copy(&mut self, from: &Path, to: &Path) -> Outcome<()> {
        fs::create_dir_all(to)?;
        for path in entries(from)? {
            let Some(name) = path.file_name() else { continue };
            let meta = fs::symlink_metadata(&path)?;
            if name.as_encoded_bytes().starts_with(b".") || self.bytes >= MOST {
                continue;
            }
            if meta.is_dir() {
                self.copy(&path, &to.join(name))?;
            } else if meta.is_file() && (1..=LONGEST).contains(&meta.len()) {
                let text = fs::read(&path)?;
                if !text.contains(&0) {
                    fs::write(to.join(name), &text)?;
                    self.files += 1;
                    self.bytes += text.len() as u64;
                }
            }
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries: Result<Vec<_>, _> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut entries = entries?;
    entries.sort();
    Ok(entries)
}

/// Where cargo unpacks the sources of crates.
fn registry() -> Outcome<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.ok_or("neither CARGO_HOME nor a home folder")?.join("registry/src");
    match sources.is_dir() {
        true => Ok(sources),
        false => Err(format!("{}: no such folder; name one with --tree", sources.display()).into()),
    }
}
