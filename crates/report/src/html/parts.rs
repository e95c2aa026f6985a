//! What several pages show: ratings, figures, levels, totals.

use maud::{Markup, html};

use crate::facet::Keys;
use crate::shown::shown;
use crate::snapshot::{Grade, Leak, Rating, Snapshot};
use crate::words;

/// The two ratings, each with its scale and what drives it.
pub(super) fn ratings(snapshot: &Snapshot) -> Markup {
    let before = snapshot.before.as_ref();
    let now = &snapshot.ratings;
    html! {
        section.ratings aria-label="Ratings" {
            (rating(snapshot, "NHI Exposure", "What open leaks still let strangers do.",
                &now.nhi_exposure, before.map(|ratings| &ratings.nhi_exposure)))
            (rating(snapshot, "Data Leak Susceptibility", "The same, weighed by how much data the tokens open.",
                &now.data_leak_susceptibility, before.map(|ratings| &ratings.data_leak_susceptibility)))
        }
    }
}

fn rating(
    snapshot: &Snapshot,
    name: &str,
    about: &str,
    rating: &Rating,
    before: Option<&Rating>,
) -> Markup {
    let driver = rating.drivers.first().and_then(|id| snapshot.leak(*id));
    let since = words::date(snapshot.since);
    html! {
        div.rating data-rating=(name) data-grade=(rating.grade.as_str()) {
            p.grade aria-hidden="true" { (rating.grade.as_str()) }
            div {
                h2 { (name) }
                p.scale role="img" aria-label={ "Grade " (rating.grade.as_str()) " on a scale from A to F" } {
                    @for grade in Grade::ALL {
                        span.on[*grade == rating.grade] { (grade.as_str()) }
                    }
                }
                p.meaning { (words::title(rating.grade.label())) ": " (rating.points) " of 100 points." }
                @match before {
                    Some(before) if before.grade == rating.grade => p.change { "Unchanged since " (since) "." },
                    Some(before) => p.change { "It was " b { (before.grade.as_str()) } " on " (since) "." },
                    None => {}
                }
                @if let Some(driver) = driver {
                    p.small { "Driven most by: " bdi { (shown(&driver.in_words())) } "." }
                } @else {
                    p.small { (about) }
                }
            }
        }
    }
}

/// A few figures in a row, by the names of [`Totals::figures`](crate::Totals::figures).
pub(super) fn strip(snapshot: &Snapshot, names: &[(&str, &str)]) -> Markup {
    let figures = snapshot.totals.figures();
    let figure = |name: &str| figures.iter().find(|(own, ..)| *own == name).map_or(0, |one| one.2);
    html! {
        dl.strip {
            @for (name, label) in names {
                div class=(name) {
                    dt { (label) }
                    dd data-total=(name) { (words::grouped(figure(name))) }
                }
            }
        }
    }
}

/// All totals.
pub(super) fn totals(snapshot: &Snapshot) -> Markup {
    html! {
        section.totals {
            h2 { "Totals" }
            p.small { "The period began on " (words::date(snapshot.since)) "." }
            dl {
                @for (name, label, figure) in snapshot.totals.figures() {
                    div { dt { (label) } dd data-total=(name) { (words::grouped(figure)) } }
                }
            }
        }
    }
}

/// A leak's level as a label.
pub(super) fn level(leak: &Leak) -> Markup {
    html! {
        @if leak.critical {
            span.level.critical { "Critical" }
        } @else {
            span class={ "level " (leak.level.as_str()) } { (leak.level.label()) }
        }
    }
}

/// The score, and what is left of it.
pub(super) fn score(leak: &Leak) -> Markup {
    html! {
        span.score {
            @if leak.residual == leak.score {
                b { (leak.score) }
            } @else {
                s { (leak.score) } span.hidden { " under its patch " } " " b { (leak.residual) }
            }
        }
    }
}

/// A way through the list: what the script shows when a filter is on.
pub(super) fn toolbar(open: u64) -> Markup {
    html! {
        div.toolbar hidden {
            p.status role="status" { (words::count(open, "open leak", "open leaks")) }
            div.chips role="group" aria-label="Filters" {}
        }
    }
}

/// A leak's groups, as `data-in` of what the filters hide.
pub(super) fn groups(keys: &Keys) -> String {
    format!(
        "level:{} {} target:{} time:{}",
        keys.level,
        keys.sources
            .split(' ')
            .filter(|key| !key.is_empty())
            .map(|key| format!("source:{key}"))
            .collect::<Vec<_>>()
            .join(" "),
        keys.target,
        keys.time
    )
}

/// A link to a page on the web; anything else is text.
pub(super) fn link(address: &str) -> Markup {
    let clear = shown(address);
    html! {
        @if address.starts_with("https://") && clear == address {
            a href=(address) rel="noreferrer noopener" { (address) }
        } @else {
            bdi { (clear) }
        }
    }
}
