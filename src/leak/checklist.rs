//! What is left to do about a leak, step by step.

use std::fmt;

use super::decision::{Circumstances, Status};
use super::record::Leak;
use super::refusal::Refusal;
use super::seen::Usage;
use super::token::Token;

/// A step towards being rid of a leak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'l> {
    /// What to do.
    pub task: Task<'l>,
    /// How far it is.
    pub progress: Progress,
}

/// What to do about a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task<'l> {
    /// Patch it: it stops the tokens at once, and leaves the time for the rest.
    Patch,
    /// Issue a new token in place of this one.
    Issue(&'l Token),
    /// Give the new token to whoever uses the old one here.
    Update(Usage<'l>),
    /// Find out who uses the tokens, because no use was seen.
    FindUses,
    /// Revoke this token.
    Revoke(&'l Token),
    /// Close the leak.
    Close,
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is to be done.
    Open,
    /// It is done.
    Done,
    /// It cannot be done, or would help nothing, for this reason.
    NotApplicable(Refusal),
}

impl Leak {
    /// The steps towards being rid of the leak, in the order in which to take them; none if it is false.
    ///
    /// A patch stops the tokens at once, so that there is time to replace them everywhere before they are
    /// revoked. Where a patch is no help, they are revoked first: it is all that stops them.
    pub fn checklist(&self, circumstances: &Circumstances<'_>) -> Vec<Step<'_>> {
        if self.status() == Status::False {
            return Vec::new();
        }
        let step = |task, done| {
            let progress = if done { Progress::Done } else { Progress::Open };
            Step { task, progress }
        };
        let tokens = self.tokens();
        let patch = match (self.patch(), self.is_applicable(circumstances)) {
            (None, Err(refusal)) if !circumstances.anyway => {
                Step { task: Task::Patch, progress: Progress::NotApplicable(refusal) }
            }
            (patch, _) => step(Task::Patch, patch.is_some() || self.status() == Status::Closed),
        };
        let revoke = tokens.iter().map(|token| step(Task::Revoke(token), token.is_dead()));
        let issue = tokens.iter().map(|token| step(Task::Issue(token), token.is_replaced()));
        let mut update: Vec<_> =
            self.places().map(|usage| step(Task::Update(usage), usage.ticked)).collect();
        if update.is_empty() {
            update.push(step(Task::FindUses, self.status() == Status::Closed));
        }
        let revoke_first = matches!(patch.progress, Progress::NotApplicable(_));
        let close = step(Task::Close, self.status() == Status::Closed);
        let mut steps = vec![patch];
        if revoke_first {
            steps.extend(revoke.chain(issue).chain(update));
        } else {
            steps.extend(issue.chain(update).chain(revoke));
        }
        steps.push(close);
        steps
    }
}

/// As a person reads it: `revoke Stripe secret key sk_l…(32): https://…`.
impl fmt::Display for Task<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Task::Patch => f.write_str("patch the leak"),
            Task::Issue(token) => {
                write!(f, "issue a new {} in place of {}", token.class(), token.preview())
            }
            Task::Update(usage) => write!(f, "use the new token at {}", usage.place),
            Task::FindUses => f.write_str("find out who uses the tokens: no use was seen yet"),
            Task::Revoke(token) => {
                write!(f, "revoke {} {}", token.class(), token.preview())?;
                match &token.facts().revoke {
                    Some(link) => write!(f, ": {link}"),
                    None => Ok(()),
                }
            }
            Task::Close => f.write_str("close the leak"),
        }
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.progress {
            Progress::Open => write!(f, "to do: {}", self.task),
            Progress::Done => write!(f, "done: {}", self.task),
            Progress::NotApplicable(refusal) => write!(f, "{}: {refusal}", self.task),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Actor, Decision, Entry, Event, LeakId, Mode, Place, Registry, Rotation, Sighting, Source,
        Time, Validity,
    };
    use super::*;
    use crate::class::{Facts, Issuer};
    use crate::secret::{ImprintKey, Secret};

    fn registry(issuer: Issuer) -> Registry {
        let secret = Secret::new("Acme API key", "7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA");
        let imprint = ImprintKey::from_bytes([4; 32]).imprint(&secret).unwrap();
        let revoke = Some("https://acme.example/keys".into());
        let facts = Facts { issuer, revoke, ..Facts::reported() };
        let mut registry = Registry::new();
        let sighting = Sighting::new(Source::file("one", 1), [(imprint, facts)]);
        registry.register(sighting, Time(1), &Actor::System).unwrap();
        registry
    }

    fn happens(registry: &mut Registry, event: Event) {
        let by = Actor::Person("ann".into());
        registry.apply(&Entry { leak: LeakId(1), at: Time(2), by, event }).unwrap();
    }

    fn decided(decision: Decision) -> Event {
        Event::Decided { decision, anyway: false, note: None }
    }

    fn steps(registry: &Registry, nodes: &[String]) -> Vec<String> {
        let circumstances = Circumstances { nodes, anyway: false };
        let leak = registry.leak(LeakId(1)).unwrap();
        leak.checklist(&circumstances).iter().map(Step::to_string).collect()
    }

    #[test]
    fn a_token_of_ones_own_is_patched_replaced_and_then_revoked() {
        let nodes = ["gateway".to_owned()];
        let mut registry = registry(Issuer::Own);
        assert_eq!(
            steps(&registry, &nodes),
            [
                "to do: patch the leak",
                "to do: issue a new Acme API key in place of 7Rk2…(32)",
                "to do: find out who uses the tokens: no use was seen yet",
                "to do: revoke Acme API key 7Rk2…(32): https://acme.example/keys",
                "to do: close the leak",
            ]
        );
        let place = Place {
            host: "api.example".into(),
            method: Some("GET".into()),
            path: "/v1".into(),
            part: "header".into(),
            name: "authorization".into(),
            client: Some("192.0.2.7".into()),
        };
        let digest = *registry.leak(LeakId(1)).unwrap().tokens()[0].imprint().digest();
        happens(&mut registry, decided(Decision::Patch(Mode::Block)));
        happens(&mut registry, Event::PlaceSeen(place.clone()));
        let at = "use the new token at GET api.example/v1 (header authorization, from 192.0.2.7)";
        assert_eq!(steps(&registry, &nodes)[..1], ["done: patch the leak"]);
        assert_eq!(steps(&registry, &nodes)[2], format!("to do: {at}"));
        happens(&mut registry, Event::PlaceTicked(place));
        happens(&mut registry, Event::Rotated { digest, rotation: Rotation::Rotated });
        happens(&mut registry, decided(Decision::Close));
        let done = steps(&registry, &nodes);
        assert_eq!(done[2], format!("done: {at}"));
        assert!(done.iter().all(|step| step.starts_with("done: ")), "{done:?}");
    }

    #[test]
    fn a_token_of_a_stranger_is_revoked_instead() {
        let nodes = ["gateway".to_owned()];
        let mut registry = registry(Issuer::Stranger);
        let first = steps(&registry, &nodes);
        assert_eq!(
            first[..2],
            [
                "patch the leak: not applicable: revoke instead (your own API accepts none of its tokens)",
                "to do: revoke Acme API key 7Rk2…(32): https://acme.example/keys",
            ]
        );
        let digest = *registry.leak(LeakId(1)).unwrap().tokens()[0].imprint().digest();
        let validity = Validity::Invalid;
        happens(&mut registry, Event::ValidityLearned { digest, validity });
        let revoked = steps(&registry, &nodes);
        assert!(revoked[1].starts_with("done: revoke"));
        assert!(revoked[2].starts_with("to do: issue"), "it is dead, not replaced");
    }

    #[test]
    fn where_stanch_only_detects_revoking_comes_first() {
        let registry = registry(Issuer::Own);
        let steps = steps(&registry, &[]);
        assert_eq!(steps[0], format!("patch the leak: {}", Refusal::DetectOnly));
        assert!(steps[1].starts_with("to do: revoke"));
    }

    #[test]
    fn nothing_is_to_be_done_about_what_is_no_leak() {
        let mut registry = registry(Issuer::Own);
        happens(&mut registry, decided(Decision::MarkFalse));
        assert_eq!(steps(&registry, &[]), [""; 0]);
    }
}
