//! What each factor weighs: data, with the model's values as defaults.

use crate::class::{Breadth, Environment, Family, Privilege};

use super::factors::{Channel, Exploitation, Rotation};

/// Declares a group of weights together with the model's values.
macro_rules! group {
    (
        $(#[$doc:meta])* $name:ident {
            $( $(#[$field_doc:meta])* $field:ident: $kind:ty = $value:expr, )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "risk-policy", derive(serde::Deserialize))]
        #[cfg_attr(
            feature = "risk-policy",
            serde(deny_unknown_fields, default, rename_all = "kebab-case")
        )]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $kind, )*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $( $field: $value, )* }
            }
        }
    };
}

group! {
    /// All that a [`Policy`](super::Policy) is made of. The default is the model of `docs/risk.md`.
    ///
    /// In a file each group is a table, and a name's words are joined by hyphens:
    /// `[privilege] payment-or-deploy = 30`.
    Weights {
        /// Points for the privilege.
        privilege: PrivilegePoints = PrivilegePoints::default(),
        /// Points for the breadth.
        breadth: BreadthPoints = BreadthPoints::default(),
        /// Points for the worst channel.
        channel: ChannelPoints = ChannelPoints::default(),
        /// Points for further sources.
        sources: SourcePoints = SourcePoints::default(),
        /// Points for what strangers did.
        exploitation: ExploitationPoints = ExploitationPoints::default(),
        /// Points for the time that it has been out.
        time: TimePoints = TimePoints::default(),
        /// Points for the environment.
        environment: EnvironmentPoints = EnvironmentPoints::default(),
        /// Points for the rotation.
        rotation: RotationPoints = RotationPoints::default(),
        /// What pairs of factors come to at most.
        most: MostPoints = MostPoints::default(),
        /// What lowers a score.
        caps: Caps = Caps::default(),
        /// What raises a score.
        floors: Floors = Floors::default(),
        /// Where levels begin.
        levels: LevelBounds = LevelBounds::default(),
        /// How many tokens together are rated.
        ratings: RatingTerms = RatingTerms::default(),
        /// Where grades begin.
        grades: GradeBounds = GradeBounds::default(),
        /// What families count in Data Leak Susceptibility.
        families: FamilyShares = FamilyShares::default(),
    }
}

group! {
    /// Points for what a token lets its bearer do, 0 to 100 each; none less than the one before.
    PrivilegePoints {
        /// An identifier that may be public.
        public: u8 = 4,
        /// Reading.
        read: u8 = 14,
        /// Writing, or unknown.
        write: u8 = 22,
        /// Moving money, or putting code into production.
        payment_or_deploy: u8 = 30,
        /// Administration of an account.
        admin: u8 = 36,
    }
}

group! {
    /// Points for how much a token reaches, 0 to 100 each; none less than the one before.
    BreadthPoints {
        /// One thing, or unknown.
        narrow: u8 = 0,
        /// Several things.
        some: u8 = 2,
        /// All that the account has.
        wide: u8 = 4,
    }
}

group! {
    /// Points for the worst channel that a token was seen in, 0 to 100 each; none less than the one before.
    ChannelPoints {
        /// For a few of the owner's people.
        private: u8 = 4,
        /// For all of the owner's people.
        internal: u8 = 8,
        /// Sent in cleartext.
        cleartext: u8 = 12,
        /// A mobile or desktop application.
        app: u8 = 16,
        /// A web page.
        page: u8 = 18,
        /// A public bucket or paste.
        bucket: u8 = 20,
        /// A public repository.
        repository: u8 = 22,
        /// A criminal market.
        market: u8 = 25,
    }
}

group! {
    /// Points for sources beyond the first, 0 to 100 each.
    SourcePoints {
        /// For each further source.
        each: u8 = 1,
        /// For all of them, at most.
        most: u8 = 3,
    }
}

group! {
    /// Points for what strangers are known to have done with a token, 0 to 100 each; none less than the one
    /// before.
    ExploitationPoints {
        /// Nothing.
        none: u8 = 0,
        /// It was seen in breach data.
        breach: u8 = 8,
        /// Somebody tried to use it.
        attempted: u8 = 14,
        /// Somebody used it, and it was accepted.
        accepted: u8 = 20,
    }
}

group! {
    /// Points for the whole days that a token has been out, 0 to 100 each.
    TimePoints {
        /// For each binary digit of the number of days: one day has one, a week three, a month five.
        digit: u8 = 2,
        /// For all of them, at most.
        most: u8 = 10,
    }
}

group! {
    /// Points for the environment that a token is for, 0 to 100 each; none less than the one before.
    EnvironmentPoints {
        /// A test or sandbox environment.
        test: u8 = 0,
        /// Nobody knows.
        unknown: u8 = 2,
        /// Production.
        production: u8 = 3,
    }
}

group! {
    /// Points for how a token is replaced, 0 to 100 each; none less than the one before.
    RotationPoints {
        /// It is replaced in time, or has been replaced.
        in_time: u8 = 0,
        /// Nobody knows.
        unknown: u8 = 1,
        /// It is overdue.
        overdue: u8 = 2,
    }
}

group! {
    /// What pairs of factors come to at most, in points, 0 to 100 each. The second of a pair loses what is too
    /// much.
    MostPoints {
        /// Privilege and breadth; no less than the highest privilege.
        impact: u8 = 40,
        /// Channel and further sources; no less than the highest channel.
        exposure: u8 = 25,
    }
}

group! {
    /// The highest scores that are possible, 0 to 100 each. The lowest that applies counts, whatever a floor
    /// says.
    Caps {
        /// Of a token that is known to be invalid, or was rotated; no more than `unverified`.
        dead: u8 = 15,
        /// Of a token that nobody tried, unless a stranger's use of it was accepted.
        unverified: u8 = 89,
        /// Of a token for which nothing but its randomness speaks; no more than `contextual`.
        generic: u8 = 44,
        /// Of a token for which the words around it speak.
        contextual: u8 = 69,
        /// Of an identifier that may be public.
        public: u8 = 19,
        /// Of half of a pair.
        half: u8 = 69,
        /// Of what is left of a score where a patch protects.
        protected: u8 = 44,
    }
}

group! {
    /// The lowest scores that are possible. The highest that applies counts, as far as the caps allow.
    Floors {
        /// Much privilege, far exposed.
        exposed: ExposedFloor = ExposedFloor::default(),
        /// Much privilege, in breach data.
        breached: BreachedFloor = BreachedFloor::default(),
        /// Some privilege, and somebody tried.
        attempted: AttemptedFloor = AttemptedFloor::default(),
        /// Somebody used it, and it was accepted.
        accepted: AcceptedFloor = AcceptedFloor::default(),
    }
}

group! {
    /// The floor of a privileged token that is far exposed.
    ExposedFloor {
        /// The score, 0 to 100.
        score: u8 = 70,
        /// From which privilege on, by its name in a file.
        #[cfg_attr(
            feature = "risk-policy",
            serde(deserialize_with = "super::policy_file::privilege")
        )]
        privilege: Privilege = Privilege::PaymentOrDeploy,
        /// From which channel on, by its name in a file.
        #[cfg_attr(
            feature = "risk-policy",
            serde(deserialize_with = "super::policy_file::channel")
        )]
        channel: Channel = Channel::App,
    }
}

group! {
    /// The floor of a privileged token that was seen in breach data, or in worse hands.
    BreachedFloor {
        /// The score, 0 to 100.
        score: u8 = 70,
        /// From which privilege on, by its name in a file.
        #[cfg_attr(
            feature = "risk-policy",
            serde(deserialize_with = "super::policy_file::privilege")
        )]
        privilege: Privilege = Privilege::PaymentOrDeploy,
    }
}

group! {
    /// The floor of a token that somebody tried to use.
    AttemptedFloor {
        /// The score, 0 to 100.
        score: u8 = 70,
        /// From which privilege on, by its name in a file.
        #[cfg_attr(
            feature = "risk-policy",
            serde(deserialize_with = "super::policy_file::privilege")
        )]
        privilege: Privilege = Privilege::Write,
    }
}

group! {
    /// The floor of a token that somebody used, and it was accepted.
    AcceptedFloor {
        /// The score, 0 to 100.
        score: u8 = 90,
    }
}

group! {
    /// The score at which each level begins, 1 to 100; each more than the one before. What is below all of
    /// them is informational.
    LevelBounds {
        /// Low.
        low: u8 = 20,
        /// Medium.
        medium: u8 = 45,
        /// High.
        high: u8 = 70,
        /// High, and critical.
        critical: u8 = 90,
    }
}

group! {
    /// How many tokens are rated together: the worst one's score, and a share of the sum of the others'.
    RatingTerms {
        /// How many points of the other tokens make one point of the rating, 1 to 1,000,000.
        per: u32 = 20,
        /// How many points the other tokens make at most, 0 to 100.
        most: u8 = 15,
    }
}

group! {
    /// The points at which each grade begins, 1 to 100; each more than the one before. What is below all of
    /// them is an A.
    GradeBounds {
        /// B.
        b: u8 = 10,
        /// C.
        c: u8 = 25,
        /// D.
        d: u8 = 45,
        /// F.
        f: u8 = 70,
    }
}

group! {
    /// How much of a token's score counts in Data Leak Susceptibility, in per cent, 0 to 100 each.
    FamilyShares {
        /// Files and objects.
        storage: u8 = 100,
        /// Databases, warehouses and search engines.
        database: u8 = 100,
        /// Clouds and hosting.
        cloud: u8 = 100,
        /// Source code, and what builds and ships it.
        code: u8 = 80,
        /// Mail, chat and telephony.
        messaging: u8 = 60,
        /// Any other service.
        other: u8 = 40,
    }
}

impl PrivilegePoints {
    pub(super) fn of(&self, privilege: Privilege) -> u8 {
        match privilege {
            Privilege::Public => self.public,
            Privilege::Read => self.read,
            Privilege::Write => self.write,
            Privilege::PaymentOrDeploy => self.payment_or_deploy,
            Privilege::Admin => self.admin,
        }
    }
}

impl BreadthPoints {
    pub(super) fn of(&self, breadth: Breadth) -> u8 {
        match breadth {
            Breadth::Narrow => self.narrow,
            Breadth::Some => self.some,
            Breadth::Wide => self.wide,
        }
    }
}

impl ChannelPoints {
    pub(super) fn of(&self, channel: Channel) -> u8 {
        match channel {
            Channel::Private => self.private,
            Channel::Internal => self.internal,
            Channel::Cleartext => self.cleartext,
            Channel::App => self.app,
            Channel::Page => self.page,
            Channel::Bucket => self.bucket,
            Channel::Repository => self.repository,
            Channel::Market => self.market,
        }
    }
}

impl SourcePoints {
    pub(super) fn of(&self, sources: u32) -> u8 {
        stepped(self.each, sources.saturating_sub(1), self.most)
    }
}

impl ExploitationPoints {
    pub(super) fn of(&self, exploitation: Exploitation) -> u8 {
        match exploitation {
            Exploitation::None => self.none,
            Exploitation::Breach => self.breach,
            Exploitation::Attempted => self.attempted,
            Exploitation::Accepted => self.accepted,
        }
    }
}

impl TimePoints {
    pub(super) fn of(&self, days: u32) -> u8 {
        stepped(self.digit, u32::BITS - days.leading_zeros(), self.most)
    }
}

impl EnvironmentPoints {
    pub(super) fn of(&self, environment: Environment) -> u8 {
        match environment {
            Environment::Test => self.test,
            Environment::Unknown => self.unknown,
            Environment::Production => self.production,
        }
    }
}

impl RotationPoints {
    pub(super) fn of(&self, rotation: Rotation) -> u8 {
        match rotation {
            Rotation::Rotated | Rotation::InTime => self.in_time,
            Rotation::Unknown => self.unknown,
            Rotation::Overdue => self.overdue,
        }
    }
}

impl FamilyShares {
    pub(super) fn of(&self, family: Family) -> u8 {
        match family {
            Family::Storage => self.storage,
            Family::Database => self.database,
            Family::Cloud => self.cloud,
            Family::Code => self.code,
            Family::Messaging => self.messaging,
            Family::Other => self.other,
        }
    }
}

/// So many steps of so many points, but no more than `most`.
fn stepped(points: u8, steps: u32, most: u8) -> u8 {
    let sum = u32::from(points).saturating_mul(steps);
    u8::try_from(sum).map_or(most, |sum| sum.min(most))
}
