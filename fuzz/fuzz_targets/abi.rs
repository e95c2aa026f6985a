//! The C interface as a caller sees it: what `include/stanch.h` declares, in Rust. The functions come
//! from the library that the target is linked with.

#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void};

// They are called by their C names only; without this the library would not be linked.
use stanch as _;

pub(crate) const OK: i32 = 0;
pub(crate) const ERROR_NULL: i32 = 1;
pub(crate) const ERROR_ARGUMENT: i32 = 2;
pub(crate) const ERROR_IO: i32 = 3;
pub(crate) const ERROR_KEY: i32 = 4;
pub(crate) const ERROR_WRONG_KEY: i32 = 5;
pub(crate) const ERROR_FORMAT: i32 = 6;
pub(crate) const ERROR_STATE: i32 = 8;
pub(crate) const ERROR_STOPPED: i32 = 10;
pub(crate) const ERROR_UNSIGNED: i32 = 11;
pub(crate) const ERROR_SIGNATURE: i32 = 12;
pub(crate) const ERROR_SIGNER: i32 = 13;
pub(crate) const ERROR_ROLLBACK: i32 = 15;

pub(crate) const VIEWS_TEXT: usize = 96;

pub(crate) const PASS: u32 = 0;
pub(crate) const MONITOR: u32 = 1;
pub(crate) const BLOCK: u32 = 2;

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct stanch_slice {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
}

#[repr(C)]
pub(crate) struct stanch_header {
    pub(crate) name: stanch_slice,
    pub(crate) value: stanch_slice,
}

#[repr(C)]
pub(crate) struct stanch_error {
    pub(crate) size: usize,
    pub(crate) code: i32,
    pub(crate) reserved: u32,
    pub(crate) message: [c_char; 512],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct stanch_verdict {
    pub(crate) size: usize,
    pub(crate) action: u32,
    pub(crate) part: u32,
    pub(crate) views: u32,
    pub(crate) name_len: u32,
    pub(crate) leak: u64,
    pub(crate) offset: u64,
    pub(crate) name: [u8; 64],
    pub(crate) body: u32,
    pub(crate) reserved: u32,
}

#[repr(C)]
pub(crate) struct stanch_set_info {
    pub(crate) size: usize,
    pub(crate) tokens: u64,
    pub(crate) serial: u64,
    pub(crate) created: i64,
    pub(crate) bytes: u64,
    pub(crate) longest_token: u32,
    pub(crate) format_version: u32,
    pub(crate) key_id: [u8; 8],
    pub(crate) leaks: u64,
    pub(crate) expires: u64,
    pub(crate) recovery_bits: u32,
    pub(crate) is_signed: u32,
    pub(crate) signer_id: [u8; 8],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct stanch_public_key {
    pub(crate) bytes: [u8; 32],
}

#[repr(C)]
pub(crate) struct stanch_trust {
    pub(crate) size: usize,
    pub(crate) keys: *const stanch_public_key,
    pub(crate) key_count: usize,
    pub(crate) replaces: *const stanch_set,
    pub(crate) serial: u64,
    pub(crate) now: u64,
}

#[repr(C)]
pub(crate) struct stanch_context {
    pub(crate) size: usize,
    pub(crate) host: stanch_slice,
    pub(crate) method: stanch_slice,
    pub(crate) path: stanch_slice,
    pub(crate) now: u64,
    pub(crate) client_len: u32,
    pub(crate) reserved: u32,
    pub(crate) client: [u8; 16],
}

#[repr(C)]
pub(crate) struct stanch_inflate_limits {
    pub(crate) size: usize,
    pub(crate) total: u64,
    pub(crate) ratio: u64,
}

#[repr(C)]
pub(crate) struct stanch_finding {
    pub(crate) size: usize,
    pub(crate) rule: stanch_slice,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) confidence: u32,
    pub(crate) reserved: u32,
}

pub(crate) enum stanch_set {}
pub(crate) enum stanch_scan {}
pub(crate) enum stanch_inflater {}
pub(crate) enum stanch_detector {}

pub(crate) type stanch_finding_fn =
    Option<unsafe extern "C" fn(context: *mut c_void, finding: *const stanch_finding) -> i32>;

unsafe extern "C" {
    pub(crate) fn stanch_set_open(
        path: stanch_slice,
        key_path: stanch_slice,
        error: *mut stanch_error,
        out: *mut *mut stanch_set,
    ) -> i32;
    pub(crate) fn stanch_set_from_memory(
        content: stanch_slice,
        key: stanch_slice,
        error: *mut stanch_error,
        out: *mut *mut stanch_set,
    ) -> i32;
    pub(crate) fn stanch_set_from_memory_trusted(
        content: stanch_slice,
        key: stanch_slice,
        trust: *const stanch_trust,
        error: *mut stanch_error,
        out: *mut *mut stanch_set,
    ) -> i32;
    pub(crate) fn stanch_public_key_open(
        path: stanch_slice,
        error: *mut stanch_error,
        out: *mut stanch_public_key,
    ) -> i32;
    pub(crate) fn stanch_public_key_parse(
        text: stanch_slice,
        error: *mut stanch_error,
        out: *mut stanch_public_key,
    ) -> i32;
    pub(crate) fn stanch_set_describe(set: *const stanch_set, out: *mut stanch_set_info) -> i32;
    pub(crate) fn stanch_set_free(set: *mut stanch_set);

    pub(crate) fn stanch_scan_size(set: *const stanch_set, out: *mut usize) -> i32;
    pub(crate) fn stanch_scan_align() -> usize;
    pub(crate) fn stanch_scan_init(
        set: *const stanch_set,
        memory: *mut c_void,
        size: usize,
        out: *mut *mut stanch_scan,
    ) -> i32;
    pub(crate) fn stanch_scan_context(
        scan: *mut stanch_scan,
        context: *const stanch_context,
    ) -> i32;
    pub(crate) fn stanch_inflater_new(
        limits: *const stanch_inflate_limits,
        error: *mut stanch_error,
        out: *mut *mut stanch_inflater,
    ) -> i32;
    pub(crate) fn stanch_inflater_free(inflater: *mut stanch_inflater);
    pub(crate) fn stanch_scan_inflate(
        scan: *mut stanch_scan,
        inflater: *mut stanch_inflater,
    ) -> i32;
    pub(crate) fn stanch_scan_request(
        scan: *mut stanch_scan,
        method: stanch_slice,
        target: stanch_slice,
    ) -> i32;
    pub(crate) fn stanch_scan_headers(
        scan: *mut stanch_scan,
        headers: *const stanch_header,
        count: usize,
    ) -> i32;
    pub(crate) fn stanch_scan_body(
        scan: *mut stanch_scan,
        pieces: *const stanch_slice,
        count: usize,
    ) -> i32;
    pub(crate) fn stanch_scan_verdict(scan: *const stanch_scan, out: *mut stanch_verdict) -> i32;
    pub(crate) fn stanch_scan_finish(scan: *mut stanch_scan, out: *mut stanch_verdict) -> i32;

    pub(crate) fn stanch_detector_new(
        error: *mut stanch_error,
        out: *mut *mut stanch_detector,
    ) -> i32;
    pub(crate) fn stanch_detector_scan(
        detector: *const stanch_detector,
        text: stanch_slice,
        callback: stanch_finding_fn,
        context: *mut c_void,
    ) -> i32;
    pub(crate) fn stanch_detector_free(detector: *mut stanch_detector);

    pub(crate) fn stanch_status_text(code: i32) -> *const c_char;
    pub(crate) fn stanch_action_name(action: u32) -> *const c_char;
    pub(crate) fn stanch_part_name(part: u32) -> *const c_char;
    pub(crate) fn stanch_view_name(view: u32) -> *const c_char;
    pub(crate) fn stanch_body_name(body: u32) -> *const c_char;
    pub(crate) fn stanch_views_text(views: u32, out: *mut c_char, size: usize) -> usize;
}

impl stanch_slice {
    pub(crate) const NONE: stanch_slice = stanch_slice { data: std::ptr::null(), len: 0 };
    /// A length, and no bytes.
    pub(crate) const NULL: stanch_slice = stanch_slice { data: std::ptr::null(), len: 5 };

    pub(crate) fn of(bytes: &[u8]) -> stanch_slice {
        stanch_slice { data: bytes.as_ptr(), len: bytes.len() }
    }

    /// These bytes, with a length that no memory has.
    pub(crate) fn endless(bytes: &[u8]) -> stanch_slice {
        stanch_slice { data: bytes.as_ptr(), len: usize::MAX }
    }
}

impl stanch_verdict {
    pub(crate) fn sized(size: usize) -> stanch_verdict {
        stanch_verdict {
            size,
            action: 77,
            part: 77,
            views: 77,
            name_len: 77,
            leak: 77,
            offset: 77,
            name: [77; 64],
            body: 77,
            reserved: 77,
        }
    }
}

impl stanch_error {
    pub(crate) fn sized(size: usize) -> stanch_error {
        stanch_error { size, code: 77, reserved: 77, message: [77; 512] }
    }
}
