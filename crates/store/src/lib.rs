//! The ledger of leaks in a real database: SQLite, in one file, or PostgreSQL, for teams.
//!
//! What happened to leaks is a table of [entries](stanch::leak::Entry), which is only ever appended to. What
//! leaks are follows from it, and stands in tables for lists besides, which are written in the same
//! transaction and can be made anew at any time. [`Store::verify`] compares the two. Tokens are kept as
//! imprints; who must have one again, to have it revoked, has it sealed to a [`Recipient`] when it is found.
//!
//! Every call says who makes it, and `stanch::leak::permit` says whether they may. `docs/store.md` tells the
//! rest: the schema, what survives what, and figures.
//!
//! ```
//! use stanch::leak::{Actor, Facts, Role, Sighting, Source, TenantId, Time, User};
//! use stanch::secret::{ImprintKey, Secret};
//! use stanch_store::{By, Filter, Page, Sort, Store};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("ledger.db");
//! # let path = path.to_str().unwrap();
//! let store = Store::open(path)?;
//! let who = User { role: Role::Administrator, tenant: TenantId::default() };
//! let ann = By { who, actor: Actor::Person("ann".into()), at: Time(1_760_000_000) };
//! store.switch(&ann, &TenantId::default(), true)?;
//!
//! let key = ImprintKey::generate()?;
//! let token = key.imprint(&Secret::new("github-pat", "ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo"))?;
//! let found = Sighting::new(Source::file("deploy/.env", 3), [(token, Facts::reported())]);
//! let id = store.register(&ann, vec![found])?[0].new.unwrap();
//!
//! let list = store.list(&ann.who, &Filter::default(), Sort::default(), Page::first(20))?;
//! assert_eq!((list.total, list.leaks[0].id), (1, id));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod apply;
mod attempts;
mod database;
mod decide;
mod error;
mod ledger;
mod list;
mod look;
mod policy;
#[cfg(test)]
mod policy_laws;
mod policy_text;
mod postgres;
mod project;
pub mod rate;
mod register;
mod schema;
mod seal;
mod sqlite;
mod store;
mod tls;
mod unseal;
mod value;
mod verify;

pub use attempts::{Attempt, Imported, Logged};
pub use decide::Learned;
pub use error::StoreError;
pub use list::{Filter, Key, List, Page, Sort, Summary};
pub use look::{Patched, Snapshot};
pub use policy::{DecisionPolicy, Planned, Rule};
pub use policy_text::DecisionPolicyError;
pub use rate::{Rated, TokenRated};
pub use seal::{Identity, Recipient, Sealed};
pub use store::{By, Store};
pub use unseal::Unsealed;
pub use verify::Verified;
