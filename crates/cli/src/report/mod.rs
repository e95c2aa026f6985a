//! `stanch report`: what the leaks of a tenant come to, and whether a report still says so.

mod snapshot;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use stanch::leak::Time;
use stanch_report::{Format, Report, Snapshot, VerifyError, render, verify};

use crate::desk::{self, Desk};
use crate::outcome::{Failure, Outcome, reason, shown};
use crate::{input, palette, time};

/// The longest report that is read: a hundred thousand leaks are a quarter of it.
const LIMIT: u64 = 1 << 30;

/// Writes reports of a tenant's leaks, and verifies them
#[derive(Debug, Subcommand)]
#[command(after_help = "\
A report shows the leaks of a tenant as they stand now. All reports print the same totals, and the digest \
of the snapshot that they were made from: keep it where nobody can change it, and compare it later. None \
holds a token; they name weaknesses all the same, so that a file is for its owner alone.

Examples:
  stanch report executive -o executive.html
  stanch report prioritized --format md --since 7d
  stanch report technical --format md --from executive.html
  stanch report verify executive.html

Exit status: 0 written, or verified; 1 verified in part; 2 an error, or not as it was made; 8 the tenant has \
no leak; 4 to 9 as stanch leak --help says.")]
pub(crate) enum ReportVerb {
    /// One page for who decides about money: ratings, what is open, what changed, the top risks
    Executive(Making),
    /// Everything about every leak, for who settles them
    Technical(Making),
    /// What to do first, with the reason and the next step
    Prioritized(Making),
    Verify(Checking),
}

#[derive(Debug, Args)]
pub(crate) struct Making {
    /// How it is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = FormatName::Html)]
    format: FormatName,
    /// Write it to this file instead of standard output; an earlier report is replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make it from the snapshot that this report in JSON or HTML holds, not from the ledger: so that all
    /// have one digest
    #[arg(long, value_name = "REPORT", conflicts_with = "since")]
    from: Option<PathBuf>,
    /// What happened since then is recent: 30d, 2030-01-01 or 2030-01-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time::parse_past, default_value = "30d")]
    since: u64,
    #[command(flatten)]
    desk: Desk,
}

/// Says whether a report is as it was made
#[derive(Debug, Args)]
#[command(after_help = "\
The report is made again from the snapshot that it holds, and every byte is compared. Reports in \
Markdown and SARIF hold no snapshot: --with names one in JSON or HTML that was made of the same one.

Exit status: 0 it is as it was made, 1 another version of stanch made it and only the snapshot could be \
checked, 2 it is not.")]
pub(crate) struct Checking {
    /// A report in JSON or HTML of the same snapshot
    #[arg(long, value_name = "REPORT")]
    with: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The report
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// A format, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// One self-contained page, which prints well
    Html,
    /// The whole snapshot
    Json,
    /// Tables for trackers and wikis
    Md,
    /// SARIF 2.1.0, for code scanning services
    Sarif,
}

/// Runs the command.
pub(crate) fn run(verb: &ReportVerb) -> Result<Outcome, Failure> {
    match verb {
        ReportVerb::Executive(making) => make(making, Report::Executive),
        ReportVerb::Technical(making) => make(making, Report::Technical),
        ReportVerb::Prioritized(making) => make(making, Report::Prioritized),
        ReportVerb::Verify(checking) => check(checking),
    }
}

fn make(making: &Making, report: Report) -> Result<Outcome, Failure> {
    let Making { format, output, from, since, desk } = making;
    let format = format.format();
    match output {
        Some(path) => spare(path)?,
        None if format == Format::Html && io::stdout().is_terminal() => {
            let why = "a terminal does not show HTML: give -o FILE, or --format md";
            return Err(Failure::named("standard output", why));
        }
        None => {}
    }
    let snapshot = match from {
        Some(path) => held(path)?,
        None => {
            let since = Time(i64::try_from(*since).unwrap_or(i64::MAX));
            snapshot::take(&desk.open()?, &desk.user(), &desk.tenant(), since, desk::now())?
        }
    };
    let text =
        render(&snapshot, report, format).map_err(|error| Failure::named("the snapshot", error))?;
    match output {
        Some(path) => {
            save(path, &text).map_err(|error| Failure::named(shown(path), reason(&error)))?;
            let mut told = palette::output();
            let kind = report.as_str();
            writeln!(told, "{}: {kind} report, {}", shown(path), snapshot.digest())?;
            told.flush()?;
        }
        None => {
            // As it is: the digest is of every byte.
            let mut output = io::stdout().lock();
            output.write_all(text.as_bytes())?;
            output.flush()?;
        }
    }
    Ok(Outcome::Clean)
}

fn check(checking: &Checking) -> Result<Outcome, Failure> {
    let Checking { with, json, file } = checking;
    let beside = with.as_deref().map(held).transpose()?;
    let verified = verify(&read(file)?, beside.as_ref()).map_err(|error| match error {
        VerifyError::NoSnapshot(_) => {
            Failure::named(input::name(file), format!("{error} (--with REPORT)"))
        }
        _ => Failure::named(input::name(file), error),
    })?;
    let (report, format) = (verified.report.as_str(), verified.format.extension());
    let digest = verified.digest;
    let mut output = palette::output();
    if *json {
        let told = json!({
            "file": file.to_string_lossy(),
            "report": report,
            "format": format,
            "digest": digest.to_string(),
            "whole": verified.whole,
        });
        writeln!(output, "{told}")?;
    } else {
        let how = match verified.whole {
            true => "as it was made",
            false => "made by another version of stanch: only its snapshot was checked",
        };
        writeln!(output, "{}: {report} report ({format}), {how}", input::name(file))?;
        writeln!(output, "{digest}")?;
    }
    output.flush()?;
    Ok(if verified.whole { Outcome::Clean } else { Outcome::Found })
}

impl FormatName {
    fn format(self) -> Format {
        match self {
            FormatName::Html => Format::Html,
            FormatName::Json => Format::Json,
            FormatName::Md => Format::Markdown,
            FormatName::Sarif => Format::Sarif,
        }
    }
}

/// Refuses to write over what is no report: a ledger, a key, a device.
fn spare(path: &Path) -> Result<(), Failure> {
    let refused = |why| Err(Failure::named(shown(path), why));
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return refused("is there already and is no file"),
        Ok(metadata) if metadata.len() > 0 => {}
        // Nothing there, or an empty file; if it cannot be written, that will be told.
        _ => return Ok(()),
    }
    let text = read(path).ok();
    match text.is_some_and(|text| is_report(&text)) {
        true => Ok(()),
        false => refused("is there already and is no report; it is not overwritten"),
    }
}

fn is_report(text: &str) -> bool {
    !matches!(Snapshot::of_report(text), Err(VerifyError::NoReport(_)))
}

/// The snapshot that a report holds which is as it was made.
fn held(path: &Path) -> Result<Snapshot, Failure> {
    let text = read(path)?;
    let snapshot = verify(&text, None).and_then(|_| Snapshot::of_report(&text));
    snapshot.map_err(|error| Failure::named(input::name(path), error))
}

fn read(path: &Path) -> Result<String, Failure> {
    let bytes = input::read(path, LIMIT)?;
    let text = std::str::from_utf8(&bytes);
    text.map(str::to_owned)
        .map_err(|_| Failure::named(input::name(path), "this is no report: it is not UTF-8"))
}

/// Writes a file that only its owner can read: the old one or the new one is there, whatever happens.
fn save(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
