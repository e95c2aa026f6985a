//! Tokens that belong together: an AWS access key id and its secret.

use super::candidate::Candidate;
use super::rule::Rule;

/// Two halves of a pair stand no further apart, in bytes between them.
pub(super) const WINDOW: usize = 512;

/// Which rules pair with which.
pub(super) struct Pairs {
    /// For each rule its other half.
    other: Vec<Option<u16>>,
}

impl Pairs {
    pub(super) fn new(rules: &[&Rule]) -> Pairs {
        let find = |id: &str| {
            rules.iter().position(|rule| rule.id() == id).and_then(|n| u16::try_from(n).ok())
        };
        Pairs { other: rules.iter().map(|rule| rule.pair().and_then(find)).collect() }
    }

    fn other(&self, rule: u16) -> Option<u16> {
        self.other.get(usize::from(rule)).copied().flatten()
    }

    /// Adds to `all` those of `unpaired` that have their other half in it, near by.
    pub(super) fn admit(&self, all: &mut Vec<Candidate>, unpaired: Vec<Candidate>) {
        if unpaired.is_empty() {
            return;
        }
        let mut halves: Vec<(u16, usize)> = all.iter().map(|c| (c.rule, c.range.start)).collect();
        halves.sort_unstable();
        for candidate in unpaired {
            let Some(other) = self.other(candidate.rule) else { continue };
            let nearest = (other, candidate.range.start.saturating_sub(WINDOW));
            let first = halves.partition_point(|half| *half < nearest);
            let near = halves.get(first).is_some_and(|(rule, start)| {
                *rule == other && *start <= candidate.range.end + WINDOW
            });
            if near {
                all.push(candidate);
            }
        }
    }

    /// For each of the candidates, which stand in order, the index of its nearest other half.
    pub(super) fn partners(&self, kept: &[Candidate]) -> Vec<Option<usize>> {
        let mut partners = vec![None; kept.len()];
        for (second, candidate) in kept.iter().enumerate() {
            // A half goes to the nearest one before it that is still alone: key files list pairs
            // one after the other.
            let first = (0..second)
                .rev()
                .take_while(|first| candidate.range.start - kept[*first].range.end <= WINDOW)
                .find(|first| {
                    partners[*first].is_none()
                        && self.other(candidate.rule) == Some(kept[*first].rule)
                });
            if let Some(first) = first {
                partners[first] = Some(second);
                partners[second] = Some(first);
            }
        }
        partners
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Confidence;
    use super::super::table::RULES;
    use super::*;

    fn rule(id: &str) -> u16 {
        RULES.iter().position(|rule| rule.id() == id).unwrap() as u16
    }

    fn at(rule: u16, start: usize) -> Candidate {
        Candidate { rule, range: start..start + 20, confidence: Confidence::High, literal: 0 }
    }

    #[test]
    fn halves_find_each_other_in_order() {
        let pairs = Pairs::new(&RULES.iter().collect::<Vec<_>>());
        let (id, secret) = (rule("aws-access-key-id"), rule("aws-secret-access-key"));
        let kept = [at(id, 0), at(secret, 50), at(id, 100), at(secret, 150), at(secret, 5000)];
        assert_eq!(pairs.partners(&kept), [Some(1), Some(0), Some(3), Some(2), None]);
    }

    #[test]
    fn an_unpaired_half_is_admitted_near_the_other_only() {
        let pairs = Pairs::new(&RULES.iter().collect::<Vec<_>>());
        let (id, secret) = (rule("aws-access-key-id"), rule("aws-secret-access-key"));
        let mut all = vec![at(id, 1000)];
        pairs.admit(
            &mut all,
            vec![at(secret, 1100), at(secret, 600), at(secret, 3000), at(secret, 0)],
        );
        let starts: Vec<_> = all.iter().map(|c| c.range.start).collect();
        assert_eq!(starts, [1000, 1100, 600]);
    }
}
