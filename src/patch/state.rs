//! The memory of a scan, cut into its buffers.

use super::stream::Stream;
use super::views::{Stretch, Walk};

/// The buffers of a scan and how much of each was written to.
pub(super) struct State<'s> {
    /// What raw searches keep.
    pub(super) raw: Buffer<'s>,
    /// What readings keep.
    pub(super) kept: Buffer<'s>,
    /// The same two for the inflated body.
    pub(super) inflated_raw: Buffer<'s>,
    pub(super) inflated_kept: Buffer<'s>,
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
        let mut rest = memory;
        let mut cut = |len| {
            let (bytes, behind) = std::mem::take(&mut rest).split_at_mut_checked(len)?;
            rest = behind;
            Some(Buffer { bytes, written: 0 })
        };
        let [raw, kept, inflated_raw, inflated_kept, decoded] = State::lens(longest).map(&mut cut);
        Some(State {
            raw: raw?,
            kept: kept?,
            inflated_raw: inflated_raw?,
            inflated_kept: inflated_kept?,
            decoded: decoded?,
        })
    }

    /// Wipes what was written.
    pub(super) fn wipe(&mut self) {
        let State { raw, kept, inflated_raw, inflated_kept, decoded } = self;
        for buffer in [raw, kept, inflated_raw, inflated_kept, decoded] {
            let written = std::mem::take(&mut buffer.written);
            if let (true, Some(bytes)) = (written > 0, buffer.bytes.get_mut(..written)) {
                bytes.fill(0);
                // Without this the compiler may see that nobody reads the zeroes, and leave them out.
                std::hint::black_box(bytes);
            }
        }
    }

    fn lens(longest: usize) -> [usize; 5] {
        let (raw, kept) = (Stream::buffer_len(longest), Stretch::buffer_len(longest));
        [raw, kept, raw, kept, Walk::buffers_len(longest)]
    }
}
