//! What a token is: the words that rules, leaks and risk share.
//!
//! [`Facts`] is what a rule knows of the tokens that it finds, copied out of the rule, so that it
//! outlives the rule and can be kept.

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// What is known of a token beside the token itself: what its rule said when it was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", deny_unknown_fields))]
pub struct Facts {
    /// The id of the rule.
    pub rule: String,
    /// Who issues such tokens; `Any` where the form belongs to nobody.
    pub provider: String,
    /// What the token lets its bearer do.
    pub privilege: Privilege,
    /// How much it reaches.
    pub breadth: Breadth,
    /// What its use by a stranger leads to.
    pub consequence: Consequence,
    /// The environment that it belongs to.
    pub environment: Environment,
    /// How sure it is that it is a token.
    pub confidence: Confidence,
    /// The kind of service that it opens.
    pub family: Family,
    /// Whether its randomness and its name alone speak for it.
    pub generic: bool,
    /// Whether it has no form of its own and was known by the words around it.
    pub contextual: bool,
    /// Whether it is half of a pair whose other half was not found with it.
    pub half: bool,
    /// Who accepts it.
    pub issuer: Issuer,
    /// Where its owner revokes it.
    pub revoke: Option<String>,
}

/// Who accepts a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[repr(u8)]
pub enum Issuer {
    /// Nobody knows.
    #[default]
    Unknown = 0,
    /// The user's own API: blocking the token there stops it.
    Own = 1,
    /// Somebody else's API, as Stripe's or that of AWS. Requests with the token do not come by the
    /// user's nodes: only revoking it stops it.
    Stranger = 2,
}

impl Facts {
    /// What is known of a token that somebody reported and no rule describes: the worst that is
    /// usual, and nothing of who accepts it.
    pub fn reported() -> Facts {
        Facts {
            rule: "reported".into(),
            provider: "Any".into(),
            privilege: Privilege::Write,
            breadth: Breadth::Narrow,
            consequence: Consequence::Breach,
            environment: Environment::Unknown,
            confidence: Confidence::High,
            family: Family::Other,
            generic: false,
            contextual: false,
            half: false,
            issuer: Issuer::Unknown,
            revoke: None,
        }
    }
}

impl Issuer {
    /// `unknown`, `own` or `stranger`.
    pub fn as_str(self) -> &'static str {
        match self {
            Issuer::Unknown => "unknown",
            Issuer::Own => "own",
            Issuer::Stranger => "stranger",
        }
    }
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[repr(u8)]
pub enum Confidence {
    /// Only the surroundings and the randomness speak for it.
    Low = 1,
    /// A weak form with a fitting word near by, or a strong form with a wrong checksum.
    Medium = 2,
    /// The form is the provider's own.
    High = 3,
}

impl Confidence {
    /// `low`, `medium` or `high`.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }

    pub(crate) fn lower(self) -> Confidence {
        match self {
            Confidence::High => Confidence::Medium,
            Confidence::Medium | Confidence::Low => Confidence::Low,
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token usually lets its bearer do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[repr(u8)]
pub enum Privilege {
    /// An identifier that may be public.
    Public = 1,
    /// Reading.
    Read = 2,
    /// Writing, or unknown.
    Write = 3,
    /// Moving money, or putting code into production.
    PaymentOrDeploy = 4,
    /// Administration of an account.
    Admin = 5,
}

impl Privilege {
    /// `public`, `read`, `write`, `payment-or-deploy` or `admin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Privilege::Public => "public",
            Privilege::Read => "read",
            Privilege::Write => "write",
            Privilege::PaymentOrDeploy => "payment-or-deploy",
            Privilege::Admin => "admin",
        }
    }
}

/// What the use of a token by a stranger leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[repr(u8)]
pub enum Consequence {
    /// Data is read or taken.
    Breach = 1,
    /// Money or messages are sent in the owner's name.
    Fraud = 2,
    /// Code that others run is changed.
    SupplyChain = 3,
    /// Services stop or are destroyed.
    Disruption = 4,
}

impl Consequence {
    /// `breach`, `fraud`, `supply-chain` or `disruption`.
    pub fn as_str(self) -> &'static str {
        match self {
            Consequence::Breach => "breach",
            Consequence::Fraud => "fraud",
            Consequence::SupplyChain => "supply-chain",
            Consequence::Disruption => "disruption",
        }
    }
}

/// The environment that a token's form speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[repr(u8)]
pub enum Environment {
    /// The form does not say.
    Unknown = 0,
    /// A test or sandbox environment, as Stripe's `sk_test_`.
    Test = 1,
    /// Production, as Stripe's `sk_live_`.
    Production = 2,
}

impl Environment {
    /// `unknown`, `test` or `production`.
    pub fn as_str(self) -> &'static str {
        match self {
            Environment::Unknown => "unknown",
            Environment::Test => "test",
            Environment::Production => "production",
        }
    }
}

/// How much a token reaches of what its privilege is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[repr(u8)]
pub enum Breadth {
    /// One thing: a repository, a bucket, a channel. Also where nobody knows better.
    Narrow = 0,
    /// Several things: a project, a team.
    Some = 1,
    /// All that the account has.
    Wide = 2,
}

impl Breadth {
    /// `narrow`, `some` or `wide`.
    pub fn as_str(self) -> &'static str {
        match self {
            Breadth::Narrow => "narrow",
            Breadth::Some => "some",
            Breadth::Wide => "wide",
        }
    }
}

/// What kind of service a token opens: how much of the owner's data stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[repr(u8)]
pub enum Family {
    /// Any other service.
    Other = 0,
    /// Files and objects.
    Storage = 1,
    /// Databases, warehouses and search engines.
    Database = 2,
    /// Clouds and hosting: whoever has them has what runs there.
    Cloud = 3,
    /// Source code, and what builds and ships it.
    Code = 4,
    /// Mail, chat and telephony.
    Messaging = 5,
}

impl Family {
    /// `other`, `storage`, `database`, `cloud`, `code` or `messaging`.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Other => "other",
            Family::Storage => "storage",
            Family::Database => "database",
            Family::Cloud => "cloud",
            Family::Code => "code",
            Family::Messaging => "messaging",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_ordered_and_falls_to_low() {
        assert!(Confidence::Low < Confidence::Medium && Confidence::Medium < Confidence::High);
        assert_eq!(Confidence::High.lower(), Confidence::Medium);
        assert_eq!(Confidence::Low.lower(), Confidence::Low);
    }
}
