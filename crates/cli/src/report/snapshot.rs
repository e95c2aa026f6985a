//! From the ledger to what a report is made from: words and numbers that stand by themselves.

use std::cmp::Reverse;

use stanch::leak::{
    self, Circumstances, Decision, Event, Leak, Progress, Task, TenantId, Time, Usage, User,
};
use stanch::risk::{self, Cap, Exploitation, Factor, Floor, Policy, Portfolio};
use stanch_report::{
    Attempts, Bound, Channel, Consequence, Explanation, Grade, Level, Mode, Patch, Place, Rating,
    Ratings, Snapshot, Source, Status, Step, Term, Token, Totals, VERSION,
};
use stanch_store::rate::{self, Rated};
use stanch_store::{Store, TokenRated};

use crate::outcome::Failure;

/// How many leaks a rating names that drive it.
const DRIVERS: usize = 3;

/// The leaks of a tenant as they stand `now`; what happened from `since` on is recent.
///
/// # Errors
///
/// [`Failure::Empty`] if there is no leak; otherwise what the ledger says.
pub(super) fn take(
    store: &Store,
    who: &User,
    tenant: &TenantId,
    since: Time,
    now: Time,
) -> Result<Snapshot, Failure> {
    let nodes = store.nodes(who, tenant)?;
    let rated = store.snapshot(who, Some(tenant), now)?.leaks;
    if rated.is_empty() {
        return Err(Failure::Empty);
    }
    let leaks: Vec<_> = rated.iter().map(|(leak, rated)| told(leak, rated, &nodes, now)).collect();
    Ok(Snapshot {
        version: VERSION,
        at: now.0,
        since: since.0,
        tenant: tenant.0.clone(),
        nodes: nodes.len() as u64,
        totals: Totals::of(&leaks, since.0),
        leaks,
        ratings: ratings(store.policy(), &rated),
        before: before(store.policy(), &rated, &nodes, since),
    })
}

/// The ratings of the tokens of all open leaks.
fn ratings(policy: &Policy, leaks: &[(Leak, Rated)]) -> Ratings {
    let mut all = Portfolio::new(policy);
    let (mut exposing, mut susceptible) = (Vec::new(), Vec::new());
    for (leak, rated) in leaks.iter().filter(|(leak, _)| leak.status() == leak::Status::Opened) {
        // What the leak alone comes to says how much it drives the whole.
        let mut alone = Portfolio::new(policy);
        for (token, rated) in leak.tokens().iter().zip(&rated.tokens) {
            let family = token.facts().family;
            all.add(rated.digest, rated.residual, family);
            alone.add(rated.digest, rated.residual, family);
        }
        exposing.push((alone.nhi_exposure().worst, leak.id().0));
        susceptible.push((alone.data_leak_susceptibility().worst, leak.id().0));
    }
    Ratings {
        nhi_exposure: rating(all.nhi_exposure(), exposing),
        data_leak_susceptibility: rating(all.data_leak_susceptibility(), susceptible),
    }
}

/// A rating, and which leaks drive it: of those that score anything, the worst.
fn rating(rating: risk::Rating, mut drivers: Vec<(u8, u64)>) -> Rating {
    drivers.retain(|(score, _)| *score > 0);
    drivers.sort_by_key(|(score, id)| (Reverse(*score), *id));
    Rating {
        grade: match rating.grade {
            risk::Grade::A => Grade::A,
            risk::Grade::B => Grade::B,
            risk::Grade::C => Grade::C,
            risk::Grade::D => Grade::D,
            risk::Grade::F => Grade::F,
        },
        points: rating.points,
        worst: rating.worst,
        sum: rating.sum,
        drivers: drivers.into_iter().take(DRIVERS).map(|(_, id)| id).collect(),
    }
}

/// The ratings at an earlier time, with the nodes of today: which there were then, the ledger does not
/// say. `None` if no leak was known then: a good grade would be that of an empty ledger.
fn before(policy: &Policy, leaks: &[(Leak, Rated)], nodes: &[String], at: Time) -> Option<Ratings> {
    let then: Vec<(Leak, Rated)> = leaks
        .iter()
        .filter_map(|(leak, _)| {
            let leak = as_of(leak, at)?;
            rate::rate(policy, &leak, nodes, at).map(|rated| (leak, rated))
        })
        .collect();
    (!then.is_empty()).then(|| ratings(policy, &then))
}

/// A leak as it was at an earlier time, if it was registered then.
fn as_of(leak: &Leak, at: Time) -> Option<Leak> {
    let mut known = leak.history().iter().filter(|entry| entry.at <= at);
    let mut then = Leak::begin(known.next()?).ok()?;
    for entry in known {
        // What has an earlier time than that which it follows from cannot be told for then.
        let _ = then.apply(entry);
    }
    Some(then)
}

fn told(leak: &Leak, rated: &Rated, nodes: &[String], now: Time) -> stanch_report::Leak {
    let mut tokens: Vec<(&leak::Token, &TokenRated)> =
        leak.tokens().iter().zip(&rated.tokens).collect();
    // The order of those that are alike stays, so that the first one is what the leak's score is of.
    tokens.sort_by_key(|(_, rated)| Reverse(rated.assessment.score));
    let tokens: Vec<Token> = tokens.iter().map(|(token, _)| described(leak, token, now)).collect();
    let sources: Vec<Source> = leak.sources().iter().map(|seen| source(seen.source)).collect();
    let assessment = &rated.assessment;
    let attempts = leak.attempts();
    stanch_report::Leak {
        id: leak.id().0,
        status: match leak.status() {
            leak::Status::Opened => Status::Opened,
            leak::Status::Closed => Status::Closed,
            leak::Status::False => Status::False,
        },
        status_since: status_since(leak).0,
        patch: patch(leak, nodes),
        score: assessment.score,
        residual: rated.residual,
        level: match assessment.level {
            risk::Level::High => Level::High,
            risk::Level::Medium => Level::Medium,
            risk::Level::Low => Level::Low,
            risk::Level::Informational => Level::Informational,
        },
        critical: assessment.critical,
        explanation: explanation(&assessment.explanation),
        // A leak has a token.
        consequence: tokens.first().map_or(Consequence::Breach, |token| token.consequence),
        channel: sources.iter().map(|source| source.channel).max().unwrap_or(Channel::Private),
        tokens,
        sources,
        target: leak.target().map(|target| target.0.clone()),
        first_seen: leak.first_seen().0,
        last_seen: leak.last_seen().0,
        attempts: Attempts {
            count: attempts.count,
            accepted: attempts.accepted,
            last: attempts.last.map(|last| last.0),
        },
        places: leak.places().map(place).collect(),
        checklist: checklist(leak, nodes),
        history: leak.history().len() as u64,
    }
}

/// Since when a leak has its status.
fn status_since(leak: &Leak) -> Time {
    let changes = leak.history().iter().rev().find(|entry| match &entry.event {
        Event::Registered { .. } => true,
        Event::Decided { decision, .. } => match decision {
            Decision::Close | Decision::MarkFalse | Decision::Reopen => true,
            Decision::Patch(_) => false,
        },
        _ => false,
    });
    changes.map_or(leak.first_seen(), |entry| entry.at)
}

/// The patch that is in force. One that blocks does so everywhere only if that stops each of the
/// tokens: nodes refuse in vain what somebody else's API accepts.
fn patch(leak: &Leak, nodes: &[String]) -> Option<Patch> {
    let (decided, since) = (leak.patch()?, leak.patched_since()?);
    let confirms = |node: &str, mode| mode == decided && nodes.iter().any(|name| name == node);
    let confirmed = leak.acknowledged().filter(|said| confirms(said.node, said.mode)).count();
    let is_stopped = |token: &leak::Token| token.is_dead() || leak.is_protected(token, nodes);
    Some(Patch {
        mode: match decided {
            leak::Mode::Block => Mode::Block,
            leak::Mode::Monitor => Mode::Monitor,
        },
        since: since.0,
        confirmed: confirmed as u64,
        everywhere: leak.is_confirmed(nodes)
            && (decided == leak::Mode::Monitor || leak.tokens().iter().all(is_stopped)),
    })
}

fn described(leak: &Leak, token: &leak::Token, now: Time) -> Token {
    let facts = token.facts();
    let factors = rate::factors(leak, token, now);
    Token {
        class: token.class().to_owned(),
        rule: facts.rule.clone(),
        provider: facts.provider.clone(),
        family: facts.family.as_str().to_owned(),
        consequence: match facts.consequence {
            stanch::class::Consequence::Breach => Consequence::Breach,
            stanch::class::Consequence::Fraud => Consequence::Fraud,
            stanch::class::Consequence::SupplyChain => Consequence::SupplyChain,
            stanch::class::Consequence::Disruption => Consequence::Disruption,
        },
        privilege: facts.privilege.as_str().to_owned(),
        environment: facts.environment.as_str().to_owned(),
        confidence: facts.confidence.as_str().to_owned(),
        validity: factors.validity.as_str().to_owned(),
        rotation: factors.rotation.as_str().to_owned(),
        issuer: facts.issuer.as_str().to_owned(),
        preview: token.preview().to_string(),
    }
}

fn source(source: &leak::Source) -> Source {
    Source {
        kind: source.kind.as_str().to_owned(),
        channel: channel(rate::channel(source)),
        place: source.locator.place.clone(),
        line: source.locator.line,
        commit: source.locator.commit.clone(),
    }
}

fn channel(channel: risk::Channel) -> Channel {
    match channel {
        risk::Channel::Private => Channel::Private,
        risk::Channel::Internal => Channel::Internal,
        risk::Channel::Cleartext => Channel::Cleartext,
        risk::Channel::App => Channel::App,
        risk::Channel::Page => Channel::Page,
        risk::Channel::Bucket => Channel::Bucket,
        risk::Channel::Repository => Channel::Repository,
        risk::Channel::Market => Channel::Market,
    }
}

fn place(usage: Usage<'_>) -> Place {
    let leak::Place { host, method, path, part, name, client } = usage.place;
    Place {
        host: host.clone(),
        method: method.clone(),
        path: path.clone(),
        part: part.clone(),
        name: Some(name.clone()).filter(|name| !name.is_empty()),
        client: client.clone(),
        done: usage.ticked,
    }
}

/// What is to be done beside the patch, of which the reports speak by themselves.
fn checklist(leak: &Leak, nodes: &[String]) -> Vec<Step> {
    let steps = leak.checklist(&Circumstances { nodes, anyway: false });
    let beside = steps.into_iter().filter(|step| step.task != Task::Patch);
    let told = |step: leak::Step<'_>| {
        let (text, link) = match step.task {
            Task::Revoke(token) => {
                let text = format!("revoke {} {}", token.class(), token.preview());
                (text, token.facts().revoke.clone())
            }
            task => (task.to_string(), None),
        };
        Step { text: capitalised(&text), link, done: step.progress == Progress::Done }
    };
    beside.map(told).collect()
}

fn explanation(explained: &risk::Explanation) -> Explanation {
    let bound = |reason: &str, points| Bound { reason: reason.to_owned(), points };
    Explanation {
        terms: explained.terms.iter().map(term).collect(),
        floor: explained.floor.map(|(floor, points)| bound(why_raised(floor), points)),
        cap: explained.cap.map(|(cap, points)| bound(why_lowered(cap), points)),
    }
}

fn term(term: &risk::Term) -> Term {
    let value = match term.factor {
        Factor::Privilege(value) => value.as_str().to_owned(),
        Factor::Breadth(value) => value.as_str().to_owned(),
        Factor::Channel(value) => channel(value).label().to_owned(),
        Factor::Sources(number) => counted(number, "place", "places"),
        Factor::Exploitation(value) => what_happened(value).to_owned(),
        Factor::Days(number) => counted(number, "day", "days"),
        Factor::Environment(value) => value.as_str().to_owned(),
        Factor::Rotation(value) => value.as_str().to_owned(),
    };
    Term { factor: term.factor.as_str().to_owned(), value, points: term.points }
}

fn what_happened(exploitation: Exploitation) -> &'static str {
    match exploitation {
        Exploitation::None => "none known",
        Exploitation::Breach => "seen in breach data",
        Exploitation::Attempted => "attempts seen",
        Exploitation::Accepted => "a use was accepted",
    }
}

fn why_raised(floor: Floor) -> &'static str {
    match floor {
        Floor::Exposed => "much privilege, far exposed",
        Floor::Breached => "much privilege, seen in breach data",
        Floor::Attempted => "somebody tried to use it",
        Floor::Accepted => "a use was accepted",
    }
}

fn why_lowered(cap: Cap) -> &'static str {
    match cap {
        Cap::Invalid => "known to be invalid",
        Cap::Rotated => "it was replaced",
        Cap::Public => "an identifier that may be public",
        Cap::Generic => "found by randomness alone",
        Cap::Contextual => "known by the words around it",
        Cap::Half => "half of a pair",
        Cap::Unverified => "validity not verified",
    }
}

fn counted(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use stanch::class::{Facts, Issuer};
    use stanch::leak::{Actor, Entry, LeakId, Validity};
    use stanch::secret::{ImprintKey, Secret};

    use super::*;

    const NODES: [&str; 2] = ["east", "west"];

    fn nodes() -> Vec<String> {
        NODES.map(str::to_owned).to_vec()
    }

    fn entry(at: i64, event: Event) -> Entry {
        Entry { leak: LeakId(1), at: Time(at), by: Actor::Person("ann".into()), event }
    }

    fn happens(leak: &mut Leak, at: i64, event: Event) {
        leak.apply(&entry(at, event)).unwrap();
    }

    fn decided(leak: &mut Leak, at: i64, decision: Decision) {
        happens(leak, at, Event::Decided { decision, anyway: false, note: None });
    }

    /// A leak of one token for each of these issuers, registered at 10.
    fn registered(issuers: &[Issuer]) -> Leak {
        let key = ImprintKey::from_bytes([7; 32]);
        let texts = ["5vJq8ZbT2mXc7KdR4nWp9LhG", "Qy3Fs6Ha1Uk8Ez5Bo2Mt7VrC"];
        let tokens = texts.iter().zip(issuers).map(|(text, issuer)| {
            let imprint = key.imprint(&Secret::new("Shop key", *text)).unwrap();
            (imprint, Facts { issuer: *issuer, ..Facts::reported() })
        });
        let event = Event::Registered {
            tenant: TenantId::default(),
            manual: true,
            source: leak::Source::file("shop.env", 3),
            target: None,
            tokens: tokens.collect(),
        };
        Leak::begin(&entry(10, event)).unwrap()
    }

    fn blocked(issuers: &[Issuer]) -> Leak {
        let mut leak = registered(issuers);
        decided(&mut leak, 20, Decision::Patch(leak::Mode::Block));
        leak
    }

    fn confirmed(leak: &mut Leak, node: &str) {
        let mode = leak::Mode::Block;
        happens(leak, 21, Event::Acknowledged { node: node.into(), mode });
    }

    #[test]
    fn a_patch_is_everywhere_when_it_stops_every_token() {
        assert_eq!(patch(&registered(&[Issuer::Own]), &nodes()), None);
        let mut own = blocked(&[Issuer::Own]);
        for (node, count, everywhere) in [("gone", 0, false), ("east", 1, false), ("west", 2, true)]
        {
            confirmed(&mut own, node);
            let patch = patch(&own, &nodes()).unwrap();
            assert_eq!((patch.confirmed, patch.everywhere), (count, everywhere), "{node}");
        }
        assert!(!patch(&own, &[]).unwrap().everywhere, "no node refuses nothing");

        let mut both = blocked(&[Issuer::Own, Issuer::Stranger]);
        NODES.iter().for_each(|node| confirmed(&mut both, node));
        let told = patch(&both, &nodes()).unwrap();
        assert_eq!((told.confirmed, told.everywhere), (2, false), "a stranger accepts one");
        let digest = *both.tokens()[1].imprint().digest();
        happens(&mut both, 22, Event::ValidityLearned { digest, validity: Validity::Invalid });
        assert!(patch(&both, &nodes()).unwrap().everywhere, "that one is dead");
    }

    #[test]
    fn a_status_is_as_old_as_the_decision_for_it() {
        let mut leak = blocked(&[Issuer::Own]);
        assert_eq!(status_since(&leak), Time(10));
        for (at, decision) in [(30, Decision::Close), (40, Decision::Reopen)] {
            decided(&mut leak, at, decision);
            happens(&mut leak, at + 5, Event::Noted("seen to".into()));
            assert_eq!(status_since(&leak), Time(at));
        }
    }

    #[test]
    fn a_leak_was_what_its_entries_until_then_make() {
        let mut leak = blocked(&[Issuer::Own]);
        // A node whose clock is slow.
        let attempted = Event::Attempted {
            node: "east".into(),
            mode: leak::Mode::Block,
            count: 3,
            accepted: false,
        };
        happens(&mut leak, 15, attempted);
        decided(&mut leak, 30, Decision::Close);
        assert_eq!(as_of(&leak, Time(9)), None);
        let then = |at| {
            let then = as_of(&leak, Time(at)).unwrap();
            (then.status(), then.patch(), then.attempts().count)
        };
        let block = Some(leak::Mode::Block);
        assert_eq!(then(15), (leak::Status::Opened, None, 0), "nobody can have tried before");
        assert_eq!(then(20), (leak::Status::Opened, block, 3));
        assert_eq!(then(30), (leak::Status::Closed, None, 3));
        assert_eq!(as_of(&leak, Time(i64::MAX)), Some(leak));
    }

    #[test]
    fn a_rating_names_the_leaks_that_score_most() {
        let rated = Portfolio::<u8>::new(&Policy::default()).nhi_exposure();
        let drivers = vec![(40, 1), (0, 2), (70, 3), (40, 4), (41, 5), (69, 6)];
        assert_eq!(rating(rated, drivers).drivers, [3, 6, 5]);
        assert!(rating(rated, vec![(0, 1)]).drivers.is_empty());
    }
}
