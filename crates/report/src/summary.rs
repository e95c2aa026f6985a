//! What the executive report says, before it is HTML or Markdown.

use serde::Serialize;

use crate::priority::prioritize;
use crate::snapshot::{Consequence, Leak, Level, Snapshot};
use crate::words;

/// How many risks are named.
const RISKS: usize = 5;

/// The executive report's sentences and figures.
#[derive(Serialize)]
pub(crate) struct Summary {
    /// The state of things.
    pub(crate) headline: String,
    /// The leaks of each consequence.
    pub(crate) consequences: Vec<Share>,
    /// The greatest risks, by what their residual scores leave.
    pub(crate) risks: Vec<Risk>,
}

/// The open leaks with one consequence.
#[derive(Serialize)]
pub(crate) struct Share {
    pub(crate) consequence: Consequence,
    /// How many are open.
    pub(crate) open: u64,
    /// How many of those are of level High.
    pub(crate) high: u64,
    /// How many of those are protected.
    pub(crate) high_protected: u64,
    /// The worst residual score.
    pub(crate) worst: u8,
}

/// One risk in words of business.
#[derive(Serialize)]
pub(crate) struct Risk {
    pub(crate) leak: u64,
    pub(crate) consequence: Consequence,
    pub(crate) level: Level,
    pub(crate) critical: bool,
    /// What was leaked, of whom.
    pub(crate) what: String,
    /// What follows, and where it is exposed.
    pub(crate) why: String,
    /// What protects.
    pub(crate) protection: String,
}

impl Summary {
    pub(crate) fn of(snapshot: &Snapshot) -> Summary {
        let risk = |item: &crate::Item| {
            let leak = snapshot.leak(item.leak)?;
            Some(Risk {
                leak: leak.id,
                consequence: leak.consequence,
                level: leak.level,
                critical: leak.critical,
                what: leak.in_words(),
                why: item.reason.clone(),
                protection: words::protection(leak, snapshot.nodes),
            })
        };
        Summary {
            headline: words::headline(snapshot),
            consequences: Consequence::ALL.iter().map(|one| Share::of(snapshot, *one)).collect(),
            risks: prioritize(snapshot).iter().filter_map(risk).take(RISKS).collect(),
        }
    }
}

impl Share {
    fn of(snapshot: &Snapshot, consequence: Consequence) -> Share {
        let all = || snapshot.open().filter(move |leak| leak.consequence == consequence);
        let high = || all().filter(|leak| leak.level == Level::High);
        Share {
            consequence,
            open: snapshot.totals.consequence(consequence),
            high: high().count() as u64,
            high_protected: high().filter(|leak| leak.is_protected()).count() as u64,
            worst: all().map(|leak| leak.residual).max().unwrap_or(0),
        }
    }
}

impl Leak {
    /// What was leaked, without a place: `Stripe secret key and 2 more of payments.example`.
    pub(crate) fn in_words(&self) -> String {
        let mut text = self.tokens.first().map_or("", |token| token.class.as_str()).to_owned();
        if self.tokens.len() > 1 {
            text.push_str(&format!(" and {} more", self.tokens.len() - 1));
        }
        if let Some(target) = &self.target {
            text.push_str(&format!(" of {target}"));
        }
        text
    }
}
