//! The fuzz targets of `fuzz`: their committed seeds replayed in every test, and long runs on request.
//!
//! A stable compiler will do: the sanitizer, which is not stable, is let in by `RUSTC_BOOTSTRAP`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{Run, both, cargo, program};
use crate::library::host;
use crate::report::Report;
use crate::workspace;

/// How many inputs are made of each seed.
const MUTANTS: &str = "300";

/// What makes the address sanitizer watch a target.
const WATCHED: &str = "--cfg fuzzing -Zsanitizer=address";

/// What makes a target tell libFuzzer which edges an input took and what it compared.
const COVERAGE: &str = "-Cdebug-assertions -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// Replays the seeds of every target, each as it is and in a few hundred variants, under the address
/// sanitizer.
pub fn replay(report: &mut Report) {
    report.step("seeds of the fuzz targets, under the address sanitizer", |report| {
        let targets = targets()?;
        let built = build_for_replay()?;
        for target in targets {
            report.case(&target, replay_one(&built.join("debug"), &target));
        }
        Ok(())
    });
}

/// Builds the targets with what stands in for libFuzzer.
pub fn build_for_replay() -> Result<PathBuf> {
    build(&["build"], WATCHED, |run| {
        run.env("CUSTOM_LIBFUZZER_PATH", replayer()).env("CUSTOM_LIBFUZZER_STD_CXX", "none")
    })
}

/// Runs a target under libFuzzer for that many seconds, or for ever if there are none. New inputs go
/// to `fuzz/corpus`, those that fail to `fuzz/artifacts`. libFuzzer is built, which takes g++.
pub fn run(target: &str, seconds: &str) -> Result<()> {
    ensure!(targets()?.iter().any(|known| known == target), "there is no target {target}");
    let seconds: u32 = seconds.parse().with_context(|| format!("{seconds} seconds"))?;
    let built =
        build(&["build", "--release", "--bin", target], &format!("{WATCHED} {COVERAGE}"), |run| {
            run
        })?;
    let folder = |kind: &str| workspace::root().join("fuzz").join(kind).join(target);
    for kind in ["corpus", "artifacts"] {
        std::fs::create_dir_all(folder(kind))?;
    }
    program(built.join("release").join(target))
        .args(&[folder("corpus"), folder("seeds")])
        .arg("-max_len=4096")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", folder("artifacts").display()))
        .arg("-print_final_stats=1")
        .show()
}

/// Where the library lies that stands in for libFuzzer.
pub fn replayer() -> PathBuf {
    workspace::target().join("fuzz/libreplay.a")
}

/// The names of the targets: each has its seeds.
fn targets() -> Result<Vec<String>> {
    let manifest = std::fs::read_to_string(workspace::root().join("fuzz/Cargo.toml"))?;
    let mut names = Vec::new();
    for section in manifest.split("[[bin]]").skip(1) {
        let name = section.lines().find_map(|line| line.strip_prefix("name = "));
        names.push(name.context("a target without a name")?.trim_matches('"').to_owned());
    }
    Ok(names)
}

/// Builds the targets and returns the folder that the profiles' folders are in.
fn build(task: &[&str], flags: &str, with: impl Fn(Run) -> Run) -> Result<PathBuf> {
    compile_replayer()?;
    let (folder, host) = (workspace::target().join("fuzz"), host()?);
    let run = cargo(task)
        .args(&["--manifest-path", "fuzz/Cargo.toml", "--target", &host, "--target-dir"])
        .arg(&folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags);
    with(run).capture()?;
    Ok(folder.join(host))
}

fn compile_replayer() -> Result<()> {
    let archive = replayer();
    let object = archive.with_extension("o");
    std::fs::create_dir_all(workspace::target().join("fuzz"))?;
    program("gcc")
        .args(&[
            "-std=c11",
            "-O1",
            "-g",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-c",
            "fuzz/replay.c",
            "-o",
        ])
        .arg(&object)
        .capture()?;
    program("ar").arg("rcs").arg(&archive).arg(&object).capture()?;
    Ok(())
}

fn replay_one(built: &Path, target: &str) -> Result<()> {
    let folder = workspace::root().join("fuzz/seeds").join(target);
    let mut seeds = Vec::new();
    for seed in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        seeds.push(seed?.path());
    }
    ensure!(!seeds.is_empty(), "no seeds in {}", folder.display());
    seeds.sort();
    let output = program(built.join(target)).arg(MUTANTS).args(&seeds).output()?;
    let text = both(&output);
    if !output.status.success() || !text.ends_with(" inputs\n") {
        bail!("ended with {}:\n{text}", output.status);
    }
    print!("      {text}");
    Ok(())
}
