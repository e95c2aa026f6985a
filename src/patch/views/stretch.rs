//! The readings of a text that comes in pieces.
//!
//! An encoded token lies within some [`reach`](super::reach). So each piece is read where it lies,
//! and once more together with what stands before it, as far as the reach goes. Short pieces are
//! collected first.

use std::ops::ControlFlow;

use super::walk::{Reading, Sighting, Walk};
use super::window;
use crate::patch::set::PatchSet;
use crate::patch::state::Buffer;

/// How much longer than the window a text may be that is kept.
const MARGIN: usize = 1;

/// How far a text that comes in pieces was read. The end of it is kept in a buffer that is handed to
/// each call, always the same one.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::patch) struct Stretch {
    /// How many bytes the buffer holds.
    filled: usize,
    /// How many of them were read as the end of what stands before.
    seen: usize,
    /// The offset in the whole text of the buffer's first byte.
    base: u64,
}

/// The memory of a stretch and its walks.
pub(in crate::patch) struct Memory<'m> {
    /// [`Stretch::buffer_len`] bytes.
    kept: &'m mut [u8],
    kept_written: &'m mut usize,
    /// [`Walk::buffers_len`] bytes.
    buffers: &'m mut [u8],
    written: &'m mut usize,
}

impl<'m> Memory<'m> {
    /// A memory of these two buffers.
    pub(in crate::patch) fn new(
        kept: &'m mut Buffer<'_>,
        decoded: &'m mut Buffer<'_>,
    ) -> Memory<'m> {
        Memory {
            kept: kept.bytes,
            kept_written: &mut kept.written,
            buffers: decoded.bytes,
            written: &mut decoded.written,
        }
    }
}

impl Stretch {
    /// How long the buffer must be for tokens of up to `longest` bytes.
    pub(in crate::patch) fn buffer_len(longest: usize) -> usize {
        window(longest) + MARGIN
    }

    /// Reads the next piece. `found` gets what shows, each with its offset in the whole text.
    pub(in crate::patch) fn feed(
        &mut self,
        set: &PatchSet,
        memory: &mut Memory<'_>,
        reading: Reading,
        piece: &[u8],
        found: &mut impl FnMut(Sighting, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let reach = set.signs().reach;
        if piece.len() < set.signs().window {
            return self.feed_short(set, memory, reading, piece, found);
        }
        let offset = self.base + self.filled as u64;
        if self.filled > 0 {
            if self.filled > reach {
                self.read(set, memory, reading, found)?;
            }
            // The end of what came before, and as much of the piece.
            self.slide(memory, reach);
            self.collect(memory, &piece[..reach]);
            self.read(set, memory, reading, found)?;
        }
        let Memory { kept, kept_written, buffers, written } = memory;
        let in_place = &mut |sighting: Sighting| found(sighting, offset + sighting.start as u64);
        Walk::new(set, piece, buffers, reading).run(written, in_place)?;
        let from = start_of_end(piece, reach);
        let end = &piece[from..];
        kept[..end.len()].copy_from_slice(end);
        **kept_written = (**kept_written).max(end.len());
        *self = Stretch { filled: end.len(), seen: end.len(), base: offset + from as u64 };
        ControlFlow::Continue(())
    }

    /// Reads a piece that is shorter than the window.
    fn feed_short(
        &mut self,
        set: &PatchSet,
        memory: &mut Memory<'_>,
        reading: Reading,
        mut rest: &[u8],
        found: &mut impl FnMut(Sighting, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (reach, window) = (set.signs().reach, set.signs().window);
        while !rest.is_empty() {
            // Not more: what is longer than the window is decoded in two parts.
            if self.filled >= window {
                self.read(set, memory, reading, found)?;
                self.slide(memory, reach);
            }
            let (now, later) = rest.split_at(rest.len().min(window - self.filled));
            self.collect(memory, now);
            rest = later;
        }
        ControlFlow::Continue(())
    }

    /// Reads what was collected, now that the text is at its end.
    pub(in crate::patch) fn finish(
        &mut self,
        set: &PatchSet,
        memory: &mut Memory<'_>,
        reading: Reading,
        found: &mut impl FnMut(Sighting, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.read(set, memory, reading, found)
    }

    fn collect(&mut self, memory: &mut Memory<'_>, piece: &[u8]) {
        if let Some(room) = memory.kept.get_mut(self.filled..self.filled + piece.len()) {
            room.copy_from_slice(piece);
            self.filled += piece.len();
            *memory.kept_written = (*memory.kept_written).max(self.filled);
        }
    }

    /// Reads what is in the buffer, unless nothing is new.
    fn read(
        &mut self,
        set: &PatchSet,
        memory: &mut Memory<'_>,
        reading: Reading,
        found: &mut impl FnMut(Sighting, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.seen == self.filled {
            return ControlFlow::Continue(());
        }
        self.seen = self.filled;
        let (kept, base) = (&memory.kept[..self.filled], self.base);
        let mut walk_found = |sighting: Sighting| found(sighting, base + sighting.start as u64);
        Walk::new(set, kept, memory.buffers, reading).run(memory.written, &mut walk_found)
    }

    /// Keeps no more than the reach.
    fn slide(&mut self, memory: &mut Memory<'_>, reach: usize) {
        let from = start_of_end(&memory.kept[..self.filled], reach);
        memory.kept.copy_within(from..self.filled, 0);
        self.filled -= from;
        self.seen = self.seen.saturating_sub(from);
        self.base += from as u64;
    }
}

/// Where the last `reach` bytes of `text` start, or one byte before that, so as not to start between a
/// backslash and what it escapes.
fn start_of_end(text: &[u8], reach: usize) -> usize {
    let from = text.len().saturating_sub(reach);
    let backslashes = text[..from].iter().rev().take_while(|byte| **byte == b'\\').count();
    from - backslashes % 2
}
