//! The workers, and the order that they keep.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use stanch::detect::Detector;

use super::Trouble;
use super::look::{Look, Looker};
use super::walk::{Step, Walk};

/// Files that may wait for each worker.
const QUEUE: usize = 64;

/// A file, with its number in the order of the walk.
type Task = (u64, PathBuf);

/// What became of it.
type Done = (u64, PathBuf, Result<Look, Trouble>);

/// Looks with `jobs` workers at everything that `walk` meets, and hands it to `visit` in the order
/// of the walk, as soon as everything before it was handed over.
///
/// # Errors
///
/// What `visit` says; nothing more is looked at then.
pub(super) fn each(
    walk: &Walk,
    paths: &[PathBuf],
    detector: &Detector,
    jobs: usize,
    keeps_secrets: bool,
    mut visit: impl FnMut(&Path, Result<Look, Trouble>) -> io::Result<()>,
) -> io::Result<()> {
    let (tasks, waiting) = mpsc::sync_channel(QUEUE * jobs);
    // Shared by the workers alone: when the last one leaves, the walk ends as well.
    let waiting = Arc::new(Mutex::new(waiting));
    let (finished, done) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (waiting, finished) = (Arc::clone(&waiting), finished.clone());
            scope.spawn(move || work(Looker::new(detector, keeps_secrets), &waiting, &finished));
        }
        drop(waiting);
        scope.spawn(move || hand_out(walk, paths, &tasks, &finished));
        in_order(done, &mut visit)
    })
}

/// Walks, and numbers what is met.
fn hand_out(walk: &Walk, paths: &[PathBuf], tasks: &SyncSender<Task>, finished: &Sender<Done>) {
    let mut number = 0;
    // A break means that nobody waits for more; the channels close either way.
    let _ = walk.each(paths, |step| {
        let sent = match step {
            Step::File(path) => tasks.send((number, path)).is_ok(),
            Step::Trouble(trouble) => {
                finished.send((number, trouble.path.clone(), Err(trouble))).is_ok()
            }
        };
        number += 1;
        if sent { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
}

/// Looks at file after file.
fn work(mut looker: Looker<'_>, waiting: &Mutex<Receiver<Task>>, finished: &Sender<Done>) {
    loop {
        let task = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, path)) = task else { return };
        let look = looker.look(&path);
        if finished.send((number, path, look)).is_err() {
            return;
        }
    }
}

/// Hands over what is done in the order of the numbers.
fn in_order(
    done: Receiver<Done>,
    visit: &mut impl FnMut(&Path, Result<Look, Trouble>) -> io::Result<()>,
) -> io::Result<()> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, path, look) in done {
        early.insert(number, (path, look));
        while let Some((path, look)) = early.remove(&next) {
            visit(&path, look)?;
            next += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_handed_over_in_order_whoever_is_faster() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..200u32 {
            // The first ones take longest.
            let content = vec![b'x'; if n < 4 { 1 << 20 } else { 10 }];
            fs::write(folder.path().join(format!("{n:03}")), content).unwrap();
        }
        let detector = Detector::new();
        let walk = Walk { follow: false, ignore: true };
        for jobs in [1, 2, 9] {
            let mut names = Vec::new();
            each(&walk, &[folder.path().to_owned()], &detector, jobs, false, |path, look| {
                assert!(look.is_ok());
                names.push(path.file_name().unwrap().to_str().unwrap().parse::<u32>().unwrap());
                Ok(())
            })
            .unwrap();
            assert_eq!(names, (0..200).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_visitor_that_has_enough_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..1000 {
            fs::write(folder.path().join(n.to_string()), "x").unwrap();
        }
        let walk = Walk { follow: false, ignore: true };
        let mut visits = 0;
        let ended = each(&walk, &[folder.path().to_owned()], &Detector::new(), 2, false, |_, _| {
            visits += 1;
            Err(io::ErrorKind::BrokenPipe.into())
        });
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(visits, 1);
    }
}
