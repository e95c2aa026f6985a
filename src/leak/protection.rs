//! When a patch may be decided, and whether it protects.

use super::decision::{Actor, Circumstances, Decision, Mode, Patched, Time};
use super::event::{Entry, Event};
use super::record::Leak;
use super::refusal::Refusal;
use super::token::Token;
use crate::class::Issuer;

impl Leak {
    /// The entry that this decision makes, to be kept and then [applied](Leak::apply). The leak itself is
    /// unchanged.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the decision does not fit the leak's status, if nobody made it, or if it is a
    /// patch that the circumstances make pointless and nobody said `anyway`:
    /// [`Refusal::NotApplicable`] where none of the tokens is accepted by an API of the user's own,
    /// [`Refusal::DetectOnly`] where there is no node.
    pub fn decide(
        &self,
        decision: Decision,
        note: Option<&str>,
        circumstances: &Circumstances<'_>,
        at: Time,
        by: Actor,
    ) -> Result<Entry, Refusal> {
        let anyway = circumstances.anyway;
        let event = Event::Decided { decision, anyway, note: note.map(str::to_owned) };
        let entry = Entry { leak: self.id(), at, by, event };
        self.check(&entry)?;
        match decision {
            Decision::Patch(_) if !anyway => self.is_applicable(circumstances).map(|()| entry),
            _ => Ok(entry),
        }
    }

    /// Why a patch would stop nothing, if so.
    pub(super) fn is_applicable(&self, circumstances: &Circumstances<'_>) -> Result<(), Refusal> {
        if self.tokens.iter().all(|token| token.facts.issuer == Issuer::Stranger) {
            return Err(Refusal::NotApplicable);
        }
        if circumstances.nodes.is_empty() {
            return Err(Refusal::DetectOnly);
        }
        Ok(())
    }

    /// Whether each of `nodes`, at least one, confirms that it applies the patch that is in force.
    pub fn is_confirmed(&self, nodes: &[String]) -> bool {
        let patch = self.patch();
        let applies = |node: &String| {
            self.acknowledged().any(|said| said.node == node && Some(said.mode) == patch)
        };
        patch.is_some() && !nodes.is_empty() && nodes.iter().all(applies)
    }

    /// Whether `token`, one of its own, cannot be used any more for as long as the patch is in force:
    /// the user's own API accepts it, or whoever decided said so, and each of `nodes` confirms that it
    /// blocks it.
    pub fn is_protected(&self, token: &Token, nodes: &[String]) -> bool {
        self.state.patch().is_some_and(|Patched { mode, anyway, .. }| {
            let is_own = anyway || token.facts.issuer == Issuer::Own;
            mode == Mode::Block && is_own && self.is_confirmed(nodes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::LeakId;
    use super::super::sample::{A, B, ann, happens, leak};
    use super::*;

    fn patch(leak: &mut Leak, at: i64, mode: Mode, anyway: bool) -> Result<(), Refusal> {
        happens(leak, at, Event::Decided { decision: Decision::Patch(mode), anyway, note: None })
    }

    fn acknowledge(leak: &mut Leak, at: i64, node: &str, mode: Mode) -> Result<(), Refusal> {
        happens(leak, at, Event::Acknowledged { node: node.into(), mode })
    }

    /// Whose tokens they are, with how many nodes, told anyway or not: what is said to a patch.
    #[test]
    fn a_patch_needs_a_node_and_a_token_that_it_can_stop() {
        use Issuer::{Own, Stranger, Unknown};
        let node = ["gateway".to_owned()];
        let rows: [(&[Issuer], bool, bool, Option<Refusal>); 12] = [
            (&[Own], true, false, None),
            (&[Unknown], true, false, None),
            (&[Stranger], true, false, Some(Refusal::NotApplicable)),
            (&[Stranger, Stranger], true, false, Some(Refusal::NotApplicable)),
            (&[Stranger, Own], true, false, None),
            (&[Stranger, Unknown], true, false, None),
            (&[Own], false, false, Some(Refusal::DetectOnly)),
            (&[Unknown], false, false, Some(Refusal::DetectOnly)),
            (&[Stranger], false, false, Some(Refusal::NotApplicable)),
            (&[Stranger], true, true, None),
            (&[Own], false, true, None),
            (&[Stranger], false, true, None),
        ];
        for (issuers, has_node, anyway, refusal) in rows {
            let tokens: Vec<_> = [A, B].into_iter().zip(issuers.iter().copied()).collect();
            let leak = leak(&tokens);
            let circumstances = Circumstances { nodes: if has_node { &node } else { &[] }, anyway };
            for mode in [Mode::Block, Mode::Monitor] {
                let decided =
                    leak.decide(Decision::Patch(mode), None, &circumstances, Time(6), ann());
                assert_eq!(decided.err(), refusal, "{issuers:?} {has_node} {anyway}");
            }
            // What takes nothing from anybody's requests is always theirs to decide.
            for decision in [Decision::Close, Decision::MarkFalse] {
                assert!(leak.decide(decision, None, &circumstances, Time(6), ann()).is_ok());
            }
        }
    }

    #[test]
    fn refusals_are_told_in_words() {
        let leak = leak(&[(A, Issuer::Stranger)]);
        let patch = Decision::Patch(Mode::Block);
        let none = Circumstances::default();
        let say =
            |decision, by| leak.decide(decision, None, &none, Time(6), by).unwrap_err().to_string();
        assert_eq!(
            say(patch, ann()),
            "not applicable: revoke instead (your own API accepts none of its tokens)"
        );
        assert_eq!(
            say(patch, Actor::System),
            "this needs a person, or a policy that a person wrote"
        );
        assert_eq!(say(Decision::Reopen, ann()), "the leak is opened already");
        assert_eq!(
            Refusal::DetectOnly.to_string(),
            "no node is enrolled that could block or monitor it: stanch only detects here"
        );
    }

    #[test]
    fn a_decision_is_an_entry_with_its_actor_and_its_note() {
        let leak = leak(&[(A, Issuer::Own)]);
        let nodes = ["gateway".to_owned()];
        let circumstances = Circumstances { nodes: &nodes, anyway: false };
        let policy = Actor::Policy("block what is ours".into());
        let decision = Decision::Patch(Mode::Block);
        let entry = leak
            .decide(decision, Some("until Monday"), &circumstances, Time(6), policy.clone())
            .unwrap();
        let event = Event::Decided { decision, anyway: false, note: Some("until Monday".into()) };
        assert_eq!(entry, Entry { leak: LeakId(1), at: Time(6), by: policy, event });
        assert_eq!(leak.patch(), None, "nothing happens before the entry is taken in");
    }

    #[test]
    fn a_token_is_protected_when_every_node_confirms_to_block_it() {
        let nodes = ["east".to_owned(), "west".to_owned()];
        let mut leak = leak(&[(A, Issuer::Own), (B, Issuer::Stranger)]);
        let is_protected =
            |leak: &Leak| [0, 1].map(|number| leak.is_protected(&leak.tokens()[number], &nodes));
        patch(&mut leak, 10, Mode::Block, false).unwrap();
        assert_eq!(acknowledge(&mut leak, 9, "east", Mode::Block), Err(Refusal::Stale));
        acknowledge(&mut leak, 10, "east", Mode::Block).unwrap();
        assert_eq!(is_protected(&leak), [false, false]);
        acknowledge(&mut leak, 11, "west", Mode::Monitor).unwrap();
        assert_eq!(is_protected(&leak), [false, false]);
        acknowledge(&mut leak, 12, "west", Mode::Block).unwrap();
        assert_eq!(is_protected(&leak), [true, false]);
        assert!(!leak.is_protected(&leak.tokens()[0], &[]), "no node blocks nothing");
        assert_eq!(leak.acknowledged().len(), 2);

        // Another decision needs other confirmations.
        patch(&mut leak, 13, Mode::Monitor, false).unwrap();
        assert_eq!((leak.acknowledged().len(), leak.is_confirmed(&nodes)), (0, false));
        patch(&mut leak, 14, Mode::Block, true).unwrap();
        for node in &nodes {
            acknowledge(&mut leak, 15, node, Mode::Block).unwrap();
        }
        assert_eq!(is_protected(&leak), [true, true], "somebody said so anyway");
        happens(
            &mut leak,
            16,
            Event::Decided { decision: Decision::Close, anyway: false, note: None },
        )
        .unwrap();
        assert_eq!(is_protected(&leak), [false, false]);
    }
}
