//! Findings for people.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use indicatif::{HumanBytes, HumanCount};
use stanch::detect::{Confidence, Rule};

use super::look::{Found, Look, Origin};
use super::{Report, Summary, Trouble};
use crate::outcome::shown;
use crate::palette::{ASIDE, BAD, GOOD, Painted, TITLE, of_confidence};

/// Digits of a commit's name that people tell commits by.
const SHORT: usize = 12;

/// Findings grouped by file, one a line, and a summary.
pub(super) struct Table<W> {
    output: W,
    /// The width of the column of rules.
    rule_width: usize,
    /// Whether somebody is watching, for whom each file is to appear at once.
    watched: bool,
}

impl<W: Write> Table<W> {
    /// A table on `output` with findings of `rules`.
    pub(super) fn new(output: W, rules: &[&'static Rule]) -> Table<W> {
        let rule_width = rules.iter().map(|rule| rule.id().len()).max().unwrap_or(0);
        Table { output, rule_width, watched: io::stdout().is_terminal() }
    }

    fn line(&mut self, found: &Found, binary: bool) -> io::Result<()> {
        let Found { place, confidence, preview, .. } = found;
        let place = match binary {
            true => format!("byte {}", found.start),
            false => format!("{}:{}", place.line, place.column),
        };
        let confidence = Painted(of_confidence(*confidence), confidence.as_str());
        let token = match &found.secret {
            Some(secret) => secret.expose().escape_ascii().to_string(),
            None => preview.to_string(),
        };
        let (rule, width) = (found.rule.id(), self.rule_width);
        write!(self.output, "  {place:>12}  {confidence:<6}  {rule:<width$}  {token}")?;
        match found.trail() {
            trail if trail.is_empty() => writeln!(self.output),
            trail => writeln!(self.output, "  {}", Painted(ASIDE, format!("in {trail}"))),
        }
    }
}

impl<W: Write> Report for Table<W> {
    fn file(&mut self, path: &Path, look: &Look) -> io::Result<()> {
        let kind = if look.is_binary() { " (binary)" } else { "" };
        let origin = look.origin.as_deref().map(|Origin { commit, time }| {
            format!(" in {} of {time}", commit.get(..SHORT).unwrap_or(commit))
        });
        let aside = format!("{kind}{}", origin.unwrap_or_default());
        writeln!(self.output, "{}{}", Painted(TITLE, shown(path)), Painted(ASIDE, aside))?;
        for found in &look.findings {
            self.line(found, look.is_binary())?;
        }
        writeln!(self.output)?;
        if self.watched { self.output.flush() } else { Ok(()) }
    }

    fn trouble(&mut self, _: &Trouble) {}

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let counted = |count: u64, one: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{} {one}s", HumanCount(count)),
        };
        match summary.findings() {
            0 => write!(self.output, "{}", Painted(GOOD, "no findings"))?,
            findings => {
                let kinds = [
                    (summary.high, Confidence::High),
                    (summary.medium, Confidence::Medium),
                    (summary.low, Confidence::Low),
                ];
                let kinds = kinds.map(|(count, confidence)| {
                    let text = format!("{} {confidence}", HumanCount(count));
                    let style = if count > 0 { of_confidence(confidence) } else { ASIDE };
                    Painted(style, text).to_string()
                });
                let findings = Painted(TITLE, counted(findings, "finding"));
                let affected = counted(summary.affected, "file");
                write!(self.output, "{findings} in {affected}: {}", kinds.join(", "))?;
            }
        }
        write!(self.output, "; looked at {}", counted(summary.files, "file"))?;
        if summary.binaries > 0 {
            write!(self.output, " ({} binary)", HumanCount(summary.binaries))?;
        }
        let (bytes, seconds) = (HumanBytes(summary.bytes), summary.elapsed.as_secs_f64());
        write!(self.output, ", {bytes}, in {seconds:.2} s")?;
        for (count, what) in [(summary.known, "known"), (summary.allowed, "allowed")] {
            if count > 0 {
                write!(self.output, "; {} {what}", counted(count, "finding"))?;
            }
        }
        if summary.troubles > 0 {
            let troubles = counted(summary.troubles, "error");
            write!(self.output, "; {}", Painted(BAD, troubles))?;
        }
        writeln!(self.output)?;
        self.output.flush()
    }
}
