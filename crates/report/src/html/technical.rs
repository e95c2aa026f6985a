//! The technical report: every leak with all that is known of it.

use maud::{Markup, html};

use super::{diagram, parts};
use crate::facet::Facets;
use crate::priority::prioritize;
use crate::shown::shown;
use crate::snapshot::{Bound, Explanation, Leak, Snapshot};
use crate::words;

pub(super) fn body(snapshot: &Snapshot) -> Markup {
    let facets = Facets::of(snapshot);
    let open: Vec<&Leak> =
        prioritize(snapshot).iter().filter_map(|item| snapshot.leak(item.leak)).collect();
    let settled: Vec<&Leak> = snapshot.leaks.iter().filter(|leak| !leak.is_open()).collect();
    html! {
        (parts::strip(snapshot, &[
            ("opened", "leaks open"),
            ("high", "of high risk"),
            ("critical", "of those critical"),
            ("tokens", "tokens"),
            ("protected", "blocked"),
            ("attempts", "attempts seen"),
        ]))
        (diagram::all(&facets))
        section.list {
            h2 { "Open leaks" }
            (parts::toolbar(snapshot.totals.opened))
            (list(snapshot, &open, &facets))
        }
        section.dossiers {
            @for leak in &open { (dossier(snapshot, leak, &facets)) }
        }
        @if !settled.is_empty() { (settled_list(&settled)) }
        (parts::ratings(snapshot))
        (parts::totals(snapshot))
    }
}

fn list(snapshot: &Snapshot, open: &[&Leak], facets: &Facets) -> Markup {
    html! {
        table.leaks {
            thead { tr {
                th.number scope="col" data-sort="number" { "Leak" }
                th scope="col" data-sort="text" { "What" }
                th.number scope="col" data-sort="number" { "Score" }
                th scope="col" data-sort="number" { "Risk" }
                th scope="col" data-sort="text" { "Source" }
                th scope="col" data-sort="number" { "First seen" }
                th scope="col" data-sort="text" { "Protection" }
                th.number scope="col" data-sort="number" { "Attempts" }
            } }
            tbody {
                @for leak in open {
                    tr data-row=(leak.id) data-in=(parts::groups(&facets.keys(leak))) {
                        td.number data-value=(leak.id) { a href={ "#leak-" (leak.id) } { (leak.id) } }
                        td.what {
                            bdi { (shown(&leak.classes().join(", "))) }
                            @if let Some(target) = &leak.target { span.small { bdi { (shown(target)) } } }
                        }
                        td.number data-value=(leak.score) { (parts::score(leak)) }
                        td data-value=(leak.score) { (parts::level(leak)) }
                        td {
                            @let kinds: Vec<String> = leak.source_kinds().iter().map(|kind| words::title(&shown(kind))).collect();
                            (kinds.join(", "))
                        }
                        td.date data-value=(leak.first_seen) { (words::day(leak.first_seen)) }
                        td { (words::protection(leak, snapshot.nodes)) }
                        td.number data-value=(leak.attempts.count) { (words::grouped(leak.attempts.count)) }
                    }
                }
            }
        }
        @if open.is_empty() { p { "No leak is open." } }
    }
}

fn dossier(snapshot: &Snapshot, leak: &Leak, facets: &Facets) -> Markup {
    html! {
        article id={ "leak-" (leak.id) } data-in=(parts::groups(&facets.keys(leak))) {
            header {
                p.small { "Leak " (leak.id) }
                h3 { bdi { (shown(&leak.in_words())) } " " (parts::level(leak)) }
                p {
                    (leak.consequence.label()) ": a stranger can " (words::harm(leak.consequence)) ". "
                    (words::protection(leak, snapshot.nodes)) ". First seen " (words::moment(leak.first_seen))
                    ", last seen " (words::moment(leak.last_seen)) ". "
                    (words::count(leak.history, "entry", "entries")) " in its history."
                }
            }
            div.columns {
                div { (tokens(leak)) (sources(leak)) (places(leak)) }
                div { (explanation(leak)) (checklist(leak)) }
            }
        }
    }
}

fn tokens(leak: &Leak) -> Markup {
    html! {
        h4 { "Tokens" }
        ul.tokens {
            @for token in &leak.tokens {
                li {
                    code { bdi { (shown(&token.preview)) } } " " bdi { (shown(&token.class)) }
                    span.small {
                        bdi { (shown(&token.provider)) } ", privilege " (shown(&words::spoken(&token.privilege)))
                        ", environment " (shown(&token.environment)) ", " (shown(&token.validity))
                        ", rotation " (shown(&words::spoken(&token.rotation))) ", confidence " (shown(&token.confidence))
                    }
                }
            }
        }
    }
}

fn sources(leak: &Leak) -> Markup {
    html! {
        h4 { "Found in" }
        @if leak.sources.is_empty() { p.small { "No place is known." } }
        ul.sources {
            @for source in &leak.sources {
                li {
                    code { bdi { (shown(&source.locator())) } }
                    span.small { (words::title(&shown(&source.kind))) ", exposed " (source.channel.label()) }
                }
            }
        }
    }
}

fn places(leak: &Leak) -> Markup {
    let attempts = &leak.attempts;
    html! {
        h4 { "Use" }
        p {
            @if attempts.count == 0 {
                "No attempt to use it was seen."
            } @else {
                (words::count(attempts.count, "attempt", "attempts")) ", " (words::grouped(attempts.accepted)) " accepted"
                @if let Some(last) = attempts.last { ", the last one " (words::moment(last)) }
                "."
            }
        }
        @if !leak.places.is_empty() {
            ul.places {
                @for place in &leak.places {
                    li.done[place.done] {
                        (tick(place.done))
                        code { bdi { (shown(&place.request())) } }
                        span.small {
                            bdi { (shown(&place.inside())) }
                            @if let Some(client) = &place.client { ", client " bdi { (shown(client)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The score as a sum that a reader can add up.
fn explanation(leak: &Leak) -> Markup {
    let Explanation { terms, floor, cap } = &leak.explanation;
    let bound = |name: &str, bound: &Option<Bound>| {
        html! {
            @if let Some(bound) = bound {
                tr.bound { th scope="row" { (name) } td { (shown(&bound.reason)) } td.number { (bound.points) } }
            }
        }
    };
    html! {
        h4 { "Score" }
        table.sum {
            tbody {
                @for term in terms {
                    tr {
                        th scope="row" { (words::title(&shown(&term.factor))) }
                        td { (shown(&words::spoken(&term.value))) }
                        td.number { (term.points) }
                    }
                }
                tr.line { th scope="row" { "Sum" } td {} td.number { (leak.explanation.sum()) } }
                (bound("At least", floor))
                (bound("At most", cap))
            }
            tfoot {
                tr { th scope="row" { "Score" } td { (parts::level(leak)) } td.number { (leak.score) } }
                @if leak.residual != leak.score {
                    tr.bound { th scope="row" { "Residual" } td { "blocked at every node" } td.number { (leak.residual) } }
                }
            }
        }
    }
}

fn checklist(leak: &Leak) -> Markup {
    html! {
        @if !leak.checklist.is_empty() {
            h4 { "Checklist" }
            ol.checklist {
                @for step in &leak.checklist {
                    li.done[step.done] {
                        (tick(step.done))
                        (shown(&step.text))
                        @if let Some(address) = &step.link { span.small { (parts::link(address)) } }
                    }
                }
            }
        }
    }
}

fn tick(done: bool) -> Markup {
    html! {
        @if done {
            span.tick role="img" aria-label="done" { "☑" }
        } @else {
            span.tick role="img" aria-label="to do" { "☐" }
        }
    }
}

fn settled_list(settled: &[&Leak]) -> Markup {
    html! {
        section.settled {
            h2 { "Settled leaks" }
            table.leaks {
                thead { tr {
                    th.number scope="col" { "Leak" }
                    th scope="col" { "What" }
                    th scope="col" { "Status" }
                    th scope="col" { "Since" }
                    th.number scope="col" { "Score" }
                    th scope="col" { "First place" }
                } }
                tbody {
                    @for leak in settled {
                        tr data-settled=(leak.id) {
                            td.number { (leak.id) }
                            td.what { bdi { (shown(&leak.in_words())) } }
                            td { (leak.status.label()) }
                            td.date { (words::day(leak.status_since)) }
                            td.number { (leak.score) }
                            td { @if let Some(source) = leak.sources.first() { code { bdi { (shown(&source.locator())) } } } }
                        }
                    }
                }
            }
        }
    }
}
