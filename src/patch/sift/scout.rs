//! Looks through a text for *leads*: places where reading it another way may show a token.
//!
//! Most of a request has none, so what counts is to see that fast. There are three kinds: bytes that
//! escapes start with; rows of groups of four base64 letters whose bytes are all ASCII, as tokens are;
//! and rows of hexadecimal digits with an upper-case letter in them. The last two need a look at many
//! bytes at once: each byte is classified by a table, each class becomes a bitmap of the text, and rows
//! are found by shifting bitmaps over each other.

use crate::secret::Engine;

/// The bytes that one look goes through.
const LOOK: usize = 512;

/// How many words of bits that is.
const WORDS: usize = LOOK / 64;

/// How far a row of groups, or of digits, can reach beyond the place where it starts.
const AHEAD: usize = 64;

/// The groups of four letters that a row has at most.
pub(in crate::patch) const MOST_GROUPS: usize = 6;

/// The hexadecimal digits that a row has at most.
const MOST_DIGITS: usize = 16;

const FIRST: u8 = 1;
const SECOND: u8 = 2;
const THIRD: u8 = 4;
const LETTER: u8 = 8;
const ESCAPE: u8 = 16;
const DIGIT: u8 = 32;
const UPPER: u8 = 64;
const EQUALS: u8 = 128;

/// What leads look like in texts that are searched for the tokens of a set.
#[repr(align(64))]
pub(in crate::patch) struct Scout {
    /// The classes of each byte. Bytes beyond ASCII have none.
    classes: [u8; 128],
    /// How many groups a row has: as many as the shortest token fills in any case.
    groups: usize,
    /// How many digits a row has.
    digits: usize,
    folds_case: bool,
    engine: Engine,
}

/// The leads among a stretch of a text, a bit for each byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::patch) struct Leads {
    /// Bytes that an escape may start with.
    pub(in crate::patch) escapes: [u64; WORDS],
    /// Letters that a row of groups starts with.
    pub(in crate::patch) rows: [u64; WORDS],
    /// Digits that a row of digits starts with.
    pub(in crate::patch) digits: [u64; WORDS],
    /// How many bytes of the text these are about.
    pub(in crate::patch) len: usize,
}

impl Scout {
    /// A scout for tokens of `shortest` bytes and more, which are `ascii` or not and may or may not
    /// come in another letter case; `escapes` says which bytes an escape may start with.
    pub(in crate::patch) fn new(
        engine: Engine,
        shortest: usize,
        ascii: bool,
        folds_case: bool,
        escapes: impl Fn(u8) -> bool,
    ) -> Scout {
        let classes = std::array::from_fn(|byte| {
            let byte = byte as u8;
            let mut class = 0;
            if let Some(value) = letter(byte) {
                // The upper bit of each of the three bytes of a group is a bit of one of its letters.
                class |= LETTER;
                class |= if !ascii || value & 0x20 == 0 { FIRST } else { 0 };
                class |= if !ascii || value & 0x08 == 0 { SECOND } else { 0 };
                class |= if !ascii || value & 0x02 == 0 { THIRD } else { 0 };
            }
            if escapes(byte) {
                class |= ESCAPE;
            }
            if byte == b'=' {
                class |= EQUALS;
            }
            if folds_case && (byte.is_ascii_hexdigit() || byte == b'-') {
                class |= DIGIT;
                class |= if matches!(byte, b'A'..=b'F') { UPPER } else { 0 };
            }
            class
        });
        let groups = (shortest.saturating_sub(2) / 3).clamp(1, MOST_GROUPS);
        Scout { classes, groups, digits: shortest.clamp(1, MOST_DIGITS), folds_case, engine }
    }

    /// The same scout with another engine.
    #[cfg(test)]
    pub(in crate::patch) fn with(mut self, engine: Engine) -> Scout {
        self.engine = engine;
        self
    }

    /// How many groups a row has.
    pub(in crate::patch) fn groups(&self) -> usize {
        self.groups
    }

    /// Whether the four letters in `group` are a group that a row may hold.
    #[inline]
    pub(in crate::patch) fn is_group(&self, group: &[u8]) -> bool {
        let class = |at: usize| group.get(at).map_or(0, |byte| self.class(*byte));
        class(0) & FIRST != 0
            && class(1) & SECOND != 0
            && class(2) & THIRD != 0
            && class(3) & LETTER != 0
    }

    /// Whether there is a lead in `text`.
    #[inline]
    pub(in crate::patch) fn has_lead(&self, text: &[u8]) -> bool {
        let mut at = 0;
        while at < text.len() {
            let leads = self.look(text, at, false);
            if !leads.are_none() {
                return true;
            }
            at += leads.len;
        }
        false
    }

    /// The leads of `text` from byte `at` on: of all the rest, or of some hundred bytes. With
    /// `equals`, an escape may start with `=`, too.
    #[inline]
    pub(in crate::patch) fn look(&self, text: &[u8], at: usize, equals: bool) -> Leads {
        let rest = text.get(at..).unwrap_or_default();
        #[cfg(target_arch = "x86_64")]
        if self.engine == Engine::Wide {
            // SAFETY: the engine says that this processor has what it needs.
            return unsafe { self.look_wide(rest, equals) };
        }
        self.look_portable(rest, equals)
    }

    fn look_portable(&self, text: &[u8], equals: bool) -> Leads {
        let mut maps = [[0u64; WORDS]; 8];
        for (number, bytes) in text.chunks(64).take(WORDS).enumerate() {
            for (bit, byte) in bytes.iter().enumerate() {
                let class = self.class(*byte);
                for (kind, map) in maps.iter_mut().enumerate() {
                    map[number] |= u64::from(class >> kind & 1) << bit;
                }
            }
        }
        let [first, second, third, letter, mut escapes, digit, upper, equal] = maps;
        let and = |a: [u64; WORDS], b: [u64; WORDS]| std::array::from_fn(|at| a[at] & b[at]);
        let or = |a: [u64; WORDS], b: [u64; WORDS]| std::array::from_fn(|at| a[at] | b[at]);
        if equals {
            escapes = or(escapes, equal);
        }
        let mut rows = and(and(first, down(second, 1)), and(down(third, 2), down(letter, 3)));
        let group = rows;
        for number in 1..self.groups {
            rows = and(rows, down(group, 4 * number));
        }
        let (mut digits, mut uppers) = (digit, upper);
        for number in 1..self.digits {
            digits = and(digits, down(digit, number));
            uppers = or(uppers, down(upper, number));
        }
        Leads { escapes, rows, digits: and(digits, uppers), len: covered(text.len()) }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2")]
    fn look_wide(&self, text: &[u8], equals: bool) -> Leads {
        use std::arch::x86_64::{
            __m512i, _bzhi_u64, _mm512_alignr_epi64, _mm512_and_si512, _mm512_loadu_si512,
            _mm512_mask_test_epi8_mask, _mm512_maskz_loadu_epi8, _mm512_movepi8_mask,
            _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_set1_epi8, _mm512_setzero_si512,
            _mm512_shrdi_epi64, _mm512_storeu_si512,
        };

        // SAFETY: both read 64 of the 128 bytes.
        let [low, high] =
            [0, 64].map(|at| unsafe { _mm512_loadu_si512(self.classes.as_ptr().add(at).cast()) });
        let wanted = _mm512_set1_epi8((ESCAPE | if equals { EQUALS } else { 0 }) as i8);
        let mut maps = [[0u64; WORDS]; 7];
        for number in 0..WORDS.min(text.len().div_ceil(64)) {
            let from = number * 64;
            let inside = _bzhi_u64(u64::MAX, (text.len() - from).min(64) as u32);
            // SAFETY: only bytes of the text are read, those in the mask; `from` is within it.
            let bytes = unsafe { _mm512_maskz_loadu_epi8(inside, text.as_ptr().add(from).cast()) };
            let class = _mm512_permutex2var_epi8(low, bytes, high);
            let known = inside & !_mm512_movepi8_mask(bytes);
            let all = [1, 2, 4, 8].map(|class| _mm512_set1_epi8(class));
            let test = |wanted| _mm512_mask_test_epi8_mask(known, class, wanted);
            for (map, wanted) in maps.iter_mut().zip(all) {
                map[number] = test(wanted);
            }
            maps[4][number] = test(wanted);
            if self.folds_case {
                maps[5][number] = test(_mm512_set1_epi8(DIGIT as i8));
                maps[6][number] = test(_mm512_set1_epi8(UPPER as i8));
            }
        }
        // SAFETY: a map has 64 bytes.
        let [first, second, third, letter, _, digit, upper] =
            maps.each_ref().map(|map| unsafe { _mm512_loadu_si512(map.as_ptr().cast()) });
        let zero = _mm512_setzero_si512();
        macro_rules! down {
            ($map:expr, $by:literal) => {{
                let map: __m512i = $map;
                _mm512_shrdi_epi64::<$by>(map, _mm512_alignr_epi64::<1>(zero, map))
            }};
        }
        let and = |a, b| _mm512_and_si512(a, b);
        let one = and(and(first, down!(second, 1)), and(down!(third, 2), down!(letter, 3)));
        let two = and(one, down!(one, 4));
        let rows = match self.groups {
            1 => one,
            2 => two,
            3 => and(two, down!(one, 8)),
            4 => and(two, down!(two, 8)),
            5 => and(and(two, down!(two, 8)), down!(one, 16)),
            _ => and(and(two, down!(two, 8)), down!(two, 16)),
        };
        let mut leads = Leads {
            escapes: maps[4],
            rows: [0; WORDS],
            digits: [0; WORDS],
            len: covered(text.len()),
        };
        // SAFETY: as above.
        unsafe { _mm512_storeu_si512(leads.rows.as_mut_ptr().cast(), rows) };
        if self.folds_case {
            let or = |a, b| _mm512_or_si512(a, b);
            let (mut digits, mut uppers, mut have) = (digit, upper, 1);
            while have < self.digits {
                // Rows overlap where the number is no power of two.
                let by = have.min(self.digits - have);
                let shift = |map| match by {
                    1 => down!(map, 1),
                    2 => down!(map, 2),
                    3 => down!(map, 3),
                    4 => down!(map, 4),
                    5 => down!(map, 5),
                    6 => down!(map, 6),
                    7 => down!(map, 7),
                    _ => down!(map, 8),
                };
                digits = and(digits, shift(digits));
                uppers = or(uppers, shift(uppers));
                have += by;
            }
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(leads.digits.as_mut_ptr().cast(), and(digits, uppers)) };
        }
        leads
    }

    #[inline]
    fn class(&self, byte: u8) -> u8 {
        self.classes.get(usize::from(byte)).copied().unwrap_or(0)
    }
}

impl Leads {
    /// Whether there is none.
    #[inline]
    pub(in crate::patch) fn are_none(&self) -> bool {
        let any = |map: &[u64; WORDS]| map.iter().fold(0, |all, word| all | word);
        any(&self.escapes) | any(&self.rows) | any(&self.digits) == 0
    }
}

/// The value of a base64 letter, of either alphabet.
fn letter(byte: u8) -> Option<u8> {
    crate::patch::views::base64_value(byte)
}

/// How many bytes a look at a text of `len` bytes is about: where rows start whose end it may not
/// see, the next look starts.
fn covered(len: usize) -> usize {
    if len <= LOOK { len } else { LOOK - AHEAD }
}

/// A map whose bits stand `by` places lower.
fn down(map: [u64; WORDS], by: usize) -> [u64; WORDS] {
    std::array::from_fn(|at| {
        let next = map.get(at + 1).copied().unwrap_or(0);
        if by == 0 { map[at] } else { map[at] >> by | next << (64 - by) }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scout(engine: Engine, shortest: usize, ascii: bool, folds_case: bool) -> Scout {
        Scout::new(engine, shortest, ascii, folds_case, |byte| b"%\\&\n\0".contains(&byte))
    }

    #[test]
    fn leads_by_hand() {
        let scout = scout(Engine::Portable, 20, true, true);
        let bits =
            |map: [u64; WORDS]| (0..LOOK).filter(move |at| map[at / 64] >> (at % 64) & 1 == 1);
        let text =
            b"a%20b \\n & eHh4eHh4eHh4eHh4eHh4eHh4eHh4 0123-ABCD-0123456789 0123456789abcdef";
        let leads = scout.look(text, 0, false);
        assert_eq!(leads.len, text.len());
        assert_eq!(bits(leads.escapes).collect::<Vec<_>>(), [1, 6, 9]);
        // 28 letters, seven groups: the row may start with either of the first two, or out of step.
        assert_eq!(bits(leads.rows).collect::<Vec<_>>(), [11, 12, 15]);
        assert_eq!(bits(leads.digits).collect::<Vec<_>>(), [40, 41, 42, 43, 44]);
    }

    proptest! {
        #[test]
        fn all_engines_see_the_same(
            text in "[A-Za-z0-9+/%&\\\\ \n\0é=-]{0,1300}",
            shortest in 1..40usize,
            ascii: bool,
            folds_case: bool,
            equals: bool,
            at in 0..700usize,
        ) {
            let expected = scout(Engine::Portable, shortest, ascii, folds_case).look(text.as_bytes(), at, equals);
            for engine in Engine::available() {
                let leads = scout(engine, shortest, ascii, folds_case).look(text.as_bytes(), at, equals);
                // What a look is not about may differ.
                for at in 0..leads.len {
                    let bit = |map: &[u64; WORDS]| map[at / 64] >> (at % 64) & 1;
                    prop_assert_eq!(bit(&leads.escapes), bit(&expected.escapes));
                    prop_assert_eq!(bit(&leads.rows), bit(&expected.rows));
                    prop_assert_eq!(bit(&leads.digits), bit(&expected.digits));
                }
                prop_assert_eq!(leads.len, expected.len);
            }
        }

        #[test]
        fn a_row_is_seen_wherever_it_stands(before in "[ -~]{0,900}", token in "[a-zA-Z0-9]{20,30}") {
            let encoded: String = token.bytes().map(char::from).collect();
            let scout = scout(Engine::Portable, 20, true, false);
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let mut text = before.into_bytes();
            for group in encoded.as_bytes().chunks(3) {
                let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
                text.extend((0..=group.len()).map(|at| letters[(bits >> (18 - 6 * at) & 63) as usize]));
            }
            let mut at = 0;
            let mut seen = false;
            while at < text.len() {
                let leads = scout.look(&text, at, false);
                seen |= leads.rows != [0; WORDS];
                at += leads.len;
            }
            prop_assert!(seen);
        }
    }
}
