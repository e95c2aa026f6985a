//! The release folder: `stanch-VERSION-ARCH`, which can be unpacked anywhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{Command, VERSION, sbom, target};
use crate::command::{cargo, program};
use crate::library::{self, Library};
use crate::{documents, envoy, nginx, workspace};

/// The release folder, built.
pub struct Release {
    folder: PathBuf,
    pub command: Command,
    /// What the shared library is called: `libstanch.so.2`.
    pub shared_name: String,
    /// What the static library needs of the system.
    pub native: Vec<String>,
}

/// Where each shell looks for completions, below `share`.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "bash-completion/completions/stanch"),
    ("zsh", "zsh/site-functions/_stanch"),
    ("fish", "fish/vendor_completions.d/stanch.fish"),
];

/// C's header, and what wraps it for C++.
pub const HEADERS: &[&str] = &["stanch.h", "stanch.hpp"];

/// What is to be read.
const PAGES: &[&str] = &["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

impl Release {
    /// Builds it anew.
    pub fn build(command: Command) -> Result<Release> {
        let library = library::build()?;
        let folder = target(command).join(format!("stanch-{VERSION}-{}", std::env::consts::ARCH));
        // Packages of an earlier build must not be taken for those of this one.
        empty(&target(command))?;
        let release = Release {
            folder,
            command,
            shared_name: library::shared_name()?,
            native: library.native.clone(),
        };
        release.library(&library)?;
        release.modules()?;
        if command == Command::With {
            release.command()?;
        }
        for page in PAGES {
            copy(
                &workspace::root().join(page),
                &release.path(&format!("share/doc/stanch/{page}")),
            )?;
        }
        std::fs::write(release.path("sbom.cdx.json"), sbom::text()?)?;
        release.checksums()?;
        Ok(release)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The file that `pkg-config` reads, for a library that stands at `prefix` and `libdir`.
    pub fn pkg_config(&self, prefix: &str, libdir: &str) -> Result<String> {
        let template = workspace::root().join("packaging/stanch.pc");
        let text =
            std::fs::read_to_string(&template).with_context(|| template.display().to_string())?;
        Ok(filled(
            &text,
            &[
                ("PREFIX", prefix),
                ("LIBDIR", libdir),
                ("VERSION", VERSION),
                ("NATIVE", &self.native.join(" ")),
            ],
        ))
    }

    /// Header, libraries, and what `pkg-config` reads. The names in the shared library that nobody needs to
    /// run it are left out, as is what debuggers need.
    fn library(&self, library: &Library) -> Result<()> {
        for header in HEADERS {
            copy(
                &workspace::root().join("include").join(header),
                &self.path("include").join(header),
            )?;
        }
        let shared = self.path("lib").join(&self.shared_name);
        strip(&library.shared, &shared, "--strip-unneeded", 0o644)?;
        std::os::unix::fs::symlink(&self.shared_name, self.path("lib/libstanch.so"))?;
        strip(&library.archive, &self.path("lib/libstanch.a"), "--strip-debug", 0o644)?;
        // It finds the rest from where it stands itself.
        let text = self.pkg_config("${pcfiledir}/../..", "${prefix}/lib")?;
        write(&self.path("lib/pkgconfig/stanch.pc"), &text)
    }

    /// The modules for proxies. Each is a shared object under `lib` and needs nothing else from here.
    fn modules(&self) -> Result<()> {
        for (built, name) in [
            (nginx::module()?, "lib/nginx/modules/ngx_http_stanch_module.so"),
            (envoy::module()?, "lib/envoy/libstanch_envoy.so"),
        ] {
            strip(&built, &self.path(name), "--strip-unneeded", 0o644)?;
        }
        Ok(())
    }

    /// The command, built and tried as the pages say; its manual and what shells complete, as it prints them.
    fn command(&self) -> Result<()> {
        // In a folder of its own: the command asks for more of the library than C does, and both
        // libraries would have the same file name.
        let built = workspace::target().join("command");
        let (page, beginning) = documents::COMMAND_BUILD;
        let commands = documents::pages::block(page, beginning)?;
        for typed in [
            commands.first().context("no command")?.name(),
            documents::pages::block("README.md", "cargo run")?[0].name(),
        ] {
            let words: Vec<&str> = typed.split_whitespace().skip(1).collect();
            cargo(&words).env("CARGO_TARGET_DIR", &built).capture()?;
        }
        let command = self.path("bin/stanch");
        strip(&built.join("release/stanch"), &command, "--strip-all", 0o755)?;
        program(&command)
            .args(&["manual", "--folder"])
            .arg(self.path("share/man/man1"))
            .capture()?;
        for (shell, name) in COMPLETIONS {
            let script = program(&command).args(&["completions", shell]).capture()?.stdout;
            write(&self.path("share").join(name), &script)?;
        }
        Ok(())
    }

    /// `SHA256SUMS`, as `sha256sum --check` reads it.
    fn checksums(&self) -> Result<()> {
        let sums = program("sha256sum").arg("--").args(&self.files()?).folder(&self.folder);
        let sums = sums.capture()?.stdout;
        write(&self.path("SHA256SUMS"), &sums)
    }

    /// All regular files, named from the folder, in order.
    pub fn files(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        files_below(&self.folder, "", &mut names)?;
        names.sort();
        Ok(names)
    }
}

/// Puts a copy of a program or library there, without what `option` takes out.
fn strip(from: &Path, to: &Path, option: &str, mode: u32) -> Result<()> {
    parent(to)?;
    program("strip").args(&[option, "-o"]).arg(to).arg(from).capture()?;
    set_mode(to, mode)
}

/// Puts a copy there that everybody may read.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = std::fs::read(from).with_context(|| from.display().to_string())?;
    write(to, bytes)
}

/// Writes a file that everybody may read, and the folders it stands in.
pub fn write(to: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    parent(to)?;
    std::fs::write(to, bytes).with_context(|| to.display().to_string())?;
    set_mode(to, 0o644)
}

pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .with_context(|| path.display().to_string())
}

/// A template with its `@NAME@`s replaced.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

fn parent(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else { bail!("{} has no folder", path.display()) };
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

fn files_below(root: &Path, name: &str, names: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(root.join(name))? {
        let entry = entry?;
        let file = entry.file_name();
        let file = file.to_str().context("a file name that is no text")?;
        let path = if name.is_empty() { file.to_owned() } else { format!("{name}/{file}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files_below(root, &path, names)?;
        } else if kind.is_file() {
            names.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn a_template_gets_every_value() {
        let text = filled("@A@ and @B@, @A@; @C@", &[("A", "one"), ("B", "two")]);
        assert_eq!(text, "one and two, one; @C@");
    }
}
