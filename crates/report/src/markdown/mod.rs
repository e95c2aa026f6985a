//! Reports as Markdown, with the tables of GitHub.

mod escape;
mod technical;

use std::fmt::Write as _;

use self::escape::plain;
use crate::priority::{Urgency, prioritize};
use crate::snapshot::{Rating, Snapshot};
use crate::summary::Summary;
use crate::{PROGRAM, Report, words};

/// How the last line begins.
pub(crate) const DIGEST_LINE: &str = "Digest of the snapshot: `";

/// The document, which ends with the line that names the digest.
pub(crate) fn document(snapshot: &Snapshot, report: Report) -> String {
    let mut text = String::new();
    head(&mut text, snapshot, report);
    match report {
        Report::Executive => executive(&mut text, snapshot),
        Report::Technical => technical::body(&mut text, snapshot),
        Report::Prioritized => prioritized(&mut text, snapshot),
    }
    totals(&mut text, snapshot);
    let (digest, kind) = (snapshot.digest(), report.as_str());
    push(&mut text, format_args!("{DIGEST_LINE}{digest}` ({kind} report, stanch {PROGRAM})"));
    text
}

/// Writes a line. Writing to a string does not fail.
fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(line);
    text.push('\n');
}

/// Writes a table and an empty line. The cells are Markdown already.
fn table(text: &mut String, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    push(text, format_args!("| {} |", head.join(" | ")));
    push(text, format_args!("|{}", " --- |".repeat(head.len())));
    for row in rows {
        push(text, format_args!("| {} |", row.join(" | ")));
    }
    text.push('\n');
}

fn head(text: &mut String, snapshot: &Snapshot, report: Report) {
    push(text, format_args!("# {}\n", report.title()));
    push(
        text,
        format_args!("Tenant {}, {}.\n", plain(&snapshot.tenant), words::moment(snapshot.at)),
    );
    push(text, format_args!("{}\n", words::headline(snapshot)));
    push(text, format_args!("## Ratings\n"));
    let now = &snapshot.ratings;
    let before = snapshot.before.as_ref();
    let row = |name: &str, rating: &Rating, before: Option<&Rating>| {
        vec![
            name.to_owned(),
            rating.grade.as_str().to_owned(),
            rating.points.to_string(),
            rating.grade.label().to_owned(),
            before.map_or("not known".to_owned(), |rating| rating.grade.as_str().to_owned()),
        ]
    };
    let since = format!("On {}", words::date(snapshot.since));
    table(
        text,
        &["Rating", "Grade", "Points", "Meaning", &since],
        [
            row("NHI Exposure", &now.nhi_exposure, before.map(|ratings| &ratings.nhi_exposure)),
            row(
                "Data Leak Susceptibility",
                &now.data_leak_susceptibility,
                before.map(|ratings| &ratings.data_leak_susceptibility),
            ),
        ],
    );
}

fn executive(text: &mut String, snapshot: &Snapshot) {
    let summary = Summary::of(snapshot);
    push(text, format_args!("{}\n", words::changes(snapshot)));
    push(text, format_args!("## What strangers could do\n"));
    let share = |share: &crate::summary::Share| {
        vec![
            format!("{}: {}", share.consequence.label(), words::harm(share.consequence)),
            share.open.to_string(),
            share.high.to_string(),
            share.high_protected.to_string(),
        ]
    };
    let head = ["Consequence", "Open leaks", "High risk", "High risk, blocked"];
    table(text, &head, summary.consequences.iter().map(share));
    push(text, format_args!("## Top risks\n"));
    for (at, risk) in summary.risks.iter().enumerate() {
        let level = if risk.critical { "critical" } else { risk.level.as_str() };
        push(
            text,
            format_args!(
                "{}. **{}** ({level}, leak {}). {} {}.",
                at + 1,
                plain(&risk.what),
                risk.leak,
                risk.why,
                risk.protection
            ),
        );
    }
    text.push('\n');
}

fn prioritized(text: &mut String, snapshot: &Snapshot) {
    let items = prioritize(snapshot);
    for urgency in Urgency::ALL {
        let all: Vec<_> = items.iter().filter(|item| item.urgency == *urgency).collect();
        if all.is_empty() {
            continue;
        }
        push(
            text,
            format_args!("## {} ({})\n\n{}\n", urgency.label(), all.len(), urgency.meaning()),
        );
        let row = |item: &&crate::Item| {
            let leak = snapshot.leak(item.leak)?;
            Some(vec![
                item.rank.to_string(),
                leak.id.to_string(),
                plain(&leak.in_words()),
                technical::score(leak),
                item.reason.clone(),
                plain(&item.step),
            ])
        };
        let head = ["Order", "Leak", "What", "Score", "Reason", "Next step"];
        table(text, &head, all.iter().filter_map(row));
    }
}

fn totals(text: &mut String, snapshot: &Snapshot) {
    push(text, format_args!("## Totals\n"));
    push(text, format_args!("The period began on {}.\n", words::date(snapshot.since)));
    let figures = snapshot.totals.figures();
    let row =
        |(_, label, figure): &(&str, &str, u64)| vec![(*label).to_owned(), figure.to_string()];
    table(text, &["Total", "Count"], figures.iter().map(row));
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::escape::{code, plain};

    /// What a reader of Markdown reads in a table's cell with this content.
    fn read(cell: &str) -> String {
        let text = format!("| head |\n| --- |\n| {cell} |\n");
        let (mut cells, mut content) = (0, String::new());
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::TableCell) => {
                    cells += 1;
                    content.clear();
                }
                Event::Text(text) | Event::Code(text) => content.push_str(&text),
                Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow) | Event::End(_) => {}
                other => panic!("{cell:?} is {other:?}"),
            }
        }
        assert_eq!(cells, 2, "{cell:?}");
        content
    }

    #[test]
    fn hostile_texts_stay_texts() {
        let texts = [
            "plain",
            "a|b|c",
            "\\|",
            "a\\",
            "`",
            "``a` b```",
            " spaces ",
            "**bold** _x_ ~~y~~",
            "<script>alert(1)</script>",
            "[link](https://example.com)",
            "![image](https://example.com/x.png)",
            "https://example.com/?a=b&amp;c=d",
            "# heading",
            "- item",
            "1. item",
            "&lt;",
            "[^1]: note",
            "https://a.example/x|y\\|z",
        ];
        for text in texts {
            assert_eq!(read(&plain(text)), text.trim(), "{text:?}");
            assert_eq!(read(&code(text)).trim(), text.trim(), "{text:?}");
        }
        assert_eq!(read(&plain("a\nb\u{202e}")), "a⟨U+000A⟩b⟨U+202E⟩");
        assert_eq!(read(&code("a\nb\u{202e}")), "a⟨U+000A⟩b⟨U+202E⟩");
        assert_eq!(read(&code("")), "(0 spaces)");
    }
}
