//! How a score came about.

use std::fmt;

use super::factors::{Channel, Exploitation, Rotation};
use crate::class::{Breadth, Environment, Privilege};

/// How a score came about: its terms, and what raised or lowered their sum.
///
/// It is made of numbers and of the words of the model alone. No text from outside gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What each factor gave, in the order of [`Factor`]. Their sum is exact: what a pair of factors has too
    /// much is not in it.
    pub terms: [Term; 8],
    /// What raised the sum, and to which score.
    pub floor: Option<(Floor, u8)>,
    /// What lowered it, and to which score.
    pub cap: Option<(Cap, u8)>,
}

/// What one factor gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The factor, and what is known of it.
    pub factor: Factor,
    /// The points.
    pub points: u8,
}

/// A factor of a score with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// What the token lets its bearer do.
    Privilege(Privilege),
    /// How much it reaches.
    Breadth(Breadth),
    /// The worst channel that it was seen in.
    Channel(Channel),
    /// In how many places it was seen.
    Sources(u32),
    /// What strangers did with it.
    Exploitation(Exploitation),
    /// For how many days it has been out.
    Days(u32),
    /// Which environment it is for.
    Environment(Environment),
    /// Whether it is replaced from time to time.
    Rotation(Rotation),
}

/// What raised a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Floor {
    /// Much privilege, far exposed.
    Exposed = 1,
    /// Much privilege, in breach data.
    Breached = 2,
    /// Somebody tried to use it.
    Attempted = 3,
    /// Somebody used it, and it was accepted.
    Accepted = 4,
}

/// What lowered a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cap {
    /// It is known to be invalid.
    Invalid = 1,
    /// It was rotated.
    Rotated = 2,
    /// It is an identifier that may be public.
    Public = 3,
    /// Nothing but its randomness speaks for it.
    Generic = 4,
    /// The words around it speak for it.
    Contextual = 5,
    /// It is half of a pair.
    Half = 6,
    /// Nobody tried it.
    Unverified = 7,
}

impl Explanation {
    /// What the terms come to.
    pub fn sum(&self) -> u8 {
        self.terms.iter().map(|term| term.points).sum()
    }

    /// The score, from the terms, the floor and the cap alone.
    pub fn score(&self) -> u8 {
        let raised = self.floor.map_or(self.sum(), |(_, floor)| self.sum().max(floor));
        self.cap.map_or(raised, |(_, cap)| raised.min(cap))
    }
}

impl Factor {
    /// `privilege`, `breadth`, `channel`, `sources`, `exploitation`, `days`, `environment` or `rotation`.
    pub fn as_str(self) -> &'static str {
        match self {
            Factor::Privilege(_) => "privilege",
            Factor::Breadth(_) => "breadth",
            Factor::Channel(_) => "channel",
            Factor::Sources(_) => "sources",
            Factor::Exploitation(_) => "exploitation",
            Factor::Days(_) => "days",
            Factor::Environment(_) => "environment",
            Factor::Rotation(_) => "rotation",
        }
    }
}

impl Floor {
    /// `exposed`, `breached`, `attempted` or `accepted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Floor::Exposed => "exposed",
            Floor::Breached => "breached",
            Floor::Attempted => "attempted",
            Floor::Accepted => "accepted",
        }
    }
}

impl Cap {
    /// `invalid`, `rotated`, `public`, `generic`, `contextual`, `half` or `unverified`.
    pub fn as_str(self) -> &'static str {
        match self {
            Cap::Invalid => "invalid",
            Cap::Rotated => "rotated",
            Cap::Public => "public",
            Cap::Generic => "generic",
            Cap::Contextual => "contextual",
            Cap::Half => "half",
            Cap::Unverified => "unverified",
        }
    }
}

/// The factor and its value: `channel repository`, `days 3`.
impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.as_str();
        match self {
            Factor::Privilege(value) => write!(f, "{name} {}", value.as_str()),
            Factor::Breadth(value) => write!(f, "{name} {}", value.as_str()),
            Factor::Channel(value) => write!(f, "{name} {}", value.as_str()),
            Factor::Exploitation(value) => write!(f, "{name} {}", value.as_str()),
            Factor::Environment(value) => write!(f, "{name} {}", value.as_str()),
            Factor::Rotation(value) => write!(f, "{name} {}", value.as_str()),
            Factor::Sources(number) | Factor::Days(number) => write!(f, "{name} {number}"),
        }
    }
}

/// One line: `privilege admin 36 + … = 62, floor exposed 70, cap half 69`.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, term) in self.terms.iter().enumerate() {
            let plus = if number == 0 { "" } else { " + " };
            write!(f, "{plus}{} {}", term.factor, term.points)?;
        }
        write!(f, " = {}", self.sum())?;
        if let Some((floor, score)) = self.floor {
            write!(f, ", floor {} {score}", floor.as_str())?;
        }
        if let Some((cap, score)) = self.cap {
            write!(f, ", cap {} {score}", cap.as_str())?;
        }
        Ok(())
    }
}
