//! What can happen to a leak, as it is written down.

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

use super::decision::{Actor, Decision, Mode, Time};
use super::record::{LeakId, TenantId};
use super::refusal::Refusal;
use super::source::{Source, Target};
use super::token::{Rotation, Validity};
use crate::class::{Breadth, Facts};
use crate::secret::{Digest, Imprint};

/// The most bytes of a name: of a person, a policy, a node, a tenant, a rule.
pub const MAX_NAME: usize = 256;
/// The most bytes of each text of a [`Place`]. Clients choose them.
pub const MAX_PLACE: usize = 4096;
/// The most bytes of any other text: a note, a locator.
pub const MAX_TEXT: usize = 65_536;

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", deny_unknown_fields))]
pub struct Entry {
    /// The leak that it is about.
    pub leak: LeakId,
    /// When it happened.
    pub at: Time,
    /// Who did it, or noticed it.
    pub by: Actor,
    /// What happened.
    pub event: Event,
}

/// Something that happened to a leak.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Event {
    /// It was registered. Each leak begins so.
    Registered {
        /// Whose leak it is.
        tenant: TenantId,
        /// Whether a person registered it by hand.
        manual: bool,
        /// Where it was found.
        source: Source,
        /// Whom it endangers, if that is known.
        target: Option<Target>,
        /// Its tokens. Of one that is listed twice the first holds.
        tokens: Vec<(Imprint, Facts)>,
    },
    /// One of its tokens was found again.
    SeenAgain {
        /// Where.
        source: Source,
    },
    /// A token was found together with one of its tokens, before anything was decided.
    TokenAdded {
        /// The token.
        token: (Imprint, Facts),
    },
    /// The other half of a token was found.
    PairFound {
        /// The token that had no other half.
        digest: Digest,
    },
    /// Something was decided about it.
    Decided {
        /// What.
        decision: Decision,
        /// Whether whoever decided was told why not, and said so anyway.
        anyway: bool,
        /// What they said to it.
        note: Option<String>,
    },
    /// Somebody said something to it.
    Noted(String),
    /// One of its tokens was used here.
    PlaceSeen(Place),
    /// The token is not used here any more: somebody saw to it.
    PlaceTicked(Place),
    /// It is still used here after all.
    PlaceUnticked(Place),
    /// A node saw requests with one of its tokens.
    Attempted {
        /// The node.
        node: String,
        /// What the node did with them.
        mode: Mode,
        /// How many there were, at least one.
        count: u64,
        /// Whether the API accepted them.
        accepted: bool,
    },
    /// One of its tokens is in breach data.
    BreachSeen {
        /// The name of the collection.
        corpus: String,
    },
    /// Whether the issuer accepts a token was learned.
    ValidityLearned {
        /// The token.
        digest: Digest,
        /// What was learned.
        validity: Validity,
    },
    /// How old a token may grow, or that it was replaced, was learned.
    Rotated {
        /// The token.
        digest: Digest,
        /// What was learned.
        rotation: Rotation,
    },
    /// How much a token reaches was learned.
    ScopeLearned {
        /// The token.
        digest: Digest,
        /// How much.
        breadth: Breadth,
        /// What shows it.
        evidence: String,
    },
    /// A node confirms that it applies the patch.
    Acknowledged {
        /// The node.
        node: String,
        /// What it does with requests.
        mode: Mode,
    },
    /// Somebody had a token opened that was kept sealed, to have it revoked, and knows it now.
    Unsealed {
        /// The token.
        digest: Digest,
        /// The public key that it was sealed to.
        recipient: String,
    },
}

/// A place where a token is used: what must be changed before the token can go.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", deny_unknown_fields))]
pub struct Place {
    /// The host that is asked.
    pub host: String,
    /// The method, if known.
    pub method: Option<String>,
    /// The path, without the query.
    pub path: String,
    /// The part of the request that holds the token: `header`, `query`, `body`, …
    pub part: String,
    /// The name of the header, cookie or parameter; empty where there is none.
    pub name: String,
    /// Who asks, if known: an address, a user agent.
    pub client: Option<String>,
}

impl Entry {
    /// Whether it could be an entry of some leak: its texts are short enough, whoever did it has a
    /// name, and what needs a person was done by one.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.by.check()?;
        self.event.check(&self.by)
    }
}

impl Event {
    /// The event's name: `registered`, `seen-again`, …, as it is serialised.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Registered { .. } => "registered",
            Event::SeenAgain { .. } => "seen-again",
            Event::TokenAdded { .. } => "token-added",
            Event::PairFound { .. } => "pair-found",
            Event::Decided { .. } => "decided",
            Event::Noted(_) => "noted",
            Event::PlaceSeen(_) => "place-seen",
            Event::PlaceTicked(_) => "place-ticked",
            Event::PlaceUnticked(_) => "place-unticked",
            Event::Attempted { .. } => "attempted",
            Event::BreachSeen { .. } => "breach-seen",
            Event::ValidityLearned { .. } => "validity-learned",
            Event::Rotated { .. } => "rotated",
            Event::ScopeLearned { .. } => "scope-learned",
            Event::Acknowledged { .. } => "acknowledged",
            Event::Unsealed { .. } => "unsealed",
        }
    }

    fn check(&self, by: &Actor) -> Result<(), Refusal> {
        match self {
            Event::Registered { tenant, source, target, tokens, .. } => {
                if tokens.is_empty() {
                    return Err(Refusal::NoToken);
                }
                name("the tenant", &tenant.0)?;
                long("the target", target.as_ref().map_or("", |target| &target.0))?;
                source.check()?;
                tokens.iter().try_for_each(|(_, facts)| facts_fit(facts))
            }
            Event::SeenAgain { source } => source.check(),
            Event::TokenAdded { token: (_, facts) } => facts_fit(facts),
            Event::Decided { note, .. } => {
                by_somebody(by)?;
                long("the note", note.as_deref().unwrap_or_default())
            }
            Event::Noted(note) => {
                by_somebody(by)?;
                match note.trim().is_empty() {
                    true => Err(Refusal::Missing("the note")),
                    false => long("the note", note),
                }
            }
            Event::PlaceSeen(place) => place.check(),
            Event::PlaceTicked(place) | Event::PlaceUnticked(place) => {
                by_somebody(by)?;
                place.check()
            }
            Event::Attempted { count: 0, .. } => Err(Refusal::Missing("the number of attempts")),
            Event::Attempted { node, .. } | Event::Acknowledged { node, .. } => {
                name("the node", node)
            }
            Event::BreachSeen { corpus } => name("the collection", corpus),
            Event::ValidityLearned { validity: Validity::Unverified, .. } => {
                Err(Refusal::Missing("what the issuer says"))
            }
            Event::Rotated { rotation: Rotation::Unknown, .. } => {
                Err(Refusal::Missing("what became of the token"))
            }
            Event::ScopeLearned { evidence, .. } => long("the evidence", evidence),
            Event::Unsealed { recipient, .. } => {
                by_somebody(by)?;
                name("the public key", recipient)
            }
            Event::PairFound { .. } | Event::ValidityLearned { .. } | Event::Rotated { .. } => {
                Ok(())
            }
        }
    }
}

impl Place {
    fn check(&self) -> Result<(), Refusal> {
        let Place { host, method, path, part, name, client } = self;
        let texts = [
            ("the host", host.as_str()),
            ("the method", method.as_deref().unwrap_or_default()),
            ("the path", path),
            ("the part", part),
            ("the parameter's name", name),
            ("the client", client.as_deref().unwrap_or_default()),
        ];
        texts.into_iter().try_for_each(|(what, text)| within(what, text, MAX_PLACE))
    }
}

impl Source {
    fn check(&self) -> Result<(), Refusal> {
        long("the source", &self.locator.place)?;
        name_or_none("the commit", self.locator.commit.as_deref().unwrap_or_default())
    }
}

impl Actor {
    fn check(&self) -> Result<(), Refusal> {
        match self {
            Actor::System => Ok(()),
            Actor::Person(who) | Actor::Policy(who) if who.trim().is_empty() => {
                Err(Refusal::Nameless)
            }
            Actor::Person(who) => name("the person", who),
            Actor::Policy(which) => name("the policy", which),
        }
    }
}

/// `GET api.example.com/v1/charges (header authorization, from 192.0.2.7)`, as far as known.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = &self.method {
            write!(f, "{method} ")?;
        }
        write!(f, "{}{} ({}", self.host, self.path, self.part)?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        if let Some(client) = &self.client {
            write!(f, ", from {client}")?;
        }
        f.write_str(")")
    }
}

fn by_somebody(by: &Actor) -> Result<(), Refusal> {
    match by {
        Actor::System => Err(Refusal::NobodyDecided),
        Actor::Person(_) | Actor::Policy(_) => Ok(()),
    }
}

fn facts_fit(facts: &Facts) -> Result<(), Refusal> {
    name("the rule", &facts.rule)?;
    name_or_none("the provider", &facts.provider)?;
    long("the link", facts.revoke.as_deref().unwrap_or_default())
}

fn name(what: &'static str, text: &str) -> Result<(), Refusal> {
    match text.is_empty() {
        true => Err(Refusal::Missing(what)),
        false => within(what, text, MAX_NAME),
    }
}

fn name_or_none(what: &'static str, text: &str) -> Result<(), Refusal> {
    within(what, text, MAX_NAME)
}

fn long(what: &'static str, text: &str) -> Result<(), Refusal> {
    within(what, text, MAX_TEXT)
}

fn within(what: &'static str, text: &str, most: usize) -> Result<(), Refusal> {
    match text.len() <= most {
        true => Ok(()),
        false => Err(Refusal::TooLong { what, most }),
    }
}

#[cfg(feature = "serde")]
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::class::Issuer;
    use crate::leak::{SourceKind, Visibility};
    use crate::secret::{ImprintKey, Secret};

    fn token() -> (Imprint, Facts) {
        let secret = Secret::new("Acme API key", "7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA");
        let imprint = ImprintKey::from_bytes([4; 32]).imprint(&secret).unwrap();
        let revoke = Some("https://acme.example/keys".into());
        (imprint, Facts { issuer: Issuer::Own, half: true, revoke, ..Facts::reported() })
    }

    /// One of each kind, and more where there is more to write.
    fn events() -> Vec<Event> {
        let place = Place {
            host: "api.example".into(),
            method: Some("GET".into()),
            path: "/v1".into(),
            part: "header".into(),
            name: "authorization".into(),
            client: None,
        };
        let source = Source::new(SourceKind::Repository, "https://git.example/shop")
            .line(7)
            .commit("3f2a")
            .visible(Visibility::Internal);
        let digest = *token().0.digest();
        let decided =
            |decision| Event::Decided { decision, anyway: true, note: Some("why".into()) };
        let node = || "east".to_owned();
        vec![
            Event::Registered {
                tenant: TenantId("shop".into()),
                manual: true,
                source: source.clone(),
                target: Some(Target("shop.example".into())),
                tokens: vec![token(), token()],
            },
            Event::SeenAgain { source },
            Event::TokenAdded { token: token() },
            Event::PairFound { digest },
            decided(Decision::Patch(Mode::Block)),
            decided(Decision::Patch(Mode::Monitor)),
            decided(Decision::MarkFalse),
            decided(Decision::Close),
            decided(Decision::Reopen),
            Event::Noted("by phone".into()),
            Event::PlaceSeen(place.clone()),
            Event::PlaceTicked(place.clone()),
            Event::PlaceUnticked(place),
            Event::Attempted { node: node(), mode: Mode::Block, count: u64::MAX, accepted: true },
            Event::BreachSeen { corpus: "collection".into() },
            Event::ValidityLearned { digest, validity: Validity::Valid },
            Event::Rotated { digest, rotation: Rotation::InTime },
            Event::ScopeLearned { digest, breadth: Breadth::Wide, evidence: "admin:org".into() },
            Event::Acknowledged { node: node(), mode: Mode::Monitor },
            Event::Unsealed { digest, recipient: "age1example".into() },
        ]
    }

    #[test]
    fn every_event_comes_back_from_json() {
        let actors =
            [Actor::System, Actor::Person("ann".into()), Actor::Policy("block ours".into())];
        let mut names = BTreeSet::new();
        for (number, event) in events().into_iter().enumerate() {
            let by = actors[number % actors.len()].clone();
            let entry = Entry { leak: LeakId(number as u64), at: Time(-5), by, event };
            let json = serde_json::to_value(&entry).unwrap();
            assert!(json["event"].get(entry.event.name()).is_some(), "{json}");
            let back: Entry = serde_json::from_str(&json.to_string()).unwrap();
            assert_eq!(back, entry);
            // The imprint is the same one in all that it holds, not just the same token.
            assert_eq!(serde_json::to_value(&back).unwrap(), json);
            names.insert(entry.event.name());
        }
        assert_eq!(names.len(), 16);
    }

    #[test]
    fn entries_are_written_like_this() {
        let event =
            Event::Attempted { node: "east".into(), mode: Mode::Block, count: 3, accepted: false };
        let entry = Entry { leak: LeakId(7), at: Time(60), by: Actor::Person("ann".into()), event };
        assert_eq!(
            serde_json::to_string(&entry).unwrap(),
            r#"{"leak":7,"at":60,"by":{"person":"ann"},"event":{"attempted":{"node":"east","mode":"block","count":3,"accepted":false}}}"#
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let entry = |event: &str| format!(r#"{{"leak":7,"at":60,"by":"system","event":{event}}}"#);
        let known = entry(r#"{"breach-seen":{"corpus":"c"}}"#);
        assert!(serde_json::from_str::<Entry>(&known).is_ok());
        let rows = [
            entry(r#"{"breach-seen":{"corpus":"c","more":1}}"#),
            entry(r#"{"breach-seen":{}}"#),
            entry(r#"{"vanished":{}}"#),
            entry(r#"{"place-seen":{"host":"h","path":"/","part":"p","name":"","port":1}}"#),
            entry(r#"{"pair-found":{"digest":"AAAA"}}"#),
            entry(r#"{"decided":{"decision":{"patch":"ignore"},"anyway":true,"note":null}}"#),
            known.replace("\"at\"", "\"seq\":1,\"at\""),
        ];
        for text in rows {
            assert!(serde_json::from_str::<Entry>(&text).is_err(), "{text}");
        }
        let (imprint, _) = token();
        let text = serde_json::to_string(&imprint).unwrap();
        for wrong in
            [text.replacen('A', "B", 1), "\"A*\"".into(), format!("\"{}\"", "A".repeat(9999))]
        {
            assert!(serde_json::from_str::<Imprint>(&wrong).is_err(), "{wrong}");
        }
    }
}
