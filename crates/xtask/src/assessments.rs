//! Factors, and what Rust makes of them: numbers that a C program must come to as well.

use stanch::class::{Breadth, Environment, Privilege};
use stanch::risk::{Channel, Exploitation, Factors, Policy, Rotation, Validity, assess};

const PRIVILEGES: [Privilege; 5] = [
    Privilege::Public,
    Privilege::Read,
    Privilege::Write,
    Privilege::PaymentOrDeploy,
    Privilege::Admin,
];
const BREADTHS: [Breadth; 3] = [Breadth::Narrow, Breadth::Some, Breadth::Wide];
const ENVIRONMENTS: [Environment; 3] =
    [Environment::Unknown, Environment::Test, Environment::Production];

/// How many lines there are.
const LINES: u64 = 8000;

/// Lines of 28 numbers of 32 bits: the fields of `stanch_factors` and those of `stanch_assessment`, each but the
/// size, in their order.
pub fn lines() -> Vec<u8> {
    let policy = Policy::default();
    let mut out = Vec::new();
    let mut state = 0x7269_736b_u64;
    for _ in 0..LINES {
        let mut draw = |of: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % of
        };
        let (sources, days) = (draw(6) as u32, (1 << draw(12)) - draw(2) as u32);
        let factors = Factors {
            privilege: PRIVILEGES[draw(5)],
            breadth: BREADTHS[draw(3)],
            channel: Channel::EACH[draw(8)],
            sources,
            exploitation: Exploitation::EACH[draw(4)],
            days,
            environment: ENVIRONMENTS[draw(3)],
            rotation: Rotation::EACH[draw(4)],
            validity: Validity::EACH[draw(3)],
            generic: draw(8) == 0,
            contextual: draw(8) == 0,
            half: draw(8) == 0,
        };
        let assessment = assess(&policy, &factors);
        let explanation = &assessment.explanation;
        let mut line = vec![
            factors.privilege as u32,
            factors.breadth as u32,
            factors.channel as u32,
            factors.sources,
            factors.exploitation as u32,
            factors.days,
            factors.environment as u32,
            factors.rotation as u32,
            factors.validity as u32,
            factors.generic.into(),
            factors.contextual.into(),
            factors.half.into(),
            assessment.score.into(),
            assessment.level as u32,
            assessment.critical.into(),
            explanation.sum().into(),
        ];
        line.extend(explanation.terms.map(|term| u32::from(term.points)));
        let (floor, to) = explanation.floor.map_or((0, 0), |(floor, to)| (floor as u32, to));
        line.extend([floor, to.into()]);
        let (cap, to) = explanation.cap.map_or((0, 0), |(cap, to)| (cap as u32, to));
        line.extend([cap, to.into()]);
        out.extend(line.into_iter().flat_map(u32::to_ne_bytes));
    }
    out
}
