//! Policies that decide: rules that a person wrote down, to be asked of each leak that nobody decided about.
//!
//! Everything here is pure: it says what a policy would decide. [`Store::apply_policy`](crate::Store::apply_policy)
//! does it.

use serde::Deserialize;
use stanch::class::{Confidence, Consequence};
use stanch::leak::{
    Actor, Circumstances, Decision, Entry, Event, Leak, LeakId, Refusal, SourceKind, Status, Time,
    Token,
};
use stanch::risk::{Assessment, Level};

/// A day in seconds.
const DAY: i64 = 86_400;

/// A policy that decides about leaks: ordered rules, of which the first that fits holds.
///
/// It only speaks of leaks that are opened, and about which no person ever decided: whoever decided has looked, and
/// a rule has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionPolicy {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(crate) name: String,
    pub(crate) decision: Decision,
    pub(crate) anyway: bool,
    pub(crate) note: Option<String>,
    pub(crate) when: When,
}

/// What a policy says of a leak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The leak.
    pub leak: LeakId,
    /// The name of the rule that fits.
    pub rule: String,
    /// What the rule decides.
    pub decision: Decision,
    /// The entry that this makes, or why the leak refuses it, as it would refuse a person.
    pub entry: Result<Entry, Refusal>,
}

/// What a rule asks for. All of it must hold; what is left out is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) level: Option<Least>,
    pub(crate) classes: Option<Vec<String>>,
    pub(crate) providers: Option<Vec<String>>,
    pub(crate) consequences: Option<Vec<Consequence>>,
    pub(crate) confidence: Option<Confidence>,
    pub(crate) kinds: Option<Vec<SourceKind>>,
    /// In lower case.
    pub(crate) targets: Option<Vec<String>>,
    pub(crate) days: Option<u32>,
}

/// The least risk that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Least {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl DecisionPolicy {
    /// The policy's name, which stands in the ledger for what it decides.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first rule that fits a leak, which is as bad as `assessment` says.
    ///
    /// None fits a leak that is not opened, or about which a person has decided.
    pub fn rule(&self, leak: &Leak, assessment: &Assessment, now: Time) -> Option<&Rule> {
        match leak.status() == Status::Opened && !a_person_decided(leak) {
            true => self.rules.iter().find(|rule| rule.fits(leak, assessment, now)),
            false => None,
        }
    }

    /// What the policy decides about a leak, with these nodes enrolled, where `applied_by` applies it. `None` if no rule
    /// fits, or the leak is already as the rule wants it.
    pub fn plan(
        &self,
        leak: &Leak,
        assessment: &Assessment,
        nodes: &[String],
        now: Time,
        applied_by: &Actor,
    ) -> Option<Planned> {
        let rule = self.rule(leak, assessment, now)?;
        let circumstances = Circumstances { nodes, anyway: rule.anyway };
        let note = rule.note(applied_by);
        let by = Actor::Policy(self.name.clone());
        let entry = leak.decide(rule.decision, Some(&note), &circumstances, now, by);
        if let Err(Refusal::Already { .. }) = entry {
            return None;
        }
        Some(Planned { leak: leak.id(), rule: rule.name.clone(), decision: rule.decision, entry })
    }
}

impl Rule {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it decides.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Whether it fits a leak, by its conditions alone.
    ///
    /// A patch is decided where one of the tokens fits, and one of the places: it stops too little otherwise. To close a
    /// leak or mark it false all of them must: the decision is about all of them.
    fn fits(&self, leak: &Leak, assessment: &Assessment, now: Time) -> bool {
        let When { level, kinds, targets, days, .. } = &self.when;
        let tokens = leak.tokens();
        let sources = leak.sources();
        let fits_token = |token: &Token| self.when.fits_token(token);
        let is_kind = |kind| kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind));
        let (is_token, is_source) = match self.decision {
            Decision::Patch(_) => {
                (tokens.iter().any(fits_token), sources.iter().any(|s| is_kind(s.source.kind)))
            }
            _ => (tokens.iter().all(fits_token), sources.iter().all(|s| is_kind(s.source.kind))),
        };
        is_token
            && is_source
            && level.is_none_or(|least| least <= Least::of(assessment))
            && targets.as_ref().is_none_or(|patterns| {
                let target = leak.target().map(|target| target.0.to_lowercase());
                target.is_some_and(|target| patterns.iter().any(|one| covers(one, &target)))
            })
            && days.is_none_or(|days| {
                now.0.saturating_sub(leak.first_seen().0) >= i64::from(days) * DAY
            })
    }

    /// What stands in the ledger beside the decision.
    fn note(&self, applied_by: &Actor) -> String {
        let note = self.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        format!("rule {:?}, applied by {applied_by}{note}", self.name)
    }
}

impl When {
    fn fits_token(&self, token: &Token) -> bool {
        let facts = token.facts();
        let among = |names: &Option<Vec<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|one| one == name))
        };
        among(&self.classes, token.class())
            && among(&self.providers, &facts.provider)
            && self.consequences.as_ref().is_none_or(|all| all.contains(&facts.consequence))
            && self.confidence.is_none_or(|least| least <= facts.confidence)
    }

    /// Whether it asks for nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == When::default()
    }
}

impl Least {
    fn of(assessment: &Assessment) -> Least {
        match assessment.level {
            _ if assessment.critical => Least::Critical,
            Level::High => Least::High,
            Level::Medium => Least::Medium,
            Level::Low => Least::Low,
            Level::Informational => Least::Informational,
        }
    }
}

fn a_person_decided(leak: &Leak) -> bool {
    leak.history()
        .iter()
        .any(|entry| matches!((&entry.event, &entry.by), (Event::Decided { .. }, Actor::Person(_))))
}

/// Whether a pattern, a name or `*.` and a name, covers a target. Both are in lower case.
fn covers(pattern: &str, target: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => target
            .strip_suffix(domain)
            .is_some_and(|sub| sub.strip_suffix('.').is_some_and(|sub| !sub.is_empty())),
        None => pattern == target,
    }
}
