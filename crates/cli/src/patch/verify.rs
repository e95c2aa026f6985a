//! `stanch patch verify`: whether a node would take a patch set.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use stanch::patch::{SetInfo, Trust};
use stanch::secret::PublicKey;

use crate::outcome::{Failure, Outcome, shown};
use crate::palette;

/// Says whether a node with a public key would take a patch set
#[derive(Debug, Args)]
#[command(after_help = "\
The set is checked in every way that a node checks it before it takes it, but for the imprint key, \
which is not needed: it is whole, one of the public keys signed it, it has not expired, and it is not \
older than what a node has.

Examples:
  stanch patch verify live.set --public-key sign.key.pub
  stanch patch verify live.set --public-key sign.key.pub --serial 7

Exit status: 0 it would be taken, 2 it would not, or an error; stderr says why.")]
pub(crate) struct VerifyArguments {
    /// The file of a public key that may have signed it; several while one takes the place of another
    #[arg(long, value_name = "FILE", required = true)]
    public_key: Vec<PathBuf>,
    /// The lowest serial number that would be taken
    #[arg(long, value_name = "N", default_value_t = 0)]
    serial: u64,
    /// The patch set
    #[arg(value_name = "SET")]
    set: PathBuf,
}

/// Runs the command.
pub(crate) fn verify(arguments: &VerifyArguments) -> Result<Outcome, Failure> {
    let keys = arguments.public_key.iter().map(|path| PublicKey::open(path));
    let trust = Trust::signed_by(keys.collect::<Result<Vec<_>, _>>()?).not_before(arguments.serial);
    let info = SetInfo::verify(&arguments.set, &trust)?;
    let mut output = palette::output();
    write!(output, "{}: would be taken: serial {}", shown(&arguments.set), info.serial)?;
    if let Some(signer) = info.signer {
        write!(output, ", signed with key {}", signer.id())?;
    }
    match info.expires {
        Some(expires) => writeln!(output, ", expires {}", crate::time::told(expires))?,
        None => writeln!(output, ", never expires")?,
    }
    output.flush()?;
    Ok(Outcome::Clean)
}
