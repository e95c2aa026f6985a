//! The executive report: one page, in words of business.

use maud::{Markup, html};

use super::{diagram, parts};
use crate::facet::Facets;
use crate::shown::shown;
use crate::snapshot::Snapshot;
use crate::summary::Summary;
use crate::words;

pub(super) fn body(snapshot: &Snapshot) -> Markup {
    let summary = Summary::of(snapshot);
    let facets = Facets::of(snapshot);
    let [levels, ..] = &facets.bars;
    html! {
        (parts::ratings(snapshot))
        (parts::strip(snapshot, &[
            ("opened", "leaks open"),
            ("high", "of high risk"),
            ("high_protected", "of those blocked"),
            ("unpatched", "without a patch"),
            ("attempts", "attempts seen"),
            ("accepted", "of those accepted"),
        ]))
        p.period { (words::changes(snapshot)) }
        div.pair {
            div {
                (diagram::figure(levels, diagram::bars(levels, diagram::NARROW)))
                (diagram::figure(&facets.time, diagram::columns(&facets.time, diagram::NARROW)))
            }
            section {
                h2 { "What strangers could do" }
                table.plain {
                    thead { tr {
                        th scope="col" { "Consequence" }
                        th.number scope="col" { "Open" }
                        th.number scope="col" { "High" }
                        th.number scope="col" { "Blocked" }
                    } }
                    tbody {
                        @for share in &summary.consequences {
                            tr {
                                th scope="row" {
                                    (share.consequence.label())
                                    span.small { (words::title(words::harm(share.consequence))) }
                                }
                                td.number { (words::grouped(share.open)) }
                                td.number { (words::grouped(share.high)) }
                                td.number { (words::grouped(share.high_protected)) }
                            }
                        }
                    }
                }
                p.small { "Blocked: every enrolled node refuses the token." }
            }
        }
        section.risks {
            h2 { "Top risks" }
            @if summary.risks.is_empty() { p { "No leak is open." } }
            ol {
                @for risk in &summary.risks {
                    li {
                        p.what {
                            bdi { (shown(&risk.what)) } " "
                            @if risk.critical {
                                span.level.critical { "Critical" }
                            } @else {
                                span class={ "level " (risk.level.as_str()) } { (risk.level.label()) }
                            }
                        }
                        p { (risk.why) " " b { (risk.protection) "." } }
                    }
                }
            }
        }
    }
}
