//! What the detector knows of a class of tokens.

#[cfg(feature = "rule-files")]
use super::pattern::Pattern;
use super::shape::Shape;
use crate::class::{Breadth, Facts};
pub use crate::class::{Confidence, Consequence, Environment, Family, Issuer, Privilege};

/// A class of tokens: how one looks, what it opens, how sure a match is.
///
/// Rules are data. They stand in `src/detect/rules/*.toml` with their examples; the build turns
/// them into a table without the examples.
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
    pub(super) family: Family,
    pub(super) issuer: Issuer,
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

    /// The kind of service that such a token opens.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Who accepts such tokens. Of a built-in rule it is its provider, a stranger, unless the tokens belong
    /// to nobody or to software that people run themselves; of a user's rule it is unknown unless the
    /// rule says so.
    pub fn issuer(&self) -> Issuer {
        self.issuer
    }

    /// What is known of a token that the rule found by itself; [`Finding::facts`](super::Finding::facts)
    /// knows of the one that it found.
    pub fn facts(&self) -> Facts {
        Facts {
            rule: self.id.to_owned(),
            provider: self.provider.to_owned(),
            privilege: self.privilege,
            breadth: Breadth::Narrow,
            consequence: self.consequence,
            environment: self.environment,
            confidence: self.confidence,
            family: self.family,
            generic: self.is_generic(),
            contextual: self.is_contextual(),
            half: self.pair.is_some(),
            issuer: self.issuer,
            revoke: self.revoke.map(str::to_owned),
        }
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

    /// Whether its tokens have no form at all.
    fn is_generic(&self) -> bool {
        matches!(self.look, Look::Generic)
    }

    /// Whether its tokens have no form of their own, so that the words around them must tell.
    fn is_contextual(&self) -> bool {
        match self.look {
            Look::Password | Look::Bearer => true,
            Look::Shapes(shapes) => !self.keywords.is_empty() && shapes.iter().all(Shape::is_bare),
            // A pattern says itself what stands around the token.
            #[cfg(feature = "rule-files")]
            Look::Pattern(_) => false,
            Look::Pem(_) | Look::Url | Look::Basic | Look::Generic => false,
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

#[cfg(test)]
mod tests {
    use super::super::table::RULES;
    use super::*;

    #[test]
    fn facts_say_what_kind_of_token_it_is() {
        let facts = |id: &str| RULES.iter().find(|rule| rule.id() == id).unwrap().facts();
        let rows = [
            // rule, family, issuer, generic, contextual, half
            ("github-personal-access-token", Family::Code, Issuer::Stranger, false, false, false),
            ("aws-access-key-id", Family::Cloud, Issuer::Stranger, false, false, true),
            ("stripe-secret-key", Family::Other, Issuer::Stranger, false, false, false),
            ("slack-bot-token", Family::Messaging, Issuer::Stranger, false, false, false),
            (
                "mongodb-atlas-service-account",
                Family::Database,
                Issuer::Stranger,
                false,
                false,
                false,
            ),
            ("dropbox-access-token", Family::Storage, Issuer::Stranger, false, false, false),
            ("openweather-key", Family::Other, Issuer::Stranger, false, true, false),
            ("django-secret-key", Family::Other, Issuer::Unknown, false, false, false),
            ("jwt", Family::Other, Issuer::Unknown, false, false, false),
            ("basic-credentials", Family::Other, Issuer::Unknown, false, false, false),
            ("password", Family::Other, Issuer::Unknown, false, true, false),
            ("generic-secret", Family::Other, Issuer::Unknown, true, false, false),
        ];
        for (id, family, issuer, generic, contextual, half) in rows {
            let facts = facts(id);
            let row = (facts.family, facts.issuer, facts.generic, facts.contextual, facts.half);
            assert_eq!(row, (family, issuer, generic, contextual, half), "{id}");
        }
    }

    /// Every family is that of some rule, and tokens that belong to nobody are nobody's.
    #[test]
    fn every_rule_has_a_family_and_an_issuer() {
        for family in [
            Family::Other,
            Family::Storage,
            Family::Database,
            Family::Cloud,
            Family::Code,
            Family::Messaging,
        ] {
            assert!(RULES.iter().filter(|rule| rule.family() == family).count() > 15, "{family:?}");
        }
        for rule in RULES.iter() {
            assert_ne!(rule.issuer(), Issuer::Own, "{}", rule.id());
            assert!(rule.provider() != "Any" || rule.issuer() == Issuer::Unknown, "{}", rule.id());
        }
    }
}
