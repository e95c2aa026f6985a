//! Named cases: what a scan says of them, written out. The oracle is asked as well, so that both are
//! held to the same expectation.

#[allow(dead_code, reason = "each test program uses its share of the oracle")]
mod oracle;

use oracle::compare::{disagreement, scan, scan_in, set};
use oracle::draw::{base64, changed, escape};
use oracle::{Request, Token};
use stanch::patch::{Action, Header, Part, PatchSet, Scan, ScanError, View, Views};

/// Tokens of every tier and shape, none of them anybody's.
const TOKENS: [(&str, &[u8]); 10] = [
    ("eight", b"q7Zr3Kw9"),
    ("thirteen", b"Hx5Dk8Mw2Pe7T"),
    ("sixteen", b"Lp3vHd6sGf1JyUeA"),
    ("twenty", b"9cT4nW8bXq2mZ7RkVd5F"),
    ("access key id", b"AKIAQ7ZR3KW9VN9TZ3RW"),
    ("prefixed", b"sk_live_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1C"),
    ("hexadecimal", b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"),
    ("base64", b"wJalr+UtnFEMI/K7MDENG+bPxRfiCYzK3yQ/9p8=="),
    ("uuid", b"3f2b8c1e-9d47-4a6b-8e15-7c0a9b3d2f61"),
    ("jwt", JWT),
];

const JWT: &[u8] =
    b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI4NDA5MjcxMzU2IiwiaWF0IjoxNzE2MjM5MDIyfQ.\
    dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk0Q";
/// The same header and claims, signed by somebody else.
const OTHER_SIGNATURE: &[u8] =
    b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI4NDA5MjcxMzU2IiwiaWF0IjoxNzE2MjM5MDIyfQ.\
    7XkQm2v9LrT0sWcYbN4hZpE8uJfA1gKdR6iVoCq3MxU";

/// Where in a request a text stands, how it is written there, and what a hit must say.
struct Place {
    name: &'static str,
    part: Part,
    view: View,
    /// The name that a hit must bear.
    bears: &'static str,
    /// Where a token starts that has so many bytes of the text before it.
    starts: fn(usize) -> usize,
    request: fn(&[u8]) -> Request,
}

fn get(target: &[u8]) -> Request {
    Request { method: b"GET".to_vec(), target: target.to_vec(), ..Request::default() }
}

fn header(name: &[u8], value: &[u8]) -> Request {
    Request { headers: vec![(name.to_vec(), value.to_vec())], ..get(b"/v1/items") }
}

fn body(pieces: &[&[u8]]) -> Request {
    Request { body: pieces.iter().map(|piece| piece.to_vec()).collect(), ..get(b"/v1/items") }
}

/// Every byte escaped.
fn escaped(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| escape(*byte, true, true)).collect()
}

fn basic(before: &[u8], text: &[u8], behind: &[u8]) -> Vec<u8> {
    [b"Basic ", &base64(&[before, text, behind].concat(), true)[..]].concat()
}

/// The letter that holds the first bit of byte `n` of Basic credentials.
fn in_basic(n: usize) -> usize {
    b"Basic ".len() + n * 8 / 6
}

const PLACES: [Place; 16] = [
    Place {
        name: "path",
        part: Part::Path,
        view: View::Raw,
        bears: "",
        starts: |n| 4 + n,
        request: |text| get(&[b"/v1/", text].concat()),
    },
    Place {
        name: "path, escaped",
        part: Part::Path,
        view: View::Percent,
        bears: "",
        starts: |n| 4 + 3 * n,
        request: |text| get(&[b"/v1/", &escaped(text)[..]].concat()),
    },
    Place {
        name: "query",
        part: Part::Query,
        view: View::Raw,
        bears: "key",
        starts: |n| 14 + n,
        request: |text| get(&[b"/v1?a=%31&key=", text].concat()),
    },
    Place {
        name: "query, escaped",
        part: Part::Query,
        view: View::Percent,
        bears: "key",
        starts: |n| 14 + 3 * n,
        request: |text| get(&[b"/v1?a=%31&key=", &escaped(text)[..]].concat()),
    },
    Place {
        name: "query without a name",
        part: Part::Query,
        view: View::Raw,
        bears: "",
        starts: |n| 4 + n,
        request: |text| get(&[b"/v1?", text].concat()),
    },
    Place {
        name: "header",
        part: Part::Header,
        view: View::Raw,
        bears: "X-Api-Key",
        starts: |n| n,
        request: |text| header(b"X-Api-Key", text),
    },
    Place {
        name: "bearer",
        part: Part::Header,
        view: View::Raw,
        bears: "authorization",
        starts: |n| 7 + n,
        request: |text| header(b"authorization", &[b"Bearer ", text].concat()),
    },
    Place {
        name: "header, escaped",
        part: Part::Header,
        view: View::Percent,
        bears: "X-Original-Url",
        starts: |n| 3 + 3 * n,
        request: |text| header(b"X-Original-Url", &[b"/?x", &escaped(text)[..]].concat()),
    },
    Place {
        name: "cookie",
        part: Part::Cookie,
        view: View::Raw,
        bears: "sid",
        starts: |n| 9 + n,
        request: |text| header(b"Cookie", &[b"a=1; sid=", text].concat()),
    },
    Place {
        name: "cookie, escaped",
        part: Part::Cookie,
        view: View::Percent,
        bears: "sid",
        starts: |n| 9 + 3 * n,
        request: |text| header(b"COOKIE", &[b"a=1; sid=", &escaped(text)[..]].concat()),
    },
    Place {
        name: "password",
        part: Part::Header,
        view: View::Basic,
        bears: "Authorization",
        starts: |n| in_basic(5 + n),
        request: |text| header(b"Authorization", &basic(b"user:", text, b"")),
    },
    Place {
        name: "user",
        part: Part::Header,
        view: View::Basic,
        bears: "Proxy-Authorization",
        starts: in_basic,
        request: |text| header(b"Proxy-Authorization", &basic(b"", text, b":x-oauth-basic")),
    },
    Place {
        name: "body",
        part: Part::Body,
        view: View::Raw,
        bears: "",
        starts: |n| 8 + n,
        request: |text| body(&[b"{\"key\":\"", text, b"\"}"]),
    },
    Place {
        name: "body, escaped",
        part: Part::Body,
        view: View::Percent,
        bears: "",
        starts: |n| 6 + 3 * n,
        request: |text| body(&[b"a=1&k=", &escaped(text), b"&b=2"]),
    },
    Place {
        name: "body, byte by byte",
        part: Part::Body,
        view: View::Raw,
        bears: "",
        starts: |n| 3 + n,
        request: |text| {
            let text = [b"k: ", text, b"\n"].concat();
            body(&text.chunks(1).collect::<Vec<_>>())
        },
    },
    Place {
        name: "trailer",
        part: Part::Header,
        view: View::Raw,
        bears: "X-Key",
        starts: |n| n,
        request: |text| {
            let trailers = vec![(b"X-Key".to_vec(), text.to_vec())];
            Request { trailers, ..body(&[b"nothing to see"]) }
        },
    },
];

fn tokens() -> Vec<Token> {
    let token = |(leak, (_, bytes)): (u64, &(&str, &[u8]))| Token {
        bytes: bytes.to_vec(),
        leak,
        action: Action::Block,
    };
    (1..).zip(&TOKENS).map(token).collect()
}

fn one(bytes: &[u8]) -> ([Token; 1], PatchSet) {
    let tokens = [Token { bytes: bytes.to_vec(), leak: 1, action: Action::Block }];
    let set = set(&tokens);
    (tokens, set)
}

/// What a scan says, once the oracle agrees.
#[track_caller]
fn told(set: &PatchSet, tokens: &[Token], request: &Request, what: &str) -> (Action, String) {
    if let Some(why) = disagreement(set, tokens, request) {
        panic!("{what}: {why}");
    }
    let verdict = scan(set, request);
    let hit = verdict.hit.map_or(String::new(), |hit| {
        format!("{} {} {} {} {}", hit.leak, hit.part, hit.views, hit.offset, hit.name)
    });
    (verdict.action, hit)
}

/// Every token × every place × alone, at the start, at the end, and glued in between.
#[test]
fn every_token_is_found_at_every_place() {
    let tokens = tokens();
    let set = set(&tokens);
    for token in &tokens {
        for place in &PLACES {
            for (left, right) in [("", ""), ("", "Zz0-tail"), ("head-0Zz", ""), ("0aB", "Zz9")] {
                let text = [left.as_bytes(), &token.bytes, right.as_bytes()].concat();
                let what = format!("{} in {}: {left}…{right}", token.leak, place.name);
                let (action, hit) = told(&set, &tokens, &(place.request)(&text), &what);
                let Place { part, view, bears, .. } = place;
                let offset = (place.starts)(left.len());
                assert_eq!(action, Action::Block, "{what}");
                assert_eq!(hit, format!("{} {part} {view} {offset} {bears}", token.leak), "{what}");
            }
        }
    }
}

/// Any one byte changed, left out or doubled.
#[test]
fn near_misses_are_never_found() {
    let tokens = tokens();
    let set = set(&tokens);
    for token in &tokens {
        for at in 0..token.bytes.len() {
            let (left, right) = token.bytes.split_at(at);
            let misses = [
                changed(&token.bytes, at),
                [left, &right[1..]].concat(),
                [left, b"~", right].concat(),
            ];
            for (number, miss) in misses.iter().enumerate() {
                // Left out or put in at the end, or between equal bytes, the token is still there.
                if miss.windows(token.bytes.len()).any(|window| window == token.bytes) {
                    continue;
                }
                for place in PLACES.iter().skip((at + number) % 3).step_by(3) {
                    let what = format!("{} in {}, byte {at}", token.leak, place.name);
                    let told = told(&set, &tokens, &(place.request)(miss), &what);
                    assert_eq!(told.0, Action::Pass, "{what}");
                }
            }
        }
    }
}

#[test]
fn a_jwt_is_another_token_with_another_signature() {
    let (tokens, set) = one(JWT);
    for place in &PLACES {
        let found = told(&set, &tokens, &(place.request)(JWT), place.name);
        let other = told(&set, &tokens, &(place.request)(OTHER_SIGNATURE), place.name);
        assert_eq!((found.0, other.0), (Action::Block, Action::Pass), "{}", place.name);
        let cut = told(&set, &tokens, &(place.request)(&JWT[..JWT.len() - 1]), place.name);
        assert_eq!(cut.0, Action::Pass, "{}", place.name);
    }
}

#[test]
fn the_strongest_action_wins_whatever_the_order() {
    let monitored = b"Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi".to_vec();
    let blocked = b"sk_live_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1C".to_vec();
    let tokens = [
        Token { bytes: monitored.clone(), leak: 5, action: Action::Monitor },
        Token { bytes: blocked.clone(), leak: 6, action: Action::Block },
    ];
    let set = set(&tokens);
    let told = |request: &Request, what| told(&set, &tokens, request, what);
    let recorded = |offset| (Action::Monitor, format!("5 body raw {offset} "));
    assert_eq!(told(&body(&[&monitored]), "one"), recorded(0));
    assert_eq!(told(&body(&[b"x", &monitored, b" ", &monitored]), "twice: the first"), recorded(1));
    let refused = |at: u64| (Action::Block, format!("6 body raw {at} "));
    assert_eq!(told(&body(&[&monitored, b" ", &blocked]), "then block"), refused(25));
    assert_eq!(told(&body(&[&blocked, b" ", &monitored]), "block first"), refused(0));
    let both = Request { body: vec![blocked.clone()], ..header(b"X-Key", &monitored) };
    assert_eq!(told(&both, "header, then body"), refused(0));
    let both = Request { body: vec![monitored.clone()], ..header(b"X-Key", &blocked) };
    let told_both = told(&both, "body, then header");
    assert_eq!(told_both, (Action::Block, "6 header raw 0 X-Key".to_owned()));
    let both = header(b"Authorization", &basic(&monitored, b":", &blocked));
    let told_both = told(&both, "basic");
    assert_eq!(told_both, (Action::Block, "6 header basic 39 Authorization".to_owned()));
}

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

#[test]
fn nothing_is_found_in_nothing() {
    let tokens = tokens();
    let set = set(&tokens);
    for request in [
        Request::default(),
        get(b""),
        get(b"/"),
        get(b"?"),
        header(b"", b""),
        header(b"Cookie", b""),
        header(b"Authorization", b""),
        header(b"Authorization", b"Basic"),
        header(b"Authorization", b"Basic "),
        header(b"Authorization", b"Basic ===="),
        body(&[]),
        body(&[b""]),
        body(&[b"", b"", b""]),
        body(&[b"%"]),
        body(&[b"%", b"", b"4"]),
    ] {
        let told = told(&set, &tokens, &request, "nothing");
        assert_eq!(told, (Action::Pass, String::new()), "{request:?}");
    }
    // Empty pieces between the halves of a token change nothing.
    let (left, right) = TOKENS[3].1.split_at(7);
    let request = body(&[b"", left, b"", b"", right, b""]);
    assert_eq!(told(&set, &tokens, &request, "empty pieces").1, "4 body raw 0 ");
}

#[test]
fn a_token_may_not_be_put_together_from_parts() {
    let (tokens, set) = one(TOKENS[3].1);
    let (left, right) = TOKENS[3].1.split_at(9);
    let split = |headers: &[(&[u8], &[u8])], target: &[u8], body: &[u8]| Request {
        headers: headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
        body: vec![body.to_vec()],
        ..get(target)
    };
    for request in [
        split(&[(b"a", left), (b"b", right)], b"/", b""),
        split(&[(b"a", left)], b"/", right),
        split(&[(b"a", right)], left, b""),
        split(&[], left, right),
        split(&[(left, right)], b"/", b""),
        split(&[(TOKENS[3].1, b"x")], b"/", b""),
    ] {
        assert_eq!(told(&set, &tokens, &request, "in two").0, Action::Pass, "{request:?}");
    }
}

#[test]
fn what_is_fed_after_the_end_or_after_a_block_is_not_looked_at() {
    let monitored = TOKENS[3].1.to_vec();
    let tokens = [
        Token { bytes: monitored.clone(), leak: 1, action: Action::Monitor },
        Token { bytes: TOKENS[5].1.to_vec(), leak: 2, action: Action::Block },
    ];
    let set = set(&tokens);
    let blocked = TOKENS[5].1;
    let mut state = vec![0xff; set.state_len()];
    let mut scan = Scan::new(&set, &mut state).expect("enough state");
    scan.body(&[&monitored]);
    let verdict = scan.finish();
    assert_eq!((verdict.action, verdict.hit.map(|hit| hit.leak)), (Action::Monitor, Some(1)));
    scan.request(b"GET", &[b"/", blocked].concat());
    scan.headers(&[Header { name: b"x", value: blocked }]);
    scan.body(&[blocked, b"%41"]);
    assert_eq!(*scan.verdict(), verdict);
    assert_eq!(scan.finish(), verdict);
    drop(scan);
    assert!(
        state.iter().all(|byte| matches!(byte, 0 | 0xff)),
        "wiped, and nothing put there since"
    );

    let mut scan = Scan::new(&set, &mut state).expect("enough state");
    scan.headers(&[Header { name: b"x", value: blocked }]);
    let blocked_by_header = *scan.verdict();
    assert_eq!(blocked_by_header.action, Action::Block);
    scan.body(&[blocked, &monitored]);
    assert_eq!(scan.finish(), blocked_by_header);
}

/// Several calls are one request: two lists of headers, headers behind the body.
#[test]
fn calls_add_up() {
    let tokens = tokens();
    let set = set(&tokens);
    let (left, right) = TOKENS[6].1.split_at(11);
    let mut state = vec![0; set.state_len()];
    let mut scan = Scan::new(&set, &mut state).expect("enough state");
    scan.headers(&[]);
    scan.body(&[b"12345", left]);
    scan.headers(&[Header { name: b"x", value: b"a header between the pieces of a body, %41" }]);
    scan.request(b"GET", b"/%41/and/a/request/line");
    scan.body(&[right]);
    let hit = scan.finish().hit.expect("found");
    assert_eq!((hit.leak, hit.offset), (7, 5));
}

/// Memory that held one scan serves the next, and nothing of the first shows in it.
#[test]
fn memory_is_wiped_and_serves_again() {
    let tokens = tokens();
    let set = set(&tokens);
    let mut state = vec![0xff; set.state_len() + 100];
    for token in &tokens {
        let (left, right) = token.bytes.split_at(token.bytes.len() / 2);
        let halves =
            [left, right].map(|half| scan_in(&set, &mut state, &body(&[half]), Views::ALL).action);
        assert_eq!(halves, [Action::Pass, Action::Pass], "halves in two requests");
        let whole = scan_in(&set, &mut state, &body(&[left, right]), Views::ALL);
        assert_eq!(whole.hit.map(|hit| hit.leak), Some(token.leak));
    }
    // One that is dropped before its end leaves nothing, either.
    state.fill(0xff);
    let mut scan = Scan::new(&set, &mut state).expect("enough state");
    scan.body(&[TOKENS[8].1.split_at(20).0]);
    drop(scan);
    assert!(state.iter().all(|byte| matches!(byte, 0 | 0xff)));
}

#[test]
fn too_little_memory_is_refused() {
    let (_, set) = one(TOKENS[3].1);
    let needed = set.state_len();
    for found in [0, 1, needed - 1] {
        let error = Scan::new(&set, &mut vec![0; found]).err();
        assert_eq!(error, Some(ScanError::State { needed, found }));
    }
    assert!(Scan::new(&set, &mut vec![0; needed]).is_ok());
}

/// Of the views that show a token, the plainest is reported: raw before percent, be it in a later
/// header.
#[test]
fn a_token_is_reported_by_the_plainest_view() {
    let (tokens, set) = one(TOKENS[3].1);
    let token = TOKENS[3].1;
    let request = get(&[b"/?a=%41&b=", token, b"%41"].concat());
    assert_eq!(told(&set, &tokens, &request, "raw").1, "1 query raw 10 b");
    let list = [(b"X-First".to_vec(), escaped(token)), (b"X-Second".to_vec(), token.to_vec())];
    let request = Request { headers: list.to_vec(), ..get(b"/") };
    assert_eq!(told(&set, &tokens, &request, "two headers").1, "1 header raw 0 X-Second");
}

/// Headers are searched many at a time. A token in any of a long list, long and short ones between.
#[test]
fn a_token_in_any_of_many_headers_is_found() {
    let tokens = tokens();
    let set = set(&tokens);
    for count in [1, 2, 15, 16, 17, 33, 100] {
        for planted in 0..count {
            let token = &tokens[(count + planted) % tokens.len()];
            let kind = (planted / 3) % 4;
            let field = |number: usize| {
                let noise = b"Kp2 mW8-zQ4;x=".repeat([0, 1, 9, 40][(number + count) % 4]);
                let text = if number == planted { &token.bytes[..] } else { b"" };
                let (name, value) = match kind {
                    0 => ("X-Key", [&noise[..], text].concat()),
                    1 => ("Cookie", [&noise[..], b"; sid=", text].concat()),
                    2 => ("X-Url", [&noise[..], &escaped(text)].concat()),
                    _ => ("Authorization", basic(&noise, text, b"")),
                };
                (name.as_bytes().to_vec(), value)
            };
            let request = Request { headers: (0..count).map(field).collect(), ..get(b"/") };
            let what = format!("leak {} in header {planted} of {count}", token.leak);
            let (action, hit) = told(&set, &tokens, &request, &what);
            let view = ["raw", "raw", "percent", "basic"][kind];
            assert_eq!(action, Action::Block, "{what}");
            assert!(
                hit.starts_with(&token.leak.to_string()) && hit.contains(view),
                "{what}: {hit}"
            );
        }
    }
}

/// A host may hand over fields that share bytes: the header lines as one, then each field; or one
/// value twice. Each is a text of its own.
#[test]
fn headers_that_share_bytes_are_each_searched() {
    let (_, set) = one(TOKENS[5].1);
    let token = TOKENS[5].1;
    let text = [&b"0123456789".repeat(3)[..], token, &b"abcdefghij".repeat(3)].concat();
    let mut state = vec![0; set.state_len()];
    // The first ends within the token, the second has it whole.
    for (cut, from) in (30..30 + token.len()).flat_map(|cut| [0, 7, 29].map(|from| (cut, from))) {
        let first = Header { name: b"first", value: &text[..cut] };
        let second = Header { name: b"second", value: &text[from..] };
        for headers in [[first, second], [second, first]] {
            let mut scan = Scan::new(&set, &mut state).expect("enough state");
            scan.headers(&headers);
            let hit = scan.finish().hit.unwrap_or_else(|| panic!("cut at {cut}, from {from}"));
            assert_eq!((hit.offset, hit.name.as_bytes()), (30 - from as u64, &b"second"[..]));
        }
    }
}
