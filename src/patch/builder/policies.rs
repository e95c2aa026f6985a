//! The different policies of a set that is being compiled.

use std::collections::{BTreeSet, HashMap};

use super::{BuildError, Patch};
use crate::patch::policy::{self, MAX_POLICIES};
use crate::patch::scope::{Rule, Scope};
use crate::patch::verdict::Action;

/// The policies so far, by number. The first two are those of patches without a scope.
#[derive(Debug)]
pub(super) struct Policies {
    policies: Vec<BTreeSet<Rule>>,
    numbers: HashMap<BTreeSet<Rule>, u16>,
}

/// The number of the policy that monitors everything.
const MONITOR: u16 = 0;
/// The number of the policy that blocks everything.
const BLOCK: u16 = 1;

impl Policies {
    /// The two that every set has.
    pub(super) fn new() -> Policies {
        let everywhere = |action| BTreeSet::from([Rule { action, scope: Scope::new() }]);
        let policies = vec![everywhere(Action::Monitor), everywhere(Action::Block)];
        let numbers = (0..).zip(&policies).map(|(number, rules)| (rules.clone(), number)).collect();
        Policies { policies, numbers }
    }

    /// The number of the policy that `patch` asks for.
    pub(super) fn number(&mut self, patch: &Patch) -> Result<u16, BuildError> {
        match &patch.scope {
            None if patch.action == Action::Block => Ok(BLOCK),
            None => Ok(MONITOR),
            Some(scope) => {
                let rule = Rule { action: patch.action, scope: Scope::clone(scope) };
                self.number_of(BTreeSet::from([rule]), patch.leak)
            }
        }
    }

    /// The number of the policy that asks for all that two others ask for, of a token of `leak`.
    pub(super) fn union(&mut self, one: u16, other: u16, leak: u64) -> Result<u16, BuildError> {
        if one == other || one == BLOCK || other == BLOCK {
            return Ok(if one == other { one } else { BLOCK });
        }
        let [one, other] = [one, other].map(|number| &self.policies[usize::from(number)]);
        let mut rules: BTreeSet<Rule> = one.union(other).cloned().collect();
        let everywhere = |rule: &Rule| rule.action == Action::Monitor && rule.scope.is_everything();
        if rules.iter().any(everywhere) {
            rules.retain(|rule| rule.action == Action::Block || everywhere(rule));
        }
        self.number_of(rules, leak)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.policies.len()
    }

    /// The records of the policies with these numbers.
    pub(super) fn records(&self, numbers: &[u16]) -> Vec<Vec<u8>> {
        let policies = numbers.iter().map(|number| &self.policies[usize::from(*number)]);
        policies.filter_map(|rules| policy::encode(rules.iter())).collect()
    }

    fn number_of(&mut self, rules: BTreeSet<Rule>, leak: u64) -> Result<u16, BuildError> {
        if let Some(number) = self.numbers.get(&rules) {
            return Ok(*number);
        }
        if self.len() >= MAX_POLICIES {
            return Err(BuildError::TooManyScopes);
        }
        policy::encode(rules.iter()).ok_or(BuildError::Scope { leak })?;
        let number = self.len() as u16;
        self.policies.push(rules.clone());
        self.numbers.insert(rules, number);
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scoped(path: &str) -> Scope {
        Scope::new().with_path(path).unwrap()
    }

    #[test]
    fn equal_policies_share_a_number() {
        let mut policies = Policies::new();
        let mut number = |patch: Patch| policies.number(&patch).unwrap();
        assert_eq!((number(Patch::monitor(1)), number(Patch::block(2))), (MONITOR, BLOCK));
        assert_eq!(number(Patch::block(3).with_scope(Scope::new())), BLOCK);
        let [a, b] = ["/a", "/b"].map(|path| number(Patch::block(4).with_scope(scoped(path))));
        let again = number(Patch::block(5).with_scope(scoped("/a/")));
        let monitor = number(Patch::monitor(6).with_scope(scoped("/a")));
        assert_eq!((a, b, again, monitor), (2, 3, 2, 4));
        let mut union = |one, other| policies.union(one, other, 1).unwrap();
        assert_eq!((union(a, a), union(a, BLOCK), union(BLOCK, MONITOR)), (a, BLOCK, BLOCK));
        assert_eq!(union(monitor, MONITOR), MONITOR);
        let both = union(a, b);
        assert_eq!((union(b, a), union(both, a)), (both, both));
        let stronger = union(a, monitor);
        assert_eq!(union(a, MONITOR), union(stronger, MONITOR));
    }

    #[test]
    fn too_many_policies_are_refused() {
        let mut policies = Policies::new();
        let mut number = |time: u64| {
            policies.number(&Patch::block(time).with_scope(Scope::new().not_before(time)))
        };
        for time in 1..=MAX_POLICIES as u64 - 2 {
            assert_eq!(number(time), Ok(time as u16 + 1));
        }
        assert_eq!(number(MAX_POLICIES as u64), Err(BuildError::TooManyScopes));
        assert_eq!(number(5), Ok(6));
    }

    #[test]
    fn a_policy_that_is_too_long_names_the_leak() {
        let hosts = |from: u64| {
            let scope = (from..from + 30).try_fold(Scope::new(), |scope, number| {
                scope.with_host(&format!("{number}{}", "a".repeat(100)))
            });
            Patch::block(from).with_scope(scope.unwrap())
        };
        let mut policies = Policies::new();
        let [one, other] = [0, 40].map(|from| policies.number(&hosts(from)).unwrap());
        assert_eq!(policies.union(one, other, 9), Err(BuildError::Scope { leak: 9 }));
    }
}
