//! All outputs of a snapshot say the same.

use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;
use stanch_report::{Format, Level, Report, Snapshot, Status, Totals, Urgency, prioritize, render};

use crate::{hostile, sample};

fn each(mut check: impl FnMut(&Snapshot, Report)) {
    for leaks in [0, 1, 7, 60, 400] {
        let snapshot = sample::snapshot(leaks);
        for report in Report::ALL {
            check(&snapshot, *report);
        }
    }
}

fn expected(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let figures = snapshot.totals.figures();
    figures.iter().map(|(name, _, figure)| ((*name).to_owned(), *figure)).collect()
}

/// The totals themselves, counted in another way.
#[test]
fn totals_are_those_of_the_leaks() {
    let snapshot = sample::snapshot(400);
    let totals = &snapshot.totals;
    let with = |status| snapshot.leaks.iter().filter(|leak| leak.status == status).count() as u64;
    assert_eq!(totals.leaks, 400);
    assert_eq!(totals.opened, with(Status::Opened));
    assert_eq!(totals.closed, with(Status::Closed));
    assert_eq!(totals.marked_false, with(Status::False));
    assert_eq!(totals.opened, Level::ALL.iter().map(|level| totals.level(*level)).sum::<u64>());
    assert_eq!(totals.opened, totals.blocked + totals.monitored + totals.unpatched);
    assert_eq!(totals.opened, totals.targets.iter().map(|count| count.count).sum::<u64>());
    assert_eq!(totals.opened, totals.consequences.iter().map(|count| count.count).sum::<u64>());
    assert!(totals.protected <= totals.blocked && totals.high_protected <= totals.protected);
    assert_eq!(totals.attempts, snapshot.leaks.iter().map(|leak| leak.attempts.count).sum::<u64>());
    let repository =
        |leak: &&stanch_report::Leak| leak.sources.iter().any(|source| source.kind == "repository");
    let count = totals.sources.iter().find(|count| count.name == "repository").unwrap().count;
    assert_eq!(count, snapshot.open().filter(repository).count() as u64);
    for figure in [totals.protected, totals.monitored, totals.critical, totals.closed_recently] {
        assert!(figure > 0, "the sample has some of everything");
    }
    // The order of leaks is of no matter.
    let mut leaks = snapshot.leaks.clone();
    leaks.reverse();
    assert_eq!(*totals, Totals::of(&leaks, snapshot.since));
}

#[test]
fn json_holds_the_snapshot_and_its_totals() {
    each(|snapshot, report| {
        let text = render(snapshot, report, Format::Json).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let read: Snapshot = serde_json::from_value(value["snapshot"].clone()).unwrap();
        assert_eq!(read, *snapshot);
        for (name, figure) in expected(snapshot) {
            assert_eq!(value["snapshot"]["totals"][&name], figure, "{name}");
        }
        assert_eq!(value["digest"], snapshot.digest().to_string());
    });
}

#[test]
fn html_shows_the_totals_and_every_leak() {
    each(|snapshot, report| {
        let page = render(snapshot, report, Format::Html).unwrap();
        let expected = expected(snapshot);
        let mut seen = BTreeSet::new();
        for part in page.split("data-total=\"").skip(1) {
            let (name, rest) = part.split_once("\">").unwrap();
            let figure = rest.split_once('<').unwrap().0.replace(',', "");
            assert_eq!(figure.parse(), Ok(expected[name]), "{name}");
            seen.insert(name.to_owned());
        }
        let whole = report != Report::Executive;
        assert!(if whole { seen.len() == expected.len() } else { seen.len() == 6 }, "{seen:?}");
        let rows = page.matches(" data-row=\"").count() as u64;
        assert_eq!(rows, if whole { snapshot.totals.opened } else { 0 });
        let settled = page.matches(" data-settled=\"").count() as u64;
        let all = snapshot.totals.closed + snapshot.totals.marked_false;
        assert_eq!(settled, if report == Report::Technical { all } else { 0 });
        assert!(page.contains(&snapshot.digest().to_string()));
        assert!(page.contains("data-grade=\"") && page.contains("Content-Security-Policy"));
    });
}

#[test]
fn markdown_shows_the_totals_and_every_leak() {
    each(|snapshot, report| {
        let text = render(snapshot, report, Format::Markdown).unwrap();
        let tables = tables(&text);
        let totals = tables.iter().find(|table| table[0] == ["Total", "Count"]).unwrap();
        let labels = snapshot.totals.figures();
        assert_eq!(totals.len() - 1, labels.len());
        for (row, (_, label, figure)) in totals[1..].iter().zip(labels) {
            assert_eq!(*row, [label, &figure.to_string()]);
        }
        let open = snapshot.totals.opened as usize;
        match report {
            Report::Technical => {
                assert_eq!(text.matches("\n### Leak ").count(), open);
                // Each explanation adds up.
                let sums = tables.iter().filter(|table| table[0] == ["Factor", "Here", "Points"]);
                for (table, leak) in sums.zip(snapshot.open()) {
                    let points = |row: &[String]| row[2].parse::<u64>().unwrap();
                    let terms = table.iter().filter(|row| row[2].starts_with('+'));
                    let sum: u64 = terms.map(|row| points(row)).sum();
                    let line = table.iter().find(|row| row[0] == "Sum").unwrap();
                    assert_eq!(sum, points(line), "leak {}", leak.id);
                    let last = table.last().unwrap();
                    assert_eq!(points(last), u64::from(leak.score), "leak {}", leak.id);
                }
            }
            Report::Prioritized => {
                let rows = tables.iter().filter(|table| table[0][0] == "Order");
                let leaks: Vec<String> =
                    rows.flat_map(|table| table[1..].iter().map(|row| row[1].clone())).collect();
                let order: Vec<String> =
                    prioritize(snapshot).iter().map(|item| item.leak.to_string()).collect();
                assert_eq!(leaks, order);
            }
            Report::Executive => {
                let rows = tables.iter().find(|table| table[0][0] == "Consequence").unwrap();
                let counts = rows[1..].iter().map(|row| row[1].parse::<usize>().unwrap());
                assert_eq!(counts.sum::<usize>(), open);
            }
        }
        assert!(text.contains(&snapshot.digest().to_string()));
    });
}

#[test]
fn sarif_has_a_result_for_each_leak_and_source() {
    each(|snapshot, report| {
        let text = render(snapshot, report, Format::Sarif).unwrap();
        let log: Value = serde_json::from_str(&text).unwrap();
        let run = &log["runs"][0];
        for (name, figure) in expected(snapshot) {
            assert_eq!(run["properties"]["totals"][&name], figure, "{name}");
        }
        assert_eq!(run["properties"]["digest"], snapshot.digest().to_string());
        let results = run["results"].as_array().unwrap();
        let sources: usize = snapshot.leaks.iter().map(|leak| leak.sources.len().max(1)).sum();
        assert_eq!(results.len(), sources);
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let (mut prints, mut open) = (BTreeSet::new(), BTreeMap::new());
        for result in results {
            let print = result["partialFingerprints"]["stanchLeak/v1"].as_str().unwrap();
            assert!(prints.insert(print.to_owned()), "{print} twice");
            let rule = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(rules[rule]["id"], result["ruleId"]);
            let leak = snapshot.leak(result["properties"]["leak"].as_u64().unwrap()).unwrap();
            let expected = match leak.level {
                Level::High => ("fail", "error"),
                Level::Medium => ("fail", "warning"),
                Level::Low => ("fail", "note"),
                Level::Informational => ("informational", "none"),
            };
            assert_eq!(result["kind"], expected.0);
            assert_eq!(result["level"], expected.1);
            assert_eq!(result.get("suppressions").is_some(), !leak.is_open());
            if leak.is_open() {
                open.insert(leak.id, result["level"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(open.len() as u64, snapshot.totals.opened);
        let errors = open.values().filter(|level| *level == "error").count() as u64;
        assert_eq!(errors, snapshot.totals.high);
    });
}

#[test]
fn the_order_puts_what_can_still_be_used_first() {
    let snapshot = sample::snapshot(400);
    let items = prioritize(&snapshot);
    assert_eq!(items.len() as u64, snapshot.totals.opened);
    assert!(items.iter().zip(1..).all(|(item, rank)| item.rank == rank));
    for pair in items.windows(2) {
        let [a, b] = [0, 1].map(|at| snapshot.leak(pair[at].leak).unwrap());
        assert!(pair[0].urgency <= pair[1].urgency);
        if pair[0].urgency == pair[1].urgency {
            assert!(a.residual >= b.residual, "leaks {} and {}", a.id, b.id);
        }
    }
    for item in &items {
        let leak = snapshot.leak(item.leak).unwrap();
        let now = leak.level == Level::High && !leak.is_protected();
        assert_eq!(item.urgency == Urgency::Now, now);
        assert!(!item.step.is_empty() && item.reason.starts_with("A stranger can "));
    }
    let counted: BTreeSet<Urgency> = items.iter().map(|item| item.urgency).collect();
    assert_eq!(counted.len(), Urgency::ALL.len(), "the sample has some of everything");
}

/// The standard's schema takes the log, also of hostile and of empty snapshots.
#[test]
fn sarif_is_as_the_standard_has_it() {
    let schema = include_str!("../../../../tests/schemas/sarif-2.1.0.json");
    // One pattern of the published schema has a bracket too many.
    let schema = serde_json::from_str(&schema.replace("{2}]?$", "{2}?$")).unwrap();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let mut by_hand = sample::snapshot(3);
    by_hand.leaks[1].sources.clear();
    let by_hand = sample::with_totals(by_hand);
    for snapshot in [sample::snapshot(0), sample::snapshot(60), by_hand, hostile::snapshot()] {
        for report in Report::ALL {
            let text = render(&snapshot, *report, Format::Sarif).unwrap();
            let log: Value = serde_json::from_str(&text).unwrap();
            let faults: Vec<String> = schema
                .iter_errors(&log)
                .map(|fault| format!("{}: {fault}", fault.instance_path()))
                .collect();
            assert_eq!(faults, Vec::<String>::new());
        }
    }
}

/// The same bytes every time, and none of the reports is another.
#[test]
fn reports_are_reproducible() {
    let (one, two) = (sample::snapshot(60), sample::snapshot(60));
    let mut seen = BTreeSet::new();
    for report in Report::ALL {
        for format in Format::ALL {
            let text = render(&one, *report, *format).unwrap();
            assert_eq!(text, render(&two, *report, *format).unwrap());
            assert!(seen.insert(text));
        }
    }
}

/// The tables of a Markdown document: rows of cells as a reader reads them.
pub(crate) fn tables(text: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables: Vec<Vec<Vec<String>>> = Vec::new();
    let mut cell = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS) {
        match event {
            Event::Start(Tag::Table(_)) => tables.push(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                tables.last_mut().unwrap().push(Vec::new());
            }
            Event::Start(Tag::TableCell) => cell = Some(String::new()),
            Event::End(TagEnd::TableCell) => {
                tables.last_mut().unwrap().last_mut().unwrap().extend(cell.take());
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(cell) = &mut cell {
                    cell.push_str(&text);
                }
            }
            _ => {}
        }
    }
    tables
}
