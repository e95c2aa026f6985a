//! The installation's key, and the file that it lives in.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::{fmt, str};

use crypto_common::Generate;
use crypto_common::array::{Array, sizes};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// The first line of a key file is this word, a space, and 64 hexadecimal digits.
const FILE_WORD: &str = "stanch-imprint-key-v1";

/// A key file is one short line; nothing longer is read.
const FILE_LIMIT: u64 = 256;

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

/// Why a key cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The operating system gave no random bytes.
    #[error("no random bytes for a new key: {0}")]
    Random(String),
    /// The key file cannot be read or written.
    #[error("key file {}: {error}", path.display())]
    Io {
        /// The key file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The file is there but is not a key file.
    #[error("key file {}: not a key file: {reason}", path.display())]
    Malformed {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file can be read or written by others than its owner.
    #[error(
        "key file {}: others than its owner have access to it (mode {mode:04o}); chmod 600 it, and make a new key if it may have been read",
        path.display()
    )]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl ImprintKey {
    /// The length of a key in bytes.
    pub const LEN: usize = 32;

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
        let io = |error| KeyError::Io { path: path.to_owned(), error };
        let key = ImprintKey::generate()?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        let written = file.write_all(key.line().as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // The write's error is the one to report; the half-written file must not stay.
            let _ = fs::remove_file(path);
            return Err(io(error));
        }
        Ok(key)
    }

    /// Reads the key in the file at `path`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Exposed`] if anybody but the owner can read or write the file,
    /// [`KeyError::Malformed`] if it is not a key file, [`KeyError::Io`] if it cannot be read.
    pub fn open(path: &Path) -> Result<ImprintKey, KeyError> {
        let io = |error| KeyError::Io { path: path.to_owned(), error };
        let malformed = |reason| KeyError::Malformed { path: path.to_owned(), reason };
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(malformed("not a regular file"));
        }
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
            if mode & 0o077 != 0 {
                return Err(KeyError::Exposed { path: path.to_owned(), mode });
            }
        }
        let mut line = Zeroizing::new(Vec::with_capacity(FILE_LIMIT as usize));
        file.take(FILE_LIMIT).read_to_end(&mut line).map_err(io)?;
        ImprintKey::parse(&line).map_err(malformed)
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

    fn line(&self) -> Zeroizing<String> {
        let mut line = Zeroizing::new(String::with_capacity(FILE_LIMIT as usize));
        line.push_str(FILE_WORD);
        line.push(' ');
        for byte in self.bytes {
            for nibble in [byte >> 4, byte & 15] {
                line.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        line.push('\n');
        line
    }

    fn parse(file: &[u8]) -> Result<ImprintKey, &'static str> {
        let text = str::from_utf8(file).map_err(|_| "it is not text")?;
        let digits = text
            .trim_end()
            .strip_prefix(FILE_WORD)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or("it does not start with the word stanch-imprint-key-v1")?;
        if digits.len() != 2 * ImprintKey::LEN {
            return Err("the key is not 64 hexadecimal digits long");
        }
        let mut key = ImprintKey { bytes: [0; ImprintKey::LEN] };
        for (byte, pair) in key.bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16);
            match (nibble(pair[0]), nibble(pair[1])) {
                (Some(high), Some(low)) => *byte = (high << 4 | low) as u8,
                _ => return Err("the key holds a character that is no hexadecimal digit"),
            }
        }
        Ok(key)
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
    fn what_is_no_key_file_is_refused_with_its_reason() {
        let digits = "ab".repeat(32);
        let cases = [
            (String::new(), "does not start"),
            ("stanch-imprint-key-v1".into(), "does not start"),
            (format!("stanch-imprint-key-v2 {digits}"), "does not start"),
            (format!("stanch-imprint-key-v1 {}", &digits[2..]), "64 hexadecimal"),
            (format!("stanch-imprint-key-v1 {digits}0"), "64 hexadecimal"),
            (format!("stanch-imprint-key-v1 {}zz", &digits[2..]), "no hexadecimal digit"),
        ];
        for (file, reason) in cases {
            assert!(ImprintKey::parse(file.as_bytes()).unwrap_err().contains(reason), "{file}");
        }
        assert!(ImprintKey::parse(&[0xff, 0xfe]).is_err());
        assert!(ImprintKey::parse(format!("stanch-imprint-key-v1 {digits}\n").as_bytes()).is_ok());
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = ImprintKey::from_bytes([0x5a; 32]);
        assert!(!format!("{key:?}").contains("5a5a"));
    }
}
