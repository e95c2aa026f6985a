//! Betterleaks as a library: the only peer that comes with a C interface.

use std::ffi::{CString, c_char};
use std::path::PathBuf;

use libloading::{Library, Symbol};

use crate::Outcome;

/// `char *ScanStringCGO(char *content)`: findings as JSON, to be freed.
type Scan = unsafe extern "C" fn(*mut c_char) -> *mut c_char;
/// `void FreeMemory(char *ptr)`.
type Free = unsafe extern "C" fn(*mut c_char);

/// The loaded library.
pub(crate) struct Betterleaks {
    library: Library,
}

impl Betterleaks {
    pub(crate) fn load() -> Outcome<Betterleaks> {
        let library = library().ok_or("libbetterleaks.so is not below target/peers")?;
        // SAFETY: the library is what `cargo xtask peers` installed; its initialisers start a Go
        // runtime, which asks nothing of its caller.
        Ok(Betterleaks { library: unsafe { Library::new(library)? } })
    }

    /// Whether it finds anything in `text`, which has no NUL.
    pub(crate) fn finds(&self, text: &[u8]) -> Outcome<bool> {
        let text = CString::new(text)?;
        // SAFETY: the types are those of the library's header. It reads the text up to its NUL during
        // the call, and what it returns is its own until it is freed, once.
        unsafe {
            let scan: Symbol<'_, Scan> = self.library.get(b"ScanStringCGO")?;
            let free: Symbol<'_, Free> = self.library.get(b"FreeMemory")?;
            let said = scan(text.as_ptr().cast_mut());
            if said.is_null() {
                return Err("betterleaks returned nothing".into());
            }
            let found = std::ffi::CStr::from_ptr(said)
                .to_bytes()
                .windows(8)
                .any(|word| word == b"\"rule_id");
            free(said);
            Ok(found)
        }
    }
}

/// Where pip put it: below `lib/pythonX.Y/site-packages`.
fn library() -> Option<PathBuf> {
    let lib = concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers/lib");
    let mut pythons = std::fs::read_dir(lib).ok()?;
    pythons.find_map(|python| {
        let path = python.ok()?.path().join("site-packages/betterleaks/libbetterleaks.so");
        path.exists().then_some(path)
    })
}
