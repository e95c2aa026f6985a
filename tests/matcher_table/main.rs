//! Named cases: what a scan says of them, written out. The oracle is asked as well, so that both are
//! held to the same expectation.

mod notation;
#[allow(dead_code, reason = "each test program uses its share of the oracle")]
#[path = "../oracle/mod.rs"]
mod oracle;
mod places;
mod scans;

use oracle::compare::{disagreement, scan, set};
use oracle::draw::{base64, escape};
use oracle::{Request, Token};
use stanch::patch::{Action, PatchSet};

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
