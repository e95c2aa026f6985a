//! What the detector knows of a class of tokens.

use std::fmt;

#[cfg(feature = "rule-files")]
use super::pattern::Pattern;
use super::shape::Shape;

/// A class of tokens: how one looks, what it opens, how sure a match is.
///
/// Rules are data. They stand in `src/detect/rules/*.toml` with their examples; the build turns
/// them into a static table without the examples.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rule {
    pub(super) id: &'static str,
    pub(super) provider: &'static str,
    pub(super) class: &'static str,
    pub(super) privilege: Privilege,
    pub(super) consequence: Consequence,
    pub(super) confidence: Confidence,
    pub(super) environment: Environment,
    pub(super) source: &'static str,
    pub(super) revoke: Option<&'static str>,
    pub(super) revoke_call: Option<&'static str>,
    /// Each group must have a word close before the token.
    pub(super) keywords: &'static [&'static [&'static str]],
    pub(super) pair: Option<&'static str>,
    pub(super) look: Look,
}

impl Rule {
    /// The rule's name, in kebab-case, unique and stable: `github-personal-access-token`.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Who issues such tokens: `GitHub`. `Any` where the form belongs to nobody.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// What a person calls such a token: `GitHub personal access token`.
    pub fn class(&self) -> &'static str {
        self.class
    }

    /// What such a token usually lets its bearer do.
    pub fn privilege(&self) -> Privilege {
        self.privilege
    }

    /// What its use by a stranger leads to.
    pub fn consequence(&self) -> Consequence {
        self.consequence
    }

    /// How sure a match is before checksums and context moved it.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// Which environment the form itself speaks of.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// Where the provider describes the form.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// Where the owner revokes such a token.
    pub fn revoke(&self) -> Option<&'static str> {
        self.revoke
    }

    /// The call that revokes such a token, and nothing else, where the provider has one: a command for a
    /// shell in which `$TOKEN` stands for the token, and other `$NAMES` for what else it needs.
    ///
    /// It begins with the name of a known program, is one line of ASCII, goes to https only, and holds
    /// nothing else that a shell acts upon. `docs/detector.md` says how to run it.
    pub fn revoke_call(&self) -> Option<&'static str> {
        self.revoke_call
    }

    /// The words of which each group must show one close before the token; empty when the form
    /// suffices.
    pub fn keywords(&self) -> &'static [&'static [&'static str]] {
        self.keywords
    }

    /// The rule whose token makes this one usable, as an AWS access key id does for its secret.
    pub fn pair(&self) -> Option<&'static str> {
        self.pair
    }

    pub(super) fn shapes(&self) -> &'static [Shape] {
        match self.look {
            Look::Shapes(shapes) => shapes,
            _ => &[],
        }
    }

    /// The rank in a quarrel over the same bytes: a form of its own, then a form that
    /// needs words near by, then the generic.
    pub(super) fn rank(&self) -> u8 {
        match self.look {
            Look::Shapes(shapes) if !shapes.iter().all(Shape::is_bare) => 4,
            Look::Shapes(_) if self.keywords.is_empty() => 4,
            Look::Pem(_) if self.keywords.is_empty() => 4,
            #[cfg(feature = "rule-files")]
            Look::Pattern(_) => 4,
            Look::Pem(_) => 5,
            Look::Shapes(_) => 3,
            Look::Url | Look::Basic => 2,
            Look::Bearer => 1,
            Look::Password | Look::Generic => 0,
        }
    }
}

/// How a rule recognises its token.
#[derive(Debug)]
pub(super) enum Look {
    /// One of these forms.
    Shapes(&'static [Shape]),
    /// What this matches near the rule's words.
    #[cfg(feature = "rule-files")]
    Pattern(&'static Pattern),
    /// A PEM block whose label is one of these.
    Pem(&'static [&'static str]),
    /// The password in a URL's user information.
    Url,
    /// The credentials of HTTP Basic authentication.
    Basic,
    /// A bearer token of no known form.
    Bearer,
    /// A password assigned to a name that says so.
    Password,
    /// A random-looking value assigned to a name that speaks of secrets.
    Generic,
}

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

    pub(super) fn lower(self) -> Confidence {
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
