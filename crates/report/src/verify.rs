//! Checking that a report says what its snapshot says.

use serde::Deserialize;
use serde_json::Value;

use crate::digest::Digest;
use crate::html::{DATA_BEGIN, DATA_END};
use crate::json::FORM;
use crate::markdown::DIGEST_LINE;
use crate::snapshot::{Snapshot, SnapshotError};
use crate::{Format, PROGRAM, Report, render};

/// What [`verify`] found to be true of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which report it is.
    pub report: Report,
    /// In which format.
    pub format: Format,
    /// The digest that it prints, which is its snapshot's.
    pub digest: Digest,
    /// Whether every byte of it was compared. It was not if another version of the program wrote it:
    /// then only the digest, and that the snapshot does not contradict itself, are known.
    pub whole: bool,
}

/// Why a report cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The text is no report.
    #[error("this is no report: {0}")]
    NoReport(String),
    /// The report holds no snapshot, and none was handed in.
    #[error(
        "a report in Markdown or SARIF holds no snapshot; verify it beside one in JSON or HTML of the digest {0}"
    )]
    NoSnapshot(Digest),
    /// The snapshot has another digest than the report prints.
    #[error("the report prints the digest {printed}, and the snapshot's digest is {actual}")]
    Digest {
        /// What the report prints.
        printed: Digest,
        /// The snapshot's.
        actual: Digest,
    },
    /// The snapshot contradicts itself.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The report says something else than the snapshot.
    #[error("the report was altered: line {line} is not what its snapshot says")]
    Altered {
        /// The first line that differs, from 1.
        line: usize,
    },
}

/// Checks a report: that its snapshot has the digest that is printed, does not contradict itself, and
/// says all that the report says, byte by byte.
///
/// Reports in HTML and JSON hold their snapshot; if `snapshot` is given it must be the same. For
/// those in Markdown and SARIF it must be given.
///
/// Whoever can write the whole file can write another true report of another snapshot: compare
/// the digest with one that was kept elsewhere.
///
/// # Errors
///
/// [`VerifyError`] with the first thing that is wrong.
pub fn verify(text: &str, snapshot: Option<&Snapshot>) -> Result<Verified, VerifyError> {
    let read = read(text)?;
    for one in [snapshot, read.snapshot.as_ref()].into_iter().flatten() {
        let actual = one.digest();
        if actual != read.digest {
            return Err(VerifyError::Digest { printed: read.digest, actual });
        }
    }
    let snapshot =
        read.snapshot.as_ref().or(snapshot).ok_or(VerifyError::NoSnapshot(read.digest))?;
    snapshot.check()?;
    let whole = read.program == PROGRAM;
    if whole {
        compare(text, &render(snapshot, read.report, read.format)?)?;
    }
    Ok(Verified { report: read.report, format: read.format, digest: read.digest, whole })
}

impl Snapshot {
    /// The snapshot that a report in HTML or JSON holds. It is checked by [`verify`], not here.
    ///
    /// # Errors
    ///
    /// [`VerifyError::NoReport`] if the text is no report, [`VerifyError::NoSnapshot`] if it is one that
    /// holds none.
    pub fn of_report(text: &str) -> Result<Snapshot, VerifyError> {
        let read = read(text)?;
        read.snapshot.ok_or(VerifyError::NoSnapshot(read.digest))
    }
}

/// What a report says of itself.
struct Read {
    report: Report,
    format: Format,
    program: String,
    digest: Digest,
    snapshot: Option<Snapshot>,
}

/// The document of a JSON report, but for what is derived from the snapshot.
#[derive(Deserialize)]
struct Document {
    form: String,
    report: String,
    program: String,
    digest: String,
    snapshot: Snapshot,
}

fn read(text: &str) -> Result<Read, VerifyError> {
    let start = text.trim_start();
    if start.starts_with('<') {
        read_html(text)
    } else if start.starts_with('{') {
        match serde_json::from_str::<Value>(text) {
            Ok(value) if value.get("runs").is_some() => read_sarif(&value),
            Ok(_) => read_document(text, Format::Json),
            Err(error) => Err(malformed(&error)),
        }
    } else {
        read_markdown(text)
    }
}

fn read_html(text: &str) -> Result<Read, VerifyError> {
    let mut parts = text.split(DATA_BEGIN);
    let (Some(_), Some(data), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(VerifyError::NoReport("it does not hold exactly one snapshot".to_owned()));
    };
    let data = data.split(DATA_END).next().unwrap_or_default();
    read_document(data, Format::Html)
}

fn read_document(text: &str, format: Format) -> Result<Read, VerifyError> {
    let document: Document = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    if document.form != FORM {
        return Err(VerifyError::NoReport(format!("its form is not {FORM}")));
    }
    Ok(Read {
        report: report(&document.report)?,
        format,
        program: document.program,
        digest: digest(&document.digest)?,
        snapshot: Some(document.snapshot),
    })
}

fn read_sarif(log: &Value) -> Result<Read, VerifyError> {
    let text = |path: &str| {
        let value = log.pointer(path).and_then(Value::as_str);
        value.ok_or_else(|| VerifyError::NoReport(format!("{path} is missing")))
    };
    Ok(Read {
        report: report(text("/runs/0/properties/report")?)?,
        format: Format::Sarif,
        program: text("/runs/0/tool/driver/semanticVersion")?.to_owned(),
        digest: digest(text("/runs/0/properties/digest")?)?,
        snapshot: None,
    })
}

/// Where it is not as a report is. What stands there is not repeated: the file may be anything.
fn malformed(error: &serde_json::Error) -> VerifyError {
    let (line, column) = (error.line(), error.column());
    VerifyError::NoReport(format!("line {line}, column {column} is not as a report has it"))
}

/// The last line names the digest, the report and the program.
fn read_markdown(text: &str) -> Result<Read, VerifyError> {
    let missing = || VerifyError::NoReport("its last line names no digest".to_owned());
    let line = text.trim_end().lines().next_back().ok_or_else(missing)?;
    let line = line.strip_prefix(DIGEST_LINE).ok_or_else(missing)?;
    let words = line.split([' ', '`', '(', ')', ',']).filter(|word| !word.is_empty());
    let [digits, kind, "report", "stanch", program] = words.collect::<Vec<_>>()[..] else {
        return Err(missing());
    };
    Ok(Read {
        report: report(kind)?,
        format: Format::Markdown,
        program: program.to_owned(),
        digest: digest(digits)?,
        snapshot: None,
    })
}

fn report(word: &str) -> Result<Report, VerifyError> {
    let named = |report: &&Report| report.as_str() == word;
    let found = Report::ALL.iter().find(named).copied();
    found.ok_or_else(|| VerifyError::NoReport("its kind is not known".to_owned()))
}

fn digest(text: &str) -> Result<Digest, VerifyError> {
    Digest::parse(text).ok_or_else(|| VerifyError::NoReport("its digest is no digest".to_owned()))
}

fn compare(text: &str, expected: &str) -> Result<(), VerifyError> {
    if text == expected {
        return Ok(());
    }
    let same = text.lines().zip(expected.lines()).take_while(|(a, b)| a == b).count();
    Err(VerifyError::Altered { line: same + 1 })
}
