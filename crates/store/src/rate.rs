//! What a leak says of the risk that its tokens are: the bridge from `leak` to `risk`.

use stanch::leak::{
    Event, Leak, Rotation, Source, SourceKind, Status, Time, Token, Validity, Visibility,
};
use stanch::risk::{self, Assessment, Channel, Exploitation, Factors, Policy};
use stanch::secret::Digest;

/// A day in seconds.
const DAY: i64 = 86_400;

/// How bad a leak is: as bad as its worst token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rated {
    /// The assessment of the token that is worst.
    pub assessment: Assessment,
    /// What is left of the worst where patches protect.
    pub residual: u8,
    /// Each token by itself, in the order of [`Leak::tokens`].
    pub tokens: Vec<TokenRated>,
}

/// How bad it is that a token leaked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRated {
    /// The token.
    pub digest: Digest,
    /// Its score and where that comes from.
    pub assessment: Assessment,
    /// What is left of the score where the patch protects.
    pub residual: u8,
}

/// Rates a leak as things are at `now`, with `nodes` enrolled.
///
/// What is not open any more is rated as it was when that was decided: nothing is exposed longer.
/// `None` for a leak without tokens, which there is not.
pub fn rate(policy: &Policy, leak: &Leak, nodes: &[String], now: Time) -> Option<Rated> {
    let now = clock(leak, now);
    let tokens: Vec<TokenRated> = leak
        .tokens()
        .iter()
        .map(|token| {
            let assessment = risk::assess(policy, &factors(leak, token, now));
            let protected = leak.is_protected(token, nodes);
            let residual = risk::residual(policy, assessment.score, protected);
            TokenRated { digest: *token.imprint().digest(), assessment, residual }
        })
        .collect();
    // Of two that are alike the first one: reversed, as the last greatest is taken.
    let worst = tokens.iter().rev().max_by_key(|rated| rated.assessment.score)?;
    let residual = risk::leak_score(tokens.iter().map(|rated| rated.residual));
    Some(Rated { assessment: worst.assessment, residual, tokens })
}

/// What the score of one token of a leak depends on.
pub fn factors(leak: &Leak, token: &Token, now: Time) -> Factors {
    let facts = token.facts();
    let sources = leak.sources();
    let channel = sources.iter().map(|seen| channel(seen.source)).max();
    let attempts = leak.attempts();
    let exploitation = if attempts.accepted > 0 {
        Exploitation::Accepted
    } else if attempts.count > 0 {
        Exploitation::Attempted
    } else if leak.breaches().len() > 0 {
        Exploitation::Breach
    } else {
        Exploitation::None
    };
    Factors {
        privilege: facts.privilege,
        breadth: token.breadth(),
        channel: channel.unwrap_or(Channel::Private),
        sources: u32::try_from(sources.len()).unwrap_or(u32::MAX),
        exploitation,
        days: days(leak, token, now),
        environment: facts.environment,
        rotation: match token.rotation() {
            Rotation::Unknown => risk::Rotation::Unknown,
            Rotation::Rotated => risk::Rotation::Rotated,
            Rotation::InTime => risk::Rotation::InTime,
            Rotation::Overdue => risk::Rotation::Overdue,
        },
        validity: match token.validity() {
            Validity::Unverified => risk::Validity::Unverified,
            Validity::Invalid => risk::Validity::Invalid,
            Validity::Valid => risk::Validity::Valid,
        },
        generic: facts.generic,
        contextual: facts.contextual,
        half: facts.half,
    }
}

/// The channel that a place is: what kind it is, as far as everybody can see it.
pub fn channel(source: &Source) -> Channel {
    match (source.kind, source.visibility) {
        // Whoever sells it, or listened on the way, is who must not see it.
        (SourceKind::Market, _) => Channel::Market,
        (SourceKind::Traffic, _) => Channel::Cleartext,
        (_, Visibility::Private) => Channel::Private,
        (_, Visibility::Internal) => Channel::Internal,
        (SourceKind::App, Visibility::Public) => Channel::App,
        (SourceKind::Paste | SourceKind::Bucket, Visibility::Public) => Channel::Bucket,
        (SourceKind::Repository | SourceKind::Package, Visibility::Public) => Channel::Repository,
        // A file or anything else that everybody can fetch.
        (_, Visibility::Public) => Channel::Page,
    }
}

/// When the score may change by itself: when the days of one of the leak's tokens come to the next power
/// of two, as points for time are given for the bits in that number. `None` if nothing will.
pub(crate) fn due(leak: &Leak, now: Time) -> Option<Time> {
    if leak.status() != Status::Opened {
        return None;
    }
    let next = |token: &Token| {
        let days = i64::from(days(leak, token, now));
        let bits = i64::BITS - days.leading_zeros();
        let at = 1i64.checked_shl(bits)?.checked_mul(DAY)?;
        begin(leak, token).0.checked_add(at)
    };
    leak.tokens().iter().filter_map(next).min().map(Time)
}

/// For how many whole days a token has been out.
fn days(leak: &Leak, token: &Token, now: Time) -> u32 {
    let seconds = now.0.saturating_sub(begin(leak, token).0).max(0);
    u32::try_from(seconds / DAY).unwrap_or(u32::MAX)
}

/// Since when a token has been out. Those that the leak was registered with have been in each place that
/// it was found in; those that were added later, since then.
fn begin(leak: &Leak, token: &Token) -> Time {
    let registered = leak.history().first().map_or(token.first_seen(), |entry| entry.at);
    if token.first_seen() <= registered { leak.first_seen() } else { token.first_seen() }
}

/// The time that a leak is rated at: for one that is not open, when that was decided.
fn clock(leak: &Leak, now: Time) -> Time {
    let decided = |entry: &&stanch::leak::Entry| matches!(entry.event, Event::Decided { .. });
    match leak.status() {
        Status::Opened => now,
        Status::Closed | Status::False => {
            leak.history().iter().rev().find(decided).map_or(now, |entry| entry.at.min(now))
        }
    }
}
