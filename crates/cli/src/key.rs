//! `stanch key`: makes and names keys.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use stanch::secret::{ImprintKey, KeyError, KeyId, PublicKey, SigningKey};
use stanch_store::Identity;

use crate::outcome::{Failure, Outcome, reason, shown};
use crate::palette;
use crate::seal::of_key;

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
    let public_path = beside(path);
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

/// Makes a new pair that tokens are sealed to and opened with, in two new files.
pub(crate) fn new_sealing(path: &Path) -> Result<Outcome, Failure> {
    let public_path = beside(path);
    let recipient = Identity::create(path).map_err(of_key)?;
    let written = File::create_new(&public_path)
        .and_then(|mut file| writeln!(file, "{recipient}").and_then(|()| file.sync_all()));
    written.map_err(|error| {
        // Nobody has used it yet, and half a pair is of no use.
        let _ = fs::remove_file(path);
        Failure::named(shown(&public_path), reason(&error))
    })?;
    let mut output = palette::output();
    writeln!(output, "{}: opens what is sealed, readable by its owner alone", shown(path))?;
    writeln!(output, "{}: its public key, to seal with: {recipient}", shown(&public_path))?;
    output.flush()?;
    Ok(Outcome::Clean)
}

/// Where the public key of the one at `path` is.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
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
