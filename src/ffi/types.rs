//! The plain structs of the C ABI, and the numbers in them.
#![allow(non_camel_case_types)]

use crate::patch::{Action, Part, View};

/// Let the request pass: it carries no token of the set.
pub const STANCH_ACTION_PASS: u32 = 0;
/// Let the request pass, and record it.
pub const STANCH_ACTION_MONITOR: u32 = 1;
/// Refuse the request.
pub const STANCH_ACTION_BLOCK: u32 = 2;

/// No part: nothing was found.
pub const STANCH_PART_NONE: u32 = 0;
/// The target's path.
pub const STANCH_PART_PATH: u32 = 1;
/// The target's query.
pub const STANCH_PART_QUERY: u32 = 2;
/// A header's value.
pub const STANCH_PART_HEADER: u32 = 3;
/// A cookie.
pub const STANCH_PART_COOKIE: u32 = 4;
/// The body.
pub const STANCH_PART_BODY: u32 = 5;

/// No view: nothing was found.
pub const STANCH_VIEW_NONE: u32 = 0;
/// As it stands.
pub const STANCH_VIEW_RAW: u32 = 1;
/// Percent escapes undone.
pub const STANCH_VIEW_PERCENT: u32 = 2;
/// Backslash escapes of JSON and ECMAScript undone.
pub const STANCH_VIEW_JSON: u32 = 4;
/// Character references of XML and HTML undone.
pub const STANCH_VIEW_ENTITY: u32 = 8;
/// Base64 undone.
pub const STANCH_VIEW_BASE64: u32 = 16;
/// The credentials of HTTP Basic authentication, base64 undone.
pub const STANCH_VIEW_BASIC: u32 = 32;
/// Read as UTF-16.
pub const STANCH_VIEW_UTF16: u32 = 64;
/// Quoted-printable undone.
pub const STANCH_VIEW_QUOTED: u32 = 128;
/// In the other letter case.
pub const STANCH_VIEW_CASE: u32 = 256;
/// `+` read as a space.
pub const STANCH_VIEW_PLUS: u32 = 512;
/// The content encoding gzip undone.
pub const STANCH_VIEW_GZIP: u32 = 1024;
/// The content encoding deflate undone.
pub const STANCH_VIEW_DEFLATE: u32 = 2048;

/// The finding may well be something else.
pub const STANCH_CONFIDENCE_LOW: u32 = 1;
/// The finding is probably what its rule says.
pub const STANCH_CONFIDENCE_MEDIUM: u32 = 2;
/// The finding is almost certainly what its rule says.
pub const STANCH_CONFIDENCE_HIGH: u32 = 3;

/// How many bytes of a name a verdict keeps.
pub const STANCH_NAME: usize = 64;

// The numbers above are those of the Rust types: a test of the compiler's, for each.
const _: () = assert!(STANCH_ACTION_PASS == Action::Pass as u32);
const _: () = assert!(STANCH_ACTION_MONITOR == Action::Monitor as u32);
const _: () = assert!(STANCH_ACTION_BLOCK == Action::Block as u32);
const _: () = assert!(STANCH_PART_PATH == Part::Path as u32);
const _: () = assert!(STANCH_PART_QUERY == Part::Query as u32);
const _: () = assert!(STANCH_PART_HEADER == Part::Header as u32);
const _: () = assert!(STANCH_PART_COOKIE == Part::Cookie as u32);
const _: () = assert!(STANCH_PART_BODY == Part::Body as u32);
const _: () = assert!(STANCH_VIEW_RAW == View::Raw as u32);
const _: () = assert!(STANCH_VIEW_PERCENT == View::Percent as u32);
const _: () = assert!(STANCH_VIEW_JSON == View::Json as u32);
const _: () = assert!(STANCH_VIEW_ENTITY == View::Entity as u32);
const _: () = assert!(STANCH_VIEW_BASE64 == View::Base64 as u32);
const _: () = assert!(STANCH_VIEW_BASIC == View::Basic as u32);
const _: () = assert!(STANCH_VIEW_UTF16 == View::Utf16 as u32);
const _: () = assert!(STANCH_VIEW_QUOTED == View::Quoted as u32);
const _: () = assert!(STANCH_VIEW_CASE == View::Case as u32);
const _: () = assert!(STANCH_VIEW_PLUS == View::Plus as u32);
const _: () = assert!(STANCH_VIEW_GZIP == View::Gzip as u32);
const _: () = assert!(STANCH_VIEW_DEFLATE == View::Deflate as u32);
const _: () = assert!(STANCH_NAME == crate::patch::Name::MAX);

/// Bytes: where they start and how many there are. `data` may be NULL if `len` is zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_slice {
    /// The first byte.
    pub data: *const u8,
    /// The number of bytes.
    pub len: usize,
}

/// A header of a request: name and value, without the colon or the line's end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_header {
    /// The name, in any case.
    pub name: stanch_slice,
    /// The value.
    pub value: stanch_slice,
}

/// What a set says of itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_set_info {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// How many different tokens the set holds.
    pub tokens: u64,
    /// Its number in the row of sets that an installation compiles.
    pub serial: u64,
    /// When it was compiled, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The length of its longest token in bytes.
    pub longest_token: u32,
    /// The version of its format.
    pub format_version: u32,
    /// Which key it was compiled with.
    pub key_id: [u8; 8],
}

/// The outcome of a scan. Never holds the token.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_verdict {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// What to do: a `STANCH_ACTION_` number.
    pub action: u32,
    /// Where the token stood: a `STANCH_PART_` number.
    pub part: u32,
    /// What had to be undone for it to show: `STANCH_VIEW_` numbers, added up.
    pub views: u32,
    /// The number of bytes in `name`.
    pub name_len: u32,
    /// The leak that the token belongs to.
    pub leak: u64,
    /// Where it starts, encoded as it is: the byte, counted from the start of the target, of the
    /// header's value, or of the body (without its content encoding).
    pub offset: u64,
    /// The name of the header, cookie or query parameter, as the client sent it: treat it as
    /// hostile text. Not closed by a NUL.
    pub name: [u8; STANCH_NAME],
}

/// A token that a detector found.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_finding {
    /// The size of this struct; set by the library.
    pub size: usize,
    /// The name of the rule that found it; static.
    pub rule: stanch_slice,
    /// Its first byte in the text.
    pub start: usize,
    /// The byte behind its last one.
    pub end: usize,
    /// The line that it starts in, from 1.
    pub line: u64,
    /// The byte of that line that it starts at, from 1.
    pub column: u64,
    /// How sure it is: a `STANCH_CONFIDENCE_` number.
    pub confidence: u32,
    /// Zero.
    pub reserved: u32,
}
