//! The set that a command writes: under which key, to which file, signed by whom, until when.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use stanch::patch::{FormatError, OpenError, PatchSet, Placement, SetInfo};
use stanch::secret::{ImprintKey, SigningKey};

use crate::outcome::{Failure, complain, shown};
use crate::time;

#[derive(Debug, Args)]
pub(super) struct Output {
    /// The key file of the installation
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
    /// The patch set to write
    #[arg(short, long, value_name = "SET")]
    output: PathBuf,
    /// Sign the set with the key in this file, as `stanch key new --sign` makes it
    #[arg(long, value_name = "FILE")]
    sign: Option<PathBuf>,
    /// When the set stops being taken: 12h, 90d, 2030-12-31 or 2030-12-31T12:00:00Z [default: never]
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// The set's number in the row of sets [default: one more than that of the set it replaces, or 1]
    #[arg(long, value_name = "N")]
    serial: Option<u64>,
}

/// The same with its keys read, and its times and numbers known.
pub(super) struct Opened<'o> {
    pub(super) key: ImprintKey,
    pub(super) path: &'o Path,
    pub(super) expires: Option<u64>,
    signing: Option<SigningKey>,
    serial: u64,
}

impl Output {
    /// Reads the keys, and finds out what is to be replaced. Nothing is written.
    pub(super) fn open(&self) -> Result<Opened<'_>, Failure> {
        let path = &self.output;
        Ok(Opened {
            key: ImprintKey::open(&self.key)?,
            signing: self.sign.as_deref().map(SigningKey::open).transpose()?,
            expires: self.expires.as_deref().map(expiry).transpose()?,
            serial: serial(self.serial, replaced(path)?, path),
            path,
        })
    }
}

impl Opened<'_> {
    /// Builds the set, signs it if that was asked for, and writes it.
    pub(super) fn write(&self, placement: Placement<'_>) -> Result<PatchSet, Failure> {
        let unwritten = |error| Failure::named(shown(self.path), error);
        let placement = placement.expires(self.expires.unwrap_or(0));
        let mut set = placement.build(self.serial).map_err(unwritten)?;
        if let Some(signing) = &self.signing {
            set = set.sign(signing).map_err(|error| Failure::named(shown(self.path), error))?;
        }
        set.save(self.path)?;
        Ok(set)
    }
}

/// When a set is to expire that `text` says so of.
fn expiry(text: &str) -> Result<u64, Failure> {
    let time = time::parse(text).map_err(|error| Failure::named("--expires", error))?;
    if time <= time::now() {
        return Err(Failure::named(
            "--expires",
            format!("{text:?} is over; no node would take the set"),
        ));
    }
    Ok(time)
}

/// The number of the set: the one that was asked for, or the next.
fn serial(asked: Option<u64>, replaced: Option<SetInfo>, path: &Path) -> u64 {
    match (asked, replaced) {
        (None, old) => old.map_or(1, |old| old.serial.saturating_add(1)),
        (Some(serial), Some(old)) if serial <= old.serial => {
            complain(&format_args!(
                "{}: warning: the set that is replaced has serial {}; nodes that have it and check \
                 signatures will refuse serial {serial}",
                shown(path),
                old.serial
            ));
            serial
        }
        (Some(serial), _) => serial,
    }
}

/// What the set that is to be replaced says of itself, if there is one that can be read. Anything
/// else is not replaced.
pub(super) fn replaced(path: &Path) -> Result<Option<SetInfo>, Failure> {
    let refused = |why| Err(Failure::named(shown(path), why));
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return refused("is there already and is no file"),
        Ok(metadata) if metadata.len() > 0 => {}
        // Nothing there, or an empty file; if it cannot be written, that will be told.
        _ => return Ok(None),
    }
    match SetInfo::read(path) {
        Ok(info) => Ok(Some(info)),
        Err(OpenError::Format { error: FormatError::Magic, .. }) => {
            refused("is there already and is no patch set; it is not overwritten")
        }
        // A set that is damaged is best replaced.
        Err(_) => Ok(None),
    }
}
