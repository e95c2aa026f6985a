//! Deciding about leaks, and writing down what else happened to them.

use stanch::class::Breadth;
use stanch::leak::{
    Act, Circumstances, Decision, Entry, Event, Leak, LeakId, Mode, Place, Rotation, Validity,
};
use stanch::secret::Digest;

use crate::access;
use crate::error::StoreError;
use crate::store::{By, Store};

/// Something that was learned of a leak.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Learned {
    /// Whether the issuer accepts a token.
    Validity(Digest, Validity),
    /// Whether a token is replaced as often as it should be, or was.
    Rotation(Digest, Rotation),
    /// How much a token reaches, and what shows it.
    Scope(Digest, Breadth, String),
    /// The name of a collection of breach data that one of its tokens is in.
    Breach(String),
    /// A place where one of its tokens is used.
    Place(Place),
}

impl Store {
    /// Decides about a leak, and gives it as it is then.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not, [`StoreError::UnknownLeak`], or [`StoreError::Refused`] with
    /// the reason why the decision cannot be made: see [`Leak::decide`]. `anyway` overrules those that lie
    /// in the circumstances.
    pub fn decide(
        &self,
        by: &By,
        leak: LeakId,
        decision: Decision,
        anyway: bool,
        note: Option<&str>,
    ) -> Result<Leak, StoreError> {
        self.write(by.at, |ledger| {
            let found = ledger.leak(leak)?.clone();
            access::check_leak(ledger.database, &by.who, Act::Decide(decision), &found)?;
            let nodes = ledger.nodes(found.tenant())?;
            let circumstances = Circumstances { nodes: &nodes, anyway };
            let entry = found.decide(decision, note, &circumstances, by.at, by.actor.clone())?;
            ledger.append(&entry)?;
            ledger.leak(leak).cloned()
        })
    }

    /// Says something to a leak.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not, [`StoreError::UnknownLeak`], or [`StoreError::Refused`] if
    /// the note is empty, too long, or nobody's.
    pub fn note(&self, by: &By, leak: LeakId, text: &str) -> Result<Leak, StoreError> {
        self.happen(by, Act::Note, leak, Event::Noted(text.to_owned()))
    }

    /// Ticks off a place where a token is used, or takes that back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not, [`StoreError::UnknownLeak`], or [`StoreError::Refused`] if
    /// the place is none of the leak's.
    pub fn tick(
        &self,
        by: &By,
        leak: LeakId,
        place: &Place,
        ticked: bool,
    ) -> Result<Leak, StoreError> {
        let place = place.clone();
        let event = if ticked { Event::PlaceTicked(place) } else { Event::PlaceUnticked(place) };
        self.happen(by, Act::Tick, leak, event)
    }

    /// Writes down what was learned of a leak.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not, [`StoreError::UnknownLeak`], or [`StoreError::Refused`] if
    /// the leak has no such token, or nothing was learned.
    pub fn learn(&self, by: &By, leak: LeakId, learned: Learned) -> Result<Leak, StoreError> {
        let event = match learned {
            Learned::Validity(digest, validity) => Event::ValidityLearned { digest, validity },
            Learned::Rotation(digest, rotation) => Event::Rotated { digest, rotation },
            Learned::Scope(digest, breadth, evidence) => {
                Event::ScopeLearned { digest, breadth, evidence }
            }
            Learned::Breach(corpus) => Event::BreachSeen { corpus },
            Learned::Place(place) => Event::PlaceSeen(place),
        };
        self.happen(by, Act::Learn, leak, event)
    }

    /// Writes down that a node confirms what it does with requests that carry tokens of these leaks. All of them or
    /// none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not, [`StoreError::UnknownLeak`], [`StoreError::Unknown`] if the
    /// node is not enrolled, or [`StoreError::Refused`] if a leak has no patch.
    pub fn acknowledge(
        &self,
        by: &By,
        node: &str,
        confirmed: &[(LeakId, Mode)],
    ) -> Result<(), StoreError> {
        self.write(by.at, |ledger| {
            let ids: Vec<LeakId> = confirmed.iter().map(|(leak, _)| *leak).collect();
            ledger.load(&ids)?;
            for (leak, mode) in confirmed {
                let found = ledger.leak(*leak)?.clone();
                access::check_leak(ledger.database, &by.who, Act::Import, &found)?;
                if !ledger.nodes(found.tenant())?.iter().any(|name| name == node) {
                    return Err(StoreError::Unknown(format!("no node {node} is enrolled")));
                }
                let event = Event::Acknowledged { node: node.to_owned(), mode: *mode };
                ledger.append(&by.entry(*leak, event))?;
            }
            Ok(())
        })
    }

    fn happen(&self, by: &By, act: Act, leak: LeakId, event: Event) -> Result<Leak, StoreError> {
        self.write(by.at, |ledger| {
            let found = ledger.leak(leak)?.clone();
            access::check_leak(ledger.database, &by.who, act, &found)?;
            ledger.append(&by.entry(leak, event))?;
            ledger.leak(leak).cloned()
        })
    }
}

impl By {
    /// The entry that this happened to that leak.
    pub(crate) fn entry(&self, leak: LeakId, event: Event) -> Entry {
        Entry { leak, at: self.at, by: self.actor.clone(), event }
    }
}
