//! Registering what was found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use stanch::leak::{Act, Event, Known, LeakId, Registration, Sighting, TenantId, assign};
use stanch::secret::Digest;

use crate::access;
use crate::database::{Conflict, Database};
use crate::error::StoreError;
use crate::ledger::Ledger;
use crate::schema::SEALED;
use crate::seal::Sealed;
use crate::store::{By, Store};
use crate::value::{Columns, Row, Value};

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
        self.register_sealed(by, sightings, &[])
    }

    /// The same, and keeps tokens of theirs sealed: each is sealed to somebody, the same token perhaps to several.
    ///
    /// # Errors
    ///
    /// As [`Store::register`], and [`StoreError::Unknown`] if what is sealed is none of the tokens.
    pub fn register_sealed(
        &self,
        by: &By,
        sightings: Vec<Sighting>,
        sealed: &[(Digest, Sealed)],
    ) -> Result<Vec<Registration>, StoreError> {
        self.write(by.at, |ledger| {
            let mut known = Tokens::default();
            known.find(ledger, by, &sightings)?;
            let mut tenants: HashMap<Digest, BTreeSet<TenantId>> = HashMap::new();
            let mut registrations = Vec::with_capacity(sightings.len());
            for sighting in sightings {
                if !sealed.is_empty() {
                    for (imprint, _) in &sighting.tokens {
                        tenants
                            .entry(*imprint.digest())
                            .or_default()
                            .insert(sighting.tenant.clone());
                    }
                }
                registrations.push(register(ledger, &mut known, by, sighting)?);
            }
            // The last one stays where a token is sealed twice to the same key.
            let mut rows: BTreeMap<(TenantId, Digest, &str), Row> = BTreeMap::new();
            for (digest, sealed) in sealed {
                let tenants = tenants.get(digest).ok_or_else(|| {
                    StoreError::Unknown("what is sealed is no token that was registered".into())
                })?;
                for tenant in tenants {
                    let row = vec![
                        tenant.0.as_str().into(),
                        digest.0[..].into(),
                        sealed.recipient.as_str().into(),
                        sealed.bytes.as_slice().into(),
                    ];
                    rows.insert((tenant.clone(), *digest, &sealed.recipient), row);
                }
            }
            let rows: Vec<Row> = rows.into_values().collect();
            ledger.database.put(&SEALED, Conflict::Replace, &rows)?;
            Ok(registrations)
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
