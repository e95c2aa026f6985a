//! Imprints and digests for serde: text in base64, in whatever format.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Digest, Imprint};

/// The bytes of [`Imprint::to_bytes`] in base64, without padding.
impl Serialize for Imprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BASE64.encode(self.to_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Imprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Imprint, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Four characters are three bytes.
        if text.len() > Imprint::MAX_BYTES.div_ceil(3) * 4 {
            return Err(D::Error::custom("the imprint is longer than any"));
        }
        let bytes =
            BASE64.decode(text).map_err(|_| D::Error::custom("the imprint is no base64"))?;
        Imprint::from_bytes(&bytes).map_err(D::Error::custom)
    }
}

/// The bytes in base64, without padding.
impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BASE64.encode(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut digest = [0; Digest::LEN];
        match BASE64.decode_slice(text, &mut digest) {
            Ok(Digest::LEN) => Ok(Digest(digest)),
            _ => Err(D::Error::custom("the digest is not 16 bytes in base64")),
        }
    }
}
