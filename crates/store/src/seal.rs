//! Tokens sealed to an operator, who may need them again to have them revoked.
//!
//! The format is age's (<https://age-encryption.org/v1>), to an X25519 public key: `age-keygen` makes
//! the pair, and `age --decrypt` opens what is sealed as well as [`Identity::unseal`] does. Whoever
//! seals needs the public key only. The identity never comes near the ledger.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::str::FromStr;

use age::secrecy::ExposeSecret as _;
use age::{Decryptor, Encryptor, x25519};
use stanch::secret::{MAX_TOKEN, Secret};
use zeroize::Zeroizing;

use crate::error::StoreError;

/// The most bytes of a file with keys.
const MAX_KEY_FILE: u64 = 65_536;

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

impl Recipient {
    /// Reads the public keys in the file at `path`, one a line; lines that begin with `#` and empty ones say
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if it cannot be read, [`StoreError::Seal`] if it holds no public key, or something else.
    pub fn open(path: &Path) -> Result<Vec<Recipient>, StoreError> {
        let wrong = |why: &str| StoreError::Seal(format!("{}: {why}", path.display()));
        let text = read(File::open(path).map_err(|error| io(path, &error))?, path)?;
        let keys = lines(&text).ok_or_else(|| wrong("no text"))?.map(str::parse);
        let keys: Vec<Recipient> = keys
            .collect::<Result<_, StoreError>>()
            .map_err(|_| wrong("a line is no X25519 public key of age (age1…)"))?;
        match keys.is_empty() {
            true => Err(wrong("it holds no public key")),
            false => Ok(keys),
        }
    }
}

impl Identity {
    /// Makes a new identity in a new file at `path` that only its owner can read, as `age-keygen` does, and says
    /// its public key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if the file is there already or cannot be written; nothing is left behind then.
    pub fn create(path: &Path) -> Result<Recipient, StoreError> {
        let key = x25519::Identity::generate();
        let public = key.to_public();
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        let mut file = file.map_err(|error| io(path, &error))?;
        let secret = key.to_string();
        let written = file
            .write_all(format!("# public key: {public}\n").as_bytes())
            .and_then(|()| file.write_all(secret.expose_secret().as_bytes()))
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.sync_all());
        written.map_err(|error| {
            // The write's error is the one to tell; half a key must not stay.
            let _ = fs::remove_file(path);
            io(path, &error)
        })?;
        Ok(Recipient(public))
    }

    /// Reads the identities in the file at `path`, one a line, as `age-keygen` writes them.
    ///
    /// # Errors
    ///
    /// [`StoreError::ExposedKey`] if others than the owner can read the file, [`StoreError::Io`] if it
    /// cannot be read, [`StoreError::Seal`] if it holds no identity, or something else.
    pub fn open(path: &Path) -> Result<Identity, StoreError> {
        let wrong = |why: &str| StoreError::Seal(format!("{}: {why}", path.display()));
        let file = File::open(path).map_err(|error| io(path, &error))?;
        let meta = file.metadata().map_err(|error| io(path, &error))?;
        let mode = meta.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(StoreError::ExposedKey { path: path.into(), mode });
        }
        let text = read(file, path)?;
        let keys = lines(&text).ok_or_else(|| wrong("no text"))?.map(x25519::Identity::from_str);
        let keys: Vec<x25519::Identity> = keys
            .collect::<Result<_, _>>()
            .map_err(|_| wrong("a line is no X25519 identity (AGE-SECRET-KEY-1…)"))?;
        match keys.is_empty() {
            true => Err(wrong("it holds no identity")),
            false => Ok(Identity(keys)),
        }
    }

    /// Whether what is sealed to `recipient` was sealed to one of these.
    pub(crate) fn is(&self, recipient: &str) -> bool {
        self.0.iter().any(|key| key.to_public().to_string() == recipient)
    }

    /// Opens a sealed token of the class named `class`.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKey`] if it was sealed to somebody else, [`StoreError::Seal`] if it is damaged.
    pub fn unseal(&self, sealed: &Sealed, class: &str) -> Result<Secret, StoreError> {
        let damaged = || StoreError::Seal("the sealed token is damaged".into());
        if sealed.bytes.len() > MAX_SEALED {
            return Err(damaged());
        }
        let decryptor = Decryptor::new_buffered(&sealed.bytes[..]).map_err(|_| damaged())?;
        let keys = self.0.iter().map(|key| key as &dyn age::Identity);
        let mut reader = decryptor.decrypt(keys).map_err(|error| match error {
            // Where it names one of these keys and none fits, it was changed.
            age::DecryptError::NoMatchingKeys if !self.is(&sealed.recipient) => {
                StoreError::OtherKey { recipients: sealed.recipient.clone() }
            }
            _ => damaged(),
        })?;
        let mut plain = Zeroizing::new(Vec::with_capacity(MAX_SEALED));
        reader.read_to_end(&mut plain).map_err(|_| damaged())?;
        Ok(Secret::new(class, std::mem::take(&mut *plain)))
    }
}

/// The text of a file with keys. Its buffer never grows, so that no copy is left behind.
fn read(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE as usize + 1));
    file.take(MAX_KEY_FILE + 1).read_to_end(&mut text).map_err(|error| io(path, &error))?;
    match text.len() as u64 > MAX_KEY_FILE {
        true => Err(StoreError::Seal(format!("{}: too long for a file of keys", path.display()))),
        false => Ok(text),
    }
}

/// Its lines but empty ones and comments.
fn lines(text: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let lines = str::from_utf8(text).ok()?.lines().map(str::trim);
    Some(lines.filter(|line| !line.is_empty() && !line.starts_with('#')))
}

fn io(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io { path: path.into(), reason: error.to_string() }
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
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const TOKEN: &str = "sk_live_9sK2kQx7Lm4Vn9Tz3Rw6Yb1C";

    fn operator(folder: &Path, name: &str) -> (Recipient, Identity) {
        let path = folder.join(name);
        (Identity::create(&path).unwrap(), Identity::open(&path).unwrap())
    }

    #[test]
    fn an_identity_is_made_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operator");
        let public = Identity::create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().mode() & 0o7777;
        assert_eq!(mode, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&format!("# public key: {public}\nAGE-SECRET-KEY-1")), "{public}");
        assert!(Identity::open(&path).unwrap().is(&public.to_string()));
        assert!(matches!(Identity::create(&path), Err(StoreError::Io { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "what is there is never overwritten");
        for seen in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, Permissions::from_mode(seen)).unwrap();
            let error = Identity::open(&path).unwrap_err();
            assert!(
                matches!(error, StoreError::ExposedKey { mode, .. } if mode == seen),
                "{error}"
            );
        }
    }

    #[test]
    fn a_file_holds_as_many_public_keys_as_it_has_lines() {
        let folder = tempfile::tempdir().unwrap();
        let [ann, bob] = ["ann", "bob"].map(|name| operator(folder.path(), name).0.to_string());
        let path = folder.path().join("recipients");
        fs::write(&path, format!("# who may read it\n{ann}\n\n  {bob}\n")).unwrap();
        let read = Recipient::open(&path).unwrap();
        assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), [ann, bob]);
        for (text, why) in [
            ("# nobody\n".to_owned(), "no public key"),
            ("age1nobody\n".to_owned(), "no X25519"),
            (format!("{}\n", "#".repeat(70_000)), "too long"),
        ] {
            fs::write(&path, text).unwrap();
            let error = Recipient::open(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
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
        assert!(matches!(error, StoreError::OtherKey { .. }), "{error:?}");
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
