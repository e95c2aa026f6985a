//! What to do first.

use std::cmp::Reverse;

use serde::Serialize;

use crate::snapshot::{Leak, Level, Snapshot};
use crate::words;

/// An open leak in the order in which leaks should be settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its place in the order, from 1.
    pub rank: u64,
    /// The leak's number.
    pub leak: u64,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Why it stands where it stands, in sentences. It names no place and no token.
    pub reason: String,
    /// What to do next, as a sentence without a full stop.
    pub step: String,
    /// The page where that is done.
    pub link: Option<String>,
}

/// How urgent a leak is, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// High risk, and its use is not refused everywhere.
    Now,
    /// Medium risk, and its use is not refused everywhere.
    Next,
    /// High or medium risk, but its use is refused everywhere: there is time to replace the token.
    Held,
    /// Low risk or less.
    Later,
}

/// The open leaks in the order in which they should be settled: by urgency, then by what their
/// residual score leaves, by the score, by attempts that were accepted and that were seen, and the
/// longest exposed first.
pub fn prioritize(snapshot: &Snapshot) -> Vec<Item> {
    let mut open: Vec<&Leak> = snapshot.open().collect();
    open.sort_by_key(|leak| {
        let scores = (Reverse(leak.residual), Reverse(leak.score));
        let attempts = (Reverse(leak.attempts.accepted), Reverse(leak.attempts.count));
        (Urgency::of(leak), scores, attempts, leak.first_seen, leak.id)
    });
    let item = |(rank, leak): (u64, &Leak)| {
        let (step, link) = next_step(leak, snapshot.nodes);
        Item {
            rank,
            leak: leak.id,
            urgency: Urgency::of(leak),
            reason: reason(leak, snapshot.at),
            step,
            link,
        }
    };
    (1..).zip(open).map(item).collect()
}

impl Urgency {
    /// All of them.
    pub const ALL: &[Urgency] = &[Urgency::Now, Urgency::Next, Urgency::Held, Urgency::Later];

    /// The urgency of an open leak.
    pub fn of(leak: &Leak) -> Urgency {
        match leak.level {
            Level::High | Level::Medium if leak.is_protected() => Urgency::Held,
            Level::High => Urgency::Now,
            Level::Medium => Urgency::Next,
            Level::Low | Level::Informational => Urgency::Later,
        }
    }

    /// What a person reads.
    pub fn label(self) -> &'static str {
        match self {
            Urgency::Now => "Now",
            Urgency::Next => "Next",
            Urgency::Held => "Held by a patch",
            Urgency::Later => "Later",
        }
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Urgency::Now => "High risk, and nothing stops its use everywhere.",
            Urgency::Next => "Medium risk, and nothing stops its use everywhere.",
            Urgency::Held => "Every node refuses its use: there is time to replace the token.",
            Urgency::Later => "Low risk: settle it when there is time.",
        }
    }
}

/// Why a leak is as urgent as it is.
fn reason(leak: &Leak, now: i64) -> String {
    let mut text = format!(
        "A stranger can {}. Exposed {}",
        words::harm(leak.consequence),
        leak.channel.label()
    );
    match now.saturating_sub(leak.first_seen).max(0) as u64 / 86_400 {
        0 => text.push_str(" since today."),
        days => text.push_str(&format!(" for {}.", words::count(days, "day", "days"))),
    }
    let attempts = &leak.attempts;
    if attempts.count > 0 {
        let seen = words::count(attempts.count, "attempt", "attempts");
        let verb = if attempts.count == 1 { "was" } else { "were" };
        text.push_str(&format!(" {seen} to use it {verb} seen"));
        text.push_str(&match attempts.accepted {
            0 => ", none accepted.".to_owned(),
            accepted => format!(", {} accepted.", words::grouped(accepted)),
        });
    }
    text
}

/// The first step that is not done. A patch comes before it where one is possible and missing.
fn next_step(leak: &Leak, nodes: u64) -> (String, Option<String>) {
    let Some(step) = leak.checklist.iter().find(|step| !step.done) else {
        let text = match leak.checklist.is_empty() {
            true => "Revoke the token where it was issued, and replace it where it is used",
            false => "Close the leak: every step is done",
        };
        return (text.to_owned(), None);
    };
    let stranger = leak.tokens.iter().all(|token| token.issuer == "stranger");
    if leak.patch.is_none() && nodes > 0 && !stranger {
        return (format!("Patch it to block. Then: {}", step.text), step.link.clone());
    }
    (step.text.clone(), step.link.clone())
}
