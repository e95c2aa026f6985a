//! The schema, its versions, and the tables by name.

use crate::database::{Conflict, Database, Table};
use crate::error::StoreError;
use crate::value::Kind::{Bytes, Int, Text};
use crate::value::Value;

/// What leads from each version to the next. The texts are the same for both databases, which know
/// the types BIGINT, TEXT and BYTEA alike. A migration that was released is never changed.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_ledger.sql"),
    include_str!("../migrations/0002_projection.sql"),
    include_str!("../migrations/0003_lists.sql"),
];

/// The version from which on lists are read from indexes alone.
const LISTS: i64 = 3;

/// The newest version.
pub(crate) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// The version of the ledger in the database; none if there is none.
///
/// # Errors
///
/// [`StoreError::Newer`] if a newer program wrote it.
pub(crate) fn version(database: &mut Database) -> Result<Option<i64>, StoreError> {
    if !has_ledger(database)? {
        return Ok(None);
    }
    let row = database.row("SELECT version FROM ledger WHERE one = 1", &[])?;
    match row.map(|mut row| row.int()).transpose()? {
        Some(found) if found > NEWEST => Err(StoreError::Newer { found, known: NEWEST }),
        Some(found) if found >= 1 => Ok(Some(found)),
        _ => Err(StoreError::Corrupted("it has no version".into())),
    }
}

/// Brings the database to the newest version; from nothing where there is nothing. Says whether there
/// was anything to do.
pub(crate) fn migrate(database: &mut Database) -> Result<bool, StoreError> {
    if version(database)? == Some(NEWEST) {
        return Ok(false);
    }
    migrate_to(database, NEWEST)
}

/// Brings the database to a version that is not older than its own.
pub(crate) fn migrate_to(database: &mut Database, newest: i64) -> Result<bool, StoreError> {
    database.write(|database| {
        if let Database::Postgres(_) = database {
            // Two that open an empty database at the same time: one waits for the other here.
            database.query("SELECT 1 FROM (SELECT pg_advisory_xact_lock(7310601)) AS held", &[])?;
        }
        let before = version(database)?.unwrap_or(0);
        let missing = MIGRATIONS.iter().zip(1..=newest).filter(|(_, version)| *version > before);
        for (sql, version) in missing {
            database.script(sql)?;
            if version == 1 {
                let empty = [1i64, 1, 0, 0].map(Value::from);
                let empty = empty.into_iter().chain([Value::Bytes(vec![])]).collect();
                database.put(&LEDGER, Conflict::Refuse, &[empty])?;
            }
            database.execute("UPDATE ledger SET version = ?1", &[version.into()])?;
        }
        if before < newest && newest >= LISTS {
            database.tend()?;
        }
        Ok(before < newest)
    })
}

fn has_ledger(database: &mut Database) -> Result<bool, StoreError> {
    let sql = match database {
        Database::Sqlite(_) => {
            "SELECT 1 FROM sqlite_schema WHERE name = 'ledger' AND type = 'table'"
        }
        Database::Postgres(_) => "SELECT 1 WHERE to_regclass('ledger') IS NOT NULL",
    };
    Ok(!database.query(sql, &[])?.is_empty())
}

pub(crate) const LEDGER: Table = Table {
    name: "ledger",
    columns: &[("one", Int), ("version", Int), ("events", Int), ("leaks", Int), ("head", Bytes)],
    key: 1,
};

pub(crate) const EVENT: Table = Table {
    name: "event",
    columns: &[
        ("seq", Int),
        ("leak", Int),
        ("tenant", Text),
        ("at", Int),
        ("actor", Text),
        ("event", Text),
        ("chain", Bytes),
    ],
    key: 1,
};

pub(crate) const ATTEMPT: Table = Table {
    name: "attempt",
    columns: &[
        ("line", Bytes),
        ("leak", Int),
        ("tenant", Text),
        ("at", Int),
        ("node", Text),
        ("client", Text),
        ("host", Text),
        ("method", Text),
        ("path", Text),
        ("part", Text),
        ("name", Text),
        ("view", Text),
        ("action", Text),
    ],
    key: 1,
};

pub(crate) const TENANT: Table =
    Table { name: "tenant", columns: &[("id", Text), ("enabled", Int)], key: 1 };

pub(crate) const NODE: Table =
    Table { name: "node", columns: &[("tenant", Text), ("name", Text)], key: 2 };

pub(crate) const SEALED: Table = Table {
    name: "sealed",
    columns: &[("tenant", Text), ("digest", Bytes), ("recipient", Text), ("bytes", Bytes)],
    key: 3,
};

pub(crate) const LEAK: Table = Table {
    name: "leak",
    columns: &[
        ("id", Int),
        ("tenant", Text),
        ("status", Int),
        ("patch", Int),
        ("score", Int),
        ("residual", Int),
        ("level", Int),
        ("critical", Int),
        ("first_seen", Int),
        ("last_seen", Int),
        ("attempts", Int),
        ("tokens", Int),
        ("sources", Int),
        ("places", Int),
        ("class", Text),
        ("source", Text),
        ("target", Text),
        ("target_key", Text),
        ("rated_at", Int),
        ("due", Int),
        ("marks", Int),
        ("class_key", Int),
    ],
    key: 1,
};

pub(crate) const TOKEN: Table = Table {
    name: "token",
    columns: &[
        ("tenant", Text),
        ("digest", Bytes),
        ("leak", Int),
        ("class", Text),
        ("imprint", Bytes),
    ],
    key: 2,
};

pub(crate) const SEARCH: Table = Table {
    name: "search",
    columns: &[("leak", Int), ("ending", Int), ("target", Text), ("words", Text)],
    key: 1,
};

pub(crate) const PLACE: Table = Table {
    name: "place",
    columns: &[
        ("leak", Int),
        ("host", Text),
        ("method", Text),
        ("path", Text),
        ("part", Text),
        ("name", Text),
        ("client", Text),
        ("ticked", Int),
    ],
    key: 7,
};
