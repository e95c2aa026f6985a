//! The table of views: every encoding that is undone, alone and in the combinations that occur, and
//! what lies beyond. `docs/views.md` cites the rows by name.

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

fn spaced(token: &[u8]) -> bool {
    token.contains(&b' ')
}

/// Holds what has a named entity, and a slash.
fn marked(token: &[u8]) -> bool {
    token.contains(&b'/')
}

fn special(token: &[u8]) -> bool {
    encode::reserved(token) != token
}

fn foreign(token: &[u8]) -> bool {
    !token.is_ascii()
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

/// Text that starts `by` bytes behind a group of three.
fn aligned(by: usize, before: &[u8], token: &[u8], after: &[u8]) -> Vec<u8> {
    let filler = &b"~~"[..(3 + by - before.len() % 3) % 3];
    [filler, before, token, after].concat()
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

/// `text` with every fourth byte written by `by`.
fn every_fourth(text: &[u8], mut by: impl FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
    text.chunks(4).flat_map(|four| [&by(&four[..1])[..], &four[1..]].concat()).collect()
}

fn mixed_case(draw: &mut Draw, token: &[u8]) -> Vec<u8> {
    let mut mixed = token.to_ascii_lowercase();
    let letters: Vec<usize> =
        (0..mixed.len()).filter(|at| mixed[*at].is_ascii_lowercase()).collect();
    for at in &letters {
        if *at == letters[0] || draw.below(2) == 0 {
            mixed[*at].make_ascii_uppercase();
        }
    }
    mixed
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
    rows.extend(escapes());
    rows.extend(base64());
    rows.extend(wide_and_quoted());
    rows.extend(formats());
    rows.extend(letter_case());
    rows.extend(combinations());
    rows.extend(compressed());
    rows
}

fn escapes() -> Vec<Row> {
    vec![
        row("percent, upper case", PERCENT, ANYWHERE, 3.0, |d, b, t, a| {
            encode::percent(d, &joined(b, t, a), Digits::Upper)
        }),
        row("percent, lower case", PERCENT, ANYWHERE, 3.0, |d, b, t, a| {
            encode::percent(d, &joined(b, t, a), Digits::Lower)
        }),
        row("percent, mixed case", PERCENT, ANYWHERE, 3.0, |d, b, t, a| {
            encode::percent(d, &joined(b, t, a), Digits::Mixed)
        }),
        row("percent, every other byte", PERCENT, ANYWHERE, 2.0, |d, b, t, a| {
            encode::percent_every_other(d, &joined(b, t, a))
        }),
        row("percent, the last byte", PERCENT, ANYWHERE, 1.3, |d, b, t, a| {
            let (last, start) = t.split_last().expect("not empty");
            [b, start, &percent(d, &[*last]), a].concat()
        }),
        Row {
            fits: special,
            ..row("percent, reserved characters", PERCENT, ANYWHERE, 3.0, |_, b, t, a| {
                encode::reserved(&joined(b, t, a))
            })
        },
        row("percent twice", PERCENT, ANYWHERE, 5.0, |d, b, t, a| {
            encode::again(&percent(d, &joined(b, t, a)))
        }),
        row("percent twice, every byte", PERCENT, NOT_BASIC, 9.0, |d, b, t, a| {
            let once = encode::percent(d, &joined(b, t, a), Digits::Mixed);
            encode::percent(d, &once, Digits::Mixed)
        }),
        row("percent three times", PERCENT, NOT_BASIC, 7.0, |d, b, t, a| {
            encode::again(&encode::again(&percent(d, &joined(b, t, a))))
        }),
        Row {
            fits: |token| spaced(token) && !special(&encode::replaced(token, b' ', b"")),
            ..row("plus for space", PLUS, ANYWHERE, 1.0, |_, b, t, a| {
                encode::form(&joined(b, t, a))
            })
        },
        Row {
            fits: spaced,
            ..row(
                "plus for space, the rest percent",
                PERCENT | PLUS,
                ANYWHERE,
                3.0,
                |d, b, t, a| {
                    let escaped = percent(d, &joined(b, t, a));
                    let short = |escape| if escape == b"%20" { &b"+"[..] } else { escape };
                    escaped.chunks(3).flat_map(short).copied().collect()
                },
            )
        },
        row("JSON \\u, lower case", JSON, ANYWHERE, 6.0, |d, b, t, a| {
            encode::units(d, &joined(b, t, a), Digits::Lower, 100)
        }),
        row("JSON \\u, upper case", JSON, ANYWHERE, 6.0, |d, b, t, a| {
            encode::units(d, &joined(b, t, a), Digits::Upper, 100)
        }),
        row("JSON \\u, mixed case", JSON, ANYWHERE, 6.0, |d, b, t, a| {
            encode::units(d, &joined(b, t, a), Digits::Mixed, 100)
        }),
        row("JSON \\u, the second byte", JSON, ANYWHERE, 1.7, |d, b, t, a| {
            [b, &t[..1], &units(d, &t[1..2]), &t[2..], a].concat()
        }),
        Row {
            fits: marked,
            ..row("JSON \\/", JSON, ANYWHERE, 2.0, |_, b, t, a| encode::short(&joined(b, t, a)))
        },
        Row {
            fits: foreign,
            ..row("JSON surrogates", JSON, ANYWHERE, 3.0, |d, b, t, a| {
                let escape = |c: char| match c.len_utf16() {
                    1 => c.to_string().into_bytes(),
                    _ => encode::units(d, c.to_string().as_bytes(), Digits::Mixed, 100),
                };
                let token = String::from_utf8_lossy(t);
                [b, &token.chars().flat_map(escape).collect::<Vec<u8>>(), a].concat()
            })
        },
        row("JavaScript \\u{}", JSON, ANYWHERE, 6.0, |_, b, t, a| encode::braces(&joined(b, t, a))),
        row("JavaScript \\x", JSON, ANYWHERE, 4.0, |d, b, t, a| encode::bytes(d, &joined(b, t, a))),
        row("JSON in a JSON string", JSON, ANYWHERE, 7.0, |d, b, t, a| {
            encode::within_json(&units(d, &joined(b, t, a)))
        }),
        Row {
            fits: marked,
            ..row("JSON \\/ in a JSON string", JSON, ANYWHERE, 4.0, |_, b, t, a| {
                encode::short(&encode::short(&joined(b, t, a)))
            })
        },
        row("entities, decimal", ENTITY, ANYWHERE, 6.0, |_, b, t, a| {
            encode::entities(&joined(b, t, a), Entity::Decimal)
        }),
        row("entities, no semicolon", ENTITY, ANYWHERE, 5.0, |_, b, t, a| {
            encode::entities(&joined(b, t, a), Entity::Bare)
        }),
        row("entities, hexadecimal", ENTITY, ANYWHERE, 6.0, |_, b, t, a| {
            encode::entities(&joined(b, t, a), Entity::Hex)
        }),
        row("entities, eight digits", ENTITY, NOT_BASIC, 12.0, |_, b, t, a| {
            encode::entities(&joined(b, t, a), Entity::Padded)
        }),
        Row {
            fits: marked,
            ..row("entities, named", ENTITY, ANYWHERE, 8.0, |_, b, t, a| {
                encode::entities(&joined(b, t, a), Entity::Named)
            })
        },
        row("entities twice", ENTITY, NOT_BASIC, 10.0, |_, b, t, a| {
            let once = encode::entities(&joined(b, t, a), Entity::Hex);
            encode::replaced(&once, b'&', b"&amp;")
        }),
    ]
}

fn base64() -> Vec<Row> {
    vec![
        row("base64, first of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64(&aligned(0, b, t, a), true)
        }),
        row("base64, second of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64(&aligned(1, b, t, a), true)
        }),
        row("base64, third of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64(&aligned(2, b, t, a), true)
        }),
        row("base64, no padding, first of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64(&aligned(0, b, t, a), false)
        }),
        row("base64, no padding, second of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64(&aligned(1, b, t, a), false)
        }),
        row("base64, no padding, third of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64(&aligned(2, b, t, a), false)
        }),
        row("base64url, first of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64url(&aligned(0, b, t, a), true)
        }),
        row("base64url, second of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64url(&aligned(1, b, t, a), true)
        }),
        row("base64url, third of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64url(&aligned(2, b, t, a), true)
        }),
        row("base64url, no padding, first of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64url(&aligned(0, b, t, a), false)
        }),
        row("base64url, no padding, second of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64url(&aligned(1, b, t, a), false)
        }),
        row("base64url, no padding, third of three", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64url(&aligned(2, b, t, a), false)
        }),
        row("base64 twice", BASE64, NOT_BASIC, 1.8, |d, b, t, a| {
            let inner = encode::base64(&aligned(d.below(3), b, t, a), true);
            let before = d.below(3);
            encode::base64(&[&b"::"[..before], &inner].concat(), true)
        }),
        row("base64url twice, no padding", BASE64, NOT_BASIC, 1.8, |d, b, t, a| {
            let inner = encode::base64url(&aligned(d.below(3), b, t, a), false);
            let before = d.below(3);
            encode::base64url(&[&b"::"[..before], &inner].concat(), false)
        }),
        row("base64 in lines of 76", BASE64, BODIES, 1.38, |d, b, t, a| {
            across_lines((b, t, a), d, 76, b"\r\n")
        }),
        row("base64 in lines of 64", BASE64, BODIES, 1.38, |d, b, t, a| {
            across_lines((b, t, a), d, 64, b"\n")
        }),
        row("base64 in lines of 32", BASE64, BODIES, 1.45, |d, b, t, a| {
            across_lines((b, t, a), d, 32, b"\r\n")
        }),
        row("base64 as a data URL", BASE64, NOT_BASIC, 1.34, |_, b, t, a| {
            [b"data:text/plain;base64,", &encode::base64(&joined(b, t, a), true)[..]].concat()
        }),
        row("a token in a JWT's claims", BASE64, ANYWHERE, 1.34, |_, b, t, a| {
            let claims = [b"{\"sub\":\"7\",\"key\":\"", b, t, a, b"\"}"].concat();
            let head = encode::base64url(b"{\"alg\":\"HS256\"}", false);
            [&head[..], &encode::base64url(&claims, false), b"dBjftJeZ4CVPmB92K27uhbUJ"].join(&b'.')
        }),
    ]
}

fn wide_and_quoted() -> Vec<Row> {
    vec![
        row("UTF-16, little end first", UTF16, BODIES, 2.0, |_, b, t, a| {
            encode::utf16(&joined(b, t, a), false, false)
        }),
        row("UTF-16, big end first", UTF16, BODIES, 2.0, |_, b, t, a| {
            encode::utf16(&joined(b, t, a), true, false)
        }),
        row("UTF-16, little end first, with a mark", UTF16, BODIES, 2.0, |_, b, t, a| {
            encode::utf16(&joined(b, t, a), false, true)
        }),
        row("UTF-16, big end first, with a mark", UTF16, BODIES, 2.0, |_, b, t, a| {
            encode::utf16(&joined(b, t, a), true, true)
        }),
        row("PowerShell: base64 of UTF-16", BASE64 | UTF16, ANYWHERE, 2.67, |_, b, t, a| {
            encode::base64(&utf16(&joined(b, t, a)), true)
        }),
        row("quoted-printable, a soft break", QUOTED, BODIES, 1.5, |_, b, t, a| {
            let (left, right) = t.split_at(t.len() / 2);
            let (left, right) = (joined(b, left, b""), joined(b"", right, a));
            [encode::quoted(&left), encode::quoted(&right)].join(&b"=\r\n"[..])
        }),
        row("quoted-printable, a soft break of one byte", QUOTED, BODIES, 1.5, |_, b, t, a| {
            let (left, right) = t.split_at(t.len() / 3);
            let (left, right) = (joined(b, left, b""), joined(b"", right, a));
            [encode::quoted(&left), encode::quoted(&right)].join(&b"=\n"[..])
        }),
        row("quoted-printable, many soft breaks", QUOTED, BODIES, 4.0, |_, b, t, a| {
            encode::soft_breaks(&encode::quoted(&joined(b, t, a)), 3, b"\r\n")
        }),
        row("quoted-printable, every byte", QUOTED, BODIES, 3.0, |d, b, t, a| {
            encode::quoted_all(d, &joined(b, t, a), Digits::Upper)
        }),
        row("quoted-printable, every byte, mixed case", QUOTED, BODIES, 3.0, |d, b, t, a| {
            encode::quoted_all(d, &joined(b, t, a), Digits::Mixed)
        }),
    ]
}

fn formats() -> Vec<Row> {
    vec![
        row("multipart, as it is", RAW, WHOLE, 1.0, |_, b, t, a| {
            encode::multipart("binary", &joined(b, t, a))
        }),
        row("multipart, base64", BASE64, WHOLE, 1.38, |d, b, t, a| {
            encode::multipart("base64", &across_lines((b, t, a), d, 76, b"\r\n"))
        }),
        row("multipart, quoted-printable", QUOTED, WHOLE, 1.5, |_, b, t, a| {
            let text = encode::quoted(&joined(b, t, a));
            let every = b.len() + t.len() / 2;
            encode::multipart("quoted-printable", &encode::soft_breaks(&text, every, b"\r\n"))
        }),
        row("multipart, a JSON field", JSON, WHOLE, 6.0, |d, b, t, a| {
            let field = [b"{\"key\":\"", &units(d, &joined(b, t, a))[..], b"\"}"].concat();
            encode::multipart("8bit", &field)
        }),
        row("GraphQL, in the query", RAW, WHOLE, 1.0, |_, b, t, a| {
            let query = [b"{\"query\":\"{ me(key: \\\"", b, t, a, b"\\\") { id } }\"}"];
            query.concat()
        }),
        row("GraphQL, escapes in the query", JSON, WHOLE, 7.0, |d, b, t, a| {
            let value = units(d, &joined(b, t, a));
            let query = [b"{ me(key: \"", &value[..], b"\") { id } }"].concat();
            [b"{\"query\":\"", &encode::within_json(&query)[..], b"\"}"].concat()
        }),
        row("GraphQL, in the variables", JSON, WHOLE, 6.0, |d, b, t, a| {
            let value = units(d, &joined(b, t, a));
            [b"{\"query\":\"q\",\"variables\":{\"key\":\"", &value[..], b"\"}}"].concat()
        }),
        row("GraphQL, in the target", PERCENT | JSON, &[Query], 8.0, |d, b, t, a| {
            encode::reserved(&[b"{\"key\":\"", &units(d, &joined(b, t, a))[..], b"\"}"].concat())
        }),
        row("gRPC-Web text", BASE64, WHOLE, 1.34, |_, b, t, a| {
            encode::base64(&encode::grpc_frame(&joined(b, t, a)), true)
        }),
        row("gRPC-Web text, a token in two segments", BASE64, WHOLE, 1.4, |d, b, t, a| {
            let frame = encode::grpc_frame(&joined(b, t, a));
            let middle = frame.len() - a.len() - t.len() + 1 + d.below(t.len() - 1);
            let (left, right) = frame.split_at(middle);
            [encode::base64(left, true), encode::base64(right, true)].concat()
        }),
        row("gRPC-Web text, a segment for each five bytes", BASE64, WHOLE, 1.7, |_, b, t, a| {
            let frame = encode::grpc_frame(&joined(b, t, a));
            frame.chunks(5).flat_map(|segment| encode::base64(segment, true)).collect()
        }),
        row("gRPC-Web text, a segment for each byte", BASE64, WHOLE, 4.0, |_, b, t, a| {
            let frame = encode::grpc_frame(&joined(b, t, a));
            frame.chunks(1).flat_map(|segment| encode::base64(segment, true)).collect()
        }),
    ]
}

fn letter_case() -> Vec<Row> {
    let row = |name, views, places, growth, write: Write| Row {
        fits: hexadecimal,
        ..row(name, views, places, growth, write)
    };
    vec![
        row("hexadecimal, upper case", CASE, ANYWHERE, 1.0, |_, b, t, a| {
            joined(b, &t.to_ascii_uppercase(), a)
        }),
        row("hexadecimal, mixed case", CASE, ANYWHERE, 1.0, |d, b, t, a| {
            joined(b, &mixed_case(d, t), a)
        }),
        row("percent of upper case", PERCENT | CASE, ANYWHERE, 3.0, |d, b, t, a| {
            percent(d, &joined(b, &t.to_ascii_uppercase(), a))
        }),
        row("JSON of mixed case", JSON | CASE, ANYWHERE, 6.0, |d, b, t, a| {
            let token = mixed_case(d, t);
            units(d, &joined(b, &token, a))
        }),
        row("base64 of upper case", BASE64 | CASE, ANYWHERE, 1.34, |_, b, t, a| {
            encode::base64(&joined(b, &t.to_ascii_uppercase(), a), true)
        }),
        row("UTF-16 of upper case", UTF16 | CASE, BODIES, 2.0, |_, b, t, a| {
            utf16(&joined(b, &t.to_ascii_uppercase(), a))
        }),
    ]
}

fn combinations() -> Vec<Row> {
    vec![
        row("percent of base64, every byte", PERCENT | BASE64, ANYWHERE, 4.0, |d, b, t, a| {
            percent(d, &encode::base64(&joined(b, t, a), true))
        }),
        Row {
            exact: false,
            ..row("percent of base64", PERCENT | BASE64, ANYWHERE, 4.0, |_, b, t, a| {
                encode::reserved(&encode::base64(&joined(b, t, a), true))
            })
        },
        row("percent of base64 twice", PERCENT | BASE64, NOT_BASIC, 5.4, |d, b, t, a| {
            let inner = encode::base64(&joined(b, t, a), true);
            percent(d, &encode::base64(&inner, true))
        }),
        row("base64 of percent", BASE64 | PERCENT, ANYWHERE, 4.0, |d, b, t, a| {
            encode::base64(&percent(d, &joined(b, t, a)), true)
        }),
        row("base64 of JSON", BASE64 | JSON, ANYWHERE, 8.0, |d, b, t, a| {
            let value = units(d, &joined(b, t, a));
            encode::base64(&[b"{\"key\":\"", &value[..], b"\"}"].concat(), true)
        }),
        row("base64url of JSON", BASE64 | JSON, ANYWHERE, 8.0, |d, b, t, a| {
            let value = encode::units(d, &joined(b, t, a), Digits::Upper, 100);
            encode::base64url(&[b"{\"key\":\"", &value[..], b"\"}"].concat(), false)
        }),
        row("JSON of base64, lines", JSON | BASE64, NOT_BASIC, 1.5, |d, b, t, a| {
            encode::short(&across_lines((b, t, a), d, 76, b"\n"))
        }),
        row("JSON of base64, lines with CR", JSON | BASE64, NOT_BASIC, 1.6, |d, b, t, a| {
            encode::short(&across_lines((b, t, a), d, 64, b"\r\n"))
        }),
        Row {
            exact: false,
            ..row("JSON of base64, slashes", JSON | BASE64, ANYWHERE, 2.7, |_, b, t, a| {
                encode::short(&encode::base64(&joined(b, t, a), true))
            })
        },
        row("JSON of base64, \\u", JSON | BASE64, NOT_BASIC, 8.1, |d, b, t, a| {
            units(d, &encode::base64(&joined(b, t, a), true))
        }),
        row("a form's field of JSON", PERCENT | JSON, ANYWHERE, 8.0, |d, b, t, a| {
            encode::form(&[b"{\"key\":\"", &units(d, &joined(b, t, a))[..], b"\"}"].concat())
        }),
        row("a form's field of JSON in JSON", PERCENT | JSON, NOT_BASIC, 10.0, |d, b, t, a| {
            encode::form(&encode::within_json(&units(d, &joined(b, t, a))))
        }),
        row("JSON of percent", JSON | PERCENT, ANYWHERE, 8.0, |d, b, t, a| {
            encode::replaced(&percent(d, &joined(b, t, a)), b'%', b"\\u0025")
        }),
        row("JSON of entities", JSON | ENTITY, NOT_BASIC, 11.0, |_, b, t, a| {
            let text = encode::entities(&joined(b, t, a), Entity::Hex);
            encode::replaced(&text, b'&', b"\\u0026")
        }),
        row("entities of percent", ENTITY | PERCENT, ANYWHERE, 7.0, |d, b, t, a| {
            encode::replaced(&percent(d, &joined(b, t, a)), b'%', b"&#37;")
        }),
        row("entities of JSON", ENTITY | JSON, NOT_BASIC, 10.0, |d, b, t, a| {
            encode::replaced(&units(d, &joined(b, t, a)), b'\\', b"&#92;")
        }),
        row("percent of entities", PERCENT | ENTITY, NOT_BASIC, 12.0, |_, b, t, a| {
            encode::reserved(&encode::entities(&joined(b, t, a), Entity::Hex))
        }),
        row("entities of base64", ENTITY | BASE64, ANYWHERE, 8.1, |_, b, t, a| {
            encode::entities(&encode::base64(&joined(b, t, a), true), Entity::Decimal)
        }),
        row("base64 of entities", BASE64 | ENTITY, ANYWHERE, 8.1, |_, b, t, a| {
            encode::base64(&encode::entities(&joined(b, t, a), Entity::Decimal), true)
        }),
        row(
            "SAML: percent of base64 of entities",
            PERCENT | BASE64 | ENTITY,
            NOT_BASIC,
            6.2,
            |d, b, t, a| {
                let entity = |letter: &[u8]| encode::entities(letter, Entity::Hex);
                let xml = every_fourth(&joined(b, t, a), entity);
                encode::percent_every_other(d, &encode::base64(&xml, true))
            },
        ),
        row("percent of UTF-16", PERCENT | UTF16, ANYWHERE, 6.0, |_, b, t, a| {
            encode::reserved(&utf16(&joined(b, t, a)))
        }),
        row("JSON of UTF-16", JSON | UTF16, ANYWHERE, 8.0, |_, b, t, a| {
            encode::short(&utf16(&joined(b, t, a)))
        }),
        row("UTF-16 of percent", UTF16 | PERCENT, BODIES, 6.0, |d, b, t, a| {
            utf16(&percent(d, &joined(b, t, a)))
        }),
        row("UTF-16 of JSON", UTF16 | JSON, BODIES, 12.0, |d, b, t, a| {
            utf16(&units(d, &joined(b, t, a)))
        }),
        row("UTF-16 of base64", UTF16 | BASE64, BODIES, 2.7, |_, b, t, a| {
            utf16(&encode::base64(&joined(b, t, a), true))
        }),
        row(
            "base64 of UTF-16 of percent",
            BASE64 | UTF16 | PERCENT,
            ANYWHERE,
            8.0,
            |d, b, t, a| encode::base64(&utf16(&percent(d, &joined(b, t, a))), true),
        ),
        row("quoted-printable of percent", QUOTED | PERCENT, BODIES, 7.0, |d, b, t, a| {
            let text = encode::quoted(&percent(d, &joined(b, t, a)));
            encode::soft_breaks(&text, 3, b"\r\n")
        }),
        row("quoted-printable of JSON", QUOTED | JSON, BODIES, 8.0, |d, b, t, a| {
            encode::replaced(&units(d, &joined(b, t, a)), b'\\', b"=5C")
        }),
        row("quoted-printable of base64", QUOTED | BASE64, BODIES, 4.0, |d, b, t, a| {
            encode::quoted_all(d, &encode::base64(&joined(b, t, a), true), Digits::Upper)
        }),
        row("quoted-printable of UTF-16", QUOTED | UTF16, BODIES, 4.0, |_, b, t, a| {
            encode::quoted(&utf16(&joined(b, t, a)))
        }),
        row(
            "four steps: percent, base64, JSON, base64",
            PERCENT | BASE64 | JSON,
            NOT_BASIC,
            8.2,
            |d, b, t, a| {
                let inner = encode::base64(&joined(b, t, a), true);
                let json = every_fourth(&inner, |letter| units(d, letter));
                encode::percent_every_other(d, &encode::base64(&json, true))
            },
        ),
        row(
            "four steps: base64, UTF-16, JSON, percent",
            BASE64 | UTF16 | JSON | PERCENT,
            NOT_BASIC,
            9.4,
            |d, b, t, a| {
                let percent = encode::percent_every_other(d, &joined(b, t, a));
                let json = encode::replaced(&percent, b'%', b"\\x25");
                encode::base64(&utf16(&json), true)
            },
        ),
    ]
}

fn compressed() -> Vec<Row> {
    let gzip = |name, views, growth, write: Write| Row {
        coding: Coding::Gzip,
        ..row(name, views, BODIES, growth, write)
    };
    let mut rows = vec![
        gzip("gzip", RAW, 1.0, |_, b, t, a| joined(b, t, a)),
        Row { coding: Coding::XGzip, ..gzip("x-gzip", RAW, 1.0, |_, b, t, a| joined(b, t, a)) },
        Row { coding: Coding::Zlib, ..gzip("deflate", RAW, 1.0, |_, b, t, a| joined(b, t, a)) },
        Row {
            coding: Coding::Deflate,
            ..gzip("deflate without zlib", RAW, 1.0, |_, b, t, a| joined(b, t, a))
        },
        gzip("gzip of percent", PERCENT, 3.0, |d, b, t, a| percent(d, &joined(b, t, a))),
        gzip("gzip of JSON", JSON, 6.0, |d, b, t, a| units(d, &joined(b, t, a))),
        gzip("gzip of entities", ENTITY, 6.0, |_, b, t, a| {
            encode::entities(&joined(b, t, a), Entity::Hex)
        }),
        gzip("gzip of base64", BASE64, 1.34, |_, b, t, a| encode::base64(&joined(b, t, a), true)),
        gzip("gzip of UTF-16", UTF16, 2.0, |_, b, t, a| utf16(&joined(b, t, a))),
        gzip("gzip of quoted-printable", QUOTED, 3.0, |d, b, t, a| {
            encode::quoted_all(d, &joined(b, t, a), Digits::Lower)
        }),
        Row {
            fits: hexadecimal,
            ..gzip("gzip of upper case", CASE, 1.0, |_, b, t, a| {
                joined(b, &t.to_ascii_uppercase(), a)
            })
        },
        gzip("gzip of percent of base64", PERCENT | BASE64, 4.0, |d, b, t, a| {
            percent(d, &encode::base64(&joined(b, t, a), true))
        }),
        gzip("gzip of base64 of JSON", BASE64 | JSON, 8.0, |d, b, t, a| {
            encode::base64(&units(d, &joined(b, t, a)), true)
        }),
    ];
    rows.push(Row {
        coding: Coding::Zlib,
        ..gzip("deflate of JSON in a JSON string", JSON, 7.0, |d, b, t, a| {
            encode::within_json(&units(d, &joined(b, t, a)))
        })
    });
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
