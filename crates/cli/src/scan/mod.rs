//! `stanch scan`: looks for tokens in files.

mod allow;
mod archive;
mod baseline;
mod crew;
mod history;
mod jsonl;
mod look;
mod progress;
mod register;
mod report_table;
mod sarif;
mod staged;
mod walk;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use stanch::detect::{Confidence, Detector};

use self::baseline::Baseline;
use self::history::History;
pub(crate) use self::look::{Found, Look, Seen};
use self::look::{Looker, Options};
use self::progress::Progress;
use self::register::Registrar;
use self::staged::Staged;
use self::walk::Walk;
use crate::input;
use crate::outcome::{Failure, Outcome, complain};
use crate::palette;
use crate::rules;

/// Looks for leaked tokens in files, folders, archives, standard input and git repositories
#[derive(Debug, Args)]
#[command(after_help = "\
Folders are searched with everything below them. What git ignores in a repository is left out, and \
so is .git itself; other hidden files are not. Symbolic links are not followed. A file of any kind \
is read as bytes, in pieces of 32 MiB where it is larger; a token in a binary file is reported by its \
offset. Archives and compressed files are opened, nested ones too; what is inside goes by a path like \
app.apk!conf.tgz!etc/app.ini. A file that cannot be read, an archive that is damaged or reaches a \
limit, and a link that leads back to a folder above it, are told on stderr and make the exit status \
2; everything else is searched nevertheless.

A comment stanch:allow in the line of a token allows it; with ids of rules behind it, findings of \
these rules. A baseline holds the findings that are known. Of a token it holds 16 bits only: it may be \
committed.

The token itself is shown with --show-secrets only, and never in SARIF.

Examples:
  stanch scan .
  stanch scan --format sarif src > stanch.sarif
  git show HEAD~3 | stanch scan -
  stanch scan --staged                 in a pre-commit hook
  stanch scan --history                all commits, with the files that were deleted
  stanch scan --write-baseline known.json . && stanch scan --baseline known.json .
  stanch scan --register --key stanch.key --target shop.example .
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
    /// Leave archives and compressed files closed, and look at their bytes as they are
    #[arg(long)]
    no_archives: bool,
    /// Add the rules of this file to the built-in ones; it may switch some of those off
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Leave out the findings that this baseline knows
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write a baseline of all findings, in place of reporting them
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// Look at what is staged in the git repository at PATH, as it is staged [default PATH: .]
    #[arg(long, conflicts_with_all = ["history", "follow", "no_ignore"])]
    staged: bool,
    /// Look at every file of every commit of the git repository at PATH [default PATH: .]
    #[arg(long, conflicts_with_all = ["follow", "no_ignore"])]
    history: bool,
    #[command(flatten)]
    registration: register::Registration,
    /// Files and folders; - for standard input
    #[arg(required_unless_present_any = ["staged", "history"], value_name = "PATH")]
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
    /// Findings that the baseline knows, and those that the texts allow.
    known: u64,
    allowed: u64,
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
    let detector = rules::detector(arguments.rules.as_deref())?;
    let output = palette::output();
    let mut report: Box<dyn Report> = match arguments.format {
        Format::Table => Box::new(report_table::Table::new(output, detector.rules())),
        Format::Jsonl => Box::new(jsonl::Lines::new(output)),
        Format::Sarif => Box::new(sarif::Log::new(output)),
    };
    let mut baselines = Baselines::open(arguments)?;
    let mut registrar = Registrar::open(&arguments.registration)?;
    let options = Options {
        keeps_secrets: arguments.show_secrets || registrar.is_some(),
        keeps_closed: arguments.no_archives,
        salt: baselines.salt().cloned(),
    };
    let place = Place::open(arguments)?;
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok());
    let jobs = jobs.map_or(1, NonZeroUsize::get);

    let began = Instant::now();
    let mut summary = Summary::default();
    let commits = place.history().map(|history| || history.progress());
    let note = commits.as_ref().map(|commits| commits as &dyn Fn() -> String);
    let mut progress = Progress::new(note);
    let mut refused = None;
    let visit = |Seen { path, look }: Seen| match look {
        Ok(mut look) => {
            progress.advance(look.files, look.bytes);
            summary.known += baselines.take_out(&path, &mut look);
            summary.add(&look);
            if let Some(registrar) = registrar.as_mut().filter(|_| refused.is_none()) {
                refused = registrar.take(&path, &look).err();
                if !arguments.show_secrets {
                    look.findings.iter_mut().for_each(|found| found.secret = None);
                }
            }
            match look.findings.is_empty() {
                true => Ok(()),
                false => progress.aside(|| report.file(&path, &look)),
            }
        }
        Err(trouble) => {
            summary.troubles += 1;
            progress.aside(|| complain(&trouble));
            report.trouble(&trouble);
            Ok(())
        }
    };
    place.look(&detector, &options, jobs, visit)?;
    drop(progress);
    baselines.save()?;
    summary.elapsed = began.elapsed();
    report.finish(&summary)?;
    match (refused, registrar) {
        (Some(failure), _) => return Err(failure),
        (None, Some(registrar)) => registrar.finish()?,
        (None, None) => {}
    }
    Ok(summary.outcome())
}

/// Looks at every file below `folder` and hands it to `visit` in the order of the paths, with the
/// tokens themselves. Archives stay closed.
pub(crate) fn each(
    folder: &Path,
    detector: &Detector,
    visit: impl FnMut(Seen) -> io::Result<()>,
) -> io::Result<()> {
    let walk = Walk { follow: false, ignore: false };
    let options = Options { keeps_secrets: true, keeps_closed: true, salt: None };
    let paths = [folder.to_owned()];
    Place::Files { walk, paths: &paths }.look(detector, &options, 1, visit)
}

/// Where to look.
enum Place<'a> {
    Files { walk: Walk, paths: &'a [PathBuf] },
    Staged(Staged),
    History(Box<History>),
}

impl<'a> Place<'a> {
    fn open(arguments: &'a Arguments) -> Result<Place<'a>, Failure> {
        let repository = |option| match &arguments.paths[..] {
            [] => Ok(Path::new(".")),
            [path] => Ok(path.as_path()),
            _ => Err(Failure::named(option, "takes one repository at a time")),
        };
        if arguments.staged {
            return Ok(Place::Staged(Staged::open(repository("--staged")?)?));
        }
        if arguments.history {
            return Ok(Place::History(Box::new(History::open(repository("--history")?)?)));
        }
        let walk = Walk { follow: arguments.follow, ignore: !arguments.no_ignore };
        Ok(Place::Files { walk, paths: &arguments.paths })
    }

    fn history(&self) -> Option<&History> {
        match self {
            Place::History(history) => Some(history),
            Place::Files { .. } | Place::Staged(_) => None,
        }
    }

    /// Looks at everything there, with so many workers.
    fn look(
        &self,
        detector: &Detector,
        options: &Options,
        jobs: usize,
        visit: impl FnMut(Seen) -> io::Result<()>,
    ) -> io::Result<()> {
        let looker = || Looker::new(detector, options);
        match self {
            Place::Files { walk, paths } => {
                let worker = || {
                    let mut looker = looker();
                    move |path: PathBuf| looker.look(&path)
                };
                crew::each(jobs, walk.steps(paths), worker, visit)
            }
            Place::Staged(staged) => {
                crew::each(jobs, staged.steps(), || staged.worker(looker()), visit)
            }
            Place::History(history) => {
                crew::each(jobs, history.steps(), || history.worker(looker()), visit)
            }
        }
    }
}

/// The baseline that findings are compared with, and the one that is made of them.
struct Baselines<'a> {
    known: Option<Baseline>,
    written: Option<(&'a Path, Baseline)>,
}

impl<'a> Baselines<'a> {
    fn open(arguments: &'a Arguments) -> Result<Baselines<'a>, Failure> {
        let known = arguments.baseline.as_deref().map(Baseline::open).transpose()?;
        let written = match arguments.write_baseline.as_deref() {
            None => None,
            Some(path) => {
                let new = match &known {
                    Some(known) => known.emptied(),
                    None if path.exists() => Baseline::open(path)?.emptied(),
                    None => Baseline::new()?,
                };
                Some((path, new))
            }
        };
        Ok(Baselines { known, written })
    }

    /// What marks are to be made with, if there is a baseline. Both have the same salt.
    fn salt(&self) -> Option<&baseline::Salt> {
        let written = self.written.as_ref().map(|(_, written)| written);
        self.known.as_ref().or(written).map(Baseline::salt)
    }

    /// Takes the findings out that are known, or that the new baseline makes known.
    fn take_out(&mut self, path: &Path, look: &mut Look) -> u64 {
        let before = look.findings.len();
        if let Some((_, written)) = &mut self.written {
            look.findings.drain(..).for_each(|found| written.add(path, &found));
        } else if let Some(known) = &self.known {
            look.findings.retain(|found| !known.knows(path, found));
        }
        (before - look.findings.len()) as u64
    }

    fn save(self) -> Result<(), Failure> {
        self.written.map_or(Ok(()), |(path, written)| written.save(path))
    }
}

impl Summary {
    fn add(&mut self, look: &Look) {
        self.files += look.files;
        self.binaries += look.binaries;
        self.bytes += look.bytes;
        self.allowed += look.allowed;
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

impl Trouble {
    /// The trouble, as what came of looking.
    fn seen(self) -> Seen {
        Seen { path: self.path.clone(), look: Err(self) }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", input::name(&self.path), self.why)
    }
}
