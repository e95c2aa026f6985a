//! Policies in TOML, as `docs/risk-policy.toml` is one.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};

use super::factors::Channel;
use super::policy::{Policy, PolicyError};
use super::weights::Weights;
use crate::class::Privilege;

/// No longer text is read, in bytes.
const LONGEST: usize = 64 << 10;

const PRIVILEGES: [Privilege; 5] = [
    Privilege::Public,
    Privilege::Read,
    Privilege::Write,
    Privilege::PaymentOrDeploy,
    Privilege::Admin,
];

impl Policy {
    /// Reads the text of a policy. What it leaves out is as in the default; a name that is no field of
    /// [`Weights`] is refused.
    ///
    /// Exists with the feature `risk-policy`.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], which names the line or the field, and the reason.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        if text.len() > LONGEST {
            return Err(PolicyError::Size);
        }
        let weights: Weights = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
            PolicyError::Syntax {
                line: before.matches('\n').count() + 1,
                reason: error.message().to_owned(),
            }
        })?;
        Policy::new(weights)
    }
}

pub(super) fn privilege<'de, D: Deserializer<'de>>(from: D) -> Result<Privilege, D::Error> {
    named(from, &PRIVILEGES, Privilege::as_str)
}

pub(super) fn channel<'de, D: Deserializer<'de>>(from: D) -> Result<Channel, D::Error> {
    named(from, &Channel::EACH, Channel::as_str)
}

/// The one of `all` that has the name.
fn named<'de, D: Deserializer<'de>, T: Copy>(
    from: D,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, D::Error> {
    let given = String::deserialize(from)?;
    all.iter().copied().find(|one| name(*one) == given).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        D::Error::custom(format!("\"{given}\" is none of {}", names.join(", ")))
    })
}
