//! A snapshot with invented leaks: a month of a company that sells things. It is the same every time.

use std::cmp::Reverse;

use stanch_report::{
    Attempts, Bound, Channel, Consequence, Explanation, Grade, Leak, Level, Mode, Patch, Place,
    Rating, Ratings, Snapshot, Source, Status, Step, Term, Token, Totals, VERSION,
};

/// 23 November 2026, 16:00 UTC.
pub(crate) const NOW: i64 = 1_795_449_600;
const DAY: i64 = 86_400;
const NODES: u64 = 3;

/// Class, rule, provider, family, consequence, privilege, issuer, preview.
type Kind = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Consequence,
    &'static str,
    &'static str,
    &'static str,
);

const KINDS: &[Kind] = &[
    (
        "Stripe secret key",
        "stripe-secret-key",
        "Stripe",
        "other",
        Consequence::Fraud,
        "payment-or-deploy",
        "stranger",
        "sk_l…(32)",
    ),
    (
        "AWS secret access key",
        "aws-secret-access-key",
        "Amazon Web Services",
        "cloud",
        Consequence::Disruption,
        "admin",
        "stranger",
        "vQ7x…(40)",
    ),
    (
        "GitHub personal access token",
        "github-pat",
        "GitHub",
        "code",
        Consequence::SupplyChain,
        "write",
        "stranger",
        "ghp_…(40)",
    ),
    (
        "Partner API key",
        "partner-api-key",
        "Shop API",
        "database",
        Consequence::Breach,
        "write",
        "own",
        "shop…(48)",
    ),
    (
        "Slack bot token",
        "slack-bot-token",
        "Slack",
        "messaging",
        Consequence::Breach,
        "write",
        "stranger",
        "xoxb…(56)",
    ),
    (
        "Customer session signing key",
        "session-signing-key",
        "Shop API",
        "database",
        Consequence::Breach,
        "admin",
        "own",
        "eyJh…(64)",
    ),
    (
        "npm access token",
        "npm-access-token",
        "npm",
        "code",
        Consequence::SupplyChain,
        "payment-or-deploy",
        "stranger",
        "npm_…(40)",
    ),
    (
        "SendGrid API key",
        "sendgrid-api-key",
        "SendGrid",
        "messaging",
        Consequence::Fraud,
        "write",
        "stranger",
        "SG.K…(69)",
    ),
    (
        "Facebook client identifier",
        "facebook-client-id",
        "Facebook",
        "other",
        Consequence::Fraud,
        "public",
        "stranger",
        "4810…(16)",
    ),
    (
        "PostgreSQL password",
        "url-password",
        "Any",
        "database",
        Consequence::Breach,
        "admin",
        "own",
        "h8…(11)",
    ),
    (
        "Read-only catalogue key",
        "catalogue-key",
        "Shop API",
        "storage",
        Consequence::Breach,
        "read",
        "own",
        "cat_…(36)",
    ),
    (
        "Generic secret",
        "generic-secret",
        "Any",
        "other",
        Consequence::Breach,
        "write",
        "unknown",
        "Zk3v…(44)",
    ),
];

const TARGETS: &[Option<&str>] = &[
    Some("payments.example"),
    Some("api.shop.example"),
    Some("shop.example"),
    Some("partners.shop.example"),
    Some("build.shop.example"),
    Some("status.shop.example"),
    Some("mail.shop.example"),
    Some("warehouse.example"),
    Some("returns.shop.example"),
    Some("loyalty-programme.shop.example"),
    Some("careers.example"),
    None,
];

/// A generator that is enough for invented data (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// The lower, the likelier.
    fn low(&mut self, sides: u64) -> u64 {
        self.roll(sides).min(self.roll(sides))
    }
}

/// The snapshot, with so many leaks.
pub(crate) fn snapshot(leaks: u64) -> Snapshot {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let since = NOW - 30 * DAY;
    let leaks: Vec<Leak> = (1..=leaks).map(|id| leak(id, &mut dice)).collect();
    with_totals(Snapshot {
        version: VERSION,
        at: NOW,
        since,
        tenant: "Example Shop".to_owned(),
        nodes: NODES,
        ratings: ratings(&leaks),
        before: Some(Ratings {
            nhi_exposure: rating(vec![(64, 100, 0)]),
            data_leak_susceptibility: rating(vec![(40, 100, 0)]),
        })
        .map(|mut before| {
            before.nhi_exposure.drivers.clear();
            before.data_leak_susceptibility.drivers.clear();
            before
        }),
        leaks,
        totals: Totals::default(),
    })
}

/// The same with the totals of its leaks.
pub(crate) fn with_totals(mut snapshot: Snapshot) -> Snapshot {
    snapshot.totals = Totals::of(&snapshot.leaks, snapshot.since);
    snapshot
}

fn leak(id: u64, dice: &mut Dice) -> Leak {
    let first_seen = NOW - (dice.low(74) as i64) * DAY - (dice.roll(80_000) as i64);
    let kind = KINDS[dice.roll(KINDS.len() as u64) as usize];
    let target = TARGETS[dice.low(TARGETS.len() as u64) as usize];
    let status = match dice.roll(10) {
        0..=6 => Status::Opened,
        7..=8 => Status::Closed,
        _ => Status::False,
    };
    let mut tokens = vec![token(kind, dice)];
    if dice.roll(6) == 0 {
        tokens.push(token(KINDS[4], dice));
    }
    let sources: Vec<Source> = (0..1 + dice.low(4)).map(|_| source(dice)).collect();
    let channel = sources.iter().map(|source| source.channel).max().unwrap_or(Channel::Private);
    let patch = match (status, kind.6, dice.roll(4)) {
        (Status::Opened, "own" | "unknown", 0..=1) => Some((Mode::Block, NODES)),
        (Status::Opened, "own" | "unknown", 2) => Some((Mode::Block, NODES - 1)),
        (Status::Opened, "stranger", 0) => Some((Mode::Monitor, NODES)),
        _ => None,
    };
    let patch = patch.map(|(mode, confirmed)| Patch {
        mode,
        since: (first_seen + DAY).min(NOW - 3_600),
        confirmed,
        everywhere: confirmed == NODES,
    });
    let count = if patch.is_some() && dice.roll(2) == 0 { dice.roll(60) } else { 0 };
    let accepted = if count > 20 && kind.6 == "own" { dice.roll(4) } else { 0 };
    let last = (count > 0).then_some(NOW - 7_200);
    let attempts = Attempts { count, accepted, last };
    let days = (NOW - first_seen) / DAY;
    let explanation = explain(&tokens[0], channel, sources.len(), &attempts, days, kind.1);
    let score = explanation.score() as u8;
    let held = patch.as_ref().is_some_and(|patch| patch.mode == Mode::Block && patch.everywhere);
    let residual = if held && kind.6 == "own" { score.min(44) } else { score };
    Leak {
        id,
        status,
        status_since: if status == Status::Opened {
            first_seen
        } else {
            first_seen + (NOW - first_seen) / 2
        },
        checklist: checklist(&tokens[0], dice),
        patch,
        score,
        residual,
        level: match score {
            70.. => Level::High,
            45.. => Level::Medium,
            20.. => Level::Low,
            _ => Level::Informational,
        },
        critical: score >= 90,
        explanation,
        consequence: kind.4,
        channel,
        tokens,
        sources,
        target: target.map(str::to_owned),
        first_seen,
        last_seen: NOW - (dice.low(20) as i64) * 3_600,
        places: if count > 0 { places(dice) } else { Vec::new() },
        attempts,
        history: 2 + dice.roll(9),
    }
}

fn token(kind: Kind, dice: &mut Dice) -> Token {
    let (class, rule, provider, family, consequence, privilege, issuer, preview) = kind;
    let pick = |words: &[&str], at: u64| words[at as usize].to_owned();
    Token {
        class: class.to_owned(),
        rule: rule.to_owned(),
        provider: provider.to_owned(),
        family: family.to_owned(),
        consequence,
        privilege: privilege.to_owned(),
        environment: pick(&["production", "unknown", "test"], dice.low(3)),
        confidence: if rule == "generic-secret" { "low" } else { "high" }.to_owned(),
        validity: pick(&["unverified", "valid", "invalid"], dice.low(3)),
        rotation: pick(&["unknown", "overdue", "in-time"], dice.low(3)),
        issuer: issuer.to_owned(),
        preview: preview.to_owned(),
    }
}

fn source(dice: &mut Dice) -> Source {
    let commit = (dice.roll(2) == 0).then(|| format!("{:016x}", dice.roll(u64::MAX)));
    let line = Some(1 + dice.roll(900));
    let (kind, channel, place, line, commit) = match dice.roll(9) {
        0 => (
            "repository",
            Channel::Repository,
            "https://git.example/shop/storefront/deploy/production.env",
            line,
            commit,
        ),
        1 => ("page", Channel::Page, "https://shop.example/assets/app.6f1c.js", line, None),
        2 => ("paste", Channel::Bucket, "https://paste.example/raw/k2Yb81", line, None),
        3 => ("app", Channel::App, "shop-android-4.2.apk!/assets/config.json", None, None),
        4 => ("bucket", Channel::Bucket, "s3://shop-backups/2026/settings.yaml", line, None),
        _ => ("file", Channel::Internal, "infrastructure/terraform/variables.tf", line, None),
    };
    Source { kind: kind.to_owned(), channel, place: place.to_owned(), line, commit }
}

fn places(dice: &mut Dice) -> Vec<Place> {
    let place = |path: &str, part: &str, name: &str, client: &str, done| Place {
        host: "api.shop.example".to_owned(),
        method: Some("GET".to_owned()),
        path: path.to_owned(),
        part: part.to_owned(),
        name: Some(name.to_owned()),
        client: Some(client.to_owned()),
        done,
    };
    let mut places = vec![
        place("/v2/orders", "header", "authorization", "203.0.113.24", dice.roll(2) == 0),
        place("/v2/customers/export", "query", "api_key", "198.51.100.7", false),
        place("/v1/stock", "cookie", "session", "192.0.2.80", dice.roll(2) == 0),
    ];
    places.truncate(1 + dice.roll(3) as usize);
    places
}

fn checklist(token: &Token, dice: &mut Dice) -> Vec<Step> {
    let done = dice.low(5) as usize;
    let page = format!(
        "https://{}.example/settings/tokens",
        token.provider.to_lowercase().replace(' ', "-")
    );
    let steps = [
        (format!("Issue a new {} and store it in the vault", token.class), Some(page.clone())),
        ("Replace it in every place of use".to_owned(), None),
        (format!("Revoke the old one at {}", token.provider), Some(page)),
        ("Remove it from the source, and from its history".to_owned(), None),
    ];
    let step = |(at, (text, link)): (usize, (String, Option<String>))| Step {
        text,
        link,
        done: at < done,
    };
    steps.into_iter().enumerate().map(step).collect()
}

/// The score by the weights of the usual policy.
fn explain(
    token: &Token,
    channel: Channel,
    sources: usize,
    attempts: &Attempts,
    days: i64,
    rule: &str,
) -> Explanation {
    let privilege = match token.privilege.as_str() {
        "public" => 4,
        "read" => 14,
        "write" => 22,
        "payment-or-deploy" => 30,
        _ => 36,
    };
    let exposure = match channel {
        Channel::Private => 4,
        Channel::Internal => 8,
        Channel::Cleartext => 12,
        Channel::App => 16,
        Channel::Page => 18,
        Channel::Bucket => 20,
        Channel::Repository => 22,
        Channel::Market => 25,
    };
    let (exploited, exploitation) = match attempts {
        Attempts { accepted: 1.., .. } => (20, "use accepted"),
        Attempts { count: 1.., .. } => (14, "attempts seen"),
        _ => (0, "none known"),
    };
    let time = (2 * (i64::BITS - days.leading_zeros()) as u8).min(10);
    let environment = match token.environment.as_str() {
        "test" => 0,
        "production" => 3,
        _ => 2,
    };
    let rotation = match token.rotation.as_str() {
        "in-time" => 0,
        "overdue" => 2,
        _ => 1,
    };
    let term = |factor: &str, value: &str, points| Term {
        factor: factor.to_owned(),
        value: value.to_owned(),
        points,
    };
    let terms = vec![
        term("privilege", &token.privilege, privilege),
        term("breadth", "some", 2),
        term("channel", channel.label(), exposure),
        term("sources", &format!("{sources} in all"), (sources as u8 - 1).min(3)),
        term("exploitation", exploitation, exploited),
        term("time", &format!("{days} days"), time),
        term("environment", &token.environment, environment),
        term("rotation", &token.rotation, rotation),
    ];
    let sum: u8 = terms.iter().map(|term| term.points).sum();
    let floor = match () {
        () if attempts.accepted > 0 => Some((90, "a use was accepted")),
        () if privilege >= 30 && exposure >= 16 => Some((70, "strong privilege in the open")),
        () if privilege >= 22 && attempts.count > 0 => Some((70, "attempts on a writing token")),
        () => None,
    };
    let cap = match () {
        () if token.validity == "invalid" => Some((15, "known to be invalid")),
        () if token.privilege == "public" => Some((19, "a public identifier")),
        () if rule == "generic-secret" => Some((44, "found by randomness alone")),
        () if token.validity == "unverified" && attempts.accepted == 0 => {
            Some((89, "validity not verified"))
        }
        () => None,
    };
    let bound = |(points, reason): (u8, &str)| Bound { reason: reason.to_owned(), points };
    let floor = floor.filter(|(points, _)| sum < *points).map(bound);
    let raised = floor.as_ref().map_or(sum, |floor| floor.points);
    let cap = cap.filter(|(points, _)| raised > *points).map(bound);
    let cap = cap.or((raised > 100).then(|| bound((100, "the scale's end"))));
    Explanation { terms, floor, cap }
}

fn ratings(leaks: &[Leak]) -> Ratings {
    let weight = |leak: &Leak| match leak.tokens[0].family.as_str() {
        "storage" | "database" | "cloud" => 100,
        "code" => 80,
        "messaging" => 60,
        _ => 40,
    };
    let open = || leaks.iter().filter(|leak| leak.is_open());
    Ratings {
        nhi_exposure: rating(open().map(|leak| (u64::from(leak.residual), 100, leak.id)).collect()),
        data_leak_susceptibility: rating(
            open().map(|leak| (u64::from(leak.residual), weight(leak), leak.id)).collect(),
        ),
    }
}

/// A rating of scores with their weights in per cent and their leaks.
fn rating(mut scores: Vec<(u64, u64, u64)>) -> Rating {
    for (score, weight, _) in &mut scores {
        *score = *score * *weight / 100;
    }
    scores.sort_by_key(|(score, _, id)| (Reverse(*score), *id));
    let worst = scores.first().map_or(0, |(score, ..)| *score);
    let sum: u64 = scores.iter().map(|(score, ..)| score).sum();
    let points = (worst + ((sum - worst) / 20).min(15)).min(100);
    Rating {
        grade: match points {
            70.. => Grade::F,
            45.. => Grade::D,
            25.. => Grade::C,
            10.. => Grade::B,
            _ => Grade::A,
        },
        points: points as u8,
        worst: worst as u8,
        sum,
        drivers: scores.iter().map(|(.., id)| *id).take(3).collect(),
    }
}
