//! Looks through a text for *leads*: places where reading it another way may show a token.
//!
//! Most of a request has none, so what counts is to see that fast. There are four kinds: bytes that
//! escapes start with; rows of groups of four base64 letters that stand for characters, as tokens are
//! made of; the same with a NUL behind each character; and rows of hexadecimal digits with an
//! upper-case letter in them. For rows, many bytes must be looked at together: each byte is classified
//! by a table, each class becomes a bitmap of the text, and rows are found by shifting bitmaps over
//! each other.

use crate::patch::views::base64_value;
use crate::secret::Engine;

/// The bytes that one look goes through.
const LOOK: usize = 512;

/// How many words of bits that is.
const WORDS: usize = LOOK / 64;

/// How far a row can reach beyond the place where it starts.
const AHEAD: usize = 64;

/// The groups of four letters that a row has at most.
const MOST_GROUPS: usize = 6;

/// The groups that start and end with a NUL which a row has at most.
const MOST_WIDE: usize = 3;

/// The hexadecimal digits that a row has at most.
const MOST_DIGITS: usize = 16;

// The classes of a byte. A group of letters a, b, c, d stands for the bytes a·4 + b/16, b·16 + c/4 and
// c·64 + d, and those are characters (32 to 127) exactly if ...
/// … a is 8 to 31,
const FIRST: u8 = 1;
/// … b mod 16 is 2 to 7,
const SECOND: u8 = 2;
/// … c mod 4 is 1,
const THIRD: u8 = 4;
/// … or 0,
const THIRD_LOW: u8 = 8;
/// … where d is 32 or more.
const FOURTH_HIGH: u8 = 16;
const LETTER: u8 = 32;
const ESCAPE: u8 = 64;
const EQUALS: u8 = 128;

// Classes of the second table.
const DIGIT: u8 = 1;
const UPPER: u8 = 2;

/// A bit for each byte of a stretch of a text.
pub(in crate::patch) type Map = [u64; WORDS];

/// What leads look like in texts that are searched for the tokens of a set.
#[repr(align(64))]
pub(in crate::patch) struct Scout {
    /// The classes of each byte. Bytes beyond ASCII have none.
    classes: [u8; 128],
    /// For tokens that come in the other letter case: `DIGIT` and `UPPER`.
    digit_classes: [u8; 128],
    /// How many groups a row has: as many as the shortest token fills in any case.
    groups: usize,
    /// How many groups that start and end with a NUL a row has; none if rows of groups are about all
    /// letters anyway.
    wide: usize,
    /// How many digits a row has.
    digits: usize,
    folds_case: bool,
    engine: Engine,
}

/// The leads among a stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::patch) struct Leads {
    /// Bytes that an escape may start with.
    pub(in crate::patch) escapes: Map,
    /// Letters that a row of groups starts with.
    pub(in crate::patch) rows: Map,
    /// Letters that a row of groups starts with every other of which starts and ends with a NUL.
    pub(in crate::patch) wide: Map,
    /// Digits that a row of digits starts with.
    pub(in crate::patch) digits: Map,
    /// How many bytes of the text these are about. Bits behind that may be anything.
    pub(in crate::patch) len: usize,
}

impl Scout {
    /// A scout for tokens of `shortest` bytes and more, which are made of visible ASCII characters or
    /// not and may or may not come in another letter case; `escapes` says which bytes an escape may
    /// start with.
    pub(in crate::patch) fn new(
        engine: Engine,
        shortest: usize,
        visible: bool,
        folds_case: bool,
        escapes: impl Fn(u8) -> bool,
    ) -> Scout {
        let classes = std::array::from_fn(|byte| {
            let byte = byte as u8;
            let class = |is: bool, class: u8| if is { class } else { 0 };
            let letter = match base64_value(byte) {
                None => 0,
                Some(_) if !visible => FIRST | SECOND | THIRD | LETTER,
                Some(value) => {
                    class((8..32).contains(&value), FIRST)
                        | class((2..8).contains(&(value % 16)), SECOND)
                        | class(value % 4 == 1, THIRD)
                        | class(value % 4 == 0, THIRD_LOW)
                        | class(value >= 32, FOURTH_HIGH)
                        | LETTER
                }
            };
            letter | class(escapes(byte), ESCAPE) | class(byte == b'=', EQUALS)
        });
        let digit_classes = std::array::from_fn(|byte| match byte as u8 {
            b'A'..=b'F' => DIGIT | UPPER,
            b'0'..=b'9' | b'a'..=b'f' | b'-' => DIGIT,
            _ => 0,
        });
        // A token of n bytes fills (n - 2) / 3 groups at least; with NULs between them they are 2n - 1
        // bytes, and every other one of their groups starts with a NUL.
        let groups = (shortest.saturating_sub(2) / 3).clamp(1, MOST_GROUPS);
        let wide = ((2 * shortest).saturating_sub(3) / 6).clamp(1, MOST_WIDE);
        let wide = if visible { wide } else { 0 };
        let digits = shortest.clamp(1, MOST_DIGITS);
        Scout { classes, digit_classes, groups, wide, digits, folds_case, engine }
    }

    /// The same scout with another engine.
    #[cfg(test)]
    pub(in crate::patch) fn with(mut self, engine: Engine) -> Scout {
        self.engine = engine;
        self
    }

    /// Whether there is a lead in `text`, which is no body.
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
        let (mut digits, mut upper, mut zero) = ([0; WORDS], [0; WORDS], [0; WORDS]);
        for (number, bytes) in text.chunks(64).take(WORDS).enumerate() {
            for (bit, byte) in bytes.iter().enumerate() {
                let class =
                    |table: &[u8; 128]| table.get(usize::from(*byte)).copied().unwrap_or_default();
                let classes = class(&self.classes);
                for (kind, map) in maps.iter_mut().enumerate() {
                    map[number] |= u64::from(classes >> kind & 1) << bit;
                }
                zero[number] |= u64::from(*byte == b'A') << bit;
                if self.folds_case {
                    let classes = class(&self.digit_classes);
                    digits[number] |= u64::from(classes & DIGIT != 0) << bit;
                    upper[number] |= u64::from(classes & UPPER != 0) << bit;
                }
            }
        }
        let [first, second, third, third_low, fourth_high, letter, mut escapes, equal] = maps;
        if equals {
            escapes = or(escapes, equal);
        }
        let last =
            or(and(down(third, 2), down(letter, 3)), and(down(third_low, 2), down(fourth_high, 3)));
        let group = and(and(first, down(second, 1)), last);
        let row = |one: Map, count: usize, by: usize| {
            (1..count).fold(one, |row, number| and(row, down(one, number * by)))
        };
        let some = zero.map(|word| !word);
        let wide = row(and(and(zero, down(zero, 3)), down(some, 4)), self.wide, 8);
        let uppers = (1..self.digits).fold(upper, |any, number| or(any, down(upper, number)));
        Leads {
            escapes,
            rows: row(group, self.groups, 4),
            wide: if self.wide == 0 { [0; WORDS] } else { wide },
            digits: and(row(digits, self.digits, 1), uppers),
            len: covered(text.len()),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2")]
    fn look_wide(&self, text: &[u8], equals: bool) -> Leads {
        use std::arch::x86_64::{
            __m512i, _bzhi_u64, _mm512_alignr_epi64, _mm512_and_si512, _mm512_andnot_si512,
            _mm512_loadu_si512, _mm512_mask_cmpeq_epi8_mask, _mm512_mask_test_epi8_mask,
            _mm512_maskz_loadu_epi8, _mm512_movepi8_mask, _mm512_or_si512,
            _mm512_permutex2var_epi8, _mm512_set1_epi8, _mm512_setzero_si512, _mm512_shrdi_epi64,
            _mm512_storeu_si512,
        };

        // SAFETY: all read 64 of 128 bytes.
        let [low, high] =
            [0, 64].map(|at| unsafe { _mm512_loadu_si512(self.classes.as_ptr().add(at).cast()) });
        let escape = _mm512_set1_epi8((ESCAPE | if equals { EQUALS } else { 0 }) as i8);
        let wanted = [FIRST, SECOND, THIRD, THIRD_LOW, FOURTH_HIGH, LETTER]
            .map(|class| _mm512_set1_epi8(class as i8));
        let mut maps = [[0u64; WORDS]; 6];
        let (mut escapes, mut zero) = ([0u64; WORDS], [0u64; WORDS]);
        let (mut digit, mut upper) = ([0u64; WORDS], [0u64; WORDS]);
        for number in 0..WORDS.min(text.len().div_ceil(64)) {
            let from = number * 64;
            let inside = _bzhi_u64(u64::MAX, (text.len() - from).min(64) as u32);
            // SAFETY: only bytes of the text are read, those in the mask; `from` is within it.
            let bytes = unsafe { _mm512_maskz_loadu_epi8(inside, text.as_ptr().add(from).cast()) };
            let class = _mm512_permutex2var_epi8(low, bytes, high);
            let ascii = inside & !_mm512_movepi8_mask(bytes);
            for (map, wanted) in maps.iter_mut().zip(wanted) {
                map[number] = _mm512_mask_test_epi8_mask(ascii, class, wanted);
            }
            escapes[number] = _mm512_mask_test_epi8_mask(ascii, class, escape);
            let a = _mm512_set1_epi8(b'A' as i8);
            zero[number] = _mm512_mask_cmpeq_epi8_mask(inside, bytes, a);
            if self.folds_case {
                // SAFETY: as above.
                let [low, high] = [0, 64].map(|at| unsafe {
                    _mm512_loadu_si512(self.digit_classes.as_ptr().add(at).cast())
                });
                let class = _mm512_permutex2var_epi8(low, bytes, high);
                let test = |wanted: u8| {
                    _mm512_mask_test_epi8_mask(ascii, class, _mm512_set1_epi8(wanted as i8))
                };
                (digit[number], upper[number]) = (test(DIGIT), test(UPPER));
            }
        }
        // SAFETY: a map has 64 bytes.
        let load = |map: &Map| unsafe { _mm512_loadu_si512(map.as_ptr().cast()) };
        let store = |map: __m512i| {
            let mut stored = [0; WORDS];
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(stored.as_mut_ptr().cast(), map) };
            stored
        };
        let nothing = _mm512_setzero_si512();
        macro_rules! down {
            ($map:expr, $by:literal) => {{
                let map: __m512i = $map;
                _mm512_shrdi_epi64::<$by>(map, _mm512_alignr_epi64::<1>(nothing, map))
            }};
        }
        let and = |a, b| _mm512_and_si512(a, b);
        let or = |a, b| _mm512_or_si512(a, b);
        let [first, second, third, third_low, fourth_high, letter] = maps.each_ref().map(load);
        let last = or(
            and(down!(third, 2), down!(letter, 3)),
            and(down!(third_low, 2), down!(fourth_high, 3)),
        );
        let one = and(and(first, down!(second, 1)), last);
        let two = and(one, down!(one, 4));
        let rows = match self.groups {
            1 => one,
            2 => two,
            3 => and(two, down!(one, 8)),
            4 => and(two, down!(two, 8)),
            5 => and(and(two, down!(two, 8)), down!(one, 16)),
            _ => and(and(two, down!(two, 8)), down!(two, 16)),
        };
        let zero = load(&zero);
        let some = _mm512_andnot_si512(zero, _mm512_set1_epi8(-1));
        let one = and(and(zero, down!(zero, 3)), down!(some, 4));
        let wide = match self.wide {
            0 => nothing,
            1 => one,
            2 => and(one, down!(one, 8)),
            _ => and(and(one, down!(one, 8)), down!(one, 16)),
        };
        let mut digits = nothing;
        if self.folds_case {
            let (mut row, mut any, mut have) = (load(&digit), load(&upper), 1);
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
                row = and(row, shift(row));
                any = or(any, shift(any));
                have += by;
            }
            digits = and(row, any);
        }
        let len = covered(text.len());
        Leads { escapes, rows: store(rows), wide: store(wide), digits: store(digits), len }
    }

    /// Which of the bytes of `text` from byte `at` on that have a bit in `among` are one of `wanted`.
    #[inline]
    pub(in crate::patch) fn pick(
        &self,
        text: &[u8],
        at: usize,
        among: &Map,
        wanted: [u8; 3],
    ) -> Map {
        let rest = text.get(at..).unwrap_or_default();
        #[cfg(target_arch = "x86_64")]
        if self.engine == Engine::Wide {
            // SAFETY: the engine says that this processor has what it needs.
            return unsafe { pick_wide(rest, among, wanted) };
        }
        let mut picked = [0; WORDS];
        for ((picked, among), bytes) in picked.iter_mut().zip(among).zip(rest.chunks(64)) {
            let mut bits = *among;
            while bits != 0 {
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                if bytes.get(bit as usize).is_some_and(|byte| wanted.contains(byte)) {
                    *picked |= 1 << bit;
                }
            }
        }
        picked
    }
}

impl Leads {
    /// Whether there is none.
    #[inline]
    pub(in crate::patch) fn are_none(&self) -> bool {
        let maps = [&self.escapes, &self.rows, &self.wide, &self.digits];
        !maps.into_iter().any(has_some)
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn pick_wide(text: &[u8], among: &Map, wanted: [u8; 3]) -> Map {
    use std::arch::x86_64::{
        _bzhi_u64, _mm512_cmpeq_epi8_mask, _mm512_maskz_loadu_epi8, _mm512_set1_epi8,
    };

    let wanted = wanted.map(|byte| _mm512_set1_epi8(byte as i8));
    let mut picked = [0; WORDS];
    for number in 0..WORDS.min(text.len().div_ceil(64)) {
        let from = number * 64;
        let inside = _bzhi_u64(u64::MAX, (text.len() - from).min(64) as u32);
        // SAFETY: only bytes of the text are read, those in the mask; `from` is within it.
        let bytes = unsafe { _mm512_maskz_loadu_epi8(inside, text.as_ptr().add(from).cast()) };
        let same = wanted.map(|wanted| _mm512_cmpeq_epi8_mask(bytes, wanted));
        picked[number] = among[number] & (same[0] | same[1] | same[2]);
    }
    picked
}

/// Whether there is a bit in `map`.
#[inline]
pub(in crate::patch) fn has_some(map: &Map) -> bool {
    map.iter().fold(0, |all, word| all | word) != 0
}

/// How many bytes a look at a text of `len` bytes is about: where rows start whose end it may not
/// see, the next look starts.
fn covered(len: usize) -> usize {
    if len <= LOOK { len } else { LOOK - AHEAD }
}

fn and(a: Map, b: Map) -> Map {
    std::array::from_fn(|at| a[at] & b[at])
}

fn or(a: Map, b: Map) -> Map {
    std::array::from_fn(|at| a[at] | b[at])
}

/// A map whose bits stand `by` places lower; `by` is 1 to 63.
fn down(map: Map, by: usize) -> Map {
    std::array::from_fn(|at| {
        let next = map.get(at + 1).copied().unwrap_or(0);
        map[at] >> by | next << (64 - by)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scout(engine: Engine, shortest: usize, visible: bool, folds_case: bool) -> Scout {
        Scout::new(engine, shortest, visible, folds_case, |byte| b"%\\&\n\0".contains(&byte))
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
        // 28 letters, seven groups: the row may start with either of the first two.
        assert_eq!(bits(leads.rows).collect::<Vec<_>>(), [11, 15]);
        assert_eq!(bits(leads.digits).collect::<Vec<_>>(), [40, 41, 42, 43, 44]);
    }

    proptest! {
        #[test]
        fn all_engines_see_the_same(
            text in "[A-Za-z0-9+/%&\\\\ \n\0é=-]{0,1300}",
            shortest in 1..40usize,
            visible: bool,
            folds_case: bool,
            equals: bool,
            at in 0..700usize,
        ) {
            let expected = scout(Engine::Portable, shortest, visible, folds_case).look(text.as_bytes(), at, equals);
            for engine in Engine::available() {
                let leads = scout(engine, shortest, visible, folds_case).look(text.as_bytes(), at, equals);
                // What a look is not about may differ.
                for at in 0..leads.len {
                    let bit = |map: &[u64; WORDS]| map[at / 64] >> (at % 64) & 1;
                    prop_assert_eq!(bit(&leads.escapes), bit(&expected.escapes));
                    prop_assert_eq!(bit(&leads.rows), bit(&expected.rows));
                    prop_assert_eq!(bit(&leads.wide), bit(&expected.wide));
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
