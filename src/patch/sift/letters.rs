//! Up to 64 letters of base64 at a time, with AVX-512.

use crate::secret::Engine;

/// How many of the first groups of `text`, of 16 at most, stand for characters: printable ones or ends
/// of lines, if only `visible` ones count, and any otherwise. None if this processor cannot say.
#[inline]
pub(in crate::patch) fn text_groups(engine: Engine, text: &[u8], visible: bool) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if engine == Engine::Wide {
        // SAFETY: the engine says that this processor has what it needs.
        return Some(unsafe { wide::text_groups(text, visible) });
    }
    let _ = (engine, text, visible);
    None
}

/// Decodes the first groups of `letters`, of 16 at most, up to the first that has another byte in it. The
/// result is how many there are, and three bytes for each. None if this processor cannot do it.
#[inline]
pub(in crate::patch) fn decode_groups(engine: Engine, letters: &[u8]) -> Option<(usize, [u8; 64])> {
    #[cfg(target_arch = "x86_64")]
    if engine == Engine::Wide {
        // SAFETY: as above.
        return Some(unsafe { wide::decode_groups(letters) });
    }
    let _ = (engine, letters);
    None
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m512i, _bzhi_u64, _mm512_cmpeq_epi8_mask, _mm512_cmpge_epi8_mask, _mm512_loadu_si512,
        _mm512_madd_epi16, _mm512_maddubs_epi16, _mm512_maskz_loadu_epi8, _mm512_movepi8_mask,
        _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_permutexvar_epi8, _mm512_set1_epi8,
        _mm512_set1_epi32, _mm512_storeu_si512,
    };

    use crate::patch::views::base64_value;

    /// How many letters are taken at a time.
    const LETTERS: usize = 64;

    /// The value of each letter; an upper bit for the other bytes of ASCII.
    const VALUES: Aligned<128> = {
        let mut values = [0x80; 128];
        let mut byte = 0;
        while byte < 128 {
            if let Some(value) = base64_value(byte as u8) {
                values[byte] = value;
            }
            byte += 1;
        }
        Aligned(values)
    };

    /// Where the bytes of the groups stand once the values of four letters are in one number.
    const BYTES: Aligned<64> = {
        let mut bytes = [0; 64];
        let mut at = 0;
        while at < 48 {
            bytes[at] = (at / 3 * 4 + 2 - at % 3) as u8;
            at += 1;
        }
        Aligned(bytes)
    };

    #[repr(align(64))]
    struct Aligned<const N: usize>([u8; N]);

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    pub(super) fn text_groups(text: &[u8], visible: bool) -> usize {
        let (groups, bytes) = decode(text);
        if !visible {
            return groups;
        }
        let is = |byte: u8| _mm512_set1_epi8(byte as i8);
        // Bytes beyond ASCII are below zero.
        let text = _mm512_cmpge_epi8_mask(bytes, is(b' '))
            | _mm512_cmpeq_epi8_mask(bytes, is(b'\r'))
            | _mm512_cmpeq_epi8_mask(bytes, is(b'\n'));
        groups.min(text.trailing_ones() as usize / 3)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    pub(super) fn decode_groups(letters: &[u8]) -> (usize, [u8; 64]) {
        let (groups, bytes) = decode(letters);
        let mut output = [0; 64];
        // SAFETY: it writes 64 bytes.
        unsafe { _mm512_storeu_si512(output.as_mut_ptr().cast(), bytes) };
        (groups, output)
    }

    /// How many whole groups of letters `text` starts with, and three bytes for each.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
    fn decode(text: &[u8]) -> (usize, __m512i) {
        let inside = _bzhi_u64(u64::MAX, text.len().min(LETTERS) as u32);
        // SAFETY: only bytes of the text are read, those in the mask; of the tables, 64 of 128 bytes twice
        // and 64 of 64.
        let (bytes, low, high, order) = unsafe {
            let (low, high) = VALUES.0.split_at(64);
            (
                _mm512_maskz_loadu_epi8(inside, text.as_ptr().cast()),
                _mm512_loadu_si512(low.as_ptr().cast()),
                _mm512_loadu_si512(high.as_ptr().cast()),
                _mm512_loadu_si512(BYTES.0.as_ptr().cast()),
            )
        };
        let values = _mm512_permutex2var_epi8(low, bytes, high);
        let letters = inside & !_mm512_movepi8_mask(_mm512_or_si512(values, bytes));
        // Six bits each: two letters become twelve bits, and two of those 24.
        let twelve = _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x0140_0140));
        let all = _mm512_madd_epi16(twelve, _mm512_set1_epi32(0x0001_1000));
        (letters.trailing_ones() as usize / 4, _mm512_permutexvar_epi8(order, all))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::patch::views::base64_value;

    proptest! {
        /// Against a decoder that goes letter by letter.
        #[test]
        fn groups_are_decoded(text in "[A-Za-z0-9+/_-]{0,70}([ -~é]{0,3}[A-Za-z0-9+/_-]{0,20})?", printable: bool) {
            let text: Vec<u8> = match printable {
                true => text.bytes().enumerate().map(|(at, byte)| b"eHh5"[at % 4].min(byte)).collect(),
                false => text.into_bytes(),
            };
            let mut expected = Vec::new();
            for group in text.chunks_exact(4).take(16) {
                let Some(values) = group.iter().map(|byte| base64_value(*byte)).collect::<Option<Vec<u8>>>() else { break };
                let bits = values.iter().fold(0u32, |bits, six| bits << 6 | u32::from(*six));
                expected.extend(&bits.to_be_bytes()[1..]);
            }
            let is_text = |byte: &u8| matches!(byte, 32..=127 | b'\r' | b'\n');
            let visible = expected.chunks(3).take_while(|bytes| bytes.iter().all(is_text)).count();
            for engine in Engine::available().filter(|engine| *engine == Engine::Wide) {
                let (groups, bytes) = decode_groups(engine, &text).unwrap();
                prop_assert_eq!(groups, expected.len() / 3);
                prop_assert_eq!(&bytes[..groups * 3], &expected[..]);
                prop_assert_eq!(text_groups(engine, &text, false), Some(groups));
                prop_assert_eq!(text_groups(engine, &text, true), Some(visible));
            }
        }
    }
}
