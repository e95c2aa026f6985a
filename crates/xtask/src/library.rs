//! The library as C links it: a static archive and a shared object.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::command::{both, cargo};
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

/// Builds the library with optimisation and debug information, as `cargo build --release` does.
pub fn build() -> Result<Library> {
    let folder = workspace::target().join("release");
    cargo(&["build", "--release", "--package", "stanch", "--lib"]).capture()?;
    // Asking for the list means another run of rustc, into a folder that disturbs no other build.
    let output = cargo(&[
        "rustc",
        "--release",
        "--package",
        "stanch",
        "--lib",
        "--crate-type",
        "staticlib",
        "--target-dir",
    ])
    .arg(workspace::target().join("native-libs"))
    .args(&["--", "--print", "native-static-libs"])
    .capture()?;
    let native =
        native_list(&both(&output)).context("rustc did not print the list of native libraries")?;
    let library = Library {
        archive: folder.join("libstanch.a"),
        shared: folder.join("libstanch.so"),
        native,
    };
    for file in [&library.archive, &library.shared] {
        anyhow::ensure!(file.exists(), "{} was not built", file.display());
    }
    Ok(library)
}

fn native_list(text: &str) -> Option<Vec<String>> {
    let list = text.split("native-static-libs:").nth(1)?.lines().next()?;
    Some(list.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::native_list;

    #[test]
    fn the_list_is_read_from_rustcs_note() {
        let text = "warning: x\nnote: native-static-libs: -lgcc_s -lc\n\n    Finished";
        assert_eq!(
            native_list(text),
            Some(vec!["-lgcc_s".to_owned(), "-lc".to_owned()])
        );
        assert_eq!(native_list("note: nothing"), None);
    }
}
