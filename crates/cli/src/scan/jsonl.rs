//! Findings for programs: one JSON object a line.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

use super::look::{Found, Look};
use super::{Report, Summary, Trouble};

/// Findings as lines of JSON.
pub(super) struct Lines<W> {
    output: W,
}

/// A line. `docs/command.md` says what the fields mean.
#[derive(Serialize)]
struct Line<'f> {
    path: Cow<'f, str>,
    line: u64,
    column: u64,
    start: u64,
    end: u64,
    rule: &'static str,
    confidence: &'static str,
    preview: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trail: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Cow<'f, str>>,
}

/// A step of a finding's trail.
#[derive(Serialize)]
struct Step {
    encoding: &'static str,
    start: u64,
    end: u64,
}

impl<W: Write> Lines<W> {
    /// Lines on `output`.
    pub(super) fn new(output: W) -> Lines<W> {
        Lines { output }
    }
}

impl<'f> Line<'f> {
    fn new(path: &'f Path, look: &'f Look, found: &'f Found) -> Line<'f> {
        Line {
            path: path.to_string_lossy(),
            line: found.place.line,
            column: found.place.column,
            start: found.start,
            end: found.end,
            rule: found.rule.id(),
            confidence: found.confidence.as_str(),
            preview: found.preview.to_string(),
            commit: look.origin.as_ref().map(|origin| origin.commit.as_str()),
            time: look.origin.as_ref().map(|origin| origin.time.as_str()),
            trail: found
                .trail
                .iter()
                .map(|(encoding, Range { start, end })| Step {
                    encoding: encoding.as_str(),
                    start: *start,
                    end: *end,
                })
                .collect(),
            secret: found.secret.as_ref().map(|secret| String::from_utf8_lossy(secret.expose())),
        }
    }
}

impl<W: Write> Report for Lines<W> {
    fn file(&mut self, path: &Path, look: &Look) -> io::Result<()> {
        for found in &look.findings {
            serde_json::to_writer(&mut self.output, &Line::new(path, look, found))?;
            self.output.write_all(b"\n")?;
        }
        Ok(())
    }

    fn trouble(&mut self, _: &Trouble) {}

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.output.flush()
    }
}
