//! Looking at leaks one by one, and at all of them for patch sets and reports.

use stanch::leak::{Act, Entry, Leak, LeakId, Mode, TenantId, Time, User};
use stanch::secret::Imprint;

use crate::access;
use crate::database::Database;
use crate::error::StoreError;
use crate::ledger::{self, id_of};
use crate::project::patch_of;
use crate::rate::{self, Rated};
use crate::store::Store;
use crate::value::{Columns, Value};

/// A leak whose patch is decided: what goes into a patch set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patched {
    /// The leak.
    pub leak: LeakId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What becomes of requests with its tokens.
    pub mode: Mode,
    /// Its tokens.
    pub imprints: Vec<Imprint>,
}

/// All that reports are made of: the leaks of one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When.
    pub at: Time,
    /// Whose leaks they are.
    pub tenants: Vec<TenantId>,
    /// The leaks, by number, rated as of then.
    pub leaks: Vec<(Leak, Rated)>,
}

impl Store {
    /// A leak, with everything that is known of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnknownLeak`] if there is none that the user may know of, [`StoreError::Denied`].
    pub fn leak(&self, who: &User, id: LeakId) -> Result<Leak, StoreError> {
        self.read(|database| find(database, who, Act::View, id))
    }

    /// A leak, and how bad it is at `now`.
    ///
    /// # Errors
    ///
    /// As [`Store::leak`].
    pub fn rated(&self, who: &User, id: LeakId, now: Time) -> Result<(Leak, Rated), StoreError> {
        self.read(|database| {
            let leak = find(database, who, Act::View, id)?;
            let nodes = access::nodes(database, leak.tenant())?;
            let rated = rate::rate(self.policy(), &leak, &nodes, now);
            rated.map(|rated| (leak, rated)).ok_or(StoreError::UnknownLeak(id))
        })
    }

    /// What happened to a leak, in the order in which it became known.
    ///
    /// # Errors
    ///
    /// As [`Store::leak`].
    pub fn history(&self, who: &User, id: LeakId) -> Result<Vec<Entry>, StoreError> {
        Ok(self.leak(who, id)?.history().to_vec())
    }

    /// The leaks whose patch is decided, by number: of one tenant, or of each for which the user may build
    /// patch sets.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not.
    pub fn patches(
        &self,
        who: &User,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<Patched>, StoreError> {
        self.read(|database| {
            let tenants = access::tenants(database, who, Act::BuildPatches, tenant)?;
            let tenants: Vec<Value> = tenants.iter().map(|id| id.0.as_str().into()).collect();
            let sql = "SELECT leak.id, leak.tenant, leak.patch, token.imprint FROM leak \
                       JOIN token ON token.leak = leak.id WHERE leak.patch <> 0 AND leak.tenant";
            let mut rows =
                database.query_in(sql, &[], &tenants, "ORDER BY leak.id, token.digest")?;
            // By number across the tenants, also where they were asked for in parts.
            rows.sort_by(|one, other| one.first().cmp(&other.first()));
            let mut patched: Vec<Patched> = Vec::new();
            for row in rows {
                let mut row = Columns::of(row);
                let leak = LeakId(row.int()? as u64);
                let tenant = TenantId(row.text()?);
                let mode = patch_of(row.int()?)?;
                let imprint = Imprint::from_bytes(&row.bytes()?)
                    .map_err(|error| StoreError::Corrupted(format!("leak {leak}: {error}")))?;
                match (patched.last_mut(), mode) {
                    (Some(last), _) if last.leak == leak => last.imprints.push(imprint),
                    (_, Some(mode)) => {
                        patched.push(Patched { leak, tenant, mode, imprints: vec![imprint] });
                    }
                    (_, None) => {}
                }
            }
            Ok(patched)
        })
    }

    /// All leaks of one tenant, or of each that the user may see, as of one moment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may see none.
    pub fn snapshot(
        &self,
        who: &User,
        tenant: Option<&TenantId>,
        now: Time,
    ) -> Result<Snapshot, StoreError> {
        self.read(|database| {
            let tenants = access::tenants(database, who, Act::View, tenant)?;
            let mut leaks = Vec::new();
            for tenant in &tenants {
                let nodes = access::nodes(database, tenant)?;
                let sql = "SELECT id FROM leak WHERE tenant = ?1 ORDER BY id";
                let rows = database.query(sql, &[tenant.0.as_str().into()])?;
                let ids: Vec<LeakId> = rows.into_iter().map(id_of).collect::<Result<_, _>>()?;
                for ids in ids.chunks(500) {
                    for leak in ledger::load(database, ids)? {
                        let rated = rate::rate(self.policy(), &leak, &nodes, now);
                        leaks.extend(rated.map(|rated| (leak, rated)));
                    }
                }
            }
            leaks.sort_by_key(|(leak, _)| leak.id());
            Ok(Snapshot { at: now, tenants, leaks })
        })
    }

    /// Rates those leaks anew whose score the time has moved since they were rated. Returns how many.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may see nothing.
    pub fn refresh(&self, who: &User, now: Time) -> Result<u64, StoreError> {
        let due = |database: &mut Database| {
            let sql = "SELECT id FROM leak WHERE due <= ?1 ORDER BY due, id LIMIT 1000";
            let rows = database.query(sql, &[now.0.into()])?;
            rows.into_iter().map(id_of).collect::<Result<Vec<LeakId>, _>>()
        };
        let mut refreshed = 0;
        // Mostly there is nothing to do, and nobody has to wait for it.
        let mut left = self.read(|database| {
            access::tenants(database, who, Act::View, None)?;
            due(database)
        })?;
        while !left.is_empty() {
            refreshed += self.write(now, |ledger| {
                let ids = due(ledger.database)?;
                ledger.touch(&ids)?;
                Ok(ids.len() as u64)
            })?;
            left = self.read(due)?;
        }
        Ok(refreshed)
    }
}

/// The leak with this number, if the user may do `act` with it.
pub(crate) fn find(
    database: &mut Database,
    who: &User,
    act: Act,
    id: LeakId,
) -> Result<Leak, StoreError> {
    let leak = ledger::load(database, &[id])?.pop().ok_or(StoreError::UnknownLeak(id))?;
    access::check_leak(database, who, act, &leak)?;
    Ok(leak)
}
