//! UTF-16 of either byte order, as a whole text or among other bytes.

use std::ops::Range;

use super::digits::is_text;
use super::escape::Unit;

/// Fewer characters hold no token.
const SHORTEST: usize = 8;

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
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(nul) = text.get(at..).and_then(|rest| memchr::memchr(0, rest)) {
        let nul = at + nul;
        // The first of a row of NULs has nothing to tell.
        let Some(wide) = around(text, nul, at) else {
            at = nul + 1;
            continue;
        };
        at = wide.range.end;
        if wide.range.len() >= 2 * SHORTEST {
            all.push(wide);
        }
    }
    all
}

/// The stretch to which the NUL at `nul` belongs, the first one at or behind `floor`.
fn around(text: &[u8], nul: usize, floor: usize) -> Option<Wide> {
    // With a NUL beside them, 0xa0 to 0xff are the letters of Latin 1.
    let visible = |at: usize| text.get(at).is_some_and(|b| is_text(*b) || *b >= 0xa0);
    let zero = |at: usize| text.get(at) == Some(&0);
    // Little end first, the character stands before its NUL; big end first, behind it.
    let little = nul > floor && visible(nul - 1);
    let (start, character) = if little { (nul - 1, 0) } else { (nul, 1) };
    let mut end = start;
    while visible(end + character) && zero(end + 1 - character) {
        end += 2;
    }
    (end > start).then_some(Wide { range: start..end, big: !little })
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
