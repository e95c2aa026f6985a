//! Undoes the content encodings gzip and deflate of a body that comes in pieces.
//!
//! The work is linear in the bytes that come in and those that come out, and both are bounded: a body
//! that inflates too far is left where it passes the limit, and the state says so. Nothing is
//! allocated once an [`Inflater`] is there.
//!
//! Checksums are not compared: a server behind may not do it either, and its reading is the one that
//! counts. For the same reason the first bytes say what a body is (gzip or zlib), whatever the header
//! calls it, as they do for servers that let zlib detect it.

use std::fmt;
use std::hint::black_box;
use std::ops::ControlFlow;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress_with_limit};
use zeroize::Zeroize;

/// How far back deflate can refer (RFC 1951, section 2).
const WINDOW: usize = 32_768;

/// This much may come out of any body, however few bytes went in.
const SLACK: u64 = 1 << 20;

/// The flags of a gzip header (RFC 1952, section 2.3.1) that announce a field. The others change
/// nothing.
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

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

/// What a `Content-Encoding` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Nothing.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or, as some clients send, RFC 1951 without a wrapper.
    Deflate,
    /// Something that is not undone here.
    Unsupported,
}

/// Inflates the body of one request after the other.
///
/// It takes about 45 KiB. Make one for each thread or worker, not for each request. What it holds of
/// a body is wiped by [`reset`](Inflater::reset), which every new body starts with, and on drop.
pub struct Inflater {
    limits: InflateLimits,
    core: Box<DecompressorOxide>,
    /// The last text that came out, as far as deflate can refer to it.
    window: Box<[u8]>,
    /// Where in the window the next byte goes.
    at: usize,
    /// Whether this member has filled the window, so that it may refer to all of it.
    wrapped: bool,
    /// How much of the window has been written to.
    touched: usize,
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

/// What the next byte of a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing: the rest is not looked at.
    Over,
    /// The two bytes that say what a body is; the first one, if it is there.
    Start(Encoding, Option<u8>),
    /// The second of the two bytes that a further gzip member starts with.
    Magic,
    /// The compression method of a gzip header.
    Method,
    /// The flags of a gzip header.
    Flags,
    /// Bytes of a gzip header that say nothing, `left` of them. `fields` are to come.
    Skip { left: u16, fields: u8 },
    /// The length of a gzip header's extra field; its lower byte, if it is there.
    ExtraLen { low: Option<u8>, fields: u8 },
    /// A gzip header's name or comment, which ends with a zero.
    Text { fields: u8 },
    /// A deflate stream.
    Deflate(Wrapper),
    /// The `left` bytes that stand behind it.
    Trailer { left: u8, wrapper: Wrapper },
    /// Whatever may stand behind all that.
    Behind(Wrapper),
}

/// What stands around a deflate stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrapper {
    Gzip,
    Zlib,
    None,
}

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

impl Encoding {
    /// What the value of a `Content-Encoding` header asks for (RFC 9110, section 8.4).
    pub(super) fn of(value: &[u8]) -> Encoding {
        value.split(|byte| *byte == b',').fold(Encoding::Identity, |all, name| {
            let name = name.trim_ascii();
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            all.and(match name {
                _ if is("") || is("identity") => Encoding::Identity,
                _ if is("gzip") || is("x-gzip") => Encoding::Gzip,
                _ if is("deflate") => Encoding::Deflate,
                _ => Encoding::Unsupported,
            })
        })
    }

    /// This one and then `other`, as two headers ask for.
    pub(super) fn and(self, other: Encoding) -> Encoding {
        match (self, other) {
            (Encoding::Identity, one) | (one, Encoding::Identity) => one,
            _ => Encoding::Unsupported,
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
            core: Box::new(DecompressorOxide::new()),
            window: vec![0; WINDOW].into_boxed_slice(),
            at: 0,
            wrapped: false,
            touched: 0,
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
            self.window[..self.touched].zeroize();
            self.head.zeroize();
            // It holds the last bytes that went in, and codes that tell of the text.
            *self.core = DecompressorOxide::new();
            // Without this the compiler may see that nobody reads the zeroes, and leave them out.
            black_box(&mut *self.core);
        }
        self.touched = 0;
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
                Stage::Start(Encoding::Deflate, Some(first)) if !is_wrapped(first, *byte) => {
                    self.begin(Wrapper::None);
                    // What was taken was not yet inflated.
                    self.taken -= 1;
                    self.inflate(Wrapper::None, &[first, *byte], visit)?;
                    rest = behind;
                }
                _ => {
                    self.look_at(*byte);
                    rest = behind;
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

    /// Begins with a deflate stream, which cannot refer to what came before it.
    fn begin(&mut self, wrapper: Wrapper) {
        self.core.init();
        self.at = 0;
        self.wrapped = false;
        self.stage = Stage::Deflate(wrapper);
    }

    /// Looks at a byte that is not of a deflate stream.
    fn look_at(&mut self, byte: u8) {
        self.take(&[byte]);
        match (self.stage, byte) {
            (Stage::Start(encoding, None), _) => self.stage = Stage::Start(encoding, Some(byte)),
            (Stage::Start(_, Some(0x1f)) | Stage::Magic, 0x8b) => self.stage = Stage::Method,
            (Stage::Start(_, Some(first)), _) if is_wrapped(first, byte) => {
                self.begin(Wrapper::Zlib)
            }
            (Stage::Method, 8) => self.stage = Stage::Flags,
            (Stage::Flags, flags) => self.stage = Stage::Skip { left: 6, fields: flags },
            (Stage::Skip { left: left @ 2.., fields }, _) => {
                self.stage = Stage::Skip { left: left - 1, fields };
            }
            (Stage::Skip { fields, .. }, _) => self.next_field(fields),
            (Stage::ExtraLen { low: None, fields }, _) => {
                self.stage = Stage::ExtraLen { low: Some(byte), fields };
            }
            (Stage::ExtraLen { low: Some(low), fields }, _) => {
                match u16::from_le_bytes([low, byte]) {
                    0 => self.next_field(fields),
                    left => self.stage = Stage::Skip { left, fields },
                }
            }
            (Stage::Text { fields }, 0) => self.next_field(fields),
            (Stage::Text { .. }, _) => {}
            (Stage::Trailer { left: left @ 2.., wrapper }, _) => {
                self.stage = Stage::Trailer { left: left - 1, wrapper };
            }
            (Stage::Trailer { wrapper, .. }, _) => self.stage = Stage::Behind(wrapper),
            // Members of gzip follow each other, and zeroes may fill up what is behind them.
            (Stage::Behind(Wrapper::Gzip), 0) => {}
            (Stage::Behind(Wrapper::Gzip), 0x1f) => self.stage = Stage::Magic,
            _ => self.leave(BodyState::Damaged),
        }
    }

    /// Goes on to the first of `fields` in a gzip header, or to what is behind the header.
    fn next_field(&mut self, fields: u8) {
        self.stage = if fields & EXTRA != 0 {
            Stage::ExtraLen { low: None, fields: fields & !EXTRA }
        } else if fields & NAME != 0 {
            Stage::Text { fields: fields & !NAME }
        } else if fields & COMMENT != 0 {
            Stage::Text { fields: fields & !COMMENT }
        } else if fields & HEADER_CRC != 0 {
            Stage::Skip { left: 2, fields: fields & !HEADER_CRC }
        } else {
            return self.begin(Wrapper::Gzip);
        };
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
            let mut flags = TINFL_FLAG_HAS_MORE_INPUT;
            if !self.wrapped {
                // Nothing before the stream's start can be referred to.
                flags |= TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            }
            let (status, read, written) =
                decompress_with_limit(&mut self.core, rest, &mut self.window, self.at, room, flags);
            let (taken, behind) = rest.split_at_checked(read).unwrap_or((rest, &[]));
            self.take(taken);
            rest = behind;
            let end = (self.at + written).min(WINDOW);
            self.touched = self.touched.max(end);
            let out = &self.window[self.at..end];
            let visited = &out[..out.len().min(room - 1)];
            self.inflated += visited.len() as u64;
            if !visited.is_empty() && visit(visited).is_break() {
                self.stage = Stage::Over;
                return ControlFlow::Break(());
            }
            if out.len() > visited.len() {
                self.leave(BodyState::Total);
                return ControlFlow::Continue(&[]);
            }
            let most = self.limits.ratio.saturating_mul(self.taken).saturating_add(SLACK);
            if self.inflated > most {
                self.leave(BodyState::Ratio);
                return ControlFlow::Continue(&[]);
            }
            self.at = end % WINDOW;
            self.wrapped |= end == WINDOW;
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => return ControlFlow::Continue(rest),
                TINFLStatus::Done => {
                    self.stage = match wrapper {
                        Wrapper::Gzip => Stage::Trailer { left: 8, wrapper },
                        Wrapper::Zlib => Stage::Trailer { left: 4, wrapper },
                        Wrapper::None => Stage::Behind(wrapper),
                    };
                    return ControlFlow::Continue(rest);
                }
                _ => {
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
            && is_wrapped(first, flags)
            && [flags ^ high, low ^ end] == [0xff, 0xff]
        {
            self.state = BodyState::Damaged;
        }
    }
}

/// Whether a body that starts with these two bytes has a wrapper around the deflate stream: that of
/// gzip, or that of zlib (RFC 1950, section 2.2) without a dictionary, which nobody has agreed on. No
/// deflate stream starts like gzip.
fn is_wrapped(first: u8, second: u8) -> bool {
    let is_zlib = first & 15 == 8
        && first >> 4 <= 7
        && u16::from_be_bytes([first, second]).is_multiple_of(31)
        && second & 0x20 == 0;
    is_zlib || (first, second) == (0x1f, 0x8b)
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use flate2::{Compression, Decompress, FlushDecompress, GzBuilder};
    use proptest::prelude::*;

    use super::*;

    /// What comes out of `body`, cut before each byte in `cuts`, and what is then known of it.
    fn inflate_with(
        inflater: &mut Inflater,
        encoding: &str,
        body: &[u8],
        cuts: &[usize],
    ) -> (Vec<u8>, BodyState) {
        let mut text = Vec::new();
        let mut visit = |out: &[u8]| {
            text.extend_from_slice(out);
            ControlFlow::Continue(())
        };
        inflater.start(Encoding::of(encoding.as_bytes()));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([body.len()]) {
            assert_eq!(inflater.feed(&body[from..cut], &mut visit), ControlFlow::Continue(()));
            from = cut;
        }
        inflater.finish();
        (text, inflater.state())
    }

    fn inflate(encoding: &str, body: &[u8]) -> (Vec<u8>, BodyState) {
        let whole = inflate_with(&mut Inflater::new(), encoding, body, &[]);
        let every: Vec<usize> = (0..body.len()).collect();
        assert_eq!(inflate_with(&mut Inflater::new(), encoding, body, &every), whole);
        whole
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Text that compresses somewhat, and refers back as far as deflate can.
    fn text(len: usize) -> Vec<u8> {
        let words = [&b"{\"token\":\""[..], b"7Rk2mZ9qXc4TnW8bLp3v", b"\",\"n\":", b"[1,2,3]},"];
        let mut seed = 7u32;
        let mut text = Vec::new();
        while text.len() < len {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.extend_from_slice(words[(seed >> 16) as usize % words.len()]);
            text.push((seed >> 24) as u8);
        }
        text.truncate(len);
        text
    }

    /// What the peer makes of `body` before its end or its first error.
    fn peer(mut inflater: Decompress, body: &[u8]) -> Vec<u8> {
        let mut text = vec![0; 1 << 18];
        // An error comes with what was inflated before it.
        let _ = inflater.decompress(body, &mut text, FlushDecompress::None);
        assert!(inflater.total_out() < text.len() as u64);
        text.truncate(inflater.total_out() as usize);
        text
    }

    #[test]
    fn what_was_encoded_comes_out() {
        for len in [0, 1, 100, 40_000, 200_000] {
            let text = text(len);
            let cases = [
                ("gzip", gzip(&text)),
                ("X-Gzip", gzip(&text)),
                ("deflate", zlib(&text)),
                ("Deflate", deflate(&text, 6)),
                ("deflate", deflate(&text, 0)),
                // What servers that let zlib detect the encoding read as well.
                ("gzip", zlib(&text)),
                ("deflate", gzip(&text)),
            ];
            for (encoding, body) in cases {
                assert!(inflate(encoding, &body) == (text.clone(), BodyState::Whole), "{encoding}");
            }
        }
    }

    #[test]
    fn an_empty_body_is_whole() {
        for encoding in ["gzip", "deflate", "identity", ""] {
            assert_eq!(inflate(encoding, b""), (Vec::new(), BodyState::Whole));
        }
    }

    #[test]
    fn members_follow_each_other_and_zeroes_may_stand_behind() {
        let (one, two) = (text(70_000), text(100));
        let body = [gzip(&one), gzip(b""), gzip(&two)].concat();
        let both = [one, two].concat();
        assert!(inflate("gzip", &body) == (both.clone(), BodyState::Whole));
        let padded = [&body[..], &[0; 9]].concat();
        assert!(inflate("gzip", &padded) == (both.clone(), BodyState::Whole));
        for more in [&b"\x1f"[..], b"more", b"\0\0\x1f\x8c"] {
            let longer = [&body[..], more].concat();
            assert!(inflate("gzip", &longer) == (both.clone(), BodyState::Damaged));
        }
        let longer = [&deflate(&both, 6)[..], b"more"].concat();
        assert!(inflate("deflate", &longer) == (both, BodyState::Damaged));
    }

    #[test]
    fn every_field_of_a_gzip_header_is_skipped() {
        let text = text(1000);
        let named = GzBuilder::new()
            .filename("orders.json")
            .comment("of today")
            .extra(vec![0, 0x1f, 0x8b, 8, 0])
            .mtime(1_700_000_000)
            .write(Vec::new(), Compression::fast());
        let mut named = named;
        named.write_all(&text).unwrap();
        let named = named.finish().unwrap();
        assert_eq!(inflate("gzip", &named), (text.clone(), BodyState::Whole));
        let stream = deflate(&text, 6);
        let start = |flags: u8| [0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 255];
        let cases: [(u8, &[u8]); 8] = [
            (HEADER_CRC, b"\xab\xcd"),
            (EXTRA, b"\0\0"),
            (EXTRA | HEADER_CRC, b"\x02\0\xff\xff\xab\xcd"),
            (NAME, b"\0"),
            (NAME | COMMENT, b"n\0c\0"),
            (EXTRA | NAME | COMMENT | HEADER_CRC, b"\x01\0\0n\0\0\xab\xcd"),
            // Text, and a flag that nobody has defined.
            (0x01 | COMMENT, b"c\0"),
            (0x80, b""),
        ];
        for (flags, fields) in cases {
            let body = [&start(flags)[..], fields, &stream, &[0; 8]].concat();
            assert_eq!(inflate("gzip", &body), (text.clone(), BodyState::Whole), "{flags:#x}");
        }
    }

    #[test]
    fn what_is_cut_off_comes_out_as_far_as_it_goes() {
        let text = text(3000);
        let bodies =
            [("gzip", gzip(&text)), ("deflate", zlib(&text)), ("deflate", deflate(&text, 6))];
        for (encoding, body) in bodies {
            for end in 1..body.len() {
                let (out, state) = inflate_with(&mut Inflater::new(), encoding, &body[..end], &[]);
                assert_eq!(state, BodyState::Damaged, "{encoding} {end}");
                let expected = match body[0] {
                    0x1f => peer(Decompress::new_gzip(15), &body[..end]),
                    0x78 => peer(Decompress::new(true), &body[..end]),
                    _ => peer(Decompress::new(false), &body[..end]),
                };
                assert_eq!(out, expected, "{encoding} {end}");
                assert!(text.starts_with(&out), "{encoding} {end}");
            }
        }
    }

    #[test]
    fn what_is_not_what_the_header_says_is_damaged() {
        let cases: [(&str, &[u8]); 7] = [
            ("gzip", b"{\"plain\": 1}"),
            ("gzip", b"\x1f\x8b\x07\x00"),
            ("gzip", b"\x1f\x9d\x90"),
            ("deflate", b"{\"plain\": 1}"),
            ("deflate", b"\x78\x9c\xff\xff"),
            // A dictionary that nobody has.
            ("deflate", b"\x78\xbb\x00\x00\x00\x01"),
            ("deflate", b"\x78"),
        ];
        for (encoding, body) in cases {
            assert_eq!(inflate(encoding, body).1, BodyState::Damaged, "{encoding} {body:?}");
        }
    }

    #[test]
    fn a_stream_cannot_refer_to_what_was_before_it() {
        // The last block, with the fixed codes: three bytes from four back.
        let refers: u64 = 0b011 | 0b100_0000 << 3 | 0b11000 << 10;
        let refers = refers.to_le_bytes();
        let mut inflater = Inflater::new();
        assert_eq!(inflate_with(&mut inflater, "gzip", &gzip(&text(500)), &[]).1, BodyState::Whole);
        let second = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0][..], &refers].concat();
        let body = [gzip(b"four"), second].concat();
        assert_eq!(
            inflate_with(&mut inflater, "gzip", &body, &[]),
            (b"four".to_vec(), BodyState::Damaged)
        );
        assert_eq!(
            inflate_with(&mut inflater, "deflate", &refers, &[]),
            (Vec::new(), BodyState::Damaged)
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_whole() {
        // With the wrapper of zlib a stored block of 65,534 bytes, without it one of a single byte.
        let inner = text(0xfffe);
        let zlib = zlib(&inner);
        let sum = &zlib[zlib.len() - 4..];
        let body = [b"\x78\x01\x00\xfe\xff\x01\x00", &inner[..], b"\x01\0\0\xff\xff", sum].concat();
        assert!(peer(Decompress::new(true), &body) == inner);
        assert_eq!(peer(Decompress::new(false), &body)[0], 1);
        assert!(inflate("deflate", &body) == (inner, BodyState::Damaged));
    }

    #[test]
    fn a_bomb_ends_where_a_limit_is() {
        let zeroes = vec![0; 10 << 20];
        let body = gzip(&zeroes);
        let (out, state) = inflate_with(&mut Inflater::new(), "gzip", &body, &[]);
        assert_eq!(state, BodyState::Ratio);
        let (window, slack) = (WINDOW as u64, SLACK);
        assert!((slack..slack + slack / 5 + window).contains(&(out.len() as u64)), "{}", out.len());
        let patient = InflateLimits { ratio: 2000, ..InflateLimits::default() };
        let (out, state) = inflate_with(&mut Inflater::with_limits(patient), "gzip", &body, &[]);
        assert_eq!((out.len(), state), (zeroes.len(), BodyState::Whole));
        for total in [0, 1, 32_767, 32_768, 32_769, 5 << 20, zeroes.len() - 1] {
            let mut inflater =
                Inflater::with_limits(InflateLimits { total: total as u64, ..patient });
            for cuts in [&[][..], &[1, 10, 11, 12, 13, 100, 2000, 5000]] {
                let (out, state) = inflate_with(&mut inflater, "gzip", &body, cuts);
                assert_eq!((out.len(), state), (total, BodyState::Total));
            }
        }
        let just = InflateLimits { total: zeroes.len() as u64, ..patient };
        let (out, state) = inflate_with(&mut Inflater::with_limits(just), "gzip", &body, &[]);
        assert_eq!((out.len(), state), (zeroes.len(), BodyState::Whole));
    }

    #[test]
    fn a_break_ends_it() {
        let body = gzip(&text(200_000));
        let mut inflater = Inflater::new();
        inflater.start(Encoding::Gzip);
        let mut visits = 0;
        let mut visit = |_: &[u8]| {
            visits += 1;
            if visits == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        assert!(inflater.feed(&body, &mut visit).is_break());
        assert!(inflater.feed(&body, &mut visit).is_continue());
        assert_eq!(visits, 2);
        assert!(!inflater.is_inflating());
    }

    #[test]
    fn a_reset_leaves_nothing_behind() {
        let mut inflater = Inflater::new();
        inflate_with(&mut inflater, "gzip", &gzip(&text(200_000)), &[]);
        assert!(inflater.window.iter().any(|byte| *byte != 0));
        inflater.reset();
        assert!(inflater.window.iter().all(|byte| *byte == 0));
        assert_eq!((inflater.head, inflater.state()), ([0; HEAD], BodyState::Whole));
    }

    #[test]
    fn encodings_are_told_from_the_header() {
        let cases = [
            ("", Encoding::Identity),
            ("identity", Encoding::Identity),
            (" Identity , ,", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("\tX-GZIP ", Encoding::Gzip),
            ("identity,GZip", Encoding::Gzip),
            ("deflate", Encoding::Deflate),
            ("gzip, gzip", Encoding::Unsupported),
            ("deflate,gzip", Encoding::Unsupported),
            ("br", Encoding::Unsupported),
            ("zstd", Encoding::Unsupported),
            ("gzip;q=1", Encoding::Unsupported),
            ("gzipped", Encoding::Unsupported),
        ];
        for (value, expected) in cases {
            assert_eq!(Encoding::of(value.as_bytes()), expected, "{value}");
        }
        assert_eq!(inflate("br", &gzip(b"text")), (Vec::new(), BodyState::Unsupported));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn it_does_not_matter_how_a_body_is_cut_or_damaged(
            len in 0..120_000usize,
            level in 0..10u32,
            wrapper in 0..3u8,
            flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..3),
            cuts in prop::collection::vec(any::<usize>(), 0..12),
        ) {
            let text = text(len);
            let (encoding, mut body) = match wrapper {
                0 => ("gzip", [gzip(&text[..len / 2]), gzip(&text[len / 2..])].concat()),
                1 => ("deflate", zlib(&text)),
                _ => ("deflate", deflate(&text, level)),
            };
            for (at, bits) in &flips {
                let at = at % body.len();
                body[at] ^= bits;
            }
            let mut inflater = Inflater::new();
            let (out, state) = inflate_with(&mut inflater, encoding, &body, &cuts);
            prop_assert!(inflate_with(&mut inflater, encoding, &body, &[]) == (out.clone(), state));
            if flips.is_empty() {
                prop_assert!(out == text && state == BodyState::Whole);
            }
            if wrapper == 2 && state != BodyState::Ratio && !is_wrapped(body[0], body[1]) {
                let expected = peer(Decompress::new(false), &body);
                prop_assert!(out == expected, "{} {} {state}", out.len(), expected.len());
            }
        }

        #[test]
        fn any_bytes_do(
            start in prop::sample::select(vec![
                &b""[..], b"\x1f\x8b\x08", b"\x78\x9c", b"\x1f\x8b\x08\0\0\0\0\0\0\0",
            ]),
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
            cuts in prop::collection::vec(any::<usize>(), 0..6),
            total in 0..5000u64,
        ) {
            let body = [start, &bytes].concat();
            let mut inflater = Inflater::with_limits(InflateLimits { total, ratio: 100 });
            for encoding in ["gzip", "deflate"] {
                let one = inflate_with(&mut inflater, encoding, &body, &cuts);
                prop_assert!(one.0.len() as u64 <= total);
                prop_assert!(inflate_with(&mut inflater, encoding, &body, &[]) == one);
            }
        }
    }
}
