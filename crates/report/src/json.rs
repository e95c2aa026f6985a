//! Reports as JSON: what the report says, and the whole snapshot that it was made from.

use serde::Serialize;

use crate::priority::{Item, prioritize};
use crate::shown::armoured;
use crate::snapshot::Snapshot;
use crate::summary::Summary;
use crate::{PROGRAM, Report};

/// What a document says of itself.
pub(crate) const FORM: &str = "stanch-report/1";

#[derive(Serialize)]
struct Document<'s> {
    form: &'static str,
    report: &'static str,
    program: &'static str,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Vec<Item>>,
    snapshot: &'s Snapshot,
}

/// The document, which ends with a line break. `escaped` are characters to escape beyond need.
pub(crate) fn document(snapshot: &Snapshot, report: Report, escaped: &[char]) -> String {
    let document = Document {
        form: FORM,
        report: report.as_str(),
        program: PROGRAM,
        digest: snapshot.digest().to_string(),
        summary: (report == Report::Executive).then(|| Summary::of(snapshot)),
        order: (report == Report::Prioritized).then(|| prioritize(snapshot)),
        snapshot,
    };
    // Maps with names that are no strings are all that could fail, and there are none.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    armoured(&text, escaped)
}
