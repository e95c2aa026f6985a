//! Registering what was found.

use std::collections::HashMap;

use stanch::leak::{Act, Event, Known, LeakId, Registration, Sighting, TenantId, assign};
use stanch::secret::Digest;

use crate::access;
use crate::database::{Conflict, Database};
use crate::error::StoreError;
use crate::ledger::Ledger;
use crate::schema::SEALED;
use crate::seal::Sealed;
use crate::store::{By, Store};
use crate::value::{Columns, Value};

impl Store {
    /// Registers tokens that were found together, many times over, as [`assign`] says: what is known is seen
    /// again, what is not becomes a leak. All of it or nothing. A sighting without tokens does nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not; [`StoreError::Refused`] if a sighting is not as entries
    /// must be.
    pub fn register(
        &self,
        by: &By,
        sightings: Vec<Sighting>,
    ) -> Result<Vec<Registration>, StoreError> {
        self.write(by.at, |ledger| {
            let mut known = Tokens::default();
            known.find(ledger, by, &sightings)?;
            let mut registrations = Vec::with_capacity(sightings.len());
            for sighting in sightings {
                registrations.push(register(ledger, &mut known, by, sighting)?);
            }
            Ok(registrations)
        })
    }

    /// Keeps a sealed token of a leak; the same token may be sealed to several operators.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not, [`StoreError::UnknownLeak`], or [`StoreError::Unknown`] if
    /// the leak has no such token.
    pub fn keep_sealed(
        &self,
        by: &By,
        leak: LeakId,
        digest: &Digest,
        sealed: &Sealed,
    ) -> Result<(), StoreError> {
        self.write(by.at, |ledger| {
            let found = ledger.leak(leak)?.clone();
            access::check_leak(ledger.database, &by.who, Act::Register, &found)?;
            if !found.holds(digest) {
                return Err(StoreError::Unknown("the leak has no such token".into()));
            }
            let row = vec![
                found.tenant().0.as_str().into(),
                digest.0[..].into(),
                sealed.recipient.as_str().into(),
                sealed.bytes.as_slice().into(),
            ];
            ledger.database.put(&SEALED, Conflict::Replace, &[row])
        })
    }

    /// What is sealed of a leak's tokens.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not: only who may change what is known of tokens;
    /// [`StoreError::UnknownLeak`].
    pub fn sealed(&self, by: &By, leak: LeakId) -> Result<Vec<(Digest, Sealed)>, StoreError> {
        self.read(|database| {
            let found = crate::look::find(database, &by.who, Act::Learn, leak)?;
            let tenant = Value::from(found.tenant().0.as_str());
            let digests: Vec<Value> =
                found.tokens().iter().map(|token| token.imprint().digest().0[..].into()).collect();
            let sql = "SELECT digest, recipient, bytes FROM sealed WHERE tenant = ?1 AND digest";
            let rows = database.query_in(sql, &[tenant], &digests, "ORDER BY digest, recipient")?;
            let sealed = |row| {
                let mut row = Columns::of(row);
                let digest = digest(&row.bytes()?)?;
                Ok((digest, Sealed { recipient: row.text()?, bytes: row.bytes()? }))
            };
            rows.into_iter().map(sealed).collect()
        })
    }
}

/// Which leaks tokens belong to, of those that a batch is about.
#[derive(Default)]
struct Tokens(HashMap<TenantId, HashMap<Digest, LeakId>>);

impl Tokens {
    /// Finds what is known of the tokens of all sightings, and loads the leaks.
    fn find(
        &mut self,
        ledger: &mut Ledger<'_>,
        by: &By,
        sightings: &[Sighting],
    ) -> Result<(), StoreError> {
        let mut digests: HashMap<&TenantId, Vec<Value>> = HashMap::new();
        for sighting in sightings {
            let of_tenant = digests.entry(&sighting.tenant).or_default();
            of_tenant
                .extend(sighting.tokens.iter().map(|(imprint, _)| imprint.digest().0[..].into()));
        }
        let mut leaks = Vec::new();
        for (tenant, mut digests) in digests {
            access::check(ledger.database, &by.who, Act::Register, tenant)?;
            digests.sort();
            digests.dedup();
            let found = find(ledger.database, tenant, &digests)?;
            leaks.extend(found.values().copied());
            self.0.insert(tenant.clone(), found);
        }
        ledger.load(&leaks)
    }
}

fn find(
    database: &mut Database,
    tenant: &TenantId,
    digests: &[Value],
) -> Result<HashMap<Digest, LeakId>, StoreError> {
    let sql = "SELECT digest, leak FROM token WHERE tenant = ?1 AND digest";
    let rows = database.query_in(sql, &[tenant.0.as_str().into()], digests, "")?;
    let known = |row| {
        let mut row = Columns::of(row);
        Ok((digest(&row.bytes()?)?, LeakId(row.int()? as u64)))
    };
    rows.into_iter().map(known).collect()
}

fn register(
    ledger: &mut Ledger<'_>,
    known: &mut Tokens,
    by: &By,
    sighting: Sighting,
) -> Result<Registration, StoreError> {
    let known = known.0.entry(sighting.tenant.clone()).or_default();
    let assignment = assign(sighting, |digest| {
        let leak = ledger.loaded(*known.get(digest)?)?;
        leak.token(digest).map(|token| Known::of(leak, token))
    });
    let id = ledger.next_leak();
    let registration = Registration {
        new: assignment.is_new().then_some(id),
        seen_again: assignment.seen_again.clone(),
    };
    for entry in assignment.entries(id, by.at, &by.actor) {
        ledger.append(&entry)?;
        match &entry.event {
            Event::Registered { tokens, .. } => {
                known.extend(tokens.iter().map(|(imprint, _)| (*imprint.digest(), entry.leak)));
            }
            Event::TokenAdded { token: (imprint, _) } => {
                known.insert(*imprint.digest(), entry.leak);
            }
            _ => {}
        }
    }
    Ok(registration)
}

/// The digest in a column.
pub(crate) fn digest(bytes: &[u8]) -> Result<Digest, StoreError> {
    let damaged = |_| StoreError::Corrupted("a token's digest has another length".into());
    bytes.try_into().map(Digest).map_err(damaged)
}
