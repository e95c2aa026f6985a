//! What the detector knows of a class of tokens.

use super::shape::Shape;
pub use crate::class::{Confidence, Consequence, Environment, Privilege};

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
