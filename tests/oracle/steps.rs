//! The steps that undo encodings, each over a whole text, as `docs/views.md` has them.

use std::io::Read;
use std::ops::Range;

pub(crate) const RAW: u32 = 1;
pub(crate) const PERCENT: u32 = 2;
pub(crate) const JSON: u32 = 4;
pub(crate) const ENTITY: u32 = 8;
pub(crate) const BASE64: u32 = 16;
pub(crate) const BASIC: u32 = 32;
pub(crate) const UTF16: u32 = 64;
pub(crate) const QUOTED: u32 = 128;
pub(crate) const CASE: u32 = 256;
pub(crate) const PLUS: u32 = 512;
pub(crate) const GZIP: u32 = 1024;
pub(crate) const DEFLATE: u32 = 2048;

/// All escapes.
pub(crate) const ESCAPES: u32 = PERCENT | JSON | ENTITY | PLUS;

/// What the flags are called, the lowest first.
const NAMES: [&str; 12] = [
    "raw", "percent", "json", "entity", "base64", "basic", "utf16", "quoted", "case", "plus",
    "gzip", "deflate",
];

/// Lines of base64 that are shorter than this need not be read together.
const SHORTEST_LINE: usize = 32;

/// What stands for a code point that is none.
const REPLACEMENT: char = '\u{fffd}';

/// A text that a step has made of another one.
#[derive(Debug)]
pub(crate) struct Undone {
    pub(crate) text: Vec<u8>,
    /// For each byte of `text`, the bytes that it comes from.
    pub(crate) from: Vec<Range<usize>>,
    /// What the step changed: which bytes before it, and how that is called.
    pub(crate) changed: Vec<(Range<usize>, u32)>,
    /// The line breaks behind lines that are too short to be read together with the next.
    pub(crate) doubts: Vec<usize>,
}

/// The names of `views`, joined by `+`.
pub(crate) fn names(views: u32) -> String {
    let set = (0..NAMES.len()).filter(|bit| views >> bit & 1 != 0);
    set.map(|bit| NAMES[bit]).collect::<Vec<_>>().join("+")
}

impl Undone {
    fn nothing() -> Undone {
        Undone { text: Vec::new(), from: Vec::new(), changed: Vec::new(), doubts: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8], from: Range<usize>) {
        self.text.extend(bytes);
        self.from.extend(bytes.iter().map(|_| from.clone()));
    }
}

/// `text` with its escapes undone in one pass, those that `on` has; with `plus` a `+` becomes a
/// space. Nothing if there is nothing to undo.
pub(crate) fn unescape(text: &[u8], plus: bool, on: u32) -> Option<Undone> {
    let mut undone = Undone::nothing();
    let mut at = 0;
    while at < text.len() {
        match escape(&text[at..], plus, on) {
            Some((len, bytes, flag)) => {
                undone.push(&bytes, at..at + len);
                undone.changed.push((at..at + len, flag));
                at += len;
            }
            None => {
                undone.push(&text[at..=at], at..at + 1);
                at += 1;
            }
        }
    }
    (!undone.changed.is_empty()).then_some(undone)
}

/// The escape that `text` starts with: its length, what it stands for, what it is called.
fn escape(text: &[u8], plus: bool, on: u32) -> Option<(usize, Vec<u8>, u32)> {
    let (flag, undone) = match text[0] {
        b'%' => (PERCENT, byte(text, 1).map(|byte| (3, vec![byte]))),
        b'\\' => (JSON, backslash(text)),
        b'&' => (ENTITY, entity(text)),
        b'+' if plus => (PLUS, Some((1, vec![b' ']))),
        _ => return None,
    };
    let (len, bytes) = undone.filter(|_| on & flag != 0)?;
    Some((len, bytes, flag))
}

fn backslash(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    if let Some(unit) = unit(text) {
        let low = unit_at(text, 6).filter(|low| (0xdc00..0xe000).contains(low));
        return Some(match low {
            Some(low) if (0xd800..0xdc00).contains(&unit) => {
                (12, utf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)))
            }
            _ => (6, utf8(unit)),
        });
    }
    let simple = |byte: u8| Some((2, vec![byte]));
    match *text.get(1)? {
        b'u' if text.get(2) == Some(&b'{') => {
            let count = digits(text, 3, 16);
            let ends = (1..=6).contains(&count) && text.get(3 + count) == Some(&b'}');
            let code = number(text, 3, count, 16).filter(|_| ends)?;
            Some((4 + count, utf8(code)))
        }
        b'x' => byte(text, 2).map(|byte| (4, vec![byte])),
        same @ (b'/' | b'\\' | b'"' | b'\'') => simple(same),
        b'b' => simple(8),
        b'f' => simple(12),
        b'n' => simple(b'\n'),
        b'r' => simple(b'\r'),
        b't' => simple(b'\t'),
        _ => None,
    }
}

/// The UTF-16 code unit that `text` starts with, as `\u` and four digits.
fn unit(text: &[u8]) -> Option<u32> {
    text.starts_with(b"\\u").then(|| number(text, 2, 4, 16))?
}

fn unit_at(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..).and_then(unit)
}

/// The named entities of HTML that stand for a character of ASCII.
const ENTITIES: [(&str, u8); 45] = [
    ("amp", b'&'),
    ("AMP", b'&'),
    ("LT", b'<'),
    ("GT", b'>'),
    ("QUOT", b'"'),
    ("lt", b'<'),
    ("gt", b'>'),
    ("quot", b'"'),
    ("apos", b'\''),
    ("num", b'#'),
    ("dollar", b'$'),
    ("percnt", b'%'),
    ("plus", b'+'),
    ("sol", b'/'),
    ("equals", b'='),
    ("lowbar", b'_'),
    ("UnderBar", b'_'),
    ("colon", b':'),
    ("period", b'.'),
    ("comma", b','),
    ("excl", b'!'),
    ("ast", b'*'),
    ("midast", b'*'),
    ("commat", b'@'),
    ("lpar", b'('),
    ("rpar", b')'),
    ("lsqb", b'['),
    ("lbrack", b'['),
    ("rsqb", b']'),
    ("rbrack", b']'),
    ("lcub", b'{'),
    ("lbrace", b'{'),
    ("rcub", b'}'),
    ("rbrace", b'}'),
    ("verbar", b'|'),
    ("vert", b'|'),
    ("VerticalLine", b'|'),
    ("grave", b'`'),
    ("DiacriticalGrave", b'`'),
    ("Hat", b'^'),
    ("semi", b';'),
    ("quest", b'?'),
    ("bsol", b'\\'),
    ("Tab", b'\t'),
    ("NewLine", b'\n'),
];

fn entity(text: &[u8]) -> Option<(usize, Vec<u8>)> {
    if text.get(1) != Some(&b'#') {
        let name = text[1..].split(|byte| *byte == b';').next()?;
        let known = ENTITIES.iter().find(|(known, _)| known.as_bytes() == name);
        let (_, byte) = known.filter(|_| text.get(1 + name.len()) == Some(&b';'))?;
        return Some((name.len() + 2, vec![*byte]));
    }
    let (start, radix) = if matches!(text.get(2), Some(b'x' | b'X')) { (3, 16) } else { (2, 10) };
    let count = digits(text, start, radix);
    if !(1..=8).contains(&count) {
        return None;
    }
    let code = match number(text, start, count, radix)? {
        0 => REPLACEMENT as u32,
        code => code,
    };
    let end = start + count;
    Some((end + usize::from(text.get(end) == Some(&b';')), utf8(code)))
}

/// `code` in UTF-8, or U+FFFD if it is no character.
fn utf8(code: u32) -> Vec<u8> {
    char::from_u32(code).unwrap_or(REPLACEMENT).to_string().into_bytes()
}

/// How many digits of `radix` stand at `at`.
fn digits(text: &[u8], at: usize, radix: u32) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count()
}

/// The number that exactly `count` digits at `at` make, if so many stand there.
fn number(text: &[u8], at: usize, count: usize, radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(text.get(at..at + count)?).ok()?;
    let all = digits.chars().all(|digit| digit.is_digit(radix));
    u32::from_str_radix(digits, radix).ok().filter(|_| all)
}

fn byte(text: &[u8], at: usize) -> Option<u8> {
    number(text, at, 2, 16).map(|byte| byte as u8)
}

/// What the letters of base64 in `text` can be read as, from each letter on. In a body one or two `=`
/// that complete a group of four end a piece, and the next one follows; anything else but line breaks
/// ends the text.
///
/// A text from a letter on is the same as one from four letters earlier, but for its start. So four
/// starts are enough for a row of letters; and none is needed where an earlier reading starts a new
/// piece. Rows that cannot come to `shortest` bytes are left out.
pub(crate) fn base64(text: &[u8], body: bool, flag: u32, shortest: usize) -> Vec<Undone> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let run = text[at..].iter().take_while(|byte| is_in_run(**byte, body)).count();
        if run >= shortest {
            let end = at + run;
            let doubts: Vec<_> = short_lines(&text[at..end]).iter().map(|b| at + b).collect();
            let mut pieces = Vec::new();
            for start in starts(&text[at..end]).into_iter().map(|start| at + start) {
                if !pieces.contains(&start) {
                    let undone = decode(&text[..end], start, flag, &mut pieces);
                    all.push(Undone { doubts: doubts.clone(), ..undone });
                }
            }
        }
        at += run.max(1);
    }
    all
}

fn is_in_run(byte: u8, body: bool) -> bool {
    six(byte).is_some() || byte == b'\r' || byte == b'\n' || (body && byte == b'=')
}

/// The first four letters of each row of letters in `run`.
fn starts(run: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < run.len() {
        let end = at + run[at..].iter().take_while(|byte| **byte != b'=').count();
        starts.extend((at..end).filter(|at| six(run[*at]).is_some()).take(4));
        at = end + 1;
    }
    starts
}

/// Six bits for each letter from `start` on, a byte for each eight bits. The first letters of all
/// further pieces are added to `pieces`.
fn decode(text: &[u8], start: usize, flag: u32, pieces: &mut Vec<usize>) -> Undone {
    let mut undone = Undone::nothing();
    undone.changed.push((0..text.len(), flag));
    // The bits that no byte was made of yet: how many, and the letter that holds the first of them.
    let (mut bits, mut held, mut first) = (0u32, 0, start);
    let mut letters = 0;
    let mut at = start;
    while at < text.len() {
        let row = text[at..].iter().take_while(|byte| **byte == b'=').count();
        if row > 0 {
            if row > 2 || (letters + row) % 4 != 0 {
                break;
            }
            (letters, held) = (0, 0);
            at += row;
            continue;
        }
        if let Some(six) = six(text[at]) {
            if held == 0 {
                first = at;
            }
            if letters == 0 {
                pieces.push(at);
            }
            letters += 1;
            bits = bits << 6 | six;
            held += 6;
            if held >= 8 {
                held -= 8;
                undone.push(&[(bits >> held) as u8], first..at + 1);
                first = at;
            }
        }
        at += 1;
    }
    undone
}

/// The line breaks in `run` that stand behind a line of too few letters.
fn short_lines(run: &[u8]) -> Vec<usize> {
    let mut breaks = Vec::new();
    let mut letters = 0;
    for (at, byte) in run.iter().enumerate() {
        match byte {
            b'\n' if at > 0 && run[at - 1] == b'\r' => {}
            b'\r' | b'\n' => {
                if letters < SHORTEST_LINE {
                    breaks.push(at);
                }
                letters = 0;
            }
            other => letters += usize::from(six(*other).is_some()),
        }
    }
    breaks
}

/// The six bits of a letter of base64, in either alphabet.
fn six(letter: u8) -> Option<u32> {
    let six = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(six.into())
}

/// The stretches of `text` in which every other byte is NUL, without these: those that come to at
/// least `shortest` bytes.
pub(crate) fn utf16(text: &[u8], shortest: usize) -> Vec<Undone> {
    let byte = |at: usize| text.get(at).copied();
    let mut all = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at] == 0 {
            at += 1;
            continue;
        }
        let start = at;
        while byte(at + 1) == Some(0) && byte(at + 2).is_some_and(|next| next != 0) {
            at += 2;
        }
        if (at - start) / 2 + 1 >= shortest {
            let mut undone = Undone::nothing();
            undone.changed.push((0..text.len(), UTF16));
            (start..=at).step_by(2).for_each(|at| undone.push(&text[at..=at], at..at + 1));
            all.push(undone);
        }
        at += 1;
    }
    all
}

/// `text` with quoted-printable undone; nothing if there is nothing to undo.
pub(crate) fn quoted(text: &[u8]) -> Option<Undone> {
    let mut undone = Undone::nothing();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let escaped = if rest[0] == b'=' { byte(rest, 1) } else { None };
        let len = match (rest, escaped) {
            ([b'=', b'\r', b'\n', ..], _) | (_, Some(_)) => 3,
            ([b'=', b'\n', ..], _) => 2,
            _ => 1,
        };
        match escaped {
            Some(byte) => undone.push(&[byte], at..at + len),
            None if len == 1 => undone.push(&rest[..1], at..at + len),
            None => {}
        }
        if len > 1 {
            undone.changed.push((at..at + len, QUOTED));
        }
        at += len;
    }
    (!undone.changed.is_empty()).then_some(undone)
}

/// What `body` inflates to: the text, the flag, and whether there is any doubt about either.
///
/// `coding` is what the request calls it. A body that is something else or damaged may be read as
/// far as it goes, or not at all.
pub(crate) fn inflate(body: &[u8], coding: u32) -> Vec<(Vec<u8>, u32, bool)> {
    let read = |reader: &mut dyn Read| {
        let mut text = Vec::new();
        let mut byte = [0];
        loop {
            match reader.read(&mut byte) {
                Ok(0) => return (text, true),
                Ok(_) => text.push(byte[0]),
                Err(_) => return (text, false),
            }
        }
    };
    let mut zlib = flate2::bufread::ZlibDecoder::new(body);
    let mut raw = flate2::bufread::DeflateDecoder::new(body);
    let readings = [
        (GZIP, read(&mut flate2::bufread::MultiGzDecoder::new(body)), true),
        (DEFLATE, read(&mut zlib), zlib.into_inner().is_empty()),
        (DEFLATE, read(&mut raw), raw.into_inner().is_empty()),
    ];
    let mut all = Vec::new();
    let whole = readings.iter().filter(|(_, (_, whole), all)| *whole && *all).count();
    for (flag, (text, clean), all_read) in readings {
        // A bomb is left where it passes the library's limits.
        let small = text.len() < 1 << 20;
        let sure = clean && all_read && whole == 1 && small;
        if sure && flag == coding {
            return vec![(text, flag, true)];
        }
        all.extend([GZIP, DEFLATE].map(|flag| (text.clone(), flag, false)));
    }
    all
}
