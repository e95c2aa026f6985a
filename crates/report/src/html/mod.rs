//! Reports as one HTML page each.
//!
//! A page asks for nothing: style, script and diagrams stand in it, and its Content Security Policy
//! allows nothing else. All it says is there without the script; the script filters and sorts. The
//! JSON document of the same report stands in the page as data, so that the page verifies by itself.

mod diagram;
mod executive;
mod parts;
mod prioritized;
mod technical;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::shown::shown;
use crate::snapshot::Snapshot;
use crate::{PROGRAM, Report, json, words};

/// What stands before the data.
pub(crate) const DATA_BEGIN: &str = r#"<script type="application/json" id="stanch-report">"#;
/// What stands behind the data.
pub(crate) const DATA_END: &str = "</script>";

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The whole page.
pub(crate) fn page(snapshot: &Snapshot, report: Report) -> String {
    let (body, script) = match report {
        Report::Executive => (executive::body(snapshot), None),
        Report::Technical => (technical::body(snapshot), Some(SCRIPT)),
        Report::Prioritized => (prioritized::body(snapshot), Some(SCRIPT)),
    };
    // In the data, what could end it is escaped as JSON allows.
    let data = json::document(snapshot, report, &['<', '>', '&']);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(script));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (report.title()) ", " (shown(&snapshot.tenant)) ", " (words::date(snapshot.at)) }
                style { (PreEscaped(STYLE)) }
            }
            body class=(report.as_str()) {
                (masthead(snapshot, report))
                main { (body) }
                (colophon(snapshot))
                (PreEscaped(DATA_BEGIN)) (PreEscaped(data)) (PreEscaped(DATA_END))
                @if let Some(script) = script {
                    script { (PreEscaped(script)) }
                }
            }
        }
    };
    let mut page = page.into_string();
    page.push('\n');
    page
}

/// The Content Security Policy: this style, this script, and nothing else.
fn policy(script: Option<&str>) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let script = script.map_or("'none'".to_owned(), hash);
    format!(
        "default-src 'none'; style-src {}; script-src {script}; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash(STYLE)
    )
}

fn masthead(snapshot: &Snapshot, report: Report) -> Markup {
    html! {
        header.masthead {
            p.wordmark { "stanch" }
            h1 { (report.title()) }
            p.lede { (words::headline(snapshot)) }
            p.about {
                bdi { (shown(&snapshot.tenant)) }
                " · "
                time datetime=(words::day(snapshot.at)) { (words::moment(snapshot.at)) }
                " · "
                @match snapshot.nodes {
                    0 => "no node enrolled",
                    nodes => { (words::count(nodes, "node", "nodes")) " enrolled" }
                }
            }
        }
    }
}

fn colophon(snapshot: &Snapshot) -> Markup {
    html! {
        footer.colophon {
            p { "Digest of the snapshot " code #digest { (snapshot.digest()) } }
            p.small {
                "Every report of this snapshot prints this digest. The snapshot stands in this file: "
                code { "stanch report verify FILE" }
                " computes the digest anew and compares every byte of the report with it. stanch " (PROGRAM) "."
            }
        }
    }
}
