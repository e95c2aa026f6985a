//! How far a scan has come, on stderr while that is a terminal.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);

/// A line that tells how much was looked at, gone when dropped.
pub(super) struct Progress<'p> {
    /// What else is to be told.
    note: Option<&'p dyn Fn() -> String>,
    line: ProgressBar,
    files: u64,
    bytes: u64,
}

impl<'p> Progress<'p> {
    /// A line at zero, that begins with the note if there is one.
    pub(super) fn new(note: Option<&'p dyn Fn() -> String>) -> Progress<'p> {
        let line = ProgressBar::new_spinner();
        if !line.is_hidden() {
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                line.set_style(style);
            }
            line.enable_steady_tick(TICK);
        }
        Progress { note, line, files: 0, bytes: 0 }
    }

    /// Counts so many files, and their bytes.
    pub(super) fn advance(&mut self, files: u64, bytes: u64) {
        self.files += files;
        self.bytes += bytes;
        if !self.line.is_hidden() {
            let (files, bytes) = (HumanCount(self.files), HumanBytes(self.bytes));
            let note = self.note.map(|note| note() + ", ").unwrap_or_default();
            self.line.set_message(format!("{note}{files} files, {bytes}"));
        }
    }

    /// Does something that writes to the terminal, with the line out of the way.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.line.suspend(write)
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}
