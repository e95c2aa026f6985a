//! Grades for many tokens together.

use std::collections::HashMap;
use std::hash::Hash;

use super::policy::Policy;
use crate::class::Family;

/// The tokens of open leaks, each of them once, to be rated together.
///
/// `K` is what tells tokens apart, for instance their digests. A token that is added again counts once, with the
/// worst that was said of it: order, duplicates and which leak a token belongs to do not matter.
#[derive(Clone, Debug)]
pub struct Portfolio<'p, K> {
    policy: &'p Policy,
    tokens: HashMap<K, Standing>,
}

/// What one token counts.
#[derive(Clone, Copy, Debug)]
struct Standing {
    residual: u8,
    /// As much of it as its family counts.
    weighed: u8,
}

/// A grade, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rating {
    /// The grade.
    pub grade: Grade,
    /// What it was given for: from 0 to 100, the higher the worse.
    pub points: u8,
    /// The worst token's score.
    pub worst: u8,
    /// The sum of all tokens' scores.
    pub sum: u64,
    /// How many tokens were rated.
    pub tokens: u64,
}

/// From the best, A, to the worst, F. There is no E.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Grade {
    /// Very good.
    A = 0,
    /// Good.
    B = 1,
    /// Fair.
    C = 2,
    /// Poor.
    D = 3,
    /// Failed.
    F = 4,
}

impl Grade {
    /// `A`, `B`, `C`, `D` or `F`.
    pub fn as_str(self) -> &'static str {
        match self {
            Grade::A => "A",
            Grade::B => "B",
            Grade::C => "C",
            Grade::D => "D",
            Grade::F => "F",
        }
    }
}

impl<'p, K: Eq + Hash> Portfolio<'p, K> {
    /// One without tokens, which is rated A.
    pub fn new(policy: &'p Policy) -> Portfolio<'p, K> {
        Portfolio { policy, tokens: HashMap::new() }
    }

    /// One without tokens that has room for so many.
    pub fn with_capacity(policy: &'p Policy, tokens: usize) -> Portfolio<'p, K> {
        Portfolio { policy, tokens: HashMap::with_capacity(tokens) }
    }

    /// Adds a token of an open leak: what [`residual`](super::residual) left of its score, 0 to 100 (more counts
    /// as 100), and its family.
    pub fn add(&mut self, token: K, residual: u8, family: Family) {
        let residual = residual.min(100);
        let share = u16::from(self.policy.weights().families.of(family));
        // At most 100 of a hundred per cent.
        let weighed = (u16::from(residual) * share / 100) as u8;
        let standing = self.tokens.entry(token).or_insert(Standing { residual: 0, weighed: 0 });
        standing.residual = standing.residual.max(residual);
        standing.weighed = standing.weighed.max(weighed);
    }

    /// How badly the tokens of machines are exposed.
    pub fn nhi_exposure(&self) -> Rating {
        self.rate(|standing| standing.residual)
    }

    /// How likely data is to be taken with them: a token counts as much as its family does.
    pub fn data_leak_susceptibility(&self) -> Rating {
        self.rate(|standing| standing.weighed)
    }

    /// The worst token's score, and a bounded share of all the others': harmless tokens cannot improve a grade,
    /// and many small ones cannot outweigh a bad one.
    fn rate(&self, score: impl Fn(&Standing) -> u8) -> Rating {
        let terms = &self.policy.weights().ratings;
        let (mut worst, mut sum) = (0, 0u64);
        for standing in self.tokens.values() {
            let score = score(standing);
            worst = worst.max(score);
            sum += u64::from(score);
        }
        let others = (sum - u64::from(worst)) / u64::from(terms.per);
        let points = u64::from(worst) + others.min(terms.most.into());
        // No more than 100.
        let points = points.min(100) as u8;
        Rating { grade: self.grade(points), points, worst, sum, tokens: self.tokens.len() as u64 }
    }

    fn grade(&self, points: u8) -> Grade {
        let bounds = &self.policy.weights().grades;
        match points {
            points if points >= bounds.f => Grade::F,
            points if points >= bounds.d => Grade::D,
            points if points >= bounds.c => Grade::C,
            points if points >= bounds.b => Grade::B,
            _ => Grade::A,
        }
    }
}
