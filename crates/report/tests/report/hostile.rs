//! Texts from outside that would like to be more than text.

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::{Value, json};
use stanch_report::{Format, Report, Snapshot, Status, render, verify};

use crate::browser::Browser;
use crate::sample;

const HOSTILE: &[&str] = &[
    "</script><script>window.intruder = 1</script>",
    "<script type=\"application/json\" id=\"stanch-report\">{}</script>",
    "<!--<script>",
    "\"><img src=x onerror=\"window.intruder = 1\">",
    "' onmouseover='window.intruder = 1",
    "javascript:window.intruder=1",
    "https://example.com/\"onclick=\"window.intruder=1",
    "a|b|c \\| d \\",
    "`code` ``more`` **bold** _x_ ~~y~~ [link](https://example.com) ![i](https://example.com/i.png)",
    "https://example.com/?a=1&amp;b=<x>",
    "\u{202e}gnp.exe\u{2066}x\u{2069}",
    "bell\u{7} null\u{0} escape\u{1b}[31m delete\u{7f} line\nfeed\r\n tab\t next\u{85}",
    "\u{feff}zero\u{200b}width\u{2028}line\u{e0041}tag",
    "# heading\n- item\n1. item\n| a | b |\n",
    "Digest of the snapshot: `sha256:00` (technical report, stanch 0.1.0)",
    "]]>--></style></title></textarea>&lt;&#60;",
    "schlüssel 鍵 🔑 مفتاح",
    "",
];

/// A snapshot whose every text is hostile.
pub(crate) fn snapshot() -> Snapshot {
    let mut snapshot = sample::snapshot(36);
    let mut next = HOSTILE.iter().cycle();
    let mut hostile = || (*next.next().unwrap()).to_owned();
    snapshot.tenant = HOSTILE.concat();
    for leak in &mut snapshot.leaks {
        leak.target = Some(hostile());
        for token in &mut leak.tokens {
            let all = [
                &mut token.class,
                &mut token.rule,
                &mut token.provider,
                &mut token.family,
                &mut token.privilege,
                &mut token.environment,
                &mut token.confidence,
                &mut token.validity,
                &mut token.rotation,
                &mut token.issuer,
                &mut token.preview,
            ];
            all.into_iter().for_each(|text| *text = hostile());
        }
        for source in &mut leak.sources {
            source.kind = hostile();
            source.place = hostile();
            source.commit = Some(hostile());
        }
        for place in &mut leak.places {
            place.host = hostile();
            place.path = hostile();
            place.part = hostile();
            place.method = Some(hostile());
            place.name = Some(hostile());
            place.client = Some(hostile());
        }
        for step in &mut leak.checklist {
            step.text = hostile();
            step.link = Some(hostile());
        }
        for term in &mut leak.explanation.terms {
            term.factor = hostile();
            term.value = hostile();
        }
        let bounds = [&mut leak.explanation.cap, &mut leak.explanation.floor];
        for bound in bounds.into_iter().flatten() {
            bound.reason = hostile();
        }
    }
    sample::with_totals(snapshot)
}

#[test]
fn pages_run_nothing_and_count_right() {
    let snapshot = snapshot();
    let mut browser = Browser::start();
    let folder = tempfile::TempDir::new().unwrap();
    for report in Report::ALL {
        let file = folder.path().join(format!("{}.html", report.as_str()));
        let page = render(&snapshot, *report, Format::Html).unwrap();
        std::fs::write(&file, &page).unwrap();
        browser.open(&file, (1280, 900), "light");
        assert_eq!(browser.complaints(), Vec::<Value>::new(), "{report:?}");
        assert_eq!(browser.requests().len(), 1, "{report:?}");
        assert_eq!(browser.eval("typeof window.intruder"), json!("undefined"));
        // No element and no attribute but the page's own.
        assert_eq!(
            browser.eval(
                "document.querySelectorAll('img, iframe, object, [onerror], [onclick]').length"
            ),
            json!(0)
        );
        let own = if *report == Report::Executive { 1 } else { 2 };
        assert_eq!(browser.eval("document.scripts.length"), json!(own));
        let links = browser.eval("[...document.links].map(a => a.protocol)");
        let strange = |link: &&Value| **link != json!("https:") && **link != json!("file:");
        assert_eq!(links.as_array().unwrap().iter().find(strange), None);
        // The data is the document.
        let data = browser.eval("JSON.stringify(JSON.parse(document.getElementById('stanch-report').textContent).snapshot)");
        let data: Snapshot = serde_json::from_str(data.as_str().unwrap()).unwrap();
        assert_eq!(data, snapshot);
        if *report == Report::Executive {
            continue;
        }
        // The diagrams work with such names as well.
        for facet in ["level", "source", "target", "time"] {
            let of = format!("svg[data-facet='{facet}'] g[role=button]");
            let count = browser.eval(&format!("document.querySelector(\"{of}\").dataset.count"));
            browser.click(&of);
            let rows = browser
                .eval("String(document.querySelectorAll('[data-row]:not([hidden])').length)");
            assert_eq!(rows, count, "{facet}");
            browser.click(".chips .clear");
        }
        // What hides or turns text is written out.
        let text =
            browser.eval("document.body.innerText.match(/[\\u202e\\u2066\\u200b\\u0007\\u001b]/)");
        assert_eq!(text, Value::Null);
        assert_eq!(
            browser.eval("document.body.innerText.includes('⟨U+202E⟩gnp.exe')"),
            json!(true)
        );
    }
}

#[test]
fn markdown_has_no_markup_but_its_own() {
    let snapshot = snapshot();
    for report in Report::ALL {
        let text = render(&snapshot, *report, Format::Markdown).unwrap();
        let options =
            Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
        let mut headings = 0;
        for event in Parser::new_ext(&text, options) {
            let foreign = matches!(
                event,
                Event::Html(_)
                    | Event::InlineHtml(_)
                    | Event::Rule
                    | Event::Start(
                        Tag::Link { .. }
                            | Tag::Image { .. }
                            | Tag::Strikethrough
                            | Tag::Emphasis
                            | Tag::CodeBlock(_)
                            | Tag::BlockQuote(_)
                            | Tag::HtmlBlock
                    )
            );
            assert!(!foreign, "{report:?}: {event:?}");
            headings += usize::from(matches!(event, Event::Start(Tag::Heading { .. })));
        }
        let own = text.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(headings, own);
        // Rows have as many cells as their heads.
        for table in crate::agree::tables(&text) {
            assert!(table.iter().all(|row| row.len() == table[0].len()), "{table:?}");
        }
        assert!(!text.contains(['\u{202e}', '\u{7}', '\u{1b}', '\u{200b}', '\r', '\0']));
    }
}

#[test]
fn json_and_sarif_hold_the_texts_and_hide_nothing() {
    let snapshot = snapshot();
    for report in Report::ALL {
        for format in [Format::Json, Format::Sarif] {
            let text = render(&snapshot, *report, format).unwrap();
            assert!(!text.contains(['\u{202e}', '\u{7f}', '\u{85}', '\u{200b}', '\u{2028}', '\0']));
            serde_json::from_str::<Value>(&text).unwrap();
        }
    }
}

#[test]
fn all_of_them_verify() {
    let snapshot = snapshot();
    for report in Report::ALL {
        for format in Format::ALL {
            let text = render(&snapshot, *report, *format).unwrap();
            assert!(verify(&text, Some(&snapshot)).unwrap().whole, "{report:?} {format:?}");
        }
    }
}

/// Numbers and times at the ends of their ranges: nothing overflows, and all of it verifies.
#[test]
fn extreme_numbers_are_written() {
    let times = [i64::MIN, sample::NOW, i64::MAX];
    for at in times {
        for seen in times {
            let mut snapshot = sample::snapshot(3);
            (snapshot.at, snapshot.since, snapshot.nodes) = (at, seen, u64::MAX);
            for (leak, id) in snapshot.leaks.iter_mut().rev().zip((0..=u64::MAX).rev()) {
                leak.id = id;
                (leak.first_seen, leak.last_seen, leak.status_since) = (seen, at, seen);
                (leak.attempts.count, leak.attempts.accepted) = (u64::MAX, u64::MAX);
                leak.attempts.last = Some(at);
                leak.history = u64::MAX;
                leak.status = Status::Opened;
                leak.sources.iter_mut().for_each(|source| source.line = Some(u64::MAX));
            }
            let ratings = &mut snapshot.ratings;
            for rating in [&mut ratings.nhi_exposure, &mut ratings.data_leak_susceptibility] {
                (rating.points, rating.sum) = (u8::MAX, u64::MAX);
                rating.drivers = vec![u64::MAX];
            }
            let snapshot = sample::with_totals(snapshot);
            for report in Report::ALL {
                for format in Format::ALL {
                    let text = render(&snapshot, *report, *format).unwrap();
                    assert!(verify(&text, Some(&snapshot)).unwrap().whole);
                }
            }
        }
    }
}
