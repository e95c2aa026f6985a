//! The workers, and the order that they keep.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::look::Seen;
use super::walk::Step;

/// Targets that are handed out together: most files are small, and waking a worker takes as long as a
/// look at one of them.
const BATCH: usize = 16;
/// Batches that may wait for each worker.
const QUEUE: usize = 4;

/// A target, with its number in the order in which they are met.
type Task<T> = (u64, T);

/// What became of targets.
type Done = Vec<(u64, Vec<Seen>)>;

/// Takes what is met, until it breaks.
pub(super) type Meet<'m, T> = dyn FnMut(Step<T>) -> ControlFlow<()> + 'm;

/// Looks with `jobs` workers, each made by `worker`, at everything that `source` meets, and hands
/// it to `visit` in the order in which it was met, as soon as everything before it was handed over.
/// One worker does all of it alone, on one thread.
///
/// # Errors
///
/// What `visit` says; nothing more is looked at then.
pub(super) fn each<T: Send, W: FnMut(T) -> Vec<Seen>>(
    jobs: usize,
    source: impl FnOnce(&mut Meet<'_, T>) + Send,
    worker: impl Fn() -> W + Sync,
    mut visit: impl FnMut(Seen) -> io::Result<()>,
) -> io::Result<()> {
    if jobs == 1 {
        return alone(source, worker(), visit);
    }
    let (tasks, waiting) = mpsc::sync_channel(QUEUE * jobs);
    // Shared by the workers alone: when the last one leaves, the source ends as well.
    let waiting = Arc::new(Mutex::new(waiting));
    let (finished, done) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (waiting, finished) = (Arc::clone(&waiting), finished.clone());
            let worker = &worker;
            scope.spawn(move || work(worker(), &waiting, &finished));
        }
        drop(waiting);
        scope.spawn(move || hand_out(source, &tasks, &finished));
        in_order(done, &mut visit)
    })
}

/// Looks at each target as it is met.
fn alone<T>(
    source: impl FnOnce(&mut Meet<'_, T>),
    mut look: impl FnMut(T) -> Vec<Seen>,
    mut visit: impl FnMut(Seen) -> io::Result<()>,
) -> io::Result<()> {
    let mut ended = Ok(());
    source(&mut |step| {
        let seen = match step {
            Step::File(target) => look(target),
            Step::Trouble(trouble) => vec![trouble.seen()],
        };
        ended = seen.into_iter().try_for_each(&mut visit);
        if ended.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    ended
}

/// Numbers what is met.
fn hand_out<T>(
    source: impl FnOnce(&mut Meet<'_, T>),
    tasks: &SyncSender<Vec<Task<T>>>,
    finished: &Sender<Done>,
) {
    let mut number = 0;
    let mut batch = Vec::with_capacity(BATCH);
    // A break means that nobody waits for more; the channels close either way.
    source(&mut |step| {
        let sent = match step {
            Step::File(target) => {
                batch.push((number, target));
                batch.len() < BATCH
                    || tasks.send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH))).is_ok()
            }
            Step::Trouble(trouble) => finished.send(vec![(number, vec![trouble.seen()])]).is_ok(),
        };
        number += 1;
        if sent { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    if !batch.is_empty() {
        // Nobody may wait for it any more.
        let _ = tasks.send(batch);
    }
}

/// Looks at target after target.
fn work<T>(
    mut look: impl FnMut(T) -> Vec<Seen>,
    waiting: &Mutex<Receiver<Vec<Task<T>>>>,
    finished: &Sender<Done>,
) {
    loop {
        let task = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = task else { return };
        let done = batch.into_iter().map(|(number, target)| (number, look(target))).collect();
        if finished.send(done).is_err() {
            return;
        }
    }
}

/// Hands over what is done in the order of the numbers.
fn in_order(
    done: Receiver<Done>,
    visit: &mut impl FnMut(Seen) -> io::Result<()>,
) -> io::Result<()> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, seen) in done.into_iter().flatten() {
        early.insert(number, seen);
        while let Some(seen) = early.remove(&next) {
            seen.into_iter().try_for_each(&mut *visit)?;
            next += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use stanch::detect::Detector;

    use super::super::look::{Looker, Options};
    use super::super::walk::Walk;
    use super::*;

    fn each_below(
        folder: &Path,
        jobs: usize,
        visit: impl FnMut(Seen) -> io::Result<()>,
    ) -> io::Result<()> {
        let (detector, options) = (Detector::new(), Options::default());
        let walk = Walk { follow: false, ignore: true };
        let worker = || {
            let mut looker = Looker::new(&detector, &options);
            move |path: PathBuf| looker.look(&path)
        };
        let source = |meet: &mut Meet<'_, PathBuf>| {
            let _ = walk.each(&[folder.to_owned()], meet);
        };
        each(jobs, source, worker, visit)
    }

    #[test]
    fn files_are_handed_over_in_order_whoever_is_faster() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..200u32 {
            // The first ones take longest.
            let content = vec![b'x'; if n < 4 { 1 << 20 } else { 10 }];
            fs::write(folder.path().join(format!("{n:03}")), content).unwrap();
        }
        for jobs in [1, 2, 9] {
            let mut names = Vec::new();
            each_below(folder.path(), jobs, |Seen { path, look }| {
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
        for jobs in [1, 2] {
            let mut visits = 0;
            let ended = each_below(folder.path(), jobs, |_| {
                visits += 1;
                Err(io::ErrorKind::BrokenPipe.into())
            });
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(visits, 1);
        }
    }
}
