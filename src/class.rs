//! What a token is: the words that rules, leaks and risk share.

use std::fmt;

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
