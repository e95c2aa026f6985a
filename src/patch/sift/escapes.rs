//! Undoes escapes in up to 64 bytes at a time, with AVX-512.

use crate::secret::Engine;

/// What was undone at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::patch) struct Undone {
    /// How many bytes of the text that were. No escape is cut in two there.
    pub(in crate::patch) taken: usize,
    /// How many bytes came out.
    pub(in crate::patch) put: usize,
    /// What stands there may be an escape of a form that is seldom used: it is up to the caller.
    pub(in crate::patch) rare: bool,
}

/// Undoes the escapes in the first bytes of `text`, 64 at most, into `output`, which has room for as many
/// bytes: percent, backslash with one letter, `\xHH`, `\u00HH` below 0x80, `&amp;`, `&#NN;`, `&#1NN;` and
/// `&#xHH;` below 0x80, and `+` if that is a space. None if this processor cannot do it.
#[inline]
pub(in crate::patch) fn undo_escapes(
    engine: Engine,
    text: &[u8],
    plus: bool,
    output: &mut [u8],
) -> Option<Undone> {
    #[cfg(target_arch = "x86_64")]
    if engine == Engine::Wide {
        // SAFETY: the engine says that this processor has what it needs.
        return Some(unsafe { wide::undo(text, plus, output) });
    }
    let _ = (engine, text, plus, output);
    None
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m512i, __mmask64, _bzhi_u64, _mm512_add_epi8, _mm512_cmpeq_epi8_mask,
        _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_mask_mov_epi8, _mm512_mask_storeu_epi8,
        _mm512_maskz_compress_epi8, _mm512_maskz_loadu_epi8, _mm512_maskz_mov_epi8,
        _mm512_movepi8_mask, _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_set1_epi8,
        _mm512_slli_epi16, _mm512_sub_epi8, _mm512_ternarylogic_epi64, _mm512_test_epi8_mask,
    };

    use super::Undone;

    /// How many bytes are looked at.
    const WORD: usize = 64;

    /// How many bytes the longest escape has that is undone here.
    const LONGEST: usize = 6;

    /// No byte of ASCII.
    const NONE: u8 = 0x80;

    /// A byte for each of ASCII.
    #[repr(align(64))]
    struct Table([u8; 128]);

    /// The values of hexadecimal digits.
    const DIGITS: Table = {
        let mut values = [NONE; 128];
        let mut value = 0;
        while value < 16 {
            let digit = b"0123456789abcdef"[value as usize];
            values[digit as usize] = value;
            values[digit.to_ascii_uppercase() as usize] = value;
            value += 1;
        }
        Table(values)
    };

    /// What letters stand for behind a backslash.
    const LETTERS: Table = {
        let mut values = [NONE; 128];
        let (letters, meant) = (*b"/\\\"'bfnrt", *b"/\\\"'\x08\x0c\n\r\t");
        let mut number = 0;
        while number < letters.len() {
            values[letters[number] as usize] = meant[number];
            number += 1;
        }
        Table(values)
    };

    /// The text from one byte on.
    #[derive(Clone, Copy)]
    struct Bytes {
        bytes: __m512i,
        /// The values of hexadecimal digits; more than 0x7f for other bytes.
        digits: __m512i,
        are_digits: __mmask64,
    }

    impl Bytes {
        /// `text` from byte `by` on; NUL behind its end.
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi2")]
        fn new(text: &[u8], by: usize) -> Bytes {
            let inside = _bzhi_u64(u64::MAX, text.len().saturating_sub(by).min(WORD) as u32);
            // SAFETY: only bytes of the text are read, those in the mask; there are none if `by` is
            // behind its end.
            let bytes =
                unsafe { _mm512_maskz_loadu_epi8(inside, text.as_ptr().wrapping_add(by).cast()) };
            let digits = look_up(&DIGITS, bytes);
            Bytes { bytes, digits, are_digits: !_mm512_movepi8_mask(digits) }
        }

        #[inline]
        #[target_feature(enable = "avx512f,avx512bw")]
        fn are(self, byte: u8) -> __mmask64 {
            _mm512_cmpeq_epi8_mask(self.bytes, _mm512_set1_epi8(byte as i8))
        }

        /// Those that are decimal digits.
        #[inline]
        #[target_feature(enable = "avx512f,avx512bw")]
        fn are_decimal(self) -> __mmask64 {
            _mm512_cmplt_epu8_mask(self.digits, _mm512_set1_epi8(10))
        }
    }

    /// See [`super::undo_escapes`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi2,popcnt")]
    pub(super) fn undo(text: &[u8], plus: bool, output: &mut [u8]) -> Undone {
        let zero = Bytes::new(text, 0);
        // An escape that starts among the first bytes ends within the word.
        let about = if text.len() <= WORD { text.len() } else { WORD - LONGEST + 1 };
        let [percent, backslash, reference] = [zero.are(b'%'), zero.are(b'\\'), zero.are(b'&')];
        let spaces = if plus { zero.are(b'+') } else { 0 };
        let mut values = zero.bytes;
        let mut limit = about;
        let mut inner = 0;
        if percent | backslash | reference | spaces != 0 {
            let (one, two) = (Bytes::new(text, 1), Bytes::new(text, 2));
            let backslash = escaping(backslash);
            let unicode = backslash & one.are(b'u');
            let byte = backslash & one.are(b'x');
            let number = reference & one.are(b'#');
            let named = match reference & !number {
                0 => 0,
                reference => reference & names(zero, text.len() > WORD) >> 1,
            };
            // Escapes by their lengths; what may be one of another form is left to the caller.
            let percent = percent & one.are_digits & two.are_digits;
            values = _mm512_mask_mov_epi8(values, percent, pair(one, two));
            let letter = look_up(&LETTERS, one.bytes);
            let short = backslash & !_mm512_movepi8_mask(letter);
            values = _mm512_mask_mov_epi8(values, short, letter);
            values = _mm512_mask_mov_epi8(values, spaces, _mm512_set1_epi8(b' ' as i8));
            let (mut fours, mut fives, mut sixes, mut rare) = (0, 0, 0, 0);
            if unicode | byte | number | named != 0 {
                let [three, four, five] =
                    [Bytes::new(text, 3), Bytes::new(text, 4), Bytes::new(text, 5)];
                fours = byte & two.are_digits & three.are_digits;
                values = _mm512_mask_mov_epi8(values, fours, pair(two, three));
                let low = pair(four, five);
                let low_unicode = unicode
                    & two.are(b'0')
                    & three.are(b'0')
                    & four.are_digits
                    & five.are_digits
                    & !_mm512_movepi8_mask(low);
                values = _mm512_mask_mov_epi8(values, low_unicode, low);
                let amp = named & one.are(b'a') & two.are(b'm') & three.are(b'p') & four.are(b';');
                // It becomes the `&` that is there.
                let tens = tens(two, three);
                let two_digits = number
                    & two.are_decimal()
                    & three.are_decimal()
                    & four.are(b';')
                    & _mm512_test_epi8_mask(tens, tens);
                values = _mm512_mask_mov_epi8(values, two_digits, tens);
                let hundred = _mm512_add_epi8(self::tens(three, four), _mm512_set1_epi8(100));
                let three_digits = number
                    & two.are(b'1')
                    & three.are_decimal()
                    & four.are_decimal()
                    & five.are(b';')
                    & !_mm512_movepi8_mask(hundred);
                values = _mm512_mask_mov_epi8(values, three_digits, hundred);
                let hex = pair(three, four);
                let is_x = two.are(b'x') | two.are(b'X');
                let hex_digits = number
                    & is_x
                    & three.are_digits
                    & four.are_digits
                    & five.are(b';')
                    & _mm512_test_epi8_mask(hex, hex)
                    & !_mm512_movepi8_mask(hex);
                values = _mm512_mask_mov_epi8(values, hex_digits, hex);
                fives = amp | two_digits;
                sixes = low_unicode | three_digits | hex_digits;
                let four_digits =
                    two.are_digits & three.are_digits & four.are_digits & five.are_digits;
                let unicode = unicode & (four_digits | two.are(b'{') & three.are_digits);
                let number = number & (two.are_decimal() | is_x & three.are_digits);
                rare = (unicode | number | named) & !(fives | sixes);
            }
            limit = limit.min(rare.trailing_zeros() as usize);
            let here = |escapes: __mmask64| _bzhi_u64(escapes, limit as u32);
            // What stands behind the first bytes of escapes.
            let six = here(sixes);
            let five = here(fives) | six;
            let four = here(fours) | five;
            let three = here(percent) | four;
            let two = here(short) | three;
            inner = two << 1 | three << 2 | four << 3 | five << 4 | six << 5;
        }
        let behind = inner.checked_shr(limit as u32).unwrap_or(0);
        let taken = limit + behind.trailing_ones() as usize;
        let kept = _bzhi_u64(!inner, limit as u32);
        let put = (kept.count_ones() as usize).min(output.len());
        // SAFETY: no more bytes are written than `output` has.
        unsafe {
            let bytes = _mm512_maskz_compress_epi8(kept, values);
            let room = _bzhi_u64(u64::MAX, put as u32);
            _mm512_mask_storeu_epi8(output.as_mut_ptr().cast(), room, bytes);
        }
        Undone { taken, put, rare: limit < about }
    }

    /// The backslashes that are not behind one that escapes them. Of a row of them, that is every other
    /// one from the first on.
    #[inline(always)]
    fn escaping(backslashes: __mmask64) -> __mmask64 {
        const ODD: __mmask64 = 0xaaaa_aaaa_aaaa_aaaa;
        // The way of simdjson (Langdale and Lemire): subtracting flips the rows that start at odd places.
        let behind = backslashes << 1;
        ((behind | ODD).wrapping_sub(backslashes) ^ ODD) & backslashes
    }

    /// The letters behind which there are only letters up to a `;`, or up to the word's end if the text
    /// `goes_on` there.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn names(bytes: Bytes, goes_on: bool) -> __mmask64 {
        let lower = _mm512_or_si512(bytes.bytes, _mm512_set1_epi8(0x20));
        let number = _mm512_sub_epi8(lower, _mm512_set1_epi8(b'a' as i8));
        let letters = _mm512_cmplt_epu8_mask(number, _mm512_set1_epi8(26));
        let mut names = bytes.are(b';') | u64::from(goes_on) << 63 & letters;
        // Rows of 1, 2, 4, … letters, as long as the longest name at least.
        let mut row = letters;
        for len in [1, 2, 4, 8, 16] {
            names |= row & names >> len;
            row &= row >> len;
        }
        names & letters
    }

    /// The bytes that two rows of hexadecimal digits stand for.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn pair(high: Bytes, low: Bytes) -> __m512i {
        // Both with the high half's mask, and the low half.
        let high = _mm512_slli_epi16::<4>(high.digits);
        let upper = _mm512_set1_epi8(0xf0_u8 as i8);
        _mm512_ternarylogic_epi64::<0xea>(high, upper, low.digits)
    }

    /// The numbers that two rows of decimal digits stand for.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn tens(high: Bytes, low: Bytes) -> __m512i {
        let high = _mm512_maskz_mov_epi8(high.are_decimal(), high.digits);
        let ten = _mm512_add_epi8(_mm512_slli_epi16::<3>(high), _mm512_add_epi8(high, high));
        _mm512_add_epi8(ten, low.digits)
    }

    /// What the table says of each byte; more than 0x7f for those beyond ASCII.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn look_up(table: &Table, bytes: __m512i) -> __m512i {
        let (low, high) = table.0.split_at(64);
        // SAFETY: both read 64 bytes.
        let (low, high) = unsafe {
            (_mm512_loadu_si512(low.as_ptr().cast()), _mm512_loadu_si512(high.as_ptr().cast()))
        };
        // A byte beyond ASCII keeps its upper bit.
        let upper = _mm512_set1_epi8(NONE as i8);
        let found = _mm512_permutex2var_epi8(low, bytes, high);
        _mm512_ternarylogic_epi64::<0xf8>(found, bytes, upper)
    }
}
