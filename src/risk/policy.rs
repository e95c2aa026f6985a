//! Weights that were looked at: under a policy the model's laws hold.

use thiserror::Error;

use super::score::Level;
use super::weights::Weights;

/// The highest score.
const TOP: u8 = 100;

/// [`Weights`] that keep the model's laws: every score is within 0 and 100, and no factor, made worse, lowers
/// one.
///
/// The default is the model of `docs/risk.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy(Weights);

/// Why weights make no policy. Names of fields are those of a file: `privilege.payment-or-deploy`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is not what a policy looks like.
    #[error("line {line}: {reason}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// The text is longer than anybody writes.
    #[error("a policy has no more than 64 KiB")]
    Size,
    /// A number is too low or too high.
    #[error("{field}: {value} is not between {least} and {most}")]
    Range {
        /// The number's name.
        field: &'static str,
        /// The number.
        value: u32,
        /// The lowest that it may be.
        least: u32,
        /// The highest that it may be.
        most: u32,
    },
    /// A number is less than one that it must not be less than.
    #[error("{field}: {value} is less than the {below} of {below_field}")]
    Order {
        /// The number's name.
        field: &'static str,
        /// The number.
        value: u8,
        /// The name of the one that is too high for it.
        below_field: &'static str,
        /// Its value.
        below: u8,
    },
    /// A bound is no more than the one before it.
    #[error("{field}: {value} is not more than the {below} of {below_field}")]
    Bound {
        /// The bound's name.
        field: &'static str,
        /// The bound.
        value: u8,
        /// The name of the one before it.
        below_field: &'static str,
        /// Its value.
        below: u8,
    },
    /// The most that all factors can come to is more than the highest score.
    #[error(
        "most.impact, most.exposure, exploitation.accepted, time.most, environment.production and \
         rotation.overdue come to {0}, more than 100"
    )]
    Sum(u32),
}

impl Policy {
    /// A policy with these weights.
    ///
    /// # Errors
    ///
    /// What [`Weights::validate`] says.
    pub fn new(weights: Weights) -> Result<Policy, PolicyError> {
        weights.validate()?;
        Ok(Policy(weights))
    }

    /// What it is made of.
    pub fn weights(&self) -> &Weights {
        &self.0
    }

    /// The level of a score.
    pub fn level(&self, score: u8) -> Level {
        let bounds = &self.0.levels;
        match score {
            score if score >= bounds.high => Level::High,
            score if score >= bounds.medium => Level::Medium,
            score if score >= bounds.low => Level::Low,
            _ => Level::Informational,
        }
    }

    /// Whether a score is critical.
    pub fn is_critical(&self, score: u8) -> bool {
        score >= self.0.levels.critical
    }
}

impl Weights {
    /// Whether these weights make a policy. They do if
    ///
    /// - every number is within its range;
    /// - within each group of points, what is worse has no less;
    /// - `most.impact` and `most.exposure` are no less than the highest points that they are for;
    /// - all factors at their worst come to no more than 100;
    /// - a dead token's cap is no higher than that of an unverified one, and a generic finding's no higher than
    ///   that of a contextual one;
    /// - levels and grades begin one above the other.
    ///
    /// Floors may be in any order: the highest that applies counts.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], which names the field and the reason.
    pub fn validate(&self) -> Result<(), PolicyError> {
        self.ranges()?;
        self.orders()?;
        let sum = [
            self.most.impact,
            self.most.exposure,
            self.exploitation.accepted,
            self.time.most,
            self.environment.production,
            self.rotation.overdue,
        ];
        let sum = sum.into_iter().map(u32::from).sum();
        if sum > u32::from(TOP) {
            return Err(PolicyError::Sum(sum));
        }
        Ok(())
    }

    fn ranges(&self) -> Result<(), PolicyError> {
        let (floors, caps) = (&self.floors, &self.caps);
        for (field, value) in [
            ("sources.each", self.sources.each),
            ("sources.most", self.sources.most),
            ("time.digit", self.time.digit),
            ("time.most", self.time.most),
            ("most.impact", self.most.impact),
            ("most.exposure", self.most.exposure),
            ("caps.dead", caps.dead),
            ("caps.unverified", caps.unverified),
            ("caps.generic", caps.generic),
            ("caps.contextual", caps.contextual),
            ("caps.public", caps.public),
            ("caps.half", caps.half),
            ("caps.protected", caps.protected),
            ("floors.exposed.score", floors.exposed.score),
            ("floors.breached.score", floors.breached.score),
            ("floors.attempted.score", floors.attempted.score),
            ("floors.accepted.score", floors.accepted.score),
            ("ratings.most", self.ratings.most),
            ("families.storage", self.families.storage),
            ("families.database", self.families.database),
            ("families.cloud", self.families.cloud),
            ("families.code", self.families.code),
            ("families.messaging", self.families.messaging),
            ("families.other", self.families.other),
        ] {
            within(field, value.into(), 0, TOP.into())?;
        }
        within("ratings.per", self.ratings.per, 1, 1_000_000)
    }

    fn orders(&self) -> Result<(), PolicyError> {
        let Weights { privilege, breadth, channel, exploitation, environment, rotation, .. } = self;
        rising(&[
            ("privilege.public", privilege.public),
            ("privilege.read", privilege.read),
            ("privilege.write", privilege.write),
            ("privilege.payment-or-deploy", privilege.payment_or_deploy),
            ("privilege.admin", privilege.admin),
            ("most.impact", self.most.impact),
        ])?;
        rising(&[
            ("breadth.narrow", breadth.narrow),
            ("breadth.some", breadth.some),
            ("breadth.wide", breadth.wide),
        ])?;
        rising(&[
            ("channel.private", channel.private),
            ("channel.internal", channel.internal),
            ("channel.cleartext", channel.cleartext),
            ("channel.app", channel.app),
            ("channel.page", channel.page),
            ("channel.bucket", channel.bucket),
            ("channel.repository", channel.repository),
            ("channel.market", channel.market),
            ("most.exposure", self.most.exposure),
        ])?;
        rising(&[
            ("exploitation.none", exploitation.none),
            ("exploitation.breach", exploitation.breach),
            ("exploitation.attempted", exploitation.attempted),
            ("exploitation.accepted", exploitation.accepted),
        ])?;
        rising(&[
            ("environment.test", environment.test),
            ("environment.unknown", environment.unknown),
            ("environment.production", environment.production),
        ])?;
        rising(&[
            ("rotation.in-time", rotation.in_time),
            ("rotation.unknown", rotation.unknown),
            ("rotation.overdue", rotation.overdue),
        ])?;
        rising(&[("caps.dead", self.caps.dead), ("caps.unverified", self.caps.unverified)])?;
        rising(&[("caps.generic", self.caps.generic), ("caps.contextual", self.caps.contextual)])?;
        let (levels, grades) = (&self.levels, &self.grades);
        bounds(&[
            ("levels.low", levels.low),
            ("levels.medium", levels.medium),
            ("levels.high", levels.high),
            ("levels.critical", levels.critical),
        ])?;
        bounds(&[
            ("grades.b", grades.b),
            ("grades.c", grades.c),
            ("grades.d", grades.d),
            ("grades.f", grades.f),
        ])
    }
}

fn within(field: &'static str, value: u32, least: u32, most: u32) -> Result<(), PolicyError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(PolicyError::Range { field, value, least, most })
}

/// Points, none of which may be less than the one before.
fn rising(fields: &[(&'static str, u8)]) -> Result<(), PolicyError> {
    for &(field, value) in fields {
        within(field, value.into(), 0, TOP.into())?;
    }
    for pair in fields.windows(2) {
        if let &[(below_field, below), (field, value)] = pair
            && value < below
        {
            return Err(PolicyError::Order { field, value, below_field, below });
        }
    }
    Ok(())
}

/// Where levels or grades begin: each must be more than the one before.
fn bounds(fields: &[(&'static str, u8)]) -> Result<(), PolicyError> {
    for &(field, value) in fields {
        within(field, value.into(), 1, TOP.into())?;
    }
    for pair in fields.windows(2) {
        if let &[(below_field, below), (field, value)] = pair
            && value <= below
        {
            return Err(PolicyError::Bound { field, value, below_field, below });
        }
    }
    Ok(())
}
