//! A token of a leak, and what was learned of it.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use super::decision::Time;
use crate::class::{Breadth, Facts};
use crate::secret::{Imprint, Preview};

/// Whether the issuer of a token still accepts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Validity {
    /// Nobody asked.
    #[default]
    Unverified,
    /// The issuer does not accept it any more.
    Invalid,
    /// The issuer accepts it.
    Valid,
}

impl Validity {
    /// `unverified`, `valid` or `invalid`.
    pub fn as_str(self) -> &'static str {
        match self {
            Validity::Unverified => "unverified",
            Validity::Valid => "valid",
            Validity::Invalid => "invalid",
        }
    }
}

/// Whether a token is replaced as often as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Rotation {
    /// Nobody knows.
    #[default]
    Unknown,
    /// It was replaced, and the one that leaked is dead.
    Rotated,
    /// It is as young as it should be.
    InTime,
    /// It is older than it should be.
    Overdue,
}

/// How much a token was learned to reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// How much.
    pub breadth: Breadth,
    /// What shows it: the scopes that the issuer named, a link.
    pub evidence: String,
}

/// A token of a leak: its imprint, never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub(super) imprint: Imprint,
    pub(super) facts: Facts,
    pub(super) first_seen: Time,
    pub(super) validity: Option<Latest<Validity>>,
    pub(super) rotation: Option<Latest<Rotation>>,
    pub(super) scope: Option<Latest<Scope>>,
}

/// What was learned last. Of what was learned at the same time the greater holds, so that the order
/// in which it becomes known does not matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Latest<T> {
    pub(super) at: Time,
    pub(super) value: T,
}

impl Token {
    pub(super) fn new(imprint: Imprint, facts: Facts, first_seen: Time) -> Token {
        Token { imprint, facts, first_seen, validity: None, rotation: None, scope: None }
    }

    /// The token's imprint.
    pub fn imprint(&self) -> &Imprint {
        &self.imprint
    }

    /// The name of its class.
    pub fn class(&self) -> &str {
        self.imprint.class()
    }

    /// What may be shown of it.
    pub fn preview(&self) -> Preview {
        self.imprint.preview()
    }

    /// What its rule knew of it when it was found; [`Facts::half`] as it is now.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// When it was found first.
    pub fn first_seen(&self) -> Time {
        self.first_seen
    }

    /// Whether its issuer accepts it, as far as known.
    pub fn validity(&self) -> Validity {
        self.validity.as_ref().map_or(Validity::Unverified, |latest| latest.value)
    }

    /// Whether it is replaced as often as it should be, as far as known.
    pub fn rotation(&self) -> Rotation {
        self.rotation.as_ref().map_or(Rotation::Unknown, |latest| latest.value)
    }

    /// How much it was learned to reach, if anybody looked.
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref().map(|latest| &latest.value)
    }

    /// How much it reaches: as learned, or what its rule says.
    pub fn breadth(&self) -> Breadth {
        self.scope().map_or(self.facts.breadth, |scope| scope.breadth)
    }

    /// Whether nobody can use it any more: its issuer refuses it, or it was replaced.
    pub fn is_dead(&self) -> bool {
        self.validity() == Validity::Invalid || self.is_replaced()
    }

    /// Whether it was replaced by another one.
    pub fn is_replaced(&self) -> bool {
        self.rotation() == Rotation::Rotated
    }
}

/// Keeps the later of what is known and what was learned.
pub(super) fn learn<T: Ord>(known: &mut Option<Latest<T>>, at: Time, value: T) {
    let learned = Some(Latest { at, value });
    if learned > *known {
        *known = learned;
    }
}
