//! Looks through a text for *leads*: places where reading it another way may show a token.
//!
//! Most of a request has none, so what counts is to see that fast. There are four kinds: bytes that
//! escapes start with; rows of groups of four base64 letters that stand for characters, as tokens are
//! made of; the same with a NUL behind each character; and rows of hexadecimal digits with an
//! upper-case letter in them. For rows, many bytes must be looked at together: each byte is classified
//! by a table, each class becomes a bitmap of the text, and rows are found by shifting bitmaps over
//! each other.
//!
//! A *sweep* goes fast through whole texts and sees all leads and some more; a *look* at the 64 bytes
//! from such a place on says exactly which leads there are.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod sweep;
#[cfg(target_arch = "x86_64")]
mod wide;

use crate::patch::views::base64_value;
use crate::secret::Engine;

/// The bytes that one look goes through: as many as a word has bits.
const LOOK: usize = 64;

/// How many of them a look at a longer text is about. The others only serve to see rows to their end:
/// the longest has 24 bytes.
const STEP: usize = LOOK - 23;

/// The groups of four letters that a row has at most.
const MOST_GROUPS: usize = 6;

/// The groups that start and end with a NUL which a row has at most.
const MOST_WIDE: usize = 3;

/// The hexadecimal digits that a row has at most.
const MOST_DIGITS: usize = 16;

// The classes of a byte. A group of letters a, b, c, d stands for the bytes a·4 + b/16, b·16 + c/4 and
// c·64 + d, and those are characters (32 to 127) exactly if …
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
/// A letter of base64.
const LETTER: u8 = 32;
/// What an escape may start with, in any text.
const ESCAPE: u8 = 64;
/// What it may start with in bodies and in what was decoded: `=` and line ends.
const INNER: u8 = 128;

// Classes of the second table.
const DIGIT: u8 = 1;
const UPPER: u8 = 2;

// Classes of a byte in and before an escape.
const HEX: u8 = 1;
const AFTER_BACKSLASH: u8 = 2;
const AFTER_AMPERSAND: u8 = 4;
const PERCENT: u8 = 8;
const BACKSLASH: u8 = 16;
const AMPERSAND: u8 = 32;
const EQUALS: u8 = 64;
const BREAK: u8 = 128;

/// These classes of each byte. Bytes beyond ASCII have none.
const MARK_CLASSES: [u8; 128] = {
    let mut classes = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = mark_class(byte as u8);
        byte += 1;
    }
    classes
};

/// A bit for each byte of a stretch of a text.
pub(in crate::patch) type Map = u64;

/// What leads look like in texts that are searched for the tokens of a set.
#[repr(align(64))]
pub(in crate::patch) struct Scout {
    /// The classes of each byte. Bytes beyond ASCII have none.
    classes: [u8; 128],
    /// For tokens that come in the other letter case: `DIGIT` and `UPPER`.
    digit_classes: [u8; 128],
    /// The classes once more: for each class and each lower half of a byte, the upper halves with which
    /// it is in the class, a bit each.
    halves: [[u8; 16]; 8],
    /// The same for the two classes of digits.
    digit_halves: [[u8; 16]; 2],
    /// What a sweep knows of each byte.
    sweep_classes: [u8; 128],
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

/// What some bytes of a stretch of a text may be the start of, seen by one or two that follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::patch) struct Marks {
    /// An escape in percent, JSON's or HTML's notation.
    pub(in crate::patch) escapes: Map,
    /// `+`.
    pub(in crate::patch) plus: Map,
    /// `=`.
    pub(in crate::patch) equals: Map,
    /// An escape of quoted-printable.
    pub(in crate::patch) quoted: Map,
    /// A line's end.
    pub(in crate::patch) breaks: Map,
    /// NUL.
    pub(in crate::patch) nuls: Map,
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
            letter
                | class(escapes(byte), ESCAPE)
                | class(matches!(byte, b'=' | b'\r' | b'\n'), INNER)
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
        let (halves, digit_halves) = (by_halves(&classes), by_halves(&digit_classes));
        Scout {
            classes,
            digit_classes,
            halves,
            digit_halves,
            sweep_classes: Scout::sweep_classes(&classes, &digit_classes),
            groups,
            wide,
            digits,
            folds_case,
            engine,
        }
    }

    /// What the processor can do.
    #[inline]
    pub(in crate::patch) fn engine(&self) -> Engine {
        self.engine
    }

    /// The same scout with another engine.
    #[cfg(test)]
    pub(in crate::patch) fn with(mut self, engine: Engine) -> Scout {
        self.engine = engine;
        self
    }

    /// The leads of `text` from byte `at` on: of all the rest, or of some hundred bytes. With
    /// `inner`, that is in bodies and in what was decoded, `=` and line ends are leads, too.
    #[inline]
    pub(in crate::patch) fn look(&self, text: &[u8], at: usize, inner: bool) -> Leads {
        let rest = text.get(at..).unwrap_or_default();
        match self.engine {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the engine says that this processor has what it needs.
            Engine::Wide => unsafe { wide::look(self, rest, inner) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Engine::Avx2 => unsafe { avx2::look(self, rest, inner) },
            _ => self.look_portable(rest, inner),
        }
    }

    fn look_portable(&self, text: &[u8], inner: bool) -> Leads {
        let mut maps = [0u64; 8];
        let (mut digit, mut upper, mut zero) = (0, 0, 0);
        for (bit, byte) in text.iter().take(LOOK).enumerate() {
            let class = |table: &[u8; 128]| {
                u64::from(table.get(usize::from(*byte)).copied().unwrap_or_default())
            };
            let classes = class(&self.classes);
            for (kind, map) in maps.iter_mut().enumerate() {
                *map |= (classes >> kind & 1) << bit;
            }
            zero |= u64::from(*byte == b'A') << bit;
            if self.folds_case {
                let classes = class(&self.digit_classes);
                digit |= u64::from(classes & u64::from(DIGIT) != 0) << bit;
                upper |= u64::from(classes & u64::from(UPPER) != 0) << bit;
            }
        }
        let [first, second, third, third_low, fourth_high, letter, escape, more] = maps;
        let letters = [first, second, third, third_low, fourth_high, letter];
        let escapes = escape | if inner { more } else { 0 };
        self.leads(letters, escapes, zero, [digit, upper], text.len())
    }

    /// The leads where the classes of letters, the `A`s, and the classes of digits are these.
    #[inline]
    fn leads(
        &self,
        [first, second, third, third_low, fourth_high, letter]: [Map; 6],
        escapes: Map,
        zero: Map,
        [digit, upper]: [Map; 2],
        len: usize,
    ) -> Leads {
        let row = |one: Map, count: usize, by: usize| {
            (1..count).fold(one, |row, number| row & one >> (number * by))
        };
        let last = third >> 2 & letter >> 3 | third_low >> 2 & fourth_high >> 3;
        let wide = row(zero & zero >> 3 & !zero >> 4, self.wide, 8);
        let (mut digits, mut uppers, mut have) = (digit, upper, 1);
        while have < self.digits && digits != 0 {
            let by = have.min(self.digits - have);
            digits &= digits >> by;
            uppers |= uppers >> by;
            have += by;
        }
        Leads {
            escapes,
            rows: row(first & second >> 1 & last, self.groups, 4),
            wide: if self.wide == 0 { 0 } else { wide },
            digits: digits & uppers,
            len: if len <= LOOK { len } else { STEP },
        }
    }

    /// What the bytes of `text` from byte `at` on that have a bit in `among` may be the start of.
    #[inline]
    pub(in crate::patch) fn marks(&self, text: &[u8], at: usize, among: Map) -> Marks {
        let rest = text.get(at..).unwrap_or_default();
        #[cfg(target_arch = "x86_64")]
        if self.engine == Engine::Wide {
            // SAFETY: the engine says that this processor has what it needs.
            return unsafe { wide::marks(rest, among) };
        }
        let mut marks = Marks::default();
        let mut left = among;
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            left &= left - 1;
            let class = |by: usize| rest.get(place + by).map_or(0, |byte| mark_class(*byte));
            let [this, one, two] = [class(0), class(1), class(2)];
            let bit = |map: &mut Map, is: bool| *map |= Map::from(is) << place;
            let pair = one & two & HEX != 0;
            let escape = this & PERCENT != 0 && pair
                || this & BACKSLASH != 0 && one & AFTER_BACKSLASH != 0
                || this & AMPERSAND != 0 && one & AFTER_AMPERSAND != 0;
            bit(&mut marks.escapes, escape);
            bit(&mut marks.plus, rest.get(place) == Some(&b'+'));
            bit(&mut marks.equals, this & EQUALS != 0);
            bit(&mut marks.quoted, this & EQUALS != 0 && (pair || one & BREAK != 0));
            bit(&mut marks.breaks, this & BREAK != 0);
            bit(&mut marks.nuls, rest.get(place) == Some(&0));
        }
        marks
    }
}

#[cfg(test)]
impl Marks {
    /// Those that have a bit in `map`, too.
    #[inline]
    pub(in crate::patch) fn and(self, map: Map) -> Marks {
        Marks {
            escapes: self.escapes & map,
            plus: self.plus & map,
            equals: self.equals & map,
            quoted: self.quoted & map,
            breaks: self.breaks & map,
            nuls: self.nuls & map,
        }
    }
}

impl Leads {
    /// Whether there is none.
    #[inline]
    pub(in crate::patch) fn are_none(&self) -> bool {
        self.escapes | self.rows | self.wide | self.digits == 0
    }
}

/// The classes of a byte in and before an escape.
const fn mark_class(byte: u8) -> u8 {
    let hex = if byte.is_ascii_hexdigit() { HEX } else { 0 };
    let letter = if byte.is_ascii_alphabetic() { AFTER_AMPERSAND } else { 0 };
    let other = match byte {
        b'u' | b'x' | b'/' | b'"' | b'\'' | b'b' | b'f' | b'n' | b'r' | b't' => AFTER_BACKSLASH,
        b'\\' => BACKSLASH | AFTER_BACKSLASH,
        b'#' => AFTER_AMPERSAND,
        b'%' => PERCENT,
        b'&' => AMPERSAND,
        b'=' => EQUALS,
        b'\r' | b'\n' => BREAK,
        _ => 0,
    };
    hex | letter | other
}

/// The first `N` classes in another form: see [`Scout::halves`].
fn by_halves<const N: usize>(classes: &[u8; 128]) -> [[u8; 16]; N] {
    let mut halves = [[0; 16]; N];
    for (byte, classes) in classes.iter().enumerate() {
        for (class, halves) in halves.iter_mut().enumerate() {
            halves[byte % 16] |= (classes >> class & 1) << (byte / 16);
        }
    }
    halves
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
        let bits = |map: u64| (0..LOOK).filter(move |at| map >> at & 1 == 1).collect::<Vec<_>>();
        // 28 letters, seven groups: the row may start with either of the first two.
        let leads = scout.look(b"a%20b \\n & eHh4eHh4eHh4eHh4eHh4eHh4eHh4 QUFB", 0, false);
        assert_eq!((bits(leads.escapes), bits(leads.rows)), (vec![1, 6, 9], vec![11, 15]));
        assert_eq!((leads.len, leads.digits, leads.wide), (44, 0, 0));
        let leads = scout.look(b"0123-ABCD-0123456789 0123456789abcdef", 0, false);
        assert_eq!((bits(leads.digits), leads.rows), (vec![0, 1, 2, 3, 4], 0));
        let leads = scout.look(b"x AHgAeAB4AHgAeAB4AHgAeAB4", 0, false);
        assert_eq!((bits(leads.wide), leads.rows), (vec![2], 0));
    }

    proptest! {
        #[test]
        fn all_engines_see_the_same(
            text in "[A-Za-z0-9+/%&\\\\ \n\0é=-]{0,1300}",
            shortest in 1..40usize,
            visible: bool,
            folds_case: bool,
            inner: bool,
            at in 0..700usize,
        ) {
            let expected = scout(Engine::Portable, shortest, visible, folds_case).look(text.as_bytes(), at, inner);
            for engine in Engine::available() {
                let leads = scout(engine, shortest, visible, folds_case).look(text.as_bytes(), at, inner);
                // What a look is not about may differ.
                for at in 0..leads.len {
                    let bit = |map: &u64| map >> at & 1;
                    prop_assert_eq!(bit(&leads.escapes), bit(&expected.escapes));
                    prop_assert_eq!(bit(&leads.rows), bit(&expected.rows));
                    prop_assert_eq!(bit(&leads.wide), bit(&expected.wide));
                    prop_assert_eq!(bit(&leads.digits), bit(&expected.digits));
                }
                prop_assert_eq!(leads.len, expected.len);
            }
        }

        #[test]
        fn all_engines_tell_marks_alike(text in "[4fux/&#;%\\\\ \n\r\0é=+-]{0,100}", at in 0..40usize, among: u64) {
            let text = text.as_bytes();
            let among = among & ((1 << text.len().saturating_sub(at).min(63)) - 1);
            let expected = scout(Engine::Portable, 20, true, false).marks(text, at, among);
            for engine in Engine::available() {
                let marks = scout(engine, 20, true, false).marks(text, at, among);
                // A look at a longer text is not about the last of its bytes.
                let about = if text.len().saturating_sub(at) <= LOOK { u64::MAX } else { (1 << STEP) - 1 };
                prop_assert_eq!(marks.and(about), expected.and(about), "{:?}", engine);
            }
        }

        #[test]
        fn nothing_that_is_seen_is_passed_over(
            text in "[A-Za-z0-9+/%&\\\\ \n\0é=-]{0,300}",
            shortest in 8..40usize,
            visible: bool,
            folds_case: bool,
            inner: bool,
        ) {
            let text = text.as_bytes();
            let portable = scout(Engine::Portable, shortest, visible, folds_case);
            for at in 0..text.len() {
                let leads = portable.look(text, at, inner);
                if (leads.escapes | leads.rows | leads.wide | leads.digits) & 1 != 0 {
                    for engine in Engine::available() {
                        let scout = scout(engine, shortest, visible, folds_case);
                        let found = scout.find(text, 0, inner);
                        prop_assert!(found.is_some_and(|found| found <= at), "{engine:?} {at}");
                    }
                    break;
                }
            }
        }

        /// However the texts fall on the maps of a sweep.
        #[test]
        fn a_sweep_tells_the_texts_with_leads(
            texts in prop::collection::vec(("[ -z\0é]{0,700}", 0..4usize), 0..20),
            shortest in 8..40usize,
            folds_case: bool,
            counts in 0..3u8,
        ) {
            let encoded = "eHh4eHh4eHh4eHh4eHh4eHh4eHh4AHgAeAB4AHgAeAB4AAB4AHg0123456789ABCDEFabcdef";
            let texts: Vec<String> = texts.into_iter().map(|(text, repeat)| {
                if repeat == 0 { text.replace(['%', '&', '\\', '\0'], "") } else { text + &encoded.repeat(repeat - 1) }
            }).collect();
            let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            let is_escape = |number: usize, at: usize| (texts[number][at] + number as u8).is_multiple_of(counts + 1);
            for engine in Engine::available() {
                let scout = scout(engine, shortest, true, folds_case);
                let bits = scout.sweep(&texts, &mut |number, at| is_escape(number, at));
                for (number, text) in texts.iter().enumerate() {
                    let mut at = 0;
                    let mut expected = false;
                    while let Some(found) = scout.find(text, at, false) {
                        let escape = b"%\\&\n\0".contains(&text[found]) && text[found] != b'\n';
                        expected |= !escape || is_escape(number, found);
                        at = found + 1;
                    }
                    prop_assert_eq!(bits >> number & 1 == 1, expected, "{:?} {}", engine, number);
                }
                prop_assert_eq!(bits.checked_shr(texts.len() as u32).unwrap_or(0), 0);
            }
        }

        #[test]
        fn a_row_is_seen_wherever_it_stands(before in "[ -~]{0,900}", token in "[!-~]{20,30}") {
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
                seen |= leads.rows & (u64::MAX >> (64 - leads.len)) != 0;
                at += leads.len;
            }
            prop_assert!(seen);
        }
    }
}
