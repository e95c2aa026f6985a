//! The pages in Chromium: what a reader sees, clicks and prints.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use stanch_report::{Format, Leak, Report, Snapshot, render};

use crate::browser::Browser;
use crate::sample;

const DESK: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

/// Where the pages, pictures and prints of these tests stay, for somebody to look at.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a report and returns its file.
fn written(snapshot: &Snapshot, report: Report, name: &str) -> PathBuf {
    let file = folder().join(format!("{name}-{}.html", report.as_str()));
    std::fs::write(&file, render(snapshot, report, Format::Html).unwrap()).unwrap();
    file
}

/// Asserts that the page complained of nothing and asked for nothing but itself.
fn assert_quiet(browser: &mut Browser, file: &Path) {
    assert_eq!(browser.complaints(), Vec::<Value>::new(), "{}", file.display());
    assert_eq!(browser.requests(), [format!("file://{}", file.display())]);
}

/// How many rows of the list are visible.
fn visible(browser: &mut Browser) -> u64 {
    let rows = "[...document.querySelectorAll('[data-row]')].filter(r => r.getClientRects().length > 0).length";
    browser.eval(rows).as_u64().unwrap()
}

/// The elements of the diagrams that can be clicked: a selector and the count that each one shows.
fn picks(browser: &mut Browser) -> Vec<(String, u64)> {
    let all = browser.eval(
        "[...document.querySelectorAll('svg[data-facet] g[role=button]')].map(g =>
           [g.closest('svg').dataset.facet, g.dataset.key, g.querySelector('.count').textContent])",
    );
    let pick = |pick: &Value| {
        let text = |at: usize| pick[at].as_str().unwrap().to_owned();
        let selector = format!("svg[data-facet='{}'] g[data-key='{}']", text(0), text(1));
        (selector, text(2).replace(',', "").parse().unwrap_or(0))
    };
    all.as_array().unwrap().iter().map(pick).collect()
}

/// What the list says of itself.
fn status(browser: &mut Browser) -> String {
    let text = browser.eval("document.querySelector('.status').textContent");
    text.as_str().unwrap().to_owned()
}

fn count_of(browser: &mut Browser, selector: &str) -> u64 {
    let text = browser.eval(&format!(
        "document.querySelector({}).querySelector('.count').textContent || '0'",
        json!(selector)
    ));
    text.as_str().unwrap().replace(',', "").parse().unwrap()
}

fn pressed(browser: &mut Browser) -> Value {
    browser.eval("[...document.querySelectorAll('[aria-pressed=true]')].map(g => g.dataset.key)")
}

#[test]
fn pages_are_quiet_and_can_be_looked_at() {
    let snapshot = sample::snapshot(60);
    let mut browser = Browser::start();
    for report in Report::ALL {
        let file = written(&snapshot, *report, "sample");
        let mut grounds = Vec::new();
        for scheme in ["light", "dark"] {
            browser.open(&file, DESK, scheme);
            assert_quiet(&mut browser, &file);
            grounds.push(browser.eval("getComputedStyle(document.body).backgroundColor"));
            let picture = file.with_extension(format!("{scheme}.png"));
            std::fs::write(picture, browser.screenshot(*report == Report::Executive)).unwrap();
        }
        assert_ne!(grounds[0], grounds[1], "dark is not light");
        browser.open(&file, PHONE, "light");
        let wide = browser.eval("document.documentElement.scrollWidth");
        assert!(
            wide.as_u64().unwrap() <= u64::from(PHONE.0),
            "{report:?} is {wide} wide on a phone"
        );
        std::fs::write(file.with_extension("phone.png"), browser.screenshot(false)).unwrap();
    }
}

#[test]
fn each_element_of_a_diagram_shows_as_many_leaks_as_it_counts() {
    let snapshot = sample::snapshot(60);
    let mut browser = Browser::start();
    for report in [Report::Technical, Report::Prioritized] {
        let file = written(&snapshot, report, "clicks");
        browser.open(&file, DESK, "light");
        let all = snapshot.totals.opened;
        assert_eq!(visible(&mut browser), all);
        let picks = picks(&mut browser);
        for facet in ["level", "source", "target", "time"] {
            let of = |(selector, _): &&(String, u64)| selector.contains(&format!("'{facet}'"));
            let counts: Vec<u64> = picks.iter().filter(of).map(|pick| pick.1).collect();
            assert!(counts.len() > 2, "{facet} has {} elements", counts.len());
            let sum: u64 = counts.iter().sum();
            // A leak has one level, target and time, but perhaps several kinds of source.
            assert!(if facet == "source" { sum >= all } else { sum == all }, "{facet}: {sum}");
        }
        for (selector, count) in &picks {
            browser.click(selector);
            assert_eq!(visible(&mut browser), *count, "{selector}");
            assert_eq!(count_of(&mut browser, selector), *count, "{selector}");
            assert_eq!(status(&mut browser), format!("{count} of {all} open leaks"));
            assert_eq!(pressed(&mut browser).as_array().unwrap().len(), 1);
            // What belongs to hidden rows is hidden too.
            let dossiers =
                browser.eval("document.querySelectorAll('article:not([hidden])').length");
            let expected = if report == Report::Technical { *count } else { 0 };
            assert_eq!(dossiers, json!(expected), "{selector}");
            browser.click(".chips .clear");
            assert_eq!(visible(&mut browser), all);
            assert_eq!(pressed(&mut browser), json!([]));
            assert_eq!(status(&mut browser), format!("{all} open leaks"));
        }
        assert_quiet(&mut browser, &file);
    }
}

/// Two filters together: each element then counts what choosing it would show.
#[test]
fn counts_follow_the_filters_of_other_diagrams() {
    let snapshot = sample::snapshot(60);
    let mut browser = Browser::start();
    let file = written(&snapshot, Report::Technical, "filters");
    browser.open(&file, DESK, "light");
    let high = "svg[data-facet='level'] g[data-key='high']";
    browser.click(high);
    let mut tried = 0;
    for (selector, count) in picks(&mut browser) {
        if selector.contains("'level'") {
            continue;
        }
        browser.click(&selector);
        let shown = visible(&mut browser);
        if count == 0 {
            // There is nothing to show: the element does nothing.
            assert_eq!(shown, snapshot.totals.high, "{selector}");
            continue;
        }
        assert_eq!(shown, count, "{selector}");
        assert_eq!(count_of(&mut browser, high), count, "{selector}");
        let chips = browser.eval("[...document.querySelectorAll('.chips button')].length");
        assert_eq!(chips, json!(3));
        // The same element again takes its filter away.
        browser.click(&selector);
        assert_eq!(visible(&mut browser), snapshot.totals.high);
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
    // Another element of the same diagram takes the first one's place; its chip takes it away.
    browser.click("svg[data-facet='level'] g[data-key='medium']");
    assert_eq!(pressed(&mut browser), json!(["medium"]));
    assert_eq!(visible(&mut browser), snapshot.totals.medium);
    let picture = browser.screenshot(false);
    std::fs::write(file.with_extension("png"), picture).unwrap();
    browser.click(".chips button");
    assert_eq!(visible(&mut browser), snapshot.totals.opened);
    assert_quiet(&mut browser, &file);
}

#[test]
fn the_keyboard_reaches_and_presses_everything() {
    let snapshot = sample::snapshot(60);
    let mut browser = Browser::start();
    let file = written(&snapshot, Report::Technical, "keyboard");
    browser.open(&file, DESK, "light");
    let picks = picks(&mut browser);
    for (at, (selector, count)) in picks.iter().enumerate() {
        browser.press("Tab", 9, "");
        let focused =
            format!("document.activeElement === document.querySelector({})", json!(selector));
        assert_eq!(browser.eval(&focused), json!(true), "{selector}");
        let outline = "getComputedStyle(document.activeElement.querySelector('.hit')).stroke";
        assert_ne!(browser.eval(outline), json!("none"), "the focus is seen");
        let (key, code, text) = if at % 2 == 0 { ("Enter", 13, "\r") } else { (" ", 32, " ") };
        browser.press(key, code, text);
        assert_eq!(visible(&mut browser), *count, "{selector}");
        let label = browser.eval("document.activeElement.getAttribute('aria-label')");
        assert!(label.as_str().unwrap().contains(&format!(": {count} open leak")), "{label}");
        assert_eq!(
            browser.eval("document.activeElement.getAttribute('aria-pressed')"),
            json!("true")
        );
        browser.press(key, code, text);
        assert_eq!(visible(&mut browser), snapshot.totals.opened);
    }
    // Behind the diagrams: the headings that sort.
    browser.press("Tab", 9, "");
    assert_eq!(browser.eval("document.activeElement.textContent"), json!("Leak"));
}

#[test]
fn headings_sort() {
    type Key = fn(&Leak) -> i64;
    let snapshot = sample::snapshot(60);
    let mut browser = Browser::start();
    let file = written(&snapshot, Report::Technical, "sort");
    browser.open(&file, DESK, "light");
    let ids = "[...document.querySelectorAll('tr[data-row]')].map(r => Number(r.dataset.row))";
    let sorted = |by: Key| {
        let mut leaks: Vec<_> = snapshot.open().collect();
        leaks.sort_by_key(|leak| by(leak));
        leaks.iter().map(|leak| by(leak)).collect::<Vec<i64>>()
    };
    let columns: [(usize, Key); 4] = [
        (1, |leak| leak.id as i64),
        (3, |leak| i64::from(leak.score)),
        (6, |leak| leak.first_seen),
        (8, |leak| leak.attempts.count as i64),
    ];
    for (column, by) in columns {
        for descending in [true, false] {
            browser.click(&format!(".list th:nth-child({column}) button"));
            let order = browser.eval(ids);
            let shown: Vec<i64> = order
                .as_array()
                .unwrap()
                .iter()
                .map(|id| by(snapshot.leak(id.as_u64().unwrap()).unwrap()))
                .collect();
            let mut expected = sorted(by);
            if descending {
                expected.reverse();
            }
            assert_eq!(shown, expected, "column {column}");
            let direction = if descending { "descending" } else { "ascending" };
            let sort = format!("document.querySelector('.list th:nth-child({column})').ariaSort");
            assert_eq!(browser.eval(&sort), json!(direction));
        }
    }
}

#[test]
fn pages_print_whole_light_and_with_their_digest() {
    let snapshot = sample::snapshot(60);
    let mut browser = Browser::start();
    for report in Report::ALL {
        let file = written(&snapshot, *report, "print");
        browser.open(&file, DESK, "dark");
        if *report != Report::Executive {
            browser.click("svg[data-facet='level'] g[data-key='high']");
        }
        let pdf = file.with_extension("pdf");
        std::fs::write(&pdf, browser.pdf()).unwrap();
        let text = printed(&pdf);
        let bare: String = text.split_whitespace().collect();
        assert!(bare.contains(&snapshot.digest().to_string()), "{report:?}: {text}");
        assert!(!text.contains("Choose a bar"), "{report:?} prints a hint for the mouse");
        let pages = text.matches('\u{c}').count();
        match report {
            Report::Executive => assert_eq!(pages, 1, "the executive report is one page: {text}"),
            // The filter is gone on paper: every open leak is there.
            _ => {
                assert!(pages > 1, "{pages}");
                for leak in snapshot.open() {
                    let name = format!("Leak {}\n", leak.id);
                    assert!(text.contains(&name), "{report:?}: {name}");
                }
            }
        }
        if *report != Report::Executive {
            // On the screen it is still on.
            assert_eq!(visible(&mut browser), snapshot.totals.high);
        }
        // Paper is white, also to a reader in the dark.
        browser.emulate(json!({ "media": "print", "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }));
        let ground = browser.eval("getComputedStyle(document.body).backgroundColor");
        assert_eq!(ground, json!("rgb(255, 255, 255)"));
    }
}

/// Other portfolios than the sample's, with longer sentences.
#[test]
fn the_executive_report_is_one_page() {
    let mut browser = Browser::start();
    for leaks in [1, 400, 4_000] {
        let snapshot = sample::snapshot(leaks);
        let file = written(&snapshot, Report::Executive, &format!("one-page-{leaks}"));
        browser.open(&file, DESK, "light");
        let pdf = file.with_extension("pdf");
        std::fs::write(&pdf, browser.pdf()).unwrap();
        assert_eq!(printed(&pdf).matches('\u{c}').count(), 1, "{leaks} leaks");
    }
}

/// The text of a PDF; a form feed ends each page.
fn printed(pdf: &Path) -> String {
    let output = Command::new("pdftotext").arg("-layout").arg(pdf).arg("-").output();
    let output = output.expect("pdftotext is of the Debian package `poppler-utils`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Without its script the page says the same.
#[test]
fn tables_are_there_without_the_script() {
    let snapshot = sample::snapshot(60);
    let mut browser = Browser::start();
    for report in [Report::Technical, Report::Prioritized] {
        let file = written(&snapshot, report, "scriptless");
        let page = std::fs::read_to_string(&file).unwrap();
        let script = page.rfind("<script>").unwrap();
        std::fs::write(&file, &page[..script]).unwrap();
        browser.open(&file, DESK, "light");
        assert_eq!(visible(&mut browser), snapshot.totals.opened);
        let buttons = browser.eval("document.querySelectorAll('button, [role=button]').length");
        assert_eq!(buttons, json!(0), "nothing pretends to work");
        assert_eq!(
            browser.eval("document.querySelector('.toolbar').getClientRects().length"),
            json!(0)
        );
        assert_quiet(&mut browser, &file);
    }
}

#[test]
fn a_page_without_leaks_says_so() {
    let snapshot = sample::snapshot(0);
    let mut browser = Browser::start();
    for report in Report::ALL {
        let file = written(&snapshot, *report, "empty");
        browser.open(&file, DESK, "light");
        assert_quiet(&mut browser, &file);
        let lede = browser.eval("document.querySelector('.lede').textContent");
        assert_eq!(lede, json!("No leak is open."));
    }
}

/// The policy stops what is not the page's own, and says so: the checks above can fail.
#[test]
fn the_policy_stops_what_was_added() {
    let snapshot = sample::snapshot(3);
    let mut browser = Browser::start();
    let file = written(&snapshot, Report::Technical, "policy");
    let page = std::fs::read_to_string(&file).unwrap();
    let added = "<script>window.intruder = 1</script><img src='https://example.com/x.png'></body>";
    std::fs::write(&file, page.replace("</body>", added)).unwrap();
    browser.open(&file, DESK, "light");
    assert_eq!(browser.eval("typeof window.intruder"), json!("undefined"));
    assert!(browser.complaints().len() >= 2);
}
