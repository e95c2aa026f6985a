//! Which weights make a policy, and policies in files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "the grid is another test's")]
mod risk_grid;

use proptest::prelude::*;
use risk_grid::policies;
use stanch::risk::{Policy, PolicyError, Weights};

/// A change that is to be refused, and what is said of it.
type Row = (fn(&mut Weights), &'static str);

/// What `validate` says of the usual weights after a change.
fn after(change: impl Fn(&mut Weights)) -> String {
    let mut weights = Weights::default();
    change(&mut weights);
    weights.validate().map_or_else(|error| error.to_string(), |()| "fine".to_owned())
}

#[test]
fn refusals_name_the_field_and_the_reason() {
    assert_eq!(after(|_| ()), "fine");
    let rows: [Row; 24] = [
        (|w| w.privilege.read = 3, "privilege.read: 3 is less than the 4 of privilege.public"),
        (
            |w| w.privilege.admin = 29,
            "privilege.admin: 29 is less than the 30 of privilege.payment-or-deploy",
        ),
        (|w| w.most.impact = 35, "most.impact: 35 is less than the 36 of privilege.admin"),
        (|w| w.most.exposure = 24, "most.exposure: 24 is less than the 25 of channel.market"),
        (|w| w.breadth.wide = 1, "breadth.wide: 1 is less than the 2 of breadth.some"),
        (|w| w.channel.app = 11, "channel.app: 11 is less than the 12 of channel.cleartext"),
        (
            |w| w.exploitation.attempted = 7,
            "exploitation.attempted: 7 is less than the 8 of exploitation.breach",
        ),
        (
            |w| w.environment.test = 3,
            "environment.unknown: 2 is less than the 3 of environment.test",
        ),
        (|w| w.rotation.in_time = 2, "rotation.unknown: 1 is less than the 2 of rotation.in-time"),
        (|w| w.caps.dead = 90, "caps.unverified: 89 is less than the 90 of caps.dead"),
        (|w| w.caps.generic = 70, "caps.contextual: 69 is less than the 70 of caps.generic"),
        (|w| w.caps.public = 101, "caps.public: 101 is not between 0 and 100"),
        (|w| w.caps.protected = 200, "caps.protected: 200 is not between 0 and 100"),
        (|w| w.floors.accepted.score = 101, "floors.accepted.score: 101 is not between 0 and 100"),
        (|w| w.levels.low = 0, "levels.low: 0 is not between 1 and 100"),
        (|w| w.levels.high = 45, "levels.high: 45 is not more than the 45 of levels.medium"),
        (|w| w.levels.critical = 60, "levels.critical: 60 is not more than the 70 of levels.high"),
        (|w| w.grades.c = 9, "grades.c: 9 is not more than the 10 of grades.b"),
        (|w| w.grades.f = 101, "grades.f: 101 is not between 1 and 100"),
        (|w| w.ratings.per = 0, "ratings.per: 0 is not between 1 and 1000000"),
        (|w| w.ratings.per = 1_000_001, "ratings.per: 1000001 is not between 1 and 1000000"),
        (|w| w.ratings.most = 101, "ratings.most: 101 is not between 0 and 100"),
        (|w| w.families.code = 101, "families.code: 101 is not between 0 and 100"),
        (
            |w| w.time.most = 11,
            "most.impact, most.exposure, exploitation.accepted, time.most, environment.production and \
             rotation.overdue come to 101, more than 100",
        ),
    ];
    for (change, complaint) in rows {
        assert_eq!(after(change), complaint);
    }
}

/// No number of one byte may be more than a hundred, whichever it is.
#[test]
fn every_number_is_bounded() {
    let count = policies::numbers(&mut Weights::default()).len();
    for at in 0..count {
        let mut weights = Weights::default();
        let (name, number) = policies::numbers(&mut weights).swap_remove(at);
        *number = 101;
        let error = weights.validate().unwrap_err();
        let is_named =
            matches!(error, PolicyError::Range { field, value: 101, .. } if field == name);
        // The breadth's points are cut off at `most.impact`, but are points none the less.
        assert!(is_named, "{name}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_the_other_tests_go_by_validates(weights in policies::valid()) {
        prop_assert_eq!(weights.validate(), Ok(()));
        let policy = Policy::new(weights).unwrap();
        prop_assert_eq!(*policy.weights(), weights);
    }
}

#[test]
fn no_weights_get_round_validation() {
    let mut weights = Weights::default();
    weights.caps.dead = 90;
    assert!(matches!(
        Policy::new(weights),
        Err(PolicyError::Order { field: "caps.unverified", .. })
    ));
    assert_eq!(*Policy::default().weights(), Weights::default());
    assert_eq!(Weights::default().validate(), Ok(()));
}

#[cfg(feature = "risk-policy")]
mod file {
    use super::*;
    use stanch::class::Privilege;
    use stanch::risk::Channel;

    const SAMPLE: &str = include_str!("../docs/risk-policy.toml");

    fn refused(text: &str) -> String {
        Policy::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_sample_is_the_default() {
        assert_eq!(Policy::parse(SAMPLE), Ok(Policy::default()));
    }

    /// Every number stands in the sample: changing it there changes the policy, or is refused by name.
    #[test]
    fn the_sample_names_every_number() {
        let named: toml::Table = SAMPLE.parse().unwrap();
        for (name, number) in policies::numbers(&mut Weights::default()) {
            let mut value = &toml::Value::Table(named.clone());
            for part in name.split('.') {
                value = value.get(part).unwrap_or_else(|| panic!("{name} is not in the sample"));
            }
            assert_eq!(value.as_integer(), Some(i64::from(*number)), "{name}");
        }
        assert_eq!(named["ratings"]["per"].as_integer(), Some(20));
    }

    #[test]
    fn what_is_left_out_is_as_in_the_default() {
        assert_eq!(Policy::parse(""), Ok(Policy::default()));
        let text =
            "[caps]\ndead = 5\n[floors.exposed]\nchannel = \"bucket\"\nprivilege = \"admin\"\n";
        let mut weights = Weights::default();
        weights.caps.dead = 5;
        weights.floors.exposed.channel = Channel::Bucket;
        weights.floors.exposed.privilege = Privilege::Admin;
        assert_eq!(Policy::parse(text), Ok(Policy::new(weights).unwrap()));
    }

    #[test]
    fn errors_are_clear() {
        for (text, complaint) in [
            ("[cap]\ndead = 1", "line 1: unknown field `cap`"),
            ("[caps]\n\ndeath = 1", "line 3: unknown field `death`, expected one of `dead`"),
            ("[floors.exposed]\nfamily = 1", "line 2: unknown field `family`"),
            ("[caps]\ndead = -1", "line 2: invalid value: integer `-1`"),
            ("[caps]\ndead = 256", "line 2: invalid value: integer `256`"),
            ("[caps]\ndead = 1.5", "line 2: invalid type: floating point `1.5`"),
            ("[caps]\ndead = \"1\"", "line 2: invalid type: string"),
            ("caps = 5", "line 1: invalid type: integer `5`"),
            (
                "[floors.exposed]\nprivilege = \"god\"",
                "line 2: \"god\" is none of public, read, write, payment-or-deploy, admin",
            ),
            (
                "[floors.exposed]\nchannel = \"gist\"",
                "line 2: \"gist\" is none of private, internal",
            ),
            ("[caps]\ndead = 1\ndead = 2", "line 3: duplicate key"),
            ("[caps", "line 1: "),
            ("[caps]\ndead = 101", "caps.dead: 101 is not between 0 and 100"),
        ] {
            let found = refused(text);
            assert!(found.starts_with(complaint), "{text}: {found}");
        }
        assert_eq!(refused(&" ".repeat(65_537)), "a policy has no more than 64 KiB");
        assert_eq!(Policy::parse(&" ".repeat(65_536)), Ok(Policy::default()));
    }
}
