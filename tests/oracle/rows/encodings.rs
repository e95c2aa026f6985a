//! Each encoding by itself, in all the ways that it is written in.

use super::*;

pub(super) fn escapes() -> Vec<Row> {
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

pub(super) fn base64() -> Vec<Row> {
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

pub(super) fn wide_and_quoted() -> Vec<Row> {
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

pub(super) fn letter_case() -> Vec<Row> {
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

/// Text that starts `by` bytes behind a group of three.
fn aligned(by: usize, before: &[u8], token: &[u8], after: &[u8]) -> Vec<u8> {
    let filler = &b"~~"[..(3 + by - before.len() % 3) % 3];
    [filler, before, token, after].concat()
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
