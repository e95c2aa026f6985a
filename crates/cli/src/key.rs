//! `stanch key`: makes and names keys.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use stanch::secret::{ImprintKey, KeyError, KeyId, PublicKey, SigningKey};

use crate::outcome::{Failure, Outcome, shown};
use crate::palette;

/// Makes a new imprint key in a new file, and says its id.
pub(crate) fn new(path: &Path) -> Result<Outcome, Failure> {
    let key = ImprintKey::create(path)?;
    let mut output = palette::output();
    writeln!(output, "{}: key {}, readable by its owner alone", shown(path), key.id())?;
    output.flush()?;
    Ok(Outcome::Clean)
}

/// Makes a new signing key in a new file, and its public key in another one beside it.
pub(crate) fn new_signing(path: &Path) -> Result<Outcome, Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    let public_path = PathBuf::from(name);
    let key = SigningKey::create(path)?;
    let public = key.public();
    public.create(&public_path).inspect_err(|_| {
        // Nobody has used it yet, and half a pair is of no use.
        let _ = fs::remove_file(path);
    })?;
    let mut output = palette::output();
    writeln!(output, "{}: signing key {}, readable by its owner alone", shown(path), public.id())?;
    writeln!(output, "{}: its public key, for the nodes", shown(&public_path))?;
    output.flush()?;
    Ok(Outcome::Clean)
}

/// Says the id of the key in a file, of whatever kind it is.
pub(crate) fn id(path: &Path) -> Result<Outcome, Failure> {
    let id = id_of(path)?;
    let mut output = palette::output();
    writeln!(output, "{id}")?;
    output.flush()?;
    Ok(Outcome::Clean)
}

fn id_of(path: &Path) -> Result<KeyId, KeyError> {
    match PublicKey::open(path) {
        Err(KeyError::Malformed { .. }) => {}
        public => return Ok(public?.id()),
    }
    match SigningKey::open(path) {
        Err(KeyError::Malformed { .. }) => Ok(ImprintKey::open(path)?.id()),
        signing => Ok(signing?.public().id()),
    }
}
