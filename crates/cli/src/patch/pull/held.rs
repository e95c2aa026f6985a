//! The set that is there, and what the server called it.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use stanch::patch::{SetInfo, Trust};
use stanch::secret::ImprintKey;
use tempfile::NamedTempFile;

use super::super::output::replaced;
use super::address::Address;
use crate::outcome::{Failure, reason, shown};

/// The first word of the file that keeps an ETag.
const FORMAT: &str = "stanch-etag-v1";

/// More than any such file is long.
const MAX_LEN: u64 = 1024;

/// What is there before a fetch.
pub(super) struct Held {
    /// The set, if there is one that is sound. Its number counts whoever signed it, expired or not.
    pub(super) info: Option<SetInfo>,
    /// What the server called it, if it would be taken again today: if not, another one is better, and
    /// that it did not change is no good news.
    pub(super) etag: Option<String>,
}

impl Held {
    /// Looks at what is at `path`.
    ///
    /// # Errors
    ///
    /// When that is something else than a patch set, which must not be replaced.
    pub(super) fn look(
        path: &Path,
        address: &Address,
        trust: &Trust,
        key: Option<&ImprintKey>,
    ) -> Result<Held, Failure> {
        let info = replaced(path)?;
        let is_good = |info: &SetInfo| {
            key.is_none_or(|key| key.id() == info.key) && SetInfo::verify(path, trust).is_ok()
        };
        let etag = info.as_ref().filter(|info| is_good(info)).and_then(|info| {
            let line = read(&beside(path)).ok()?;
            let (owner, etag) = line.trim_end().rsplit_once(' ')?;
            (owner == owner_of(address, info)).then(|| etag.to_owned())
        });
        Ok(Held { info, etag })
    }
}

/// Whether both are the same set with the same signature.
pub(super) fn is_same(one: &SetInfo, other: &SetInfo) -> bool {
    (one.content, &one.signer) == (other.content, &other.signer)
}

/// Keeps what the server at `address` calls the set `info`, which is at `path` now.
pub(super) fn remember(
    path: &Path,
    address: &Address,
    info: &SetInfo,
    etag: Option<&str>,
) -> Result<(), Failure> {
    let beside = beside(path);
    let done = match etag {
        Some(etag) => write(&beside, &format!("{} {etag}\n", owner_of(address, info))),
        None => match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    };
    done.map_err(|error| Failure::named(shown(&beside), reason(&error)))
}

/// `SET.etag`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".etag");
    PathBuf::from(name)
}

/// Which set from where an ETag is of. If the set was changed here since, or is asked for elsewhere, the
/// ETag says nothing of it. The address is hashed because its query may hold a secret.
fn owner_of(address: &Address, info: &SetInfo) -> String {
    let mut hash = Sha256::new();
    hash.update(address.uri().to_string());
    hash.update([0]);
    hash.update(info.content);
    if let Some(signer) = &info.signer {
        hash.update(signer.id().to_string());
    }
    let digest = hash.finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{FORMAT} {hex}")
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_LEN).read_to_string(&mut text)?;
    Ok(text)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
