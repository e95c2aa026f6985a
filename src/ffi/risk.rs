//! Risk in C: scores and ratings.

use std::ffi::{CStr, c_char};

use super::boundary::{array, exclusive, guard, shared, sized};
use super::risk_policy::{channel, privilege, stanch_risk_policy, with};
use super::risk_types::{
    STANCH_CAP_NONE, STANCH_FACTOR_BREADTH, STANCH_FACTOR_CHANNEL, STANCH_FACTOR_DAYS,
    STANCH_FACTOR_ENVIRONMENT, STANCH_FACTOR_EXPLOITATION, STANCH_FACTOR_PRIVILEGE,
    STANCH_FACTOR_ROTATION, STANCH_FACTOR_SOURCES, STANCH_FLOOR_NONE, stanch_assessment,
    stanch_factors, stanch_rated, stanch_rating, stanch_ratings,
};
use super::status::{Failure, STANCH_ERROR_ARGUMENT};
use crate::class::{Breadth, Environment, Family};
use crate::risk::{
    Assessment, Exploitation, Factors, Policy, Portfolio, Rating, Rotation, Validity, assess,
    residual,
};

/// For how many tokens room is made at once: more may well be the same ones again.
const ROOM: usize = 1 << 20;

/// Scores a token under `policy`, or with the usual weights if that is NULL. Does not allocate.
///
/// # Safety
///
/// `policy` is NULL or was made and not freed; `factors` and `out` are valid, with their `size` set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_risk_assess(
    policy: *const stanch_risk_policy,
    factors: *const stanch_factors,
    out: *mut stanch_assessment,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (factors, out) = unsafe { (shared(factors)?, exclusive(out)?) };
        sized::<stanch_factors>(factors.size)?;
        sized::<stanch_assessment>(out.size)?;
        let factors = known(factors).ok_or(STANCH_ERROR_ARGUMENT)?;
        // SAFETY: the caller's promise.
        let assessment = unsafe { with(policy, |policy| assess(policy, &factors))? };
        *out = told(out.size, &assessment);
        Ok(())
    })
}

/// Writes to `*out` what is left of a score from 0 to 100 where a patch protects. `is_protected` is to be 1 only
/// for a token that the user's own API accepts, and only if every enrolled node confirms that it blocks it; else 0.
///
/// # Safety
///
/// `policy` is NULL, for the usual weights, or was made and not freed; `out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_risk_residual(
    policy: *const stanch_risk_policy,
    score: u32,
    is_protected: u32,
    out: *mut u32,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { exclusive(out)? };
        let score = points(score).ok_or(STANCH_ERROR_ARGUMENT)?;
        let protected = truth(is_protected).ok_or(STANCH_ERROR_ARGUMENT)?;
        // SAFETY: the caller's promise.
        *out = unsafe { with(policy, |policy| residual(policy, score, protected))? }.into();
        Ok(())
    })
}

/// Rates the tokens of all open leaks together. Order and duplicates do not matter.
///
/// # Safety
///
/// `policy` is NULL, for the usual weights, or was made and not freed; `tokens` points to `count` valid items, or
/// is NULL if there are none; `out` is valid and `out->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_risk_rate(
    policy: *const stanch_risk_policy,
    tokens: *const stanch_rated,
    count: usize,
    out: *mut stanch_ratings,
) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let (tokens, out) = unsafe { (array(tokens, count)?, exclusive(out)?) };
        sized::<stanch_ratings>(out.size)?;
        let rate = |policy: &Policy| -> Result<stanch_ratings, Failure> {
            let mut portfolio = Portfolio::with_capacity(policy, tokens.len().min(ROOM));
            for rated in tokens {
                let score = points(rated.residual).ok_or(STANCH_ERROR_ARGUMENT)?;
                let family = family(rated.family).ok_or(STANCH_ERROR_ARGUMENT)?;
                portfolio.add(&rated.token, score, family);
            }
            Ok(stanch_ratings {
                size: out.size,
                nhi_exposure: portfolio.nhi_exposure().into(),
                data_leak_susceptibility: portfolio.data_leak_susceptibility().into(),
            })
        };
        // SAFETY: the caller's promise.
        *out = unsafe { with(policy, rate)? }?;
        Ok(())
    })
}

/// The name of a `STANCH_LEVEL_` number as static text: `informational`, `low`, `medium`, `high`, or `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_level_name(level: u32) -> *const c_char {
    name(level, &[c"informational", c"low", c"medium", c"high"])
}

/// The name of a `STANCH_GRADE_` number as static text: `A`, `B`, `C`, `D`, `F`, or `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_grade_name(grade: u32) -> *const c_char {
    name(grade, &[c"A", c"B", c"C", c"D", c"F"])
}

/// The name of a `STANCH_FACTOR_` number as static text: `privilege`, `breadth`, `channel`, `sources`,
/// `exploitation`, `days`, `environment`, `rotation`, or `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_factor_name(factor: u32) -> *const c_char {
    let name = match factor {
        STANCH_FACTOR_PRIVILEGE => c"privilege",
        STANCH_FACTOR_BREADTH => c"breadth",
        STANCH_FACTOR_CHANNEL => c"channel",
        STANCH_FACTOR_SOURCES => c"sources",
        STANCH_FACTOR_EXPLOITATION => c"exploitation",
        STANCH_FACTOR_DAYS => c"days",
        STANCH_FACTOR_ENVIRONMENT => c"environment",
        STANCH_FACTOR_ROTATION => c"rotation",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// The name of a `STANCH_FLOOR_` number as static text: `none`, `exposed`, `breached`, `attempted`, `accepted`, or
/// `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_floor_name(floor: u32) -> *const c_char {
    name(floor, &[c"none", c"exposed", c"breached", c"attempted", c"accepted"])
}

/// The name of a `STANCH_CAP_` number as static text: `none`, `invalid`, `rotated`, `public`, `generic`,
/// `contextual`, `half`, `unverified`, or `unknown`.
#[unsafe(no_mangle)]
pub extern "C" fn stanch_cap_name(cap: u32) -> *const c_char {
    let names = [
        c"none",
        c"invalid",
        c"rotated",
        c"public",
        c"generic",
        c"contextual",
        c"half",
        c"unverified",
    ];
    name(cap, &names)
}

fn name(number: u32, names: &[&'static CStr]) -> *const c_char {
    names.get(number as usize).copied().unwrap_or(c"unknown").as_ptr()
}

/// A caller's factors; nothing if one of the numbers is none.
fn known(given: &stanch_factors) -> Option<Factors> {
    Some(Factors {
        privilege: privilege(given.privilege)?,
        breadth: match given.breadth {
            0 => Breadth::Narrow,
            1 => Breadth::Some,
            2 => Breadth::Wide,
            _ => return None,
        },
        channel: channel(given.channel)?,
        sources: given.sources,
        exploitation: Exploitation::EACH.get(given.exploitation as usize).copied()?,
        days: given.days,
        environment: match given.environment {
            0 => Environment::Unknown,
            1 => Environment::Test,
            2 => Environment::Production,
            _ => return None,
        },
        rotation: from_one(given.rotation, &Rotation::EACH)?,
        validity: from_one(given.validity, &Validity::EACH)?,
        generic: truth(given.is_generic)?,
        contextual: truth(given.is_contextual)?,
        half: truth(given.is_half)?,
    })
}

fn family(number: u32) -> Option<Family> {
    match number {
        0 => Some(Family::Other),
        1 => Some(Family::Storage),
        2 => Some(Family::Database),
        3 => Some(Family::Cloud),
        4 => Some(Family::Code),
        5 => Some(Family::Messaging),
        _ => None,
    }
}

/// What has this number, where the first one's is 1.
fn from_one<T: Copy>(number: u32, each: &[T]) -> Option<T> {
    each.get((number as usize).checked_sub(1)?).copied()
}

/// A score.
fn points(number: u32) -> Option<u8> {
    u8::try_from(number).ok().filter(|points| *points <= 100)
}

fn truth(number: u32) -> Option<bool> {
    match number {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn told(size: usize, assessment: &Assessment) -> stanch_assessment {
    let explanation = &assessment.explanation;
    let (floor, floor_score) =
        explanation.floor.map_or((STANCH_FLOOR_NONE, 0), |(floor, score)| (floor as u32, score));
    let (cap, cap_score) =
        explanation.cap.map_or((STANCH_CAP_NONE, 0), |(cap, score)| (cap as u32, score));
    stanch_assessment {
        size,
        score: assessment.score.into(),
        level: assessment.level as u32,
        is_critical: assessment.critical.into(),
        sum: explanation.sum().into(),
        terms: explanation.terms.map(|term| term.points.into()),
        floor,
        floor_score: floor_score.into(),
        cap,
        cap_score: cap_score.into(),
    }
}

impl From<Rating> for stanch_rating {
    fn from(rating: Rating) -> stanch_rating {
        stanch_rating {
            grade: rating.grade as u32,
            points: rating.points.into(),
            worst: rating.worst.into(),
            reserved: 0,
            sum: rating.sum,
            tokens: rating.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;
    use crate::ffi::risk_policy::{
        stanch_risk_policy_free, stanch_risk_policy_new, stanch_risk_weights_default,
    };
    use crate::ffi::risk_types::stanch_risk_weights;
    use crate::ffi::status::{STANCH_ERROR_NULL, STANCH_ERROR_POLICY, STANCH_OK};
    use crate::risk::{Cap, Floor, Grade, Level};

    /// All factors of a grid, with numbers between and beyond those that count.
    fn each(mut act: impl FnMut(stanch_factors)) {
        for number in 0..5 * 3 * 8 * 4 * 3 * 4 * 3 * 8u32 {
            let mut rest = number;
            let mut draw = |of: u32| {
                let value = rest % of;
                rest /= of;
                value
            };
            let factors = stanch_factors {
                size: size_of::<stanch_factors>(),
                privilege: 1 + draw(5),
                breadth: draw(3),
                channel: draw(8),
                sources: number % 7,
                exploitation: draw(4),
                days: number % 50,
                environment: draw(3),
                rotation: 1 + draw(4),
                validity: 1 + draw(3),
                is_generic: draw(2),
                is_contextual: draw(2),
                is_half: draw(2),
            };
            act(factors);
        }
    }

    fn no_assessment() -> stanch_assessment {
        stanch_assessment {
            size: size_of::<stanch_assessment>(),
            score: 777,
            level: 777,
            is_critical: 777,
            sum: 777,
            terms: [777; 8],
            floor: 777,
            floor_score: 777,
            cap: 777,
            cap_score: 777,
        }
    }

    /// What C should see, put together from Rust's side by hand.
    fn seen_from_c(assessment: &Assessment) -> stanch_assessment {
        let mut seen = no_assessment();
        seen.score = assessment.score.into();
        seen.level = assessment.level as u32;
        seen.is_critical = u32::from(assessment.critical);
        seen.sum = assessment.explanation.terms.iter().map(|term| u32::from(term.points)).sum();
        for (to, from) in seen.terms.iter_mut().zip(assessment.explanation.terms) {
            *to = from.points.into();
        }
        (seen.floor, seen.floor_score, seen.cap, seen.cap_score) = (0, 0, 0, 0);
        if let Some((floor, score)) = assessment.explanation.floor {
            (seen.floor, seen.floor_score) = (floor as u32, score.into());
        }
        if let Some((cap, score)) = assessment.explanation.cap {
            (seen.cap, seen.cap_score) = (cap as u32, score.into());
        }
        seen
    }

    #[test]
    fn the_same_comes_through_rust_and_c() {
        let policy = Policy::default();
        let mut calls = 0;
        each(|given| {
            let factors = known(&given).unwrap();
            let mut out = no_assessment();
            // SAFETY: both are valid.
            let code = unsafe { stanch_risk_assess(ptr::null(), &given, &mut out) };
            assert_eq!((code, out), (STANCH_OK, seen_from_c(&assess(&policy, &factors))));
            calls += 1;
        });
        assert_eq!(calls, 138_240);
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let mut usual = None;
        each(|given| usual = Some(given));
        let usual = usual.unwrap();
        let spoil: [fn(&mut stanch_factors); 15] = [
            |given| given.size -= 1,
            |given| given.privilege = 0,
            |given| given.privilege = 6,
            |given| given.breadth = 3,
            |given| given.channel = 8,
            |given| given.exploitation = 4,
            |given| given.environment = 3,
            |given| given.rotation = 0,
            |given| given.rotation = 5,
            |given| given.validity = 0,
            |given| given.validity = 4,
            |given| given.validity = u32::MAX,
            |given| given.is_generic = 2,
            |given| given.is_contextual = 2,
            |given| given.is_half = 2,
        ];
        for spoil in spoil {
            let (mut given, mut out) = (usual, no_assessment());
            spoil(&mut given);
            // SAFETY: both are valid.
            let code = unsafe { stanch_risk_assess(ptr::null(), &given, &mut out) };
            assert_eq!((code, out), (STANCH_ERROR_ARGUMENT, no_assessment()));
        }
    }

    #[test]
    fn a_policy_of_ones_own_weighs_in_c_too() {
        // SAFETY: bytes and numbers may be zero.
        let mut weights: stanch_risk_weights = unsafe { std::mem::zeroed() };
        weights.size = size_of::<stanch_risk_weights>();
        // SAFETY: it is valid, and its size is set.
        assert_eq!(unsafe { stanch_risk_weights_default(&mut weights) }, STANCH_OK);
        weights.cap_dead = 7;
        let mut policy = ptr::null_mut();
        // SAFETY: all are valid.
        let code = unsafe { stanch_risk_policy_new(&weights, ptr::null_mut(), &mut policy) };
        assert_eq!(code, STANCH_OK);
        each(|given| {
            let mut out = no_assessment();
            // SAFETY: all are valid.
            let code = unsafe { stanch_risk_assess(policy, &given, &mut out) };
            assert_eq!(code, STANCH_OK);
            let is_dead = given.validity == Validity::Invalid as u32
                || given.rotation == Rotation::Rotated as u32;
            assert!(!is_dead || out.score == 7);
        });
        // SAFETY: it was made above, and nobody uses it any more.
        unsafe { stanch_risk_policy_free(policy) };
        weights.cap_dead = 90;
        let mut none = ptr::null_mut();
        // SAFETY: all are valid.
        let code = unsafe { stanch_risk_policy_new(&weights, ptr::null_mut(), &mut none) };
        assert_eq!((code, none), (STANCH_ERROR_POLICY, ptr::null_mut()));
        // SAFETY: NULL is allowed.
        let code = unsafe { stanch_risk_policy_new(&weights, ptr::null_mut(), ptr::null_mut()) };
        assert_eq!(code, STANCH_ERROR_NULL);
    }

    #[test]
    fn names_are_those_of_the_rust_types() {
        // SAFETY: these functions return static C strings.
        let text = |name: *const c_char| unsafe { CStr::from_ptr(name) }.to_str().unwrap();
        for level in [Level::Informational, Level::Low, Level::Medium, Level::High] {
            assert_eq!(text(stanch_level_name(level as u32)), level.as_str());
        }
        for grade in [Grade::A, Grade::B, Grade::C, Grade::D, Grade::F] {
            assert_eq!(text(stanch_grade_name(grade as u32)), grade.as_str());
        }
        let terms = assess(&Policy::default(), &Factors::default()).explanation.terms;
        for (number, term) in (0..).zip(terms) {
            assert_eq!(text(stanch_factor_name(number)), term.factor.as_str());
        }
        for floor in [Floor::Exposed, Floor::Breached, Floor::Attempted, Floor::Accepted] {
            assert_eq!(text(stanch_floor_name(floor as u32)), floor.as_str());
        }
        for cap in [
            Cap::Invalid,
            Cap::Rotated,
            Cap::Public,
            Cap::Generic,
            Cap::Contextual,
            Cap::Half,
            Cap::Unverified,
        ] {
            assert_eq!(text(stanch_cap_name(cap as u32)), cap.as_str());
        }
        for unknown in [
            stanch_level_name(4),
            stanch_grade_name(5),
            stanch_factor_name(8),
            stanch_floor_name(5),
            stanch_cap_name(8),
        ] {
            assert_eq!(text(unknown), "unknown");
        }
    }
}
