//! What is kept of a token: enough to know it again, not enough to have it.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::guess::Guesser;
use super::{Alphabet, DigestHasher, GramHasher, ImprintKey, KeyId, Preview, Secret};

/// The shortest token that has an imprint, in bytes. Anything shorter would be found by chance in
/// ordinary traffic.
pub const MIN_TOKEN: usize = 8;

/// The longest token that has an imprint, in bytes.
pub const MAX_TOKEN: usize = 4096;

/// The sizes of the grams that imprints hold, in bytes.
pub(crate) const GRAM_SIZES: [usize; 3] = [8, 12, 16];

/// How many neighbouring grams of each size make up a window, of tokens that have grams of 12 or 16
/// bytes.
pub(crate) const WINDOW_GRAMS: [usize; 3] = [1, 9, 17];

/// A token that is easier to guess than this (base-2 logarithm of the guesses) has no imprint: it
/// would be found by chance, and its imprint would give it away.
const FLOOR_BITS: f32 = 28.0;

/// Grams are kept of this many bytes at the token's end, where tokens differ from each other most.
const REGION: usize = 96;

/// Guessing a strong gram costs at least this many bits: more than twelve hexadecimal digits do. Of
/// tokens that have a window of strong grams, weaker ones are not kept, and of tokens that are long
/// enough for 16-byte grams no weak 12-byte ones, unless their 16-byte ones are weaker.
const STRONG_BITS: u8 = 49;

/// A keyed 128-bit digest of a whole token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; Digest::LEN]);

impl Digest {
    /// The length of a digest in bytes.
    pub const LEN: usize = 16;
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(")?;
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// The keyed hash of a few bytes of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gram {
    /// The hash.
    pub(crate) hash: u64,
    /// Where in the token the bytes stand.
    pub(crate) offset: u16,
    /// What guessing the bytes costs, in bits.
    pub(crate) bits: u8,
}

/// What is kept of a token.
///
/// Two imprints are equal if they are of the same token under the same key. An imprint holds a
/// keyed digest of the token, keyed hashes of its grams, its length, class and [`Preview`]. It
/// serves to recognise the token again and to compile patch sets.
///
/// A token that is made of hexadecimal digits and `-` alone, with letters of one case, is taken as
/// written in lower case: in both cases it is the same token, has the same imprint, and is found in
/// any. This is so for UUIDs too.
#[derive(Clone)]
pub struct Imprint {
    pub(super) digest: Digest,
    pub(super) key: KeyId,
    pub(super) class: Box<str>,
    pub(super) preview: Preview,
    pub(super) len: u16,
    pub(super) alphabet: Alphabet,
    /// The grams of all sizes, the smallest first.
    pub(super) grams: Box<[Gram]>,
    /// For each of [`GRAM_SIZES`], where its grams end.
    pub(super) ends: [u16; GRAM_SIZES.len()],
}

/// Why a token has no imprint. Says what is wrong with the token and never shows it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImprintError {
    /// The token has fewer than [`MIN_TOKEN`] bytes.
    #[error("the token is {len} bytes long; fewer than {MIN_TOKEN} would match ordinary traffic")]
    TooShort {
        /// Its length.
        len: usize,
    },
    /// The token has more than [`MAX_TOKEN`] bytes.
    #[error("the token is {len} bytes long; the most is {MAX_TOKEN}")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// The token is too easy to guess, or not a token at all.
    #[error(
        "the token is too easy to guess (about 2^{bits} tries, 2^{} are needed): its patch would hit ordinary traffic, and its imprint would give it away",
        FLOOR_BITS as u32
    )]
    Guessable {
        /// The estimated cost of guessing it, in bits.
        bits: u32,
    },
}

/// Makes imprints: the hashers of one key, set up once for many tokens.
#[derive(Debug)]
struct Imprinter {
    key: KeyId,
    digest: DigestHasher,
    hashers: [GramHasher; GRAM_SIZES.len()],
    guesser: Guesser,
    /// The grams of the token at hand.
    grams: Vec<Gram>,
    /// The token at hand in lower case, where that is how it is taken.
    lower: Zeroizing<Vec<u8>>,
}

impl ImprintKey {
    /// The imprint of `secret` under this key.
    ///
    /// # Errors
    ///
    /// [`ImprintError`] if the token is too short, too long, or too easy to guess.
    pub fn imprint(&self, secret: &Secret) -> Result<Imprint, ImprintError> {
        self.imprint_all([secret]).next().unwrap_or(Err(ImprintError::TooShort { len: 0 }))
    }

    /// The imprints of many secrets, in their order; cheaper than one call for each.
    pub fn imprint_all<'s>(
        &self,
        secrets: impl IntoIterator<Item = &'s Secret>,
    ) -> impl Iterator<Item = Result<Imprint, ImprintError>> {
        let mut imprinter = Imprinter {
            key: self.id(),
            digest: DigestHasher::new(self),
            hashers: GRAM_SIZES.map(|size| GramHasher::new(self, size)),
            guesser: Guesser::new(),
            grams: Vec::new(),
            // Never longer, so that no copy is left behind.
            lower: Zeroizing::new(Vec::with_capacity(MAX_TOKEN)),
        };
        secrets.into_iter().map(move |secret| imprinter.imprint(secret))
    }
}

impl Imprint {
    /// The digest of the token.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The key that the imprint was made with.
    pub fn key_id(&self) -> KeyId {
        self.key
    }

    /// The name of the token's class.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// What may be shown of the token.
    pub fn preview(&self) -> Preview {
        self.preview
    }

    /// The token's length in bytes, [`MIN_TOKEN`] to [`MAX_TOKEN`].
    #[expect(clippy::len_without_is_empty, reason = "no imprint is empty")]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// What recovering the token would cost whoever has this imprint and its key: the base-2
    /// logarithm of the guesses for the weakest gram, from which its neighbours unravel.
    pub fn recovery_bits(&self) -> u32 {
        self.grams.iter().map(|gram| u32::from(gram.bits)).min().unwrap_or(0)
    }

    /// The kinds of characters in the token.
    pub(crate) fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    /// The hashed grams of `GRAM_SIZES[size]` bytes, in the order of their offsets.
    pub(crate) fn grams(&self, size: usize) -> &[Gram] {
        let start = size.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.grams[start.into()..self.ends[size].into()]
    }
}

impl PartialEq for Imprint {
    fn eq(&self, other: &Imprint) -> bool {
        (self.key, self.digest) == (other.key, other.digest)
    }
}

impl Eq for Imprint {}

impl fmt::Debug for Imprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imprint({} {})", self.class, self.preview)
    }
}

impl Imprinter {
    fn imprint(&mut self, secret: &Secret) -> Result<Imprint, ImprintError> {
        let mut token = secret.expose();
        match token.len() {
            len if len < MIN_TOKEN => return Err(ImprintError::TooShort { len }),
            len if len > MAX_TOKEN => return Err(ImprintError::TooLong { len }),
            _ => {}
        }
        let mut alphabet = Alphabet::of(token);
        if is_caseless(token, alphabet) {
            self.lower.clear();
            self.lower.extend(token.iter().map(u8::to_ascii_lowercase));
            token = &self.lower;
            alphabet = Alphabet::of(token).in_any_case();
        }
        let byte_bits = self.guesser.byte_bits(token);
        let bits: f32 = byte_bits.iter().sum();
        if bits < FLOOR_BITS {
            return Err(ImprintError::Guessable { bits: bits as u32 });
        }
        self.grams.clear();
        let mut ends = [0; GRAM_SIZES.len()];
        for ((size, hasher), end) in self.hashers.iter().enumerate().zip(&mut ends) {
            hash_grams(hasher, WINDOW_GRAMS[size], token, byte_bits, &mut self.grams);
            *end = self.grams.len() as u16;
        }
        Ok(Imprint {
            digest: self.digest.digest(token),
            key: self.key,
            class: secret.class().into(),
            preview: Preview::of(token),
            len: token.len() as u16,
            alphabet,
            grams: self.grams.as_slice().into(),
            ends,
        })
    }
}

/// Whether letter case says nothing in `token`, whose kinds of characters are in `alphabet`: whoever
/// reads hexadecimal digits takes them in either. Where there are both, the token is something else.
fn is_caseless(token: &[u8], alphabet: Alphabet) -> bool {
    alphabet.contains(b'a') != alphabet.contains(b'A')
        && token.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
}

/// Adds the grams that an imprint of `token` holds for one size: the larger, the harder to guess, so
/// small ones only of tokens that are too short for larger ones. `window` grams make up a window.
fn hash_grams(
    hasher: &GramHasher,
    window: usize,
    token: &[u8],
    byte_bits: &[f32],
    grams: &mut Vec<Gram>,
) {
    let size = hasher.size();
    let from = match (size, token.len()) {
        (8, MIN_TOKEN..20) | (12, 20..32) => 0,
        (12 | 16, 32..) => token.len().saturating_sub(REGION),
        _ => return,
    };
    let mut hashes = [0; REGION];
    let count = hasher.each(&token[from..], &mut hashes);
    let costs = gram_costs(size, &byte_bits[from..]);
    let costs = &costs[..count];
    let has_strong_window = costs.split(|cost| *cost < STRONG_BITS).any(|run| run.len() >= window);
    let least = match (size, token.len()) {
        (8, _) => 0,
        _ if has_strong_window => STRONG_BITS,
        // Weak ones only where those of 16 bytes are weaker, as each holds some of a known prefix.
        (12, 32..) => {
            let larger = gram_costs(16, &byte_bits[from..]);
            let larger = strongest_window(&larger[..token.len() - from - 15], WINDOW_GRAMS[2]);
            let strongest = strongest_window(costs, window);
            if strongest > larger { strongest } else { STRONG_BITS }
        }
        _ => 0,
    };
    let all = hashes[..count].iter().zip(costs).zip(from..);
    let kept = all.filter(|((_, cost), _)| **cost >= least);
    grams.extend(kept.map(|((hash, cost), offset)| Gram {
        hash: *hash,
        offset: offset as u16,
        bits: *cost,
    }));
}

/// What guessing each gram of `size` bytes costs, in bits, of a token's region whose bytes cost
/// `byte_bits`.
fn gram_costs(size: usize, byte_bits: &[f32]) -> [u8; REGION] {
    // Byte by byte for all grams at once, so that a processor can add up several of them.
    let mut costs = [0.0; REGION];
    for at in 0..size {
        for (cost, bits) in costs.iter_mut().zip(&byte_bits[at..]) {
            *cost += bits;
        }
    }
    costs.map(|cost| cost as u8)
}

/// What the weakest gram costs in the window of `grams` neighbouring ones where that is the most; zero
/// if there is no window.
fn strongest_window(costs: &[u8], grams: usize) -> u8 {
    let weakest = |window: &[u8]| window.iter().copied().min().unwrap_or(0);
    costs.windows(grams).map(weakest).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imprint(token: &str) -> Result<Imprint, ImprintError> {
        ImprintKey::from_bytes([7; 32]).imprint(&Secret::new("test", token))
    }

    #[test]
    fn equal_tokens_have_equal_imprints_and_keys_tell_them_apart() {
        let token = "ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi";
        assert_eq!(imprint(token), imprint(token));
        assert_ne!(imprint(token), imprint("ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUj"));
        let other = ImprintKey::from_bytes([8; 32]).imprint(&Secret::new("test", token)).unwrap();
        assert_ne!(imprint(token).unwrap(), other);
        assert_ne!(imprint(token).unwrap().grams(2)[0].hash, other.grams(2)[0].hash);
    }

    #[test]
    fn hexadecimal_tokens_have_no_case() {
        let cases = [
            "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B",
            "5B1C7E90-3FA2-4D68-9C0B-7A4E21D8F6B3",
            "D3B07384D113EDEC49EAA6238AD5FF00D3B07384D113",
            "EAA07384D113EDEC49EAA6238AD5",
        ];
        for upper in cases {
            let one = imprint(upper).unwrap();
            let two = imprint(&upper.to_ascii_lowercase()).unwrap();
            assert_eq!(one, two);
            assert_eq!(one.preview(), two.preview());
            assert!((0..GRAM_SIZES.len()).all(|size| one.grams(size) == two.grams(size)));
            assert_eq!(one.alphabet(), two.alphabet());
            assert!(one.alphabet().has_any_case() && !one.alphabet().contains(b'A'));
        }
    }

    #[test]
    fn other_tokens_keep_their_case() {
        let cases = [
            // Both cases, digits alone, a letter that is no digit, a mark that is none of a UUID's.
            "9F86d081884C7D659A2FEAA0C55AD015A3BF4F1B",
            "83920174651029384756",
            "9F86D081884C7D659A2FEAA0C55AD015G3BF4F1B",
            "9F86D081_884C7D659A2FEAA0C55AD015A3BF4F1B",
        ];
        for token in cases {
            let one = imprint(token).unwrap();
            assert!(!one.alphabet().has_any_case(), "{token}");
            assert_eq!(one.alphabet(), Alphabet::of(token.as_bytes()));
            let lower = token.to_ascii_lowercase();
            assert_eq!(one == imprint(&lower).unwrap(), token == lower);
        }
    }

    #[test]
    fn every_length_has_grams_of_the_size_it_can_afford() {
        let text: String = (0..5000u32)
            .map(|i| char::from(b"7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA"[(i * i % 31) as usize]))
            .collect();
        let sizes = |len: usize| {
            let imprint = imprint(&text[..len]).unwrap();
            [0, 1, 2].map(|size| imprint.grams(size).len())
        };
        assert_eq!(sizes(8), [1, 0, 0]);
        assert_eq!(sizes(19), [12, 0, 0]);
        assert_eq!(sizes(20), [0, 9, 0]);
        assert_eq!(sizes(31), [0, 20, 0]);
        assert_eq!(sizes(32)[2], 17);
        assert_eq!(sizes(4096)[2], REGION - 15);
    }

    #[test]
    fn weak_small_grams_of_long_tokens_are_not_kept() {
        let hex = imprint("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b").unwrap();
        assert_eq!(hex.grams(1), []);
        assert_eq!(hex.grams(2).len(), 25);
    }

    #[test]
    fn weak_small_grams_of_long_tokens_are_kept_where_large_ones_are_weaker() {
        // By chance few different letters; every window of large grams holds some of the prefix.
        let unlucky = imprint("sk_live_5dH2DUmMy6RJI7xQMVc5HYyS").unwrap();
        let weakest = |size| unlucky.grams(size).iter().map(|gram: &Gram| gram.bits).min();
        assert!(unlucky.grams(1).len() >= WINDOW_GRAMS[1]);
        assert!(weakest(1) < Some(STRONG_BITS) && weakest(1) > weakest(2), "{:?}", weakest(1));
    }

    #[test]
    fn weak_grams_are_dropped_where_strong_ones_make_a_window() {
        let gitlab = imprint("glpat-8sJ2kQx7Lm4Vn9Tz3Rw6").unwrap();
        assert!(gitlab.recovery_bits() >= u32::from(STRONG_BITS), "{}", gitlab.recovery_bits());
        assert!(gitlab.grams(1).len() >= WINDOW_GRAMS[1]);
        // The prefix lies in every window of an AWS key id: all grams are needed.
        let aws = imprint("AKIAQ7ZR3KW9MX4TN8BL").unwrap();
        assert_eq!(aws.grams(1).len(), 9);
        assert!((38..45).contains(&aws.recovery_bits()), "{}", aws.recovery_bits());
    }

    #[test]
    fn what_has_no_imprint_is_refused_without_being_shown() {
        assert_eq!(imprint("7Rk2mZ9"), Err(ImprintError::TooShort { len: 7 }));
        assert_eq!(imprint(&"x7".repeat(2049)), Err(ImprintError::TooLong { len: 4098 }));
        let error = imprint("passwordpassword").unwrap_err();
        assert!(matches!(error, ImprintError::Guessable { .. }));
        assert!(!error.to_string().contains("passwordpassword"));
    }
}
