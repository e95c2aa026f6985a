//! Versions, and the names of the numbers in a verdict.

use std::ffi::{CStr, c_char};

use super::types::{
    STANCH_ACTION_BLOCK, STANCH_ACTION_MONITOR, STANCH_ACTION_PASS, STANCH_BODY_DAMAGED,
    STANCH_BODY_RATIO, STANCH_BODY_TOTAL, STANCH_BODY_UNSUPPORTED, STANCH_BODY_WHOLE,
    STANCH_PART_BODY, STANCH_PART_COOKIE, STANCH_PART_HEADER, STANCH_PART_NONE, STANCH_PART_PATH,
    STANCH_PART_QUERY, STANCH_VIEW_BASE64, STANCH_VIEW_BASIC, STANCH_VIEW_CASE,
    STANCH_VIEW_DEFLATE, STANCH_VIEW_ENTITY, STANCH_VIEW_GZIP, STANCH_VIEW_JSON, STANCH_VIEW_NONE,
    STANCH_VIEW_PERCENT, STANCH_VIEW_PLUS, STANCH_VIEW_QUOTED, STANCH_VIEW_RAW, STANCH_VIEW_UTF16,
};
use crate::patch::View;

/// The version of the ABI that this header describes. It grows when something is added.
pub const STANCH_ABI_VERSION: u32 = 4;

/// The oldest version of the ABI that this library still serves. A program that was compiled
/// against an older header than this must not use it.
pub const STANCH_ABI_VERSION_MINIMUM: u32 = 2;

/// The longest text that `stanch_views_text` writes, its NUL included.
pub const STANCH_VIEWS_TEXT: usize = 96;

const _: () = {
    let (mut len, mut number) = (0, 0);
    while number < View::EACH.len() {
        len += View::EACH[number].as_str().len() + 1;
        number += 1;
    }
    assert!(len <= STANCH_VIEWS_TEXT);
};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"unknown",
    };

/// The version of the ABI that the library at hand serves.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_abi_version() -> u32 {
    STANCH_ABI_VERSION
}

/// The oldest version of the ABI that the library at hand still serves.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_abi_version_minimum() -> u32 {
    STANCH_ABI_VERSION_MINIMUM
}

/// The library's version, as static text.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The name of a `STANCH_ACTION_` number as static text: `pass`, `monitor`, `block`, or `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_action_name(action: u32) -> *const c_char {
    let name = match action {
        STANCH_ACTION_PASS => c"pass",
        STANCH_ACTION_MONITOR => c"monitor",
        STANCH_ACTION_BLOCK => c"block",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// The name of a `STANCH_PART_` number as static text: `none`, `path`, `query`, `header`, `cookie`,
/// `body`, or `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_part_name(part: u32) -> *const c_char {
    let name = match part {
        STANCH_PART_NONE => c"none",
        STANCH_PART_PATH => c"path",
        STANCH_PART_QUERY => c"query",
        STANCH_PART_HEADER => c"header",
        STANCH_PART_COOKIE => c"cookie",
        STANCH_PART_BODY => c"body",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// The name of a `STANCH_BODY_` number as static text: `whole`, `damaged`, `ratio`, `total`,
/// `unsupported`, or `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_body_name(body: u32) -> *const c_char {
    let name = match body {
        STANCH_BODY_WHOLE => c"whole",
        STANCH_BODY_DAMAGED => c"damaged",
        STANCH_BODY_RATIO => c"ratio",
        STANCH_BODY_TOTAL => c"total",
        STANCH_BODY_UNSUPPORTED => c"unsupported",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// The name of one `STANCH_VIEW_` number as static text: `none`, `raw`, `percent` and so on, or
/// `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_view_name(view: u32) -> *const c_char {
    let name = match view {
        STANCH_VIEW_NONE => c"none",
        STANCH_VIEW_RAW => c"raw",
        STANCH_VIEW_PERCENT => c"percent",
        STANCH_VIEW_JSON => c"json",
        STANCH_VIEW_ENTITY => c"entity",
        STANCH_VIEW_BASE64 => c"base64",
        STANCH_VIEW_BASIC => c"basic",
        STANCH_VIEW_UTF16 => c"utf16",
        STANCH_VIEW_QUOTED => c"quoted",
        STANCH_VIEW_CASE => c"case",
        STANCH_VIEW_PLUS => c"plus",
        STANCH_VIEW_GZIP => c"gzip",
        STANCH_VIEW_DEFLATE => c"deflate",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// Writes the names of the views in `views` to `out`, joined by `+` (`percent+base64`; `none` if there
/// are none) and closed by a NUL. What does not fit into `size` bytes is cut off; `STANCH_VIEWS_TEXT`
/// bytes are enough for all. Returns how many bytes were written, without the NUL.
///
/// # Safety
///
/// `out` points to `size` bytes, or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_views_text(views: u32, out: *mut c_char, size: usize) -> usize {
    if out.is_null() || size == 0 {
        return 0;
    }
    // SAFETY: the caller's promise; a `c_char` is a byte.
    let out = unsafe { std::slice::from_raw_parts_mut(out.cast::<u8>(), size) };
    let mut len = 0;
    let mut write = |text: &[u8]| {
        for (room, byte) in out[..size - 1].iter_mut().skip(len).zip(text) {
            *room = *byte;
        }
        len = (len + text.len()).min(size - 1);
    };
    let names = View::EACH.into_iter().filter(|view| views & *view as u32 != 0);
    let mut any = false;
    for view in names {
        if std::mem::replace(&mut any, true) {
            write(b"+");
        }
        write(view.as_str().as_bytes());
    }
    if !any {
        write(b"none");
    }
    out[len] = 0;
    len
}

/// Panics on purpose, so that a test can see the panic become a status code.
#[cfg(feature = "test-panic")]
#[unsafe(no_mangle)]
pub extern "C" fn stanch_test_panic() -> i32 {
    super::boundary::guard(|| panic!("on purpose"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::{Action, BodyState, Part, View, Views};

    #[test]
    fn names_are_those_of_the_rust_types() {
        // SAFETY: these functions return static C strings.
        let text = |name: *const c_char| unsafe { CStr::from_ptr(name) }.to_str().unwrap();
        for action in [Action::Pass, Action::Monitor, Action::Block] {
            assert_eq!(text(stanch_action_name(action as u32)), action.as_str());
        }
        for part in [Part::Path, Part::Query, Part::Header, Part::Cookie, Part::Body] {
            assert_eq!(text(stanch_part_name(part as u32)), part.as_str());
        }
        for body in [
            BodyState::Whole,
            BodyState::Damaged,
            BodyState::Ratio,
            BodyState::Total,
            BodyState::Unsupported,
        ] {
            assert_eq!(text(stanch_body_name(body as u32)), body.as_str());
        }
        for view in View::EACH {
            assert_eq!(text(stanch_view_name(view as u32)), view.as_str());
        }
        assert_eq!(text(stanch_view_name(99)), "unknown");
        assert_eq!(text(stanch_version()), env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn views_are_written_as_far_as_there_is_room() {
        let text = |views: u32, size: usize| {
            let mut out = [0x78 as c_char; STANCH_VIEWS_TEXT];
            // SAFETY: no more than there is room.
            let len = unsafe { stanch_views_text(views, out.as_mut_ptr(), size) };
            // SAFETY: the text is closed by a NUL.
            let text = unsafe { CStr::from_ptr(out.as_ptr()) }.to_str().unwrap().to_owned();
            assert_eq!(text.len(), len);
            text
        };
        let percent_and_base64 = STANCH_VIEW_PERCENT | STANCH_VIEW_BASE64;
        assert_eq!(text(0, STANCH_VIEWS_TEXT), "none");
        assert_eq!(text(STANCH_VIEW_RAW, STANCH_VIEWS_TEXT), "raw");
        assert_eq!(text(percent_and_base64, STANCH_VIEWS_TEXT), "percent+base64");
        assert_eq!(text(percent_and_base64, 9), "percent+");
        assert_eq!(text(percent_and_base64, 1), "");
        assert_eq!(text(u32::MAX, STANCH_VIEWS_TEXT), Views::ALL.to_string());
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { stanch_views_text(1, std::ptr::null_mut(), 8) }, 0);
    }
}
