//! How much is read, and who counts it.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};

use crate::fault::Fault;

/// Bytes that a stream may hold before its ratio counts: short texts compress as they like.
const RATIO_FROM: u64 = 4 << 20;

/// How much a walk reads at most. The memory that it holds is bounded by `held × depth`, and what
/// decompressors ask for beside that: 70 MiB at most, for xz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that come out of compression in all, beside eight for each byte of the outer file.
    pub total: u64,
    /// Files in all archives together.
    pub entries: u64,
    /// How many bytes one byte of a compressed stream may become, once there are 4 MiB of them.
    pub ratio: u64,
    /// How many containers may be nested in each other; at most 16 are.
    pub depth: usize,
    /// Bytes of a file inside that must be held in memory to be opened.
    pub held: u64,
}

impl Default for Limits {
    /// 256 MiB, 100,000 files, 250-fold, 8 deep, 32 MiB.
    fn default() -> Limits {
        Limits { total: 256 << 20, entries: 100_000, ratio: 250, depth: 8, held: 32 << 20 }
    }
}

/// What is left of the limits of one walk.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    allowed: u64,
    total: Cell<u64>,
    entries: Cell<u64>,
    /// Whether nothing more is to be read at all.
    spent: Cell<bool>,
    /// Whether a stream ended early and that was not told yet. Whatever else is wrong follows.
    pub(crate) cut: Cell<bool>,
}

impl Budget {
    /// A budget for an outer file of `len` bytes.
    pub(crate) fn new(limits: Limits, len: u64) -> Budget {
        let allowed = limits.total.saturating_add(len.saturating_mul(8));
        let limits = Limits { depth: limits.depth.min(16), ..limits };
        Budget {
            limits,
            allowed,
            total: Cell::new(0),
            entries: Cell::new(0),
            spent: Cell::new(false),
            cut: Cell::new(false),
        }
    }

    /// Whether a limit of the whole walk has ended it.
    pub(crate) fn is_spent(&self) -> bool {
        self.spent.get()
    }

    /// Counts one more file.
    pub(crate) fn entry(&self) -> Result<(), Fault> {
        self.entries.set(self.entries.get() + 1);
        if self.entries.get() > self.limits.entries {
            self.spent.set(true);
            return Err(Fault::Entries(self.limits.entries));
        }
        Ok(())
    }

    fn bytes(&self, count: u64) -> Result<(), Fault> {
        self.total.set(self.total.get() + count);
        if self.total.get() > self.allowed {
            self.spent.set(true);
            return Err(Fault::Total(self.allowed >> 20));
        }
        Ok(())
    }
}

/// Counts the bytes that a decompressor takes.
pub(crate) struct Counted<'c, R> {
    inner: R,
    count: &'c Cell<u64>,
}

impl<'c, R> Counted<'c, R> {
    pub(crate) fn new(inner: R, count: &'c Cell<u64>) -> Counted<'c, R> {
        Counted { inner, count }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// A stream that ends where a limit or damage ends it, as if it were whole, and remembers why. So
/// whoever reads it keeps what came before.
pub(crate) struct Stream<'s> {
    inner: &'s mut dyn Read,
    budget: &'s Budget,
    /// How many bytes the decompressor took, where there is one.
    taken: Option<&'s dyn Fn() -> u64>,
    produced: u64,
    fault: &'s RefCell<Option<Fault>>,
}

impl<'s> Stream<'s> {
    /// What `inner` gives. With `taken` it comes out of a decompressor that took so many bytes.
    pub(crate) fn new(
        inner: &'s mut dyn Read,
        budget: &'s Budget,
        taken: Option<&'s dyn Fn() -> u64>,
        fault: &'s RefCell<Option<Fault>>,
    ) -> Stream<'s> {
        Stream { inner, budget, taken, produced: 0, fault }
    }

    fn check(&mut self, read: usize) -> Result<(), Fault> {
        let Some(taken) = self.taken else { return Ok(()) };
        self.produced += read as u64;
        self.budget.bytes(read as u64)?;
        let ratio = self.budget.limits.ratio.max(1);
        if self.produced > RATIO_FROM && self.produced / ratio > taken() {
            return Err(Fault::Ratio(ratio));
        }
        Ok(())
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.budget.is_spent() || self.fault.borrow().is_some() {
            return Ok(0);
        }
        let fault = match self.inner.read(buffer) {
            Ok(read) => match self.check(read) {
                Ok(()) => return Ok(read),
                Err(fault) => fault,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => Fault::Damaged(said(&error)),
        };
        // Where a stream around this one was cut off, this fault is nothing new.
        if !self.budget.cut.replace(true) {
            *self.fault.borrow_mut() = Some(fault);
        }
        Ok(0)
    }
}

/// What an error says, in one short line.
pub(crate) fn said(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|character| !character.is_control()).take(160).collect()
}
