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
    let folder = workspace::target()
        .join("nginx")
        .join(format!("{:016x}", fingerprint(&sources, &library)?));
    let module = folder.join("ngx_http_stanch_module.so");
    if !module.exists() {
        build(&folder, &library)
            .with_context(|| format!("the module was not built in {}", folder.display()))?;
    }
    let mut names = exports::dynamic_symbols(&module)?;
    names.sort();
    ensure!(names == VISIBLE, "the module shows these symbols: {names:?}");
    Ok(module)
}

fn build(folder: &Path, library: &Library) -> Result<()> {
    if folder.exists() {
        // An earlier build that did not get to its end.
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    let tree = folder.join("src");
    let made = program("bash")
        .args(&["-e", "-c", &script(&tree)?])
        .env("STANCH_INCLUDE", workspace::root().join("include"))
        .env("STANCH_LIB", &library.archive)
        .env("STANCH_LIBS", library.native.join(" "))
        .folder(folder)
        .capture()?;
    if both(&made).contains("warning:") {
        bail!("the compiler warned:\n{}", both(&made));
    }
    std::fs::rename(
        tree.join("objs/ngx_http_stanch_module.so"),
        folder.join("ngx_http_stanch_module.so"),
    )?;
    std::fs::remove_dir_all(tree)?;
    Ok(())
}

/// The page's commands, but for where files are, with every warning of the compiler. The first one has built the
/// library already.
fn script(tree: &Path) -> Result<String> {
    let (page, beginning) = documents::NGINX_BUILD;
    let commands = documents::pages::block(page, beginning)?;
    let (first, rest) = commands.split_first().context("no commands")?;
    ensure!(first.name() == library::COMMAND, "{page} builds the library by `{}`", first.name());
    let mut script: Vec<&str> = rest.iter().map(|command| command.text.as_str()).collect();
    script.push("");
    let mut script = script.join("\n");
    for (from, to) in [
        ("/tmp/nginx-src", tree.display().to_string()),
        ("=STANCH/", format!("={}/", workspace::root().display())),
        (" -fPIC' \\", format!(" -fPIC {WARNINGS}' \\")),
    ] {
        ensure!(script.contains(from), "the commands in {page} do not say `{from}`: {script}");
        script = script.replace(from, &to);
    }
    Ok(script)
}

/// Changes whenever the module would come out different.
fn fingerprint(sources: &Path, library: &Library) -> Result<u64> {
    let mut files = vec![
        library.archive.clone(),
        workspace::root().join("include/stanch.h"),
        Path::new(NGINX_SOURCE).join("src/core/nginx.h"),
        Path::new(NGINX_SOURCE).join("conf_flags"),
    ];
    for entry in std::fs::read_dir(sources)? {
        files.push(entry?.path());
    }
    files.sort();
    let mut hash = DefaultHasher::new();
    hash.write(script(Path::new(NGINX_SOURCE))?.as_bytes());
    for file in files {
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        hash.write(file.as_os_str().as_encoded_bytes());
        hash.write_usize(bytes.len());
        hash.write(&bytes);
    }
    Ok(hash.finish())
}
