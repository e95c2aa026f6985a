//! The plain structs of the C ABI, and the numbers in them.
#![allow(non_camel_case_types)]

use super::set::stanch_set;
use crate::patch::{Action, BodyState, Part, View};

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

/// All of the body was looked at in the way that the server behind will read it; or there was none.
pub const STANCH_BODY_WHOLE: u32 = 0;
/// The body is not what its content encoding says, not all there, followed by something else, or can
/// be read in more than one way.
pub const STANCH_BODY_DAMAGED: u32 = 1;
/// The body came to more bytes for each byte sent than the inflater's limit allows.
pub const STANCH_BODY_RATIO: u32 = 2;
/// The body came to more bytes than the inflater's limit allows.
pub const STANCH_BODY_TOTAL: u32 = 3;
/// The body's content encoding is none that is undone, or there are several, or the scan has no
/// inflater.
pub const STANCH_BODY_UNSUPPORTED: u32 = 4;

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
const _: () = assert!(STANCH_BODY_WHOLE == BodyState::Whole as u32);
const _: () = assert!(STANCH_BODY_DAMAGED == BodyState::Damaged as u32);
const _: () = assert!(STANCH_BODY_RATIO == BodyState::Ratio as u32);
const _: () = assert!(STANCH_BODY_TOTAL == BodyState::Total as u32);
const _: () = assert!(STANCH_BODY_UNSUPPORTED == BodyState::Unsupported as u32);
const _: () = assert!(STANCH_NAME == crate::patch::Name::MAX);

/// A look at a guard's file came to nothing new, or there was none.
pub const STANCH_NEWS_NONE: u32 = 0;
/// Another set is in use.
pub const STANCH_NEWS_SWAPPED: u32 = 1;
/// The file was refused; the set in use stays. `stanch_guard_refusal` says why.
pub const STANCH_NEWS_REFUSED: u32 = 2;

/// The bytes that any line of `stanch_attempt_line` has room in, and a line's end or a NUL behind it.
pub const STANCH_ATTEMPT_LINE: usize = 2048;

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
    /// How many leaks its tokens belong to.
    pub leaks: u64,
    /// From when on it does not open, in seconds since 1970-01-01 UTC; zero if it does not expire.
    pub expires: u64,
    /// What recovering the easiest of its tokens would cost whoever has the set and its key: the
    /// base-2 logarithm of the guesses, by an estimate.
    pub recovery_bits: u32,
    /// 1 if it is signed, 0 if not. The signature is right; whether the key is trusted is for
    /// `stanch_trust` to say.
    pub is_signed: u32,
    /// Which public key it is signed with; zeroes if it is not.
    pub signer_id: [u8; 8],
}

/// The public half of a signing key: an Ed25519 key (RFC 8032).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_public_key {
    /// The encoded point.
    pub bytes: [u8; 32],
}

/// Which sets are taken. With nothing but the size, the others zero: any sound set that has not
/// expired.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_trust {
    /// The size of this struct; set by the caller. A larger one than the library knows is refused: a
    /// condition must not be passed over.
    pub size: usize,
    /// Public keys, one of which must have signed the set.
    pub keys: *const stanch_public_key,
    /// How many there are. If there are none, a set need not be signed.
    pub key_count: usize,
    /// The set that is in use, or NULL. Only it or one with a higher serial number is taken.
    pub replaces: *const stanch_set,
    /// The lowest serial number that is taken.
    pub serial: u64,
    /// The time in seconds since 1970-01-01 UTC; zero lets the library ask the system.
    pub now: u64,
}

/// What a guard did so far. Times are in seconds since 1970-01-01 UTC.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_guard_info {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// How often it exchanged its set for another.
    pub swaps: u64,
    /// How many changes of its file it refused.
    pub refusals: u64,
    /// The serial number of the set in use.
    pub serial: u64,
    /// When it looked at its file last.
    pub checked: u64,
    /// When it took the set in use.
    pub taken: u64,
    /// When it refused a file last; zero if it never did.
    pub refused: u64,
    /// 1 if the file, as it was at the last look, is refused, 0 if it is the set in use.
    pub is_refusing: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a host knows of a request that scopes of patches may ask for. What is not told here is taken
/// from the request as it is fed, as far as it is in there; what nobody tells is unknown, and a
/// condition on it holds.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_context {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// The host that the request is for, with or without a port. Not told if `data` is NULL, as are
    /// the next two.
    pub host: stanch_slice,
    /// Its method.
    pub method: stanch_slice,
    /// The path of its target, escaped. What follows a `?` does not count.
    pub path: stanch_slice,
    /// The time in seconds since 1970-01-01 UTC; zero lets the library ask the system, if a patch
    /// needs it.
    pub now: u64,
    /// The number of bytes in `client`: 4 for IPv4, 16 for IPv6, zero if the address is not told.
    pub client_len: u32,
    /// Zero.
    pub reserved: u32,
    /// The client's address in network order, as in `sin_addr` or `sin6_addr`.
    pub client: [u8; 16],
}

/// How far a body may inflate. Zero stands for what is usual.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_inflate_limits {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// How many bytes may come out of one body; usually 64 MiB.
    pub total: u64,
    /// How many bytes may come out for each byte that went in, beyond the first MiB; usually 100.
    pub ratio: u64,
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
    /// Whether all of the body was looked at without its content encoding: a `STANCH_BODY_` number.
    /// Known for sure when the scan is finished.
    pub body: u32,
    /// Zero.
    pub reserved: u32,
}

/// A request that carried a leaked token, as it is to be logged. Texts may be empty; they are cut off
/// where they get long, and none needs to be valid UTF-8.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_attempt {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// When, in milliseconds since 1970-01-01 UTC; zero lets the library ask the system.
    pub time: u64,
    /// The node that saw it; at most 128 bytes of it are written, escaped as they are.
    pub node: stanch_slice,
    /// The client's address, as text; at most 64.
    pub client: stanch_slice,
    /// The host that was asked; at most 256. Left out if the token stood in the header that names it.
    pub host: stanch_slice,
    /// The method; at most 32.
    pub method: stanch_slice,
    /// The path as the client sent it, without the query; at most 1,024. Left out if the token stood in
    /// it, or if there is a `?` in it. It must not be given if another token of the set stands in it.
    pub path: stanch_slice,
    /// What the scan came to; its action may be another than what the host did.
    pub verdict: *const stanch_verdict,
    /// How many attempts were left out of the log since the line before: from `stanch_attempt_cap_take`.
    pub left_out: u64,
    /// What the host did: `STANCH_ACTION_MONITOR` or `STANCH_ACTION_BLOCK`.
    pub action: u32,
    /// Zero.
    pub reserved: u32,
}

/// Bounds how many attempts are logged. May lie in memory that processes share; zeroed once, it is as
/// if nothing was logged. Only for `stanch_attempt_cap_take` to look into.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_attempt_cap {
    /// When the next line is due.
    pub due: u64,
    /// How many attempts were left out since the last line.
    pub left_out: u64,
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
