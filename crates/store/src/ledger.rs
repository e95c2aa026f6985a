//! The ledger within a transaction: leaks are loaded, entries appended, and at the end the tables for
//! lists follow.

use std::collections::{BTreeMap, HashMap};

use stanch::leak::{Actor, Entry, Event, Leak, LeakId, TenantId, Time};
use stanch::risk::Policy;

use crate::access;
use crate::database::{Conflict, Database};
use crate::error::StoreError;
use crate::project::{Projection, Rows};
use crate::schema::EVENT;
use crate::value::{Columns, Row, Value};

/// A transaction that writes.
pub(crate) struct Ledger<'l> {
    pub(crate) database: &'l mut Database,
    policy: &'l Policy,
    now: Time,
    events: i64,
    leaks: i64,
    head: Vec<u8>,
    open: BTreeMap<LeakId, Open>,
    nodes: HashMap<TenantId, Vec<String>>,
    rows: Vec<Row>,
}

/// A leak that is in hand.
struct Open {
    leak: Leak,
    /// What the tables hold of it.
    before: Option<Projection>,
    rated: Time,
    changed: bool,
}

impl<'l> Ledger<'l> {
    /// Begins to write. Everybody else who writes waits until the transaction ends. Leaks that are
    /// changed are rated at `now`.
    pub(crate) fn begin(
        database: &'l mut Database,
        policy: &'l Policy,
        now: Time,
    ) -> Result<Ledger<'l>, StoreError> {
        let locking = database.locking();
        let sql = format!("SELECT events, leaks, head FROM ledger WHERE one = 1 {locking}");
        let row = database.row(&sql, &[])?;
        let mut row = row.ok_or_else(|| StoreError::Corrupted("it has no head".into()))?;
        let (events, leaks, head) = (row.int()?, row.int()?, row.bytes()?);
        let (open, nodes, rows) = (BTreeMap::new(), HashMap::new(), Vec::new());
        Ok(Ledger { database, policy, now, events, leaks, head, open, nodes, rows })
    }

    /// The number that the next leak gets.
    pub(crate) fn next_leak(&self) -> LeakId {
        LeakId(self.leaks as u64 + 1)
    }

    /// Loads leaks that will be asked for.
    pub(crate) fn load(&mut self, ids: &[LeakId]) -> Result<(), StoreError> {
        let mut missing: Vec<LeakId> =
            ids.iter().filter(|id| !self.open.contains_key(id)).copied().collect();
        missing.sort_unstable();
        missing.dedup();
        for ids in missing.chunks(500) {
            let rated = rated_at(self.database, ids)?;
            for leak in load(self.database, ids)? {
                let nodes = self.nodes(leak.tenant())?;
                let rated = rated.get(&leak.id()).copied().unwrap_or(self.now);
                let before = Projection::of(&leak, self.policy, &nodes, rated)?;
                let open = Open { leak, before: Some(before), rated, changed: false };
                self.open.insert(open.leak.id(), open);
            }
        }
        Ok(())
    }

    /// A leak, as it is with what was appended.
    pub(crate) fn leak(&mut self, id: LeakId) -> Result<&Leak, StoreError> {
        self.load(&[id])?;
        self.open.get(&id).map(|open| &open.leak).ok_or(StoreError::UnknownLeak(id))
    }

    /// A leak that was loaded.
    pub(crate) fn loaded(&self, id: LeakId) -> Option<&Leak> {
        self.open.get(&id).map(|open| &open.leak)
    }

    /// The nodes of a tenant.
    pub(crate) fn nodes(&mut self, tenant: &TenantId) -> Result<Vec<String>, StoreError> {
        if let Some(nodes) = self.nodes.get(tenant) {
            return Ok(nodes.clone());
        }
        let nodes = access::nodes(self.database, tenant)?;
        self.nodes.insert(tenant.clone(), nodes.clone());
        Ok(nodes)
    }

    /// Appends an entry, if the leak allows it.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let id = entry.leak;
        if let Event::Registered { .. } = entry.event
            && id == self.next_leak()
        {
            let leak = Leak::begin(entry)?;
            self.open.insert(id, Open { leak, before: None, rated: self.now, changed: true });
            self.leaks += 1;
        } else {
            self.leak(id)?;
            let open = self.open.get_mut(&id).ok_or(StoreError::UnknownLeak(id))?;
            open.leak.apply(entry)?;
            open.changed = true;
        }
        let tenant = self.open.get(&id).map(|open| open.leak.tenant().0.clone());
        let tenant = tenant.unwrap_or_default();
        self.events += 1;
        let actor = json(&entry.by)?;
        let event = json(&entry.event)?;
        let text = Written {
            seq: self.events,
            leak: id,
            tenant: &tenant,
            at: entry.at,
            actor: &actor,
            event: &event,
        };
        self.head = text.chain(&self.head).to_vec();
        self.rows.push(vec![
            self.events.into(),
            id.0.into(),
            tenant.into(),
            entry.at.0.into(),
            actor.into(),
            event.into(),
            self.head.as_slice().into(),
        ]);
        Ok(())
    }

    /// Has leaks rated anew though nothing happened to them.
    pub(crate) fn touch(&mut self, ids: &[LeakId]) -> Result<(), StoreError> {
        self.load(ids)?;
        for id in ids {
            if let Some(open) = self.open.get_mut(id) {
                open.changed = true;
            }
        }
        Ok(())
    }

    /// Has the leaks rated anew on which the nodes of a tenant bear, after these have changed.
    pub(crate) fn touch_patched(&mut self, tenant: &TenantId) -> Result<(), StoreError> {
        let sql = "SELECT id FROM leak WHERE tenant = ?1 AND patch <> 0";
        let rows = self.database.query(sql, &[tenant.0.as_str().into()])?;
        let ids: Vec<LeakId> = rows.into_iter().map(id_of).collect::<Result<_, _>>()?;
        // What is loaded after the change has no memory of what the tables hold.
        self.nodes.remove(tenant);
        self.touch(&ids)?;
        for id in ids {
            if let Some(open) = self.open.get_mut(&id) {
                open.before = None;
            }
        }
        Ok(())
    }

    /// Writes down what was appended, and what follows from it.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        let mut changes = Rows::default();
        let open = std::mem::take(&mut self.open);
        for open in open.into_values().filter(|open| open.changed) {
            let nodes = self.nodes(open.leak.tenant())?;
            // Time does not go back, whatever the clock of whoever writes says.
            let now = self.now.max(open.rated);
            let after = Projection::of(&open.leak, self.policy, &nodes, now)?;
            changes.change(open.before.as_ref(), after);
        }
        if !self.rows.is_empty() {
            self.database.put(&EVENT, Conflict::Refuse, &self.rows)?;
            let values = [self.events.into(), self.leaks.into(), Value::Bytes(self.head)];
            let sql = "UPDATE ledger SET events = ?1, leaks = ?2, head = ?3 WHERE one = 1";
            self.database.execute(sql, &values)?;
        }
        changes.put(self.database)
    }
}

/// An entry as it is written.
pub(crate) struct Written<'w> {
    pub(crate) seq: i64,
    pub(crate) leak: LeakId,
    pub(crate) tenant: &'w str,
    pub(crate) at: Time,
    pub(crate) actor: &'w str,
    pub(crate) event: &'w str,
}

impl Written<'_> {
    /// The hash of this entry and of all before it, whose hash is `before`: an entry that is changed, left
    /// out or put between others shows.
    pub(crate) fn chain(&self, before: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"stanch ledger 1");
        for part in [before, self.tenant.as_bytes(), self.actor.as_bytes(), self.event.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        for number in [self.seq, self.leak.0 as i64, self.at.0] {
            hasher.update(&number.to_le_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// The leaks with these numbers, as far as there are, by number.
pub(crate) fn load(database: &mut Database, ids: &[LeakId]) -> Result<Vec<Leak>, StoreError> {
    let among: Vec<Value> = ids.iter().map(|id| id.0.into()).collect();
    let sql = "SELECT leak, at, actor, event FROM event WHERE leak";
    let rows = database.query_in(sql, &[], &among, "ORDER BY leak, seq")?;
    let mut leaks: Vec<Leak> = Vec::new();
    for row in rows {
        fold(&mut leaks, &entry(Columns::of(row))?)?;
    }
    Ok(leaks)
}

/// Takes the next entry in; `leaks` are those so far, the last one at the end.
pub(crate) fn fold(leaks: &mut Vec<Leak>, entry: &Entry) -> Result<(), StoreError> {
    let damaged = |refusal| {
        StoreError::Corrupted(format!(
            "what happened to leak {} does not add up: {refusal}",
            entry.leak
        ))
    };
    match leaks.last_mut() {
        Some(leak) if leak.id() == entry.leak => leak.apply(entry).map_err(damaged),
        _ => {
            leaks.push(Leak::begin(entry).map_err(damaged)?);
            Ok(())
        }
    }
}

/// The entry in a row: its leak, time, actor and event.
pub(crate) fn entry(mut row: Columns) -> Result<Entry, StoreError> {
    let (leak, at) = (LeakId(row.int()? as u64), Time(row.int()?));
    let (actor, event) = (row.text()?, row.text()?);
    let damaged = |_| StoreError::Corrupted(format!("an entry of leak {leak} cannot be read"));
    let by: Actor = serde_json::from_str(&actor).map_err(damaged)?;
    let event: Event = serde_json::from_str(&event).map_err(damaged)?;
    Ok(Entry { leak, at, by, event })
}

/// The leak's number in a row that holds nothing else.
pub(crate) fn id_of(row: Row) -> Result<LeakId, StoreError> {
    Ok(LeakId(Columns::of(row).int()? as u64))
}

fn rated_at(database: &mut Database, ids: &[LeakId]) -> Result<HashMap<LeakId, Time>, StoreError> {
    let among: Vec<Value> = ids.iter().map(|id| id.0.into()).collect();
    let rows = database.query_in("SELECT id, rated_at FROM leak WHERE id", &[], &among, "")?;
    let rated = |row| {
        let mut row = Columns::of(row);
        Ok((LeakId(row.int()? as u64), Time(row.int()?)))
    };
    rows.into_iter().map(rated).collect()
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Database(error.to_string()))
}
