//! The prioritized report: what to do first, why, and how.

use maud::{Markup, html};

use super::{diagram, parts};
use crate::facet::Facets;
use crate::priority::{Item, Urgency, prioritize};
use crate::shown::shown;
use crate::snapshot::{Leak, Snapshot};
use crate::words;

pub(super) fn body(snapshot: &Snapshot) -> Markup {
    let items = prioritize(snapshot);
    let facets = Facets::of(snapshot);
    html! {
        (parts::strip(snapshot, &[
            ("opened", "leaks open"),
            ("high", "of high risk"),
            ("critical", "of those critical"),
            ("high_protected", "high risk, blocked"),
            ("unpatched", "without a patch"),
            ("attempts", "attempts seen"),
        ]))
        (diagram::all(&facets))
        (parts::toolbar(snapshot.totals.opened))
        @for urgency in Urgency::ALL {
            (band(snapshot, *urgency, &items, &facets))
        }
        (parts::ratings(snapshot))
        (parts::totals(snapshot))
    }
}

fn band(snapshot: &Snapshot, urgency: Urgency, items: &[Item], facets: &Facets) -> Markup {
    let all: Vec<(&Item, &Leak)> = items
        .iter()
        .filter(|item| item.urgency == urgency)
        .filter_map(|item| Some((item, snapshot.leak(item.leak)?)))
        .collect();
    html! {
        @if !all.is_empty() {
            section.band data-band {
                h2 { (urgency.label()) }
                p.small { (urgency.meaning()) }
                ol.order {
                    @for (item, leak) in all {
                        li id={ "leak-" (leak.id) } data-row=(leak.id) data-in=(parts::groups(&facets.keys(leak))) {
                            (entry(snapshot, item, leak))
                        }
                    }
                }
            }
        }
    }
}

fn entry(snapshot: &Snapshot, item: &Item, leak: &Leak) -> Markup {
    html! {
        p.rank { (item.rank) }
        div {
            p.what {
                bdi { (shown(&leak.in_words())) } " " (parts::level(leak)) " " (parts::score(leak))
            }
            p { (item.reason) " " (words::protection(leak, snapshot.nodes)) "." }
            p.step {
                b { "Next: " } (shown(&item.step)) "."
                @if let Some(address) = &item.link { " " (parts::link(address)) }
            }
            p.small { "Leak " (leak.id) }
        }
    }
}
