//! The totals, computed here and nowhere else: every output prints these.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::snapshot::{Consequence, Leak, Level, Mode, Status};

/// What a target is called where none is known.
pub(crate) const NO_TARGET: &str = "";

/// Totals of leaks. Levels, sources, targets and protection are those of open leaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// All leaks.
    pub leaks: u64,
    /// Those that are open.
    pub opened: u64,
    /// Those that were closed.
    pub closed: u64,
    /// Those that were marked false.
    #[serde(rename = "false")]
    pub marked_false: u64,
    /// The tokens of open leaks.
    pub tokens: u64,
    /// Open leaks of level High, the critical ones among them.
    pub high: u64,
    /// Open leaks of level Medium.
    pub medium: u64,
    /// Open leaks of level Low.
    pub low: u64,
    /// Open leaks of level Informational.
    pub informational: u64,
    /// Open leaks that are critical.
    pub critical: u64,
    /// Open leaks whose use every enrolled node refuses.
    pub protected: u64,
    /// Open leaks of level High whose use every enrolled node refuses.
    pub high_protected: u64,
    /// Open leaks whose patch is to block, whether or not every node confirms.
    pub blocked: u64,
    /// Open leaks whose patch is to monitor.
    pub monitored: u64,
    /// Open leaks without a patch.
    pub unpatched: u64,
    /// Attempts to use tokens of any of the leaks.
    pub attempts: u64,
    /// Attempts that an API accepted.
    pub accepted: u64,
    /// Leaks that were found first since the start of the period.
    pub found_recently: u64,
    /// Leaks that were closed since then.
    pub closed_recently: u64,
    /// Leaks that were marked false since then.
    pub false_recently: u64,
    /// Open leaks whose patch was decided since then.
    pub patched_recently: u64,
    /// Open leaks by consequence.
    pub consequences: Vec<Count>,
    /// Open leaks by kind of source. A leak with sources of two kinds counts in both.
    pub sources: Vec<Count>,
    /// Open leaks by target; those without a known target under the empty name.
    pub targets: Vec<Count>,
}

/// How many there are of something. Lists of them have the largest first, then go by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// What is counted.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl Totals {
    /// The totals of `leaks`; what lies at `since` or behind it is recent.
    pub fn of(leaks: &[Leak], since: i64) -> Totals {
        let mut totals = Totals::default();
        for leak in leaks {
            totals.add(leak, since);
        }
        let open = || leaks.iter().filter(|leak| leak.is_open());
        totals.consequences = counted(open().map(|leak| leak.consequence.as_str()));
        totals.targets = counted(open().map(|leak| leak.target.as_deref().unwrap_or(NO_TARGET)));
        totals.sources = counted(open().flat_map(Leak::source_kinds));
        totals
    }

    /// The open leaks of a level.
    pub fn level(&self, level: Level) -> u64 {
        match level {
            Level::High => self.high,
            Level::Medium => self.medium,
            Level::Low => self.low,
            Level::Informational => self.informational,
        }
    }

    /// The open leaks with a consequence.
    pub fn consequence(&self, consequence: Consequence) -> u64 {
        let count = self.consequences.iter().find(|count| count.name == consequence.as_str());
        count.map_or(0, |count| count.count)
    }

    /// The plain figures with their names, in the order in which outputs list them.
    pub fn figures(&self) -> [(&'static str, &'static str, u64); 21] {
        [
            ("leaks", "Leaks", self.leaks),
            ("opened", "Open", self.opened),
            ("closed", "Closed", self.closed),
            ("false", "False", self.marked_false),
            ("tokens", "Tokens of open leaks", self.tokens),
            ("high", "Open, High", self.high),
            ("medium", "Open, Medium", self.medium),
            ("low", "Open, Low", self.low),
            ("informational", "Open, Informational", self.informational),
            ("critical", "Open, critical", self.critical),
            ("protected", "Open, protected", self.protected),
            ("high_protected", "Open, High, protected", self.high_protected),
            ("blocked", "Open, patch blocks", self.blocked),
            ("monitored", "Open, patch monitors", self.monitored),
            ("unpatched", "Open, no patch", self.unpatched),
            ("attempts", "Attempts", self.attempts),
            ("accepted", "Attempts accepted", self.accepted),
            ("found_recently", "Found in the period", self.found_recently),
            ("closed_recently", "Closed in the period", self.closed_recently),
            ("false_recently", "Marked false in the period", self.false_recently),
            ("patched_recently", "Patched in the period", self.patched_recently),
        ]
    }

    fn add(&mut self, leak: &Leak, since: i64) {
        self.leaks += 1;
        self.attempts = self.attempts.saturating_add(leak.attempts.count);
        self.accepted = self.accepted.saturating_add(leak.attempts.accepted);
        self.found_recently += u64::from(leak.first_seen >= since);
        let recent = u64::from(leak.status_since >= since);
        match leak.status {
            Status::Opened => self.add_open(leak, since),
            Status::Closed => {
                self.closed += 1;
                self.closed_recently += recent;
            }
            Status::False => {
                self.marked_false += 1;
                self.false_recently += recent;
            }
        }
    }

    fn add_open(&mut self, leak: &Leak, since: i64) {
        self.opened += 1;
        self.tokens += leak.tokens.len() as u64;
        *match leak.level {
            Level::High => &mut self.high,
            Level::Medium => &mut self.medium,
            Level::Low => &mut self.low,
            Level::Informational => &mut self.informational,
        } += 1;
        self.critical += u64::from(leak.critical);
        self.protected += u64::from(leak.is_protected());
        self.high_protected += u64::from(leak.is_protected() && leak.level == Level::High);
        *match leak.patch.as_ref().map(|patch| patch.mode) {
            Some(Mode::Block) => &mut self.blocked,
            Some(Mode::Monitor) => &mut self.monitored,
            None => &mut self.unpatched,
        } += 1;
        let decided = leak.patch.as_ref().is_some_and(|patch| patch.since >= since);
        self.patched_recently += u64::from(decided);
    }
}

impl Leak {
    /// The kinds of its sources, each one once.
    pub(crate) fn source_kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = self.sources.iter().map(|source| source.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

fn counted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Count> {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<Count> =
        counts.into_iter().map(|(name, count)| Count { name: name.to_owned(), count }).collect();
    counts.sort_unstable_by(|a, b| (Reverse(a.count), &a.name).cmp(&(Reverse(b.count), &b.name)));
    counts
}
