//! The worked cases of `docs/risk.md`, and the edges of levels, caps, floors and grades.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use stanch::class::{Breadth, Environment, Family, Privilege};
use stanch::risk::{
    Cap, Channel, Exploitation, Factors, Floor, Grade, Level, Policy, Portfolio, Rotation,
    Validity, assess, leak_score, residual,
};

/// What a worked case is about, the tokens of its leak, the score, and the grade of NHI Exposure.
struct Case {
    about: &'static str,
    tokens: &'static [Factors],
    score: u8,
    grade: Grade,
}

/// The day after: in production, as far as nothing else is known.
const FOUND: Factors = Factors {
    privilege: Privilege::Write,
    breadth: Breadth::Wide,
    channel: Channel::Repository,
    sources: 1,
    exploitation: Exploitation::None,
    days: 1,
    environment: Environment::Production,
    rotation: Rotation::Unknown,
    validity: Validity::Unverified,
    generic: false,
    contextual: false,
    half: false,
};

const WORKED: &[Case] = &[
    Case {
        about: "Stripe live key in a configuration file on a web host, unverified",
        tokens: &[Factors {
            privilege: Privilege::PaymentOrDeploy,
            channel: Channel::Page,
            ..FOUND
        }],
        score: 70,
        grade: Grade::F,
    },
    Case {
        about: "AWS key pair in a public gist, verified",
        tokens: &[
            Factors { channel: Channel::Bucket, validity: Validity::Valid, ..FOUND },
            Factors {
                privilege: Privilege::Admin,
                channel: Channel::Bucket,
                validity: Validity::Valid,
                ..FOUND
            },
        ],
        score: 70,
        grade: Grade::F,
    },
    Case {
        about: "AWS access key id alone in a public repository",
        tokens: &[Factors { half: true, ..FOUND }],
        score: 54,
        grade: Grade::D,
    },
    Case {
        about: "Facebook client id in an app",
        tokens: &[Factors { privilege: Privilege::Public, channel: Channel::App, ..FOUND }],
        score: 19,
        grade: Grade::B,
    },
    Case {
        about: "revoked AWS root key",
        tokens: &[Factors { privilege: Privilege::Admin, validity: Validity::Invalid, ..FOUND }],
        score: 15,
        grade: Grade::B,
    },
];

#[test]
fn worked_cases() {
    let policy = Policy::default();
    for Case { about, tokens, score, grade } in WORKED {
        let scores: Vec<u8> = tokens.iter().map(|token| assess(&policy, token).score).collect();
        assert_eq!(leak_score(scores.iter().copied()), *score, "{about}");
        let mut portfolio = Portfolio::new(&policy);
        for (token, score) in scores.iter().enumerate() {
            portfolio.add(token, residual(&policy, *score, false), Family::Cloud);
        }
        assert_eq!(portfolio.nhi_exposure().grade, *grade, "{about}");
    }
}

#[test]
fn explanations_of_worked_cases() {
    let policy = Policy::default();
    let lines: Vec<String> = WORKED
        .iter()
        .map(|case| assess(&policy, case.tokens.last().unwrap()).explanation.to_string())
        .collect();
    let of = |channel: &str, rest: &str| {
        format!("{channel} + sources 1 0 + exploitation none 0 + days 1 2 + {rest}")
    };
    let usual = "environment production 3 + rotation unknown 1";
    assert_eq!(
        lines,
        [
            of(
                "privilege payment-or-deploy 30 + breadth wide 4 + channel page 18",
                &format!("{usual} = 58, floor exposed 70")
            ),
            of(
                "privilege admin 36 + breadth wide 4 + channel bucket 20",
                &format!("{usual} = 66, floor exposed 70")
            ),
            of(
                "privilege write 22 + breadth wide 4 + channel repository 22",
                &format!("{usual} = 54")
            ),
            of(
                "privilege public 4 + breadth wide 4 + channel app 16",
                &format!("{usual} = 30, cap public 19")
            ),
            of(
                "privilege admin 36 + breadth wide 4 + channel repository 22",
                &format!("{usual} = 68, floor exposed 70, cap invalid 15")
            ),
        ]
    );
}

#[test]
fn levels_begin_where_the_model_says() {
    let policy = Policy::default();
    for (score, level, critical) in [
        (0, Level::Informational, false),
        (19, Level::Informational, false),
        (20, Level::Low, false),
        (44, Level::Low, false),
        (45, Level::Medium, false),
        (69, Level::Medium, false),
        (70, Level::High, false),
        (89, Level::High, false),
        (90, Level::High, true),
        (100, Level::High, true),
    ] {
        assert_eq!((policy.level(score), policy.is_critical(score)), (level, critical), "{score}");
    }
}

#[test]
fn everything_at_its_worst_is_a_hundred() {
    let worst = Factors {
        privilege: Privilege::Admin,
        breadth: Breadth::Wide,
        channel: Channel::Market,
        sources: u32::MAX,
        exploitation: Exploitation::Accepted,
        days: u32::MAX,
        environment: Environment::Production,
        rotation: Rotation::Overdue,
        validity: Validity::Valid,
        generic: false,
        contextual: false,
        half: false,
    };
    let assessment = assess(&Policy::default(), &worst);
    assert_eq!((assessment.score, assessment.critical), (100, true));
    assert_eq!(assessment.explanation.terms.map(|term| term.points), [36, 4, 25, 0, 20, 10, 3, 2]);
}

/// What the model says of single caps and floors.
#[test]
fn caps_and_floors_one_by_one() {
    let admin = Factors { privilege: Privilege::Admin, days: 100, ..FOUND };
    let read = Factors { privilege: Privilege::Read, channel: Channel::Private, ..FOUND };
    let accepted = Exploitation::Accepted;
    for (about, factors, score, floor, cap) in [
        ("invalid", Factors { validity: Validity::Invalid, ..admin }, 15, None, Some(Cap::Invalid)),
        (
            "invalid, though it was accepted",
            Factors { validity: Validity::Invalid, exploitation: accepted, ..admin },
            15,
            None,
            Some(Cap::Invalid),
        ),
        ("rotated", Factors { rotation: Rotation::Rotated, ..admin }, 15, None, Some(Cap::Rotated)),
        (
            "not verified",
            Factors { exploitation: Exploitation::Attempted, ..admin },
            89,
            None,
            Some(Cap::Unverified),
        ),
        ("accepted lifts it", Factors { exploitation: accepted, ..admin }, 96, None, None),
        ("generic", Factors { generic: true, ..admin }, 44, None, Some(Cap::Generic)),
        ("contextual", Factors { contextual: true, ..admin }, 69, None, Some(Cap::Contextual)),
        ("half", Factors { half: true, ..admin }, 69, None, Some(Cap::Half)),
        (
            "accepted, though it only reads in private",
            Factors { exploitation: accepted, ..read },
            90,
            Some(Floor::Accepted),
            None,
        ),
        (
            "an attempt with writing",
            Factors { exploitation: Exploitation::Attempted, privilege: Privilege::Write, ..read },
            70,
            Some(Floor::Attempted),
            None,
        ),
        (
            "an attempt with reading",
            Factors { exploitation: Exploitation::Attempted, ..read },
            42,
            None,
            None,
        ),
        (
            "breach data with payment",
            Factors {
                exploitation: Exploitation::Breach,
                privilege: Privilege::PaymentOrDeploy,
                ..read
            },
            70,
            Some(Floor::Breached),
            None,
        ),
        (
            "breach data with writing",
            Factors { exploitation: Exploitation::Breach, privilege: Privilege::Write, ..read },
            44,
            None,
            None,
        ),
        (
            "payment in cleartext",
            Factors {
                privilege: Privilege::PaymentOrDeploy,
                channel: Channel::Cleartext,
                sources: 9,
                ..read
            },
            55,
            None,
            None,
        ),
    ] {
        let assessment = assess(&Policy::default(), &factors);
        assert_eq!(assessment.score, score, "{about}: {}", assessment.explanation);
        let found = &assessment.explanation;
        assert_eq!(found.floor.map(|(floor, _)| floor), floor, "{about}");
        assert_eq!(found.cap.map(|(cap, _)| cap), cap, "{about}");
    }
}

#[test]
fn grades_begin_where_the_model_says() {
    let policy = Policy::default();
    for (score, grade) in [
        (0, Grade::A),
        (9, Grade::A),
        (10, Grade::B),
        (24, Grade::B),
        (25, Grade::C),
        (44, Grade::C),
        (45, Grade::D),
        (69, Grade::D),
        (70, Grade::F),
        (100, Grade::F),
        (255, Grade::F),
    ] {
        let mut portfolio = Portfolio::new(&policy);
        portfolio.add(0, score, Family::Cloud);
        assert_eq!(portfolio.nhi_exposure().grade, grade, "{score}");
    }
    assert_eq!(Portfolio::<u8>::new(&policy).nhi_exposure().grade, Grade::A);
}

/// A key drops a grade at once, closing its leak restores it, and an AWS key weighs more than a chat's.
#[test]
fn ratings_follow_what_is_open() {
    let policy = Policy::default();
    let grades = |tokens: &[(u8, Family)]| {
        let mut portfolio = Portfolio::new(&policy);
        for (token, (score, family)) in tokens.iter().enumerate() {
            portfolio.add(token, *score, *family);
        }
        let (exposure, data) = (portfolio.nhi_exposure(), portfolio.data_leak_susceptibility());
        ((exposure.points, exposure.grade), (data.points, data.grade))
    };
    let quiet = (8, Family::Other);
    assert_eq!(grades(&[quiet]), ((8, Grade::A), (3, Grade::A)));
    assert_eq!(grades(&[quiet, (70, Family::Other)]), ((70, Grade::F), (28, Grade::C)));
    assert_eq!(grades(&[quiet, (70, Family::Cloud)]), ((70, Grade::F), (70, Grade::F)));
    assert_eq!(grades(&[quiet, (70, Family::Code)]), ((70, Grade::F), (56, Grade::D)));
    assert_eq!(grades(&[quiet, (70, Family::Messaging)]), ((70, Grade::F), (42, Grade::C)));
    assert_eq!(grades(&[quiet]), ((8, Grade::A), (3, Grade::A)));
    // A protected token still counts, but only as what is left of it.
    assert_eq!(residual(&policy, 70, true), 44);
    assert_eq!(grades(&[(44, Family::Cloud)]), ((44, Grade::C), (44, Grade::C)));
    // A hundred harmless ones cost fifteen points at most.
    let many = [(44, Family::Storage); 100];
    assert_eq!(grades(&many), ((59, Grade::D), (59, Grade::D)));
}

#[test]
fn a_token_counts_once_and_as_its_worst() {
    let policy = Policy::default();
    let mut portfolio = Portfolio::new(&policy);
    portfolio.add("digest", 60, Family::Messaging);
    portfolio.add("digest", 40, Family::Cloud);
    let (exposure, data) = (portfolio.nhi_exposure(), portfolio.data_leak_susceptibility());
    assert_eq!((exposure.tokens, exposure.worst, exposure.sum), (1, 60, 60));
    assert_eq!((data.tokens, data.worst, data.sum), (1, 40, 40));
}
