//! What a score is made of.

use crate::class::{Breadth, Environment, Privilege};

/// What is known of a leaked token, as far as its score depends on it.
///
/// The default is a token of which nothing is known but that it was found once, in private, today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Factors {
    /// What it lets its bearer do.
    pub privilege: Privilege,
    /// How much it reaches.
    pub breadth: Breadth,
    /// The worst channel that it was seen in.
    pub channel: Channel,
    /// In how many places it was seen. None counts as one.
    pub sources: u32,
    /// What strangers are known to have done with it.
    pub exploitation: Exploitation,
    /// For how many whole days it has been out.
    pub days: u32,
    /// Which environment it is for.
    pub environment: Environment,
    /// Whether it is replaced from time to time.
    pub rotation: Rotation,
    /// Whether it works.
    pub validity: Validity,
    /// Whether nothing but its randomness speaks for it.
    pub generic: bool,
    /// Whether its form is weak, and the words around it speak for it.
    pub contextual: bool,
    /// Whether it is half of a pair, and the other half was not found with it.
    pub half: bool,
}

/// Where a token was seen, from the least exposed to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Channel {
    /// For a few of the owner's people: a private repository.
    Private = 0,
    /// For all of the owner's people: a wiki, a chat.
    Internal = 1,
    /// Sent in cleartext over a network.
    Cleartext = 2,
    /// In a mobile or desktop application that others have.
    App = 3,
    /// In a web page, or what a web server hands out.
    Page = 4,
    /// In a public bucket or paste.
    Bucket = 5,
    /// In a public repository.
    Repository = 6,
    /// On a criminal market.
    Market = 7,
}

impl Channel {
    /// All of them, from the least exposed to the most.
    pub const EACH: [Channel; 8] = [
        Channel::Private,
        Channel::Internal,
        Channel::Cleartext,
        Channel::App,
        Channel::Page,
        Channel::Bucket,
        Channel::Repository,
        Channel::Market,
    ];

    /// `private`, `internal`, `cleartext`, `app`, `page`, `bucket`, `repository` or `market`.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Private => "private",
            Channel::Internal => "internal",
            Channel::Cleartext => "cleartext",
            Channel::App => "app",
            Channel::Page => "page",
            Channel::Bucket => "bucket",
            Channel::Repository => "repository",
            Channel::Market => "market",
        }
    }
}

/// What strangers are known to have done with a token, from nothing to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exploitation {
    /// Nothing.
    None = 0,
    /// It was seen in breach data.
    Breach = 1,
    /// Somebody tried to use it.
    Attempted = 2,
    /// Somebody used it, and it was accepted.
    Accepted = 3,
}

impl Exploitation {
    /// All of them, from nothing to the worst.
    pub const EACH: [Exploitation; 4] =
        [Exploitation::None, Exploitation::Breach, Exploitation::Attempted, Exploitation::Accepted];

    /// `none`, `breach`, `attempted` or `accepted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Exploitation::None => "none",
            Exploitation::Breach => "breach",
            Exploitation::Attempted => "attempted",
            Exploitation::Accepted => "accepted",
        }
    }
}

/// Whether a token is replaced from time to time, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rotation {
    /// It was replaced: this one is dead.
    Rotated = 1,
    /// It is, and is not due.
    InTime = 2,
    /// Nobody knows.
    Unknown = 3,
    /// It is overdue.
    Overdue = 4,
}

impl Rotation {
    /// All of them, from the best to the worst.
    pub const EACH: [Rotation; 4] =
        [Rotation::Rotated, Rotation::InTime, Rotation::Unknown, Rotation::Overdue];

    /// `rotated`, `in-time`, `unknown` or `overdue`.
    pub fn as_str(self) -> &'static str {
        match self {
            Rotation::Rotated => "rotated",
            Rotation::InTime => "in-time",
            Rotation::Unknown => "unknown",
            Rotation::Overdue => "overdue",
        }
    }
}

/// Whether a token works, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Validity {
    /// It was tried and refused.
    Invalid = 1,
    /// It was not tried.
    Unverified = 2,
    /// It was tried and taken.
    Valid = 3,
}

impl Validity {
    /// All of them, from the best to the worst.
    pub const EACH: [Validity; 3] = [Validity::Invalid, Validity::Unverified, Validity::Valid];

    /// `invalid`, `unverified` or `valid`.
    pub fn as_str(self) -> &'static str {
        match self {
            Validity::Invalid => "invalid",
            Validity::Unverified => "unverified",
            Validity::Valid => "valid",
        }
    }
}

impl Default for Factors {
    fn default() -> Factors {
        Factors {
            privilege: Privilege::Write,
            breadth: Breadth::Narrow,
            channel: Channel::Private,
            sources: 1,
            exploitation: Exploitation::None,
            days: 0,
            environment: Environment::Unknown,
            rotation: Rotation::Unknown,
            validity: Validity::Unverified,
            generic: false,
            contextual: false,
            half: false,
        }
    }
}
