//! UTF-16 of either byte order, as a whole text or among other bytes.

use std::ops::Range;

use super::digits::is_text;
use super::escape::Unit;

/// Fewer characters hold no token.
const SHORTEST: usize = 8;
/// One look each so many bytes finds all that is long enough.
const STRIDE: usize = 8;

/// A stretch of UTF-16.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wide {
    pub(super) range: Range<usize>,
    pub(super) big: bool,
}

/// All stretches of UTF-16 in `text`: the whole of it behind a byte order mark, else what is at least
/// [`SHORTEST`] characters of ASCII or Latin 1 long.
pub(super) fn stretches(text: &[u8]) -> Vec<Wide> {
    match text {
        [0xff, 0xfe, ..] => return vec![Wide { range: 2..text.len(), big: false }],
        [0xfe, 0xff, ..] => return vec![Wide { range: 2..text.len(), big: true }],
        _ => {}
    }
    let mut all: Vec<Wide> = Vec::new();
    let (mut at, mut floor) = (0, 0);
    // In what is long enough, four bytes in a row lie between two strides.
    while let Some(four) = text.get(at..at + 4) {
        let low = four[0] != 0 && four[2] != 0 && four[1] == 0 && four[3] == 0;
        let high = four[1] != 0 && four[3] != 0 && four[0] == 0 && four[2] == 0;
        if low || high {
            let wide = around(text, at + usize::from(high), floor);
            if wide.range.len() >= 2 * SHORTEST {
                floor = wide.range.end;
                all.push(wide);
                at = floor.next_multiple_of(STRIDE).max(at + STRIDE);
                continue;
            }
        }
        at += STRIDE;
    }
    all
}

/// The stretch to which the character at `at` belongs, which has a NUL behind it; it begins at or
/// behind `floor`.
fn around(text: &[u8], at: usize, floor: usize) -> Wide {
    // With a NUL beside them, 0xa0 to 0xff are the letters of Latin 1.
    let visible = |at: usize| text.get(at).is_some_and(|b| is_text(*b) || *b >= 0xa0);
    let zero = |at: usize| text.get(at) == Some(&0);
    let (mut start, mut end) = (at, at);
    while visible(end) && zero(end + 1) {
        end += 2;
    }
    while start >= floor + 2 && visible(start - 2) && zero(start - 1) {
        start -= 2;
    }
    // With the big end first, a NUL stands before the first character and none behind the last.
    if start > floor && zero(start - 1) && visible(end) {
        return Wide { range: start - 1..end + 1, big: true };
    }
    Wide { range: start..end, big: false }
}

/// The character at `at`, which is within `text`; halves of pairs that stand alone, and a last odd
/// byte, become the replacement character.
pub(super) fn unit(text: &[u8], at: usize, big: bool) -> Unit {
    let read = |at: usize| {
        let two = [*text.get(at)?, *text.get(at + 1)?];
        Some(u32::from(if big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) }))
    };
    let pair = match (read(at), read(at + 2)) {
        (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
            Unit::char(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), 4)
        }
        _ => None,
    };
    let single = || Unit::char(read(at)?, 2);
    let written = 2.min(text.len() - at);
    pair.or_else(single).unwrap_or_else(|| Unit::replacement(written))
}

/// Undoes UTF-16.
pub(super) fn decode(text: &[u8], big: bool, out: &mut Vec<u8>) {
    let mut at = 0;
    while at < text.len() {
        let unit = unit(text, at, big);
        out.extend_from_slice(unit.bytes());
        at += unit.written;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, big: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
            .collect()
    }

    #[test]
    fn both_orders_with_and_without_a_mark_at_any_byte() {
        for big in [false, true] {
            for (before, at) in [(&b""[..], 0), (b"\x01\xff\x03", 3), (b"\x01\x02", 2)] {
                let text = [before, &wide("meadow lark", big), b"\xff\xff"].concat();
                assert_eq!(
                    stretches(&text),
                    [Wide { range: at..at + 22, big }],
                    "{before:?} {big}"
                );
            }
            let marked = wide("\u{feff}müßig", big);
            assert_eq!(stretches(&marked), [Wide { range: 2..marked.len(), big }]);
        }
    }

    #[test]
    fn text_without_nuls_short_strings_and_zeros_are_none() {
        for text in [&b"meadow lark"[..], b"m\0e\0a\0", &[0; 100], b"\0a\0\0b\0\0c", b"", b"\0"] {
            assert_eq!(stretches(text), [], "{text:?}");
        }
    }

    #[test]
    fn any_character_and_broken_ones() {
        for big in [false, true] {
            let plain = "meadow ü 草 😀 lark";
            let mut out = Vec::new();
            decode(&wide(plain, big), big, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), plain);
        }
        let mut out = Vec::new();
        decode(b"\x00\xd8a\x00b", false, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\u{fffd}a\u{fffd}");
    }
}
