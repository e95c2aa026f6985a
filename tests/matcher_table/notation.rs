//! How a token, and the name that it stands under, may be written.

use stanch::patch::Action;

use crate::oracle::Request;
use crate::oracle::compare::{disagreement, scan};
use crate::oracle::draw::base64;
use crate::{TOKENS, basic, body, escaped, get, header, one, told};

/// The token `zcT4nW8bXq2mZ7RkVd5Jk` in every way to write escapes: what the view makes of it.
#[test]
fn forms_of_percent_escapes() {
    let (tokens, set) = one(b"zcT4nW8bXq2mZ7RkVd5Jk");
    let found = |offset: u64| (Action::Block, format!("1 query percent {offset} k"));
    let raw = |offset: u64| (Action::Block, format!("1 query raw {offset} k"));
    let pass = || (Action::Pass, String::new());
    let cases: [(&[u8], (Action, String)); 20] = [
        (b"zcT4nW8bXq2mZ7RkVd5Jk", raw(4)),
        (b"zcT4nW8bXq2mZ7RkVd5%4Ak", found(4)),
        (b"zcT4nW8bXq2mZ7RkVd5%4ak", found(4)),
        (b"zcT4nW8bXq2mZ7RkVd5%4a%6B", found(4)),
        (b"zcT4nW8bXq2mZ7RkVd5%4A%6b", found(4)),
        // Characters that need no escape at all.
        (b"%7AcT4nW8bXq2mZ7RkVd5Jk", found(4)),
        (b"%7a%63%54%34%6e%57%38%62%58%71%32%6d%5a%37%52%6b%56%64%35%4a%6b", found(4)),
        // What stands before is decoded, too, and counts as it was sent.
        (b"%20%20zcT4nW8bXq2mZ7RkVd5%4ak", found(10)),
        (b"%20%20zcT4nW8bXq2mZ7RkVd5Jk", raw(10)),
        (b"%zzzcT4nW8bXq2mZ7RkVd5%4ak", found(7)),
        (b"%%7AcT4nW8bXq2mZ7RkVd5Jk", found(5)),
        (b"%%41%7AcT4nW8bXq2mZ7RkVd5Jk", found(8)),
        (b"%2%7AcT4nW8bXq2mZ7RkVd5Jk", found(6)),
        // Escapes that are not complete stay as they are.
        (b"zcT4nW8bXq2mZ7RkVd5%4", pass()),
        (b"zcT4nW8bXq2mZ7RkVd5%4ak%", found(4)),
        (b"zcT4nW8bXq2mZ7RkVd5%4ak%4", found(4)),
        (b"zcT4nW8bXq2mZ7RkVd5%%4ak", pass()),
        (b"zcT4nW8bXq2mZ7RkVd5%4%61k", found(4)),
        // Undone up to three times; and a plus is a plus.
        (b"zcT4nW8bXq2mZ7RkVd5%254ak", found(4)),
        (b"zcT4nW8bXq2mZ7RkVd5+Jk", pass()),
    ];
    for (text, expected) in cases {
        let what = String::from_utf8_lossy(text).into_owned();
        let target = [b"/?k=", text].concat();
        assert_eq!(told(&set, &tokens, &get(&target), &what), expected, "{what}");
        // The same as a body, whole and byte by byte.
        let whole = told(&set, &tokens, &body(&[&target]), &what);
        let bytewise = body(&target.chunks(1).collect::<Vec<_>>());
        let in_body = expected.1.replace("query", "body").replace(" k", " ");
        assert_eq!(whole, (expected.0, in_body), "{what}");
        assert_eq!(told(&set, &tokens, &bytewise, &what), whole, "{what}");
    }
    // The end of an escape may be the start of a token: as it stands, but not once it is undone.
    let (tokens, set) = one(b"9cT4nW8bXq2mZ7RkVd5Jk");
    assert_eq!(told(&set, &tokens, &get(b"/?k=%39cT4nW8bXq2mZ7RkVd5Jk"), "raw"), raw(6));
    assert_eq!(told(&set, &tokens, &get(b"/?k=%9cT4nW8bXq2mZ7RkVd5%4ak"), "undone"), pass());
    // A token that itself looks like an escape, as it stands and escaped.
    let (tokens, set) = one(b"9cT4n%41W8bXq2mZ7RkVd");
    assert_eq!(told(&set, &tokens, &get(b"/?k=9cT4n%41W8bXq2mZ7RkVd"), "raw"), raw(4));
    assert_eq!(told(&set, &tokens, &get(b"/?k=9cT4n%2541W8bXq2mZ7RkVd"), "percent"), found(4));
    assert_eq!(told(&set, &tokens, &get(b"/?k=9cT4nAW8bXq2mZ7RkVd"), "decoded"), pass());
}

#[test]
fn names_of_headers_in_any_case() {
    let (tokens, set) = one(TOKENS[5].1);
    let token = TOKENS[5].1;
    for name in ["cookie", "Cookie", "COOKIE", "cOOkIe"] {
        let request = header(name.as_bytes(), &[b"s=", token].concat());
        assert_eq!(told(&set, &tokens, &request, name).1, "1 cookie raw 2 s");
    }
    for name in ["authorization", "AUTHORIZATION", "Proxy-authorization", "pRoXy-AuThOrIzAtIoN"] {
        for scheme in ["Basic", "basic", "BASIC", "bAsIc"] {
            let encoded = basic(b"u:", token, b"");
            let request = header(name.as_bytes(), &[scheme.as_bytes(), &encoded[5..]].concat());
            let hit = told(&set, &tokens, &request, name).1;
            assert_eq!(hit, format!("1 header basic 8 {name}"));
        }
    }
    // Elsewhere they are base64 and no more.
    for (name, value) in [
        ("X-Authorization", basic(b"u:", token, b"")),
        ("Authorization2", basic(b"u:", token, b"")),
        ("Authorization", [b"Digest ", &basic(b"u:", token, b"")[6..]].concat()),
        ("Authorization", [b"Basic", &basic(b"u:", token, b"")[6..]].concat()),
        ("Cookie", basic(b"u:", token, b"")),
    ] {
        let told = told(&set, &tokens, &header(name.as_bytes(), &value), name);
        assert_eq!(told.0, Action::Block, "{name}");
        assert!(told.1.contains(" base64 "), "{name}: {}", told.1);
    }
}

#[test]
fn forms_of_basic_credentials() {
    let (tokens, set) = one(TOKENS[7].1);
    let token = TOKENS[7].1;
    let encoded = |before: &[u8], padded| base64(&[before, token].concat(), padded);
    let in_url_alphabet: Vec<u8> = encoded(b"\xfb\xff:", false)
        .into_iter()
        .map(|b| {
            if b == b'+' {
                b'-'
            } else if b == b'/' {
                b'_'
            } else {
                b
            }
        })
        .collect();
    let found = |offset: usize| format!("1 header basic {offset} Authorization");
    let cases: [(&str, Vec<u8>, String); 8] = [
        ("one character before", [b"Basic ", &encoded(b":", true)[..]].concat(), found(7)),
        ("two", [b"Basic ", &encoded(b"a:", true)[..]].concat(), found(8)),
        ("three", [b"Basic ", &encoded(b"ab:", true)[..]].concat(), found(10)),
        ("no padding", [b"Basic ", &encoded(b"a:", false)[..]].concat(), found(8)),
        ("the other alphabet", [b"Basic ", &in_url_alphabet[..]].concat(), found(10)),
        ("blanks", [b"  Basic \t  ", &encoded(b":", true)[..], b"  "].concat(), found(12)),
        ("something behind", [b"Basic ", &encoded(b":", true)[..], b", x=y"].concat(), found(7)),
        ("junk before", [b"Basic !", &encoded(b":", true)[..]].concat(), found(8)),
    ];
    for (what, value, expected) in cases {
        let (_, hit) = told(&set, &tokens, &header(b"Authorization", &value), what);
        assert_eq!(hit, expected, "{what}");
    }
}

#[test]
fn targets_and_the_names_in_them() {
    let (tokens, set) = one(TOKENS[3].1);
    let cases = [
        ("https://api.example.com/v1/TOKEN", "path raw 27 "),
        ("https://api.example.com/v1?key=TOKEN", "query raw 31 key"),
        ("https://user:TOKEN@api.example.com/", "path raw 13 "),
        ("*TOKEN", "path raw 1 "),
        ("TOKEN", "path raw 0 "),
        ("example.com:443/TOKEN", "path raw 16 "),
        ("/a?b=c&d=TOKEN", "query raw 9 d"),
        ("/a?b=c;d=TOKEN", "query raw 9 d"),
        ("/a?b=TOKEN&c=TOKEN", "query raw 5 b"),
        ("/a?b==TOKEN", "query raw 6 b"),
        ("/a?b=x?TOKEN", "query raw 7 b"),
        ("/a? b =TOKEN", "query raw 7 b"),
        ("/a?=TOKEN", "query raw 4 "),
        ("/a?TOKEN", "query raw 3 "),
        ("/a?b&TOKEN=1", "query raw 5 "),
        ("/a?xTOKENy=1", "query raw 4 "),
        ("/a?b=1&TOKEN", "query raw 7 "),
        ("/a?b=1#TOKEN", "query raw 7 b"),
        ("/TOKEN?b=1", "path raw 1 "),
        ("/a?api%5Bkey%5D=9cT4nW8bXq2mZ7RkVd5%46", "query percent 16 api%5Bkey%5D"),
        ("/9cT4nW8bXq2mZ7RkVd5%46?b=1", "path percent 1 "),
        ("/a%3Fb=9cT4nW8bXq2mZ7RkVd5%46", "path percent 7 "),
        ("/a?x=1%26b=9cT4nW8bXq2mZ7RkVd5%46", "query percent 11 x"),
    ];
    for (target, expected) in cases {
        let target = target.replace("TOKEN", "9cT4nW8bXq2mZ7RkVd5F");
        let (_, hit) = told(&set, &tokens, &get(target.as_bytes()), &target);
        assert_eq!(hit, format!("1 {expected}"), "{target}");
    }
}

#[test]
fn cookies_and_their_names() {
    let (tokens, set) = one(TOKENS[3].1);
    let cases = [
        ("TOKEN", "0 "),
        ("sid=TOKEN", "4 sid"),
        ("a=1;sid=TOKEN", "8 sid"),
        ("a=1;  sid =TOKEN; b=2", "11 sid"),
        ("a=1; TOKEN=x", "5 "),
        ("a=x=TOKEN", "4 a"),
        ("a=1&b=TOKEN", "6 a"),
        ("a=\"TOKEN\"", "3 a"),
        ("TOKEN; a=1", "0 "),
    ];
    for (value, expected) in cases {
        let value = value.replace("TOKEN", "9cT4nW8bXq2mZ7RkVd5F");
        let (_, hit) = told(&set, &tokens, &header(b"cookie", value.as_bytes()), &value);
        assert_eq!(hit, format!("1 cookie raw {expected}"), "{value}");
    }
}

/// A name is the client's text: it is cut and escaped, and it is empty where the token stands in it.
#[test]
fn names_are_cut_escaped_and_never_hold_the_token() {
    let (tokens, set) = one(TOKENS[3].1);
    let token = TOKENS[3].1;
    let long = b"n".repeat(100);
    let hit = |request: &Request| scan(&set, request).hit.expect("found");
    let request = header(&long, token);
    assert_eq!(hit(&request).name.as_bytes(), &long[..64]);
    let request = get(&[b"/?", &long[..], b"=", token].concat());
    assert_eq!(hit(&request).name.as_bytes(), &long[..64]);
    let request = get(&[b"/?a\x01\"\xff=", token].concat());
    assert_eq!(hit(&request).name.to_string(), "a\\x01\\\"\\xff");
    for request in [
        get(&[b"/?", token, b"=1"].concat()),
        get(&[b"/?", &escaped(token)[..], b"=1"].concat()),
        header(b"Cookie", &[token, b"=1"].concat()),
        header(b"Cookie", &[b"a=1; ", token, b"=1"].concat()),
    ] {
        assert!(hit(&request).name.is_empty());
        assert_eq!(disagreement(&set, &tokens, &request), None);
    }
}
