//! The status codes and the error text.

use std::ffi::c_char;

/// All went well.
pub const STANCH_OK: i32 = 0;
/// A pointer that must not be NULL is NULL.
pub const STANCH_ERROR_NULL: i32 = 1;
/// A length, a size, an alignment or a number is out of range.
pub const STANCH_ERROR_ARGUMENT: i32 = 2;
/// A file cannot be read.
pub const STANCH_ERROR_IO: i32 = 3;
/// A key is no key, or others than its owner have access to the file of a secret one.
pub const STANCH_ERROR_KEY: i32 = 4;
/// The set was compiled with another key.
pub const STANCH_ERROR_WRONG_KEY: i32 = 5;
/// The bytes are not a patch set, or are truncated or damaged.
pub const STANCH_ERROR_FORMAT: i32 = 6;
/// The set is of a format version that this library does not read.
pub const STANCH_ERROR_VERSION: i32 = 7;
/// The memory holds no scan, or the scan is finished, failed before, or is too far on for this call.
pub const STANCH_ERROR_STATE: i32 = 8;
/// A fault inside the library. It was contained; the scan it happened in is of no use any more.
pub const STANCH_ERROR_PANIC: i32 = 9;
/// The callback asked to stop.
pub const STANCH_ERROR_STOPPED: i32 = 10;
/// The set is not signed, and must be.
pub const STANCH_ERROR_UNSIGNED: i32 = 11;
/// The set's signature is not one of the key that it names: it was changed, or made up.
pub const STANCH_ERROR_SIGNATURE: i32 = 12;
/// The set is signed with a key that is not trusted.
pub const STANCH_ERROR_SIGNER: i32 = 13;
/// The set has expired.
pub const STANCH_ERROR_EXPIRED: i32 = 14;
/// The set is older than the one in use or than the lowest that is taken, or has the number of the one
/// in use and is another.
pub const STANCH_ERROR_ROLLBACK: i32 = 15;
/// The weights make no policy.
pub const STANCH_ERROR_POLICY: i32 = 16;

/// The length of the text in a `stanch_error`, the closing NUL included.
pub const STANCH_ERROR_TEXT: usize = 512;

/// What went wrong, in words. It names files and reasons and never holds a secret.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct stanch_error {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// The status code that the function returned.
    pub code: i32,
    /// Zero.
    pub reserved: u32,
    /// UTF-8 text that ends with a NUL, cut off where it is too long.
    pub message: [c_char; STANCH_ERROR_TEXT],
}

/// Why a call fails: a status code and, where an error is asked for, its text.
pub(super) struct Failure {
    pub(super) code: i32,
    pub(super) text: String,
}

impl Failure {
    /// A failure with a text of its own.
    pub(super) fn new(code: i32, text: impl ToString) -> Failure {
        Failure { code, text: text.to_string() }
    }
}

/// A failure whose code says it all; does not allocate.
impl From<i32> for Failure {
    fn from(code: i32) -> Failure {
        Failure { code, text: String::new() }
    }
}

impl stanch_error {
    /// Writes a failure into the caller's struct.
    pub(super) fn fill(&mut self, code: i32, text: &str) {
        self.code = code;
        self.reserved = 0;
        let mut end = text.len().min(STANCH_ERROR_TEXT - 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.message = [0; STANCH_ERROR_TEXT];
        for (to, from) in self.message.iter_mut().zip(&text.as_bytes()[..end]) {
            *to = *from as c_char;
        }
    }
}

/// What a status code means: a static English text, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_status_text(code: i32) -> *const c_char {
    text(code).as_ptr()
}

/// What a status code means.
pub(super) fn text(code: i32) -> &'static std::ffi::CStr {
    match code {
        STANCH_OK => c"all went well",
        STANCH_ERROR_NULL => c"a pointer that must not be NULL is NULL",
        STANCH_ERROR_ARGUMENT => c"a length, size, alignment or number is out of range",
        STANCH_ERROR_IO => c"a file cannot be read",
        STANCH_ERROR_KEY => c"a key is no key, or others have access to its file",
        STANCH_ERROR_WRONG_KEY => c"the set was compiled with another key",
        STANCH_ERROR_FORMAT => c"not a patch set, or truncated or damaged",
        STANCH_ERROR_VERSION => c"a format version that this library does not read",
        STANCH_ERROR_STATE => {
            c"the memory holds no scan, or the scan is finished, failed before, or is too far on"
        }
        STANCH_ERROR_PANIC => c"a fault inside the library",
        STANCH_ERROR_STOPPED => c"the callback asked to stop",
        STANCH_ERROR_UNSIGNED => c"the set is not signed, and must be",
        STANCH_ERROR_SIGNATURE => c"the signature is not one of the key that the set names",
        STANCH_ERROR_SIGNER => c"the set is signed with a key that is not trusted",
        STANCH_ERROR_EXPIRED => c"the set has expired",
        STANCH_ERROR_ROLLBACK => c"the set is older than what is in use or asked for",
        STANCH_ERROR_POLICY => c"the weights make no policy",
        _ => c"unknown status code",
    }
}
