//! `stanch key`: makes and names imprint keys.

use std::io::Write;
use std::path::Path;

use stanch::secret::ImprintKey;

use crate::outcome::{Failure, Outcome, shown};
use crate::palette;

/// Makes a new key in a new file, and says its id.
pub(crate) fn new(path: &Path) -> Result<Outcome, Failure> {
    let key = ImprintKey::create(path)?;
    let mut output = palette::output();
    writeln!(output, "{}: key {}, readable by its owner alone", shown(path), key.id())?;
    output.flush()?;
    Ok(Outcome::Clean)
}

/// Says the id of the key in a file.
pub(crate) fn id(path: &Path) -> Result<Outcome, Failure> {
    let key = ImprintKey::open(path)?;
    let mut output = palette::output();
    writeln!(output, "{}", key.id())?;
    output.flush()?;
    Ok(Outcome::Clean)
}
