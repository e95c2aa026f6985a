//! The ledger, opened.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stanch::leak::{Actor, Time, User};
use stanch::risk::Policy;

use crate::database::Database;
use crate::error::StoreError;
use crate::ledger::Ledger;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::{schema, verify};

/// The ledger of leaks, in SQLite or PostgreSQL.
///
/// Threads may share one; they take turns. Processes open their own, as many as like. A call that
/// writes returns when all of it is on the disk, or nothing.
pub struct Store {
    database: Mutex<Database>,
    policy: Policy,
}

/// Who does something, in whose name it stands in the ledger, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The user, who must be permitted to do it.
    pub who: User,
    /// The actor that the ledger names.
    pub actor: Actor,
    /// The time, at which also the risk is rated.
    pub at: Time,
}

impl Store {
    /// Opens the ledger at `address`: `postgres://…` for PostgreSQL; otherwise a path, with or without `sqlite:`
    /// before it. A file that is not there is made, with mode 0600; an empty database gets its tables. An
    /// older ledger is brought to this version.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be opened. Whatever is no ledger, damaged, or of a newer version, is left as it
    /// was.
    pub fn open(address: &str) -> Result<Store, StoreError> {
        Store::open_with(address, Policy::default())
    }

    /// Opens the ledger and rates by `policy`. If it was rated by another one, all of it is rated anew.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_with(address: &str, policy: Policy) -> Result<Store, StoreError> {
        let mut database = if is_postgres(address) {
            Database::Postgres(Box::new(Postgres::connect(address)?))
        } else {
            let path = address.strip_prefix("sqlite:").unwrap_or(address);
            if path.is_empty() {
                return Err(StoreError::Address("the ledger has no name".into()));
            }
            Database::Sqlite(Sqlite::open(Path::new(path))?)
        };
        schema::migrate(&mut database)?;
        let store = Store { database: Mutex::new(database), policy };
        verify::rebuild_if_stale(&store)?;
        Ok(store)
    }

    /// The policy that it rates by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A transaction that appends to the ledger.
    pub(crate) fn write<T>(
        &self,
        now: Time,
        work: impl FnOnce(&mut Ledger<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.lock().write(|database| {
            let mut ledger = Ledger::begin(database, &self.policy, now)?;
            let done = work(&mut ledger)?;
            ledger.finish()?;
            Ok(done)
        })
    }

    /// A transaction that writes something else.
    pub(crate) fn write_plain<T>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.lock().write(work)
    }

    /// A transaction that reads.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.lock().read(work)
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        // The transaction of a thread that died was taken back.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

fn is_postgres(address: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme))
}
