//! What the demo prints.

use std::io::{self, Write};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, Color, ContentArrangement, Table};
use stanch::leak::{Leak, Mode, Registry, Status};
use stanch::patch::{Action, SetInfo, Verdict};

use super::{Looked, Replayed};
use crate::palette::{BAD, GOOD, Painted, TITLE};

/// Prints everything.
pub(super) fn all(
    output: &mut dyn Write,
    looked: &[Looked],
    leaks: &Registry,
    set: &SetInfo,
    replayed: &[Replayed],
    met: bool,
) -> io::Result<()> {
    let findings: usize = looked.iter().map(|(_, look)| look.findings.len()).sum();
    let count = leaks.leaks().count();
    writeln!(output, "{}", Painted(TITLE, "1. What leaked"))?;
    writeln!(
        output,
        "A scan of the {} files of a sample shop found {findings} tokens. They make {count} leaks: \
         the tokens of a file\nare one leak, and the same token in two files is one, too. A decision \
         was made about each.\n",
        looked.len()
    )?;
    writeln!(output, "{}\n", leak_table(leaks))?;
    writeln!(output, "{}", Painted(TITLE, "2. What becomes of requests"))?;
    writeln!(
        output,
        "The decisions were compiled into a patch set: {} tokens, {} bytes, none of them a token's \
         text. These\nrequests were then sent past it.\n",
        set.tokens, set.bytes
    )?;
    writeln!(output, "{}\n", request_table(replayed))?;
    let total = replayed.len();
    if met {
        let text = format!("All {total} requests went as expected.");
        writeln!(output, "{}", Painted(GOOD, text))?;
    } else {
        writeln!(output, "{}", Painted(BAD, "Not everything went as expected."))?;
    }
    writeln!(
        output,
        "Go on with your own: `stanch scan .` finds tokens, `stanch key new` and `stanch patch \
         compile` make a\npatch set of them, `stanch match` asks it about a request, and \
         examples/nginx has nginx refuse the request."
    )?;
    output.flush()
}

/// What is expected of a request, in words.
pub(super) fn expected(replayed: &Replayed) -> String {
    let (action, evidence) = replayed.case.expected;
    let mut words = action.to_string();
    if let (Some((part, name, view)), Some(leak)) = (evidence, replayed.leak) {
        words.push_str(&format!(" (leak {leak}, {part} {name:?}, {view})"));
    }
    words
}

/// What a verdict says, in words.
pub(super) fn outcome(verdict: &Verdict) -> String {
    let mut words = verdict.action.to_string();
    if let Some(hit) = &verdict.hit {
        words
            .push_str(&format!(" (leak {}, {} {:?}, {})", hit.leak, hit.part, hit.name, hit.views));
    }
    words
}

fn leak_table(leaks: &Registry) -> Table {
    let mut table = table(&["leak", "tokens", "preview", "found in", "status", "patch"]);
    for leak in leaks.leaks() {
        let tokens = leak.tokens();
        table.add_row([
            Cell::new(leak.id()),
            lines(tokens.iter().map(|token| token.class().to_owned())),
            lines(tokens.iter().map(|token| token.preview().to_string())),
            lines(leak.sources().iter().map(|seen| seen.source.locator.to_string())),
            Cell::new(leak.status()),
            patch(leak),
        ]);
    }
    table
}

fn patch(leak: &Leak) -> Cell {
    match (leak.patch(), leak.status()) {
        (Some(Mode::Block), _) => action(Action::Block),
        (Some(Mode::Monitor), _) => action(Action::Monitor),
        (None, Status::Opened) => Cell::new("undecided"),
        (None, _) => Cell::new("none"),
    }
}

fn request_table(replayed: &[Replayed]) -> Table {
    let mut table =
        table(&["request with", "expected", "action", "leak", "part", "name", "view", "time", ""]);
    for one in replayed {
        let hit = one.verdict.hit.as_ref();
        let nanoseconds = one.time.as_nanos() as f64;
        let mark = match one.is_met() {
            true => Cell::new("✓").fg(Color::Green),
            false => Cell::new("✗").fg(Color::Red),
        };
        table.add_row([
            Cell::new(one.case.what),
            Cell::new(one.case.expected.0),
            action(one.verdict.action),
            cell(hit.map(|hit| hit.leak)),
            cell(hit.map(|hit| hit.part)),
            cell(hit.map(|hit| hit.name)),
            cell(hit.map(|hit| hit.views)),
            Cell::new(format!("{:.2} µs", nanoseconds / 1000.0)),
            mark,
        ]);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        // The output takes the colours out where they do not belong.
        .enforce_styling()
        .set_header(header.iter().map(|title| Cell::new(title).fg(Color::Blue)));
    table
}

fn action(action: Action) -> Cell {
    let colour = match action {
        Action::Block => Color::Red,
        Action::Monitor => Color::Yellow,
        Action::Pass => Color::Green,
    };
    Cell::new(action).fg(colour)
}

fn cell(content: Option<impl std::fmt::Display>) -> Cell {
    content.map_or_else(|| Cell::new(""), Cell::new)
}

fn lines(lines: impl Iterator<Item = String>) -> Cell {
    Cell::new(lines.collect::<Vec<_>>().join("\n"))
}
