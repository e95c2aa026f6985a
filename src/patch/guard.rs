//! A patch set that is exchanged when its file is.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use super::container::FormatError;
use super::set::{OpenError, PatchSet};
use super::swap::Swap;
use super::trust::Trust;
use crate::secret::ImprintKey;

/// Holds a patch set, and takes the next one when another file was put in the place of its own.
///
/// There is no thread that watches the file: whoever asks for the set looks at the file on the way, if
/// the last look is a second ago or more ([`with_interval`](Guard::with_interval)). Looking asks the
/// system for the file's device, inode, size and times. If they are as they were, that is all; if not,
/// the file is opened and checked there and then, by this one caller, while all others go on with the
/// set they have: nobody waits. In between, asking for the set takes one look at the clock and four atomic
/// operations; it neither allocates nor locks.
///
/// What the guard was opened with decides about each file that comes: the same key, the same [`Trust`],
/// and never a set that is older than the one in use ([`Trust::replacing`]). A file that is refused,
/// gone or no regular file changes nothing: the old set serves on. Why it was refused is kept ([`refusal`](Guard::refusal)),
/// and it is not opened again before it changes, unless it could not be read at all.
///
/// The key was read before and is held, and zeroed when the guard is dropped: a process may give up the
/// right to read the key file, but it must be able to read the set's file. A guard that was opened before
/// a fork serves in each child, and each looks for itself. (In a process of several threads that forks
/// without `exec` while another thread has the file open, the child goes on with its set for good.)
///
/// ```
/// use stanch::patch::{Guard, Patch, PatchSetBuilder, Trust};
/// use stanch::secret::{ImprintKey, Secret};
/// use std::time::Duration;
///
/// let key = ImprintKey::generate()?;
/// let token = Secret::new("github-pat", *b"ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi");
/// let imprint = key.imprint(&token)?;
/// let compile = |serial, patch| {
///     let mut builder = PatchSetBuilder::new(&key).serial(serial);
///     builder.add(&imprint, patch)?;
///     builder.build()
/// };
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("patches");
/// compile(1, Patch::monitor(7))?.save(&path)?;
///
/// let guard = Guard::open(&path, ImprintKey::from_bytes(*key.expose()), Trust::new())?
///     .with_interval(Duration::ZERO);
/// let old = guard.current();
/// compile(2, Patch::block(7))?.save(&path)?;
/// assert_eq!(guard.current().info().serial, 2);
/// assert_eq!(old.info().serial, 1); // a request that began under the old set ends under it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Guard {
    path: PathBuf,
    key: ImprintKey,
    trust: Trust,
    set: Swap<PatchSet>,
    /// What times below are counted from.
    start: Instant,
    /// From when on the file is to be looked at, in nanoseconds.
    next: AtomicU64,
    /// How long after a look, likewise.
    interval: AtomicU64,
    /// The file as it was looked at last. Who has this does the looking.
    watch: Mutex<Watch>,
    /// Held for a moment by who tells or is told, and never while a file is open.
    told: Mutex<GuardInfo>,
}

/// What a guard did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GuardInfo {
    /// How often it exchanged its set for another.
    pub swaps: u64,
    /// How many changes of the file it refused.
    pub refusals: u64,
    /// The serial number of the set in use.
    pub serial: u64,
    /// When the file was looked at last.
    pub checked: SystemTime,
    /// When the set in use was taken.
    pub taken: SystemTime,
    /// Whether the file, as it was when it was looked at last, is refused.
    pub is_refusing: bool,
    /// The last refusal, whether it still stands or not.
    pub refusal: Option<Arc<Refusal>>,
}

/// Why a guard did not take its file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// What is wrong with the file, or why it is not trusted.
    pub error: OpenError,
    /// When.
    pub at: SystemTime,
}

/// What a look at the file came to, if that is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Another set is in use from now on.
    Swapped,
    /// The file was refused; the set in use stays.
    Refused,
}

/// What tells one state of a file from the next. Replacing a file changes its inode, and whatever
/// else is done to it the time of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the last change of either, in seconds and nanoseconds.
    #[cfg(unix)]
    node: (u64, u64, i64, i64),
}

/// How the file was when it was looked at last, and what came of it.
struct Watch {
    /// What kind of error it was if there was nothing to look at.
    stamp: Result<Stamp, io::ErrorKind>,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is the set in use.
    Taken,
    /// It is not to be taken, and will not be as long as it stays the same.
    Refused,
    /// It could not be read, for a reason that may pass without a trace on it.
    Unread,
}

impl Guard {
    /// How long the guard waits after a look at the file, unless told otherwise.
    pub const INTERVAL: Duration = Duration::from_secs(1);

    /// A guard over the set in the file at `path`, which was compiled with `key` and which `trust`
    /// takes. What `trust` says holds for all sets that come; a time that it was given
    /// ([`Trust::at`]), too.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if there is no such set to begin with.
    pub fn open(path: &Path, key: ImprintKey, trust: Trust) -> Result<Guard, OpenError> {
        // Before the file is opened: should it be replaced in between, the next look tells.
        let stamp = Stamp::of(path).map_err(|error| unread(path, error))?;
        let set = PatchSet::open_trusted(path, &key, &trust)?;
        let now = SystemTime::now();
        let told = GuardInfo {
            swaps: 0,
            refusals: 0,
            serial: set.layout().serial,
            checked: now,
            taken: now,
            is_refusing: false,
            refusal: None,
        };
        let interval = nanoseconds(Guard::INTERVAL);
        Ok(Guard {
            path: path.to_owned(),
            key,
            trust,
            set: Swap::new(Arc::new(set)),
            start: Instant::now(),
            next: AtomicU64::new(interval),
            interval: AtomicU64::new(interval),
            watch: Mutex::new(Watch { stamp: Ok(stamp), outcome: Outcome::Taken }),
            told: Mutex::new(told),
        })
    }

    /// The same guard, which looks at the file when the last look is `interval` ago; each time if that
    /// is zero.
    #[must_use]
    pub fn with_interval(self, interval: Duration) -> Guard {
        self.set_interval(interval);
        self
    }

    /// Lets the guard look at the file when the last look is `interval` ago; the next time now.
    pub fn set_interval(&self, interval: Duration) {
        self.interval.store(nanoseconds(interval), Ordering::Relaxed);
        self.next.store(0, Ordering::Relaxed);
    }

    /// The set to scan with, after a look at the file if one is due. Hold it for as long as the scan
    /// takes: it is freed when it was replaced and the last one who holds it lets go, or one look later
    /// if somebody asked for the set in that very moment.
    pub fn current(&self) -> Arc<PatchSet> {
        self.check();
        self.held()
    }

    /// The set in use, without a look at the file.
    pub fn held(&self) -> Arc<PatchSet> {
        self.set.get()
    }

    /// Looks at the file if that is due and nobody else does, and says whether that changed anything.
    /// Only the one who looked is told, so that each change is told once.
    pub fn check(&self) -> Option<News> {
        let now = nanoseconds(self.start.elapsed());
        if now < self.next.load(Ordering::Relaxed) {
            return None;
        }
        let mut watch = match self.watch.try_lock() {
            Ok(watch) => watch,
            Err(TryLockError::Poisoned(watch)) => watch.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        // Somebody else may have looked since.
        if now < self.next.load(Ordering::Relaxed) {
            return None;
        }
        let interval = self.interval.load(Ordering::Relaxed);
        self.next.store(now.saturating_add(interval), Ordering::Relaxed);
        self.look(&mut watch)
    }

    /// What the guard did so far.
    pub fn info(&self) -> GuardInfo {
        self.told().clone()
    }

    /// Why a file was refused the last time that one was.
    pub fn refusal(&self) -> Option<Arc<Refusal>> {
        self.told().refusal.clone()
    }

    /// Looks at the file, whoever has its `watch`.
    fn look(&self, watch: &mut Watch) -> Option<News> {
        self.set.sweep();
        let found = Stamp::of(&self.path);
        let stamp = found.as_ref().map(|stamp| *stamp).map_err(io::Error::kind);
        let now = SystemTime::now();
        self.told().checked = now;
        if !watch.is_to_open(stamp) {
            return None;
        }
        let held = self.held();
        let opened = found.map_err(|error| unread(&self.path, error)).and_then(|_| {
            let trust = self.trust.clone().replacing(&held);
            PatchSet::open_trusted(&self.path, &self.key, &trust)
        });
        let is_other = watch.stamp != stamp;
        let next = match opened {
            Ok(next) => next,
            Err(error) => {
                *watch = Watch { stamp, outcome: Outcome::of(&error) };
                return self.refuse(Refusal { error, at: now }, is_other);
            }
        };
        let is_same = next.is_same(&held);
        let serial = next.layout().serial;
        if !is_same && !self.set.put(Arc::new(next)) {
            // No room at this moment. The watch stays as it was, so that the next look tries again.
            return None;
        }
        *watch = Watch { stamp, outcome: Outcome::Taken };
        let mut told = self.told();
        told.is_refusing = false;
        if is_same {
            return None;
        }
        told.swaps += 1;
        told.serial = serial;
        told.taken = now;
        Some(News::Swapped)
    }

    /// Takes note of a refusal, unless it is of a file that is as it was, for the same reason as before.
    fn refuse(&self, refusal: Refusal, is_other: bool) -> Option<News> {
        let mut told = self.told();
        let says = |refusal: &Refusal| refusal.error.to_string();
        let was = told.refusal.as_deref().filter(|_| told.is_refusing && !is_other).map(says);
        if was.is_some_and(|was| was == says(&refusal)) {
            return None;
        }
        told.refusals += 1;
        told.is_refusing = true;
        told.refusal = Some(Arc::new(refusal));
        Some(News::Refused)
    }

    fn told(&self) -> MutexGuard<'_, GuardInfo> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Whether a file that looks like this is to be opened.
    fn is_to_open(&self, stamp: Result<Stamp, io::ErrorKind>) -> bool {
        stamp != self.stamp || (self.outcome == Outcome::Unread && stamp.is_ok())
    }
}

impl Outcome {
    fn of(error: &OpenError) -> Outcome {
        match error {
            OpenError::Io { .. } | OpenError::Format { error: FormatError::Memory, .. } => {
                Outcome::Unread
            }
            OpenError::Format { .. } => Outcome::Refused,
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Stamp> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            // To open a pipe may take until somebody writes to it.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Stamp::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        Stamp {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            node: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("path", &self.path)
            .field("key", &self.key)
            .field("set", &self.held())
            .finish_non_exhaustive()
    }
}

fn unread(path: &Path, error: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), error }
}

/// Five hundred years fit.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::TrustError;
    use super::*;

    fn format(error: FormatError) -> OpenError {
        OpenError::Format { path: PathBuf::new(), error }
    }

    #[test]
    fn a_file_is_opened_when_it_changed_or_could_not_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "a").unwrap();
        let stamp = Stamp::of(&path).unwrap();
        let absent = Err(io::ErrorKind::NotFound);
        let other = Ok(Stamp { len: 2, ..stamp });
        let rows = [
            (Ok(stamp), Outcome::Taken, [false, true, true]),
            (Ok(stamp), Outcome::Refused, [false, true, true]),
            (Ok(stamp), Outcome::Unread, [true, true, true]),
            (other, Outcome::Refused, [true, false, true]),
            // A file that is not there is looked for, and not opened.
            (absent, Outcome::Unread, [true, true, false]),
        ];
        for (stamp_then, outcome, expected) in rows {
            let watch = Watch { stamp: stamp_then, outcome };
            let found = [Ok(stamp), other, absent].map(|now| watch.is_to_open(now));
            assert_eq!(found, expected, "{stamp_then:?} {outcome:?}");
        }
    }

    #[test]
    fn what_may_pass_by_itself_is_tried_again() {
        let io = OpenError::Io { path: PathBuf::new(), error: io::ErrorKind::Interrupted.into() };
        assert_eq!(Outcome::of(&io), Outcome::Unread);
        assert_eq!(Outcome::of(&format(FormatError::Memory)), Outcome::Unread);
        for error in [FormatError::Magic, FormatError::Damaged, TrustError::Unsigned.into()] {
            assert_eq!(Outcome::of(&format(error)), Outcome::Refused);
        }
    }

    #[test]
    fn stamps_tell_replaced_and_rewritten_files_apart() {
        let folder = tempfile::tempdir().unwrap();
        let [path, next] = ["file", "next"].map(|name| folder.path().join(name));
        fs::write(&path, "a").unwrap();
        let first = Stamp::of(&path).unwrap();
        assert_eq!(Stamp::of(&path).unwrap(), first);
        fs::write(&next, "a").unwrap();
        // The same length and the same time.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&next).unwrap().set_modified(modified).unwrap();
        fs::rename(&next, &path).unwrap();
        let second = Stamp::of(&path).unwrap();
        assert_eq!(second.modified, first.modified);
        assert_ne!(second, first);
        fs::write(&path, "ab").unwrap();
        assert_ne!(Stamp::of(&path).unwrap(), second);
        for none in [&next, folder.path()] {
            assert!(Stamp::of(none).is_err());
        }
    }
}
