//! The way from a text to a token that it holds encoded.

use std::fmt;
use std::ops::Range;

/// An encoding that a detector undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Encoding {
    /// Base64 in the standard alphabet (RFC 4648, section 4), in one piece or in lines.
    Base64 = 1,
    /// Base64 in the alphabet for URLs and file names (RFC 4648, section 5).
    Base64Url = 2,
    /// Two hexadecimal digits for each byte.
    Hex = 3,
    /// `%` and two hexadecimal digits (RFC 3986, section 2.1).
    Percent = 4,
    /// The escapes of a JSON string (RFC 8259, section 7), and JavaScript's `\xXX` and `\u{…}`.
    Json = 5,
    /// HTML's character references: decimal, hexadecimal, and `&amp; &lt; &gt; &quot; &apos;`.
    Entity = 6,
    /// UTF-16 of either byte order.
    Utf16 = 7,
    /// The gzip format (RFC 1952).
    Gzip = 8,
    /// The zlib format (RFC 1950).
    Zlib = 9,
    /// Bare deflate (RFC 1951).
    Deflate = 10,
}

impl Encoding {
    /// The encoding's name: `base64`, `base64url`, `hex`, `percent`, `json`, `entity`, `utf16`,
    /// `gzip`, `zlib` or `deflate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Base64 => "base64",
            Encoding::Base64Url => "base64url",
            Encoding::Hex => "hex",
            Encoding::Percent => "percent",
            Encoding::Json => "json",
            Encoding::Entity => "entity",
            Encoding::Utf16 => "utf16",
            Encoding::Gzip => "gzip",
            Encoding::Zlib => "zlib",
            Encoding::Deflate => "deflate",
        }
    }

    /// Whether escapes stand among bytes that stand for themselves.
    pub(super) fn is_escape(self) -> bool {
        matches!(self, Encoding::Percent | Encoding::Json | Encoding::Entity)
    }

    /// Whether a byte of what comes out has no place of its own in what goes in.
    pub(super) fn is_packed(self) -> bool {
        matches!(self, Encoding::Gzip | Encoding::Zlib | Encoding::Deflate)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One step of the way: an encoding, and the bytes that were decoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    pub(super) encoding: Encoding,
    pub(in crate::detect) range: Range<usize>,
}

impl Step {
    /// What was undone.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The bytes that were decoded: for the first step those of the text that was scanned, for each
    /// further one those that the step before it gave.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}
