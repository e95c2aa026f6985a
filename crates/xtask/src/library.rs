//! The library as C links it: a static archive and a shared object.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::{both, cargo, program};
use crate::workspace;

/// What a C compiler needs to link the library.
pub struct Library {
    /// `libstanch.a`
    pub archive: PathBuf,
    /// `libstanch.so`
    pub shared: PathBuf,
    /// What the archive needs of the system, as linker arguments: rustc's own list.
    pub native: Vec<String>,
}

/// How the pages tell a reader to build the library.
pub const COMMAND: &str = "cargo build --release --package stanch";

/// Builds the library with optimisation and debug information, as [`COMMAND`] does.
pub fn build() -> Result<Library> {
    cargo(&["build", "--release", "--package", "stanch", "--lib"]).capture()?;
    Library::in_folder(&workspace::target().join("release"), native_libraries()?)
}

/// Builds the library with the function that panics.
pub fn build_panicking(library: &Library) -> Result<Library> {
    Library::in_folder(&build_panicking_folder()?, library.native.clone())
}

/// The same, and says which folder it is in, one of its own.
pub fn build_panicking_folder() -> Result<PathBuf> {
    let folder = workspace::target().join("test-panic");
    cargo(&["build", "--package", "stanch", "--lib", "--features", "test-panic", "--target-dir"])
        .arg(&folder)
        .capture()?;
    Ok(folder.join("debug"))
}

/// Builds the archive so that the address sanitizer watches every load and store in it, and with
/// every overflow and debug assertion checked. gcc's sanitizer is to be linked with it.
pub fn build_sanitized(library: &Library) -> Result<Library> {
    let archive = build_sanitized_archive()?;
    Ok(Library { archive, shared: library.shared.clone(), native: library.native.clone() })
}

/// The same, and says where it is.
///
/// The sanitizers are not stable in rustc, so the switch that a compiler is built with is needed. A
/// target is named because otherwise the flags would also go to build scripts.
pub fn build_sanitized_archive() -> Result<PathBuf> {
    let folder = workspace::target().join("sanitized");
    let target = host()?;
    cargo(&["rustc", "--release", "--package", "stanch", "--lib", "--crate-type", "staticlib"])
        .args(&["--target", &target, "--target-dir"])
        .arg(&folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address -Zexternal-clangrt")
        .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .capture()?;
    let archive = folder.join(target).join("release/libstanch.a");
    anyhow::ensure!(archive.exists(), "{} was not built", archive.display());
    Ok(archive)
}

/// The target that rustc builds for when it is told none.
pub fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = both(&program(rustc).arg("-vV").capture()?);
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc does not say what it builds for")
}

impl Library {
    fn in_folder(folder: &Path, native: Vec<String>) -> Result<Library> {
        let library = Library {
            archive: folder.join("libstanch.a"),
            shared: folder.join("libstanch.so"),
            native,
        };
        for file in [&library.archive, &library.shared] {
            anyhow::ensure!(file.exists(), "{} was not built", file.display());
        }
        name_shared(folder)?;
        Ok(library)
    }
}

/// The name that a program asks for which was linked with `libstanch.so`: that of the oldest C interface that the
/// library still serves.
pub fn shared_name() -> Result<String> {
    const FILE: &str = "src/ffi/version.rs";
    let text = std::fs::read_to_string(workspace::root().join(FILE)).context(FILE)?;
    oldest_served(&text).map(|oldest| format!("libstanch.so.{oldest}")).context(FILE)
}

fn oldest_served(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("const STANCH_ABI_VERSION_MINIMUM: u32 = ")?;
    rest.split_once(';')?.0.parse().ok()
}

/// Cargo names the file `libstanch.so`; programs look for it under the name it was linked with.
fn name_shared(folder: &Path) -> Result<()> {
    let link = folder.join(shared_name()?);
    if !link.exists() {
        // One that leads nowhere may be there.
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink("libstanch.so", &link)
            .with_context(|| link.display().to_string())?;
    }
    Ok(())
}

/// What a static library of Rust needs of the system. That is the standard library's need: the
/// crate and its dependencies link nothing native, and if one did, C would not link.
fn native_libraries() -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("empty.rs"), "")?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = program(rustc)
        .args(&["--crate-type", "staticlib", "--print", "native-static-libs", "empty.rs"])
        .folder(folder.path())
        .capture()?;
    native_list(&both(&output)).context("rustc did not print the list of native libraries")
}

fn native_list(text: &str) -> Option<Vec<String>> {
    let list = text.split("native-static-libs:").nth(1)?.lines().next()?;
    Some(list.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::{native_list, oldest_served};

    #[test]
    fn the_list_is_read_from_rustcs_note() {
        let text = "warning: x\nnote: native-static-libs: -lgcc_s -lc\n\n    Finished";
        assert_eq!(native_list(text), Some(vec!["-lgcc_s".to_owned(), "-lc".to_owned()]));
        assert_eq!(native_list("note: nothing"), None);
    }

    #[test]
    fn the_oldest_interface_names_the_library() {
        let text = "pub const STANCH_ABI_VERSION: u32 = 9;\n\npub const STANCH_ABI_VERSION_MINIMUM: u32 = 7;\n";
        assert_eq!(oldest_served(text), Some(7));
        assert_eq!(oldest_served("pub const STANCH_ABI_VERSION: u32 = 9;"), None);
    }
}
