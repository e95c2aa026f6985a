//! The views: how else a text can be read, and what shows then.
//!
//! A text is searched as it stands in any case. Beside that, *leads* say where another
//! reading may show a token. Around each lead the *span* that a token can cover is decoded by a
//! [`Step`](step::Step) into a buffer, which is searched and looked through for leads in turn: a walk
//! through a tree of readings, whose depth is bounded, in memory that the caller owns. `docs/views.md`
//! says what is undone, and where it ends.

mod base64;
mod lead;
mod step;
mod stretch;
mod unescape;
mod walk;

pub(super) use lead::Signs;
pub(super) use stretch::{Memory, Stretch};
pub(super) use walk::{Reading, Walk};

/// The value of a base64 letter, of either alphabet.
pub(super) const fn base64_value(byte: u8) -> Option<u8> {
    base64::value(byte)
}

/// How deep spans can lie within each other: four steps, two of which may have their line ends taken
/// out first, and the letter case.
pub(super) const DEPTH: usize = 7;

/// The longest encoded form of a token that is found, where the longest token of the set has
/// `longest` bytes, and a little more: what stands around it must be seen, too.
pub(super) fn reach(longest: usize) -> usize {
    6 * longest + 6 * longest.min(512) + 64
}

/// The longest span that is decoded at a time. Longer ones are taken in parts that overlap by the
/// [`reach`], so a window is some times as long, as far as that does not take too much memory.
pub(super) fn window(longest: usize) -> usize {
    let reach = reach(longest);
    reach + reach.max(8192.min(3 * reach))
}
