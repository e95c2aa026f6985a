//! Writes texts in the encodings that the views undo.

use std::io::Read;

use super::draw::{self, Draw};

/// The letter case of hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Digits {
    Upper,
    Lower,
    Mixed,
}

/// How an entity names its character.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entity {
    /// `&#65;`
    Decimal,
    /// `&#65`, the semicolon left out behind all but the last
    Bare,
    /// `&#x41;`
    Hex,
    /// `&#x00000041;`
    Padded,
    /// `&plus;`, what has no name as it is
    Named,
}

/// An encoding among those that a random chain is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Coder {
    Percent(usize),
    Form,
    Units(usize),
    Short,
    Braces,
    Bytes,
    Entities(Entity),
    Base64 { url: bool, padded: bool },
    Lines { width: usize },
    Segments { longest: usize },
    Utf16 { big: bool, bom: bool },
    Quoted { every: usize },
    Upper,
}

/// Every encoding, with some of the ways to write it.
pub(crate) const CODERS: [Coder; 26] = [
    Coder::Percent(100),
    Coder::Percent(30),
    Coder::Percent(5),
    Coder::Form,
    Coder::Units(100),
    Coder::Units(30),
    Coder::Units(5),
    Coder::Short,
    Coder::Braces,
    Coder::Bytes,
    Coder::Entities(Entity::Decimal),
    Coder::Entities(Entity::Bare),
    Coder::Entities(Entity::Hex),
    Coder::Entities(Entity::Padded),
    Coder::Entities(Entity::Named),
    Coder::Base64 { url: false, padded: true },
    Coder::Base64 { url: false, padded: false },
    Coder::Base64 { url: true, padded: false },
    Coder::Lines { width: 76 },
    Coder::Lines { width: 32 },
    Coder::Segments { longest: 20 },
    Coder::Utf16 { big: false, bom: false },
    Coder::Utf16 { big: true, bom: true },
    Coder::Quoted { every: 30 },
    Coder::Quoted { every: 2 },
    Coder::Upper,
];

impl Coder {
    /// `text` in this encoding.
    pub(crate) fn encode(self, draw: &mut Draw, text: &[u8]) -> Vec<u8> {
        match self {
            Coder::Percent(percent) => draw.escaped(text, percent),
            Coder::Form => form(text),
            Coder::Units(percent) => units(draw, text, Digits::Mixed, percent),
            Coder::Short => short(text),
            Coder::Braces => braces(text),
            Coder::Bytes => bytes(draw, text),
            Coder::Entities(entity) => entities(text, entity),
            Coder::Base64 { url: false, padded } => base64(text, padded),
            Coder::Base64 { url: true, padded } => base64url(text, padded),
            Coder::Lines { width } => lines(&base64(text, true), width, b"\r\n"),
            Coder::Segments { longest } => {
                let segments = draw.cut(text, longest);
                segments.iter().flat_map(|segment| base64(segment, true)).collect()
            }
            Coder::Utf16 { big, bom } => utf16(text, big, bom),
            Coder::Quoted { every } => soft_breaks(&quoted(text), every, b"\r\n"),
            Coder::Upper => text.to_ascii_uppercase(),
        }
    }
}

fn digit(draw: &mut Draw, value: u32, digits: Digits) -> u8 {
    let digit = char::from_digit(value & 15, 16).unwrap_or('0') as u8;
    match digits {
        Digits::Lower => digit,
        Digits::Upper => digit.to_ascii_uppercase(),
        Digits::Mixed if draw.below(2) == 0 => digit,
        Digits::Mixed => digit.to_ascii_uppercase(),
    }
}

/// Every byte as a percent escape.
pub(crate) fn percent(draw: &mut Draw, text: &[u8], digits: Digits) -> Vec<u8> {
    escape_bytes(draw, text, b"%", digits)
}

/// Every second byte as a percent escape.
pub(crate) fn percent_every_other(draw: &mut Draw, text: &[u8]) -> Vec<u8> {
    let two = |two: &[u8]| [&percent(draw, &two[..1], Digits::Mixed)[..], &two[1..]].concat();
    text.chunks(2).flat_map(two).collect()
}

/// What RFC 3986 does not call unreserved as percent escapes.
pub(crate) fn reserved(text: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'-' | b'.' | b'_' | b'~' => vec![*byte],
        other if other.is_ascii_alphanumeric() => vec![*byte],
        other => draw::escape(*other, true, true).to_vec(),
    };
    text.iter().flat_map(escape).collect()
}

/// As a form writes it: `+` for a space.
pub(crate) fn form(text: &[u8]) -> Vec<u8> {
    text.split(|byte| *byte == b' ').map(reserved).collect::<Vec<_>>().join(&b'+')
}

/// The percent signs of `escaped` escaped once more.
pub(crate) fn again(escaped: &[u8]) -> Vec<u8> {
    replaced(escaped, b'%', b"%25")
}

/// The backslashes of `escaped` doubled, and its quotes escaped: a JSON string inside a JSON string.
pub(crate) fn within_json(escaped: &[u8]) -> Vec<u8> {
    replaced(&replaced(escaped, b'\\', b"\\\\"), b'"', b"\\\"")
}

pub(crate) fn replaced(text: &[u8], byte: u8, by: &[u8]) -> Vec<u8> {
    text.split(|other| *other == byte).collect::<Vec<_>>().join(by)
}

/// Each character, about `percent` of a hundred of them, as `\u` and four digits. What is no UTF-8
/// stays as it is.
pub(crate) fn units(draw: &mut Draw, text: &[u8], digits: Digits, percent: usize) -> Vec<u8> {
    each_char(text, |c| {
        if draw.below(100) >= percent {
            return c.to_string().into_bytes();
        }
        let mut escaped = Vec::new();
        for unit in c.encode_utf16(&mut [0; 2]) {
            escaped.extend(b"\\u");
            for shift in [12, 8, 4, 0] {
                escaped.push(digit(draw, u32::from(*unit) >> shift, digits));
            }
        }
        escaped
    })
}

/// As some writers of JSON do it: a slash, too, has its backslash.
pub(crate) fn short(text: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'/' | b'"' | b'\\' => vec![b'\\', *byte],
        8 => b"\\b".to_vec(),
        12 => b"\\f".to_vec(),
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        b'\t' => b"\\t".to_vec(),
        0..=31 => format!("\\u{byte:04x}").into_bytes(),
        other => vec![*other],
    };
    text.iter().flat_map(escape).collect()
}

/// Each character as `\u{…}`.
pub(crate) fn braces(text: &[u8]) -> Vec<u8> {
    each_char(text, |c| format!("\\u{{{:x}}}", c as u32).into_bytes())
}

/// Each byte as `\x` and two digits.
pub(crate) fn bytes(draw: &mut Draw, text: &[u8]) -> Vec<u8> {
    escape_bytes(draw, text, b"\\x", Digits::Mixed)
}

/// Each character as an entity.
pub(crate) fn entities(text: &[u8], entity: Entity) -> Vec<u8> {
    let named = |c: char| match c {
        '+' => "plus",
        '/' => "sol",
        '=' => "equals",
        '_' => "lowbar",
        '.' => "period",
        ':' => "colon",
        '&' => "amp",
        '<' => "lt",
        '>' => "gt",
        '"' => "quot",
        '%' => "percnt",
        '\\' => "bsol",
        _ => "",
    };
    let mut encoded = each_char(text, |c| {
        match entity {
            Entity::Decimal => format!("&#{};", c as u32),
            Entity::Bare => format!("&#{}", c as u32),
            Entity::Hex => format!("&#x{:x};", c as u32),
            Entity::Padded => format!("&#X{:08X};", c as u32),
            Entity::Named if named(c).is_empty() => c.to_string(),
            Entity::Named => format!("&{};", named(c)),
        }
        .into_bytes()
    });
    if let Entity::Bare = entity {
        encoded.push(b';');
    }
    encoded
}

/// Base64 with the alphabet of RFC 4648, section 4.
pub(crate) fn base64(text: &[u8], padded: bool) -> Vec<u8> {
    draw::base64(text, padded)
}

/// Base64 with the alphabet of section 5.
pub(crate) fn base64url(text: &[u8], padded: bool) -> Vec<u8> {
    let letters = base64(text, padded).into_iter();
    letters
        .map(|letter| match letter {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        })
        .collect()
}

/// `text` in lines of `width` bytes.
pub(crate) fn lines(text: &[u8], width: usize, end: &[u8]) -> Vec<u8> {
    text.chunks(width).collect::<Vec<_>>().join(end)
}

/// UTF-16, with a byte order mark if asked for. What is no UTF-8 is replaced.
pub(crate) fn utf16(text: &[u8], big: bool, bom: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let mark = bom.then_some(0xfeff);
    let units = mark.into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

/// Quoted-printable, without soft breaks.
pub(crate) fn quoted(text: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'=' => b"=3D".to_vec(),
        b' '..=b'~' | b'\r' | b'\n' => vec![*byte],
        other => format!("={other:02X}").into_bytes(),
    };
    text.iter().flat_map(escape).collect()
}

/// Quoted-printable with every byte escaped.
pub(crate) fn quoted_all(draw: &mut Draw, text: &[u8], digits: Digits) -> Vec<u8> {
    escape_bytes(draw, text, b"=", digits)
}

/// `quoted` with a soft break behind every so many characters.
pub(crate) fn soft_breaks(quoted: &[u8], every: usize, end: &[u8]) -> Vec<u8> {
    let mut broken = Vec::new();
    let (mut at, mut column) = (0, 0);
    while at < quoted.len() {
        let len = if quoted[at] == b'=' { 3 } else { 1 }.min(quoted.len() - at);
        broken.extend(&quoted[at..at + len]);
        at += len;
        column += 1;
        if column == every {
            broken.extend([b"=", end].concat());
            column = 0;
        }
    }
    broken
}

/// A message of gRPC in its frame: a flag, the length, and the message with one field, a string.
pub(crate) fn grpc_frame(text: &[u8]) -> Vec<u8> {
    let mut message = vec![0x0a];
    let mut len = text.len();
    while len > 127 {
        message.push(len as u8 | 128);
        len >>= 7;
    }
    message.push(len as u8);
    message.extend(text);
    [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat()
}

/// A form with one file in it, whose content is `text` in the transfer encoding `encoding`.
pub(crate) fn multipart(encoding: &str, text: &[u8]) -> Vec<u8> {
    let head = format!(
        "--8f3a1c\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--8f3a1c\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
         Content-Type: text/plain\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    );
    [head.as_bytes(), text, b"\r\n--8f3a1c--\r\n"].concat()
}

/// Compressed in the format of gzip.
pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    all_of(flate2::bufread::GzEncoder::new(text, flate2::Compression::default()))
}

/// Compressed in the format of zlib, which HTTP calls deflate.
pub(crate) fn zlib(text: &[u8]) -> Vec<u8> {
    all_of(flate2::bufread::ZlibEncoder::new(text, flate2::Compression::default()))
}

/// Compressed without any format around it, which some clients call deflate.
pub(crate) fn deflate(text: &[u8]) -> Vec<u8> {
    all_of(flate2::bufread::DeflateEncoder::new(text, flate2::Compression::default()))
}

fn all_of(mut reader: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    reader.read_to_end(&mut all).expect("reads from memory");
    all
}

fn escape_bytes(draw: &mut Draw, text: &[u8], mark: &[u8], digits: Digits) -> Vec<u8> {
    let mut escaped = Vec::new();
    for byte in text {
        escaped.extend(mark);
        escaped.push(digit(draw, u32::from(*byte) >> 4, digits));
        escaped.push(digit(draw, u32::from(*byte), digits));
    }
    escaped
}

/// `text` with each character replaced; what is no UTF-8 stays as it is.
fn each_char(text: &[u8], mut by: impl FnMut(char) -> Vec<u8>) -> Vec<u8> {
    let mut replaced = Vec::new();
    for chunk in text.utf8_chunks() {
        replaced.extend(chunk.valid().chars().flat_map(&mut by));
        replaced.extend(chunk.invalid());
    }
    replaced
}
