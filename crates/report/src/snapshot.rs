//! What a report is made from: the leaks of one tenant as they stood at one moment.
//!
//! The types are plain data, apart from those of the ledger and of the risk model, so that a
//! snapshot that was written years ago can still be read and verified. Where they hold a word of
//! another vocabulary (a rule's identifier, a privilege, a factor), it is text.

use serde::{Deserialize, Serialize};

use crate::totals::Totals;

/// The version of the snapshot's form that this crate writes and reads.
pub const VERSION: u32 = 1;

/// The leaks of one tenant at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The version of this form: [`VERSION`].
    pub version: u32,
    /// The moment, in seconds since 1970 UTC.
    pub at: i64,
    /// The start of the period that the reports call recent, in seconds since 1970 UTC.
    pub since: i64,
    /// Whose leaks they are.
    pub tenant: String,
    /// How many nodes are enrolled that apply patches; 0 where leaks are only found.
    pub nodes: u64,
    /// The leaks, by ascending number, each one once.
    pub leaks: Vec<Leak>,
    /// The two ratings at the moment.
    pub ratings: Ratings,
    /// The two ratings at `since`, if they are known.
    pub before: Option<Ratings>,
    /// The totals of `leaks`: [`Totals::of`].
    pub totals: Totals,
}

/// One leak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leak {
    /// Its number in the ledger.
    pub id: u64,
    /// Its status.
    pub status: Status,
    /// Since when it has this status, in seconds since 1970 UTC.
    pub status_since: i64,
    /// The patch that was decided, if one is.
    pub patch: Option<Patch>,
    /// Its score, 0–100: that of its worst token.
    pub score: u8,
    /// The score that is left under its patch, 0–100, at most `score`.
    pub residual: u8,
    /// The level of the score.
    pub level: Level,
    /// Whether it is critical (a score of 90 or more, by the usual policy).
    pub critical: bool,
    /// How the score comes about.
    pub explanation: Explanation,
    /// What use of its worst token by a stranger leads to.
    pub consequence: Consequence,
    /// The worst channel that it is exposed in.
    pub channel: Channel,
    /// Its tokens, the worst one first; at least one.
    pub tokens: Vec<Token>,
    /// Where it was found, the first place first.
    pub sources: Vec<Source>,
    /// Whom it endangers: a domain, an organisation, a service.
    pub target: Option<String>,
    /// When it was found first, in seconds since 1970 UTC.
    pub first_seen: i64,
    /// When it was found last, in seconds since 1970 UTC.
    pub last_seen: i64,
    /// Attempts to use its tokens that a node saw.
    pub attempts: Attempts,
    /// Where its tokens are used.
    pub places: Vec<Place>,
    /// What is to be done about it, in order.
    pub checklist: Vec<Step>,
    /// How many entries its history has.
    pub history: u64,
}

/// What may be known of a token. It is never the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What a person calls such a token: `Stripe secret key`.
    pub class: String,
    /// The rule that found it: `stripe-secret-key`.
    pub rule: String,
    /// Who issued it: `Stripe`.
    pub provider: String,
    /// What it belongs to, for the weights of Data Leak Susceptibility: `storage`, `database`,
    /// `cloud`, `code`, `messaging` or `other`.
    pub family: String,
    /// What use by a stranger leads to.
    pub consequence: Consequence,
    /// `public`, `read`, `write`, `payment-or-deploy` or `admin`.
    pub privilege: String,
    /// `unknown`, `test` or `production`.
    pub environment: String,
    /// How sure the finding is: `low`, `medium` or `high`.
    pub confidence: String,
    /// `unverified`, `valid` or `invalid`.
    pub validity: String,
    /// `unknown`, `in-time`, `overdue` or `rotated`.
    pub rotation: String,
    /// Who accepts it: `own` (the user's own API), `stranger` or `unknown`.
    pub issuer: String,
    /// What may be shown of it: its first characters and its length.
    pub preview: String,
}

/// A place that a leak was found in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The kind of place, in kebab-case: `repository`, `page`.
    pub kind: String,
    /// How exposed the place is.
    pub channel: Channel,
    /// A path or URL.
    pub place: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The commit that holds it.
    pub commit: Option<String>,
}

/// A patch that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// What becomes of requests with a token of the leak.
    pub mode: Mode,
    /// When it was decided, in seconds since 1970 UTC.
    pub since: i64,
    /// How many of the enrolled nodes confirm that they apply it.
    pub confirmed: u64,
    /// Whether every enrolled node confirms, and there is one; of a patch that blocks, only if that stops
    /// every token of the leak: somebody else's API does not ask the nodes.
    pub everywhere: bool,
}

/// Attempts to use a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempts {
    /// How many.
    pub count: u64,
    /// How many of them the API accepted.
    pub accepted: u64,
    /// When the last one was seen, in seconds since 1970 UTC.
    pub last: Option<i64>,
}

/// A place where a token is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The host that was asked.
    pub host: String,
    /// The request's method, where it is known.
    pub method: Option<String>,
    /// The path that was asked for.
    pub path: String,
    /// The part of the request that held the token: `header`, `query`.
    pub part: String,
    /// The name of the header, parameter or field.
    pub name: Option<String>,
    /// Who asked.
    pub client: Option<String>,
    /// Whether the place was ticked off: the token is replaced there.
    pub done: bool,
}

/// A step of a leak's checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is to be done, as a sentence without a full stop.
    pub text: String,
    /// The page where it is done.
    pub link: Option<String>,
    /// Whether it is done.
    pub done: bool,
}

/// How a score comes about: `min(cap, max(sum of the terms, floor))`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// What adds up.
    pub terms: Vec<Term>,
    /// What the score was raised to, if the sum was less.
    pub floor: Option<Bound>,
    /// What the score was lowered to, if it was more.
    pub cap: Option<Bound>,
}

/// One term of a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The factor: `privilege`, `channel`.
    pub factor: String,
    /// What it is here: `admin`, `public repository`.
    pub value: String,
    /// Its points.
    pub points: u8,
}

/// A cap or a floor of a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Why it holds: `validity not verified`.
    pub reason: String,
    /// The cap or the floor.
    pub points: u8,
}

/// The two ratings of a portfolio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratings {
    /// NHI Exposure: what the open leaks still let strangers do.
    pub nhi_exposure: Rating,
    /// Data Leak Susceptibility: the same by how much data the tokens open.
    pub data_leak_susceptibility: Rating,
}

/// One rating.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rating {
    /// The grade.
    pub grade: Grade,
    /// The points that the grade is of, 0–100; more is worse.
    pub points: u8,
    /// The worst token's part in them, 0–100.
    pub worst: u8,
    /// The sum over all tokens, of which the points take a small part.
    pub sum: u64,
    /// The leaks that drive it, the worst one first, by number.
    pub drivers: Vec<u64>,
}

/// A vocabulary: its words in the snapshot, and in sentences.
macro_rules! vocabulary {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal, $label:literal;)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[$name] = &[$($name::$variant,)+];

            /// Its word in the snapshot.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// What a person reads.
            pub fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)+ }
            }
        }
    };
}

vocabulary! {
    /// The status of a leak.
    Status {
        /// Nobody has settled it.
        Opened = "opened", "Open";
        /// It is settled.
        Closed = "closed", "Closed";
        /// It is no leak.
        False = "false", "False";
    }
}

vocabulary! {
    /// What becomes of requests with a token.
    Mode {
        /// They are refused.
        Block = "block", "Block";
        /// They pass and are recorded.
        Monitor = "monitor", "Monitor";
    }
}

vocabulary! {
    /// The level of a score, the worst one first.
    Level {
        /// From 70, by the usual policy.
        High = "high", "High";
        /// From 45.
        Medium = "medium", "Medium";
        /// From 20.
        Low = "low", "Low";
        /// Below.
        Informational = "informational", "Informational";
    }
}

vocabulary! {
    /// What use by a stranger leads to.
    Consequence {
        /// Data is read or taken.
        Breach = "breach", "Breach";
        /// Money or messages are sent in the owner's name.
        Fraud = "fraud", "Fraud";
        /// Code that others run is changed.
        SupplyChain = "supply-chain", "Supply chain";
        /// Services stop or are destroyed.
        Disruption = "disruption", "Disruption";
    }
}

vocabulary! {
    /// How exposed a place is, the least one first.
    Channel {
        /// Only its owner sees it.
        Private = "private", "in a private place";
        /// A company sees it.
        Internal = "internal", "in an internal system";
        /// It was sent without encryption.
        Cleartext = "cleartext", "in unencrypted traffic";
        /// It is in an app that people install.
        App = "app", "in a published app";
        /// It is on a web page.
        Page = "page", "on a web page";
        /// It is in a public bucket or paste.
        Bucket = "bucket", "in a public bucket or paste";
        /// It is in a public repository.
        Repository = "repository", "in a public repository";
        /// It is traded.
        Market = "market", "on a criminal market";
    }
}

vocabulary! {
    /// The grade of a rating, the best one first.
    Grade {
        /// Below 10 points, by the usual policy.
        A = "A", "nothing that matters is exposed";
        /// Below 25.
        B = "B", "little is exposed";
        /// Below 45.
        C = "C", "some exposure, contained";
        /// Below 70.
        D = "D", "serious exposure";
        /// From 70.
        F = "F", "severe exposure, act now";
    }
}

/// What is wrong with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It has another form.
    #[error("the snapshot has version {0}, and this program reads version {VERSION}")]
    Version(u32),
    /// The leaks are not in ascending order, or one is there twice.
    #[error("leak {0} stands twice or out of order")]
    Order(u64),
    /// A leak has no token.
    #[error("leak {0} has no token")]
    NoToken(u64),
    /// A leak's explanation comes to another score.
    #[error("leak {leak} has the score {score}, and its explanation comes to {explained}")]
    Explanation {
        /// The leak's number.
        leak: u64,
        /// Its score.
        score: u8,
        /// What the explanation comes to.
        explained: u64,
    },
    /// A score is above 100, or a residual score above the score.
    #[error("leak {0} has a score above 100 or a residual score above its score")]
    Score(u64),
    /// A rating's driver is not an open leak of the snapshot.
    #[error("a rating names leak {0}, which is not an open leak of the snapshot")]
    Driver(u64),
    /// The totals are not those of the leaks.
    #[error("the totals are not those of the leaks")]
    Totals,
}

impl Snapshot {
    /// Whether it contradicts itself: the order of the leaks, each explanation against its score, the
    /// ratings' drivers, and the totals against the leaks.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] with the first contradiction.
    pub fn check(&self) -> Result<(), SnapshotError> {
        if self.version != VERSION {
            return Err(SnapshotError::Version(self.version));
        }
        if let Some(pair) = self.leaks.windows(2).find(|pair| pair[0].id >= pair[1].id) {
            return Err(SnapshotError::Order(pair[1].id));
        }
        for leak in &self.leaks {
            leak.check()?;
        }
        for rating in [&self.ratings.nhi_exposure, &self.ratings.data_leak_susceptibility] {
            let stray = |id: &&u64| self.leak(**id).is_none_or(|leak| !leak.is_open());
            if let Some(id) = rating.drivers.iter().find(stray) {
                return Err(SnapshotError::Driver(*id));
            }
        }
        if self.totals != Totals::of(&self.leaks, self.since) {
            return Err(SnapshotError::Totals);
        }
        Ok(())
    }

    /// The leak with this number.
    pub fn leak(&self, id: u64) -> Option<&Leak> {
        self.leaks.binary_search_by_key(&id, |leak| leak.id).ok().map(|at| &self.leaks[at])
    }

    /// The leaks that are open.
    pub fn open(&self) -> impl Iterator<Item = &Leak> {
        self.leaks.iter().filter(|leak| leak.is_open())
    }
}

impl Leak {
    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.status == Status::Opened
    }

    /// Whether it is open and every enrolled node confirms that it refuses the leak's tokens.
    pub fn is_protected(&self) -> bool {
        let blocks = |patch: &Patch| patch.mode == Mode::Block && patch.everywhere;
        self.is_open() && self.patch.as_ref().is_some_and(blocks)
    }

    /// The names of its tokens' classes, each one once, the worst one first.
    pub fn classes(&self) -> Vec<&str> {
        let mut classes: Vec<&str> = Vec::new();
        for token in &self.tokens {
            if !classes.contains(&token.class.as_str()) {
                classes.push(&token.class);
            }
        }
        classes
    }

    fn check(&self) -> Result<(), SnapshotError> {
        if self.tokens.is_empty() {
            return Err(SnapshotError::NoToken(self.id));
        }
        if self.score > 100 || self.residual > self.score {
            return Err(SnapshotError::Score(self.id));
        }
        let explained = self.explanation.score();
        if explained != u64::from(self.score) {
            return Err(SnapshotError::Explanation { leak: self.id, score: self.score, explained });
        }
        Ok(())
    }
}

impl Explanation {
    /// The sum of the terms.
    pub fn sum(&self) -> u64 {
        self.terms.iter().map(|term| u64::from(term.points)).sum()
    }

    /// The score that it comes to.
    pub fn score(&self) -> u64 {
        let floor = self.floor.as_ref().map_or(0, |floor| u64::from(floor.points));
        let cap = self.cap.as_ref().map_or(u64::MAX, |cap| u64::from(cap.points));
        self.sum().max(floor).min(cap)
    }
}
