//! The memory of a scan, cut into its buffers.

use super::stream::Stream;
use super::views::{Stretch, Walk};

/// The buffers of a scan and how much of each was written to.
pub(super) struct State<'s> {
    /// What raw searches keep.
    pub(super) raw: Buffer<'s>,
    /// What readings keep.
    pub(super) kept: Buffer<'s>,
    /// What readings decode into.
    pub(super) decoded: Buffer<'s>,
}

/// Bytes, all of which may have been written to up to some place.
pub(super) struct Buffer<'s> {
    pub(super) bytes: &'s mut [u8],
    pub(super) written: usize,
}

impl<'s> State<'s> {
    /// The bytes that tokens of up to `longest` bytes need.
    pub(super) fn len(longest: usize) -> usize {
        State::lens(longest).iter().sum()
    }

    /// The buffers in `memory`, unless it is too short.
    pub(super) fn cut(memory: &'s mut [u8], longest: usize) -> Option<State<'s>> {
        let [raw, kept, decoded] = State::lens(longest);
        let (raw, rest) = memory.split_at_mut_checked(raw)?;
        let (kept, rest) = rest.split_at_mut_checked(kept)?;
        let (decoded, _) = rest.split_at_mut_checked(decoded)?;
        let buffer = |bytes| Buffer { bytes, written: 0 };
        Some(State { raw: buffer(raw), kept: buffer(kept), decoded: buffer(decoded) })
    }

    /// Wipes what was written.
    pub(super) fn wipe(&mut self) {
        for buffer in [&mut self.raw, &mut self.kept, &mut self.decoded] {
            let written = std::mem::take(&mut buffer.written);
            if let (true, Some(bytes)) = (written > 0, buffer.bytes.get_mut(..written)) {
                bytes.fill(0);
                // Without this the compiler may see that nobody reads the zeroes, and leave them out.
                std::hint::black_box(bytes);
            }
        }
    }

    fn lens(longest: usize) -> [usize; 3] {
        [Stream::buffer_len(longest), Stretch::buffer_len(longest), Walk::buffers_len(longest)]
    }
}
