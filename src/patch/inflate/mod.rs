//! Undoes the content encodings gzip and deflate of a body that comes in pieces.
//!
//! The work is linear in the bytes that come in and those that come out, and both are bounded: a body
//! that inflates too far is left where it passes the limit, and the state says so. Nothing is
//! allocated once an [`Inflater`] is there.
//!
//! Checksums are not compared: a server behind may not do it either, and its reading is the one that
//! counts. For the same reason the first bytes say what a body is (gzip or zlib), whatever the header
//! calls it, as they do for servers that let zlib detect it.

mod code;
mod deflate;
mod encoding;
mod stage;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::ControlFlow;

use zeroize::Zeroize;

pub(super) use encoding::Encoding;

use deflate::{Deflate, Status};
use stage::{Stage, Wrapper, is_zlib};

/// This much may come out of any body, however few bytes went in.
const SLACK: u64 = 1 << 20;

/// How far a body may inflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InflateLimits {
    /// How many bytes may come out of one body: 64 MiB by default.
    pub total: u64,
    /// How many bytes may come out for each byte that went in, beyond the first MiB. Text comes to 3
    /// to 30, deflate ends at 1,032. 100 by default, as in Envoy's `max_inflate_ratio`; Apache's
    /// `DeflateInflateRatioLimit` is 200. It is looked at each time 32 KiB have come out, and at the
    /// end of a piece.
    pub ratio: u64,
}

/// Whether all of a request's body was looked at in the way that the server behind will read it.
///
/// Whatever it says, the body was also looked at as it was sent, and as far as it could be inflated.
/// What is to be done about a request whose body is not whole is for the host to decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum BodyState {
    /// It was.
    #[default]
    Whole = 0,
    /// It is not what its content encoding says, not all there, followed by something else, or can be
    /// read in more than one way.
    Damaged = 1,
    /// It came to more bytes for each byte sent than [`InflateLimits::ratio`] allows.
    Ratio = 2,
    /// It came to more bytes than [`InflateLimits::total`] allows.
    Total = 3,
    /// Its content encoding is none that is undone here, or there are several.
    Unsupported = 4,
}

/// Inflates the body of one request after the other.
///
/// It takes about 37 KiB. Make one for each thread or worker, not for each request. What it holds of
/// a body is wiped by [`reset`](Inflater::reset), which every new body starts with, and on drop.
pub struct Inflater {
    limits: InflateLimits,
    stream: Box<Deflate>,
    stage: Stage,
    state: BodyState,
    /// The first bytes of the body.
    head: [u8; HEAD],
    /// How many bytes went in, and came out.
    taken: u64,
    inflated: u64,
}

/// How many of the first bytes tell whether a body can be read in two ways.
const HEAD: usize = 5;

impl Default for InflateLimits {
    fn default() -> InflateLimits {
        InflateLimits { total: 64 << 20, ratio: 100 }
    }
}

impl BodyState {
    /// The state's name: `whole`, `damaged`, `ratio`, `total` or `unsupported`.
    pub fn as_str(self) -> &'static str {
        match self {
            BodyState::Whole => "whole",
            BodyState::Damaged => "damaged",
            BodyState::Ratio => "ratio",
            BodyState::Total => "total",
            BodyState::Unsupported => "unsupported",
        }
    }
}

impl Inflater {
    /// One with the default limits.
    pub fn new() -> Inflater {
        Inflater::with_limits(InflateLimits::default())
    }

    /// One with these limits.
    pub fn with_limits(limits: InflateLimits) -> Inflater {
        Inflater {
            limits,
            stream: Box::new(Deflate::new()),
            stage: Stage::Over,
            state: BodyState::Whole,
            head: [0; HEAD],
            taken: 0,
            inflated: 0,
        }
    }

    /// Forgets the body, and wipes what is held of it.
    pub fn reset(&mut self) {
        if self.taken > 0 {
            self.stream.wipe();
            self.head.zeroize();
        }
        self.stage = Stage::Over;
        self.state = BodyState::Whole;
        self.taken = 0;
        self.inflated = 0;
    }

    /// Begins with the body of a request whose content encoding is `encoding`.
    pub(super) fn start(&mut self, encoding: Encoding) {
        self.reset();
        match encoding {
            Encoding::Identity => {}
            Encoding::Gzip | Encoding::Deflate => self.stage = Stage::Start(encoding, None),
            Encoding::Unsupported => self.state = BodyState::Unsupported,
        }
    }

    /// Whether there can still be text to come.
    pub(super) fn is_inflating(&self) -> bool {
        self.stage != Stage::Over
    }

    /// Inflates the next piece of the body. `visit` gets the text that comes out, in pieces. If it
    /// breaks, the rest of the body is not inflated.
    pub(super) fn feed(
        &mut self,
        piece: &[u8],
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut rest = piece;
        while let Some((byte, behind)) = rest.split_first() {
            match self.stage {
                Stage::Over => break,
                Stage::Deflate(wrapper) => rest = self.inflate(wrapper, rest, visit)?,
                before => {
                    self.take(&[*byte]);
                    rest = behind;
                    match before.behind(*byte) {
                        Some(after) => self.stage = after,
                        None => self.leave(BodyState::Damaged),
                    }
                    let Stage::Deflate(wrapper) = self.stage else { continue };
                    self.stream.restart();
                    if let (Stage::Start(_, Some(first)), Wrapper::None) = (before, wrapper) {
                        // There was nothing before the stream: these two bytes are of it.
                        self.taken = 0;
                        self.inflate(wrapper, &[first, *byte], visit)?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes note that the body is at its end.
    pub(super) fn finish(&mut self) {
        match self.stage {
            Stage::Over | Stage::Start(_, None) | Stage::Behind(_) => self.stage = Stage::Over,
            _ => self.leave(BodyState::Damaged),
        }
    }

    /// What is known of the body so far. Once it is not whole, it will not be.
    pub(super) fn state(&self) -> BodyState {
        self.state
    }

    /// Stops here.
    fn leave(&mut self, state: BodyState) {
        self.state = state;
        self.stage = Stage::Over;
    }

    /// Inflates `input`, of a deflate stream, and returns what stands behind that.
    fn inflate<'p>(
        &mut self,
        wrapper: Wrapper,
        input: &'p [u8],
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> ControlFlow<(), &'p [u8]> {
        let mut rest = input;
        loop {
            // One more than is allowed, to see that there is more.
            let allowed = self.limits.total.saturating_sub(self.inflated);
            let room = usize::try_from(allowed.saturating_add(1)).unwrap_or(usize::MAX);
            let (status, read, out) = self.stream.read(rest, room);
            let visited = &out[..out.len().min(room - 1)];
            let is_beyond = out.len() > visited.len();
            self.inflated += visited.len() as u64;
            let breaks = !visited.is_empty() && visit(visited).is_break();
            let (taken, behind) = rest.split_at_checked(read).unwrap_or((rest, &[]));
            self.take(taken);
            rest = behind;
            if breaks {
                self.stage = Stage::Over;
                return ControlFlow::Break(());
            }
            if is_beyond {
                self.leave(BodyState::Total);
                return ControlFlow::Continue(&[]);
            }
            let most = self.limits.ratio.saturating_mul(self.taken).saturating_add(SLACK);
            if self.inflated > most {
                self.leave(BodyState::Ratio);
                return ControlFlow::Continue(&[]);
            }
            match status {
                Status::Full => {}
                Status::Hungry => return ControlFlow::Continue(rest),
                Status::Done => {
                    self.stage = Stage::behind_stream(wrapper);
                    return ControlFlow::Continue(rest);
                }
                Status::Damaged => {
                    self.leave(BodyState::Damaged);
                    return ControlFlow::Continue(&[]);
                }
            }
        }
    }

    /// Counts `bytes` as taken, and sees from the first ones whether a body with a zlib header can also
    /// be read without one. A block that is stored has this form: a byte whose lowest three bits are
    /// zero, a length, and the length's complement.
    fn take(&mut self, bytes: &[u8]) {
        let before = usize::try_from(self.taken).unwrap_or(usize::MAX);
        self.taken += bytes.len() as u64;
        let Some(head) = self.head.get_mut(before..).filter(|head| !head.is_empty()) else {
            return;
        };
        for (to, from) in head.iter_mut().zip(bytes) {
            *to = *from;
        }
        let [first, flags, low, high, end] = self.head;
        if self.taken >= HEAD as u64
            && is_zlib(first, flags)
            && [flags ^ high, low ^ end] == [0xff, 0xff]
        {
            self.state = BodyState::Damaged;
        }
    }
}

impl Default for Inflater {
    fn default() -> Inflater {
        Inflater::new()
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        self.reset();
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("limits", &self.limits)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for BodyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
