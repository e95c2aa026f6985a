//! What is handed out: a release folder and Debian packages, in `target/dist`.

mod checks;
mod deb;
mod folder;
mod sbom;

use std::path::PathBuf;

use crate::report::Report;
use crate::workspace;

pub use deb::Packages;
pub use folder::{Release, set_mode, write};

/// The version of everything that is handed out.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether the command is part of it. It takes minutes to build.
#[derive(Clone, Copy, PartialEq)]
pub enum Command {
    With,
    Without,
}

/// Builds the release folder and the packages, and looks at what came out. Returns both if all is well.
pub fn run(report: &mut Report, command: Command) -> Option<(Release, Packages)> {
    let mut release = None;
    report.step("release: folder", |_| {
        let built = Release::build(command)?;
        println!("    {}", built.folder().display());
        release = Some(built);
        Ok(())
    });
    let release = release?;
    report.step("release: what is in the folder", |report| checks::run(report, &release));

    let mut packages = None;
    report.step("release: Debian packages", |report| {
        let built = Packages::build(&release)?;
        checks::packages(report, &built);
        packages = Some(built);
        Ok(())
    });
    Some((release, packages?))
}

/// Where what is handed out is put.
fn target(command: Command) -> PathBuf {
    match command {
        Command::With => workspace::target().join("dist"),
        // What lacks the command must not be taken for a release.
        Command::Without => workspace::target().join("tmp/dist"),
    }
}
