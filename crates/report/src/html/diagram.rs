//! Diagrams as inline SVG. Each element names its facet and group; the script makes it a button.

use maud::{Markup, html};

use crate::facet::{Facet, Facets, Group};
use crate::words;

/// How wide bars are that stand three abreast, and what else measures them.
pub(super) const SLIM: f64 = 308.0;
/// Where the bars begin.
const LABEL: f64 = 146.0;
/// What a bar leaves for its count.
const COUNT: f64 = 46.0;
const ROW: f64 = 26.0;

/// How wide columns are, and those beside a table; and what else measures them.
pub(super) const WIDE: f64 = 880.0;
pub(super) const NARROW: f64 = 400.0;
const HIGH: f64 = 96.0;
const BASE: f64 = 120.0;

/// How many characters a label shows.
const LETTERS: usize = 21;

/// All diagrams of a list.
pub(super) fn all(facets: &Facets) -> Markup {
    html! {
        section.diagrams aria-label="Open leaks in diagrams" {
            p.hint hidden { "Choose a bar or a column to filter the list." }
            div.bars {
                @for facet in &facets.bars { (figure(facet, bars(facet, SLIM))) }
            }
            (figure(&facets.time, columns(&facets.time, WIDE)))
        }
    }
}

/// One diagram with its title.
pub(super) fn figure(facet: &Facet, picture: Markup) -> Markup {
    html! {
        figure class={ "facet " (facet.key) "s" } {
            figcaption { (facet.title) }
            (picture)
            @if let Some(note) = &facet.note { p.small { (note) } }
        }
    }
}

/// Horizontal bars, over so many units.
pub(super) fn bars(facet: &Facet, wide: f64) -> Markup {
    let most = facet.groups.iter().map(|group| group.count).max().unwrap_or(0).max(1);
    let longest = wide - LABEL - COUNT;
    let unit = longest / most as f64;
    let height = ROW * facet.groups.len().max(1) as f64;
    html! {
        svg viewBox={ "0 0 " (wide) " " (height) } role="group" aria-label=(facet.title)
            data-facet=(facet.key) data-title=(facet.title) data-unit=(measure(unit)) {
            @for (at, group) in facet.groups.iter().enumerate() {
                @let top = ROW * at as f64;
                g class=(class(facet, group)) data-key=(group.key) data-label=(group.label) data-count=(group.count) {
                    (name(group))
                    rect.hit x="0" y=(measure(top)) width=(wide) height=(ROW) rx="4" {}
                    text.label x="6" y=(measure(top + 17.5)) { (short(&group.label)) }
                    rect.track x=(LABEL) y=(measure(top + 8.0)) width=(measure(longest)) height="10" rx="1.5" {}
                    rect.bar x=(LABEL) y=(measure(top + 8.0)) width=(measure(unit * group.count as f64)) height="10" rx="1.5" {}
                    text.count x=(wide - 6.0) y=(measure(top + 17.5)) text-anchor="end" { (words::grouped(group.count)) }
                }
            }
        }
    }
}

/// Vertical columns, over so many units.
pub(super) fn columns(facet: &Facet, wide: f64) -> Markup {
    let most = facet.groups.iter().map(|group| group.count).max().unwrap_or(0).max(1);
    let unit = HIGH / most as f64;
    let step = wide / facet.groups.len().max(1) as f64;
    let last = facet.groups.len().saturating_sub(1);
    html! {
        svg viewBox={ "0 0 " (wide) " 142" } role="group" aria-label=(facet.title)
            data-facet=(facet.key) data-title=(facet.title) data-unit=(measure(unit)) data-base=(BASE) {
            line.axis x1="0" y1=(BASE + 0.5) x2=(wide) y2=(BASE + 0.5) {}
            @for (at, group) in facet.groups.iter().enumerate() {
                @let left = step * at as f64;
                @let tall = unit * group.count as f64;
                g class=(class(facet, group)) data-key=(group.key) data-label=(group.label) data-count=(group.count) {
                    (name(group))
                    rect.hit x=(measure(left)) y="4" width=(measure(step)) height=(BASE - 4.0) rx="3" {}
                    rect.bar x=(measure(left + step * 0.16)) y=(measure(BASE - tall)) width=(measure(step * 0.68)) height=(measure(tall)) rx="1.5" {}
                    text.count x=(measure(left + step / 2.0)) y=(measure(BASE - tall - 6.0)) text-anchor="middle" {
                        @if group.count > 0 { (words::grouped(group.count)) }
                    }
                }
                @if let Some(tick) = &group.tick {
                    @if at == 0 {
                        text.tick x="0" y="138" { (tick) }
                    } @else if at == last {
                        text.tick x=(wide) y="138" text-anchor="end" { (tick) }
                    } @else if at == last / 2 {
                        text.tick x=(measure(left + step / 2.0)) y="138" text-anchor="middle" { (tick) }
                    }
                }
            }
        }
    }
}

/// What an element is called: its group and how many leaks it holds.
fn name(group: &Group) -> Markup {
    html! { title { (group.label) ": " (words::count(group.count, "open leak", "open leaks")) } }
}

fn class(facet: &Facet, group: &Group) -> String {
    let colour = if facet.key == "level" { &group.key } else { "plain" };
    match group.count {
        0 => format!("{colour} empty"),
        _ => format!("{colour} pick"),
    }
}

fn short(label: &str) -> String {
    if label.chars().count() <= LETTERS {
        return label.to_owned();
    }
    label.chars().take(LETTERS - 1).chain(['…']).collect()
}

/// A length with one decimal.
fn measure(length: f64) -> String {
    format!("{length:.1}")
}
