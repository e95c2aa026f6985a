//! The workers, and the order that they keep.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::look::Seen;
use super::walk::Step;

/// A worker takes as many targets at a time as keep it busy for about this long: much longer than it takes
/// to fetch them and to hand over what came of them, and much shorter than anybody waits.
const TURN: Duration = Duration::from_millis(2);
/// No more targets are taken at a time.
const MOST: usize = 256;

/// Looks with `jobs` workers, each made by `worker`, at everything that `steps` meets, and hands
/// it to `visit` in the order in which it was met, as soon as everything before it was handed over.
/// Neighbours in which there is nothing may come as one. One worker does all of it alone, on one
/// thread.
///
/// # Errors
///
/// What `visit` says; nothing more is looked at then.
pub(super) fn each<T: Send, W: FnMut(T) -> Vec<Seen>>(
    jobs: usize,
    steps: impl Iterator<Item = Step<T>> + Send,
    worker: impl Fn() -> W + Sync,
    mut visit: impl FnMut(Seen) -> io::Result<()>,
) -> io::Result<()> {
    if jobs == 1 {
        let mut look = worker();
        return steps.flat_map(|step| seen(step, &mut look)).try_for_each(visit);
    }
    let turns = Mutex::new(Turns { steps, given: 0 });
    let (finished, done) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (finished, turns, worker) = (finished.clone(), &turns, &worker);
            scope.spawn(move || work(worker(), turns, &finished));
        }
        drop(finished);
        in_order(done, &mut visit)
    })
}

/// What is still to be looked at. Whoever is free meets the next targets itself: nobody has to be woken
/// for them.
struct Turns<I> {
    steps: I,
    given: u64,
}

impl<T, I: Iterator<Item = Step<T>>> Turns<I> {
    /// The next so many targets, and the number of the turn. None are left if there are none.
    fn take(&mut self, many: usize) -> (u64, Vec<Step<T>>) {
        let number = self.given;
        self.given += 1;
        (number, self.steps.by_ref().take(many).collect())
    }
}

/// What came of a turn, with its number.
type Done = (u64, Vec<Seen>);

/// Looks at target after target, until there are no more or nobody waits for what comes of them.
fn work<T>(
    mut look: impl FnMut(T) -> Vec<Seen>,
    turns: &Mutex<Turns<impl Iterator<Item = Step<T>>>>,
    finished: &Sender<Done>,
) {
    let mut many = 1;
    loop {
        let (number, steps) = turns.lock().unwrap_or_else(PoisonError::into_inner).take(many);
        if steps.is_empty() {
            return;
        }
        let began = Instant::now();
        let mut all = Vec::new();
        steps
            .into_iter()
            .flat_map(|step| seen(step, &mut look))
            .for_each(|seen| add(&mut all, seen));
        if finished.send((number, all)).is_err() {
            return;
        }
        many = match began.elapsed() {
            short if short < TURN / 2 => (many * 2).min(MOST),
            long if long > TURN * 2 => (many / 2).max(1),
            _ => many,
        };
    }
}

/// What is seen at a step.
fn seen<T>(step: Step<T>, look: &mut impl FnMut(T) -> Vec<Seen>) -> Vec<Seen> {
    match step {
        Step::File(target) => look(target),
        Step::Trouble(trouble) => vec![trouble.seen()],
    }
}

/// Adds what was seen; to the last, if there is nothing in either. Most files have nothing in them, and
/// while one of them takes long, what is seen in all the others is held.
fn add(all: &mut Vec<Seen>, seen: Seen) {
    if let Ok(look) = &seen.look
        && look.findings.is_empty()
        && let Some(Seen { look: Ok(last), .. }) = all.last_mut()
        && last.findings.is_empty()
    {
        last.merge(look);
    } else {
        all.push(seen);
    }
}

/// Hands over what is done in the order of the turns.
fn in_order(
    done: Receiver<Done>,
    visit: &mut impl FnMut(Seen) -> io::Result<()>,
) -> io::Result<()> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, seen) in done {
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
        each(jobs, walk.steps(&[folder.to_owned()]), worker, visit)
    }

    #[test]
    fn files_are_handed_over_in_order_whoever_is_faster() {
        const TOKEN: &[u8] = b"t = 'ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo'\n";
        let folder = tempfile::tempdir().unwrap();
        for n in 0..200u32 {
            // The first ones take longest, and there is nothing in every third.
            let mut content = if n % 3 == 0 { Vec::new() } else { TOKEN.to_vec() };
            content.resize(if n < 4 { 1 << 20 } else { 100 }, b'x');
            fs::write(folder.path().join(format!("{n:03}")), content).unwrap();
        }
        for jobs in [1, 2, 9] {
            let (mut names, mut files, mut bytes) = (Vec::new(), 0, 0);
            each_below(folder.path(), jobs, |Seen { path, look }| {
                let look = look.unwrap();
                (files, bytes) = (files + look.files, bytes + look.bytes);
                if !look.findings.is_empty() {
                    assert_eq!(look.files, 1);
                    names.push(path.file_name().unwrap().to_str().unwrap().parse::<u32>().unwrap());
                }
                Ok(())
            })
            .unwrap();
            assert_eq!(names, (0..200).filter(|n| n % 3 > 0).collect::<Vec<_>>());
            assert_eq!((files, bytes), (200, (4 << 20) + 196 * 100));
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
