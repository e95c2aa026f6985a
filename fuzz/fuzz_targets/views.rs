//! Any text in any chain of encodings: the matcher and the oracle agree.
//!
//! The first byte chooses a set of tokens, the second the part of the request, the third how a body is
//! cut and compressed. The rest is text, but for what no mutation would ever hit upon, each with a
//! number behind it: 0xfe is a token, 0xfd a token with one byte changed, 0xfc the start of a token;
//! 0xfb writes the text so far in one of the encodings, 0xfa keeps it from being written in any more,
//! and 0xf9 changes one of its bytes.

#![no_main]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/oracle/mod.rs"]
mod oracle;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oracle::compare::{disagreement, set};
use oracle::draw::{BASE62, BASE64, Draw, HEX, changed};
use oracle::encode::{self, CODERS};
use oracle::{Request, Token};
use stanch::patch::{Action, PatchSet};

/// Texts longer than this take the oracle too long.
const LONGEST: usize = 4096;

static SETS: LazyLock<Vec<(Vec<Token>, PatchSet)>> = LazyLock::new(|| {
    let mut draw = Draw(83);
    let spaced = [draw.text(9, BASE62), draw.text(11, BASE64)].join(&b' ');
    let foreign = ["Zr3Kw9-Schlüssel-".as_bytes(), &draw.text(9, BASE62)].concat();
    let uuid = b"3f2b8c1e-9d47-4a6b-8e15-7c0a9b3d2f61".to_vec();
    let sets = [
        vec![draw.text(20, BASE62), draw.text(40, BASE62), draw.text(32, BASE64)],
        vec![draw.text(8, BASE62), draw.text(13, BASE62)],
        vec![uuid, draw.text(40, HEX), draw.text(20, b"0123456789ABCDEF")],
        vec![spaced, draw.text(24, BASE62)],
        vec![foreign, draw.text(30, BASE62)],
        vec![draw.text(200, BASE62), draw.text(16, BASE64)],
    ];
    let sets = sets.into_iter().map(|tokens| {
        let token = |(leak, bytes): (u64, Vec<u8>)| {
            let action = if leak % 3 == 2 { Action::Monitor } else { Action::Block };
            Token { bytes, leak, action }
        };
        let tokens: Vec<Token> = (1..).zip(tokens).map(token).collect();
        let compiled = set(&tokens);
        (tokens, compiled)
    });
    sets.collect()
});

fuzz_target!(|input: &[u8]| {
    let [which, place, cuts, text @ ..] = input else { return };
    let (tokens, set) = &SETS[usize::from(*which) % SETS.len()];
    let draw = &mut Draw(u64::from(*cuts));
    let text = spelled(text, tokens, draw);
    let mut request =
        Request { method: b"POST".to_vec(), target: b"/".to_vec(), ..Request::default() };
    let field = |name: &str, value: Vec<u8>| vec![(name.as_bytes().to_vec(), value)];
    match place % 6 {
        0 => request.target = [b"/?key=", &text[..]].concat(),
        1 => request.headers = field("X-Key", text),
        2 => request.headers = field("Cookie", [b"a=1; sid=", &text[..]].concat()),
        3 => request.headers = field("Authorization", [b"Basic ", &text[..]].concat()),
        _ => {
            let (coding, body) = match cuts % 8 {
                0 => ("gzip", encode::gzip(&text)),
                1 => ("deflate", encode::zlib(&text)),
                2 => ("deflate", encode::deflate(&text)),
                _ => ("identity", text),
            };
            request.headers = field("Content-Encoding", coding.into());
            let longest = usize::from(*cuts / 8) + 1;
            request.body = draw.cut(&body, longest * longest);
        }
    }
    if let Some(why) = disagreement(set, tokens, &request) {
        panic!("{why}");
    }
});

/// The text that `input` stands for.
fn spelled(input: &[u8], tokens: &[Token], draw: &mut Draw) -> Vec<u8> {
    let (mut kept, mut text) = (Vec::new(), Vec::new());
    let mut bytes = input.iter();
    while let Some(byte) = bytes.next() {
        if !(0xf9..=0xfe).contains(byte) {
            text.push(*byte);
            continue;
        }
        let number = bytes.next().copied().unwrap_or(0);
        let token = &tokens[usize::from(number) % tokens.len()].bytes;
        let at = usize::from(number) / tokens.len();
        match byte {
            0xfe => text.extend(token),
            0xfd => text.extend(changed(token, at % token.len())),
            0xfc => text.extend(&token[..at % token.len()]),
            0xfb => text = CODERS[usize::from(number) % CODERS.len()].encode(draw, &text),
            0xfa => kept.append(&mut text),
            _ => {
                let place = usize::from(number) * text.len() / 256;
                if let Some(byte) = text.get_mut(place) {
                    *byte = bytes.next().copied().unwrap_or(0);
                }
            }
        }
        if kept.len() + text.len() > LONGEST {
            break;
        }
    }
    kept.append(&mut text);
    kept.truncate(LONGEST);
    kept
}
