//! Gzip, zlib and bare deflate.
//!
//! Bare deflate has no mark, and zlib's is weak. So the first block is looked at by hand: its kind,
//! the numbers of its codes, and whether the code that spells the others is complete. What is no
//! deflate hardly ever passes that.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zeroize::Zeroizing;

use super::digits;
use super::trail::Encoding;

/// Output is asked for in pieces of this many bytes.
const PIECE: usize = 16 << 10;
/// What begins with so many characters is text and not compressed, as is less if it is no more than
/// characters. A dozen of visible bytes happen: the fixed code of deflate makes them of blanks, `%`
/// and `p`.
const WRITTEN: usize = 32;
/// As much of what bare deflate gives must be text.
const PROOF: usize = 1024;

/// Whether something compressed may begin with these bytes, at a glance.
pub(super) fn may_begin(three: &[u8; 3]) -> bool {
    match *three {
        [0x1f, 0x8b, 8] => true,
        [first, second, third] if is_zlib(first, second) => third & 6 != 6,
        [first, ..] => matches!(first & 6, 2 | 4),
    }
}

/// Whether something compressed seems to begin with `bytes`, of which there should be a dozen.
pub(super) fn begins(bytes: &[u8]) -> bool {
    kind(bytes).is_some()
}

/// How what begins with `bytes` seems to be compressed.
fn kind(bytes: &[u8]) -> Option<Encoding> {
    if bytes.iter().take(WRITTEN).all(|b| digits::is_text(*b)) {
        return None;
    }
    match *bytes {
        [0x1f, 0x8b, 8, flags, ..] if flags < 0x20 => Some(Encoding::Gzip),
        [first, second, ref rest @ ..] if is_zlib(first, second) && is_block(rest, false) => {
            Some(Encoding::Zlib)
        }
        _ if is_block(bytes, true) => Some(Encoding::Deflate),
        _ => None,
    }
}

/// RFC 1950, section 2.2: deflate, a window of at most 32 KiB, a check over both bytes, no
/// dictionary.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8
        && first >> 4 <= 7
        && u16::from_be_bytes([first, second]).is_multiple_of(31)
        && second & 0x20 == 0
}

/// Whether a first block of deflate (RFC 1951, section 3.2.3) may begin so; one of literals must hold
/// text if `text`.
fn is_block(bytes: &[u8], text: bool) -> bool {
    let mut bits = Bits::of(bytes);
    match bits.take(3).map(|head| head >> 1) {
        Some(0) => match *bytes {
            [first, a, b, c, d, ..] => first >> 3 == 0 && [a, b] == [!c, !d] && [a, b] != [0, 0],
            _ => false,
        },
        Some(1) => is_fixed(&mut bits, text),
        Some(2) => is_dynamic(&mut bits).unwrap_or(false),
        _ => false,
    }
}

/// Whether the first symbols of the fixed code are literals: three, or all up to the end.
fn is_fixed(bits: &mut Bits, text: bool) -> bool {
    for _ in 0..3 {
        // Codes come from their highest bit down.
        let Some(code) = bits.take(8).map(|code| code.reverse_bits() >> 24) else { return false };
        // Section 3.2.6: literals of ASCII are the codes from 00110000.
        let literal = code.checked_sub(0x30).and_then(|literal| u8::try_from(literal).ok());
        match literal {
            Some(literal) if literal < 0x90 && (!text || digits::is_text(literal)) => {}
            _ => return false,
        }
    }
    true
}

/// Whether the header of a block with codes of its own is one (section 3.2.7): no more codes than
/// there are, and a complete code for their lengths. `None` if it is cut off.
fn is_dynamic(bits: &mut Bits) -> Option<bool> {
    let (literals, distances, lengths) = (bits.take(5)?, bits.take(5)?, bits.take(4)? + 4);
    if literals > 29 || distances > 29 {
        return Some(false);
    }
    // Each code takes its part of 128 sevenths.
    let mut taken = 0;
    for _ in 0..lengths {
        match bits.take(3) {
            Some(0) => {}
            Some(length) => taken += 128 >> length,
            None => return Some(taken <= 128),
        }
    }
    Some(taken == 128)
}

/// The first bits of some bytes, from the lowest of each byte up.
struct Bits {
    bits: u128,
    left: usize,
}

impl Bits {
    fn of(bytes: &[u8]) -> Bits {
        let mut all = [0; 16];
        let length = bytes.len().min(16);
        all[..length].copy_from_slice(&bytes[..length]);
        Bits { bits: u128::from_le_bytes(all), left: 8 * length }
    }

    fn take(&mut self, count: usize) -> Option<u32> {
        self.left = self.left.checked_sub(count)?;
        let taken = self.bits as u32 & ((1 << count) - 1);
        self.bits >>= count;
        Some(taken)
    }
}

/// What `text` inflates to, no more than `most` bytes of it, if it is compressed. Of a text that is
/// cut off or damaged it is what stands before that.
pub(super) fn decode(text: &[u8], most: usize) -> Option<(Encoding, Zeroizing<Vec<u8>>)> {
    let encoding = kind(text)?;
    let out = match encoding {
        Encoding::Gzip => read(MultiGzDecoder::new(text), most),
        Encoding::Zlib => read(ZlibDecoder::new(text), most),
        _ => read(DeflateDecoder::new(text), most),
    };
    let proof = out.get(..PROOF).unwrap_or(&out);
    let proven = match encoding {
        Encoding::Deflate => digits::is_mostly_text(proof, 85),
        _ => !out.is_empty(),
    };
    proven.then_some((encoding, out))
}

fn read(mut reader: impl Read, most: usize) -> Zeroizing<Vec<u8>> {
    let mut out: Zeroizing<Vec<u8>> = Zeroizing::default();
    let mut filled = 0;
    while filled < most {
        if filled == out.len() {
            // The smaller one is zeroed as it goes.
            let mut larger = Zeroizing::new(vec![0; most.min(PIECE.max(2 * filled))]);
            larger[..filled].copy_from_slice(&out);
            out = larger;
        }
        match reader.read(&mut out[filled..]) {
            Ok(0) | Err(_) => break,
            Ok(read) => filled += read,
        }
    }
    out.truncate(filled);
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const PLAIN: &str = "meadow = 'lark'; brook = 'stone'\n";

    fn packed(encoding: Encoding, level: u32, plain: &[u8]) -> Vec<u8> {
        let level = Compression::new(level);
        macro_rules! pack {
            ($encoder:ident) => {{
                let mut encoder = $encoder::new(Vec::new(), level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }};
        }
        match encoding {
            Encoding::Gzip => pack!(GzEncoder),
            Encoding::Zlib => pack!(ZlibEncoder),
            _ => pack!(DeflateEncoder),
        }
    }

    #[test]
    fn every_format_at_every_level() {
        let long: String = (0..500).map(|n| format!("{n} {PLAIN}")).collect();
        for encoding in [Encoding::Gzip, Encoding::Zlib, Encoding::Deflate] {
            for level in [0, 1, 6, 9] {
                for plain in [PLAIN, &long] {
                    let packed = packed(encoding, level, plain.as_bytes());
                    let (found, out) = decode(&packed, 1 << 20).unwrap();
                    assert_eq!((found, &out[..]), (encoding, plain.as_bytes()), "level {level}");
                    assert!(begins(&packed[..12]));
                    assert!(may_begin(&[packed[0], packed[1], packed[2]]) || level == 0);
                }
            }
        }
    }

    #[test]
    fn members_one_after_the_other_cut_off_and_bounded() {
        let one = packed(Encoding::Gzip, 6, PLAIN.as_bytes());
        let two = [one.clone(), one.clone(), b"garbage".to_vec()].concat();
        assert_eq!(decode(&two, 1 << 20).unwrap().1.len(), 2 * PLAIN.len());
        let long = packed(Encoding::Gzip, 6, &vec![b'a'; 1 << 20]);
        assert_eq!(decode(&long, 5000).unwrap().1.len(), 5000);
        assert!(!decode(&long[..long.len() / 2], 1 << 20).unwrap().1.is_empty());
    }

    /// Its first dozen bytes happen to be visible.
    #[test]
    fn what_looks_written_at_first() {
        let plain = b"% p %\"\"% a garden";
        let packed = packed(Encoding::Deflate, 6, plain);
        assert!(packed[..12].iter().all(|b| digits::is_text(*b)));
        assert_eq!(decode(&packed, 1000).unwrap().1[..], plain[..]);
    }

    #[test]
    fn what_is_not_compressed() {
        for text in [
            &b"meadow lark, brook and stone"[..],
            b"",
            b"\x1f\x8b",
            b"x\x9c",
            b"\x78\x01\xff\xff\xff\xff",
        ] {
            assert!(decode(text, 1000).is_none(), "{text:?}");
        }
    }
}
