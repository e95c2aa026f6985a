//! What was seen of a leak: where it was found, where it is used, who confirmed what.

use super::decision::{Actor, Mode, Time};
use super::event::Place;
use super::source::Source;
use super::token::Latest;

/// A place that a leak was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'l> {
    /// The place.
    pub source: &'l Source,
    /// When it was found there first.
    pub first: Time,
    /// When it was found there last.
    pub last: Time,
}

/// A place where a leak's tokens are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage<'l> {
    /// The place.
    pub place: &'l Place,
    /// When a use was seen first.
    pub first: Time,
    /// When a use was seen last.
    pub last: Time,
    /// Whether somebody ticked it off, and no use was seen since.
    pub ticked: bool,
}

/// What somebody said to a leak.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// When.
    pub at: Time,
    /// Who.
    pub by: Actor,
    /// What.
    pub text: String,
}

/// The attempts to use a leak's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How many there were.
    pub count: u64,
    /// How many of them the API accepted.
    pub accepted: u64,
    /// When the first one was.
    pub first: Option<Time>,
    /// When the last one was.
    pub last: Option<Time>,
}

/// What a node confirmed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement<'l> {
    /// The node.
    pub node: &'l str,
    /// What it does with requests.
    pub mode: Mode,
    /// When it said so.
    pub at: Time,
}

/// When a place was seen, and what was said of it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uses {
    pub(super) first: Time,
    pub(super) last: Time,
    /// `Ticked` is the lesser: of both at the same time, the doubt holds.
    pub(super) tick: Option<Latest<Tick>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tick {
    Ticked,
    Unticked,
}

impl Uses {
    pub(super) fn is_ticked(&self) -> bool {
        self.tick.as_ref().is_some_and(|tick| tick.value == Tick::Ticked && self.last <= tick.at)
    }
}

impl Attempts {
    pub(super) fn add(&mut self, count: u64, accepted: bool, at: Time) {
        self.count = self.count.saturating_add(count);
        if accepted {
            self.accepted = self.accepted.saturating_add(count);
        }
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(Some(at));
    }
}
