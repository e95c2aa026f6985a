//! A text that comes in pieces, searched as if it were whole.
//!
//! A probe waits until the longest token would fit behind it, and as much text as that token has is
//! kept before it. So a token is found however it is cut, every byte is probed once, and a long
//! piece is searched where it stands.

use std::ops::ControlFlow;

use super::search::{Cursor, Occurrence};
use super::set::PatchSet;

/// How many bytes a buffer takes beyond what must be kept, so that many small pieces are moved
/// seldom.
const WORK: usize = 512;

/// Where a search in a text that comes in pieces stands. The text that it must keep is in a buffer
/// that is handed to each call, always the same one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    cursor: Cursor,
    /// The bytes kept in the buffer.
    filled: usize,
    /// The offset in the whole text of the buffer's first byte.
    base: u64,
}

impl Stream {
    /// A text that is about to start.
    pub(super) fn new(set: &PatchSet) -> Stream {
        Stream { cursor: set.start(), filled: 0, base: 0 }
    }

    /// How long the buffer must be for tokens of up to `longest` bytes.
    pub(super) const fn buffer_len(longest: usize) -> usize {
        2 * longest + WORK
    }

    /// Searches the next piece. `found` gets the occurrences, each with its offset in the whole
    /// text.
    pub(super) fn feed(
        &mut self,
        set: &PatchSet,
        buffer: &mut [u8],
        piece: &[u8],
        found: &mut impl FnMut(Occurrence, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut from = 0;
        while from < piece.len() {
            if self.filled == 0 {
                return self.feed_in_place(set, buffer, &piece[from..], found);
            }
            let taken = (piece.len() - from).min(buffer.len() - self.filled);
            buffer[self.filled..self.filled + taken].copy_from_slice(&piece[from..from + taken]);
            self.filled += taken;
            from += taken;
            self.search(set, &buffer[..self.filled], set.longest(), found)?;
            if from == piece.len() {
                break;
            }
            let needed_from = self.needed_from(set, self.filled);
            let needed = self.filled - needed_from;
            self.forget(needed_from);
            if needed <= from {
                // All that is still needed stands in the piece itself: go on there.
                from -= needed;
                self.filled = 0;
            } else {
                buffer.copy_within(needed_from..self.filled, 0);
                self.filled = needed;
            }
        }
        ControlFlow::Continue(())
    }

    /// Searches what is left, now that the text is at its end.
    pub(super) fn finish(
        &mut self,
        set: &PatchSet,
        buffer: &mut [u8],
        found: &mut impl FnMut(Occurrence, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let flow = self.search(set, &buffer[..self.filled], 0, found);
        self.filled = 0;
        flow
    }

    fn feed_in_place(
        &mut self,
        set: &PatchSet,
        buffer: &mut [u8],
        piece: &[u8],
        found: &mut impl FnMut(Occurrence, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.search(set, piece, set.longest(), found)?;
        let needed_from = self.needed_from(set, piece.len());
        let needed = &piece[needed_from..];
        buffer[..needed.len()].copy_from_slice(needed);
        self.filled = needed.len();
        self.forget(needed_from);
        ControlFlow::Continue(())
    }

    fn search(
        &mut self,
        set: &PatchSet,
        text: &[u8],
        ahead: usize,
        found: &mut impl FnMut(Occurrence, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let base = self.base;
        set.search(text, &mut self.cursor, ahead, &mut |occurrence| {
            found(occurrence, base + occurrence.start as u64)
        })
    }

    /// Where the text starts that a probe to come may need, of a text of `len` bytes.
    fn needed_from(&self, set: &PatchSet, len: usize) -> usize {
        self.cursor.first().saturating_sub(set.longest()).min(len)
    }

    fn forget(&mut self, bytes: usize) {
        self.base += bytes as u64;
        self.cursor.forget(bytes);
    }
}
