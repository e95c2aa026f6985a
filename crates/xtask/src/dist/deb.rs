//! The Debian packages, made from the release folder and the templates in `packaging/debian`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::folder::{HEADERS, Release, copy, filled, set_mode, write};
use super::{Command, VERSION};
use crate::command::program;
use crate::workspace;

/// Where nginx's development package says which ABI its modules are for.
const NGINX_ABI: &str = "/usr/share/nginx/src/debian/libnginx-mod.abisubstvars";

/// What of a template's folder becomes part of the package's own data, with its mode.
const CONTROL: &[(&str, u32)] = &[
    ("shlibs", 0o644),
    ("triggers", 0o644),
    ("postinst", 0o755),
    ("prerm", 0o755),
    ("postrm", 0o755),
];

/// The packages, built.
pub struct Packages {
    files: BTreeMap<String, PathBuf>,
}

impl Packages {
    /// Builds them beside the release folder; that of the command only if it is part of the release.
    pub fn build(release: &Release) -> Result<Packages> {
        let builder = Builder::new(release)?;
        let mut packages = Packages { files: BTreeMap::new() };
        let abi = builder.values["ABI"].clone();
        packages.add(builder.library(&format!("libstanch{abi}"))?);
        packages.add(builder.development()?);
        packages.add(builder.nginx()?);
        if release.command == Command::With {
            packages.add(builder.command()?);
        }
        Ok(packages)
    }

    /// Names and files.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.files.iter().map(|(name, file)| (name.as_str(), file.as_path()))
    }

    fn add(&mut self, (name, file): (String, PathBuf)) {
        self.files.insert(name, file);
    }
}

struct Builder<'a> {
    release: &'a Release,
    /// Where the packages' files are put together.
    stage: TempDir,
    /// What the templates leave open.
    values: BTreeMap<&'static str, String>,
    /// The folder of libraries for this kind of machine, from `/usr`.
    libraries: String,
}

impl Builder<'_> {
    fn new(release: &Release) -> Result<Builder<'_>> {
        let said = |name: &str, arguments: &[&str]| -> Result<String> {
            let output = program(name).args(arguments).capture()?;
            Ok(String::from_utf8(output.stdout)?.trim().to_owned())
        };
        let abi = release.shared_name.rsplit('.').next().context("a library without number")?;
        let mut values = BTreeMap::new();
        values.insert("VERSION", VERSION.to_owned());
        values.insert("ABI", abi.to_owned());
        values.insert("ARCH", said("dpkg", &["--print-architecture"])?);
        values.insert("NGINX_ABI", nginx_abi()?);
        Ok(Builder {
            release,
            stage: tempfile::Builder::new().prefix("stanch-deb-").tempdir()?,
            values,
            libraries: format!("usr/lib/{}", said("gcc", &["-print-multiarch"])?),
        })
    }

    fn library(&self, name: &str) -> Result<(String, PathBuf)> {
        let shared = &self.release.shared_name;
        let root = self.stage.path().join(name);
        self.take(&format!("lib/{shared}"), &root.join(&self.libraries).join(shared), 0o644)?;
        self.finish("libstanch", name)
    }

    fn development(&self) -> Result<(String, PathBuf)> {
        let name = "libstanch-dev";
        let root = self.stage.path().join(name);
        let libraries = root.join(&self.libraries);
        for header in HEADERS {
            self.take(&format!("include/{header}"), &root.join("usr/include").join(header), 0o644)?;
        }
        self.take("lib/libstanch.a", &libraries.join("libstanch.a"), 0o644)?;
        std::os::unix::fs::symlink(&self.release.shared_name, libraries.join("libstanch.so"))?;
        let text = self.release.pkg_config("/usr", &format!("/{}", self.libraries))?;
        write(&libraries.join("pkgconfig/stanch.pc"), text)?;
        self.finish(name, name)
    }

    fn nginx(&self) -> Result<(String, PathBuf)> {
        let name = "libnginx-mod-http-stanch";
        let root = self.stage.path().join(name);
        let module = "nginx/modules/ngx_http_stanch_module.so";
        self.take(&format!("lib/{module}"), &root.join("usr/lib").join(module), 0o644)?;
        copy(
            &template(name).join("mod-http-stanch.conf"),
            &root.join("usr/share/nginx/modules-available/mod-http-stanch.conf"),
        )?;
        let sample = format!("usr/share/doc/{name}/examples/nginx.conf");
        copy(&workspace::root().join("examples/nginx/nginx.conf"), &root.join(sample))?;
        self.finish(name, name)
    }

    fn command(&self) -> Result<(String, PathBuf)> {
        let name = "stanch";
        let root = self.stage.path().join(name);
        self.take("bin/stanch", &root.join("usr/bin/stanch"), 0o755)?;
        for (from, to) in [
            ("bash-completion/completions/stanch", "bash-completion/completions/stanch"),
            ("zsh/site-functions/_stanch", "zsh/vendor-completions/_stanch"),
            ("fish/vendor_completions.d/stanch.fish", "fish/vendor_completions.d/stanch.fish"),
        ] {
            self.take(&format!("share/{from}"), &root.join("usr/share").join(to), 0o644)?;
        }
        for page in std::fs::read_dir(self.release.path("share/man/man1"))? {
            let page = page?;
            let zipped = format!("{}.gz", page.file_name().to_string_lossy());
            let bytes = std::fs::read(page.path())?;
            write(&root.join("usr/share/man/man1").join(zipped), gzip(&bytes)?)?;
        }
        self.take("sbom.cdx.json", &root.join("usr/share/doc/stanch/sbom.cdx.json"), 0o644)?;
        self.finish(name, name)
    }

    /// Puts a file of the release into a package.
    fn take(&self, from: &str, to: &Path, mode: u32) -> Result<()> {
        copy(&self.release.path(from), to)?;
        set_mode(to, mode)
    }

    /// Adds what every package has, and packs it.
    fn finish(&self, templates: &str, name: &str) -> Result<(String, PathBuf)> {
        let root = self.stage.path().join(name);
        let documents = root.join("usr/share/doc").join(name);
        let text = std::fs::read_to_string(template("copyright"))?;
        let licence = std::fs::read_to_string(workspace::root().join("LICENSE-MIT"))?;
        write(&documents.join("copyright"), filled(&text, &[("MIT", &indented(&licence))]))?;
        let changes = std::fs::read(workspace::root().join("CHANGELOG.md"))?;
        write(&documents.join("changelog.gz"), gzip(&changes)?)?;

        let size = size(&root)?.div_ceil(1024).to_string();
        let mut values: Vec<(&str, &str)> =
            self.values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let depends = self.depends(&root)?;
        values.extend([("SIZE", size.as_str()), ("DEPENDS", depends.as_str())]);
        let control = std::fs::read_to_string(template(templates).join("control"))?;
        write(&root.join("DEBIAN/control"), filled(&control, &values))?;
        for (file, mode) in CONTROL {
            let from = template(templates).join(file);
            if from.exists() {
                let to = root.join("DEBIAN").join(file);
                write(&to, filled(&std::fs::read_to_string(from)?, &values))?;
                set_mode(&to, *mode)?;
            }
        }
        plain_folders(&root)?;
        let file = format!("{name}_{VERSION}_{}.deb", self.values["ARCH"]);
        let folder = self.release.folder().parent().context("the release has no folder")?;
        let file = folder.join(file);
        program("dpkg-deb")
            .args(match self.release.command {
                Command::With => &["-Zxz"][..],
                // What is only looked at need not be small.
                Command::Without => &["-Zgzip", "-z1"][..],
            })
            .args(&["--build", "--root-owner-group"])
            .arg(&root)
            .arg(&file)
            .capture()?;
        Ok((name.to_owned(), file))
    }

    /// The packages whose libraries the programs in `root` are linked with, as Debian works it out.
    fn depends(&self, root: &Path) -> Result<String> {
        let mut programs = Vec::new();
        for file in every_file(root)? {
            let is_elf = std::fs::read(&file)?.starts_with(b"\x7fELF");
            if is_elf {
                programs.push(file);
            }
        }
        if programs.is_empty() {
            return Ok(String::new());
        }
        // It asks for a source package to stand in.
        let source = self.stage.path().join("source");
        write(
            &source.join("debian/control"),
            "Source: stanch\n\nPackage: stanch\nArchitecture: any\n",
        )?;
        let output =
            program("dpkg-shlibdeps").arg("-O").args(&programs).folder(&source).capture()?.stdout;
        let text = String::from_utf8(output)?;
        let depends = text.trim().strip_prefix("shlibs:Depends=");
        depends.map(str::to_owned).with_context(|| format!("dpkg-shlibdeps says {text}"))
    }
}

/// The virtual package that every nginx provides which can load the module.
fn nginx_abi() -> Result<String> {
    let text = std::fs::read_to_string(NGINX_ABI).context(NGINX_ABI)?;
    let line = text.lines().find_map(|line| line.strip_prefix("nginx:abi="));
    line.map(|abi| abi.trim().to_owned()).with_context(|| format!("{NGINX_ABI} names no ABI"))
}

fn template(name: &str) -> PathBuf {
    workspace::root().join("packaging/debian").join(name)
}

/// A licence's text as a field of Debian's goes on: each line one blank in, an empty one as a dot.
fn indented(text: &str) -> String {
    let lines = text.trim_end().lines();
    lines
        .map(|line| format!(" {}", if line.is_empty() { "." } else { line }))
        .collect::<Vec<_>>()
        .join("\n")
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
    zipped.write_all(bytes)?;
    Ok(zipped.finish()?)
}

fn every_file(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(every_file(&entry.path())?);
        } else if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn size(folder: &Path) -> Result<u64> {
    every_file(folder)?.iter().map(|file| Ok(std::fs::metadata(file)?.len())).sum()
}

/// Whatever the umask was, everybody may enter the folders.
fn plain_folders(folder: &Path) -> Result<()> {
    set_mode(folder, 0o755)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            plain_folders(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn an_empty_line_becomes_a_dot() {
        assert_eq!(indented("a\n\nb\n"), " a\n .\n b");
    }
}
