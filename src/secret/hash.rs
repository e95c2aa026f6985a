//! The keyed hashes of an installation: of grams, to find a place, and of whole tokens, to be sure.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::rounds::{ROUNDS, Rounds};
use super::{Digest, ImprintKey};

/// Hashes the q-grams of one size under a key of their own.
pub(crate) struct GramHasher {
    size: usize,
    rounds: Rounds,
}

impl GramHasher {
    /// The hasher for grams of `size` bytes (8, 12 or 16).
    pub(crate) fn new(key: &ImprintKey, size: usize) -> GramHasher {
        let mut keys = [0; ROUNDS + 1];
        for (at, pair) in keys.chunks_mut(2).enumerate() {
            let bytes = key.subkey(&format!("gram {size} {at}"));
            for (round, half) in pair.iter_mut().zip(bytes.chunks_exact(16)) {
                *round = half.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte));
            }
        }
        GramHasher { size, rounds: Rounds::new(keys) }
    }

    /// The same hasher with another engine.
    #[cfg(test)]
    pub(crate) fn with(&self, engine: super::Engine) -> GramHasher {
        GramHasher { size: self.size, rounds: self.rounds.with(engine) }
    }

    /// The size of the grams in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The keyed rounds, for whoever hashes many grams at once.
    pub(crate) fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    /// Hashes the gram at every byte of `text` into `out` and returns how many there were.
    pub(crate) fn each(&self, text: &[u8], out: &mut [u64]) -> usize {
        match self.size {
            8 => self.rounds.each_gram::<8>(text, out),
            12 => self.rounds.each_gram::<12>(text, out),
            _ => self.rounds.each_gram::<16>(text, out),
        }
    }
}

impl fmt::Debug for GramHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GramHasher({})", self.size)
    }
}

/// Digests whole tokens: HMAC-SHA-256 (RFC 2104, FIPS 180-4), cut to 128 bits.
pub(crate) struct DigestHasher {
    keyed: Hmac<Sha256>,
}

impl DigestHasher {
    /// The hasher under `key`.
    pub(crate) fn new(key: &ImprintKey) -> DigestHasher {
        let subkey = key.subkey("digest");
        // A key as long as the hash's block is taken as it is; 32 bytes are padded with zeroes.
        let mut block = zeroize::Zeroizing::new([0; 64]);
        block[..subkey.len()].copy_from_slice(&subkey[..]);
        DigestHasher { keyed: Hmac::new((&*block).into()) }
    }

    /// The digest of `token`.
    pub(crate) fn digest(&self, token: &[u8]) -> Digest {
        let hash = self.keyed.clone().chain_update(token).finalize().into_bytes();
        let mut digest = [0; Digest::LEN];
        digest.copy_from_slice(&hash[..Digest::LEN]);
        Digest(digest)
    }
}

impl fmt::Debug for DigestHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestHasher")
    }
}
