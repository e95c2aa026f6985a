//! The oracle finds what the encoders write, in every row of the table of views, and no near miss.

#[allow(dead_code, reason = "each test program uses its share of the oracle")]
mod oracle;

use oracle::draw::{Draw, changed};
use oracle::rows::{Place, Row, beyond, rows, tokens};
use oracle::steps::{self, *};
use oracle::{Token, find};
use stanch::patch::{Action, Part};

/// Text that is glued to a token on both sides, before both are encoded.
const GLUE: [(&[u8], &[u8]); 4] =
    [(b"", b""), (b"Zz0", b""), (b"", b"9aB"), (b"head-0Zz", b"Zz0-tail")];

fn part(place: Place) -> Part {
    match place {
        Place::Path => Part::Path,
        Place::Query => Part::Query,
        Place::Header | Place::Basic => Part::Header,
        Place::Cookie => Part::Cookie,
        Place::Field | Place::Body => Part::Body,
    }
}

fn of(bytes: &[u8]) -> [Token; 1] {
    [Token { bytes: bytes.to_vec(), leak: 7, action: Action::Block }]
}

fn each(rows: &[Row], mut check: impl FnMut(&Row, Place, &[u8], &str)) {
    for row in rows {
        let mut tried = 0;
        for (kind, token) in tokens().iter().filter(|(_, token)| token.len() <= 200) {
            for place in row.places.iter().filter(|place| row.takes(token, **place)) {
                check(row, *place, token, &format!("{}, {place:?}, {kind}", row.name));
                tried += 1;
            }
        }
        assert!(tried > 0, "{}: no token can be written like this", row.name);
    }
}

#[test]
fn the_oracle_finds_every_row() {
    each(&rows(), |row, place, token, what| {
        for (before, after) in GLUE {
            let text = (row.write)(&mut Draw(5), before, token, after);
            let found = find(&of(token), &row.request(place, &text));
            let expected = row.views_in(place);
            let fits = |views: u32| match row.exact {
                true => views == expected,
                false => views & !expected == 0,
            };
            let known = found
                .iter()
                .any(|found| found.part == part(place) && fits(found.views) && found.certain);
            let views: Vec<_> = found.iter().map(|f| (names(f.views), f)).collect();
            assert!(known, "{what}: {} expected, found {views:?}", names(expected));
        }
    });
}

#[test]
fn the_oracle_finds_no_near_miss() {
    each(&rows(), |row, place, token, what| {
        for at in [0, token.len() / 2, token.len() - 1] {
            let miss = changed(token, at);
            let text = (row.write)(&mut Draw(5), b"Zz0", &miss, b"9aB");
            let found = find(&of(token), &row.request(place, &text));
            assert!(found.is_empty(), "{what}, byte {at}: {found:?}");
        }
    });
}

#[test]
fn the_oracle_finds_nothing_beyond_the_ceiling() {
    each(&beyond(), |row, place, token, what| {
        let text = (row.write)(&mut Draw(5), b"Zz0", token, b"9aB");
        let found = find(&of(token), &row.request(place, &text));
        assert!(found.is_empty(), "{what}: {found:?}");
    });
}

/// The forms of escapes, one by one: what one pass makes of them.
#[test]
fn forms_of_escapes() {
    let cases: [(&[u8], &[u8]); 44] = [
        (b"%41%4a%4A%zz%4", b"AJJ%zz%4"),
        (b"%%41%2%41", b"%A%2A"),
        (b"%2541", b"%41"),
        (b"\\u0041\\u00e9\\u00E9", "Aéé".as_bytes()),
        (b"\\ud834\\udd1e", "𝄞".as_bytes()),
        (b"\\uD834\\uDD1E", "𝄞".as_bytes()),
        (b"\\ud834x", "\u{fffd}x".as_bytes()),
        (b"\\ud834\\u0041", "\u{fffd}A".as_bytes()),
        (b"\\udd1e\\ud834", "\u{fffd}\u{fffd}".as_bytes()),
        (b"\\ud834\\ud834\\udd1e", "\u{fffd}𝄞".as_bytes()),
        (b"\\u004", b"\\u004"),
        (b"\\U0041", b"\\U0041"),
        (b"\\u{41}\\u{1d11e}", "A𝄞".as_bytes()),
        (b"\\u{110000}\\u{d800}", "\u{fffd}\u{fffd}".as_bytes()),
        (b"\\u{}\\u{0000041}\\u{41", b"\\u{}\\u{0000041}\\u{41"),
        (b"\\x41\\x4G\\xe9", b"A\\x4G\xe9"),
        (b"\\/\\\\\\\"\\'", b"/\\\"'"),
        (b"\\b\\f\\n\\r\\t", b"\x08\x0c\n\r\t"),
        (b"\\a\\\\u0041", b"\\a\\u0041"),
        (b"\\%41", b"\\A"),
        (b"\\&#65;", b"\\A"),
        (b"\\", b"\\"),
        (b"\\u0025\\u003441", b"%441"),
        (b"&#65;&#065;&#00000065;", b"AAA"),
        (b"&#000000065;", b"&#000000065;"),
        (b"&#65B&#65", b"ABA"),
        (b"&#x41;&#X41;&#x4a;&#x00000041;", b"AAJA"),
        (b"&#x000000041;", b"&#x000000041;"),
        (b"&#x41G", b"AG"),
        (b"&#;&#x;&#", b"&#;&#x;&#"),
        (b"&#0;&#xd800;&#x110000;&#99999999;", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}".as_bytes()),
        (b"&#233;&#x1d11e;", "é𝄞".as_bytes()),
        (b"&amp;&lt;&gt;&quot;&apos;", b"&<>\"'"),
        (b"&plus;&sol;&equals;&lowbar;&UnderBar;", b"+/=__"),
        (b"&amp &AMPERSAND; &nbsp; &unknown;", b"&amp &AMPERSAND; &nbsp; &unknown;"),
        (b"&amp;#65;", b"&#65;"),
        (b"&#37;41", b"%41"),
        (b"&&#65;", b"&A"),
        (b"%26amp;", b"&amp;"),
        (b"&#x25;&percnt;&bsol;", b"%%\\"),
        (b"a+b", b"a+b"),
        (b"&Tab;&NewLine;", b"\t\n"),
        (b"&#1", b"\x01"),
        (b"", b""),
    ];
    for (text, expected) in cases {
        let undone = steps::unescape(text, false, u32::MAX);
        let shown = undone.map_or(text.to_vec(), |undone| undone.text);
        assert_eq!(
            shown.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{}",
            text.escape_ascii()
        );
    }
}

/// What the letters of base64 in a text come to, from each start.
#[test]
fn forms_of_base64() {
    let texts = |text: &[u8], body| -> Vec<String> {
        let undone = steps::base64(text, body, BASE64, 1);
        undone.iter().map(|undone| undone.text.escape_ascii().to_string()).collect()
    };
    assert_eq!(texts(b"aGVsbG8=", false)[0], "hello");
    assert_eq!(texts(b"xaGVsbG8=", false)[1], "hello");
    assert_eq!(texts(b"xxxaGVsbG8", false)[3], "hello");
    assert_eq!(texts(b"aGVs\r\nbG8=", false)[0], "hello");
    assert_eq!(texts(b"aGVs bG8=", false), texts(b"aGVs!bG8=", false));
    assert!(texts(b"aGVsbG8=IHlvdQ==", true).contains(&"hello you".to_owned()));
    assert!(texts(b"aGVsbG8=\r\nIHlvdQ==", true).contains(&"hello you".to_owned()));
    assert!(!texts(b"aGVsbG8==IHlvdQ==", true).contains(&"hello you".to_owned()));
    assert!(!texts(b"aGVsbG8====IHlvdQ==", true).contains(&"hello you".to_owned()));
    assert!(texts(b"aGVsbG8====IHlvdQ==", true).contains(&" you".to_owned()));
    assert!(!texts(b"aGVsbG8=IHlvdQ==", false).contains(&"hello you".to_owned()));
    assert!(texts(b"aGVsbG8=xxIHlvdQ==", true).contains(&" you".to_owned()));
    assert_eq!(texts(b"+/-_", false)[0], texts(b"-_+/", false)[0]);
    assert_eq!(texts(b"", true), Vec::<String>::new());
}

#[test]
fn forms_of_utf16_and_quoted_printable() {
    let texts = |text: &[u8]| -> Vec<String> {
        let undone = steps::utf16(text, 1);
        undone.iter().map(|undone| undone.text.escape_ascii().to_string()).collect()
    };
    assert_eq!(texts(b"a\0b\0c\0"), ["abc"]);
    assert_eq!(texts(b"\0a\0b\0c"), ["abc"]);
    assert_eq!(texts(b"xa\0b\0\0c\0dy\0z"), ["x", "ab", "cd", "yz"]);
    let quoted = |text: &[u8]| {
        steps::quoted(text).map(|undone| undone.text.escape_ascii().to_string()).unwrap_or_default()
    };
    assert_eq!(quoted(b"a=3Db=3db"), "a=b=b");
    assert_eq!(quoted(b"a=\r\nb=\nc"), "abc");
    assert_eq!(quoted(b"a=\rb=4"), "");
    assert_eq!(quoted(b"==41=\r=42"), "=A=\\rB");
}
