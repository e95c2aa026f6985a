//! Opening what was kept sealed.

use std::collections::BTreeSet;

use stanch::leak::{Act, Event, LeakId};
use stanch::secret::{Digest, Secret};

use crate::access;
use crate::error::StoreError;
use crate::register;
use crate::seal::{Identity, Sealed};
use crate::store::{By, Store};
use crate::value::{Columns, Value};

/// A token of a leak, as it was found.
#[derive(Debug)]
pub struct Unsealed {
    /// Which one.
    pub digest: Digest,
    /// The token.
    pub secret: Secret,
}

impl Store {
    /// Opens the tokens of a leak that were sealed to `identity`, in the order of the leak's tokens. Who had them
    /// opened stands in the leak's history before anybody has them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may not, [`StoreError::UnknownLeak`], [`StoreError::Unknown`] if no token of
    /// the leak is kept sealed, [`StoreError::OtherKey`] if all are sealed to others, [`StoreError::Seal`] if what is
    /// sealed is damaged. Nothing is opened then, and nothing written down.
    pub fn unseal(
        &self,
        by: &By,
        leak: LeakId,
        identity: &Identity,
    ) -> Result<Vec<Unsealed>, StoreError> {
        self.write(by.at, |ledger| {
            let found = ledger.leak(leak)?.clone();
            access::check_leak(ledger.database, &by.who, Act::Unseal, &found)?;
            let tenant = Value::from(found.tenant().0.as_str());
            let digests: Vec<Value> =
                found.tokens().iter().map(|token| token.imprint().digest().0[..].into()).collect();
            let sql = "SELECT digest, recipient, bytes FROM sealed WHERE tenant = ?1 AND digest";
            let mut kept: Vec<(Digest, Sealed)> = Vec::new();
            for row in ledger.database.query_in(sql, &[tenant], &digests, "")? {
                let mut row = Columns::of(row);
                let digest = register::digest(&row.bytes()?)?;
                kept.push((digest, Sealed { recipient: row.text()?, bytes: row.bytes()? }));
            }
            if kept.is_empty() {
                return Err(StoreError::Unknown(format!("no token of leak {leak} is kept sealed")));
            }
            let mut unsealed = Vec::new();
            for token in found.tokens() {
                let digest = *token.imprint().digest();
                let own = |(of, sealed): &&(Digest, Sealed)| {
                    *of == digest && identity.is(&sealed.recipient)
                };
                let Some((_, sealed)) = kept.iter().find(own) else { continue };
                let secret = identity.unseal(sealed, token.class())?;
                let event = Event::Unsealed { digest, recipient: sealed.recipient.clone() };
                ledger.append(&by.entry(leak, event))?;
                unsealed.push(Unsealed { digest, secret });
            }
            if unsealed.is_empty() {
                let recipients: BTreeSet<&str> =
                    kept.iter().map(|(_, sealed)| sealed.recipient.as_str()).collect();
                let recipients = recipients.into_iter().collect::<Vec<_>>().join(", ");
                return Err(StoreError::OtherKey { recipients });
            }
            Ok(unsealed)
        })
    }
}
