//! A database of either kind, and everything in which the two differ.

use crate::error::StoreError;
use crate::postgres::Postgres;
use crate::sqlite::{self, Sqlite};
use crate::value::{Columns, Kind, Row, Value};

/// A table that rows are put into.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Its columns; the first `key` of them tell rows apart.
    pub(crate) columns: &'static [(&'static str, Kind)],
    pub(crate) key: usize,
}

/// What happens with a row whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// It is an error: the table is only ever appended to.
    Refuse,
    /// It takes the place of the old one.
    Replace,
    /// The old one stays.
    Keep,
}

/// A database: one connection.
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

impl Database {
    /// Runs `work` in a transaction that writes: all of it is kept, or nothing. When this returns `Ok`,
    /// it is on the disk.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let begin = match self {
            // Waits here for other writers, not in the middle, where waiting cannot help.
            Database::Sqlite(_) => "BEGIN IMMEDIATE",
            Database::Postgres(_) => "BEGIN",
        };
        self.transaction(begin, work)
    }

    /// Runs `work` in a transaction that reads: it sees one state of the ledger.
    pub(crate) fn read<T>(
        &mut self,
        work: impl FnOnce(&mut Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let begin = match self {
            Database::Sqlite(_) => "BEGIN",
            Database::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.transaction(begin, work)
    }

    /// Statements without values and results.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Database::Sqlite(sqlite) => sqlite.script(sql),
            Database::Postgres(postgres) => postgres.script(sql),
        }
    }

    /// The rows that a statement gives. Its values are written `?1`, `?2`, ….
    pub(crate) fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        match self {
            Database::Sqlite(sqlite) => sqlite.query(sql, values),
            Database::Postgres(postgres) => postgres.query(sql, values),
        }
    }

    /// The numbers in the first column of a statement's rows, of which there may be a hundred thousand.
    pub(crate) fn numbers(&mut self, sql: &str, values: &[Value]) -> Result<Vec<i64>, StoreError> {
        match self {
            Database::Sqlite(sqlite) => sqlite.numbers(sql, values),
            Database::Postgres(postgres) => postgres.numbers(sql, values),
        }
    }

    /// The only row that a statement gives, if it gives one.
    pub(crate) fn row(
        &mut self,
        sql: &str,
        values: &[Value],
    ) -> Result<Option<Columns>, StoreError> {
        Ok(self.query(sql, values)?.into_iter().next().map(Columns::of))
    }

    /// How many rows a statement changed.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        match self {
            Database::Sqlite(sqlite) => sqlite.execute(sql, values),
            Database::Postgres(postgres) => postgres.execute(sql, values),
        }
    }

    /// Puts rows into a table, no two with the same key.
    pub(crate) fn put(
        &mut self,
        table: &Table,
        conflict: Conflict,
        rows: &[Row],
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let conflict = table.on(conflict);
        match self {
            Database::Sqlite(sqlite) => sqlite.put(table, &conflict, rows),
            Database::Postgres(postgres) => postgres.put(table, &conflict, rows),
        }
    }

    /// The rows of `sql`, which ends in `IN (…)`, for any number of values in it.
    pub(crate) fn query_in(
        &mut self,
        sql: &str,
        first: &[Value],
        among: &[Value],
        end: &str,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        // Few different numbers of values, so that few statements are prepared.
        for among in among.chunks(500) {
            let size = among.len().next_power_of_two().min(500);
            let marks: Vec<String> =
                (first.len() + 1..=first.len() + size).map(|at| format!("?{at}")).collect();
            let mut values = first.to_vec();
            values.extend(among.iter().cloned());
            values.resize(first.len() + size, among[0].clone());
            rows.extend(self.query(&format!("{sql} IN ({}) {end}", marks.join(", ")), &values)?);
        }
        Ok(rows)
    }

    /// Where the value of that number begins in `text`, an expression: the number of the character, from 1; 0 if it
    /// does not stand there.
    pub(crate) fn position(&self, text: &str, value: usize) -> String {
        match self {
            Database::Sqlite(_) => format!("{}({text}, ?{value})", sqlite::POSITION),
            Database::Postgres(_) => format!("strpos({text}, ?{value})"),
        }
    }

    /// What follows a table's name where this index is the shortest that tells all that is asked.
    pub(crate) fn reading(&self, index: &str) -> String {
        match self {
            Database::Sqlite(_) => format!("INDEXED BY {index}"),
            // It knows by itself.
            Database::Postgres(_) => String::new(),
        }
    }

    /// Tells the database how to look after the tables that lists are read from.
    pub(crate) fn tend(&mut self) -> Result<(), StoreError> {
        match self {
            // It has nothing to look after.
            Database::Sqlite(_) => Ok(()),
            // An index alone tells of a row only where the server has swept since the row was written. By default it
            // sweeps when a fifth of a table changed, and until then a list is twice as slow.
            Database::Postgres(_) => ["leak", "search"].iter().try_for_each(|table| {
                self.script(&format!(
                    "ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02, \
                     autovacuum_vacuum_insert_scale_factor = 0.02, \
                     autovacuum_analyze_scale_factor = 0.05)"
                ))
            }),
        }
    }

    /// What a `SELECT` ends in that locks its row until the transaction ends.
    pub(crate) fn locking(&self) -> &'static str {
        match self {
            // The whole file is locked already.
            Database::Sqlite(_) => "",
            Database::Postgres(_) => "FOR UPDATE",
        }
    }

    fn transaction<T>(
        &mut self,
        begin: &str,
        work: impl FnOnce(&mut Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Database::Postgres(postgres) = self {
            postgres.revive()?;
        }
        let mut open = Transaction { database: self, done: false };
        open.database.script(begin)?;
        let value = work(open.database)?;
        open.database.script("COMMIT")?;
        open.done = true;
        Ok(value)
    }
}

/// A transaction that is taken back unless it is done, however the work ended.
struct Transaction<'d> {
    database: &'d mut Database,
    done: bool,
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.done {
            // A broken connection has nothing to take back.
            let _ = self.database.script("ROLLBACK");
        }
    }
}

impl Table {
    fn on(&self, conflict: Conflict) -> String {
        let (key, rest) = self.columns.split_at(self.key);
        let key = key.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        match conflict {
            Conflict::Refuse => String::new(),
            Conflict::Replace if !rest.is_empty() => {
                let sets: Vec<String> =
                    rest.iter().map(|(name, _)| format!("{name} = excluded.{name}")).collect();
                format!("ON CONFLICT ({key}) DO UPDATE SET {}", sets.join(", "))
            }
            Conflict::Replace | Conflict::Keep => format!("ON CONFLICT ({key}) DO NOTHING"),
        }
    }
}
