//! Draws tokens, texts and encodings, the same ones for the same seed.

/// Letters and digits.
pub(crate) const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Base64 with both alphabets, and its padding.
pub(crate) const BASE64: &[u8] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/-_=";

/// Lower-case hexadecimal digits.
pub(crate) const HEX: &[u8] = b"0123456789abcdef";

/// What separates things in a request, and what escapes are made of.
pub(crate) const MARKS: &[u8] = b"%%%%%%0123456789abcdefABCDEF&;=?/ :\"{}";

/// What all escapes are made of, and what ends them.
pub(crate) const ESCAPES: &[u8] =
    b"%%%%%%\\\\\\\\uuuxX{}&&&&##;;;==++0123456789abcdefABCDEFghz/ ampsol\0\0\r\n";

/// A row of random numbers (SplitMix64, by Steele, Lea and Flood).
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.number()) * end as u128) >> 64) as usize
    }

    /// `len` bytes of `alphabet`; of all byte values if it is empty.
    pub(crate) fn text(&mut self, len: usize, alphabet: &[u8]) -> Vec<u8> {
        let byte = |draw: &mut Draw| match alphabet.len() {
            0 => draw.number() as u8,
            letters => alphabet[draw.below(letters)],
        };
        (0..len).map(|_| byte(self)).collect()
    }

    /// `text` with about `percent` of a hundred bytes escaped, in digits of either case.
    pub(crate) fn escaped(&mut self, text: &[u8], percent: usize) -> Vec<u8> {
        let mut escaped = Vec::new();
        for byte in text {
            if self.below(100) < percent {
                escaped.extend(escape(*byte, self.below(2) == 0, self.below(2) == 0));
            } else {
                escaped.push(*byte);
            }
        }
        escaped
    }

    /// `text` cut into pieces of up to `longest` bytes.
    pub(crate) fn cut(&mut self, mut text: &[u8], longest: usize) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        while !text.is_empty() {
            let (piece, rest) = text.split_at((1 + self.below(longest)).min(text.len()));
            pieces.push(piece.to_vec());
            text = rest;
        }
        pieces
    }
}

/// The percent escape of `byte`, each digit in the case asked for.
pub(crate) fn escape(byte: u8, high_upper: bool, low_upper: bool) -> [u8; 3] {
    let digit = |value: u8, upper: bool| match (value, upper) {
        (0..10, _) => b'0' + value,
        (_, true) => b'A' + value - 10,
        (_, false) => b'a' + value - 10,
    };
    [b'%', digit(byte >> 4, high_upper), digit(byte & 15, low_upper)]
}

/// `text` in base64, with padding if asked for.
pub(crate) fn base64(text: &[u8], padded: bool) -> Vec<u8> {
    let mut encoded = Vec::new();
    for three in text.chunks(3) {
        let mut bits = 0u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(three.get(at).copied().unwrap_or(0));
        }
        for letter in 0..=three.len() {
            let six = bits >> (18 - 6 * letter) & 63;
            encoded.push(match six {
                0..26 => b'A' + six as u8,
                26..52 => b'a' + six as u8 - 26,
                52..62 => b'0' + six as u8 - 52,
                62 => b'+',
                _ => b'/',
            });
        }
        if padded {
            encoded.extend(std::iter::repeat_n(b'=', 3 - three.len()));
        }
    }
    encoded
}

/// `text` with the byte at `at` changed into another of the same kind.
pub(crate) fn changed(text: &[u8], at: usize) -> Vec<u8> {
    let mut changed = text.to_vec();
    changed[at] = match changed[at] {
        b'z' | b'Z' | b'9' => changed[at] - 1,
        other => other.wrapping_add(1),
    };
    changed
}
