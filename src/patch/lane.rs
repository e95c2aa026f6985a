//! Lanes: the texts that a scan searches beside each other, each with its share of the state.
//!
//! The *raw* lane is the text as it stands. The *percent* lane is the same text with its escapes
//! undone. It only runs around escapes that stand for a byte of the set's alphabet, because no token
//! holds another: it starts as far before one as the longest token reaches and stops when no token
//! can hold one any more. A text without escapes pays for one look for a `%`.

use std::ops::ControlFlow;

use super::decode::{Base64, Percent, next_escape};
use super::search::Occurrence;
use super::set::PatchSet;
use super::stream::Stream;
use super::tier::MAX_STRIDE;

/// How many decoded bytes are handed on at a time.
const PIECE: usize = 256;

/// The state of a scan, cut into the buffers of its lanes.
pub(super) struct Buffers<'b> {
    /// For the raw body.
    pub(super) raw: &'b mut [u8],
    /// For the body with its escapes undone.
    pub(super) percent: &'b mut [u8],
    /// For what is decoded from a value that is there as a whole.
    pub(super) value: &'b mut [u8],
}

impl Buffers<'_> {
    /// The buffers in `state`, if it is long enough for tokens of up to `longest` bytes.
    pub(super) fn cut(state: &mut [u8], longest: usize) -> Option<Buffers<'_>> {
        let (raw, rest) = state.split_at_mut_checked(raw_len(longest))?;
        let (percent, rest) = rest.split_at_mut_checked(decoded_len(longest))?;
        let (value, _) = rest.split_at_mut_checked(decoded_len(longest))?;
        Some(Buffers { raw, percent, value })
    }
}

/// The bytes of state that a set needs whose longest token has `longest` bytes.
pub(super) fn state_len(longest: usize) -> usize {
    raw_len(longest) + 2 * decoded_len(longest)
}

fn raw_len(longest: usize) -> usize {
    Stream::buffer_len(longest, longest)
}

fn decoded_len(longest: usize) -> usize {
    Stream::buffer_len(longest, decoded_ahead(longest))
}

/// Probes of a decoded text wait until those of the raw text are past: a token that stands there in
/// the raw is then reported as raw.
fn decoded_ahead(longest: usize) -> usize {
    2 * longest + MAX_STRIDE
}

/// A text with its percent escapes undone.
#[derive(Clone, Copy, Debug)]
pub(super) struct PercentLane {
    stream: Stream,
    decoder: Percent,
    running: bool,
    /// How many decoded bytes stand behind the last one that came from an escape and can be a
    /// token's.
    after_escape: usize,
    /// How many bytes the text has lost to decoding so far.
    shrunk: u64,
}

impl PercentLane {
    /// The lane of a text that is about to start.
    pub(super) fn new(set: &PatchSet) -> PercentLane {
        PercentLane {
            stream: Stream::new(set, 0, decoded_ahead(set.longest())),
            decoder: Percent::default(),
            running: false,
            after_escape: 0,
            shrunk: 0,
        }
    }

    /// Whether there is nothing to do for the lane in the next piece of the text; takes note of the
    /// piece then.
    pub(super) fn passes_over(&mut self, set: &PatchSet, piece: &[u8]) -> bool {
        if self.running {
            return false;
        }
        let (escape, whole) = next_escape(piece, |byte| set.admits(byte));
        if escape.is_none() {
            self.shrunk += 2 * whole as u64;
        }
        escape.is_none()
    }

    /// Whether the lane may start within the next piece, and so need what stands before that.
    pub(super) fn may_start(&self, set: &PatchSet, piece: &[u8]) -> bool {
        !self.running || self.after_escape + piece.len() >= decoded_ahead(set.longest())
    }

    /// How much of the text before a piece the lane may need: what the longest token has, and two
    /// bytes to see that the first of these is not the end of an escape.
    pub(super) fn before_len(set: &PatchSet) -> usize {
        set.longest() + 2
    }

    /// Searches the next piece of the text, which starts at its byte `offset`. `before` is text
    /// that stands right before the piece, at least [`before_len`](PercentLane::before_len) if there
    /// was that much; it may be empty if the lane [may not start](PercentLane::may_start).
    pub(super) fn feed(
        &mut self,
        set: &PatchSet,
        buffer: &mut [u8],
        before: &[u8],
        piece: &[u8],
        offset: u64,
        found: &mut impl FnMut(Occurrence, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut at = 0;
        loop {
            if !self.running {
                let (escape, whole) = next_escape(&piece[at..], |byte| set.admits(byte));
                self.shrunk += 2 * whole as u64;
                let Some(escape) = escape else { break };
                at += escape;
                self.start(set, buffer, before, &piece[..at], offset + at as u64, found)?;
            }
            while self.running {
                if at == piece.len() {
                    return ControlFlow::Continue(());
                }
                at += self.decode(set, buffer, &piece[at..], found)?;
                if self.after_escape >= decoded_ahead(set.longest()) && self.decoder.held() == 0 {
                    self.running = false;
                    // Nothing that these probes leave out holds an escape, and the raw lane is past
                    // them.
                    let ahead = set.longest() + MAX_STRIDE;
                    self.stream.stop(set, buffer, ahead, found)?;
                }
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
        if !self.running {
            return ControlFlow::Continue(());
        }
        let mut rest = [0; 2];
        let put = self.decoder.finish(&mut rest);
        self.stream.feed(set, buffer, &rest[..put], found)?;
        self.stream.finish(set, buffer, found)
    }

    /// Begins with what stands before the escape at byte `at` of the text: the end of `before` and
    /// then `piece`.
    fn start(
        &mut self,
        set: &PatchSet,
        buffer: &mut [u8],
        before: &[u8],
        piece: &[u8],
        at: u64,
        found: &mut impl FnMut(Occurrence, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let needed = PercentLane::before_len(set);
        let piece = &piece[piece.len().saturating_sub(needed)..];
        let before = &before[before.len().saturating_sub(needed - piece.len())..];
        // There may be escapes in it that do not count. To know where it starts in the decoded text,
        // see first how long it becomes. If it starts within an escape it seems to be up to two
        // bytes longer than it is, and so to start before the text: no token reaches that far, and
        // the offsets of what stands behind it come out right.
        let mut put = 0;
        self.decoder = Percent::default();
        each_decoded(&mut self.decoder, [before, piece], |text| {
            put += text.len() as u64;
            ControlFlow::Continue(())
        })?;
        let end = at - self.shrunk - self.decoder.held() as u64;
        self.stream = Stream::new(set, end.wrapping_sub(put), decoded_ahead(set.longest()));
        self.running = true;
        self.after_escape = 0;
        self.decoder = Percent::default();
        let stream = &mut self.stream;
        each_decoded(&mut self.decoder, [before, piece], |text| {
            stream.feed(set, buffer, text, found)
        })
    }

    /// Decodes and searches the start of `piece`; returns how much of it that was.
    fn decode(
        &mut self,
        set: &PatchSet,
        buffer: &mut [u8],
        piece: &[u8],
        found: &mut impl FnMut(Occurrence, u64) -> ControlFlow<()>,
    ) -> ControlFlow<(), usize> {
        let mut text = [0; PIECE];
        let held = self.decoder.held();
        let done = self.decoder.decode(piece, &mut text, |byte| set.admits(byte));
        self.after_escape = match done.after_escape {
            Some(after) => after,
            None => self.after_escape + done.put,
        };
        self.shrunk += (held + done.taken - done.put - self.decoder.held()) as u64;
        self.stream.feed(set, buffer, &text[..done.put], found)?;
        ControlFlow::Continue(done.taken)
    }
}

/// Decodes `parts`, one behind the other, and gives what comes out to `visit`, piece by piece.
fn each_decoded(
    decoder: &mut Percent,
    parts: [&[u8]; 2],
    mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut text = [0; PIECE];
    for mut part in parts {
        while !part.is_empty() {
            let done = decoder.decode(part, &mut text, |_| true);
            visit(&text[..done.put])?;
            part = &part[done.taken..];
        }
    }
    ControlFlow::Continue(())
}

/// Searches what `value` decodes to as base64.
pub(super) fn search_base64(
    set: &PatchSet,
    buffer: &mut [u8],
    value: &[u8],
    found: &mut impl FnMut(Occurrence, u64) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut stream = Stream::new(set, 0, set.longest());
    let mut decoder = Base64::default();
    let mut text = [0; PIECE];
    for piece in value.chunks(PIECE / 4 * 4) {
        let put = decoder.decode(piece, &mut text);
        stream.feed(set, buffer, &text[..put], found)?;
    }
    stream.finish(set, buffer, found)
}
