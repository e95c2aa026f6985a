//! What must be true of what is handed out.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::deb::Packages;
use super::folder::Release;
use super::{Command, VERSION};
use crate::command::{both, program};
use crate::{documents, exports, workspace};

/// The shared library may be no larger, in bytes: it is loaded into other people's processes.
const SHARED_MOST: u64 = 1_500_000;

/// The checks of the folder.
pub fn run(report: &mut crate::report::Report, release: &Release) -> Result<()> {
    report.case("every file has its checksum", checksums(release));
    report.case("the shared library: name, size, names in it", shared(release));
    report.case("a C program by pkg-config, shared and static", c_program(release));
    report.case("the bill of materials", bill(release));
    if release.command == Command::With {
        report.case("the command, its manual and completions", command(release));
    }
    Ok(())
}

/// The checks of the packages, but for their installation.
pub fn packages(report: &mut crate::report::Report, packages: &Packages) {
    for (name, file) in packages.all() {
        report.case(name, package(name, file));
    }
}

fn checksums(release: &Release) -> Result<()> {
    program("bash")
        .args(&["-ec", &documents::script(documents::CHECK_FOLDER)?])
        .folder(release.folder())
        .capture()?;
    let sums = std::fs::read_to_string(release.path("SHA256SUMS"))?;
    let named: BTreeSet<&str> = sums.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    for file in release.files()? {
        ensure!(file == "SHA256SUMS" || named.contains(file.as_str()), "{file} has no checksum");
    }
    Ok(())
}

fn shared(release: &Release) -> Result<()> {
    let file = release.path("lib").join(&release.shared_name);
    let size = std::fs::metadata(&file)?.len();
    println!("      {} bytes", size);
    ensure!(size < SHARED_MOST, "{size} bytes are more than {SHARED_MOST}");
    let dynamic = both(&program("readelf").args(&["--dynamic", "--wide"]).arg(&file).capture()?);
    let name = format!("Library soname: [{}]", release.shared_name);
    ensure!(dynamic.contains(&name), "not named {}:\n{dynamic}", release.shared_name);
    let names = exports::dynamic_symbols(&file)?;
    let stranger = names.iter().find(|name| !name.starts_with("stanch_"));
    ensure!(!names.is_empty() && stranger.is_none(), "exports {stranger:?}");
    Ok(())
}

/// Compiles `check.c` as somebody would who unpacked the folder, somewhere else.
fn c_program(release: &Release) -> Result<()> {
    let temporary = tempfile::Builder::new().prefix("stanch-dist-").tempdir()?;
    let folder = temporary.path().join("unpacked");
    program("cp").arg("-a").arg(release.folder()).arg(&folder).capture()?;
    let flags = |options: &[&str]| -> Result<Vec<String>> {
        let run = program("pkg-config").args(options).arg("stanch");
        let output = run.env("PKG_CONFIG_PATH", folder.join("lib/pkgconfig")).capture()?;
        let text = String::from_utf8(output.stdout)?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    };
    let source = workspace::root().join("examples/c/check.c");
    let gcc = || {
        program("gcc")
            .args(&["-std=c11", "-Wall", "-Werror", "-D_POSIX_C_SOURCE=200809L"])
            .arg(&source)
    };
    let version = String::from_utf8(
        program("pkg-config")
            .args(&["--modversion", "stanch"])
            .env("PKG_CONFIG_PATH", folder.join("lib/pkgconfig"))
            .capture()?
            .stdout,
    )?;
    ensure!(version.trim() == VERSION, "pkg-config says {version}");

    std::fs::copy(&source, folder.join("program.c"))?;
    program("bash")
        .args(&["-ec", &documents::script(documents::LINK_FOLDER)?])
        .folder(&folder)
        .capture()?;
    let dynamic = folder.join("program");
    usage(&dynamic, &folder.join("lib"))?;
    let needed = both(&program("readelf").arg("--dynamic").arg(&dynamic).capture()?);
    ensure!(needed.contains(&release.shared_name), "does not ask for {}", release.shared_name);

    // Without the shared library beside it, the linker takes the archive.
    std::fs::remove_file(folder.join("lib/libstanch.so"))?;
    let fixed = temporary.path().join("static");
    gcc().args(&flags(&["--static", "--cflags", "--libs"])?).arg("-o").arg(&fixed).capture()?;
    usage(&fixed, Path::new("/nowhere"))
}

/// The program runs, and says how it wants to be called.
fn usage(binary: &Path, libraries: &Path) -> Result<()> {
    let output = program(binary).env("LD_LIBRARY_PATH", libraries).output()?;
    let said = both(&output);
    ensure!(output.status.code() == Some(2) && said.contains("usage"), "{said}");
    Ok(())
}

/// What CycloneDX 1.5 demands of a document, and what this one is for: each crate is named once, has a licence
/// and a checksum, and what it depends on is there.
fn bill(release: &Release) -> Result<()> {
    let text = std::fs::read(release.path("sbom.cdx.json"))?;
    let bill: Value = serde_json::from_slice(&text)?;
    ensure!(bill["bomFormat"] == "CycloneDX" && bill["specVersion"] == "1.5", "not CycloneDX 1.5");
    ensure!(bill["version"].as_u64().is_some_and(|version| version >= 1), "no version");
    let root = &bill["metadata"]["component"];
    ensure!(root["name"] == "stanch" && root["version"] == VERSION, "it is of something else");
    let mut known = BTreeSet::new();
    known.insert(root["bom-ref"].as_str().context("the release has no reference")?);
    for component in bill["components"].as_array().context("no components")? {
        let reference = component["bom-ref"].as_str().context("a component without reference")?;
        ensure!(known.insert(reference), "{reference} is there twice");
        ensure!(
            matches!(component["type"].as_str(), Some("library" | "application")),
            "{reference} is of no kind"
        );
        for field in ["name", "version"] {
            ensure!(component[field].is_string(), "{reference} has no {field}");
        }
        let licence = component["licenses"][0]["expression"].as_str();
        ensure!(
            licence.is_some_and(|l| !l.contains('/')),
            "{reference} has no licence: {licence:?}"
        );
        let sum = component["hashes"][0]["content"].as_str();
        let ours = component["purl"].is_null();
        let sound = sum.is_some_and(|sum| {
            sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
        });
        ensure!(ours || sound, "{reference} has no checksum");
    }
    for must in ["pkg:cargo/ed25519-dalek@", "pkg:cargo/clap@"] {
        ensure!(known.iter().any(|name| name.starts_with(must)), "{must} is missing");
    }
    for (never, is) in [("proptest", "for tests"), ("syn", "for the compiler")] {
        let there = known.iter().any(|name| name.contains(&format!("/{never}@")));
        ensure!(!there, "it lists {never}, which is only {is}");
    }
    let mut described = BTreeSet::new();
    for entry in bill["dependencies"].as_array().context("no dependencies")? {
        let reference = entry["ref"].as_str().context("a dependency of nothing")?;
        described.insert(reference);
        for on in entry["dependsOn"].as_array().into_iter().flatten() {
            let on = on.as_str().unwrap_or_default();
            ensure!(known.contains(on), "{reference} depends on {on}, which is not there");
        }
    }
    ensure!(described == known, "what some components depend on is not said");
    println!("      {} components", known.len() - 1);
    Ok(())
}

fn command(release: &Release) -> Result<()> {
    let said = both(&program(release.path("bin/stanch")).arg("--version").capture()?);
    ensure!(said.trim() == format!("stanch {VERSION}"), "it says {said}");
    for (file, holds) in [
        ("share/man/man1/stanch.1", ".TH stanch"),
        ("share/man/man1/stanch-scan.1", "SYNOPSIS"),
        ("share/bash-completion/completions/stanch", "complete -F"),
        ("share/zsh/site-functions/_stanch", "#compdef stanch"),
        ("share/fish/vendor_completions.d/stanch.fish", "complete -c stanch"),
    ] {
        let text = std::fs::read_to_string(release.path(file)).with_context(|| file.to_owned())?;
        ensure!(text.contains(holds), "{file} does not hold `{holds}`");
    }
    Ok(())
}

/// Name and version, no template's word left over, nobody's files but root's.
fn package(name: &str, file: &Path) -> Result<()> {
    let fields = both(&program("dpkg-deb").arg("--field").arg(file).capture()?);
    for line in [format!("Package: {name}"), format!("Version: {VERSION}")] {
        ensure!(fields.lines().any(|field| field == line), "no `{line}`:\n{fields}");
    }
    ensure!(!fields.contains('@') || !fields.replace("@localhost", "").contains('@'), "{fields}");
    let list = both(&program("dpkg-deb").arg("--contents").arg(file).capture()?);
    for line in list.lines() {
        ensure!(line.contains(" root/root "), "not root's: {line}");
        let path = line.split_whitespace().nth(5).unwrap_or_default();
        ensure!(path == "./" || path.starts_with("./usr/"), "installs {path}");
    }
    ensure!(list.contains(&format!("/usr/share/doc/{name}/copyright")), "no copyright:\n{list}");
    Ok(())
}
