//! Lanes: the texts that a scan searches beside each other, each with its share of the state.
//!
//! The *raw* lane is the text as it stands. The *percent* lane is the same text with its escapes
//! undone, and only runs around them: it starts as far before an escape as the longest token
//! reaches and stops when no token can hold one any more. A text without escapes pays for one look
//! for a `%`.

use std::ops::ControlFlow;

use memchr::memchr;

use super::decode::{Base64, Percent};
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
    /// How many decoded bytes stand behind the last one that came from an escape.
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

    /// Whether the lane may start within the next piece of the text, and so need what stands before
    /// it.
    pub(super) fn may_start(&self, set: &PatchSet, piece: &[u8]) -> bool {
        let may_stop = || self.after_escape + piece.len() >= decoded_ahead(set.longest());
        (!self.running || may_stop()) && memchr(b'%', piece).is_some()
    }

    /// Whether the lane is at work: it must see the next piece even if that has no escape.
    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    /// Searches the next piece of the text, which starts at its byte `offset`. `before` is text
    /// that stands right before the piece, at least as much as the longest token has if there was
    /// that much.
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
                let Some(escape) = memchr(b'%', &piece[at..]) else { break };
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
        let longest = set.longest();
        let piece = &piece[piece.len().saturating_sub(longest)..];
        let before = &before[before.len().saturating_sub(longest - piece.len())..];
        let base = at - self.shrunk - (before.len() + piece.len()) as u64;
        self.stream = Stream::new(set, base, decoded_ahead(longest));
        self.running = true;
        self.after_escape = 0;
        self.stream.feed(set, buffer, before, found)?;
        self.stream.feed(set, buffer, piece, found)
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
        let done = self.decoder.decode(piece, &mut text);
        self.after_escape = match done.after_escape {
            Some(after) => after,
            None => self.after_escape + done.put,
        };
        self.shrunk += (held + done.taken - done.put - self.decoder.held()) as u64;
        self.stream.feed(set, buffer, &text[..done.put], found)?;
        ControlFlow::Continue(done.taken)
    }
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
