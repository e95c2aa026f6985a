//! Who works in the tests, and what they find.

use stanch::leak::{Actor, Facts, Issuer, LeakId, Role, Sighting, Source, TenantId, Time, User};
use stanch::secret::{Imprint, ImprintKey, Secret};
use stanch_store::{By, Filter, List, Page, Sort, Store};

/// A moment in the tests.
pub(crate) const NOW: i64 = 1_760_000_000;

/// Somebody with this role in the tenant of that name.
pub(crate) fn user(role: Role, tenant: &str) -> User {
    User { role, tenant: TenantId(tenant.into()) }
}

/// Ann, who may do everything.
pub(crate) fn ann() -> By {
    ann_at(NOW)
}

pub(crate) fn ann_at(at: i64) -> By {
    let who = user(Role::GlobalAdministrator, "default");
    By { who, actor: Actor::Person("ann".into()), at: Time(at) }
}

/// The imprint of the token with this number, of a class.
pub(crate) fn token(class: &str, number: u64) -> Imprint {
    // No two are alike, and each is as random as tokens are.
    let hash = blake3::hash(format!("token {number}").as_bytes());
    let text: String =
        hash.as_bytes().iter().map(|byte| char::from(LETTERS[usize::from(byte % 62)])).collect();
    ImprintKey::from_bytes([5; 32]).imprint(&Secret::new(class, text)).unwrap()
}

/// The number of the token that all writers share.
pub(crate) const COMMON: u64 = 1;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// What is known of a token that the user's own API accepts.
pub(crate) fn own() -> Facts {
    Facts { issuer: Issuer::Own, ..Facts::reported() }
}

/// Tokens with these numbers, found in a file.
pub(crate) fn found(numbers: &[u64], place: &str) -> Sighting {
    Sighting::new(
        Source::file(place, 1),
        numbers.iter().map(|number| (token("github-pat", *number), own())),
    )
}

/// Registers tokens and says which leak was made of them.
pub(crate) fn register(store: &Store, numbers: &[u64], place: &str) -> LeakId {
    store.register(&ann(), vec![found(numbers, place)]).unwrap()[0].new.unwrap()
}

/// The list of all leaks.
pub(crate) fn all(store: &Store) -> List {
    store.list(&ann().who, &Filter::default(), Sort::default(), Page::first(1000)).unwrap()
}
