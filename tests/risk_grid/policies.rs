//! Policies at random.

use proptest::prelude::*;
use stanch::risk::{Channel, Weights};

use super::PRIVILEGES;

/// Every number of one byte among the weights, with its name in a file.
pub(crate) fn numbers(weights: &mut Weights) -> Vec<(&'static str, &mut u8)> {
    macro_rules! list {
        ($($($part:ident).+ = $name:literal,)*) => { vec![$(($name, &mut weights.$($part).+),)*] };
    }
    list![
        privilege.public = "privilege.public",
        privilege.read = "privilege.read",
        privilege.write = "privilege.write",
        privilege.payment_or_deploy = "privilege.payment-or-deploy",
        privilege.admin = "privilege.admin",
        breadth.narrow = "breadth.narrow",
        breadth.some = "breadth.some",
        breadth.wide = "breadth.wide",
        channel.private = "channel.private",
        channel.internal = "channel.internal",
        channel.cleartext = "channel.cleartext",
        channel.app = "channel.app",
        channel.page = "channel.page",
        channel.bucket = "channel.bucket",
        channel.repository = "channel.repository",
        channel.market = "channel.market",
        sources.each = "sources.each",
        sources.most = "sources.most",
        exploitation.none = "exploitation.none",
        exploitation.breach = "exploitation.breach",
        exploitation.attempted = "exploitation.attempted",
        exploitation.accepted = "exploitation.accepted",
        time.digit = "time.digit",
        time.most = "time.most",
        environment.test = "environment.test",
        environment.unknown = "environment.unknown",
        environment.production = "environment.production",
        rotation.in_time = "rotation.in-time",
        rotation.unknown = "rotation.unknown",
        rotation.overdue = "rotation.overdue",
        most.impact = "most.impact",
        most.exposure = "most.exposure",
        caps.dead = "caps.dead",
        caps.unverified = "caps.unverified",
        caps.generic = "caps.generic",
        caps.contextual = "caps.contextual",
        caps.public = "caps.public",
        caps.half = "caps.half",
        caps.protected = "caps.protected",
        floors.exposed.score = "floors.exposed.score",
        floors.breached.score = "floors.breached.score",
        floors.attempted.score = "floors.attempted.score",
        floors.accepted.score = "floors.accepted.score",
        levels.low = "levels.low",
        levels.medium = "levels.medium",
        levels.high = "levels.high",
        levels.critical = "levels.critical",
        ratings.most = "ratings.most",
        grades.b = "grades.b",
        grades.c = "grades.c",
        grades.d = "grades.d",
        grades.f = "grades.f",
        families.storage = "families.storage",
        families.database = "families.database",
        families.cloud = "families.cloud",
        families.code = "families.code",
        families.messaging = "families.messaging",
        families.other = "families.other",
    ]
}

/// Weights of which `validate` has nothing to say, all over what it allows.
pub(crate) fn valid() -> impl Strategy<Value = Weights> {
    (
        prop::collection::vec(any::<u8>(), 64),
        prop::collection::vec(0..=100u8, 40),
        prop::array::uniform3(0..5usize),
        0..8usize,
        prop_oneof![1..40u32, Just(1_000_000u32)],
    )
        .prop_map(|(raw, hundreds, privileges, channel, per)| {
            weights(&raw, &hundreds, privileges, channel, per)
        })
}

/// The usual weights, some of which were overwritten with anything.
pub(crate) fn wild() -> impl Strategy<Value = Weights> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), wild_number()), 1..6);
    (valid(), any::<bool>(), changes).prop_map(|(valid, usual, changes)| {
        let mut weights = if usual { Weights::default() } else { valid };
        for (which, value) in changes {
            let mut numbers = numbers(&mut weights);
            let which = which.index(numbers.len());
            *numbers[which].1 = value;
        }
        weights
    })
}

fn wild_number() -> impl Strategy<Value = u8> {
    prop_oneof![0..=30u8, 0..=101u8, any::<u8>()]
}

fn weights(
    raw: &[u8],
    hundreds: &[u8],
    privileges: [usize; 3],
    channel: usize,
    per: u32,
) -> Weights {
    let (mut raw, mut hundreds) = (raw.iter().copied(), hundreds.iter().copied());
    // A hundred points, shared out between six groups at random: cut at five places.
    let mut cuts: Vec<u8> = hundreds.by_ref().take(5).collect();
    cuts.push(100);
    cuts.sort_unstable();
    let mut before = 0;
    let shares: Vec<u8> = cuts
        .iter()
        .map(|cut| {
            let share = cut - before;
            before = *cut;
            share
        })
        .collect();
    let mut rising = |count: usize, most: u8| {
        let mut values: Vec<u8> = raw
            .by_ref()
            .take(count)
            .map(|value| (u16::from(value) * u16::from(most) / 255) as u8)
            .collect();
        values.sort_unstable();
        values
    };
    let mut weights = Weights::default();
    let to = &mut weights;
    (to.most.impact, to.most.exposure) = (shares[0], shares[1]);
    if let [a, b, c, d, e] = rising(5, shares[0])[..] {
        let to = &mut to.privilege;
        (to.public, to.read, to.write, to.payment_or_deploy, to.admin) = (a, b, c, d, e);
    }
    if let [a, b, c] = rising(3, 100)[..] {
        (to.breadth.narrow, to.breadth.some, to.breadth.wide) = (a, b, c);
    }
    if let [a, b, c, d, e, f, g, h] = rising(8, shares[1])[..] {
        let to = &mut to.channel;
        (to.private, to.internal, to.cleartext, to.app) = (a, b, c, d);
        (to.page, to.bucket, to.repository, to.market) = (e, f, g, h);
    }
    if let [a, b, c, d] = rising(4, shares[2])[..] {
        let to = &mut to.exploitation;
        (to.none, to.breach, to.attempted, to.accepted) = (a, b, c, d);
    }
    to.time.most = shares[3];
    if let [a, b, c] = rising(3, shares[4])[..] {
        let to = &mut to.environment;
        (to.test, to.unknown, to.production) = (a, b, c);
    }
    if let [a, b, c] = rising(3, shares[5])[..] {
        let to = &mut to.rotation;
        (to.in_time, to.unknown, to.overdue) = (a, b, c);
    }
    let mut hundred = || hundreds.next().unwrap_or(50);
    (to.sources.each, to.sources.most, to.time.digit) = (hundred(), hundred(), hundred());
    let caps = &mut to.caps;
    caps.unverified = hundred();
    caps.dead = hundred().min(caps.unverified);
    caps.contextual = hundred();
    caps.generic = hundred().min(caps.contextual);
    (caps.public, caps.half, caps.protected) = (hundred(), hundred(), hundred());
    let floors = &mut to.floors;
    (floors.exposed.score, floors.breached.score) = (hundred(), hundred());
    (floors.attempted.score, floors.accepted.score) = (hundred(), hundred());
    [floors.exposed.privilege, floors.breached.privilege, floors.attempted.privilege] =
        privileges.map(|place| PRIVILEGES[place]);
    floors.exposed.channel = Channel::EACH[channel];
    (to.ratings.per, to.ratings.most) = (per, hundred());
    let to_families = &mut to.families;
    (to_families.storage, to_families.database) = (hundred(), hundred());
    (to_families.cloud, to_families.code) = (hundred(), hundred());
    (to_families.messaging, to_families.other) = (hundred(), hundred());
    let mut bounds = || {
        let mut bounds: Vec<u8> = (0..4).map(|_| hundred() % 97).collect();
        bounds.sort_unstable();
        [bounds[0] + 1, bounds[1] + 2, bounds[2] + 3, bounds[3] + 4]
    };
    let levels = &mut to.levels;
    [levels.low, levels.medium, levels.high, levels.critical] = bounds();
    let grades = &mut to.grades;
    [grades.b, grades.c, grades.d, grades.f] = bounds();
    weights
}
