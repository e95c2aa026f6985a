//! What stands around a deflate stream: the headers and trailers of gzip (RFC 1952) and zlib (RFC 1950).

use super::Encoding;

/// The flags of a gzip header (RFC 1952, section 2.3.1) that announce a field. The others change
/// nothing.
pub(super) const HEADER_CRC: u8 = 2;
pub(super) const EXTRA: u8 = 4;
pub(super) const NAME: u8 = 8;
pub(super) const COMMENT: u8 = 16;

/// What the next byte of a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
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
pub(super) enum Wrapper {
    Gzip,
    Zlib,
    None,
}

impl Stage {
    /// What comes behind `byte`, which is not of a deflate stream; `None` if it cannot stand here.
    pub(super) fn behind(self, byte: u8) -> Option<Stage> {
        Some(match (self, byte) {
            (Stage::Start(encoding, None), _) => Stage::Start(encoding, Some(byte)),
            (Stage::Start(_, Some(0x1f)) | Stage::Magic, 0x8b) => Stage::Method,
            (Stage::Start(_, Some(first)), _) if is_zlib(first, byte) => {
                Stage::Deflate(Wrapper::Zlib)
            }
            (Stage::Start(Encoding::Deflate, Some(_)), _) => Stage::Deflate(Wrapper::None),
            (Stage::Method, 8) => Stage::Flags,
            (Stage::Flags, flags) => Stage::Skip { left: 6, fields: flags },
            (Stage::Skip { left: left @ 2.., fields }, _) => Stage::Skip { left: left - 1, fields },
            (Stage::Skip { fields, .. }, _) => Stage::of_fields(fields),
            (Stage::ExtraLen { low: None, fields }, _) => {
                Stage::ExtraLen { low: Some(byte), fields }
            }
            (Stage::ExtraLen { low: Some(low), fields }, _) => {
                match u16::from_le_bytes([low, byte]) {
                    0 => Stage::of_fields(fields),
                    left => Stage::Skip { left, fields },
                }
            }
            (Stage::Text { fields }, 0) => Stage::of_fields(fields),
            (Stage::Text { .. }, _) => self,
            (Stage::Trailer { left: left @ 2.., wrapper }, _) => {
                Stage::Trailer { left: left - 1, wrapper }
            }
            (Stage::Trailer { wrapper, .. }, _) => Stage::Behind(wrapper),
            // Members of gzip follow each other, and zeroes may fill up what is behind them.
            (Stage::Behind(Wrapper::Gzip), 0) => self,
            (Stage::Behind(Wrapper::Gzip), 0x1f) => Stage::Magic,
            _ => return None,
        })
    }

    /// What comes behind a deflate stream.
    pub(super) fn behind_stream(wrapper: Wrapper) -> Stage {
        match wrapper {
            Wrapper::Gzip => Stage::Trailer { left: 8, wrapper },
            Wrapper::Zlib => Stage::Trailer { left: 4, wrapper },
            Wrapper::None => Stage::Behind(wrapper),
        }
    }

    /// The first of `fields` in a gzip header, or what is behind the header.
    fn of_fields(fields: u8) -> Stage {
        if fields & EXTRA != 0 {
            Stage::ExtraLen { low: None, fields: fields & !EXTRA }
        } else if fields & NAME != 0 {
            Stage::Text { fields: fields & !NAME }
        } else if fields & COMMENT != 0 {
            Stage::Text { fields: fields & !COMMENT }
        } else if fields & HEADER_CRC != 0 {
            Stage::Skip { left: 2, fields: fields & !HEADER_CRC }
        } else {
            Stage::Deflate(Wrapper::Gzip)
        }
    }
}

/// Whether these two bytes are a header of zlib (RFC 1950, section 2.2) without a dictionary, which
/// nobody has agreed on.
pub(super) fn is_zlib(first: u8, second: u8) -> bool {
    first & 15 == 8
        && first >> 4 <= 7
        && u16::from_be_bytes([first, second]).is_multiple_of(31)
        && second & 0x20 == 0
}
