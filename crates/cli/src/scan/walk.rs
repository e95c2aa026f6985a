//! The way through files and folders.

use std::fs;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use super::Trouble;
use crate::input;
use crate::outcome::{reason, shown};

/// What systems call too many links in a row; the kind that std has for it is not stable yet.
const ELOOP: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 40 } else { 62 };

/// How to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Whether to follow symbolic links below the starting points.
    pub(super) follow: bool,
    /// Whether to leave out what git ignores.
    pub(super) ignore: bool,
}

/// What is met on the way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<T = PathBuf> {
    /// Something to read: here a file, or `-`.
    File(T),
    /// Something that is in the way.
    Trouble(Trouble),
}

impl Walk {
    /// Goes through `paths` and everything below them, in the order of the paths' components.
    ///
    /// A given path is met whatever it is; below it only regular files are.
    pub(super) fn steps(self, paths: &[PathBuf]) -> impl Iterator<Item = Step> + Send {
        let mut paths = paths.to_vec();
        paths.sort();
        paths.dedup();
        paths.into_iter().flat_map(move |path| self.below(path))
    }

    fn below(self, path: PathBuf) -> Box<dyn Iterator<Item = Step> + Send> {
        if input::is_standard(&path) {
            return Box::new(iter::once(Step::File(path)));
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Box::new(self.folder(path)),
            Ok(_) => Box::new(iter::once(Step::File(path))),
            Err(error) => Box::new(iter::once(Step::Trouble(trouble(&path, &error)))),
        }
    }

    fn folder(self, root: PathBuf) -> impl Iterator<Item = Step> + Send {
        let entries = WalkBuilder::new(&root)
            .hidden(false)
            .ignore(false)
            .git_ignore(self.ignore)
            .git_global(self.ignore)
            .git_exclude(self.ignore)
            .follow_links(self.follow)
            .sort_by_file_name(|a, b| a.cmp(b))
            .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git")
            .build();
        entries.filter_map(move |entry| match entry {
            Ok(entry) => Walk::step(entry),
            Err(error) => Some(Step::Trouble(explain(&root, &error))),
        })
    }

    /// What an entry means, if anything.
    fn step(entry: DirEntry) -> Option<Step> {
        let kind = entry.file_type()?;
        if kind.is_file() {
            // A fault in an ignore file only means that less is left out.
            return Some(Step::File(entry.into_path()));
        }
        if kind.is_symlink()
            && let Some(above) = leads_back(entry.path())
        {
            return Some(Step::Trouble(Trouble { why: circle(&above), path: entry.into_path() }));
        }
        None
    }
}

/// The folder above the link at `path` that it leads back to, if it does.
fn leads_back(path: &Path) -> Option<PathBuf> {
    let target = fs::canonicalize(path).ok()?;
    let folder = fs::canonicalize(path.parent()?).ok()?;
    folder.starts_with(&target).then_some(target)
}

fn circle(above: &Path) -> String {
    format!(
        "directory loop: this link leads back to {}, a folder above it; not followed",
        shown(above)
    )
}

fn trouble(path: &Path, error: &io::Error) -> Trouble {
    let why = match error.raw_os_error() {
        Some(ELOOP) => "directory loop: the link leads to itself".to_owned(),
        _ => reason(error),
    };
    Trouble { path: path.to_owned(), why }
}

/// What an error of the walk says, and of which path.
fn explain(root: &Path, error: &ignore::Error) -> Trouble {
    let mut path = root.to_owned();
    let mut at = error;
    loop {
        match at {
            ignore::Error::WithPath { path: inner, err } => {
                path.clone_from(inner);
                at = err;
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
                at = err;
            }
            ignore::Error::Loop { ancestor, child } => {
                return Trouble { path: child.clone(), why: circle(ancestor) };
            }
            ignore::Error::Io(error) => return trouble(&path, error),
            other => return Trouble { path, why: other.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const WALK: Walk = Walk { follow: false, ignore: true };

    fn walked(walk: Walk, root: &Path, paths: &[&str]) -> (Vec<String>, Vec<String>) {
        let paths: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
        let (mut files, mut troubles) = (Vec::new(), Vec::new());
        let name = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
        for step in walk.steps(&paths) {
            match step {
                Step::File(path) => files.push(name(&path)),
                Step::Trouble(Trouble { path, why }) => {
                    troubles.push(format!("{}: {why}", name(&path)));
                }
            }
        }
        (files, troubles)
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        root
    }

    #[test]
    fn hidden_files_are_visited_and_git_is_not() {
        let root = tree(&["b", ".env", "a/c", ".github/w.yml", ".git/config", "a.txt"]);
        let (files, troubles) = walked(WALK, root.path(), &[""]);
        assert_eq!(files, [".env", ".github/w.yml", "a/c", "a.txt", "b"]);
        assert_eq!(troubles, [""; 0]);
    }

    #[test]
    fn what_git_ignores_is_left_out_in_a_repository() {
        let root = tree(&["kept", "build/out", "x.log", ".git/config"]);
        fs::write(root.path().join(".gitignore"), "build/\n*.log\n").unwrap();
        assert_eq!(walked(WALK, root.path(), &[""]).0, [".gitignore", "kept"]);
        let all = Walk { ignore: false, ..WALK };
        assert_eq!(walked(all, root.path(), &[""]).0, [".gitignore", "build/out", "kept", "x.log"]);
        // What is named is meant.
        assert_eq!(walked(WALK, root.path(), &["x.log"]).0, ["x.log"]);
    }

    #[test]
    fn paths_are_sorted_and_each_is_visited_once() {
        let root = tree(&["b/x", "a/x"]);
        assert_eq!(walked(WALK, root.path(), &["b", "a", "b"]).0, ["a/x", "b/x"]);
    }

    #[test]
    fn a_loop_is_told_and_the_rest_visited() {
        let root = tree(&["a/b/file", "z"]);
        symlink("../..", root.path().join("a/b/up")).unwrap();
        symlink("itself", root.path().join("itself")).unwrap();
        for walk in [WALK, Walk { follow: true, ..WALK }] {
            let (files, troubles) = walked(walk, root.path(), &[""]);
            assert_eq!(files, ["a/b/file", "z"]);
            assert!(troubles[0].starts_with("a/b/up: directory loop"), "{troubles:?}");
        }
        let (files, troubles) = walked(WALK, root.path(), &["itself", "a"]);
        assert_eq!(files, ["a/b/file"]);
        assert_eq!(troubles[1], "itself: directory loop: the link leads to itself");
    }

    #[test]
    fn links_are_followed_on_request_only() {
        let (root, other) = (tree(&["file"]), tree(&["out"]));
        symlink(other.path(), root.path().join("link")).unwrap();
        assert_eq!(walked(WALK, root.path(), &[""]).0, ["file"]);
        let follow = Walk { follow: true, ..WALK };
        assert_eq!(walked(follow, root.path(), &[""]).0, ["file", "link/out"]);
        // A given path may be a link.
        assert_eq!(walked(WALK, root.path(), &["link"]).0, ["link/out"]);
    }

    #[test]
    fn what_is_not_there_is_told() {
        let root = tree(&["a"]);
        let (files, troubles) = walked(WALK, root.path(), &["nothing", "a"]);
        assert_eq!(files, ["a"]);
        assert_eq!(troubles, ["nothing: No such file or directory"]);
    }
}
