//! Tokens sealed to an operator, who may need them again to have them revoked.
//!
//! The format is age's (<https://age-encryption.org/v1>), to an X25519 public key: `age-keygen` makes
//! the pair, and `age --decrypt` opens what is sealed as well as [`Identity::unseal`] does. Whoever
//! seals needs the public key only. The identity never comes near the ledger.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::str::FromStr;

use age::{Decryptor, Encryptor, x25519};
use stanch::secret::{MAX_TOKEN, Secret};
use zeroize::Zeroizing;

use crate::error::StoreError;

/// The most bytes of a file with identities.
const MAX_IDENTITY_FILE: u64 = 65_536;

/// The most bytes that a sealed token takes: the token, the header of one recipient, and the tag.
const MAX_SEALED: usize = MAX_TOKEN + 512;

/// An operator's public key: `age1…`.
#[derive(Clone)]
pub struct Recipient(x25519::Recipient);

/// An operator's private keys, from the file that `age-keygen` writes.
pub struct Identity(Vec<x25519::Identity>);

/// A token that only an operator can read.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    pub(crate) recipient: String,
    pub(crate) bytes: Vec<u8>,
}

impl Recipient {
    /// Seals a token.
    ///
    /// # Errors
    ///
    /// [`StoreError::Seal`] if the token is longer than [`MAX_TOKEN`] bytes, or the system has no random bytes.
    pub fn seal(&self, secret: &Secret) -> Result<Sealed, StoreError> {
        if secret.len() > MAX_TOKEN {
            return Err(StoreError::Seal(format!("a token has at most {MAX_TOKEN} bytes")));
        }
        let failed = |_| StoreError::Seal("the token cannot be sealed".into());
        let to: [&dyn age::Recipient; 1] = [&self.0];
        let encryptor = Encryptor::with_recipients(to.into_iter())
            .map_err(|_| StoreError::Seal("the token cannot be sealed".into()))?;
        let mut bytes = Vec::with_capacity(MAX_SEALED);
        let mut writer = encryptor.wrap_output(&mut bytes).map_err(failed)?;
        writer.write_all(secret.expose()).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(Sealed { recipient: self.to_string(), bytes })
    }
}

impl Identity {
    /// Reads the identities in the file at `path`, one a line, as `age-keygen` writes them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exposed`] if others than the owner can read the file, [`StoreError::Io`] if it
    /// cannot be read, [`StoreError::Seal`] if it holds no identity, or something else.
    pub fn open(path: &Path) -> Result<Identity, StoreError> {
        let io =
            |error: std::io::Error| StoreError::Io { path: path.into(), reason: error.to_string() };
        let wrong = |why: &str| StoreError::Seal(format!("{}: {why}", path.display()));
        let file = File::open(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        let mode = meta.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(StoreError::Exposed { path: path.into(), mode });
        }
        if meta.len() > MAX_IDENTITY_FILE {
            return Err(wrong("too long for a file of identities"));
        }
        // Never grows, so that no copy is left behind.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_IDENTITY_FILE as usize + 1));
        file.take(MAX_IDENTITY_FILE).read_to_end(&mut text).map_err(io)?;
        let text = str::from_utf8(&text).map_err(|_| wrong("no text"))?;
        let lines = text.lines().map(str::trim);
        let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<x25519::Identity> = keys
            .map(x25519::Identity::from_str)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong("a line is no X25519 identity (AGE-SECRET-KEY-1…)"))?;
        if keys.is_empty() {
            return Err(wrong("it holds no identity"));
        }
        Ok(Identity(keys))
    }

    /// Opens a sealed token of the class named `class`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Seal`] if it was sealed to somebody else, or is damaged.
    pub fn unseal(&self, sealed: &Sealed, class: &str) -> Result<Secret, StoreError> {
        let damaged = || StoreError::Seal("the sealed token is damaged".into());
        if sealed.bytes.len() > MAX_SEALED {
            return Err(damaged());
        }
        let decryptor = Decryptor::new_buffered(&sealed.bytes[..]).map_err(|_| damaged())?;
        let keys = self.0.iter().map(|key| key as &dyn age::Identity);
        let mut reader = decryptor.decrypt(keys).map_err(|error| match error {
            age::DecryptError::NoMatchingKeys => {
                StoreError::Seal("the token was sealed to somebody else's key".into())
            }
            _ => damaged(),
        })?;
        let mut plain = Zeroizing::new(Vec::with_capacity(MAX_SEALED));
        reader.read_to_end(&mut plain).map_err(|_| damaged())?;
        Ok(Secret::new(class, std::mem::take(&mut *plain)))
    }
}

impl Sealed {
    /// The public key that it was sealed to.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// What is sealed, as a file of age.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromStr for Recipient {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Recipient, StoreError> {
        text.trim()
            .parse()
            .map(Recipient)
            .map_err(|_| StoreError::Seal("that is no X25519 public key of age (age1…)".into()))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} keys)", self.0.len())
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.recipient, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use age::secrecy::ExposeSecret as _;

    use super::*;

    const TOKEN: &str = "sk_live_9sK2kQx7Lm4Vn9Tz3Rw6Yb1C";

    fn operator(folder: &Path, name: &str) -> (Recipient, Identity) {
        let key = x25519::Identity::generate();
        let path = folder.join(name);
        fs::write(&path, format!("# made for a test\n\n{}\n", key.to_string().expose_secret()))
            .unwrap();
        assert!(matches!(Identity::open(&path), Err(StoreError::Exposed { .. })));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        (key.to_public().to_string().parse().unwrap(), Identity::open(&path).unwrap())
    }

    #[test]
    fn only_the_operator_can_read_what_is_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, anns) = operator(folder.path(), "ann");
        let (_, bobs) = operator(folder.path(), "bob");
        let sealed = ann.seal(&Secret::new("stripe", TOKEN)).unwrap();
        assert!(!sealed.bytes().windows(8).any(|bytes| bytes == &TOKEN.as_bytes()[8..16]));
        assert!(sealed.bytes().len() <= MAX_SEALED);
        let secret = anns.unseal(&sealed, "stripe").unwrap();
        assert_eq!((secret.expose(), secret.class()), (TOKEN.as_bytes(), "stripe"));
        let error = bobs.unseal(&sealed, "stripe").unwrap_err();
        assert!(error.to_string().contains("somebody else's key"), "{error}");
    }

    #[test]
    fn the_longest_token_can_be_sealed_and_a_longer_one_not() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, anns) = operator(folder.path(), "ann");
        let longest = vec![b'x'; MAX_TOKEN];
        let sealed = ann.seal(&Secret::new("long", longest.clone())).unwrap();
        assert_eq!(anns.unseal(&sealed, "long").unwrap().expose(), longest);
        assert!(ann.seal(&Secret::new("long", vec![b'x'; MAX_TOKEN + 1])).is_err());
    }

    #[test]
    fn what_is_damaged_is_named_and_never_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (ann, anns) = operator(folder.path(), "ann");
        let sealed = ann.seal(&Secret::new("stripe", TOKEN)).unwrap();
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert!(matches!(anns.unseal(&changed, "stripe"), Err(StoreError::Seal(_))), "{at}");
            changed.bytes.truncate(at);
            assert!(matches!(anns.unseal(&changed, "stripe"), Err(StoreError::Seal(_))), "{at}");
        }
    }

    #[test]
    fn files_and_keys_that_are_none_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        for (text, why) in
            [("# nothing\n", "no identity"), ("age1qqq\n", "no X25519"), ("\u{0}", "no X25519")]
        {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let error = Identity::open(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(matches!(Identity::open(&folder.path().join("no")), Err(StoreError::Io { .. })));
        assert!("age1nobody".parse::<Recipient>().is_err());
    }
}
