//! What the factors of a risk weigh, in C.

use super::boundary::{exclusive, guard, guard_with, shared, sized};
use super::risk_types::stanch_risk_weights;
use super::status::{Failure, STANCH_ERROR_ARGUMENT, STANCH_ERROR_POLICY, stanch_error};
use crate::class::Privilege;
use crate::risk::{Channel, Policy, Weights};

/// What the factors of a risk weigh: immutable, may be shared by threads.
#[allow(non_camel_case_types)]
pub struct stanch_risk_policy(Policy);

/// Writes the usual weights to `*out`.
///
/// # Safety
///
/// `out` is valid and `out->size` is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_risk_weights_default(out: *mut stanch_risk_weights) -> i32 {
    guard(|| {
        // SAFETY: the caller's promise.
        let out = unsafe { exclusive(out)? };
        sized::<stanch_risk_weights>(out.size)?;
        *out = written(out.size, &Weights::default());
        Ok(())
    })
}

/// Makes a policy of `weights`. On success `*out` is to be freed with `stanch_risk_policy_free`; on failure it is
/// left alone, and `error`, unless it is NULL, says which weight is at fault and why.
///
/// # Safety
///
/// `weights` is valid with its `size` set; `error` is NULL or valid with its `size` set; `out` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_risk_policy_new(
    weights: *const stanch_risk_weights,
    error: *mut stanch_error,
    out: *mut *mut stanch_risk_policy,
) -> i32 {
    let make = || {
        // SAFETY: the caller's promise.
        let (weights, out) = unsafe { (shared(weights)?, exclusive(out)?) };
        sized::<stanch_risk_weights>(weights.size)?;
        if weights.size > size_of::<stanch_risk_weights>() {
            let text = "there are weights that this library does not know";
            return Err(Failure::new(STANCH_ERROR_ARGUMENT, text));
        }
        let policy = Policy::new(read(weights)?)
            .map_err(|error| Failure::new(STANCH_ERROR_POLICY, format!("policy: {error}")))?;
        *out = Box::into_raw(Box::new(stanch_risk_policy(policy)));
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { guard_with(error, make) }
}

/// Frees a policy. NULL is fine.
///
/// # Safety
///
/// `policy` is NULL or was made and not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stanch_risk_policy_free(policy: *mut stanch_risk_policy) {
    guard(|| {
        if !policy.is_null() {
            // SAFETY: it came from `Box::into_raw` in `stanch_risk_policy_new`, and the caller
            // promises not to use it again.
            drop(unsafe { Box::from_raw(policy) });
        }
        Ok(())
    });
}

/// Does something with a caller's policy, or with the usual one.
///
/// # Safety
///
/// `policy` is NULL or was made and not freed.
pub(super) unsafe fn with<T>(
    policy: *const stanch_risk_policy,
    act: impl FnOnce(&Policy) -> T,
) -> Result<T, Failure> {
    if policy.is_null() {
        return Ok(act(&Policy::default()));
    }
    // SAFETY: the caller's promise.
    Ok(act(&unsafe { shared(policy)? }.0))
}

/// The privilege of a `STANCH_PRIVILEGE_` number.
pub(super) fn privilege(number: u32) -> Option<Privilege> {
    match number {
        1 => Some(Privilege::Public),
        2 => Some(Privilege::Read),
        3 => Some(Privilege::Write),
        4 => Some(Privilege::PaymentOrDeploy),
        5 => Some(Privilege::Admin),
        _ => None,
    }
}

/// The channel of a `STANCH_CHANNEL_` number.
pub(super) fn channel(number: u32) -> Option<Channel> {
    Channel::EACH.get(number as usize).copied()
}

/// Weights as C has them.
fn written(size: usize, weights: &Weights) -> stanch_risk_weights {
    let Weights { privilege, breadth, channel, exploitation, environment, rotation, .. } = weights;
    let Weights { caps, floors, levels, grades, families, .. } = weights;
    stanch_risk_weights {
        size,
        rating_per: weights.ratings.per,
        rating_most: weights.ratings.most,
        privilege: [
            privilege.public,
            privilege.read,
            privilege.write,
            privilege.payment_or_deploy,
            privilege.admin,
        ],
        breadth: [breadth.narrow, breadth.some, breadth.wide],
        impact_most: weights.most.impact,
        channel: [
            channel.private,
            channel.internal,
            channel.cleartext,
            channel.app,
            channel.page,
            channel.bucket,
            channel.repository,
            channel.market,
        ],
        sources_each: weights.sources.each,
        sources_most: weights.sources.most,
        exposure_most: weights.most.exposure,
        exploitation: [
            exploitation.none,
            exploitation.breach,
            exploitation.attempted,
            exploitation.accepted,
        ],
        time_digit: weights.time.digit,
        time_most: weights.time.most,
        environment: [environment.unknown, environment.test, environment.production],
        rotation: [rotation.in_time, rotation.unknown, rotation.overdue],
        cap_dead: caps.dead,
        cap_unverified: caps.unverified,
        cap_generic: caps.generic,
        cap_contextual: caps.contextual,
        cap_public: caps.public,
        cap_half: caps.half,
        cap_protected: caps.protected,
        floor_exposed: floors.exposed.score,
        floor_exposed_privilege: floors.exposed.privilege as u8,
        floor_exposed_channel: floors.exposed.channel as u8,
        floor_breached: floors.breached.score,
        floor_breached_privilege: floors.breached.privilege as u8,
        floor_attempted: floors.attempted.score,
        floor_attempted_privilege: floors.attempted.privilege as u8,
        floor_accepted: floors.accepted.score,
        levels: [levels.low, levels.medium, levels.high],
        critical: levels.critical,
        grades: [grades.b, grades.c, grades.d, grades.f],
        families: [
            families.other,
            families.storage,
            families.database,
            families.cloud,
            families.code,
            families.messaging,
        ],
    }
}

/// Weights as Rust has them; not yet looked at but for the numbers that stand for names.
fn read(given: &stanch_risk_weights) -> Result<Weights, Failure> {
    let none = |field: &str, number: u8| {
        Failure::new(STANCH_ERROR_POLICY, format!("policy: {field}: there is no {number}"))
    };
    let at_least =
        |field: &str, number: u8| privilege(number.into()).ok_or_else(|| none(field, number));
    let mut weights = Weights::default();
    (weights.ratings.per, weights.ratings.most) = (given.rating_per, given.rating_most);
    let to = &mut weights.privilege;
    [to.public, to.read, to.write, to.payment_or_deploy, to.admin] = given.privilege;
    let to = &mut weights.breadth;
    [to.narrow, to.some, to.wide] = given.breadth;
    let to = &mut weights.channel;
    [to.private, to.internal, to.cleartext, to.app, to.page, to.bucket, to.repository, to.market] =
        given.channel;
    (weights.most.impact, weights.most.exposure) = (given.impact_most, given.exposure_most);
    (weights.sources.each, weights.sources.most) = (given.sources_each, given.sources_most);
    let to = &mut weights.exploitation;
    [to.none, to.breach, to.attempted, to.accepted] = given.exploitation;
    (weights.time.digit, weights.time.most) = (given.time_digit, given.time_most);
    let to = &mut weights.environment;
    [to.unknown, to.test, to.production] = given.environment;
    let to = &mut weights.rotation;
    [to.in_time, to.unknown, to.overdue] = given.rotation;
    let to = &mut weights.caps;
    to.dead = given.cap_dead;
    to.unverified = given.cap_unverified;
    to.generic = given.cap_generic;
    to.contextual = given.cap_contextual;
    to.public = given.cap_public;
    to.half = given.cap_half;
    to.protected = given.cap_protected;
    let to = &mut weights.floors;
    to.exposed.score = given.floor_exposed;
    to.exposed.privilege = at_least("floors.exposed.privilege", given.floor_exposed_privilege)?;
    to.exposed.channel = channel(given.floor_exposed_channel.into())
        .ok_or_else(|| none("floors.exposed.channel", given.floor_exposed_channel))?;
    to.breached.score = given.floor_breached;
    to.breached.privilege = at_least("floors.breached.privilege", given.floor_breached_privilege)?;
    to.attempted.score = given.floor_attempted;
    to.attempted.privilege =
        at_least("floors.attempted.privilege", given.floor_attempted_privilege)?;
    to.accepted.score = given.floor_accepted;
    let to = &mut weights.levels;
    [to.low, to.medium, to.high] = given.levels;
    to.critical = given.critical;
    let to = &mut weights.grades;
    [to.b, to.c, to.d, to.f] = given.grades;
    let to = &mut weights.families;
    [to.other, to.storage, to.database, to.cloud, to.code, to.messaging] = given.families;
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_come_back_as_they_went() {
        let mut weights = Weights::default();
        weights.privilege.read = 15;
        weights.environment.test = 1;
        weights.floors.exposed.channel = Channel::Bucket;
        weights.floors.attempted.privilege = Privilege::Read;
        weights.families.code = 81;
        let size = size_of::<stanch_risk_weights>();
        assert_eq!(read(&written(size, &weights)).ok(), Some(weights));
    }
}
