//! To whom tokens are sealed that are registered.

use std::path::Path;

use clap::Args;
use stanch::secret::Digest;
use stanch::secret::{Imprint, Secret};
use stanch_store::{Recipient, Sealed, StoreError};

use crate::outcome::{Failure, shown};

/// How a public key begins.
const PREFIX: &str = "age1";

#[derive(Debug, Args)]
pub(crate) struct Sealing {
    /// Keep the tokens, too, sealed to this public key (age1…), or to each in this file: `stanch leak unseal` opens
    /// them, to have them revoked
    #[arg(long, value_name = "RECIPIENT")]
    seal: Vec<String>,
}

/// Seals tokens to somebody, or to nobody.
pub(crate) struct Sealer(Vec<Recipient>);

impl Sealing {
    /// Reads the public keys.
    pub(crate) fn open(&self) -> Result<Sealer, Failure> {
        let mut recipients = Vec::new();
        for seal in &self.seal {
            match seal.starts_with(PREFIX) {
                true => {
                    recipients.push(seal.parse().map_err(|error| Failure::named("--seal", error))?)
                }
                false => recipients.extend(Recipient::open(Path::new(seal)).map_err(of_key)?),
            }
        }
        Ok(Sealer(recipients))
    }
}

/// What is wrong with a file of keys: it has nothing to do with the ledger.
pub(crate) fn of_key(error: StoreError) -> Failure {
    match error {
        StoreError::Io { path, reason } => {
            let reason = reason.split(" (os error ").next().unwrap_or_default();
            Failure::named(shown(&path), reason)
        }
        other => other.into(),
    }
}

impl Sealer {
    /// The token, sealed to each.
    pub(crate) fn seal(
        &self,
        imprint: &Imprint,
        secret: &Secret,
    ) -> Result<Vec<(Digest, Sealed)>, Failure> {
        let seal = |recipient: &Recipient| Ok((*imprint.digest(), recipient.seal(secret)?));
        self.0.iter().map(seal).collect()
    }
}
