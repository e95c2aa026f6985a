//! The life of a leak: its status, what may be decided when, and who decided it.
//!
//! ```text
//!              patch (block or monitor), again with the other mode
//!                 ┌───┐
//!                 ▼   │   close
//!  registered ─▶ Opened ─────────▶ Closed
//!                 │ ▲ ▲              │
//!      mark false │ │ └──────────────┘ reopen
//!                 ▼ │ reopen
//!                False
//! ```
//!
//! Leaving `Opened` takes the patch away. Reopening does not bring it back: it must be decided
//! anew.

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// A moment, in seconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Time(pub i64);

/// What has become of a leak. Ordered as people want it listed: `Opened` first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Status {
    /// It needs attention.
    Opened,
    /// It is dealt with, and kept.
    Closed,
    /// It is no leak; finding it again does not raise it again.
    False,
}

/// What a patch does with a request that carries one of the leak's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Mode {
    /// Refuses it.
    Block,
    /// Lets it pass and records it.
    Monitor,
}

/// What can be decided about a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Decision {
    /// Stop its tokens from being used: the virtual patch.
    Patch(Mode),
    /// It is no leak.
    MarkFalse,
    /// It is dealt with.
    Close,
    /// It needs attention after all.
    Reopen,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Actor {
    /// The system itself, which only registers.
    System,
    /// A person, by name.
    Person(String),
    /// A policy that a person wrote, by name.
    Policy(String),
}

/// What a decision depends on beside the leak.
///
/// With no node, stanch only detects, and a patch is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances<'c> {
    /// The names of the nodes that are enrolled.
    pub nodes: &'c [String],
    /// Whether the decision holds though there is no node, or though no API of the user's own accepts
    /// the tokens: whoever decides was told and says so.
    pub anyway: bool,
}

/// Where a leak stands: its status, and the patch that only an opened one can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Opened { patch: Option<Patched> },
    Closed,
    False,
}

/// A patch that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patched {
    pub(super) mode: Mode,
    /// When it was decided.
    pub(super) since: Time,
    /// Whether it was decided against the circumstances.
    pub(super) anyway: bool,
}

impl State {
    pub(super) fn status(self) -> Status {
        match self {
            State::Opened { .. } => Status::Opened,
            State::Closed => Status::Closed,
            State::False => Status::False,
        }
    }

    pub(super) fn patch(self) -> Option<Patched> {
        match self {
            State::Opened { patch } => patch,
            State::Closed | State::False => None,
        }
    }

    /// The state after `decision` was made `at` that time, if it can be.
    pub(super) fn after(
        self,
        decision: Decision,
        anyway: bool,
        at: Time,
    ) -> Result<State, Refusal> {
        match (self, decision) {
            (State::Opened { patch: Some(patch) }, Decision::Patch(mode)) if patch.mode == mode => {
                Err(Refusal::Already { decision })
            }
            (State::Opened { .. }, Decision::Patch(mode)) => {
                Ok(State::Opened { patch: Some(Patched { mode, since: at, anyway }) })
            }
            (State::Opened { .. }, Decision::MarkFalse) => Ok(State::False),
            (State::Opened { .. }, Decision::Close) => Ok(State::Closed),
            (State::Closed | State::False, Decision::Reopen) => Ok(State::Opened { patch: None }),
            (State::Opened { .. }, Decision::Reopen)
            | (State::Closed, Decision::Close)
            | (State::False, Decision::MarkFalse) => Err(Refusal::Already { decision }),
            (State::Closed | State::False, _) => {
                Err(Refusal::Status { status: self.status(), decision })
            }
        }
    }
}

impl Decision {
    pub(super) fn participle(self) -> &'static str {
        match self {
            Decision::Patch(Mode::Block) => "patched to block",
            Decision::Patch(Mode::Monitor) => "patched to monitor",
            Decision::MarkFalse => "marked false",
            Decision::Close => "closed",
            Decision::Reopen => "opened",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Opened => "opened",
            Status::Closed => "closed",
            Status::False => "false",
        })
    }
}

/// As what was done: `patched to block`, `closed`.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.participle())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mode::Block => "block",
            Mode::Monitor => "monitor",
        })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::System => f.write_str("system"),
            Actor::Person(name) => f.write_str(name),
            Actor::Policy(name) => write!(f, "policy {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED: State = State::Opened { patch: None };
    const BLOCKED: State = patched(Mode::Block);
    const MONITORED: State = patched(Mode::Monitor);

    const fn patched(mode: Mode) -> State {
        State::Opened { patch: Some(Patched { mode, since: Time(5), anyway: false }) }
    }

    /// Every state with every decision.
    #[test]
    fn the_whole_state_machine() {
        use Decision::{Close, MarkFalse, Patch, Reopen};
        let decisions = [Patch(Mode::Block), Patch(Mode::Monitor), MarkFalse, Close, Reopen];
        let rows: [(State, [Option<State>; 5]); 5] = [
            (
                OPENED,
                [Some(BLOCKED), Some(MONITORED), Some(State::False), Some(State::Closed), None],
            ),
            (BLOCKED, [None, Some(MONITORED), Some(State::False), Some(State::Closed), None]),
            (MONITORED, [Some(BLOCKED), None, Some(State::False), Some(State::Closed), None]),
            (State::Closed, [None, None, None, None, Some(OPENED)]),
            (State::False, [None, None, None, None, Some(OPENED)]),
        ];
        for (state, outcomes) in rows {
            for (decision, outcome) in decisions.into_iter().zip(outcomes) {
                let after = state.after(decision, false, Time(5)).ok();
                assert_eq!(after, outcome, "{state:?} {decision:?}");
            }
        }
    }

    #[test]
    fn refusals_say_why() {
        let error =
            |state: State, decision| state.after(decision, true, Time(5)).unwrap_err().to_string();
        assert_eq!(
            error(State::Closed, Decision::Patch(Mode::Block)),
            "a leak that is closed cannot be patched to block"
        );
        assert_eq!(error(OPENED, Decision::Reopen), "the leak is opened already");
        assert_eq!(error(State::False, Decision::Close), "a leak that is false cannot be closed");
    }

    #[test]
    fn opened_leaks_come_first() {
        assert!(Status::Opened < Status::Closed && Status::Closed < Status::False);
    }
}
