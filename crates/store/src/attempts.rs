//! Attempts to use leaked tokens, as nodes log them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use stanch::leak::{Act, Event, LeakId, Mode, Place, Refusal, TenantId, Time, User};

use crate::access;
use crate::database::Conflict;
use crate::error::StoreError;
use crate::ledger::Ledger;
use crate::look;
use crate::schema::ATTEMPT;
use crate::store::{By, Store};
use crate::value::{Columns, Row, Value};

/// A request that carried a leaked token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The leak.
    pub leak: LeakId,
    /// When it was.
    pub at: Time,
    /// The node that saw it.
    pub node: String,
    /// The client, as the node knows it: an address.
    pub client: String,
    /// The host that was asked.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The part of the request that held the token.
    pub part: String,
    /// The name of the header, cookie or parameter; empty where there is none.
    pub name: String,
    /// What had to be undone to see it.
    pub view: String,
    /// What the node did with it.
    pub action: Mode,
}

/// A line of a node's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The line as it stands. The same line is counted once, however often it comes.
    pub line: String,
    /// What it says.
    pub attempt: Attempt,
    /// Whether the API accepted the request.
    pub accepted: bool,
    /// How many attempts the node left out of its log since the line before. Of which leaks is not known.
    pub left_out: u64,
}

/// What became of the lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many attempts are new.
    pub new: u64,
    /// How many lines were known already.
    pub known: u64,
    /// How many are about leaks that there are not, or of tenants that the user may not import for.
    pub strange: u64,
    /// How many are about leaks that never had a patch: nobody can have refused or recorded them.
    pub unpatched: u64,
    /// How many places are new.
    pub places: u64,
    /// How many attempts the nodes left out, by what the new lines say. They are told and nothing more: no
    /// leak can be said to have had them.
    pub left_out: u64,
}

impl Store {
    /// Takes in what nodes logged. The attempts raise the leaks' exploitation factor, and tell where the tokens are
    /// used. Lines that were taken in before count once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may import nothing; [`StoreError::Refused`] if a text is too long, and
    /// nothing is taken in then.
    pub fn import_attempts(&self, by: &By, lines: &[Logged]) -> Result<Imported, StoreError> {
        self.write(by.at, |ledger| {
            access::tenants(ledger.database, &by.who, Act::Import, None)?;
            let mut imported = Imported::default();
            let new = sort_out(ledger, by, lines, &mut imported)?;
            let mut rows = Vec::new();
            let mut counts: BTreeMap<(LeakId, &str, bool), Seen> = BTreeMap::new();
            let mut places: BTreeMap<(LeakId, Place), Time> = BTreeMap::new();
            for (key, logged) in new {
                let Attempt { leak, at, node, action, .. } = &logged.attempt;
                let tenant = ledger.leak(*leak)?.tenant().0.clone();
                rows.push(row(key, &tenant, &logged.attempt));
                imported.left_out = imported.left_out.saturating_add(logged.left_out);
                let blocks = *action == Mode::Block;
                let seen = counts.entry((*leak, node, blocks)).or_default();
                seen.add(*at, logged.accepted);
                let last = places.entry((*leak, logged.attempt.place())).or_insert(*at);
                *last = (*last).max(*at);
            }
            imported.new = rows.len() as u64;
            for ((leak, node, blocks), seen) in counts {
                let mode = if blocks { Mode::Block } else { Mode::Monitor };
                seen.append(ledger, by, leak, node, mode)?;
            }
            for ((leak, place), at) in places {
                imported.places += u64::from(see(ledger, by, leak, place, at)?);
            }
            ledger.database.put(&ATTEMPT, Conflict::Refuse, &rows)?;
            Ok(imported)
        })
    }

    /// The attempts to use a leak's tokens, the last ones first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownLeak`] if there is none that the user may know of, [`StoreError::Denied`].
    pub fn attempts(
        &self,
        who: &User,
        leak: LeakId,
        limit: u64,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.read(|database| {
            look::find(database, who, Act::View, leak)?;
            let sql = format!(
                "SELECT {COLUMNS} FROM attempt WHERE leak = ?1 ORDER BY at DESC, line LIMIT ?2"
            );
            let rows = database.query(&sql, &[leak.0.into(), limit.into()])?;
            rows.into_iter().map(|row| attempt(Columns::of(row))).collect()
        })
    }

    /// The attempts to use any leak of one tenant, or of each that the user may see, the last ones first, at
    /// most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may see none.
    pub fn all_attempts(
        &self,
        who: &User,
        tenant: Option<&TenantId>,
        limit: u64,
    ) -> Result<Vec<Attempt>, StoreError> {
        self.read(|database| {
            let tenants = access::tenants(database, who, Act::View, tenant)?;
            let tenants: Vec<Value> = tenants.iter().map(|id| id.0.as_str().into()).collect();
            let sql = format!("SELECT {COLUMNS} FROM attempt WHERE tenant");
            let end = "ORDER BY at DESC, line LIMIT ?1";
            let rows = database.query_in(&sql, &[limit.into()], &tenants, end)?;
            let attempts = rows.into_iter().map(|row| attempt(Columns::of(row)));
            let mut attempts: Vec<Attempt> = attempts.collect::<Result<_, _>>()?;
            // In order across the tenants, also where they were asked for in parts.
            attempts.sort_by_key(|attempt| Reverse(attempt.at));
            attempts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(attempts)
        })
    }
}

const COLUMNS: &str = "leak, at, node, client, host, method, path, part, name, view, action";

/// Attempts of one kind.
#[derive(Default)]
struct Seen {
    passed: u64,
    accepted: u64,
    last: Option<Time>,
}

impl Seen {
    fn add(&mut self, at: Time, accepted: bool) {
        *(if accepted { &mut self.accepted } else { &mut self.passed }) += 1;
        self.last = self.last.max(Some(at));
    }

    fn append(
        self,
        ledger: &mut Ledger<'_>,
        by: &By,
        leak: LeakId,
        node: &str,
        mode: Mode,
    ) -> Result<(), StoreError> {
        for (count, accepted) in [(self.passed, false), (self.accepted, true)] {
            if count > 0 {
                let event = Event::Attempted { node: node.to_owned(), mode, count, accepted };
                let mut entry = by.entry(leak, event);
                entry.at = self.last.unwrap_or(by.at);
                ledger.append(&entry)?;
            }
        }
        Ok(())
    }
}

/// The lines that are new, with their keys; counts the others.
fn sort_out<'l>(
    ledger: &mut Ledger<'_>,
    by: &By,
    lines: &'l [Logged],
    imported: &mut Imported,
) -> Result<Vec<([u8; 32], &'l Logged)>, StoreError> {
    let keyed =
        lines.iter().map(|logged| (*blake3::hash(logged.line.as_bytes()).as_bytes(), logged));
    let keyed: Vec<_> = keyed.collect();
    let values: Vec<Value> = keyed.iter().map(|(key, _)| key[..].into()).collect();
    let rows = ledger.database.query_in("SELECT line FROM attempt WHERE line", &[], &values, "")?;
    let known = rows.into_iter().map(|row| Columns::of(row).bytes());
    let mut known: HashSet<Vec<u8>> = known.collect::<Result<_, _>>()?;
    let ids: Vec<LeakId> = lines.iter().map(|logged| logged.attempt.leak).collect();
    ledger.load(&ids)?;
    let mut new = Vec::new();
    let mut may = BTreeMap::new();
    for (key, logged) in keyed {
        let Some(leak) = ledger.loaded(logged.attempt.leak) else {
            imported.strange += 1;
            continue;
        };
        let was_patched = leak.check(&by.entry(leak.id(), some_attempt()));
        let tenant = leak.tenant().clone();
        let may = match may.get(&tenant) {
            Some(may) => *may,
            None => {
                let checked = access::check(ledger.database, &by.who, Act::Import, &tenant);
                *may.entry(tenant).or_insert(checked.is_ok())
            }
        };
        if !may {
            imported.strange += 1;
        } else if was_patched == Err(Refusal::NeverPatched) {
            imported.unpatched += 1;
        } else if known.insert(key.to_vec()) {
            new.push((key, logged));
        } else {
            imported.known += 1;
        }
    }
    Ok(new)
}

/// An attempt such as any leak takes that ever was patched.
fn some_attempt() -> Event {
    Event::Attempted { node: "node".into(), mode: Mode::Block, count: 1, accepted: false }
}

/// Writes down that a token is used at a place, unless that is known; says whether the place is new.
fn see(
    ledger: &mut Ledger<'_>,
    by: &By,
    leak: LeakId,
    place: Place,
    at: Time,
) -> Result<bool, StoreError> {
    let known = ledger.leak(leak)?.places().find(|usage| *usage.place == place);
    let (is_new, last) = (known.is_none(), known.map(|usage| usage.last));
    if last >= Some(at) {
        return Ok(false);
    }
    let mut entry = by.entry(leak, Event::PlaceSeen(place));
    entry.at = at;
    match ledger.append(&entry) {
        // Whoever asks for new paths all the time must not keep the attempts from being counted.
        Err(StoreError::Refused(Refusal::TooManyPlaces)) => Ok(false),
        appended => appended.map(|()| is_new),
    }
}

impl Attempt {
    fn place(&self) -> Place {
        Place {
            host: self.host.clone(),
            method: Some(self.method.clone()).filter(|method| !method.is_empty()),
            path: self.path.clone(),
            part: self.part.clone(),
            name: self.name.clone(),
            client: Some(self.client.clone()).filter(|client| !client.is_empty()),
        }
    }
}

fn row(key: [u8; 32], tenant: &str, attempt: &Attempt) -> Row {
    vec![
        key[..].into(),
        attempt.leak.0.into(),
        tenant.into(),
        attempt.at.0.into(),
        attempt.node.as_str().into(),
        attempt.client.as_str().into(),
        attempt.host.as_str().into(),
        attempt.method.as_str().into(),
        attempt.path.as_str().into(),
        attempt.part.as_str().into(),
        attempt.name.as_str().into(),
        attempt.view.as_str().into(),
        attempt.action.to_string().into(),
    ]
}

fn attempt(mut row: Columns) -> Result<Attempt, StoreError> {
    Ok(Attempt {
        leak: LeakId(row.int()? as u64),
        at: Time(row.int()?),
        node: row.text()?,
        client: row.text()?,
        host: row.text()?,
        method: row.text()?,
        path: row.text()?,
        part: row.text()?,
        name: row.text()?,
        view: row.text()?,
        action: match row.text()?.as_str() {
            "block" => Mode::Block,
            "monitor" => Mode::Monitor,
            _ => return Err(StoreError::Corrupted("an attempt has another action".into())),
        },
    })
}
