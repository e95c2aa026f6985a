//! The laws of risk: under the usual policy for every combination of factors, and under random policies for
//! random ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod risk_grid;
#[allow(dead_code, reason = "grades are another test's")]
mod risk_oracle;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use risk_grid::{COUNT, DIMENSIONS, factors, places, policies, strides};
use risk_oracle::Given;
use stanch::class::Family;
use stanch::risk::{
    Assessment, Explanation, Factors, Policy, Portfolio, Rating, Rotation, Validity, assess,
    leak_score, residual,
};

const FAMILIES: [Family; 6] = [
    Family::Other,
    Family::Storage,
    Family::Database,
    Family::Cloud,
    Family::Code,
    Family::Messaging,
];

fn scores(policy: &Policy) -> Vec<u8> {
    let mut scores = Vec::with_capacity(COUNT);
    risk_grid::each(|places| scores.push(assess(policy, &factors(places)).score));
    assert_eq!(scores.len(), COUNT);
    scores
}

/// Laws 1 and 2 for every combination: no factor, made worse by a step, lowers a score, and all scores are
/// within 0 and 100. Since it holds for every step, it holds for any number of them.
fn assert_monotone(scores: &[u8], policy: &Policy) {
    assert!(scores.iter().all(|score| *score <= 100));
    for (values, stride) in DIMENSIONS.into_iter().zip(strides()) {
        let mut compared = 0;
        // In each block one dimension goes through its values, and those before it through all of theirs.
        for (block, all) in scores.chunks(values * stride).enumerate() {
            for (at, (score, worse)) in all.iter().zip(&all[stride..]).enumerate() {
                if worse < score {
                    let number = block * values * stride + at;
                    let (one, other) = (factors(places(number)), factors(places(number + stride)));
                    panic!("{score} fell to {worse}:\n{one:?}\n{other:?}\n{policy:?}");
                }
                compared += 1;
            }
        }
        assert_eq!(compared, COUNT / values * (values - 1));
    }
}

#[test]
fn every_combination_is_as_the_oracle_says_and_monotone() {
    let policy = Policy::default();
    let scores = scores(&policy);
    let mut rest = scores.iter();
    risk_grid::each(|at| {
        let score = rest.next().unwrap();
        let known = factors(at);
        let given = Given {
            privilege: at[0],
            breadth: at[1],
            channel: at[2],
            sources: known.sources,
            exploitation: at[4],
            days: known.days,
            environment: at[6],
            rotation: at[7],
            validity: at[8],
            generic: known.generic,
            contextual: known.contextual,
            half: known.half,
        };
        assert_eq!(i32::from(*score), risk_oracle::score(&given), "{known:?}");
        assert_eq!(policy.level(*score).as_str(), risk_oracle::level((*score).into()));
    });
    assert_monotone(&scores, &policy);
}

/// The same under policies that share nothing with the usual one but that they validate.
#[test]
fn every_combination_is_monotone_under_other_policies() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..3 {
        let weights = policies::valid().new_tree(&mut runner).unwrap().current();
        let policy = Policy::new(weights).unwrap();
        assert_monotone(&scores(&policy), &policy);
    }
}

/// Every law of one token's score.
fn assert_laws(policy: &Policy, known: &Factors, number: usize) -> Result<(), TestCaseError> {
    let assessment = assess(policy, known);
    let score = assessment.score;
    let with = |change: &dyn Fn(&mut Factors)| {
        let mut changed = *known;
        change(&mut changed);
        assess(policy, &changed).score
    };
    // 1 and 2.
    for ((place, values), stride) in places(number).into_iter().zip(DIMENSIONS).zip(strides()) {
        if place + 1 < values {
            let worse = factors(places(number + stride));
            let worse = Factors { sources: known.sources, days: known.days, ..worse };
            prop_assert!(assess(policy, &worse).score >= score, "{known:?} {worse:?}");
        }
    }
    prop_assert!(with(&|known| known.sources = known.sources.saturating_add(1)) >= score);
    prop_assert!(score <= 100);
    // 3.
    let dead = policy.weights().caps.dead;
    prop_assert!(with(&|known| known.validity = Validity::Invalid) <= dead);
    prop_assert!(with(&|known| known.rotation = Rotation::Rotated) <= dead);
    // 4.
    prop_assert!(with(&|known| known.validity = Validity::Valid) >= score);
    prop_assert!(with(&|known| known.validity = Validity::Invalid) <= score);
    // 8.
    for later in [1, 1000, u32::MAX] {
        prop_assert!(with(&|known| known.days = known.days.saturating_add(later)) >= score);
    }
    // 9.
    let (left, lost) = (residual(policy, score, true), residual(policy, score, false));
    prop_assert!(left <= lost && lost == score);
    prop_assert!(left <= policy.weights().caps.protected);
    // 10.
    prop_assert_eq!(reproduced(&assessment), u32::from(score));
    prop_assert_eq!(assessment.explanation.score(), score);
    prop_assert_eq!(policy.level(score), assessment.level);
    prop_assert_eq!(policy.is_critical(score), assessment.critical);
    // 12.
    assert_words(&assessment.explanation)
}

/// The score from what an explanation says, put together anew. What it names must have made a difference.
fn reproduced(assessment: &Assessment) -> u32 {
    let explanation = &assessment.explanation;
    let mut score: u32 = explanation.terms.iter().map(|term| u32::from(term.points)).sum();
    if let Some((_, floor)) = explanation.floor {
        assert!(score < floor.into());
        score = floor.into();
    }
    if let Some((_, cap)) = explanation.cap {
        assert!(score > cap.into());
        score = cap.into();
    }
    score
}

/// An explanation speaks in the model's words and in numbers, and holds nothing else: it is `Copy` and
/// borrows from nobody.
fn assert_words(explanation: &Explanation) -> Result<(), TestCaseError> {
    fn holds_no_text<T: Copy + 'static>(_: &T) {}
    holds_no_text(explanation);
    const WORDS: &str = "privilege public read write payment-or-deploy admin breadth narrow some wide channel \
        private internal cleartext app page bucket repository market sources exploitation none breach \
        attempted accepted days environment unknown test production rotation rotated in-time overdue floor \
        exposed breached cap invalid generic contextual half unverified + =";
    let known: Vec<&str> = WORDS.split_whitespace().collect();
    for word in explanation.to_string().split([' ', ',']).filter(|word| !word.is_empty()) {
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert!(is_number || known.contains(&word), "{word}");
    }
    Ok(())
}

fn any_token() -> impl Strategy<Value = (usize, u32, u32)> {
    let number = prop_oneof![0..40u32, any::<u32>()];
    (0..COUNT, number.clone(), number)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn laws_of_a_score_hold_under_every_policy(
        weights in policies::valid(),
        tokens in prop::collection::vec(any_token(), 20),
    ) {
        let policy = Policy::new(weights).unwrap();
        for (number, sources, days) in tokens {
            let known = Factors { sources, days, ..factors(places(number)) };
            assert_laws(&policy, &known, number)?;
        }
    }

    /// 5, and what of 6 is about a leak.
    #[test]
    fn a_leak_is_its_worst_token(
        weights in policies::valid(),
        tokens in prop::collection::vec(any_token(), 1..8),
    ) {
        let policy = Policy::new(weights).unwrap();
        let mut scores: Vec<u8> = tokens
            .iter()
            .map(|(number, ..)| assess(&policy, &factors(places(*number))).score)
            .collect();
        let leak = leak_score(scores.iter().copied());
        prop_assert!(scores.contains(&leak) && scores.iter().all(|score| *score <= leak));
        scores.extend_from_within(..);
        scores.reverse();
        prop_assert_eq!(leak_score(scores.iter().copied()), leak);
        let (one, other) = scores.split_at(scores.len() / 3);
        prop_assert_eq!(leak_score([leak_score(one.iter().copied()), leak_score(other.iter().copied())]), leak);
        prop_assert_eq!(leak_score([]), 0);
    }
}

/// A token for a portfolio: which one it is, a score, and its family.
type Open = (u8, u8, Family);

fn any_portfolio() -> impl Strategy<Value = Vec<Open>> {
    let token = (any::<u8>(), 0..=100u8, prop::sample::select(&FAMILIES[..]));
    prop_oneof![prop::collection::vec(token.clone(), 0..12), prop::collection::vec(token, 0..300),]
}

/// Both ratings of some tokens.
fn rated(policy: &Policy, tokens: &[Open]) -> [Rating; 2] {
    let mut portfolio = Portfolio::new(policy);
    for (token, score, family) in tokens {
        portfolio.add(token, *score, *family);
    }
    [portfolio.nhi_exposure(), portfolio.data_leak_susceptibility()]
}

/// Whether the second ratings are no better than the first, in points and in grades.
fn no_better(before: &[Rating; 2], after: &[Rating; 2]) -> bool {
    before.iter().zip(after).all(|(before, after)| {
        after.points >= before.points && after.grade >= before.grade && after.sum >= before.sum
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    /// 6 and 7, and that nothing harmless improves a grade.
    #[test]
    fn laws_of_ratings_hold_under_every_policy(
        weights in policies::valid(),
        tokens in any_portfolio(),
        at in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        more in 0..=100u8,
    ) {
        let policy = Policy::new(weights).unwrap();
        let ratings = rated(&policy, &tokens);
        for rating in ratings {
            prop_assert!(rating.points <= 100 && rating.worst <= rating.points);
        }
        if tokens.is_empty() {
            prop_assert_eq!(ratings[0].points, 0);
            return Ok(());
        }
        // 6: order, duplicates, grouping.
        let (at, other) = (at.index(tokens.len()), other.index(tokens.len()));
        let mut shuffled = tokens.clone();
        shuffled.rotate_left(at);
        shuffled.swap(0, other);
        shuffled.push(tokens[at]);
        shuffled.insert(other, tokens[other]);
        prop_assert_eq!(rated(&policy, &shuffled), ratings);
        shuffled.reverse();
        prop_assert_eq!(rated(&policy, &shuffled), ratings);
        // 7: closing a leak takes its tokens out, reopening brings them back.
        let (from, to) = (at.min(other), at.max(other) + 1);
        let mut closed = tokens.clone();
        closed.drain(from..to);
        prop_assert!(no_better(&rated(&policy, &closed), &ratings));
        // 9, for a rating: less protection, and a score that rises, never improve it.
        let mut worse = tokens.clone();
        worse[at].1 = worse[at].1.saturating_add(more).min(100);
        prop_assert!(no_better(&ratings, &rated(&policy, &worse)));
    }

    #[test]
    fn ratings_are_as_the_oracle_says(tokens in any_portfolio()) {
        let policy = Policy::default();
        let [exposure, data] = rated(&policy, &tokens);
        let share = |family| match family {
            Family::Storage | Family::Database | Family::Cloud => 100,
            Family::Code => 80,
            Family::Messaging => 60,
            Family::Other => 40,
        };
        let all: Vec<_> = tokens.iter().map(|(t, s, _)| (u64::from(*t), i32::from(*s), 100)).collect();
        let weighed: Vec<_> =
            tokens.iter().map(|(t, s, f)| (u64::from(*t), i32::from(*s), share(*f))).collect();
        for (rating, tokens) in [(exposure, all), (data, weighed)] {
            let found = (i32::from(rating.points), rating.grade.as_str());
            prop_assert_eq!(found, risk_oracle::grade(&tokens));
        }
    }
}

/// Whatever `validate` lets pass keeps the laws, however it came about; and it lets something pass.
#[test]
fn what_validates_keeps_the_laws() {
    let (passed, refused) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: 6000, failure_persistence: None, ..Default::default() };
    let tokens = prop::collection::vec(any_token(), 8);
    TestRunner::new(config)
        .run(&(policies::wild(), tokens), |(weights, tokens)| {
            let Ok(policy) = Policy::new(weights) else {
                refused.set(refused.get() + 1);
                return Ok(());
            };
            passed.set(passed.get() + 1);
            for (number, sources, days) in tokens {
                let known = Factors { sources, days, ..factors(places(number)) };
                assert_laws(&policy, &known, number)?;
            }
            Ok(())
        })
        .unwrap();
    assert!(passed.get() > 500 && refused.get() > 500, "{} {}", passed.get(), refused.get());
}
