//! The table of views: every encoding that is undone, alone and in the combinations that occur, and
//! what lies beyond. `docs/views.md` cites the rows by name.

mod combinations;
mod encodings;

use super::draw::{BASE62, Draw};
use super::encode::{self, Digits, Entity};
use super::steps::*;
use super::{Request, chains};

/// One way to write a token down.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The views that a hit must tell.
    pub(crate) views: u32,
    /// Whether it tells all of them for every token, or only those that the token's bytes need.
    pub(crate) exact: bool,
    pub(crate) places: &'static [Place],
    pub(crate) coding: Coding,
    /// How many bytes a byte of the token takes at most. It decides which tokens are within the
    /// ceiling on length.
    pub(crate) growth: f64,
    /// Which tokens can be written in this way.
    pub(crate) fits: fn(&[u8]) -> bool,
    pub(crate) write: Write,
}

/// Writes a token down, with text before and behind it that is written in the same way.
type Write = fn(&mut Draw, &[u8], &[u8], &[u8]) -> Vec<u8>;

/// Where in a request the text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
    Cookie,
    /// In the credentials of the Basic scheme, which takes one base64 step more.
    Basic,
    /// In a string of a JSON body.
    Field,
    /// As the whole body.
    Body,
}

/// How the body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    XGzip,
    Zlib,
    Deflate,
}

use Place::*;

const ANYWHERE: &[Place] = &[Path, Query, Header, Cookie, Basic, Field, Body];
/// Where base64 is not there already.
const NOT_BASIC: &[Place] = &[Path, Query, Header, Cookie, Field, Body];
const BODIES: &[Place] = &[Field, Body];
const WHOLE: &[Place] = &[Body];

/// The tokens that every row is tried with: what they are called, and their bytes. None of them is
/// anybody's.
pub(crate) fn tokens() -> Vec<(&'static str, Vec<u8>)> {
    const JWT: &[u8] =
        b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI4NDA5MjcxMzU2IiwibmFtZSI6Ik1hcmUgTyIs\
        ImlhdCI6MTcxNjIzOTAyMiwic2NwIjoicmVhZCB3cml0ZSJ9.\
        dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk0Qz3Tn8sVw5yBh2LqPc6xDa1mRu";
    let mut draw = Draw(101);
    vec![
        ("8", b"q7Zr3Kw9".to_vec()),
        ("13", b"Hx5Dk8Mw2Pe7T".to_vec()),
        ("20", b"9cT4nW8bXq2mZ7RkVd5F".to_vec()),
        ("UUID", b"3f2b8c1e-9d47-4a6b-8e15-7c0a9b3d2f61".to_vec()),
        ("40 base62", b"sk_live_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpA".to_vec()),
        ("base64", b"wJalr+UtnFEMI/K7MDENG+bPxRfiCYzK3yQ/9p8==".to_vec()),
        ("64 hex", b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_vec()),
        ("spaces", b"v9Qx 7rTe wK2p mZ4s".to_vec()),
        ("non-ASCII", "Zr3Kw9-Schlüssel-7Tq-𝄞-Vn9".as_bytes().to_vec()),
        ("200 JWT", JWT.to_vec()),
        ("1000", draw.text(1000, BASE62)),
        ("4096", draw.text(4096, BASE62)),
    ]
}

impl Row {
    /// Whether `token` can be written in this way in `place`, within the ceiling on length of a set
    /// that holds nothing longer.
    pub(crate) fn takes(&self, token: &[u8], place: Place) -> bool {
        let growth = if place == Basic { self.growth * 4.0 / 3.0 } else { self.growth };
        let ceiling = 6 * token.len() + 6 * token.len().min(512);
        // Line breaks and incomplete groups at both ends take a few bytes more.
        let ends = if growth > 1.0 { 8.0 } else { 0.0 };
        let len = growth * token.len() as f64 + if growth < 12.0 { ends } else { 0.0 };
        // Credentials are base64, which is read for sets of ASCII only.
        (self.fits)(token) && len <= ceiling as f64 && (place != Basic || token.is_ascii())
    }

    /// The views that a hit in `place` tells.
    pub(crate) fn views_in(&self, place: Place) -> u32 {
        let coding = match self.coding {
            Coding::Identity => 0,
            Coding::Gzip | Coding::XGzip => GZIP,
            Coding::Zlib | Coding::Deflate => DEFLATE,
        };
        let views = self.views & !RAW | coding | if place == Basic { BASIC } else { 0 };
        if views == 0 { RAW } else { views }
    }

    /// The request with `text` in `place`.
    pub(crate) fn request(&self, place: Place, text: &[u8]) -> Request {
        let header = |name: &str, value: Vec<u8>| (name.as_bytes().to_vec(), value);
        let mut request = Request { method: b"POST".to_vec(), ..Request::default() };
        request.target = match place {
            Path => [b"/v1/", text].concat(),
            Query => [b"/v1?a=1&key=", text].concat(),
            _ => b"/v1/items".to_vec(),
        };
        match place {
            Path | Query => {}
            Header => request.headers.push(header("X-Api-Key", text.to_vec())),
            Cookie => request.headers.push(header("Cookie", [b"a=1; sid=", text].concat())),
            Basic => {
                let plain = [b"user:", text].concat();
                let value = [b"Basic ", &encode::base64(&plain, true)[..]].concat();
                request.headers.push(header("Authorization", value));
            }
            Field => request.body = vec![[b"{\"a\":1,\"key\":\"", text, b"\"}"].concat()],
            Body => request.body = vec![text.to_vec()],
        }
        // Without anything to compress the token would stand in the raw in a stored block.
        let body = [&b"[ ]".repeat(100)[..], &request.body.concat()].concat();
        let (coding, body) = match self.coding {
            Coding::Identity => return request,
            Coding::Gzip => ("gzip", encode::gzip(&body)),
            Coding::XGzip => ("X-Gzip", encode::gzip(&body)),
            Coding::Zlib => ("deflate", encode::zlib(&body)),
            Coding::Deflate => ("Deflate", encode::deflate(&body)),
        };
        request.headers.push(header("Content-Encoding", coding.into()));
        request.body = vec![body];
        request
    }
}

fn any(_: &[u8]) -> bool {
    true
}

fn ascii(token: &[u8]) -> bool {
    token.is_ascii()
}

fn hexadecimal(token: &[u8]) -> bool {
    chains::in_one_case(token)
}

/// The row `name` with everything as it mostly is.
fn row(name: &'static str, views: u32, places: &'static [Place], growth: f64, write: Write) -> Row {
    // Base64 is read for sets of ASCII only, and every other byte of UTF-16 is NUL for these only.
    let fits = if views & (BASE64 | UTF16) != 0 { ascii } else { any };
    Row { name, views, exact: true, places, coding: Coding::Identity, growth, fits, write }
}

fn joined(before: &[u8], token: &[u8], after: &[u8]) -> Vec<u8> {
    [before, token, after].concat()
}

/// Base64 in lines of `width` letters, with a break in the middle of the token.
fn across_lines(
    (before, token, after): (&[u8], &[u8], &[u8]),
    draw: &mut Draw,
    width: usize,
    end: &[u8],
) -> Vec<u8> {
    let line = width / 4 * 3;
    let filler = line - (before.len() + token.len() / 2) % line;
    let text = [&draw.text(filler, BASE62), before, token, after].concat();
    encode::lines(&encode::base64(&text, true), width, end)
}

/// Each byte as NUL and itself: UTF-16 of what is ASCII.
fn utf16(text: &[u8]) -> Vec<u8> {
    encode::utf16(text, false, false)
}

fn percent(draw: &mut Draw, text: &[u8]) -> Vec<u8> {
    encode::percent(draw, text, Digits::Upper)
}

fn units(draw: &mut Draw, text: &[u8]) -> Vec<u8> {
    encode::units(draw, text, Digits::Lower, 100)
}

fn rot13(text: &[u8]) -> Vec<u8> {
    let turn = |byte: u8, a: u8| a + (byte - a + 13) % 26;
    let each = |byte: &u8| match byte {
        b'a'..=b'z' => turn(*byte, b'a'),
        b'A'..=b'Z' => turn(*byte, b'A'),
        other => *other,
    };
    text.iter().map(each).collect()
}

/// Every row.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![row("raw", RAW, ANYWHERE, 1.0, |_, b, t, a| joined(b, t, a))];
    rows.extend(encodings::escapes());
    rows.extend(encodings::base64());
    rows.extend(encodings::wide_and_quoted());
    rows.extend(combinations::formats());
    rows.extend(encodings::letter_case());
    rows.extend(combinations::combinations());
    rows.extend(combinations::compressed());
    rows
}

/// What lies beyond the ceiling: nothing is found in it.
pub(crate) fn beyond() -> Vec<Row> {
    vec![
        row("percent four times", PERCENT, NOT_BASIC, 9.0, |d, b, t, a| {
            encode::again(&encode::again(&encode::again(&percent(d, &joined(b, t, a)))))
        }),
        row("base64 three times", BASE64, NOT_BASIC, 2.4, |_, b, t, a| {
            let twice = encode::base64(&encode::base64(&joined(b, t, a), true), true);
            encode::base64(&twice, true)
        }),
        row("five steps", PERCENT | BASE64 | JSON, NOT_BASIC, 12.0, |d, b, t, a| {
            let inner = encode::base64(&percent(d, &joined(b, t, a)), true);
            let escaped = percent(d, &inner);
            let outer = encode::base64(&escaped, true);
            percent(d, &outer)
        }),
        row("UTF-32", UTF16, BODIES, 4.0, |_, b, t, a| {
            joined(b, t, a).iter().flat_map(|byte| [*byte, 0, 0, 0]).collect()
        }),
        row("quoted-printable behind another step", QUOTED, BODIES, 9.0, |d, b, t, a| {
            let text = encode::quoted_all(d, &joined(b, t, a), Digits::Upper);
            percent(d, &text)
        }),
        row("hexadecimal digits of a token", RAW, ANYWHERE, 2.0, |_, b, t, a| {
            joined(b, t, a).iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
        }),
        Row {
            fits: |token| token.iter().any(u8::is_ascii_alphabetic),
            ..row("ROT13", RAW, ANYWHERE, 1.0, |_, b, t, a| rot13(&joined(b, t, a)))
        },
        row("backwards", RAW, ANYWHERE, 1.0, |_, b, t, a| {
            joined(b, t, a).into_iter().rev().collect()
        }),
        row("a CDATA section within a token", RAW, BODIES, 2.0, |_, b, t, a| {
            let (left, right) = t.split_at(t.len() / 2);
            [b, left, b"]]><![CDATA[", right, a].concat()
        }),
        row("a token in two fields", RAW, BODIES, 2.0, |_, b, t, a| {
            let (left, right) = t.split_at(t.len() / 2);
            [b, left, b"\",\"b\":\"", right, a].concat()
        }),
        Row {
            fits: |token| token.to_ascii_lowercase() != token,
            ..row("another letter case", RAW, ANYWHERE, 1.0, |_, b, t, a| {
                joined(b, &t.to_ascii_lowercase(), a)
            })
        },
    ]
}
