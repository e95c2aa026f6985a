//! How bad a leak is: a score from 0 to 100, a level, and grades from A to F for all leaks together.
//!
//! Numbers only: what is known of a token goes in as [`Factors`], what each of them weighs stands in a
//! [`Policy`], and [`assess`] adds up. The sum cannot be argued with: an [`Explanation`] names each term, the
//! floor that raised it and the cap that lowered it. No factor, made worse, ever lowers a score, under any policy
//! that can be made. `docs/risk.md` says what the score means and why.
//!
//! ```
//! use stanch::class::{Environment, Family, Privilege};
//! use stanch::risk::{Channel, Factors, Floor, Grade, Level, Policy, Portfolio, assess, residual};
//!
//! let policy = Policy::default();
//! let stripe = Factors {
//!     privilege: Privilege::PaymentOrDeploy,
//!     channel: Channel::Page,
//!     environment: Environment::Production,
//!     ..Factors::default()
//! };
//! let assessment = assess(&policy, &stripe);
//! assert_eq!((assessment.score, assessment.level), (70, Level::High));
//! assert_eq!(assessment.explanation.floor, Some((Floor::Exposed, 70)));
//!
//! let mut portfolio = Portfolio::new(&policy);
//! let left = residual(&policy, assessment.score, false);
//! portfolio.add("digest of the token", left, Family::Other);
//! assert_eq!(portfolio.nhi_exposure().grade, Grade::F);
//! ```

mod explanation;
mod factors;
mod policy;
#[cfg(feature = "risk-policy")]
mod policy_file;
mod rating;
mod score;
mod weights;

pub use explanation::{Cap, Explanation, Factor, Floor, Term};
pub use factors::{Channel, Exploitation, Factors, Rotation, Validity};
pub use policy::{Policy, PolicyError};
pub use rating::{Grade, Portfolio, Rating};
pub use score::{Assessment, Level, assess, leak_score, residual};
pub use weights::{
    AcceptedFloor, AttemptedFloor, BreachedFloor, BreadthPoints, Caps, ChannelPoints,
    EnvironmentPoints, ExploitationPoints, ExposedFloor, FamilyShares, Floors, GradeBounds,
    LevelBounds, MostPoints, PrivilegePoints, RatingTerms, RotationPoints, SourcePoints,
    TimePoints, Weights,
};
