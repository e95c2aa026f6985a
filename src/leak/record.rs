//! A leak, with everything that is known about it.

use std::fmt;

use super::decision::{Actor, Decision, DecisionError, Event, Mode, State, Status, Time};
use super::source::{Source, Target};
use crate::secret::{Digest, Imprint, Preview};

/// The number of a leak. Verdicts name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeakId(pub u64);

/// A token of a leak: its imprint, never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    imprint: Imprint,
}

/// Tokens that were found together, and their history.
#[derive(Clone, Debug)]
pub struct Leak {
    id: LeakId,
    tokens: Vec<Token>,
    sources: Vec<Source>,
    target: Option<Target>,
    first_seen: Time,
    last_seen: Time,
    state: State,
    history: Vec<(Time, Actor, Event)>,
}

impl Token {
    /// The token's imprint.
    pub fn imprint(&self) -> &Imprint {
        &self.imprint
    }

    /// The name of its class.
    pub fn class(&self) -> &str {
        self.imprint.class()
    }

    /// What may be shown of it.
    pub fn preview(&self) -> Preview {
        self.imprint.preview()
    }
}

impl Leak {
    /// A new leak, opened and without a patch.
    pub(super) fn new(
        id: LeakId,
        target: Option<Target>,
        source: Source,
        at: Time,
        by: Actor,
    ) -> Leak {
        Leak {
            id,
            tokens: Vec::new(),
            sources: vec![source],
            target,
            first_seen: at,
            last_seen: at,
            state: State::Opened { patch: None },
            history: vec![(at, by, Event::Registered)],
        }
    }

    /// Its number.
    pub fn id(&self) -> LeakId {
        self.id
    }

    /// Its tokens, each one once.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The places that it was found in, the first one first, each one once.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Whom it endangers, if that is known.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// When it was found first.
    pub fn first_seen(&self) -> Time {
        self.first_seen
    }

    /// When it was found last.
    pub fn last_seen(&self) -> Time {
        self.last_seen
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// The patch that is in force: what becomes of requests with its tokens. `None` if no patch was
    /// decided, or not since the leak was reopened.
    pub fn patch(&self) -> Option<Mode> {
        self.state.patch()
    }

    /// What happened to it, when, and by whom, in the order in which it became known.
    pub fn history(&self) -> &[(Time, Actor, Event)] {
        &self.history
    }

    /// Makes a decision about it.
    ///
    /// # Errors
    ///
    /// [`DecisionError`] if the decision does not fit the leak's status, or nobody made it; the leak
    /// is unchanged then.
    pub fn decide(&mut self, decision: Decision, at: Time, by: Actor) -> Result<(), DecisionError> {
        if by == Actor::System {
            return Err(DecisionError::NobodyDecided);
        }
        self.state = self.state.after(decision)?;
        self.history.push((at, by, Event::Decided(decision)));
        Ok(())
    }

    /// Whether the token with this digest belongs to it.
    pub fn holds(&self, digest: &Digest) -> bool {
        self.tokens.iter().any(|token| token.imprint.digest() == digest)
    }

    /// Takes note that it was found in `source`.
    pub(super) fn see_again(&mut self, source: &Source, at: Time, by: Actor) {
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        if !self.sources.contains(source) {
            self.sources.push(source.clone());
        }
        self.history.push((at, by, Event::SeenAgain));
    }

    /// Adds a token that it does not hold yet.
    pub(super) fn add(&mut self, imprint: Imprint) {
        if !self.holds(imprint.digest()) {
            self.tokens.push(Token { imprint });
        }
    }

    /// Adds a token that was found later than the leak.
    pub(super) fn add_later(&mut self, imprint: Imprint, at: Time, by: Actor) {
        if !self.holds(imprint.digest()) {
            self.tokens.push(Token { imprint });
            self.history.push((at, by, Event::TokenAdded));
        }
    }
}

impl fmt::Display for LeakId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
