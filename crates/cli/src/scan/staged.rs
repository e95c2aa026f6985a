//! What is staged in a git repository: the index, not the working tree.
//!
//! git itself is asked, because a hook may run while git keeps the index elsewhere, as it does for
//! `git commit PATH`, and only git knows where.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::Trouble;
use super::look::{Looker, Seen};
use super::walk::Step;
use crate::input;
use crate::outcome::{Failure, reason, shown};

/// The files that were added or changed in the index since the last commit.
pub(super) struct Staged {
    repository: PathBuf,
    files: Vec<File>,
}

/// A file in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// The name of its content.
    id: String,
    /// From the top of the repository.
    path: PathBuf,
}

impl Staged {
    /// What is staged in the repository that `path` is in.
    pub(super) fn open(path: &Path) -> Result<Staged, Failure> {
        // Elsewhere `git diff` would compare files.
        ask(path, &["rev-parse", "--git-dir"])?;
        let list = ["diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames"];
        let all = ["--no-relative", "--no-ext-diff", "--ignore-submodules", "--diff-filter=AMT"];
        let list = ask(path, &[&list[..], &all].concat())?;
        let files = listed(&list)
            .ok_or_else(|| Failure::named("git", "a list of staged files that is not known"))?;
        Ok(Staged { repository: path.to_owned(), files })
    }

    /// The files, in the order of their paths.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<File>> + Send {
        self.files.iter().cloned().map(Step::File)
    }

    /// A worker that takes files out of the index and looks at them.
    pub(super) fn worker<'w>(
        &'w self,
        mut looker: Looker<'w>,
    ) -> impl FnMut(File) -> Vec<Seen> + 'w {
        let mut contents = None;
        move |file| {
            let mut look = || -> io::Result<Vec<Seen>> {
                let contents = match &mut contents {
                    Some(contents) => contents,
                    none => none.insert(Contents::open(&self.repository)?),
                };
                let length = contents.ask(&file.id)?;
                let mut content = (&mut contents.answers).take(length);
                let seen = looker.stream(&file.path, &mut content, length);
                io::copy(&mut content, &mut io::sink())?;
                contents.answers.read_exact(&mut [0])?;
                Ok(seen)
            };
            look().unwrap_or_else(|error| {
                // What comes next could belong to this file.
                contents = None;
                vec![Trouble { path: file.path, why: reason(&error) }.seen()]
            })
        }
    }
}

/// The files in what `git diff --raw -z` says: for each its modes, ids and status, then its path.
fn listed(raw: &[u8]) -> Option<Vec<File>> {
    let mut fields = raw.split(|byte| *byte == 0);
    let mut files = Vec::new();
    loop {
        let about = fields.next()?;
        if about.is_empty() {
            return Some(files);
        }
        let path = fields.next()?;
        let mut about = std::str::from_utf8(about).ok()?.strip_prefix(':')?.split(' ');
        let (_, mode, _, id) = (about.next()?, about.next()?, about.next()?, about.next()?);
        // Neither a symbolic link, 120000, nor a submodule, 160000.
        if mode.starts_with("100") {
            files.push(File { id: id.to_owned(), path: OsStr::from_bytes(path).into() });
        }
    }
}

/// A git that says what objects hold.
struct Contents {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Contents {
    fn open(repository: &Path) -> io::Result<Contents> {
        let mut child = git(repository)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (questions, answers) = (child.stdin.take(), child.stdout.take());
        let answers = BufReader::new(answers.ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Contents { child, questions, answers })
    }

    /// Asks for an object, and says how long it is. Its bytes and a line feed follow.
    fn ask(&mut self, id: &str) -> io::Result<u64> {
        let questions = self.questions.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(questions, "{id}")?;
        questions.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let length = answer.trim_end().rsplit_once(" blob ").and_then(|(_, n)| n.parse().ok());
        length.ok_or_else(|| io::Error::other("git does not have its content"))
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        // git ends when nobody asks any more, or listens.
        drop(self.questions.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What git says in a folder.
fn ask(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    let output = git(folder).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::named("git", reason(&error)))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let why = told.lines().next().unwrap_or("git failed").trim_start_matches("fatal: ");
    Err(Failure::named(input::name(folder), shown(Path::new(why))))
}

fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).env("LC_ALL", "C");
    git
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_and_links_are_left_out() {
        let raw = b":000000 100644 00 aa A\0a b\nc\0:100644 120000 aa bb T\0link\0\
                    :100644 100755 aa cc M\0x/y\0:000000 160000 00 dd A\0module\0";
        let file = |id: &str, path: &str| File { id: id.into(), path: path.into() };
        assert_eq!(listed(raw), Some(vec![file("aa", "a b\nc"), file("cc", "x/y")]));
        assert_eq!(listed(b""), Some(Vec::new()));
        for raw in [&b"x"[..], b":100644\0a\0", b":000000 100644 00 aa A\0"] {
            assert_eq!(listed(raw), None);
        }
    }
}
