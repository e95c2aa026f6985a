//! What might be a finding, and how quarrels over the same bytes end.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use super::rule::{Confidence, Rule};

/// What a rule has recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) rule: u16,
    pub(super) range: Range<usize>,
    pub(super) confidence: Confidence,
    /// Bytes of the token that the rule spells out.
    pub(super) literal: usize,
}

/// Keeps of candidates that share bytes the better ones, and orders what is left by place.
///
/// Specific beats generic, then longer beats shorter, then the more spelled out, then the surer
/// wins, then the one for which words near by speak, too, then the earlier, then the rule that stands
/// first in the table.
pub(super) fn resolve(mut all: Vec<Candidate>, rules: &[&Rule]) -> Vec<Candidate> {
    let rank = |c: &Candidate| rules.get(usize::from(c.rule)).map_or(0, |rule| rule.rank());
    let named = |c: &Candidate| {
        rules.get(usize::from(c.rule)).is_some_and(|rule| !rule.keywords().is_empty())
    };
    all.sort_by_key(|c| {
        let better = Reverse((rank(c), c.range.len(), c.literal, c.confidence, named(c)));
        (better, c.range.start, c.rule)
    });
    let mut kept: BTreeMap<usize, Candidate> = BTreeMap::new();
    for candidate in all {
        // Kept ranges share nothing, so only the last that begins before the candidate's end can
        // touch it.
        let free = kept
            .range(..candidate.range.end)
            .next_back()
            .is_none_or(|(_, other)| other.range.end <= candidate.range.start);
        if free && !candidate.range.is_empty() {
            kept.insert(candidate.range.start, candidate);
        }
    }
    kept.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::table::RULES;
    use super::*;

    fn rule(id: &str) -> u16 {
        RULES.iter().position(|rule| rule.id() == id).unwrap() as u16
    }

    fn candidate(rule: u16, range: Range<usize>, confidence: Confidence) -> Candidate {
        Candidate { rule, range, confidence, literal: 0 }
    }

    #[test]
    fn longer_beats_shorter_and_surer_beats_less_sure() {
        let r = rule("github-personal-access-token");
        let long = candidate(r, 5..20, Confidence::Low);
        let short = candidate(r, 15..21, Confidence::High);
        assert_eq!(
            resolve(vec![short, long.clone()], &RULES.iter().collect::<Vec<_>>()),
            std::slice::from_ref(&long)
        );
        let sure = candidate(r, 5..20, Confidence::High);
        assert_eq!(resolve(vec![long, sure.clone()], &RULES.iter().collect::<Vec<_>>()), [sure]);
    }

    #[test]
    fn neighbours_both_stay_in_order() {
        let r = rule("github-personal-access-token");
        let (a, b) = (candidate(r, 0..5, Confidence::Low), candidate(r, 5..9, Confidence::High));
        assert_eq!(resolve(vec![b.clone(), a.clone()], &RULES.iter().collect::<Vec<_>>()), [a, b]);
    }
}
