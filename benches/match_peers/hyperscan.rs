//! Hyperscan's literal interface: as much of `hs_compile.h` and `hs_runtime.h` as it takes.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void};
use std::ptr;

const HS_SUCCESS: c_int = 0;
/// What a scan returns whose callback asked to stop.
const HS_SCAN_TERMINATED: c_int = -3;
const HS_MODE_BLOCK: c_uint = 1;
/// No more than one match of each token is reported.
const HS_FLAG_SINGLEMATCH: c_uint = 8;

#[repr(C)]
struct HsCompileError {
    message: *const c_char,
    expression: c_int,
}

type OnMatch = extern "C" fn(c_uint, c_ulonglong, c_ulonglong, c_uint, *mut c_void) -> c_int;

#[link(name = "hs")]
unsafe extern "C" {
    fn hs_compile_lit_multi(
        expressions: *const *const c_char,
        flags: *const c_uint,
        ids: *const c_uint,
        lens: *const usize,
        elements: c_uint,
        mode: c_uint,
        platform: *const c_void,
        db: *mut *mut c_void,
        error: *mut *mut HsCompileError,
    ) -> c_int;
    fn hs_free_compile_error(error: *mut HsCompileError) -> c_int;
    fn hs_database_size(db: *const c_void, size: *mut usize) -> c_int;
    fn hs_alloc_scratch(db: *const c_void, scratch: *mut *mut c_void) -> c_int;
    fn hs_scan(
        db: *const c_void,
        data: *const c_char,
        length: c_uint,
        flags: c_uint,
        scratch: *mut c_void,
        on_match: OnMatch,
        context: *mut c_void,
    ) -> c_int;
    fn hs_free_scratch(scratch: *mut c_void) -> c_int;
    fn hs_free_database(db: *mut c_void) -> c_int;
}

/// A compiled database with memory to scan in.
pub(crate) struct Hyperscan {
    db: *mut c_void,
    scratch: *mut c_void,
    bytes: usize,
}

impl Hyperscan {
    /// Compiles `tokens` as literals.
    pub(crate) fn compile(tokens: &[Vec<u8>]) -> Result<Hyperscan, String> {
        let count = c_uint::try_from(tokens.len()).map_err(|_| "too many tokens".to_owned())?;
        let starts: Vec<*const c_char> = tokens.iter().map(|token| token.as_ptr().cast()).collect();
        let lens: Vec<usize> = tokens.iter().map(Vec::len).collect();
        let flags = vec![HS_FLAG_SINGLEMATCH; tokens.len()];
        let ids: Vec<c_uint> = (0..count).collect();
        let mut engine = Hyperscan { db: ptr::null_mut(), scratch: ptr::null_mut(), bytes: 0 };
        let mut error = ptr::null_mut();
        // SAFETY: the four arrays have `count` items and live until the call returns; each start
        // points to as many bytes as the item of `lens` says; a null platform means this machine.
        let code = unsafe {
            hs_compile_lit_multi(
                starts.as_ptr(),
                flags.as_ptr(),
                ids.as_ptr(),
                lens.as_ptr(),
                count,
                HS_MODE_BLOCK,
                ptr::null(),
                &mut engine.db,
                &mut error,
            )
        };
        if code != HS_SUCCESS {
            return Err(take_message(error));
        }
        // SAFETY: the database is compiled; both results point to fields that live long enough.
        let codes = unsafe {
            [
                hs_database_size(engine.db, &mut engine.bytes),
                hs_alloc_scratch(engine.db, &mut engine.scratch),
            ]
        };
        match codes {
            [HS_SUCCESS, HS_SUCCESS] => Ok(engine),
            [_, code] => Err(format!("code {code} when allocating scratch")),
        }
    }

    /// The size of the database in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether any token stands in `text`.
    #[inline]
    pub(crate) fn is_match(&mut self, text: &[u8]) -> bool {
        // SAFETY: database and scratch belong together and are used by nobody else during the call;
        // `text` has as many bytes as is said (all texts here are far below 4 GiB); the callback
        // does not look at its context.
        let code = unsafe {
            hs_scan(
                self.db,
                text.as_ptr().cast(),
                text.len() as c_uint,
                0,
                self.scratch,
                stop,
                ptr::null_mut(),
            )
        };
        assert!(matches!(code, HS_SUCCESS | HS_SCAN_TERMINATED), "hs_scan: {code}");
        code == HS_SCAN_TERMINATED
    }
}

impl Drop for Hyperscan {
    fn drop(&mut self) {
        // SAFETY: both come from Hyperscan, or are null, which it ignores; nobody uses them later.
        unsafe {
            hs_free_scratch(self.scratch);
            hs_free_database(self.db);
        }
    }
}

/// One match is all that is asked for.
extern "C" fn stop(_: c_uint, _: c_ulonglong, _: c_ulonglong, _: c_uint, _: *mut c_void) -> c_int {
    1
}

/// What Hyperscan says of a failed compilation.
fn take_message(error: *mut HsCompileError) -> String {
    if error.is_null() {
        return "no reason given".to_owned();
    }
    // SAFETY: a compilation that failed leaves an error with a text that ends in a zero byte; it is
    // freed once, after the text was copied.
    unsafe {
        let message = CStr::from_ptr((*error).message).to_string_lossy().into_owned();
        hs_free_compile_error(error);
        message
    }
}
