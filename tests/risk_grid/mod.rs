//! Every combination of factors that can differ in a score, by its number.

pub(crate) mod policies;

use stanch::class::{Breadth, Environment, Privilege};
use stanch::risk::{Channel, Exploitation, Factors, Rotation, Validity};

pub(crate) const PRIVILEGES: [Privilege; 5] = [
    Privilege::Public,
    Privilege::Read,
    Privilege::Write,
    Privilege::PaymentOrDeploy,
    Privilege::Admin,
];
pub(crate) const BREADTHS: [Breadth; 3] = [Breadth::Narrow, Breadth::Some, Breadth::Wide];
pub(crate) const ENVIRONMENTS: [Environment; 3] =
    [Environment::Test, Environment::Unknown, Environment::Production];
/// How many sources: each number that counts, and one beyond.
pub(crate) const SOURCES: [u32; 5] = [1, 2, 3, 4, 9];
/// How many days: one of each number of binary digits that counts, and one beyond.
pub(crate) const DAYS: [u32; 7] = [0, 1, 3, 6, 15, 30, 1000];

/// How many values each dimension has: privilege, breadth, channel, sources, exploitation, days, environment,
/// rotation, validity, how it was found, whether it is whole. In each, a higher place is worse.
pub(crate) const DIMENSIONS: [usize; 11] = [5, 3, 8, 5, 4, 7, 3, 4, 3, 4, 2];

/// The number of combinations.
pub(crate) const COUNT: usize = {
    let (mut count, mut at) = (1, 0);
    while at < DIMENSIONS.len() {
        count *= DIMENSIONS[at];
        at += 1;
    }
    count
};

/// The places of a combination in each dimension.
pub(crate) fn places(number: usize) -> [usize; 11] {
    let mut rest = number;
    DIMENSIONS.map(|values| {
        let place = rest % values;
        rest /= values;
        place
    })
}

/// By how much a combination's number grows with one place of each dimension.
pub(crate) fn strides() -> [usize; 11] {
    let mut stride = 1;
    DIMENSIONS.map(|values| {
        let this = stride;
        stride *= values;
        this
    })
}

/// Goes through all combinations in the order of their numbers.
pub(crate) fn each(mut act: impl FnMut([usize; 11])) {
    let mut places = [0; 11];
    loop {
        act(places);
        let mut at = 0;
        loop {
            if at == places.len() {
                return;
            }
            places[at] += 1;
            if places[at] < DIMENSIONS[at] {
                break;
            }
            places[at] = 0;
            at += 1;
        }
    }
}

/// The factors of a combination.
pub(crate) fn factors(places: [usize; 11]) -> Factors {
    Factors {
        privilege: PRIVILEGES[places[0]],
        breadth: BREADTHS[places[1]],
        channel: Channel::EACH[places[2]],
        sources: SOURCES[places[3]],
        exploitation: Exploitation::EACH[places[4]],
        days: DAYS[places[5]],
        environment: ENVIRONMENTS[places[6]],
        rotation: Rotation::EACH[places[7]],
        validity: Validity::EACH[places[8]],
        generic: places[9] < 2,
        contextual: places[9] == 0 || places[9] == 2,
        half: places[10] == 0,
    }
}
