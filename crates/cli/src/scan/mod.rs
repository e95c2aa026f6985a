//! `stanch scan`: looks for tokens in files.

mod crew;
mod jsonl;
mod look;
mod progress;
mod report_table;
mod sarif;
mod walk;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use stanch::detect::{Confidence, Detector};

pub(crate) use self::look::{Found, Look};
use self::progress::Progress;
use self::walk::Walk;
use crate::input;
use crate::outcome::{Failure, Outcome, complain};
use crate::palette;

/// Looks for leaked tokens in files, folders and standard input
#[derive(Debug, Args)]
#[command(after_help = "\
Folders are searched with everything below them. What git ignores in a repository is left out, and \
so is .git itself; other hidden files are not. Symbolic links are not followed. A file of any kind \
is read as bytes, in pieces of 32 MiB where it is larger; a token in a binary file is reported by its \
offset. A file that cannot be read, and a link that leads back to a folder above it, are told on \
stderr and make the exit status 2; everything else is searched nevertheless.

The token itself is shown with --show-secrets only, and never in SARIF.

Examples:
  stanch scan .
  stanch scan --format sarif src > stanch.sarif
  git show HEAD~3 | stanch scan -
  stanch scan --format jsonl --show-secrets . |
    jq -r 'select(.secret | contains(\"\\n\") | not) | .secret' |
    stanch patch compile --key stanch.key -o live.set -

Exit status: 0 nothing found, 1 findings, 2 an error (even if there are findings).")]
pub(crate) struct Arguments {
    /// How to write the findings
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the tokens themselves, too
    #[arg(long)]
    show_secrets: bool,
    /// How many files to look at side by side [default: one for each core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Follow symbolic links below the given paths
    #[arg(long)]
    follow: bool,
    /// Look at what git ignores, too
    #[arg(long)]
    no_ignore: bool,
    /// Files and folders; - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: grouped by file, with a summary
    Table,
    /// One JSON object a finding
    Jsonl,
    /// One SARIF 2.1.0 log, for code scanning services
    Sarif,
}

/// Writes findings in one of the formats.
trait Report {
    /// Takes a file with findings. Files come in the order of their paths.
    fn file(&mut self, path: &Path, look: &Look) -> io::Result<()>;
    /// Takes what went wrong with something.
    fn trouble(&mut self, trouble: &Trouble);
    /// Writes what comes after the last file.
    fn finish(&mut self, summary: &Summary) -> io::Result<()>;
}

/// A path, and why it, or a part of it, was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    path: PathBuf,
    why: String,
}

/// What a scan comes to.
#[derive(Debug, Default)]
struct Summary {
    files: u64,
    binaries: u64,
    bytes: u64,
    troubles: u64,
    /// Files with findings.
    affected: u64,
    low: u64,
    medium: u64,
    high: u64,
    elapsed: Duration,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if arguments.show_secrets && arguments.format == Format::Sarif {
        return Err(Failure::named(
            "--show-secrets",
            "a SARIF log is made to be passed on and never holds tokens; use --format jsonl",
        ));
    }
    let detector = Detector::new();
    let output = palette::output();
    let mut report: Box<dyn Report> = match arguments.format {
        Format::Table => Box::new(report_table::Table::new(output, detector.rules())),
        Format::Jsonl => Box::new(jsonl::Lines::new(output)),
        Format::Sarif => Box::new(sarif::Log::new(output)),
    };
    let walk = Walk { follow: arguments.follow, ignore: !arguments.no_ignore };
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok());
    let jobs = jobs.map_or(1, NonZeroUsize::get);

    let began = Instant::now();
    let mut summary = Summary::default();
    let mut progress = Progress::new();
    crew::each(
        &walk,
        &arguments.paths,
        &detector,
        jobs,
        arguments.show_secrets,
        |path, looked| match &looked {
            Ok(look) => {
                summary.add(look);
                progress.advance(look.bytes);
                match look.findings.is_empty() {
                    true => Ok(()),
                    false => progress.aside(|| report.file(path, look)),
                }
            }
            Err(trouble) => {
                summary.troubles += 1;
                progress.aside(|| complain(trouble));
                report.trouble(trouble);
                Ok(())
            }
        },
    )?;
    drop(progress);
    summary.elapsed = began.elapsed();
    report.finish(&summary)?;
    Ok(summary.outcome())
}

/// Looks at every file below `folder` and hands it to `visit` in the order of the paths, with the
/// tokens themselves.
pub(crate) fn each(
    folder: &Path,
    detector: &Detector,
    visit: impl FnMut(&Path, Result<Look, Trouble>) -> io::Result<()>,
) -> io::Result<()> {
    let walk = Walk { follow: false, ignore: false };
    crew::each(&walk, &[folder.to_owned()], detector, 1, true, visit)
}

impl Summary {
    fn add(&mut self, look: &Look) {
        self.files += 1;
        self.binaries += u64::from(look.binary);
        self.bytes += look.bytes;
        self.affected += u64::from(!look.findings.is_empty());
        for found in &look.findings {
            *match found.confidence {
                Confidence::Low => &mut self.low,
                Confidence::Medium => &mut self.medium,
                Confidence::High => &mut self.high,
            } += 1;
        }
    }

    fn findings(&self) -> u64 {
        self.low + self.medium + self.high
    }

    fn outcome(&self) -> Outcome {
        match (self.troubles, self.findings()) {
            (0, 0) => Outcome::Clean,
            (0, _) => Outcome::Found,
            _ => Outcome::Failed,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", input::name(&self.path), self.why)
    }
}
