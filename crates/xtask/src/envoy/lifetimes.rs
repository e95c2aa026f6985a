//! The module's code under valgrind, with `host.c` in Envoy's place, which takes back all that it gives as
//! soon as it may.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::command::{both, program};
use crate::library;
use crate::proxy::material::Material;
use crate::report::Report;
use crate::workspace;

const WARNINGS: [&str; 4] = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"];

pub fn run(report: &mut Report) -> Result<()> {
    let material = Material::create()?;
    let host = material.folder().join("host");
    build(&host)?;
    let output = program("valgrind")
        .args(&["--quiet", "--error-exitcode=99", "--leak-check=full"])
        .args(&["--show-leak-kinds=definite,indirect,possible"])
        .args(&["--errors-for-leak-kinds=definite,indirect,possible"])
        .arg(host)
        .arg(material.patches())
        .arg(material.folder().join("key"))
        .arg(&material.blocked)
        // The standard library keeps what it reads for a backtrace.
        .env("RUST_BACKTRACE", "0")
        .output()?;
    let text = both(&output);
    report.case("memory is used as it may be", {
        ensure!(output.status.code() != Some(99), "valgrind found this:\n{text}");
        Ok(())
    });
    report.case("every check passed", {
        let last = text.lines().find(|line| line.ends_with(" checks, 0 failed"));
        let last = last.with_context(|| text.clone())?;
        ensure!(output.status.success() && !last.starts_with("0 "), "{text}");
        println!("      {last}");
        Ok(())
    });
    Ok(())
}

fn build(host: &Path) -> Result<()> {
    let library = library::build()?;
    let root = workspace::root();
    let mut run = program("gcc").args(&WARNINGS).args(&["-O1", "-g", "-I"]);
    run = run.arg(root.join("include")).arg("-I").arg(root.join("examples/envoy"));
    run = run.arg("-o").arg(host).arg(root.join("crates/xtask/src/envoy/host.c"));
    for entry in std::fs::read_dir(root.join("examples/envoy"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            run = run.arg(path);
        }
    }
    run.arg(&library.archive).args(&library.native).capture()?;
    Ok(())
}
