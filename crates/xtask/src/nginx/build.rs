//! Builds the module out of nginx's tree, as `docs/nginx.md` tells an operator to.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{both, program};
use crate::library::{self, Library};
use crate::{exports, workspace};

/// Where Debian's `nginx-dev` puts the tree that modules are built in.
const NGINX_SOURCE: &str = "/usr/share/nginx/src";

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
    program("cp").arg("-r").arg(NGINX_SOURCE).arg(&tree).capture()?;

    const CONFIGURE: &str = ". ./conf_flags && ./configure \"${NGX_CONF_FLAGS[@]}\" \
        --with-cc-opt='-g -O2 -fPIC -Wall -Wextra -Wno-unused-parameter' \
        --with-ld-opt='-Wl,-z,relro -Wl,-z,now -fPIC' --add-dynamic-module=\"$1\"";
    let mut configure =
        program("bash").args(&["-e", "-c", CONFIGURE, "configure"]).arg(sources).folder(&tree);
    if let Some(library) = library {
        configure = configure
            .env("STANCH_INCLUDE", workspace::root().join("include"))
            .env("STANCH_LIB", &library.archive)
            .env("STANCH_LIBS", library.native.join(" "));
    }
    configure.capture()?;
    let made =
        program("make").args(&["-f", "objs/Makefile", "-j2", "modules"]).folder(&tree).capture()?;
    if both(&made).contains("warning:") {
        bail!("the compiler warned:\n{}", both(&made));
    }
    std::fs::rename(tree.join("objs").join(name), folder.join(name))?;
    std::fs::remove_dir_all(tree)?;
    Ok(())
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
    for file in files {
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        hash.write(file.as_os_str().as_encoded_bytes());
        hash.write_usize(bytes.len());
        hash.write(&bytes);
    }
    Ok(hash.finish())
}
