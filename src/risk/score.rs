//! The score of a token, and of a leak.

use super::explanation::{Cap, Explanation, Factor, Floor, Term};
use super::factors::{Exploitation, Factors, Rotation, Validity};
use super::policy::Policy;
use super::weights::Weights;
use crate::class::Privilege;

/// What a token's leak comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// From 0 to 100.
    pub score: u8,
    /// The level that the score is in.
    pub level: Level,
    /// Whether the score is critical.
    pub critical: bool,
    /// How it came about.
    pub explanation: Explanation,
}

/// How bad a score is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Good to know.
    Informational = 0,
    /// To be dealt with in time.
    Low = 1,
    /// To be dealt with soon.
    Medium = 2,
    /// To be dealt with now.
    High = 3,
}

impl Level {
    /// `informational`, `low`, `medium` or `high`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Informational => "informational",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }
}

/// Scores a token: the sum of what its factors weigh, raised to the highest floor that applies, lowered to the
/// lowest cap that applies.
pub fn assess(policy: &Policy, factors: &Factors) -> Assessment {
    let weights = policy.weights();
    let terms = terms(weights, factors);
    let mut explanation = Explanation { terms, floor: None, cap: None };
    let mut score = explanation.sum();
    if let Some((floor, least)) = floor(weights, factors).filter(|(_, least)| *least > score) {
        explanation.floor = Some((floor, least));
        score = least;
    }
    if let Some((cap, most)) = cap(weights, factors).filter(|(_, most)| *most < score) {
        explanation.cap = Some((cap, most));
        score = most;
    }
    Assessment {
        score,
        level: policy.level(score),
        critical: policy.is_critical(score),
        explanation,
    }
}

/// What is left of a score where a patch protects. `protected` is to be true only for a token that the user's own
/// API accepts, and only if every enrolled node confirms that it blocks it.
pub fn residual(policy: &Policy, score: u8, protected: bool) -> u8 {
    if protected { score.min(policy.weights().caps.protected) } else { score }
}

/// The score of a leak: that of its worst token; 0 for none. Never an average.
pub fn leak_score(scores: impl IntoIterator<Item = u8>) -> u8 {
    scores.into_iter().max().unwrap_or(0)
}

fn terms(weights: &Weights, factors: &Factors) -> [Term; 8] {
    let privilege = weights.privilege.of(factors.privilege);
    let breadth = weights.breadth.of(factors.breadth);
    let channel = weights.channel.of(factors.channel);
    let sources = weights.sources.of(factors.sources);
    let points = [
        (Factor::Privilege(factors.privilege), privilege),
        (Factor::Breadth(factors.breadth), breadth.min(weights.most.impact - privilege)),
        (Factor::Channel(factors.channel), channel),
        (Factor::Sources(factors.sources), sources.min(weights.most.exposure - channel)),
        (Factor::Exploitation(factors.exploitation), weights.exploitation.of(factors.exploitation)),
        (Factor::Days(factors.days), weights.time.of(factors.days)),
        (Factor::Environment(factors.environment), weights.environment.of(factors.environment)),
        (Factor::Rotation(factors.rotation), weights.rotation.of(factors.rotation)),
    ];
    points.map(|(factor, points)| Term { factor, points })
}

/// The highest floor that applies; of two that are alike, the one for the worse reason.
fn floor(weights: &Weights, factors: &Factors) -> Option<(Floor, u8)> {
    let floors = &weights.floors;
    let Factors { privilege, exploitation, .. } = *factors;
    let exposed =
        privilege >= floors.exposed.privilege && factors.channel >= floors.exposed.channel;
    let breached = privilege >= floors.breached.privilege && exploitation >= Exploitation::Breach;
    let attempted =
        privilege >= floors.attempted.privilege && exploitation >= Exploitation::Attempted;
    let accepted = exploitation >= Exploitation::Accepted;
    [
        (exposed, Floor::Exposed, floors.exposed.score),
        (breached, Floor::Breached, floors.breached.score),
        (attempted, Floor::Attempted, floors.attempted.score),
        (accepted, Floor::Accepted, floors.accepted.score),
    ]
    .into_iter()
    .filter(|(applies, ..)| *applies)
    .map(|(_, floor, score)| (floor, score))
    .max_by_key(|(_, score)| *score)
}

/// The lowest cap that applies; of two that are alike, the one for the better reason.
fn cap(weights: &Weights, factors: &Factors) -> Option<(Cap, u8)> {
    let caps = &weights.caps;
    let accepted = factors.exploitation == Exploitation::Accepted;
    let unverified = factors.validity == Validity::Unverified && !accepted;
    [
        (factors.validity == Validity::Invalid, Cap::Invalid, caps.dead),
        (factors.rotation == Rotation::Rotated, Cap::Rotated, caps.dead),
        (factors.privilege == Privilege::Public, Cap::Public, caps.public),
        (factors.generic, Cap::Generic, caps.generic),
        (factors.contextual, Cap::Contextual, caps.contextual),
        (factors.half, Cap::Half, caps.half),
        (unverified, Cap::Unverified, caps.unverified),
    ]
    .into_iter()
    .filter(|(applies, ..)| *applies)
    .map(|(_, cap, score)| (cap, score))
    .min_by_key(|(_, score)| *score)
}
