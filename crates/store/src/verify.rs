//! Whether the ledger is what it says: its chain, and what the tables for lists make of it.

use std::collections::HashMap;

use stanch::leak::{Act, Leak, LeakId, TenantId, Time, User};

use crate::access;
use crate::database::{Database, Table};
use crate::error::StoreError;
use crate::ledger::{self, Written, id_of};
use crate::project::{Projection, Rows};
use crate::schema::{LEAK, PLACE, SEARCH, TOKEN};
use crate::sqlite;
use crate::store::Store;
use crate::value::{Columns, Row, Value};

/// How many rows are looked at at a time.
const STEP: i64 = 1_000;

/// What was verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many entries.
    pub entries: u64,
    /// How many leaks.
    pub leaks: u64,
}

impl Store {
    /// Goes through all of the ledger: whether the database is sound, each entry is the one that was written and
    /// none is missing, each leak replays, the tables for lists hold what follows from that, and the attempts
    /// are as many as were counted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] with the first thing that is not so; [`StoreError::Denied`] if the user may see nothing.
    pub fn verify(&self, who: &User) -> Result<Verified, StoreError> {
        self.read(|database| {
            access::tenants(database, who, Act::View, None)?;
            if let Database::Sqlite(_) = database {
                sqlite::check_content(database)?;
            }
            let entries = verify_chain(database)?;
            let leaks = self.verify_projection(database)?;
            Ok(Verified { entries, leaks })
        })
    }

    fn verify_projection(&self, database: &mut Database) -> Result<u64, StoreError> {
        let mut last = LeakId(0);
        let mut count = 0;
        let mut totals = [0u64; 2];
        let mut nodes = Nodes::default();
        loop {
            let leaks = next(database, last)?;
            let (Some(first), Some(end)) = (leaks.first(), leaks.last()) else { break };
            last = end.id();
            let mut stored = stored(database, first.id(), last)?;
            for leak in &leaks {
                let stored = stored.remove(&(leak.id().0 as i64)).unwrap_or_default();
                let nodes = nodes.of(database, leak.tenant())?;
                let rated = rated_at(&stored);
                let mut expected = Projection::of(leak, self.policy(), nodes, rated)?;
                for rows in [&mut expected.tokens, &mut expected.places] {
                    rows.sort();
                }
                if stored != expected {
                    return Err(StoreError::Corrupted(format!(
                        "the lists hold something else of leak {} than its entries say",
                        leak.id()
                    )));
                }
                let parts = [&stored.tokens, &stored.places];
                for (total, rows) in totals.iter_mut().zip(parts) {
                    *total += rows.len() as u64;
                }
            }
            count += leaks.len() as u64;
        }
        let [tokens, places] = totals;
        let tables = [(LEAK, count), (SEARCH, count), (TOKEN, tokens), (PLACE, places)];
        for (Table { name: table, .. }, expected) in tables {
            let row = database.row(&format!("SELECT count(*) FROM {table}"), &[])?;
            if row.map(|mut row| row.int()).transpose()? != Some(expected as i64) {
                return Err(StoreError::Corrupted(format!(
                    "the lists hold a {table} that no entry speaks of"
                )));
            }
        }
        Ok(count)
    }
}

/// Makes the tables for lists anew if they are those of an older version, or rated by another policy.
pub(crate) fn rebuild_if_stale(store: &Store) -> Result<(), StoreError> {
    let policy = policy_hash(store);
    let is_current = |database: &mut Database| {
        let row = database.row("SELECT policy FROM projection WHERE one = 1", &[])?;
        Ok(row.map(|mut row| row.bytes()).transpose()?.is_some_and(|known| known == policy))
    };
    if store.read(is_current)? {
        return Ok(());
    }
    store.write_plain(|database| {
        let sql = format!("SELECT events FROM ledger WHERE one = 1 {}", database.locking());
        database.query(&sql, &[])?;
        if is_current(database)? {
            return Ok(());
        }
        rebuild(store, database)?;
        let sql = "INSERT INTO projection (one, policy) VALUES (1, ?1) \
                   ON CONFLICT (one) DO UPDATE SET policy = excluded.policy";
        database.execute(sql, &[Value::from(&policy[..])]).map(drop)
    })
}

fn rebuild(store: &Store, database: &mut Database) -> Result<(), StoreError> {
    for table in [&LEAK, &SEARCH, &TOKEN, &PLACE] {
        database.execute(&format!("DELETE FROM {}", table.name), &[])?;
    }
    // As of the last entry: whoever lists refreshes what the time has moved since.
    let row = database.row("SELECT max(at) FROM event", &[])?;
    let now = row.map(|mut row| row.maybe_int()).transpose()?.flatten().unwrap_or(0);
    let mut last = LeakId(0);
    let mut nodes = Nodes::default();
    loop {
        let leaks = next(database, last)?;
        let Some(end) = leaks.last().map(Leak::id) else { return Ok(()) };
        let mut rows = Rows::default();
        for leak in leaks {
            let nodes = nodes.of(database, leak.tenant())?;
            rows.change(None, Projection::of(&leak, store.policy(), nodes, Time(now))?);
        }
        rows.put(database)?;
        last = end;
    }
}

/// The leaks that come after `last`, a step of them, from their entries.
fn next(database: &mut Database, last: LeakId) -> Result<Vec<Leak>, StoreError> {
    let sql = "SELECT DISTINCT leak FROM event WHERE leak > ?1 ORDER BY leak LIMIT 500";
    let rows = database.query(sql, &[last.0.into()])?;
    let ids: Vec<LeakId> = rows.into_iter().map(id_of).collect::<Result<_, _>>()?;
    ledger::load(database, &ids)
}

/// What the tables hold of the leaks from `first` to `last`, by number.
fn stored(
    database: &mut Database,
    first: LeakId,
    last: LeakId,
) -> Result<HashMap<i64, Projection>, StoreError> {
    let mut stored: HashMap<i64, Projection> = HashMap::new();
    let mut read = |table: &Table, key: &str, put: fn(&mut Projection, Row)| {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let at = columns.iter().position(|name| *name == key).unwrap_or(0);
        let columns = columns.join(", ");
        let sql = format!("SELECT {columns} FROM {} WHERE {key} BETWEEN ?1 AND ?2", table.name);
        let mut rows = database.query(&sql, &[first.0.into(), last.0.into()])?;
        rows.sort();
        for row in rows {
            if let Some(Value::Int(id)) = row.get(at) {
                put(stored.entry(*id).or_default(), row);
            }
        }
        Ok::<(), StoreError>(())
    };
    read(&LEAK, "id", |projection, row| projection.leak = row)?;
    read(&TOKEN, "leak", |projection, row| projection.tokens.push(row))?;
    read(&SEARCH, "leak", |projection, row| projection.search = row)?;
    read(&PLACE, "leak", |projection, row| projection.places.push(row))?;
    Ok(stored)
}

/// When the leak in these rows was rated.
fn rated_at(stored: &Projection) -> Time {
    let mut columns = LEAK.columns.iter().zip(&stored.leak);
    match columns.find(|((name, _), _)| *name == "rated_at") {
        Some((_, Value::Int(at))) => Time(*at),
        _ => Time(0),
    }
}

/// The nodes of tenants, asked for once.
#[derive(Default)]
struct Nodes(HashMap<TenantId, Vec<String>>);

impl Nodes {
    fn of(&mut self, database: &mut Database, tenant: &TenantId) -> Result<&[String], StoreError> {
        if !self.0.contains_key(tenant) {
            self.0.insert(tenant.clone(), access::nodes(database, tenant)?);
        }
        Ok(self.0.get(tenant).map_or(&[], Vec::as_slice))
    }
}

fn verify_chain(database: &mut Database) -> Result<u64, StoreError> {
    let row = database.row("SELECT events, leaks, head FROM ledger WHERE one = 1", &[])?;
    let mut row = row.ok_or_else(|| StoreError::Corrupted("it has no head".into()))?;
    let (events, leaks, last) = (row.int()?, row.int()?, row.bytes()?);
    let mut head: Vec<u8> = Vec::new();
    let mut seq = 0;
    loop {
        let sql = "SELECT seq, leak, tenant, at, actor, event, chain FROM event \
                   WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let rows = database.query(sql, &[seq.into(), STEP.into()])?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let mut row = Columns::of(row);
            let number = row.int()?;
            let (leak, tenant, at) = (LeakId(row.int()? as u64), row.text()?, Time(row.int()?));
            let (actor, event) = (row.text()?, row.text()?);
            let written =
                Written { seq: number, leak, tenant: &tenant, at, actor: &actor, event: &event };
            let chain = written.chain(&head);
            if number != seq + 1 || row.bytes()? != chain {
                return Err(StoreError::Corrupted(format!(
                    "entry {} is not what was written there",
                    seq + 1
                )));
            }
            head = chain.to_vec();
            seq = number;
        }
    }
    if (seq, &head) != (events, &last) {
        return Err(StoreError::Corrupted(format!("its last entry is {seq}, not {events}")));
    }
    let row = database.row("SELECT count(DISTINCT leak) FROM event", &[])?;
    if row.map(|mut row| row.int()).transpose()? != Some(leaks) {
        return Err(StoreError::Corrupted("its leaks are not as many as it says".into()));
    }
    Ok(events as u64)
}

/// Tells policies apart.
fn policy_hash(store: &Store) -> [u8; 32] {
    *blake3::hash(format!("{:?}", store.policy()).as_bytes()).as_bytes()
}
