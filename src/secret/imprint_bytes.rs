//! Imprints as bytes, to be stored.
//!
//! ```text
//! version 1, u8 │ digest [16] │ key [8] │ length u16 │ alphabet u64 │ shown u8, bytes │
//! class u16, UTF-8 │ for each size of grams: count u16, then (hash u64, offset u16, bits u8) each
//! ```
//!
//! Little-endian, no padding, nothing behind the end.

use thiserror::Error;

use super::imprint::{Digest, GRAM_SIZES, Gram, Imprint, MAX_TOKEN, MIN_TOKEN};
use super::{Alphabet, KeyId, Preview};

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;

/// The longest name of a class, in bytes; a longer one is cut off when it is written.
const MAX_CLASS: usize = 1024;

/// The most grams of one size. An imprint has fewer: they stand in the last 96 bytes of a token.
const MAX_GRAMS: usize = 96;

/// Why bytes are no imprint. Holds none of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImprintBytesError {
    /// They were written by another version.
    #[error("the imprint has version {0}; only version {VERSION} is known")]
    Version(u8),
    /// They end too early.
    #[error("the imprint is cut off")]
    CutOff,
    /// A field holds what no imprint has.
    #[error("the imprint is damaged: {0}")]
    Damaged(&'static str),
}

impl Imprint {
    /// The most bytes that an imprint takes.
    pub const MAX_BYTES: usize =
        1 + Digest::LEN + 8 + 2 + 8 + 1 + Preview::SHOWN + 2 + MAX_CLASS + 3 * (2 + MAX_GRAMS * 11);

    /// The imprint as bytes, at most [`Imprint::MAX_BYTES`] of them; [`Imprint::from_bytes`] reads them
    /// again. They say no more and no less than the imprint.
    ///
    /// The name of a class beyond 1,024 bytes is cut off.
    pub fn to_bytes(&self) -> Vec<u8> {
        let class =
            (0..=MAX_CLASS.min(self.class().len())).rev().find_map(|end| self.class().get(..end));
        let class = class.unwrap_or_default();
        let sizes = 0..GRAM_SIZES.len();
        let grams: usize = sizes.clone().map(|size| self.grams(size).len()).sum();
        let mut bytes = Vec::with_capacity(64 + class.len() + grams * 11);
        bytes.push(VERSION);
        bytes.extend(self.digest().0);
        bytes.extend(self.key_id().0);
        bytes.extend((self.len() as u16).to_le_bytes());
        bytes.extend(self.alphabet().bits().to_le_bytes());
        let preview = self.preview();
        bytes.push(preview.shown().len() as u8);
        bytes.extend(preview.shown());
        bytes.extend((class.len() as u16).to_le_bytes());
        bytes.extend(class.as_bytes());
        for size in sizes {
            bytes.extend((self.grams(size).len() as u16).to_le_bytes());
            for gram in self.grams(size) {
                bytes.extend(gram.hash.to_le_bytes());
                bytes.extend(gram.offset.to_le_bytes());
                bytes.push(gram.bits);
            }
        }
        bytes
    }

    /// The imprint that [`Imprint::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`ImprintBytesError`] if the bytes are of another version, cut off, or hold what no imprint has. What
    /// passes is safe to use, whoever wrote it; whether it is of a real token only its key can tell.
    pub fn from_bytes(bytes: &[u8]) -> Result<Imprint, ImprintBytesError> {
        use ImprintBytesError::Damaged;
        let mut rest = bytes;
        let [version] = take(&mut rest)?;
        if version != VERSION {
            return Err(ImprintBytesError::Version(version));
        }
        let digest = Digest(take(&mut rest)?);
        let key = KeyId(take(&mut rest)?);
        let len = u16::from_le_bytes(take(&mut rest)?);
        if !(MIN_TOKEN..=MAX_TOKEN).contains(&usize::from(len)) {
            return Err(Damaged("no token has that length"));
        }
        let alphabet = Alphabet::from_bits(u64::from_le_bytes(take(&mut rest)?))
            .ok_or(Damaged("the kinds of characters"))?;
        let [shown] = take(&mut rest)?;
        let shown = take_slice(&mut rest, shown.into())?;
        let preview = Preview::from_shown(shown, len.into()).ok_or(Damaged("the preview"))?;
        let class = usize::from(u16::from_le_bytes(take(&mut rest)?));
        if class > MAX_CLASS {
            return Err(Damaged("the class is too long"));
        }
        let class = str::from_utf8(take_slice(&mut rest, class)?)
            .map_err(|_| Damaged("the class is no UTF-8"))?;
        let mut grams = Vec::new();
        let mut ends = [0; GRAM_SIZES.len()];
        for (size, end) in GRAM_SIZES.into_iter().zip(&mut ends) {
            let count = usize::from(u16::from_le_bytes(take(&mut rest)?));
            if count > MAX_GRAMS {
                return Err(Damaged("too many grams"));
            }
            let mut least = 0;
            for _ in 0..count {
                let hash = u64::from_le_bytes(take(&mut rest)?);
                let offset = u16::from_le_bytes(take(&mut rest)?);
                let [bits] = take(&mut rest)?;
                if offset < least || usize::from(offset) + size > usize::from(len) {
                    return Err(Damaged("a gram stands where none can"));
                }
                least = offset + 1;
                grams.push(Gram { hash, offset, bits });
            }
            *end = grams.len() as u16;
        }
        if grams.is_empty() {
            return Err(Damaged("it has no grams"));
        }
        if !rest.is_empty() {
            return Err(Damaged("there is more behind its end"));
        }
        let class = class.into();
        Ok(Imprint { digest, key, class, preview, len, alphabet, grams: grams.into(), ends })
    }
}

/// Takes the next `N` bytes off `rest`.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], ImprintBytesError> {
    let (first, behind) = rest.split_first_chunk().ok_or(ImprintBytesError::CutOff)?;
    *rest = behind;
    Ok(*first)
}

fn take_slice<'b>(rest: &mut &'b [u8], count: usize) -> Result<&'b [u8], ImprintBytesError> {
    let (first, behind) = rest.split_at_checked(count).ok_or(ImprintBytesError::CutOff)?;
    *rest = behind;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{ImprintKey, Secret};
    use super::*;

    fn imprint(class: &str, token: &str) -> Imprint {
        ImprintKey::from_bytes([7; 32]).imprint(&Secret::new(class, token)).unwrap()
    }

    fn same(one: &Imprint, two: &Imprint) -> bool {
        one == two
            && one.class() == two.class()
            && one.preview() == two.preview()
            && one.len() == two.len()
            && one.alphabet() == two.alphabet()
            && (0..GRAM_SIZES.len()).all(|size| one.grams(size) == two.grams(size))
    }

    fn sample() -> Vec<u8> {
        imprint("stripe-secret-key", "sk_live_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1C").to_bytes()
    }

    #[test]
    fn what_is_written_never_changes() {
        // A stored imprint must be read by every later version.
        let bytes = sample();
        assert_eq!((bytes[0], &bytes[25..27]), (1, &[32, 0][..]));
        assert_eq!(&bytes[35..40], b"\x04sk_l");
        assert_eq!(&bytes[40..59], b"\x11\0stripe-secret-key");
        assert_eq!(&bytes[59..61], [0, 0], "no grams of 8 bytes");
    }

    #[test]
    fn hostile_bytes_are_named() {
        use ImprintBytesError::{CutOff, Damaged, Version};
        let good = sample();
        let changed = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Imprint::from_bytes(&bytes).unwrap_err()
        };
        assert_eq!(changed(0, 2), Version(2));
        assert_eq!(changed(26, 0xff), Damaged("no token has that length"));
        assert_eq!(changed(34, 0xff), Damaged("the kinds of characters"));
        assert_eq!(changed(35, 3), Damaged("the preview"));
        assert_eq!(changed(36, 7), Damaged("the preview"));
        assert_eq!(changed(41, 0xff), Damaged("the class is too long"));
        assert_eq!(changed(42, 0xff), Damaged("the class is no UTF-8"));
        assert_eq!(changed(60, 0xff), Damaged("too many grams"));
        for end in 0..good.len() {
            assert!(matches!(Imprint::from_bytes(&good[..end]), Err(CutOff | Damaged(_))), "{end}");
        }
        let longer = [&good[..], &[0]].concat();
        assert_eq!(Imprint::from_bytes(&longer), Err(Damaged("there is more behind its end")));
    }

    #[test]
    fn the_longest_imprint_fits() {
        let long: String = (0..4096u32)
            .map(|i| char::from(b"7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA"[(i * i % 31) as usize]))
            .collect();
        let imprint = imprint(&"é".repeat(2000), &long);
        let bytes = imprint.to_bytes();
        assert!(bytes.len() <= Imprint::MAX_BYTES);
        let read = Imprint::from_bytes(&bytes).unwrap();
        assert_eq!((&read, read.class().len()), (&imprint, MAX_CLASS));
    }

    proptest! {
        #[test]
        fn written_and_read_is_the_same(token in "[A-Za-z0-9_+/=-]{8,200}", class in "[a-zé-]{0,40}") {
            let key = ImprintKey::from_bytes([9; 32]);
            let Ok(imprint) = key.imprint(&Secret::new(&class, token.as_str())) else {
                return Ok(()); // Too easy to guess.
            };
            let bytes = imprint.to_bytes();
            let read = Imprint::from_bytes(&bytes).unwrap();
            prop_assert!(same(&imprint, &read));
            prop_assert_eq!(read.to_bytes(), bytes);
        }

        #[test]
        fn whatever_is_read_is_written_the_same(changes in prop::collection::vec((0usize..400, any::<u8>()), 0..6)) {
            let mut bytes = sample();
            for (at, byte) in changes {
                let len = bytes.len();
                bytes[at % len] = byte;
            }
            if let Ok(read) = Imprint::from_bytes(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}
