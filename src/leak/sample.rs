//! A leak to try things on.

use super::{Actor, Entry, Event, Facts, Issuer, Leak, LeakId, Refusal, Source, TenantId, Time};
use crate::secret::{Imprint, ImprintKey, Secret};

pub(super) const A: &str = "7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA";
pub(super) const B: &str = "Vn9Tz3Rw6Yb1Cd5Fg0Hp";

pub(super) fn token(text: &str, issuer: Issuer) -> (Imprint, Facts) {
    let imprint = ImprintKey::from_bytes([4; 32]).imprint(&Secret::new("test", text)).unwrap();
    (imprint, Facts { issuer, ..Facts::reported() })
}

pub(super) fn leak(tokens: &[(&str, Issuer)]) -> Leak {
    let tokens = tokens.iter().map(|(text, issuer)| token(text, *issuer)).collect();
    let source = Source::file("one", 1);
    let tenant = TenantId::default();
    let event = Event::Registered { tenant, manual: false, source, target: None, tokens };
    Leak::begin(&Entry { leak: LeakId(1), at: Time(5), by: Actor::System, event }).unwrap()
}

pub(super) fn ann() -> Actor {
    Actor::Person("ann".into())
}

pub(super) fn happens(leak: &mut Leak, at: i64, event: Event) -> Result<(), Refusal> {
    leak.apply(&Entry { leak: leak.id(), at: Time(at), by: ann(), event })
}
