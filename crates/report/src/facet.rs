//! The open leaks in groups: by risk level, by kind of source, by target, and over time. The
//! diagrams draw them, and the list of leaks is filtered by them.

use std::collections::HashMap;

use crate::shown::shown;
use crate::snapshot::{Leak, Level, Snapshot};
use crate::totals::{Count, NO_TARGET};
use crate::words;

/// How many targets and kinds of source have a group of their own; the others share one.
const LARGEST: usize = 8;

/// How many columns the time takes at least and at most.
const COLUMNS: std::ops::RangeInclusive<i64> = 14..=36;

const DAY: i64 = 86_400;

/// One way to group the open leaks.
pub(crate) struct Facet {
    /// Its key: `level`.
    pub(crate) key: &'static str,
    /// Its title: `Risk level`.
    pub(crate) title: &'static str,
    /// What a reader must know about the counts.
    pub(crate) note: Option<String>,
    /// Its groups in order.
    pub(crate) groups: Vec<Group>,
}

/// One group.
pub(crate) struct Group {
    /// Its key in the facet, made of letters, digits and `-`.
    pub(crate) key: String,
    /// Its name, fit to be shown.
    pub(crate) label: String,
    /// How many open leaks belong to it.
    pub(crate) count: u64,
    /// What stands below its column.
    pub(crate) tick: Option<String>,
}

/// All facets of a snapshot.
pub(crate) struct Facets {
    /// By risk level, kind of source and target.
    pub(crate) bars: [Facet; 3],
    /// Over time.
    pub(crate) time: Facet,
    sources: HashMap<String, String>,
    targets: HashMap<String, String>,
    columns: Columns,
}

/// The groups that a leak belongs to.
pub(crate) struct Keys {
    pub(crate) level: &'static str,
    /// Separated by spaces.
    pub(crate) sources: String,
    pub(crate) target: String,
    pub(crate) time: String,
}

impl Facets {
    pub(crate) fn of(snapshot: &Snapshot) -> Facets {
        let totals = &snapshot.totals;
        let level = |level: &Level| Group {
            key: level.as_str().to_owned(),
            label: level.label().to_owned(),
            count: totals.level(*level),
            tick: None,
        };
        let levels = Facet {
            key: "level",
            title: "Risk level",
            note: None,
            groups: Level::ALL.iter().map(level).collect(),
        };
        let (mut sources, source_keys) =
            largest("source", "Kind of source", &totals.sources, |kind| words::title(&shown(kind)));
        if let Some(rest) = sources.groups.iter_mut().find(|group| group.key == OTHERS) {
            // A leak can have several of the small kinds.
            let small = |leak: &&Leak| {
                leak.source_kinds()
                    .iter()
                    .any(|kind| source_keys.get(*kind).is_none_or(|key| key == OTHERS))
            };
            rest.count = snapshot.open().filter(small).count() as u64;
        }
        let several = snapshot.open().filter(|leak| leak.source_kinds().len() > 1).count() as u64;
        sources.note = (several > 0).then(|| {
            format!(
                "{} found in several kinds of source.",
                words::count(several, "leak was", "leaks were")
            )
        });
        let (targets, target_keys) =
            largest("target", "Target", &totals.targets, |name| match name {
                NO_TARGET => "No target known".to_owned(),
                name => shown(name).into_owned(),
            });
        let columns = Columns::of(snapshot);
        let time = columns.facet(snapshot);
        Facets {
            bars: [levels, sources, targets],
            time,
            sources: source_keys,
            targets: target_keys,
            columns,
        }
    }

    /// The groups that an open leak belongs to.
    pub(crate) fn keys(&self, leak: &Leak) -> Keys {
        let key = |keys: &HashMap<String, String>, name: &str| {
            keys.get(name).map_or(OTHERS, String::as_str).to_owned()
        };
        let mut sources: Vec<String> =
            leak.source_kinds().into_iter().map(|kind| key(&self.sources, kind)).collect();
        sources.sort_unstable();
        sources.dedup();
        Keys {
            level: leak.level.as_str(),
            sources: sources.join(" "),
            target: key(&self.targets, leak.target.as_deref().unwrap_or(NO_TARGET)),
            time: self.columns.key(leak.first_seen),
        }
    }
}

/// The key of the group of those that have none of their own.
const OTHERS: &str = "others";

/// A facet of counts: the largest, and the others together.
fn largest(
    key: &'static str,
    title: &'static str,
    counts: &[Count],
    label: impl Fn(&str) -> String,
) -> (Facet, HashMap<String, String>) {
    // A group of others that holds one is no help.
    let own = if counts.len() > LARGEST + 1 { LARGEST } else { counts.len() };
    let (large, small) = counts.split_at(own);
    let mut keys = HashMap::new();
    let mut groups = Vec::new();
    for (at, count) in large.iter().enumerate() {
        let key = format!("{key}-{at}");
        keys.insert(count.name.clone(), key.clone());
        groups.push(Group { key, label: label(&count.name), count: count.count, tick: None });
    }
    if !small.is_empty() {
        let count = small.iter().map(|count| count.count).sum();
        let label = format!("{} others", words::grouped(small.len() as u64));
        groups.push(Group { key: OTHERS.to_owned(), label, count, tick: None });
    }
    (Facet { key, title, note: None, groups }, keys)
}

/// The columns of the time: each so many days wide, the last one ends with the snapshot's day.
struct Columns {
    /// The first second behind the last column.
    end: i64,
    /// In seconds.
    width: i64,
    count: i64,
}

impl Columns {
    fn of(snapshot: &Snapshot) -> Columns {
        let end = snapshot.at.div_euclid(DAY).saturating_add(1).saturating_mul(DAY);
        let first = snapshot.open().map(|leak| leak.first_seen).min().unwrap_or(snapshot.at);
        let span = end.saturating_sub(first).max(1);
        let fits = |days: &i64| span.div_euclid(days * DAY) < *COLUMNS.end();
        // Older leaks than the widest columns hold share the first one.
        let width = [1, 7, 28, 91, 364].into_iter().find(fits).unwrap_or(364) * DAY;
        let needed = span.div_euclid(width).saturating_add(1);
        Columns { end, width, count: needed.clamp(*COLUMNS.start(), *COLUMNS.end()) }
    }

    /// How many columns before the last one a time lies.
    fn back(&self, at: i64) -> i64 {
        let before = self.end.saturating_sub(1).saturating_sub(at).max(0);
        before.div_euclid(self.width).min(self.count - 1)
    }

    fn start(&self, back: i64) -> i64 {
        self.end.saturating_sub((back + 1).saturating_mul(self.width))
    }

    fn key(&self, at: i64) -> String {
        format!("back-{}", self.back(at))
    }

    fn label(&self, back: i64) -> String {
        let (start, days) = (self.start(back), self.width / DAY);
        match (days, back == self.count - 1 && days == 364) {
            (_, true) => format!("until {}", words::date(start.saturating_add(self.width - DAY))),
            (1, _) => words::date(start),
            _ => format!(
                "{} to {}",
                words::date(start),
                words::date(start.saturating_add(self.width - DAY))
            ),
        }
    }

    fn facet(&self, snapshot: &Snapshot) -> Facet {
        let mut counts: HashMap<i64, u64> = HashMap::new();
        for leak in snapshot.open() {
            *counts.entry(self.back(leak.first_seen)).or_default() += 1;
        }
        let group = |back| Group {
            key: format!("back-{back}"),
            label: self.label(back),
            count: counts.get(&back).copied().unwrap_or(0),
            tick: Some(words::date(self.start(back))),
        };
        let note = match self.width / DAY {
            1 => "Each column is a day.".to_owned(),
            7 => "Each column is a week.".to_owned(),
            days => format!("Each column is {days} days."),
        };
        Facet {
            key: "time",
            title: "First seen",
            note: Some(note),
            groups: (0..self.count).rev().map(group).collect(),
        }
    }
}
