//! Every file that was ever committed to a git repository.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gix::objs::TreeRefIter;
use gix::objs::tree::EntryKind;
use gix::revision::walk::Sorting;
use gix::traverse::commit::simple::CommitTimeOrder;
use gix::{ObjectId, Repository, ThreadSafeRepository};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::Trouble;
use super::look::{Looker, Origin, Seen};
use super::walk::Step;
use crate::input;
use crate::outcome::Failure;

/// The longest file that is taken out of a repository; git holds files as a whole.
const LONGEST: u64 = 256 << 20;

/// The commits of a repository that its refs lead to.
pub(super) struct History {
    repository: ThreadSafeRepository,
    path: PathBuf,
    /// From the newest to the oldest.
    commits: Vec<ObjectId>,
    done: AtomicUsize,
}

/// A file, as it was in the first commit that held it.
pub(super) struct Blob {
    id: ObjectId,
    path: PathBuf,
    origin: Arc<Origin>,
}

impl History {
    /// The history of the repository that `path` is in.
    pub(super) fn open(path: &Path) -> Result<History, Failure> {
        let told = |error: &dyn std::fmt::Display| Failure::named(input::name(path), said(error));
        let repository = gix::discover(path).map_err(|error| told(&error))?;
        let commits = commits(&repository).map_err(|error| told(&error))?;
        let repository = repository.into_sync();
        Ok(History { repository, path: path.to_owned(), commits, done: AtomicUsize::new(0) })
    }

    /// How far the way through the commits has come.
    pub(super) fn progress(&self) -> String {
        format!("{} of {} commits", self.done.load(Ordering::Relaxed), self.commits.len())
    }

    /// Goes through the commits, the oldest first, and meets every file of theirs once, by its
    /// content. Symbolic links and submodules are no files.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<Blob>> + Send {
        let repository = self.repository.to_thread_local();
        let mut known = HashSet::new();
        self.commits.iter().rev().flat_map(move |id| {
            let steps = match origin(&repository, *id) {
                Ok((tree, origin)) => self.tree(&repository, tree, &origin, &mut known),
                Err(why) => vec![self.trouble(*id, &why)],
            };
            self.done.fetch_add(1, Ordering::Relaxed);
            steps
        })
    }

    /// The files below a tree that are not known yet. What is below a known tree is.
    fn tree(
        &self,
        repository: &Repository,
        root: ObjectId,
        origin: &Arc<Origin>,
        known: &mut HashSet<ObjectId>,
    ) -> Vec<Step<Blob>> {
        let mut steps = Vec::new();
        let mut open = vec![(root, PathBuf::new())];
        while let Some((id, folder)) = open.pop() {
            if !known.insert(id) {
                continue;
            }
            let tree = match repository.find_object(id) {
                Ok(tree) => tree,
                Err(error) => {
                    steps.push(self.trouble(id, &error));
                    continue;
                }
            };
            let from = open.len();
            for entry in TreeRefIter::from_bytes(&tree.data, id.kind()) {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        steps.push(self.trouble(id, &error));
                        break;
                    }
                };
                let (id, path) =
                    (entry.oid.to_owned(), || folder.join(OsStr::from_bytes(entry.filename)));
                match entry.mode.kind() {
                    EntryKind::Tree => open.push((id, path())),
                    EntryKind::Blob | EntryKind::BlobExecutable if known.insert(id) => {
                        let origin = Arc::clone(origin);
                        steps.push(Step::File(Blob { id, path: path(), origin }));
                    }
                    EntryKind::Blob
                    | EntryKind::BlobExecutable
                    | EntryKind::Link
                    | EntryKind::Commit => {}
                }
            }
            // The first folder first.
            open[from..].reverse();
        }
        steps
    }

    fn trouble<T>(&self, id: ObjectId, why: &dyn std::fmt::Display) -> Step<T> {
        Step::Trouble(Trouble { path: self.path.clone(), why: format!("{id}: {}", said(why)) })
    }

    /// A worker that takes files out of the repository and looks at them.
    pub(super) fn worker<'w>(&self, mut looker: Looker<'w>) -> impl FnMut(Blob) -> Vec<Seen> + 'w {
        let repository = self.repository.to_thread_local();
        move |blob| {
            let content = match content(&repository, blob.id) {
                Ok(content) => content,
                Err(why) => {
                    let why = format!("{}: {why}", blob.id);
                    return vec![Trouble { path: blob.path, why }.seen()];
                }
            };
            let mut seen = looker.stream(&blob.path, content.as_slice(), content.len() as u64);
            for look in seen.iter_mut().filter_map(|seen| seen.look.as_mut().ok()) {
                look.origin = Some(Arc::clone(&blob.origin));
            }
            seen
        }
    }
}

/// All commits that refs lead to, and `HEAD` where that is none of them; the newest first.
fn commits(repository: &Repository) -> gix::Result<Vec<ObjectId>> {
    let mut tips = Vec::new();
    for reference in repository.references()?.all()?.filter_map(Result::ok) {
        // A ref may lead to something that is no commit, or to nothing.
        let mut reference = reference;
        tips.extend(reference.peel_to_commit().ok().map(|commit| commit.id));
    }
    tips.extend(repository.head_id().ok().map(gix::Id::detach));
    tips.sort();
    tips.dedup();
    let order = Sorting::ByCommitTime(CommitTimeOrder::NewestFirst);
    repository.rev_walk(tips).sorting(order).all()?.map(|commit| Ok(commit?.id)).collect()
}

/// The tree of a commit, and what is said of the commit.
fn origin(repository: &Repository, id: ObjectId) -> Result<(ObjectId, Arc<Origin>), String> {
    let commit = repository.find_commit(id).map_err(|error| said(&error))?;
    let tree = commit.tree_id().map_err(|error| said(&error))?.detach();
    let author = commit.author().map_err(|error| said(&error))?;
    let time = Timestamp::from_second(author.seconds()).unwrap_or_default();
    Ok((tree, Arc::new(Origin { commit: id.to_string(), time: time.to_string() })))
}

fn content(repository: &Repository, id: ObjectId) -> Result<Zeroizing<Vec<u8>>, String> {
    let length = repository.find_header(id).map_err(|error| said(&error))?.size();
    if length > LONGEST {
        return Err(format!("longer than {} MiB, the most that is looked at", LONGEST >> 20));
    }
    let object = repository.find_object(id).map_err(|error| said(&error))?;
    Ok(Zeroizing::new(object.detach().data))
}

/// What an error says, in one line.
fn said(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
