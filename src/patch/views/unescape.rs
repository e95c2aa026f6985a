//! The step that undoes escapes: percent, backslash and character references, all in one pass.
//!
//! One pass for all notations, because what matters is what the byte becomes, not who escaped it; and
//! nested escapes come apart by one pass each, whatever notations they mix.

use memchr::{memchr, memchr3};

use super::step::Origin;
use crate::patch::sift::{Undone, undo_escapes};
use crate::patch::verdict::{View, Views};
use crate::secret::Engine;

/// The longest escape: `&#` or `&#x`, eight digits, `;`; and the longest name.
const LONGEST_NAME: usize = 16;
const MOST_DIGITS: usize = 8;

/// The names of ASCII characters among HTML's character references
/// (<https://html.spec.whatwg.org/multipage/named-characters.html>). The
/// commonest first.
const NAMES: [(&[u8], u8); 46] = [
    (b"amp", b'&'),
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"quot", b'"'),
    (b"Tab", b'\t'),
    (b"NewLine", b'\n'),
    (b"excl", b'!'),
    (b"QUOT", b'"'),
    (b"num", b'#'),
    (b"dollar", b'$'),
    (b"percnt", b'%'),
    (b"AMP", b'&'),
    (b"apos", b'\''),
    (b"lpar", b'('),
    (b"rpar", b')'),
    (b"ast", b'*'),
    (b"midast", b'*'),
    (b"plus", b'+'),
    (b"comma", b','),
    (b"period", b'.'),
    (b"sol", b'/'),
    (b"colon", b':'),
    (b"semi", b';'),
    (b"LT", b'<'),
    (b"equals", b'='),
    (b"GT", b'>'),
    (b"quest", b'?'),
    (b"commat", b'@'),
    (b"lsqb", b'['),
    (b"lbrack", b'['),
    (b"bsol", b'\\'),
    (b"rsqb", b']'),
    (b"rbrack", b']'),
    (b"Hat", b'^'),
    (b"lowbar", b'_'),
    (b"UnderBar", b'_'),
    (b"grave", b'`'),
    (b"DiacriticalGrave", b'`'),
    (b"lcub", b'{'),
    (b"lbrace", b'{'),
    (b"verbar", b'|'),
    (b"vert", b'|'),
    (b"VerticalLine", b'|'),
    (b"rcub", b'}'),
    (b"rbrace", b'}'),
    (b"sim", b'~'),
];

/// An escape at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Escape {
    /// How many bytes it has.
    pub(super) len: usize,
    /// The notation.
    pub(super) view: View,
    text: [u8; 4],
    text_len: usize,
}

/// Which notations are undone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notations {
    views: Views,
    /// Whether `+` stands for a space.
    plus: bool,
}

impl Escape {
    /// What it stands for: one to four bytes, never more than it has itself.
    pub(super) fn text(&self) -> &[u8] {
        &self.text[..self.text_len]
    }

    fn byte(len: usize, view: View, byte: u8) -> Escape {
        Escape { len, view, text: [byte, 0, 0, 0], text_len: 1 }
    }

    /// A code point as UTF-8, U+FFFD if there is none with this number.
    fn code_point(len: usize, view: View, number: u32) -> Escape {
        let mut text = [0; 4];
        let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        let text_len = character.encode_utf8(&mut text).len();
        Escape { len, view, text, text_len }
    }
}

impl Notations {
    /// Those of `views`; `+` stands for a space if `plus`.
    pub(super) fn new(views: Views, plus: bool) -> Notations {
        Notations { views, plus }
    }

    /// The escape that `text` starts with.
    #[inline]
    pub(super) fn escape(self, text: &[u8]) -> Option<Escape> {
        let escape = match text.first()? {
            b'%' => percent(text),
            b'\\' => backslash(text),
            b'&' => reference(text),
            b'+' if self.plus => Some(Escape::byte(1, View::Plus, b' ')),
            _ => None,
        }?;
        (self.views.contains(escape.view)).then_some(escape)
    }

    /// Undoes the escapes in `text` and returns how many bytes that gives. `output` has room for as
    /// many as `text` has.
    pub(super) fn decode(self, engine: Engine, text: &[u8], output: &mut [u8]) -> usize {
        let (mut put, mut at) = (0, 0);
        let all = [View::Percent, View::Json, View::Entity];
        if all.into_iter().all(|view| self.views.contains(view)) {
            while let (Some(rest), Some(room)) = (text.get(at..), output.get_mut(put..))
                && !rest.is_empty()
                && !room.is_empty()
                && let Some(undone) = undo_escapes(engine, rest, self.plus, room)
            {
                let Undone { taken, put: given, rare } = undone;
                (at, put) = (at + taken, put + given);
                if rare {
                    self.decode_until(text, output, (&mut at, &mut put), |text| {
                        !matches!(text, [b'%' | b'\\' | b'&', ..])
                    });
                }
            }
        }
        self.decode_until(text, output, (&mut at, &mut put), |_| false);
        put.min(output.len())
    }

    /// Undoes the escapes in `text` from byte `at` on, one by one, into `output` from byte `put` on, until
    /// `ends` says of what is left that this is enough. At least one step is done.
    fn decode_until(
        self,
        text: &[u8],
        output: &mut [u8],
        (at, put): (&mut usize, &mut usize),
        ends: impl Fn(&[u8]) -> bool,
    ) {
        while let Some(byte) = text.get(*at) {
            // Nothing comes out longer than it goes in.
            let Some(room) = output.get_mut(*put..) else { break };
            let escape = match byte {
                b'%' | b'\\' | b'&' | b'+' => self.escape(&text[*at..]),
                _ => {
                    let rest = &text[*at + 1..];
                    let plain = 1 + self.next(rest).unwrap_or(rest.len());
                    if let (Some(room), Some(plain)) =
                        (room.get_mut(..plain), text.get(*at..*at + plain))
                    {
                        room.copy_from_slice(plain);
                    }
                    *put += plain;
                    *at += plain;
                    continue;
                }
            };
            match (escape, room) {
                (Some(Escape { len, text_len: 1, text: [byte, ..], .. }), [first, ..]) => {
                    *first = byte;
                    *put += 1;
                    *at += len;
                }
                (Some(escape), room) => {
                    if let Some(room) = room.get_mut(..escape.text_len) {
                        room.copy_from_slice(escape.text());
                    }
                    *put += escape.text_len;
                    *at += escape.len;
                }
                (None, [first, ..]) => {
                    *first = *byte;
                    *put += 1;
                    *at += 1;
                }
                (None, []) => break,
            }
            if text.get(*at..).is_none_or(&ends) {
                break;
            }
        }
    }

    /// Where bytes `start..end` of the decoded text come from.
    pub(super) fn origin(self, text: &[u8], start: usize, end: usize) -> Origin {
        let mut origin = Origin { start: text.len(), end: text.len(), views: Views::NONE };
        let (mut from, mut put, mut begun) = (0, 0, false);
        self.walk(text, |plain, escape| {
            let (taken, gives) = match escape {
                Some(escape) => (escape.len, escape.text().len()),
                None => (plain.len(), plain.len()),
            };
            if !begun && put + gives > start {
                begun = true;
                origin.start = if escape.is_some() { from } else { from + start - put };
            }
            if let (true, Some(escape)) = (begun, escape) {
                origin.views = origin.views.with(escape.view);
            }
            if begun && put + gives >= end {
                origin.end = if escape.is_some() { from + taken } else { from + end - put };
                return false;
            }
            from += taken;
            put += gives;
            true
        });
        origin
    }

    /// The first place at or behind byte `at` of `text` at which no escape is cut in two.
    pub(super) fn boundary(self, text: &[u8], at: usize) -> usize {
        let mut from = 0;
        self.walk(text, |plain, escape| {
            let taken = escape.map_or(plain.len(), |escape| escape.len);
            if escape.is_none() && from + taken >= at {
                from = from.max(at);
                return false;
            }
            from += taken;
            from < at
        });
        from
    }

    /// The first byte of `text` that an escape may start with. Escapes tend to stand close together, so
    /// the first few bytes are looked at one by one.
    #[inline]
    fn next(self, text: &[u8]) -> Option<usize> {
        let is_mark =
            |byte: &u8| matches!(byte, b'%' | b'\\' | b'&') || (self.plus && *byte == b'+');
        let (near, far) = text.split_at(text.len().min(8));
        near.iter().position(is_mark).or_else(|| {
            let next = memchr3(b'%', b'\\', b'&', far);
            let next = match self.plus {
                true => memchr(b'+', &far[..next.unwrap_or(far.len())]).or(next),
                false => next,
            };
            next.map(|at| near.len() + at)
        })
    }

    /// Calls `visit` with each stretch of plain text and each escape, in order, as long as it returns
    /// true.
    #[inline]
    fn walk(self, text: &[u8], mut visit: impl FnMut(&[u8], Option<&Escape>) -> bool) {
        let (mut from, mut at) = (0, 0);
        while at < text.len() {
            let rest = &text[at..];
            if let Some(escape) = self.escape(rest) {
                if (from < at && !visit(&text[from..at], None)) || !visit(&[], Some(&escape)) {
                    return;
                }
                at += escape.len;
                from = at;
                continue;
            }
            // Not here: on to the next byte that can start one.
            at += 1;
            let rest = &text[at..];
            at += self.next(rest).unwrap_or(rest.len());
        }
        if from < text.len() {
            visit(&text[from..], None);
        }
    }
}

/// RFC 3986, section 2.1.
fn percent(text: &[u8]) -> Option<Escape> {
    Some(Escape::byte(3, View::Percent, hex_byte(text.get(1..3)?)?))
}

/// RFC 8259, section 7, and what ECMAScript adds: `\xHH` and `\u{…}`.
fn backslash(text: &[u8]) -> Option<Escape> {
    let byte = |byte| Some(Escape::byte(2, View::Json, byte));
    match text.get(1)? {
        b'u' => unicode(text),
        b'x' => Some(Escape::byte(4, View::Json, hex_byte(text.get(2..4)?)?)),
        other @ (b'/' | b'\\' | b'"' | b'\'') => byte(*other),
        b'b' => byte(0x08),
        b'f' => byte(0x0c),
        b'n' => byte(b'\n'),
        b'r' => byte(b'\r'),
        b't' => byte(b'\t'),
        _ => None,
    }
}

/// `\uXXXX`, alone or as a pair of surrogates, and `\u{…}`.
fn unicode(text: &[u8]) -> Option<Escape> {
    if text.get(2) == Some(&b'{') {
        let (number, digits) = number(text.get(3..)?, 16, 6)?;
        let len = 3 + digits + 1;
        return (text.get(len - 1) == Some(&b'}'))
            .then(|| Escape::code_point(len, View::Json, number));
    }
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?;
        let [high, low] = [hex_byte(&escape[2..4])?, hex_byte(&escape[4..6])?];
        escape.starts_with(b"\\u").then_some(u32::from(high) << 8 | u32::from(low))
    };
    let first = unit(0)?;
    if let (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) = (first, unit(6)) {
        let number = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some(Escape::code_point(12, View::Json, number));
    }
    Some(Escape::code_point(6, View::Json, first))
}

/// The character references of XML and HTML. The `;` behind a number may be missing, as browsers
/// accept it.
fn reference(text: &[u8]) -> Option<Escape> {
    if text.get(1) == Some(&b'#') {
        let is_hex = matches!(text.get(2), Some(b'x' | b'X'));
        let (at, base) = if is_hex { (3, 16) } else { (2, 10) };
        let (number, digits) = number(text.get(at..)?, base, MOST_DIGITS)?;
        let end = at + digits;
        let len = end + usize::from(text.get(end) == Some(&b';'));
        // Zero is no character of XML or HTML.
        let number = if number == 0 { u32::MAX } else { number };
        return Some(Escape::code_point(len, View::Entity, number));
    }
    let name = &text[1..text.len().min(LONGEST_NAME + 2)];
    let name = &name[..memchr(b';', name)?];
    let &(known, byte) = NAMES.get(usize::from(PLACES[place(name)?]))?;
    (known == name).then(|| Escape::byte(name.len() + 2, View::Entity, byte))
}

/// The number that `text` starts with, of up to `most` digits, and how many they are. None if there
/// are none or more than that.
fn number(text: &[u8], base: u32, most: usize) -> Option<(u32, usize)> {
    let (mut number, mut digits) = (0u32, 0);
    while let Some(digit) = text.get(digits).and_then(|byte| char::from(*byte).to_digit(base)) {
        if digits == most {
            return None;
        }
        number = number.saturating_mul(base).saturating_add(digit);
        digits += 1;
    }
    (digits > 0).then_some((number, digits))
}

/// Where to look for a name in [`PLACES`]: no two of [`NAMES`] have the same place.
const fn place(name: &[u8]) -> Option<usize> {
    let [.., before, last] = name else { return None };
    let sum = name[0] as usize + 3 * *before as usize + 59 * *last as usize + name.len();
    Some(sum % 256)
}

/// For each place, the number of the name that has it; there are fewer than 255.
const PLACES: [u8; 256] = {
    let mut places = [u8::MAX; 256];
    let mut number = 0;
    while number < NAMES.len() {
        let Some(place) = place(NAMES[number].0) else { panic!("a name of one letter") };
        assert!(places[place] == u8::MAX, "two names have the same place");
        places[place] = number as u8;
        number += 1;
    }
    places
};

/// The byte that two hexadecimal digits stand for.
#[inline]
pub(super) fn hex_byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
    ((high | low) < 16).then_some(high << 4 | low)
}

/// The value of each hexadecimal digit; 255 for other bytes.
const DIGITS: [u8; 256] = {
    let mut digits = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value];
        digits[digit as usize] = value as u8;
        digits[digit.to_ascii_uppercase() as usize] = value as u8;
        value += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Notations = Notations { views: Views::ALL, plus: false };

    fn decode(text: &str) -> Vec<u8> {
        let mut output = vec![0; text.len()];
        let put = ALL.decode(Engine::Portable, text.as_bytes(), &mut output);
        output.truncate(put);
        output
    }

    #[test]
    fn escapes_of_every_notation() {
        let cases: [(&str, &[u8]); 34] = [
            ("", b""),
            ("plain", b"plain"),
            ("a%20b%4a%4A%7e", b"a bJJ~"),
            ("%ff%00%", b"\xff\x00%"),
            ("%%41%4%41%g1", b"%A%4A%g1"),
            ("100%25", b"100%"),
            (r"\u0041\u004a\u004A", b"AJJ"),
            (r"\u00e9\u20AC", "é€".as_bytes()),
            (r"\ud83d\ude00x", "😀x".as_bytes()),
            (r"\ud83dx", "\u{fffd}x".as_bytes()),
            (r"\ud83d\u0041", "\u{fffd}A".as_bytes()),
            (r"\u{41}\u{1F600}\u{110000}", "A😀\u{fffd}".as_bytes()),
            (r"\u{}\u{1234567}\u{41", br"\u{}\u{1234567}\u{41"),
            (r"\x41\x4g", br"A\x4g"),
            (r#"\/\\\"\'"#, br#"/\"'"#),
            (r"\b\f\n\r\t", b"\x08\x0c\n\r\t"),
            (r"\q\u12\", br"\q\u12\"),
            (r"\\u0041", br"\u0041"),
            (r"\\\u0041", br"\A"),
            ("&#65;&#x41;&#X4a;", b"AAJ"),
            ("&#65x&#x41x", b"AxAx"),
            ("&#00000065;&#000000065;", b"A&#000000065;"),
            ("&#0;", "\u{fffd}".as_bytes()),
            ("&#xd800;&#99999999;", "\u{fffd}\u{fffd}".as_bytes()),
            ("&#;&#x;&#g", b"&#;&#x;&#g"),
            ("&amp;&lt;&UnderBar;", b"&<_"),
            ("&amp&nbsp;&page=1;", b"&amp&nbsp;&page=1;"),
            ("&DiacriticalGrave;", b"`"),
            ("&amp;lt;", b"&lt;"),
            ("%26lt;", b"&lt;"),
            ("a+b", b"a+b"),
            (r"%5Cu0041", br"\u0041"),
            ("&", b"&"),
            (r"\", br"\"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                decode(text).escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{text}"
            );
        }
    }

    proptest! {
        /// Many bytes at a time give what one escape at a time does.
        #[test]
        fn every_engine_undoes_the_same(
            parts in prop::collection::vec(
                prop_oneof![
                    4 => prop::sample::select(vec![
                        "%", "\\", "&", "+", "%41", "%c3", "%5C", "%2", "\\\\", "\\n", "\\/", "\\q",
                        "\\u0041", "\\u007f", "\\u0080", "\\u20ac", "\\ud83d\\ude00", "\\ud83d", "\\u004",
                        "\\u{41}", "\\u{4", "\\u{}", "\\x41", "\\xff", "\\x4", "&amp;", "&amp", "&#65;", "&#9",
                        "&#0;", "&#00;", "&#127;", "&#128;", "&#199;", "&#065;", "&#x41;", "&#X7F;", "&#x80;",
                        "&#x00;", "&#x41", "&lt;", "&sol;", "&rbrace;", "&page=", "&DiacriticalGrave;", "&nosuchname;",
                    ]).prop_map(str::to_owned),
                    2 => "[ -~é]{0,3}",
                    1 => "[a-z]{0,70}",
                ],
                0..60,
            ),
            plus: bool,
            cut in 0..9usize,
        ) {
            let text = parts.concat().into_bytes();
            let text = &text[cut.min(text.len())..];
            let notations = Notations::new(Views::ALL, plus);
            let outputs: Vec<Vec<u8>> = Engine::available().map(|engine| {
                let mut output = vec![0; text.len()];
                let put = notations.decode(engine, text, &mut output);
                output.truncate(put);
                output
            }).collect();
            for output in &outputs {
                prop_assert_eq!(output.escape_ascii().to_string(), outputs[0].escape_ascii().to_string());
            }
        }
    }

    #[test]
    fn every_name_is_known() {
        for (name, byte) in NAMES {
            let text = [b"&", name, b";"].concat();
            assert_eq!(ALL.escape(&text).unwrap().text(), [byte]);
        }
    }

    #[test]
    fn plus_is_a_space_where_asked_for() {
        let notations = Notations::new(Views::ALL, true);
        let mut output = [0; 16];
        let put = notations.decode(Engine::Portable, b"a+b%2Bc\\u0041", &mut output);
        assert_eq!(&output[..put], b"a b+cA");
    }

    #[test]
    fn names_are_of_bytes_that_fit() {
        for (name, _) in NAMES {
            assert!(name.len() <= LONGEST_NAME, "{name:?}");
        }
    }

    #[test]
    fn notations_can_be_left_out() {
        let text = br"%41\u0041&#65;";
        for (views, expected) in [
            (Views::RAW, &text[..]),
            (Views::RAW.with(View::Percent), br"A\u0041&#65;"),
            (Views::RAW.with(View::Json), b"%41A&#65;"),
            (Views::RAW.with(View::Entity), br"%41\u0041A"),
        ] {
            let mut output = [0; 16];
            let put = Notations::new(views, false).decode(Engine::Portable, text, &mut output);
            assert_eq!(&output[..put], expected);
        }
    }

    #[test]
    fn origins_and_boundaries() {
        let text = br"ab%41c\u00e9d";
        let origin = |start, end| {
            let origin = ALL.origin(text, start, end);
            (origin.start, origin.end, origin.views)
        };
        let (none, json) = (Views::NONE, Views::NONE.with(View::Json));
        assert_eq!(origin(0, 2), (0, 2, none));
        assert_eq!(origin(1, 3), (1, 5, none.with(View::Percent)));
        assert_eq!(origin(3, 4), (5, 6, none));
        assert_eq!(origin(4, 6), (6, 12, json));
        assert_eq!(origin(5, 7), (6, 13, json));
        assert_eq!(origin(0, 7), (0, 13, json.with(View::Percent)));
        let boundaries: Vec<usize> = (0..=13).map(|at| ALL.boundary(text, at)).collect();
        assert_eq!(boundaries, [0, 1, 2, 5, 5, 5, 6, 12, 12, 12, 12, 12, 12, 13]);
    }
}
