//! Reports of leaked tokens.
//!
//! A [`Snapshot`] holds the leaks of one tenant as they stood at one moment. [`render`] makes a report
//! of it: one of three [`Report`]s in one of four [`Format`]s. All of them print the totals that the
//! snapshot holds, and the [`Digest`] of the snapshot, by which an auditor ties them to each other.
//! Rendering is a pure function, so that [`verify()`] can do it again and compare every byte.
//!
//! ```
//! use stanch_report::{Format, Grade, Rating, Ratings, Report, Snapshot, Totals, render, verify};
//!
//! let rating = Rating { grade: Grade::A, points: 0, worst: 0, sum: 0, drivers: Vec::new() };
//! let ratings = Ratings { nhi_exposure: rating.clone(), data_leak_susceptibility: rating };
//! let snapshot = Snapshot {
//!     version: stanch_report::VERSION,
//!     at: 1_795_449_600,
//!     since: 1_792_857_600,
//!     tenant: "default".to_owned(),
//!     nodes: 2,
//!     leaks: Vec::new(),
//!     ratings,
//!     before: None,
//!     totals: Totals::of(&[], 1_792_857_600),
//! };
//! let page = render(&snapshot, Report::Executive, Format::Html)?;
//! assert_eq!(verify(&page, None)?.digest, snapshot.digest());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod digest;
mod facet;
mod html;
mod json;
mod markdown;
mod priority;
mod sarif;
mod shown;
mod snapshot;
mod summary;
mod totals;
mod verify;
mod words;

pub use digest::Digest;
pub use priority::{Item, Urgency, prioritize};
pub use snapshot::{
    Attempts, Bound, Channel, Consequence, Explanation, Grade, Leak, Level, Mode, Patch, Place,
    Rating, Ratings, Snapshot, SnapshotError, Source, Status, Step, Term, Token, VERSION,
};
pub use totals::{Count, Totals};
pub use verify::{Verified, VerifyError, verify};

/// For whom a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// One page for those who decide about money: ratings, totals, what changed, the top risks in
    /// words of business.
    Executive,
    /// Everything about every leak, for those who settle them.
    Technical,
    /// What to do first, with the reason and the step.
    Prioritized,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One self-contained page that also prints well.
    Html,
    /// JSON with the whole snapshot.
    Json,
    /// Markdown with the tables of GitHub.
    Markdown,
    /// SARIF 2.1.0.
    Sarif,
}

/// Writes a report.
///
/// The same snapshot gives the same bytes, and nothing else goes into them.
///
/// # Errors
///
/// [`SnapshotError`] if the snapshot contradicts itself ([`Snapshot::check`]).
pub fn render(
    snapshot: &Snapshot,
    report: Report,
    format: Format,
) -> Result<String, SnapshotError> {
    snapshot.check()?;
    Ok(match format {
        Format::Html => html::page(snapshot, report),
        Format::Json => json::document(snapshot, report, &[]),
        Format::Markdown => markdown::document(snapshot, report),
        Format::Sarif => sarif::log(snapshot, report),
    })
}

impl Report {
    /// All of them.
    pub const ALL: &[Report] = &[Report::Executive, Report::Technical, Report::Prioritized];

    /// Its word: `executive`, `technical` or `prioritized`.
    pub fn as_str(self) -> &'static str {
        match self {
            Report::Executive => "executive",
            Report::Technical => "technical",
            Report::Prioritized => "prioritized",
        }
    }

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Report::Executive => "Executive report",
            Report::Technical => "Technical report",
            Report::Prioritized => "Prioritized report",
        }
    }
}

impl Format {
    /// All of them.
    pub const ALL: &[Format] = &[Format::Html, Format::Json, Format::Markdown, Format::Sarif];

    /// The usual extension of its files: `html`, `json`, `md` or `sarif`.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Json => "json",
            Format::Markdown => "md",
            Format::Sarif => "sarif",
        }
    }
}

/// The version of the program that reports name.
pub(crate) const PROGRAM: &str = env!("CARGO_PKG_VERSION");
