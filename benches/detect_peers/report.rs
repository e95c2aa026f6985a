//! The results: tables to read, and a file for programs.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Outcome;
use crate::encodings::{Seen, TOKENS};
use crate::in_process::Call;
use crate::tools::{Start, Walk};

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) walks: Vec<Walk>,
    pub(crate) starts: Vec<Start>,
    pub(crate) calls: Vec<Call>,
    pub(crate) encodings: Vec<Seen>,
}

/// Where files of the benchmark go.
pub(crate) fn folder() -> Outcome<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

impl Report {
    /// Writes all of it and returns where.
    pub(crate) fn write(&self, folder: &Path) -> Outcome<PathBuf> {
        let path = folder.join("detect_peers.json");
        fs::write(&path, serde_json::to_string_pretty(self)?)?;
        Ok(path)
    }
}

pub(crate) fn print_walks(walks: &[Walk]) {
    println!(
        "\n{:14} {:>4} {:>9} {:>6} {:>9} {:>9}",
        "tool", "jobs", "MB/s", "×best", "peak MiB", "findings"
    );
    for walk in walks {
        let peers = walks.iter().filter(|peer| peer.tool != "stanch" && peer.jobs == walk.jobs);
        let best = peers.map(|peer| peer.mb_per_s).fold(0.0, f64::max);
        println!(
            "{:14} {:>4} {:>9.1} {:>6.2} {:>9.0} {:>9}",
            walk.tool,
            walk.jobs,
            walk.mb_per_s,
            walk.mb_per_s / best,
            walk.peak_mib,
            walk.findings
        );
    }
}

pub(crate) fn print_starts(starts: &[Start]) {
    println!("\n{:14} {:>9}", "empty folder", "ms");
    for start in starts {
        println!("{:14} {:>9.1}", start.tool, start.ms);
    }
}

pub(crate) fn print_calls(calls: &[Call]) {
    println!("\n{:14} {:>7} {:>9} {:>9}", "in process", "bytes", "µs", "MB/s");
    for call in calls {
        println!("{:14} {:>7} {:>9.2} {:>9.0}", call.engine, call.bytes, call.us, call.mb_per_s);
    }
}

pub(crate) fn print_encodings(encodings: &[Seen]) {
    let mut tools: Vec<&str> = encodings.iter().map(|seen| seen.tool).collect();
    tools.dedup();
    tools.truncate(
        tools.iter().skip(1).position(|tool| *tool == tools[0]).map_or(tools.len(), |at| at + 1),
    );
    print!("\n{:14}", format!("of {TOKENS} tokens"));
    tools.iter().for_each(|tool| print!(" {tool:>12}"));
    for row in encodings.chunks(tools.len()) {
        print!("\n{:14}", row[0].encoding);
        row.iter().for_each(|seen| print!(" {:>12}", seen.found));
    }
    println!();
}
