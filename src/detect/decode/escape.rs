//! Escapes: percent, those of JSON strings, and HTML's character references.
//!
//! One search finds the three bytes that escapes begin with. Escapes that stand close to each other
//! make a stretch, which is decoded together with what stands around it: a name that is joined to
//! the token is often not escaped.

use std::ops::Range;

use super::super::value;
use super::trail::Encoding;

/// Bytes before the first escape and behind the last that belong to a stretch, if no blank ends it.
const BEFORE: usize = 128;
const BEHIND: usize = 4096;
/// A stretch goes on for at least as many bytes behind its last escape.
const TAIL: usize = 64;
/// Bytes on either side of an escape that tell whether it stands in a token.
const NEAR: usize = 24;
/// Escapes no further apart belong to one stretch.
const GAP: usize = 256;

/// One character as it is written, and the bytes that it stands for.
pub(super) struct Unit {
    /// How many bytes it is written with; 1 at least.
    pub(super) written: usize,
    bytes: [u8; 4],
    len: u8,
}

impl Unit {
    fn byte(byte: u8, written: usize) -> Unit {
        Unit { written, bytes: [byte, 0, 0, 0], len: 1 }
    }

    pub(super) fn char(code: u32, written: usize) -> Option<Unit> {
        let mut bytes = [0; 4];
        let len = char::from_u32(code)?.encode_utf8(&mut bytes).len();
        Some(Unit { written, bytes, len: len as u8 })
    }

    /// The replacement character, for what stands for nothing.
    pub(super) fn replacement(written: usize) -> Unit {
        Unit { written, bytes: [0xef, 0xbf, 0xbd, 0], len: 3 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// What stands at `at`, which is within `text`: an escape, or a byte that stands for itself.
pub(super) fn unit(encoding: Encoding, text: &[u8], at: usize) -> Unit {
    let rest = &text[at..];
    let escape = match (encoding, rest) {
        (Encoding::Percent, [b'%', ..]) => percent(rest),
        (Encoding::Json, [b'\\', ..]) => json(rest),
        (Encoding::Entity, [b'&', ..]) => entity(rest),
        _ => None,
    };
    escape.unwrap_or_else(|| Unit::byte(rest[0], 1))
}

/// Undoes the escapes in `text`.
pub(super) fn decode(encoding: Encoding, text: &[u8], out: &mut Vec<u8>) {
    let first = match encoding {
        Encoding::Percent => b'%',
        Encoding::Json => b'\\',
        _ => b'&',
    };
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = memchr::memchr(first, rest).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..plain]);
        at += plain;
        if at < text.len() {
            let unit = unit(encoding, text, at);
            out.extend_from_slice(unit.bytes());
            at += unit.written;
        }
    }
}

/// A stretch with escapes in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) encoding: Encoding,
    pub(super) range: Range<usize>,
}

/// All stretches of `text` that are worth decoding, those of one encoding in order and apart.
pub(super) fn stretches(text: &[u8]) -> Vec<Stretch> {
    let mut percents = Line::new(Encoding::Percent);
    let mut backslashes = Line::new(Encoding::Json);
    let mut entities = Line::new(Encoding::Entity);
    for at in memchr::memchr3_iter(b'%', b'\\', b'&', text) {
        match text[at..] {
            [b'%', ..] if hides(text, at) => percents.note(text, at),
            [b'\\', ..] if tells(text, at) => backslashes.note(text, at),
            [b'&', b'#' | b'a' | b'l' | b'g' | b'q', ..] if entity(&text[at..]).is_some() => {
                entities.note(text, at)
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    for line in [percents, backslashes, entities] {
        line.finish(text, &mut all);
    }
    all
}

/// Whether the percent escape at `at` may hide a token: what nobody need write so, what ends a
/// password in a URL, and anything among letters and digits that alternate.
fn hides(text: &[u8], at: usize) -> bool {
    match percent(&text[at..]).map(|unit| unit.bytes[0]) {
        Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b'@') => true,
        Some(b'!'..=b'}') => {
            let before = &text[at.saturating_sub(NEAR)..at];
            let behind = &text[at..text.len().min(at + 3 + NEAR)];
            alternations(before) + alternations(behind) >= 3
        }
        _ => false,
    }
}

/// How often a letter and a digit follow each other, but for those of escapes.
fn alternations(text: &[u8]) -> usize {
    let mut parts = text.split(|b| *b == b'%');
    let first = parts.next().map_or(0, value::changes);
    first + parts.filter_map(|part| part.get(2..)).map(value::changes).sum::<usize>()
}

/// Whether the backslash at `at` begins an escape that may hide a token, as `\n` and `\"` in source
/// code do not.
fn tells(text: &[u8], at: usize) -> bool {
    let shows = |least: u8| {
        json(&text[at..])
            .is_some_and(|unit| matches!(unit.bytes(), [b] if (least..0x7f).contains(b)))
    };
    let before = text[..at].last();
    match &text[at..] {
        // A NUL may be half a character of UTF-16.
        [_, b'u', ..] => shows(0),
        [_, b'x', ..] => shows(b' '),
        // `https:\/\/host\/path`, but not the end of a regular expression.
        [_, b'/', next, ..] => {
            before.is_some_and(u8::is_ascii_alphanumeric) && next.is_ascii_alphanumeric()
        }
        // JSON in a JSON string; a further level writes `\\\"`.
        [_, b'"', ..] => matches!(before, Some(b'{' | b'[' | b',' | b':')),
        [_, b'\\', b'\\', b'"', ..] => matches!(before, Some(b'{' | b'[' | b',' | b':')),
        _ => false,
    }
}

/// The escapes of one encoding, gathered to stretches from left to right.
struct Line {
    encoding: Encoding,
    /// The first byte of the stretch in hand, and its last escape.
    open: Option<(usize, usize)>,
    done: Vec<Stretch>,
}

impl Line {
    fn new(encoding: Encoding) -> Line {
        Line { encoding, open: None, done: Vec::new() }
    }

    fn note(&mut self, text: &[u8], at: usize) {
        match &mut self.open {
            Some((_, last)) if at - *last <= GAP || at < end(text, *last) => *last = at,
            _ => {
                self.close(text);
                let floor = self.done.last().map_or(0, |stretch| stretch.range.end);
                let floor = floor.max(at.saturating_sub(BEFORE)).min(at);
                self.open = Some((from_blank(text, floor, at), at));
            }
        }
    }

    fn close(&mut self, text: &[u8]) {
        let Some((start, last)) = self.open.take() else { return };
        let range = start..end(text, last);
        self.done.push(Stretch { encoding: self.encoding, range });
    }

    fn finish(mut self, text: &[u8], all: &mut Vec<Stretch>) {
        self.close(text);
        all.append(&mut self.done);
    }
}

/// Where a stretch ends whose last escape is at `last`.
fn end(text: &[u8], last: usize) -> usize {
    let least = text.len().min(last + TAIL);
    let most = text.len().min(last + BEHIND);
    let blank = text[least..most].iter().position(u8::is_ascii_whitespace);
    blank.map_or(most, |blank| least + blank)
}

/// Where to begin before `at`, at or behind `floor`: where a word begins, so that no word is cut.
pub(super) fn from_blank(text: &[u8], floor: usize, at: usize) -> usize {
    if floor == 0 {
        return 0;
    }
    let blank = text[floor..at].iter().position(u8::is_ascii_whitespace);
    blank.map_or(floor, |blank| floor + blank)
}

fn percent(rest: &[u8]) -> Option<Unit> {
    match *rest {
        [b'%', a, b, ..] => Some(Unit::byte(hex(a)? << 4 | hex(b)?, 3)),
        _ => None,
    }
}

/// The escape of a JSON string that `rest` begins with.
fn json(rest: &[u8]) -> Option<Unit> {
    let byte = match *rest.get(1)? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        byte @ (b'"' | b'\\' | b'/' | b'\'') => byte,
        b'x' => match *rest {
            [_, _, a, b, ..] => return Unit::char(u32::from(hex(a)? << 4 | hex(b)?), 4),
            _ => return None,
        },
        b'u' => return json_unicode(rest),
        _ => return None,
    };
    Some(Unit::byte(byte, 2))
}

fn json_unicode(rest: &[u8]) -> Option<Unit> {
    if rest.get(2) == Some(&b'{') {
        let digits = rest.get(3..)?.iter().take(7).position(|b| *b == b'}')?;
        return Unit::char(number(rest.get(3..3 + digits)?, 16)?, digits + 4);
    }
    let first = number(rest.get(2..6)?, 16)?;
    let second = || number(rest.get(6..)?.strip_prefix(b"\\u")?.get(..4)?, 16);
    match (first, second()) {
        (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) => {
            Unit::char(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
        }
        _ => Unit::char(first, 6),
    }
}

/// The character reference that `rest` begins with.
fn entity(rest: &[u8]) -> Option<Unit> {
    const NAMES: [(&[u8], u8); 5] =
        [(b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    if rest.get(1) != Some(&b'#') {
        let (name, byte) = NAMES.iter().find(|(name, _)| rest.starts_with(name))?;
        return Some(Unit::byte(*byte, name.len()));
    }
    let (start, radix) = if matches!(rest.get(2), Some(b'x' | b'X')) { (3, 16) } else { (2, 10) };
    let digits = rest.get(start..)?;
    let length = digits
        .iter()
        .take(8)
        .take_while(|b| if radix == 16 { b.is_ascii_hexdigit() } else { b.is_ascii_digit() })
        .count();
    let semicolon = usize::from(digits.get(length) == Some(&b';'));
    Unit::char(number(&digits[..length], radix)?, start + length + semicolon)
}

/// The number that `digits` write; none if there are none, or others among them.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0u32, |number, digit| {
        number.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?)
    })
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: Encoding, text: &str) -> String {
        let mut out = Vec::new();
        decode(encoding, text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_escapes_stand_for() {
        use Encoding::{Entity, Json, Percent};
        for (encoding, text, plain) in [
            (Percent, "a%3db%3Dc%zz%4", "a=b=c%zz%4"),
            (Percent, "%c3%bc", "ü"),
            (Json, r#"a\"b\\\/\n\t\r\b\f\'"#, "a\"b\\/\n\t\r\u{8}\u{c}'"),
            (Json, r"\u0067\u00FC\ud83d\ude00\x41\u{1f600}", "gü😀A😀"),
            (Json, r"\ud83d \q \u12 \x4 \u{110000} \", r"\ud83d \q \u12 \x4 \u{110000} \"),
            (Entity, "&amp;&lt;&gt;&quot;&apos;&nbsp;", "&<>\"'&nbsp;"),
            (Entity, "&#103;&#x67;&#X6a;&#103x&#128512;&#;&#x;&#xd800;", "ggjgx😀&#;&#x;&#xd800;"),
        ] {
            assert_eq!(decoded(encoding, text), plain, "{text}");
        }
    }

    fn ranges(text: &str) -> Vec<(Encoding, Range<usize>)> {
        let all = stretches(text.as_bytes()).into_iter();
        all.map(|stretch| (stretch.encoding, stretch.range)).collect()
    }

    #[test]
    fn ordinary_text_has_no_stretches() {
        for text in [
            r#"printf("%d of %s\n", a && b, "it said \"no\"");"#,
            r"C:\users\x, /a\/(b)/, \d+\.\d, 100%",
            "a & b &nbsp; &copy; AT&T",
            "https://host.invalid/a%20b?to=https%3A%2F%2Fhost.invalid%2Fc%2B",
            "",
        ] {
            assert_eq!(ranges(text), [], "{text}");
        }
    }

    #[test]
    fn a_stretch_reaches_from_word_to_word() {
        let text = format!("{} key = %67%68 x{}", "word ".repeat(40), " more".repeat(40));
        let start = text.find("key").unwrap();
        let [(Encoding::Percent, range)] = &ranges(&text)[..] else { panic!() };
        assert!(range.start < start && range.start >= start - BEFORE);
        assert_eq!(text.as_bytes()[range.start], b' ');
        assert!(range.end > start + 15 + TAIL - 8 && range.end <= start + 15 + TAIL + 5);
    }

    #[test]
    fn escapes_far_apart_make_two_stretches_that_share_nothing() {
        let all = ranges(&format!("&#65;{}&#66;", " x".repeat(200)));
        assert_eq!(all.len(), 2);
        assert!(all[0].1.end <= all[1].1.start);
        assert_eq!(ranges(&format!("&#65;{}&#66;", "x".repeat(400))).len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn units_cover_the_text_and_give_what_decoding_gives(
            text in r#"(%67|%|\\u0067|\\"|\\|&#x67;|&amp|&|a|ü){0,40}"#
        ) {
            for encoding in [Encoding::Percent, Encoding::Json, Encoding::Entity] {
                let (mut at, mut out) = (0, Vec::new());
                while at < text.len() {
                    let unit = unit(encoding, text.as_bytes(), at);
                    out.extend_from_slice(unit.bytes());
                    at += unit.written;
                }
                proptest::prop_assert_eq!(at, text.len());
                let mut whole = Vec::new();
                decode(encoding, text.as_bytes(), &mut whole);
                proptest::prop_assert_eq!(out, whole);
            }
        }
    }
}
