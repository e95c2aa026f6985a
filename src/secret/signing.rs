//! The keys that sign patch sets and check signatures (Ed25519, RFC 8032).

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crypto_common::Generate;
use crypto_common::array::{Array, sizes};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::key::KeyId;
use super::key_file::{KEY_LEN, KeyError, Kind};

const SECRET: Kind = Kind {
    word: "stanch-signing-key-v1",
    no_word: "it does not start with the word stanch-signing-key-v1",
    is_secret: true,
};

const PUBLIC: Kind = Kind {
    word: "stanch-public-key-v1",
    no_word: "it does not start with the word stanch-public-key-v1",
    is_secret: false,
};

/// The length of a signature in bytes.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// The key that signs patch sets: whoever has it can make sets that nodes take.
///
/// It stays where sets are compiled, in a file of its own that only its owner can read, and never
/// travels to a node; nodes get its [`PublicKey`]. Zeroed when dropped; `Debug` shows the public
/// key's [`KeyId`] only.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
}

/// The public half of a [`SigningKey`], by which a node knows the sets that are meant for it.
///
/// Its text form (`Display`, `FromStr`) is the line that its file holds: the word
/// `stanch-public-key-v1`, a space, and 64 hexadecimal digits. There is nothing secret in it, but
/// nobody else should be able to replace it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    bytes: [u8; KEY_LEN],
}

/// Why text or bytes are no public key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a public key: {reason}")]
pub struct PublicKeyError {
    reason: &'static str,
}

impl SigningKey {
    /// A new key from the operating system's random bytes.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`] if there are none.
    pub fn generate() -> Result<SigningKey, KeyError> {
        let mut random = Array::<u8, sizes::U32>::try_generate()
            .map_err(|error| KeyError::Random(error.to_string()))?;
        let key = SigningKey { key: ed25519_dalek::SigningKey::from_bytes(&random.0) };
        random.as_mut_slice().zeroize();
        Ok(key)
    }

    /// The key with these bytes (the seed of RFC 8032), which must have come from a random source.
    pub fn from_bytes(mut bytes: [u8; KEY_LEN]) -> SigningKey {
        let key = SigningKey { key: ed25519_dalek::SigningKey::from_bytes(&bytes) };
        bytes.zeroize();
        key
    }

    /// Makes a new key and writes it to a new file at `path`, with mode 0600.
    ///
    /// # Errors
    ///
    /// [`KeyError::Io`] if the file exists already (a key is never overwritten) or cannot be
    /// written; nothing is left behind then.
    pub fn create(path: &Path) -> Result<SigningKey, KeyError> {
        let key = SigningKey::generate()?;
        SECRET.create(path, key.key.as_bytes())?;
        Ok(key)
    }

    /// Reads the key in the file at `path`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Exposed`] if anybody but the owner can read or write the file,
    /// [`KeyError::Malformed`] if it is not the file of a signing key, [`KeyError::Io`] if it cannot
    /// be read.
    pub fn open(path: &Path) -> Result<SigningKey, KeyError> {
        let bytes: Zeroizing<[u8; KEY_LEN]> = SECRET.open(path)?;
        Ok(SigningKey { key: ed25519_dalek::SigningKey::from_bytes(&bytes) })
    }

    /// The key by which others check what this one signed.
    pub fn public(&self) -> PublicKey {
        PublicKey { bytes: self.key.verifying_key().to_bytes() }
    }

    /// Signs `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.key.sign(message).to_bytes()
    }
}

impl PublicKey {
    /// The key with these bytes (the encoded point of RFC 8032).
    ///
    /// # Errors
    ///
    /// [`PublicKeyError`] if no secret key has it: they are no point of the curve, or one of the few
    /// under which anything has a signature.
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Result<PublicKey, PublicKeyError> {
        match VerifyingKey::from_bytes(&bytes) {
            Ok(key) if !key.is_weak() => Ok(PublicKey { bytes }),
            _ => Err(PublicKeyError { reason: "no Ed25519 key has these bytes" }),
        }
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.bytes
    }

    /// Reads the key in the file at `path`, which anybody may read.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`] if it is not the file of a public key, [`KeyError::Io`] if it cannot
    /// be read.
    pub fn open(path: &Path) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(*PUBLIC.open(path)?)
            .map_err(|error| KeyError::Malformed { path: path.to_owned(), reason: error.reason })
    }

    /// Writes the key to a new file at `path` that everybody may read.
    ///
    /// # Errors
    ///
    /// [`KeyError::Io`] if the file exists already or cannot be written; nothing is left behind
    /// then.
    pub fn create(&self, path: &Path) -> Result<(), KeyError> {
        PUBLIC.create(path, &self.bytes)
    }

    /// Which key this is: the first eight bytes of SHA-256(`"stanch public key id\0"` ‖ key).
    pub fn id(&self) -> KeyId {
        let hash = Sha256::new()
            .chain_update(b"stanch public key id\0")
            .chain_update(self.bytes)
            .finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        KeyId(id)
    }

    /// Whether `signature` is this key's of `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        VerifyingKey::from_bytes(&self.bytes)
            .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&PUBLIC.line(&self.bytes))
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(line: &str) -> Result<PublicKey, PublicKeyError> {
        let bytes = PUBLIC.parse(line.as_bytes()).map_err(|reason| PublicKeyError { reason })?;
        PublicKey::from_bytes(*bytes)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_come_back_from_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, public) = (folder.path().join("sign"), folder.path().join("sign.pub"));
        let key = SigningKey::create(&secret).unwrap();
        key.public().create(&public).unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&secret), 0o600);
        assert_eq!(mode(&public) & 0o400, 0o400);
        assert_eq!(SigningKey::open(&secret).unwrap().public(), key.public());
        assert_eq!(PublicKey::open(&public).unwrap(), key.public());
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
        assert!(matches!(SigningKey::create(&secret), Err(KeyError::Io { .. })));
        assert!(matches!(key.public().create(&public), Err(KeyError::Io { .. })));
        // Neither is taken for the other, and a readable signing key is refused.
        fs::set_permissions(&public, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(SigningKey::open(&public), Err(KeyError::Malformed { .. })));
        assert!(matches!(PublicKey::open(&secret), Err(KeyError::Malformed { .. })));
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(SigningKey::open(&secret), Err(KeyError::Exposed { .. })));
    }

    /// RFC 8032, section 7.1, test 1.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let bytes = |text: &str| -> Vec<u8> {
            let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
            (0..text.len()).step_by(2).map(digits).collect()
        };
        let seed = bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = SigningKey::from_bytes(seed.try_into().unwrap());
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(key.public().as_bytes()[..], bytes(public));
        let signature = bytes(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        );
        assert_eq!(key.sign(b"")[..], signature);
        assert!(key.public().verifies(b"", &key.sign(b"")));
        assert!(!key.public().verifies(b"x", &key.sign(b"")));
    }

    /// The neutral point and other points of small order sign anything.
    #[test]
    fn weak_keys_are_refused() {
        let mut one = [0; KEY_LEN];
        for first in [0, 1] {
            one[0] = first;
            assert!(PublicKey::from_bytes(one).is_err());
        }
        // No point of the curve.
        one[0] = 2;
        assert!(PublicKey::from_bytes(one).is_err());
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = SigningKey::from_bytes([0x5a; KEY_LEN]);
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public().id()));
    }
}
