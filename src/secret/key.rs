//! The installation's key, and the file that it lives in.

use std::fmt;
use std::path::Path;

use crypto_common::Generate;
use crypto_common::array::{Array, sizes};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::key_file::{KEY_LEN, KeyError, Kind};

const FILE: Kind = Kind {
    word: "stanch-imprint-key-v1",
    no_word: "it does not start with the word stanch-imprint-key-v1",
    is_secret: true,
};

/// The key that turns tokens into imprints: 32 random bytes.
///
/// It belongs to one installation and lives in a file of its own, readable by its owner alone. It
/// travels to nodes apart from the patch sets: a set without its key tells nothing about tokens.
/// Zeroed when dropped; `Debug` shows the [`KeyId`] only.
pub struct ImprintKey {
    bytes: [u8; ImprintKey::LEN],
}

/// Says which key something was made with, and reveals nothing of the key: the first eight bytes
/// of a hash of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

impl ImprintKey {
    /// The length of a key in bytes.
    pub const LEN: usize = KEY_LEN;

    /// A new key from the operating system's random bytes.
    pub fn generate() -> Result<ImprintKey, KeyError> {
        let mut random = Array::<u8, sizes::U32>::try_generate()
            .map_err(|error| KeyError::Random(error.to_string()))?;
        let key = ImprintKey { bytes: random.0 };
        random.as_mut_slice().zeroize();
        Ok(key)
    }

    /// The key with these bytes, which must have come from a random source.
    pub fn from_bytes(bytes: [u8; ImprintKey::LEN]) -> ImprintKey {
        ImprintKey { bytes }
    }

    /// Makes a new key and writes it to a new file at `path`, with mode 0600.
    ///
    /// # Errors
    ///
    /// [`KeyError::Io`] if the file exists already (a key is never overwritten) or cannot be
    /// written; nothing is left behind then.
    pub fn create(path: &Path) -> Result<ImprintKey, KeyError> {
        let key = ImprintKey::generate()?;
        FILE.create(path, &key.bytes)?;
        Ok(key)
    }

    /// Reads the key in the file at `path`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Exposed`] if anybody but the owner can read or write the file,
    /// [`KeyError::Malformed`] if it is not a key file, [`KeyError::Io`] if it cannot be read.
    pub fn open(path: &Path) -> Result<ImprintKey, KeyError> {
        Ok(ImprintKey { bytes: *FILE.open(path)? })
    }

    /// The key's bytes, for handing it to a process that has no file system.
    pub fn expose(&self) -> &[u8; ImprintKey::LEN] {
        &self.bytes
    }

    /// Which key this is.
    pub fn id(&self) -> KeyId {
        let hash =
            Sha256::new().chain_update(b"stanch key id\0").chain_update(self.bytes).finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        KeyId(id)
    }

    /// A key for one purpose, derived from this one. The labels are fixed and none is the start of
    /// another.
    pub(super) fn subkey(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let hash = Sha256::new()
            .chain_update(b"stanch subkey\0")
            .chain_update(self.bytes)
            .chain_update(label.as_bytes())
            .finalize();
        Zeroizing::new(hash.into())
    }
}

impl Drop for ImprintKey {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for ImprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImprintKey({})", self.id())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_created_key_opens_again_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = ImprintKey::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(ImprintKey::open(&path).unwrap().expose(), key.expose());
        assert!(matches!(ImprintKey::create(&path), Err(KeyError::Io { .. })));
        assert_eq!(ImprintKey::open(&path).unwrap().id(), key.id());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        ImprintKey::create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = ImprintKey::open(&path).unwrap_err();
            assert!(matches!(error, KeyError::Exposed { mode: seen, .. } if seen == mode));
            assert!(error.to_string().contains(&format!("{mode:04o}")));
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = ImprintKey::from_bytes([0x5a; 32]);
        assert!(!format!("{key:?}").contains("5a5a"));
    }
}
