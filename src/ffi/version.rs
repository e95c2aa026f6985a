//! Versions, and the names of the numbers in a verdict.

use std::ffi::{CStr, c_char};

use super::types::{
    STANCH_ACTION_BLOCK, STANCH_ACTION_MONITOR, STANCH_ACTION_PASS, STANCH_PART_BODY,
    STANCH_PART_COOKIE, STANCH_PART_HEADER, STANCH_PART_NONE, STANCH_PART_PATH, STANCH_PART_QUERY,
    STANCH_VIEW_BASIC, STANCH_VIEW_NONE, STANCH_VIEW_PERCENT, STANCH_VIEW_RAW,
};

/// The version of the ABI that this header describes. It grows when something is added.
pub const STANCH_ABI_VERSION: u32 = 1;

/// The oldest version of the ABI that this library still serves. A program that was compiled
/// against an older header than this must not use it.
pub const STANCH_ABI_VERSION_MINIMUM: u32 = 1;

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

/// The name of a `STANCH_VIEW_` number as static text: `none`, `raw`, `percent`, `basic`, or
/// `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_view_name(view: u32) -> *const c_char {
    let name = match view {
        STANCH_VIEW_NONE => c"none",
        STANCH_VIEW_RAW => c"raw",
        STANCH_VIEW_PERCENT => c"percent",
        STANCH_VIEW_BASIC => c"basic",
        _ => c"unknown",
    };
    name.as_ptr()
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
    use crate::patch::{Action, Part, View};

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
        for view in [View::Raw, View::Percent, View::Basic] {
            assert_eq!(text(stanch_view_name(view as u32)), view.as_str());
        }
        assert_eq!(text(stanch_view_name(99)), "unknown");
        assert_eq!(text(stanch_version()), env!("CARGO_PKG_VERSION"));
    }
}
