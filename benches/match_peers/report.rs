//! The results: a table to read, and a file for programs.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{Contender, Times};

/// One engine with one set of tokens.
#[derive(Serialize)]
pub(crate) struct Row {
    engine: &'static str,
    tokens: usize,
    /// From the tokens in plain text to an engine that is ready; for the library, imprinting
    /// included.
    build_ms: f64,
    bytes_per_token: f64,
    header_ns: f64,
    body_gb_per_s: f64,
    /// `header_ns` of the blocks without and of those with an escape.
    #[serde(skip)]
    by_escape: [f64; 2],
    #[serde(skip)]
    kind: String,
    #[serde(skip)]
    imprint_ms: f64,
}

impl Row {
    pub(crate) fn new(contender: &Contender<'_>, tokens: usize, times: Times) -> Row {
        let imprint_ms = contender.imprint.as_secs_f64() * 1e3;
        Row {
            engine: contender.name,
            tokens,
            build_ms: imprint_ms + contender.build.as_secs_f64() * 1e3,
            bytes_per_token: contender.bytes as f64 / tokens as f64,
            header_ns: times.header_ns,
            body_gb_per_s: times.body_gb_per_s,
            by_escape: [times.plain_ns, times.escaped_ns],
            kind: contender.kind.clone(),
            imprint_ms,
        }
    }

    fn is_own(&self) -> bool {
        self.engine.starts_with("stanch")
    }
}

/// Prints the rows of one set of tokens. Ratios above 1 say how many times as fast an engine is as
/// Hyperscan, and as the best of all peers.
pub(crate) fn print(tokens: usize, rows: &[Row]) {
    let peers = || rows.iter().filter(|row| !row.is_own());
    let hyperscan = || peers().filter(|row| row.engine == "hyperscan");
    let best = |of: &dyn Fn(&Row) -> f64| peers().map(of).fold(0.0, f64::max);
    println!("\n{tokens} tokens");
    println!(
        "{:14} {:>10} {:>9} {:>8} | {:>9} {:>6} {:>6} {:>9} {:>9} | {:>9} {:>6} {:>6} | built as",
        "engine",
        "imprint ms",
        "build ms",
        "B/token",
        "header ns",
        "×hs",
        "×best",
        "no escape",
        "escape",
        "body GB/s",
        "×hs",
        "×best",
    );
    for row in rows {
        let against = |of: &dyn Fn(&Row) -> f64| {
            let hyperscan = hyperscan().map(of).next();
            let hyperscan = hyperscan.map_or("–".to_owned(), |hs| format!("{:.2}", of(row) / hs));
            format!("{hyperscan:>6} {:>6.2}", of(row) / best(of))
        };
        println!(
            "{:14} {:>10.1} {:>9.1} {:>8.1} | {:>9.1} {} {:>9.1} {:>9.1} | {:>9.2} {} | {}",
            row.engine,
            row.imprint_ms,
            row.build_ms - row.imprint_ms,
            row.bytes_per_token,
            row.header_ns,
            against(&|row| 1.0 / row.header_ns),
            row.by_escape[0],
            row.by_escape[1],
            row.body_gb_per_s,
            against(&|row| row.body_gb_per_s),
            row.kind,
        );
    }
}

/// Writes all rows to `bench/match_peers.json` in the target folder and returns the path.
pub(crate) fn write(rows: &[Row]) -> io::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("match_peers.json");
    std::fs::write(&path, serde_json::to_string_pretty(rows)? + "\n")?;
    Ok(path)
}
