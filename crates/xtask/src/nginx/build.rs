//! Builds the module out of nginx's tree, as `docs/nginx.md` tells an operator to.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{both, program};
use crate::library::{self, Library};
use crate::{documents, exports, workspace};

/// Where Debian's `nginx-dev` puts the tree that modules are built in.
const NGINX_SOURCE: &str = "/usr/share/nginx/src";

/// What the compiler is to look at.
const WARNINGS: &str = "-Wall -Wextra -Wno-unused-parameter";

/// What nginx looks up in a module. Nothing else may be visible in the process.
const VISIBLE: &[&str] =
    &["ngx_http_stanch_module", "ngx_module_names", "ngx_module_order", "ngx_modules"];

/// The module's shared object, built unless one of the same sources and library is there.
pub fn module() -> Result<PathBuf> {
    let library = library::build()?;
    let sources = workspace::root().join("examples/nginx");
    let module = built("ngx_http_stanch_module.so", &sources, Some(&library))?;
    let mut names = exports::dynamic_symbols(&module)?;
    names.sort();
    ensure!(names == VISIBLE, "the module shows these symbols: {names:?}");
    Ok(module)
}

/// The shared object `name` of the module in the folder `sources`, built unless one of the same sources and library
/// is there.
pub fn built(name: &str, sources: &Path, library: Option<&Library>) -> Result<PathBuf> {
    let folder =
        workspace::target().join("nginx").join(format!("{:016x}", fingerprint(sources, library)?));
    let module = folder.join(name);
    if !module.exists() {
        build(name, &folder, sources, library)
            .with_context(|| format!("the module was not built in {}", folder.display()))?;
    }
    Ok(module)
}

fn build(name: &str, folder: &Path, sources: &Path, library: Option<&Library>) -> Result<()> {
    if folder.exists() {
        // An earlier build that did not get to its end.
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let tree = folder.join("src");
    let mut make = program("bash").args(&["-e", "-c", &script(&tree, sources)?]).folder(folder);
    if let Some(library) = library {
        make = make
            .env("STANCH_INCLUDE", workspace::root().join("include"))
            .env("STANCH_LIB", &library.archive)
            .env("STANCH_LIBS", library.native.join(" "));
    }
    let made = make.capture()?;
    if both(&made).contains("warning:") {
        bail!("the compiler warned:\n{}", both(&made));
    }
    std::fs::rename(tree.join("objs").join(name), folder.join(name))?;
    std::fs::remove_dir_all(tree)?;
    Ok(())
}

/// The page's commands, but for where files are, with every warning of the compiler. The first one has built the
/// library already.
fn script(tree: &Path, sources: &Path) -> Result<String> {
    let (page, beginning) = documents::NGINX_BUILD;
    let commands = documents::pages::block(page, beginning)?;
    let (first, rest) = commands.split_first().context("no commands")?;
    ensure!(first.name() == library::COMMAND, "{page} builds the library by `{}`", first.name());
    let mut script: Vec<&str> = rest.iter().map(|command| command.text.as_str()).collect();
    script.push("");
    let mut script = script.join("\n");
    for (from, to) in [
        ("/tmp/nginx-src", tree.display().to_string()),
        ("=STANCH/examples/nginx", format!("={}", sources.display())),
        (" -fPIC' \\", format!(" -fPIC {WARNINGS}' \\")),
    ] {
        ensure!(script.contains(from), "the commands in {page} do not say `{from}`: {script}");
        script = script.replace(from, &to);
    }
    Ok(script)
}

/// Changes whenever the module would come out different.
fn fingerprint(sources: &Path, library: Option<&Library>) -> Result<u64> {
    let mut files = vec![
        workspace::root().join("include/stanch.h"),
        Path::new(NGINX_SOURCE).join("src/core/nginx.h"),
        Path::new(NGINX_SOURCE).join("conf_flags"),
    ];
    files.extend(library.map(|library| library.archive.clone()));
    for entry in std::fs::read_dir(sources)? {
        files.push(entry?.path());
    }
    files.sort();
    let mut hash = DefaultHasher::new();
    hash.write(script(Path::new(NGINX_SOURCE), sources)?.as_bytes());
    for file in files {
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        hash.write(file.as_os_str().as_encoded_bytes());
        hash.write_usize(bytes.len());
        hash.write(&bytes);
    }
    Ok(hash.finish())
}
