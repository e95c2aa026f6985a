//! The plain structs of risk in the C ABI, and the numbers in them.
#![allow(non_camel_case_types)]

use crate::class::{Breadth, Environment, Family, Privilege};
use crate::risk::{Cap, Channel, Exploitation, Floor, Grade, Level, Rotation, Validity};

/// An identifier that may be public.
pub const STANCH_PRIVILEGE_PUBLIC: u32 = 1;
/// Reading.
pub const STANCH_PRIVILEGE_READ: u32 = 2;
/// Writing, or unknown.
pub const STANCH_PRIVILEGE_WRITE: u32 = 3;
/// Moving money, or putting code into production.
pub const STANCH_PRIVILEGE_PAYMENT_OR_DEPLOY: u32 = 4;
/// Administration of an account.
pub const STANCH_PRIVILEGE_ADMIN: u32 = 5;

/// One thing, or unknown.
pub const STANCH_BREADTH_NARROW: u32 = 0;
/// Several things.
pub const STANCH_BREADTH_SOME: u32 = 1;
/// All that the account has.
pub const STANCH_BREADTH_WIDE: u32 = 2;

/// Seen by a few of the owner's people.
pub const STANCH_CHANNEL_PRIVATE: u32 = 0;
/// Seen by all of the owner's people.
pub const STANCH_CHANNEL_INTERNAL: u32 = 1;
/// Sent in cleartext.
pub const STANCH_CHANNEL_CLEARTEXT: u32 = 2;
/// In a mobile or desktop application.
pub const STANCH_CHANNEL_APP: u32 = 3;
/// In a web page.
pub const STANCH_CHANNEL_PAGE: u32 = 4;
/// In a public bucket or paste.
pub const STANCH_CHANNEL_BUCKET: u32 = 5;
/// In a public repository.
pub const STANCH_CHANNEL_REPOSITORY: u32 = 6;
/// On a criminal market.
pub const STANCH_CHANNEL_MARKET: u32 = 7;

/// Strangers did nothing with it that is known.
pub const STANCH_EXPLOITATION_NONE: u32 = 0;
/// It was seen in breach data.
pub const STANCH_EXPLOITATION_BREACH: u32 = 1;
/// Somebody tried to use it.
pub const STANCH_EXPLOITATION_ATTEMPTED: u32 = 2;
/// Somebody used it, and it was accepted.
pub const STANCH_EXPLOITATION_ACCEPTED: u32 = 3;

/// Nobody knows the environment.
pub const STANCH_ENVIRONMENT_UNKNOWN: u32 = 0;
/// A test or sandbox environment.
pub const STANCH_ENVIRONMENT_TEST: u32 = 1;
/// Production.
pub const STANCH_ENVIRONMENT_PRODUCTION: u32 = 2;

/// It was replaced: this one is dead.
pub const STANCH_ROTATION_ROTATED: u32 = 1;
/// It is replaced from time to time, and is not due.
pub const STANCH_ROTATION_IN_TIME: u32 = 2;
/// Nobody knows whether it is replaced.
pub const STANCH_ROTATION_UNKNOWN: u32 = 3;
/// It is overdue.
pub const STANCH_ROTATION_OVERDUE: u32 = 4;

/// It was tried and refused.
pub const STANCH_VALIDITY_INVALID: u32 = 1;
/// It was not tried.
pub const STANCH_VALIDITY_UNVERIFIED: u32 = 2;
/// It was tried and taken.
pub const STANCH_VALIDITY_VALID: u32 = 3;

/// Any other service.
pub const STANCH_FAMILY_OTHER: u32 = 0;
/// Files and objects.
pub const STANCH_FAMILY_STORAGE: u32 = 1;
/// Databases, warehouses and search engines.
pub const STANCH_FAMILY_DATABASE: u32 = 2;
/// Clouds and hosting.
pub const STANCH_FAMILY_CLOUD: u32 = 3;
/// Source code, and what builds and ships it.
pub const STANCH_FAMILY_CODE: u32 = 4;
/// Mail, chat and telephony.
pub const STANCH_FAMILY_MESSAGING: u32 = 5;

/// Good to know.
pub const STANCH_LEVEL_INFORMATIONAL: u32 = 0;
/// To be dealt with in time.
pub const STANCH_LEVEL_LOW: u32 = 1;
/// To be dealt with soon.
pub const STANCH_LEVEL_MEDIUM: u32 = 2;
/// To be dealt with now.
pub const STANCH_LEVEL_HIGH: u32 = 3;

/// The best grade.
pub const STANCH_GRADE_A: u32 = 0;
/// Good.
pub const STANCH_GRADE_B: u32 = 1;
/// Fair.
pub const STANCH_GRADE_C: u32 = 2;
/// Poor.
pub const STANCH_GRADE_D: u32 = 3;
/// The worst grade.
pub const STANCH_GRADE_F: u32 = 4;

/// The term of the privilege, among an assessment's terms.
pub const STANCH_FACTOR_PRIVILEGE: u32 = 0;
/// The term of the breadth.
pub const STANCH_FACTOR_BREADTH: u32 = 1;
/// The term of the channel.
pub const STANCH_FACTOR_CHANNEL: u32 = 2;
/// The term of the sources.
pub const STANCH_FACTOR_SOURCES: u32 = 3;
/// The term of the exploitation.
pub const STANCH_FACTOR_EXPLOITATION: u32 = 4;
/// The term of the days.
pub const STANCH_FACTOR_DAYS: u32 = 5;
/// The term of the environment.
pub const STANCH_FACTOR_ENVIRONMENT: u32 = 6;
/// The term of the rotation.
pub const STANCH_FACTOR_ROTATION: u32 = 7;
/// How many terms an assessment has.
pub const STANCH_FACTORS: usize = 8;

/// Nothing raised the sum.
pub const STANCH_FLOOR_NONE: u32 = 0;
/// Much privilege, far exposed.
pub const STANCH_FLOOR_EXPOSED: u32 = 1;
/// Much privilege, in breach data.
pub const STANCH_FLOOR_BREACHED: u32 = 2;
/// Somebody tried to use it.
pub const STANCH_FLOOR_ATTEMPTED: u32 = 3;
/// Somebody used it, and it was accepted.
pub const STANCH_FLOOR_ACCEPTED: u32 = 4;

/// Nothing lowered the score.
pub const STANCH_CAP_NONE: u32 = 0;
/// It is known to be invalid.
pub const STANCH_CAP_INVALID: u32 = 1;
/// It was rotated.
pub const STANCH_CAP_ROTATED: u32 = 2;
/// It is an identifier that may be public.
pub const STANCH_CAP_PUBLIC: u32 = 3;
/// Nothing but its randomness speaks for it.
pub const STANCH_CAP_GENERIC: u32 = 4;
/// The words around it speak for it.
pub const STANCH_CAP_CONTEXTUAL: u32 = 5;
/// It is half of a pair.
pub const STANCH_CAP_HALF: u32 = 6;
/// Nobody tried it.
pub const STANCH_CAP_UNVERIFIED: u32 = 7;

// The numbers above are those of the Rust types: a test of the compiler's, for each.
const _: () = assert!(STANCH_PRIVILEGE_PUBLIC == Privilege::Public as u32);
const _: () = assert!(STANCH_PRIVILEGE_READ == Privilege::Read as u32);
const _: () = assert!(STANCH_PRIVILEGE_WRITE == Privilege::Write as u32);
const _: () = assert!(STANCH_PRIVILEGE_PAYMENT_OR_DEPLOY == Privilege::PaymentOrDeploy as u32);
const _: () = assert!(STANCH_PRIVILEGE_ADMIN == Privilege::Admin as u32);
const _: () = assert!(STANCH_BREADTH_NARROW == Breadth::Narrow as u32);
const _: () = assert!(STANCH_BREADTH_SOME == Breadth::Some as u32);
const _: () = assert!(STANCH_BREADTH_WIDE == Breadth::Wide as u32);
const _: () = assert!(STANCH_CHANNEL_PRIVATE == Channel::Private as u32);
const _: () = assert!(STANCH_CHANNEL_INTERNAL == Channel::Internal as u32);
const _: () = assert!(STANCH_CHANNEL_CLEARTEXT == Channel::Cleartext as u32);
const _: () = assert!(STANCH_CHANNEL_APP == Channel::App as u32);
const _: () = assert!(STANCH_CHANNEL_PAGE == Channel::Page as u32);
const _: () = assert!(STANCH_CHANNEL_BUCKET == Channel::Bucket as u32);
const _: () = assert!(STANCH_CHANNEL_REPOSITORY == Channel::Repository as u32);
const _: () = assert!(STANCH_CHANNEL_MARKET == Channel::Market as u32);
const _: () = assert!(STANCH_EXPLOITATION_NONE == Exploitation::None as u32);
const _: () = assert!(STANCH_EXPLOITATION_BREACH == Exploitation::Breach as u32);
const _: () = assert!(STANCH_EXPLOITATION_ATTEMPTED == Exploitation::Attempted as u32);
const _: () = assert!(STANCH_EXPLOITATION_ACCEPTED == Exploitation::Accepted as u32);
const _: () = assert!(STANCH_ENVIRONMENT_UNKNOWN == Environment::Unknown as u32);
const _: () = assert!(STANCH_ENVIRONMENT_TEST == Environment::Test as u32);
const _: () = assert!(STANCH_ENVIRONMENT_PRODUCTION == Environment::Production as u32);
const _: () = assert!(STANCH_ROTATION_ROTATED == Rotation::Rotated as u32);
const _: () = assert!(STANCH_ROTATION_IN_TIME == Rotation::InTime as u32);
const _: () = assert!(STANCH_ROTATION_UNKNOWN == Rotation::Unknown as u32);
const _: () = assert!(STANCH_ROTATION_OVERDUE == Rotation::Overdue as u32);
const _: () = assert!(STANCH_VALIDITY_INVALID == Validity::Invalid as u32);
const _: () = assert!(STANCH_VALIDITY_UNVERIFIED == Validity::Unverified as u32);
const _: () = assert!(STANCH_VALIDITY_VALID == Validity::Valid as u32);
const _: () = assert!(STANCH_FAMILY_OTHER == Family::Other as u32);
const _: () = assert!(STANCH_FAMILY_STORAGE == Family::Storage as u32);
const _: () = assert!(STANCH_FAMILY_DATABASE == Family::Database as u32);
const _: () = assert!(STANCH_FAMILY_CLOUD == Family::Cloud as u32);
const _: () = assert!(STANCH_FAMILY_CODE == Family::Code as u32);
const _: () = assert!(STANCH_FAMILY_MESSAGING == Family::Messaging as u32);
const _: () = assert!(STANCH_LEVEL_INFORMATIONAL == Level::Informational as u32);
const _: () = assert!(STANCH_LEVEL_LOW == Level::Low as u32);
const _: () = assert!(STANCH_LEVEL_MEDIUM == Level::Medium as u32);
const _: () = assert!(STANCH_LEVEL_HIGH == Level::High as u32);
const _: () = assert!(STANCH_GRADE_A == Grade::A as u32);
const _: () = assert!(STANCH_GRADE_B == Grade::B as u32);
const _: () = assert!(STANCH_GRADE_C == Grade::C as u32);
const _: () = assert!(STANCH_GRADE_D == Grade::D as u32);
const _: () = assert!(STANCH_GRADE_F == Grade::F as u32);
const _: () = assert!(STANCH_FLOOR_EXPOSED == Floor::Exposed as u32);
const _: () = assert!(STANCH_FLOOR_BREACHED == Floor::Breached as u32);
const _: () = assert!(STANCH_FLOOR_ATTEMPTED == Floor::Attempted as u32);
const _: () = assert!(STANCH_FLOOR_ACCEPTED == Floor::Accepted as u32);
const _: () = assert!(STANCH_CAP_INVALID == Cap::Invalid as u32);
const _: () = assert!(STANCH_CAP_ROTATED == Cap::Rotated as u32);
const _: () = assert!(STANCH_CAP_PUBLIC == Cap::Public as u32);
const _: () = assert!(STANCH_CAP_GENERIC == Cap::Generic as u32);
const _: () = assert!(STANCH_CAP_CONTEXTUAL == Cap::Contextual as u32);
const _: () = assert!(STANCH_CAP_HALF == Cap::Half as u32);
const _: () = assert!(STANCH_CAP_UNVERIFIED == Cap::Unverified as u32);

/// What is known of a leaked token, as far as its score depends on it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_factors {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// What it lets its bearer do: a `STANCH_PRIVILEGE_` number, none of which is zero: say
    /// `STANCH_PRIVILEGE_WRITE` where nobody knows.
    pub privilege: u32,
    /// How much it reaches: a `STANCH_BREADTH_` number.
    pub breadth: u32,
    /// The worst channel that it was seen in: a `STANCH_CHANNEL_` number.
    pub channel: u32,
    /// In how many places it was seen. Zero counts as one.
    pub sources: u32,
    /// What strangers are known to have done with it: a `STANCH_EXPLOITATION_` number.
    pub exploitation: u32,
    /// For how many whole days it has been out.
    pub days: u32,
    /// Which environment it is for: a `STANCH_ENVIRONMENT_` number.
    pub environment: u32,
    /// Whether it is replaced from time to time: a `STANCH_ROTATION_` number, none of which is
    /// zero.
    pub rotation: u32,
    /// Whether it works: a `STANCH_VALIDITY_` number, none of which is zero: say
    /// `STANCH_VALIDITY_UNVERIFIED` where nobody tried.
    pub validity: u32,
    /// 1 if nothing but its randomness speaks for it, else 0.
    pub is_generic: u32,
    /// 1 if its form is weak and the words around it speak for it, else 0.
    pub is_contextual: u32,
    /// 1 if it is half of a pair whose other half was not found with it, else 0.
    pub is_half: u32,
}

/// What a token's leak comes to, and how: `sum` is that of the terms; it was raised to `floor_score` if `floor`
/// is not `STANCH_FLOOR_NONE`, and then lowered to `cap_score` if `cap` is not `STANCH_CAP_NONE`; that is `score`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct stanch_assessment {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// From 0 to 100.
    pub score: u32,
    /// The level that it is in: a `STANCH_LEVEL_` number.
    pub level: u32,
    /// 1 if it is critical, 0 if not.
    pub is_critical: u32,
    /// What the terms come to.
    pub sum: u32,
    /// The points of each factor: the `STANCH_FACTOR_` numbers are their indices.
    pub terms: [u32; STANCH_FACTORS],
    /// What raised the sum: a `STANCH_FLOOR_` number.
    pub floor: u32,
    /// To which score; zero if nothing did.
    pub floor_score: u32,
    /// What lowered it: a `STANCH_CAP_` number.
    pub cap: u32,
    /// To which score; zero if nothing did.
    pub cap_score: u32,
}

/// A token of an open leak, to be rated.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_rated {
    /// What tells it from other tokens, such as its digest. One that comes again counts once, with the worst that
    /// was said of it.
    pub token: [u8; 16],
    /// What is left of its score where patches protect, 0 to 100.
    pub residual: u32,
    /// What kind of service it opens: a `STANCH_FAMILY_` number.
    pub family: u32,
}

/// A grade, and where it comes from.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct stanch_rating {
    /// A `STANCH_GRADE_` number.
    pub grade: u32,
    /// What it was given for: from 0 to 100, the higher the worse.
    pub points: u32,
    /// The worst token's score.
    pub worst: u32,
    /// Zero.
    pub reserved: u32,
    /// The sum of all tokens' scores.
    pub sum: u64,
    /// How many different tokens were rated.
    pub tokens: u64,
}

/// The ratings of many tokens together.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct stanch_ratings {
    /// The size of this struct; set by the caller.
    pub size: usize,
    /// How badly the tokens of machines are exposed.
    pub nhi_exposure: stanch_rating,
    /// How likely data is to be taken with them.
    pub data_leak_susceptibility: stanch_rating,
}

/// What a policy is made of: points, scores and per cent, as docs/risk.md explains them. Fill it with
/// `stanch_risk_weights_default`, then change what is to differ.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct stanch_risk_weights {
    /// The size of this struct; set by the caller. A larger one than the library knows is refused: a weight must
    /// not be passed over.
    pub size: usize,
    /// How many points of the other tokens make one point of a rating, 1 to 1,000,000.
    pub rating_per: u32,
    /// How many points the other tokens make at most.
    pub rating_most: u8,
    /// Points for each `STANCH_PRIVILEGE_` number, less one.
    pub privilege: [u8; 5],
    /// Points for each `STANCH_BREADTH_` number.
    pub breadth: [u8; 3],
    /// Points that privilege and breadth come to at most.
    pub impact_most: u8,
    /// Points for each `STANCH_CHANNEL_` number.
    pub channel: [u8; 8],
    /// Points for each source but the first.
    pub sources_each: u8,
    /// Points for all of these at most.
    pub sources_most: u8,
    /// Points that channel and sources come to at most.
    pub exposure_most: u8,
    /// Points for each `STANCH_EXPLOITATION_` number.
    pub exploitation: [u8; 4],
    /// Points for each binary digit of the number of days.
    pub time_digit: u8,
    /// Points for all of these at most.
    pub time_most: u8,
    /// Points for each `STANCH_ENVIRONMENT_` number.
    pub environment: [u8; 3],
    /// Points for each `STANCH_ROTATION_` number, less two; one that was rotated gets those of one in time.
    pub rotation: [u8; 3],
    /// The highest score of a token that is invalid or was rotated.
    pub cap_dead: u8,
    /// Of one that nobody tried.
    pub cap_unverified: u8,
    /// Of one for which nothing but its randomness speaks.
    pub cap_generic: u8,
    /// Of one for which the words around it speak.
    pub cap_contextual: u8,
    /// Of an identifier that may be public.
    pub cap_public: u8,
    /// Of half of a pair.
    pub cap_half: u8,
    /// Of what is left of a score where a patch protects.
    pub cap_protected: u8,
    /// The lowest score of a token with much privilege that is far exposed.
    pub floor_exposed: u8,
    /// From which `STANCH_PRIVILEGE_` number on.
    pub floor_exposed_privilege: u8,
    /// From which `STANCH_CHANNEL_` number on.
    pub floor_exposed_channel: u8,
    /// The lowest score of a token with much privilege in breach data.
    pub floor_breached: u8,
    /// From which `STANCH_PRIVILEGE_` number on.
    pub floor_breached_privilege: u8,
    /// The lowest score of a token that somebody tried to use.
    pub floor_attempted: u8,
    /// From which `STANCH_PRIVILEGE_` number on.
    pub floor_attempted_privilege: u8,
    /// The lowest score of a token that somebody used, and it was accepted.
    pub floor_accepted: u8,
    /// Where the levels low, medium and high begin.
    pub levels: [u8; 3],
    /// Where critical begins.
    pub critical: u8,
    /// Where the grades B, C, D and F begin.
    pub grades: [u8; 4],
    /// What each `STANCH_FAMILY_` number counts, in per cent.
    pub families: [u8; 6],
}
