//! Which leaks the tokens belong to that were found together.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::{Actor, Status, Time};
use super::event::{Entry, Event};
use super::record::{Leak, LeakId, TenantId};
use super::source::{Source, Target};
use super::token::Token;
use crate::class::Facts;
use crate::secret::{Digest, Imprint};

/// Tokens that were found together: in one document, or reported at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Whose they are.
    pub tenant: TenantId,
    /// Whether a person registers them by hand.
    pub manual: bool,
    /// Where they were found.
    pub source: Source,
    /// Whom they endanger, if that is known.
    pub target: Option<Target>,
    /// The tokens.
    pub tokens: Vec<(Imprint, Facts)>,
}

/// What is known of a token that belongs to a leak already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The leak.
    pub leak: LeakId,
    /// The leak's status.
    pub status: Status,
    /// Whether a patch of the leak is in force.
    pub patched: bool,
    /// Whether the token is half of a pair whose other half was not found yet.
    pub half: bool,
}

/// What becomes of a sighting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The leaks that are seen again, by number.
    pub seen_again: Vec<LeakId>,
    /// The one of them that its unknown tokens join. `None` if there is no unknown token, or if they are
    /// a new leak.
    pub joins: Option<LeakId>,
    /// The tokens whose other half was found.
    paired: Vec<(LeakId, Digest)>,
    /// What was seen; of its tokens the unknown ones, each one once.
    sighting: Sighting,
}

/// Says which leaks the tokens of a sighting belong to.
///
/// `known` tells of a token whether it belongs to a leak of the sighting's tenant already.
///
/// - A token that is known makes its leak *seen again*, wherever it was found and whatever the leak's
///   status: one that is false or closed is not raised again.
/// - Tokens that are not known join the first of those leaks about which nothing was decided. If there is
///   none, they are a leak of their own: a decision must not cover what was not there when it was made.
pub fn assign(sighting: Sighting, known: impl Fn(&Digest) -> Option<Known>) -> Assignment {
    let mut leaks = BTreeMap::new();
    let mut paired = BTreeSet::new();
    let mut unknown = Vec::new();
    let mut digests = BTreeSet::new();
    let Sighting { tokens, .. } = sighting;
    for (imprint, facts) in tokens {
        let digest = *imprint.digest();
        match known(&digest) {
            Some(known) => {
                leaks.insert(known.leak, known.status == Status::Opened && !known.patched);
                if known.half && !facts.half {
                    paired.insert((known.leak, digest));
                }
            }
            None if digests.insert(digest) => unknown.push((imprint, facts)),
            None => {}
        }
    }
    let undecided = leaks.iter().find(|(_, undecided)| **undecided).map(|(leak, _)| *leak);
    Assignment {
        joins: undecided.filter(|_| !unknown.is_empty()),
        seen_again: leaks.into_keys().collect(),
        paired: paired.into_iter().collect(),
        sighting: Sighting { tokens: unknown, ..sighting },
    }
}

impl Sighting {
    /// These tokens, found by the system, of the tenant `default`, endangering nobody in particular.
    pub fn new(source: Source, tokens: impl IntoIterator<Item = (Imprint, Facts)>) -> Sighting {
        Sighting {
            tenant: TenantId::default(),
            manual: false,
            source,
            target: None,
            tokens: tokens.into_iter().collect(),
        }
    }

    /// With whose tokens they are.
    pub fn tenant(mut self, tenant: TenantId) -> Sighting {
        self.tenant = tenant;
        self
    }

    /// With whom they endanger.
    pub fn target(mut self, target: Target) -> Sighting {
        self.target = Some(target);
        self
    }

    /// Registered by a person by hand.
    pub fn manual(mut self) -> Sighting {
        self.manual = true;
        self
    }
}

impl Known {
    /// What is known of a token of `leak`.
    pub fn of(leak: &Leak, token: &Token) -> Known {
        Known {
            leak: leak.id(),
            status: leak.status(),
            patched: leak.patch().is_some(),
            half: token.facts().half,
        }
    }
}

impl Assignment {
    /// Whether a leak is made.
    pub fn is_new(&self) -> bool {
        self.joins.is_none() && !self.sighting.tokens.is_empty()
    }

    /// The tokens that were not known, each one once.
    pub fn unknown(&self) -> &[(Imprint, Facts)] {
        &self.sighting.tokens
    }

    /// The entries to write down, in this order. `new` is the number of the leak that is made, if one
    /// is; nothing else has it.
    pub fn entries(self, new: LeakId, at: Time, by: &Actor) -> Vec<Entry> {
        let is_new = self.is_new();
        let Assignment { seen_again, joins, paired, sighting } = self;
        let Sighting { tenant, manual, source, target, tokens } = sighting;
        let entry = |leak, event| Entry { leak, at, by: by.clone(), event };
        let mut entries = Vec::new();
        for leak in seen_again {
            entries.push(entry(leak, Event::SeenAgain { source: source.clone() }));
        }
        for (leak, digest) in paired {
            entries.push(entry(leak, Event::PairFound { digest }));
        }
        match joins {
            Some(leak) => {
                entries.extend(
                    tokens.into_iter().map(|token| entry(leak, Event::TokenAdded { token })),
                );
            }
            None if is_new => {
                let registered = Event::Registered { tenant, manual, source, target, tokens };
                entries.push(entry(new, registered));
            }
            None => {}
        }
        entries
    }
}
