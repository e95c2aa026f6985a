//! The detector beside other secret scanners, on the same files.
//!
//! `cargo bench --bench detect_peers -- [--tree DIR] [--quick]`
//!
//! Prints tables and writes `target/bench/detect_peers.json`. What each row means is in
//! `docs/benchmarks.md`. `cargo xtask peers` installs the peers; it is run if one is missing.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports on the terminal"
)]

#[path = "detect_peers/betterleaks.rs"]
mod betterleaks;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/oracle/draw.rs"]
mod draw;
#[path = "detect_peers/encodings.rs"]
mod encodings;
#[path = "detect_peers/in_process.rs"]
mod in_process;
#[path = "detect_peers/report.rs"]
mod report;
#[path = "detect_peers/sample.rs"]
mod sample;
#[path = "detect_peers/tools.rs"]
mod tools;
#[path = "detect_peers/tree.rs"]
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use report::Report;
use tools::Tool;

/// What a step says when it cannot go on.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What the command line asks for.
struct Options {
    tree: Option<PathBuf>,
    rounds: usize,
}

fn main() -> ExitCode {
    match Options::from_arguments(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("detect_peers: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Outcome<Options> {
        let mut options = Options { tree: None, rounds: 5 };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // What cargo adds.
                "--bench" => {}
                "--quick" => options.rounds = 1,
                "--tree" => {
                    options.tree = Some(arguments.next().ok_or("--tree wants a folder")?.into());
                }
                other => return Err(format!("unknown argument \"{other}\"").into()),
            }
        }
        Ok(options)
    }
}

fn run(options: &Options) -> Outcome<()> {
    let tools = Tool::all()?;
    let folder = report::folder()?;
    for tool in &tools {
        sample::works(tool, &folder)?;
    }
    let tree = tree::prepare(options.tree.as_deref(), &folder)?;
    println!(
        "{} text files, {:.0} MB; medians of {} rounds",
        tree.files,
        tree.bytes as f64 / 1e6,
        options.rounds
    );
    let walks = tools::measure(&tools, &tree, options.rounds)?;
    report::print_walks(&walks);
    let starts = tools::starts(&tools, &folder, options.rounds.max(3))?;
    report::print_starts(&starts);
    let calls = in_process::measure(&tree, options.rounds)?;
    report::print_calls(&calls);
    let encodings = encodings::count(&tools, &folder)?;
    report::print_encodings(&encodings);
    let report = Report { walks, starts, calls, encodings };
    println!("\nwritten to {}", report.write(&folder)?.display());
    Ok(())
}
