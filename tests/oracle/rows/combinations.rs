//! Encodings within encodings, in the formats that requests are made of, and compressed.

use super::*;

pub(super) fn formats() -> Vec<Row> {
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

pub(super) fn combinations() -> Vec<Row> {
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

pub(super) fn compressed() -> Vec<Row> {
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

/// `text` with every fourth byte written by `by`.
fn every_fourth(text: &[u8], mut by: impl FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
    text.chunks(4).flat_map(|four| [&by(&four[..1])[..], &four[1..]].concat()).collect()
}
